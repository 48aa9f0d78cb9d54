//! The checks of a command that runs.

use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use nix::unistd::Pid;

use super::{Phase, Service};
use crate::process::{Group, describe_end};

/// How long to wait after a check that failed while the command still starts: as long as it has been starting, but not less than
/// the first of these and not more than the second.
const AGAIN_AT_START_MIN: Duration = Duration::from_millis(20);
const AGAIN_AT_START_MAX: Duration = Duration::from_secs(1);

/// A check that runs.
#[derive(Debug)]
pub(super) struct Check {
    group: Group,
    /// Its result does not matter any more. A process that hangs in the kernel outlives even SIGKILL for a while.
    killed: bool,
}

impl Check {
    pub(super) fn pid(&self) -> Pid {
        self.group.pid()
    }
}

impl Service<'_> {
    /// The time for the next check has come. The last one may still run, and then it has taken too long.
    pub(super) fn check_due(&mut self, now: Instant) {
        let took_too_long = self.check.as_ref().is_some_and(|check| !check.killed);
        self.end_check();
        match &mut self.phase {
            Phase::Running { .. } if took_too_long => {
                let limit = self.options.check_interval.as_secs();
                return self.fail(format!("the check took longer than {limit} s (--check-interval)"));
            }
            Phase::Starting { next_check, .. } | Phase::Running { next_check } => {
                *next_check = now + self.options.check_interval;
            }
            Phase::Idle | Phase::Stopping { .. } | Phase::Failed { .. } => {}
        }
        if self.check.is_none() {
            self.start_check();
        }
    }

    fn start_check(&mut self) {
        let Some(text) = &self.options.check else { return };
        let mut command = Command::new("/bin/sh");
        command.arg("-c").arg(text);
        // "PONG" every five seconds is no news for a journal. Its errors are.
        command.stdout(Stdio::null());
        match Group::start(command) {
            Ok(group) => {
                self.check_group = Some(group.pid());
                self.check = Some(Check { group, killed: false });
            }
            Err(error) => self.fail(format!("cannot execute the check: {error}")),
        }
    }

    pub(super) fn end_check(&mut self) {
        if let Some(check) = &mut self.check {
            check.group.signal(Signal::SIGKILL);
            check.killed = true;
        }
    }

    pub(super) fn check_ended(&mut self) {
        let Some(Check { mut group, killed }) = self.check.take() else { return };
        // Kills its descendants, while the group's number is still its own.
        group.signal(Signal::SIGKILL);
        if let Some(status) = group.reap().filter(|_| !killed) {
            self.checked(status);
        }
    }

    fn checked(&mut self, status: ExitStatus) {
        match &mut self.phase {
            Phase::Starting { .. } if status.success() => self.become_hot(),
            Phase::Starting { began, next_check } => {
                // A command that is ready soon serves soon, and one that takes its time is not asked all the time.
                let pause = began.elapsed().clamp(AGAIN_AT_START_MIN, AGAIN_AT_START_MAX);
                *next_check = Instant::now() + pause;
            }
            Phase::Running { .. } if !status.success() => self.fail(describe_end("the check", status)),
            Phase::Running { .. } | Phase::Idle | Phase::Stopping { .. } | Phase::Failed { .. } => {}
        }
    }
}
