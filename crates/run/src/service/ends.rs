//! The end of the command, and of what it leaves.

use std::time::Instant;

use nix::sys::signal::Signal;
use nix::unistd::{Pid, getpgid};

use super::{Phase, Service, Then};
use crate::process::{self, describe_end};
use crate::say;

impl Service<'_> {
    /// Reaps what has ended. As process 1 of a container that is more than our own.
    pub fn reap(&mut self) {
        while let Some(pid) = process::ended_child() {
            if self.command.as_ref().is_some_and(|command| command.pid() == pid) {
                self.command_ended();
            } else if self.check.as_ref().is_some_and(|check| check.pid() == pid) {
                self.check_ended();
            } else {
                process::reap_orphan(pid);
                self.others.retain(|other| *other != pid);
            }
        }
        if let Phase::Stopping { then, .. } = &self.phase
            && self.command.is_none()
        {
            self.finish_or_kill_rest(then.clone());
        }
    }

    fn command_ended(&mut self) {
        self.end_check();
        let Some(mut command) = self.command.take() else { return };
        let rest: Vec<_> = self.rest().into_iter().filter(|pid| *pid != command.pid()).collect();
        // While the group's number is still its own.
        command.signal(Signal::SIGKILL);
        let Some(status) = command.reap() else { return };
        match (&self.phase, rest.first()) {
            (Phase::Stopping { .. }, _) => say(describe_end("the command", status)),
            (_, Some(first)) if status.success() => self.fail(went_to_background(*first)),
            (_, _) => self.fail(describe_end("the command", status)),
        }
    }

    /// The processes that are left of the command.
    pub(super) fn rest(&self) -> Vec<Pid> {
        let is_check = |pid: &Pid| self.check_group.is_some() && getpgid(Some(*pid)).ok() == self.check_group;
        let is_ours = |pid: &Pid| !is_check(pid) && !self.others.contains(pid);
        process::children().into_iter().filter(is_ours).collect()
    }

    /// The command has ended. Its rest is killed. The children of a killed process become ours, so that we are called again
    /// until nothing is left.
    pub(super) fn finish_or_kill_rest(&mut self, then: Then) {
        let rest = self.rest();
        let killed = match &mut self.phase {
            Phase::Stopping { killed, .. } => killed.take(),
            Phase::Idle | Phase::Starting { .. } | Phase::Running { .. } | Phase::Failed { .. } => None,
        };
        if rest.is_empty() {
            return self.finish(then, killed.as_deref());
        }
        let killed = killed.unwrap_or_else(|| {
            let names: Vec<_> = rest.iter().take(5).map(|pid| process::describe(*pid)).collect();
            let text = format!("killed what the command has left: {}", names.join(", "));
            say(&text);
            text
        });
        rest.into_iter().for_each(process::kill_child);
        let kill_at = Instant::now() + self.options.stop_timeout;
        self.phase = Phase::Stopping { kill_at, killed: Some(killed), then };
    }
}

fn went_to_background(first: Pid) -> String {
    format!(
        "the command went to the background: process {} goes on without it; it has to stay in the foreground",
        process::describe(first)
    )
}
