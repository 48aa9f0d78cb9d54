//! Starting and stopping the command.

use std::process::Command;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use schrittmacherclient::CurrentState;

use super::{Phase, STOPPING, Service, Then};
use crate::process::{self, Group};
use crate::say;

/// How often it is looked whether what was killed is gone.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

impl Service<'_> {
    pub(super) fn start(&mut self) {
        let mut command = Command::new(&self.options.command[0]);
        command.args(&self.options.command[1..]);
        let name = self.options.command[0].display();
        match Group::start(command) {
            Ok(group) => {
                say(format_args!("started {name}, process {}", group.pid()));
                self.command = Some(group);
                let now = Instant::now();
                self.phase = Phase::Starting { began: now, next_check: now };
                if self.options.check.is_some() {
                    self.report(CurrentState::TransitingToHot, Some("the command has to pass its check"));
                } else {
                    self.become_hot();
                }
            }
            Err(error) => self.fail(format!("cannot execute {name}: {error}")),
        }
    }

    pub(super) fn become_hot(&mut self) {
        self.phase = Phase::Running { next_check: Instant::now() + self.options.check_interval };
        say("hot");
        self.report(CurrentState::Active, None);
    }

    pub(super) fn stop(&mut self, then: Then) {
        self.end_check();
        let signal = self.options.stop_signal;
        say(format_args!("stopping the command with {signal}"));
        if matches!(then, Then::Standby | Then::DaemonLost | Then::RightEnded) {
            self.report(CurrentState::TransitingToStandby, Some(STOPPING));
        }
        if let Some(command) = &self.command {
            command.signal(signal);
            // A process that is stopped would not see it before SIGKILL.
            command.signal(Signal::SIGCONT);
        }
        let kill_at = Instant::now() + self.options.stop_timeout;
        self.phase = Phase::Stopping { kill_at, killed: None, then };
    }

    /// Says so at once, not when the command has ended: the other host has to know.
    pub(super) fn fail(&mut self, why: String) {
        say(format_args!("failed: {why}"));
        self.report(CurrentState::Failed, Some(&why));
        if self.command.is_some() {
            self.stop(Then::Failed(why));
        } else {
            self.finish_or_kill_rest(Then::Failed(why));
        }
    }

    /// Nothing of the command is left. `killed` is how that was brought about, if it did not end by itself.
    pub(super) fn finish(&mut self, then: Then, killed: Option<&str>) {
        self.phase = Phase::Idle;
        match then {
            Then::Failed(why) => {
                let patience = self.options.recover_after;
                let until = (!patience.is_zero()).then(|| Instant::now() + patience);
                self.report(CurrentState::Failed, Some(&why));
                self.phase = Phase::Failed { why, until };
            }
            Then::End => {}
            Then::Restart => self.start(),
            Then::Standby => {
                say("standby");
                self.report(CurrentState::Inactive, killed);
            }
            Then::RightEnded => {
                say("standby, until the daemon orders something");
                self.report(CurrentState::Inactive, Some("stopped when the right to serve ended"));
            }
            Then::DaemonLost => {
                say("standby, until a daemon is back and orders something");
                self.report(CurrentState::Inactive, Some("stopped when the daemon was lost"));
            }
        }
    }

    pub(super) fn stop_took_too_long(&mut self, now: Instant) {
        let rest = self.rest();
        let Phase::Stopping { kill_at, killed, .. } = &mut self.phase else { return };
        *kill_at = now + LOOK_AGAIN;
        if killed.is_some() {
            let names: Vec<_> = rest.iter().take(5).map(|pid| process::describe(*pid)).collect();
            say(format_args!("still there after SIGKILL: {}", names.join(", ")));
        } else {
            let (signal, limit) = (self.options.stop_signal, self.options.stop_timeout.as_secs());
            let text = format!("the command did not end within {limit} s of {signal} and was killed");
            say(format_args!("{text} (--stop-timeout)"));
            *killed = Some(text);
        }
        if let Some(command) = &self.command {
            command.signal(Signal::SIGKILL);
        }
        rest.into_iter().for_each(process::kill_child);
    }
}
