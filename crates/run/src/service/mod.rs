//! The command's life: what it is, and what each order, end and time makes of it.
//!
//! Orders are here, starts and stops in `run`, ends in `ends`, checks in `checks`.

mod checks;
mod ends;
mod run;

use std::time::Instant;

use nix::unistd::Pid;
use schrittmacherclient::{Client, CurrentState};

use self::checks::Check;
use crate::options::Options;
use crate::process::{self, Group};
use crate::say;

const STOPPING: &str = "the command is being stopped";

/// The state of the command.
#[derive(Debug)]
enum Phase {
    /// Nothing runs: we are standby, or not told yet.
    Idle,
    /// The command runs, and has to pass its first check.
    Starting { began: Instant, next_check: Instant },
    /// We are hot.
    Running { next_check: Instant },
    /// The command was told to end, or has ended and processes of it are left.
    Stopping { kill_at: Instant, killed: Option<String>, then: Then },
    /// Nothing runs, and that is a failure.
    Failed { why: String, until: Option<Instant> },
}

/// The step when nothing of the command is left.
#[derive(Clone, Debug)]
enum Then {
    Standby,
    DaemonLost,
    RightEnded,
    Restart,
    Failed(String),
    End,
}

/// The command under the daemon's orders.
pub struct Service<'a> {
    options: &'a Options,
    client: &'a Client,
    phase: Phase,
    command: Option<Group>,
    check: Option<Check>,
    /// The process group of the last check. Its rest was killed with it.
    check_group: Option<Pid>,
    /// Children that this process had before it was executed: a script has started them.
    others: Vec<Pid>,
    /// We were told to end: the command is stopped, and none is started.
    is_ending: bool,
}

impl<'a> Service<'a> {
    pub fn new(options: &'a Options, client: &'a Client) -> Service<'a> {
        let others = process::children();
        Service {
            options,
            client,
            phase: Phase::Idle,
            command: None,
            check: None,
            check_group: None,
            others,
            is_ending: false,
        }
    }

    /// We were told to end, and nothing of the command is left.
    pub fn is_over(&self) -> bool {
        self.is_ending && matches!(self.phase, Phase::Idle | Phase::Failed { .. })
    }

    pub fn go_hot(&mut self) {
        match &mut self.phase {
            _ if self.is_ending => self.report(CurrentState::Failed, Some("schrittmacher-run is ending")),
            Phase::Idle | Phase::Failed { .. } => self.start(),
            Phase::Starting { .. } | Phase::Running { .. } => {}
            Phase::Stopping { then: Then::Failed(_), .. } => self.repeat_failure(),
            Phase::Stopping { then, .. } => {
                *then = Then::Restart;
                self.report(CurrentState::TransitingToHot, Some("the command is stopped first"));
            }
        }
    }

    pub fn go_standby(&mut self) {
        match &mut self.phase {
            Phase::Idle => self.report(CurrentState::Inactive, None),
            Phase::Starting { .. } | Phase::Running { .. } => self.stop(Then::Standby),
            Phase::Stopping { then: Then::Failed(_), .. } | Phase::Failed { .. } => self.repeat_failure(),
            Phase::Stopping { then, .. } => {
                if matches!(then, Then::Restart) {
                    *then = Then::Standby;
                }
                self.report(CurrentState::TransitingToStandby, Some(STOPPING));
            }
        }
    }

    /// The daemon does not listen any more, and the other host takes over.
    pub fn daemon_lost(&mut self) {
        let limit = self.options.daemon_lost.unwrap_or_default().as_secs();
        let tell = || {
            say(format_args!(
                "the daemon has not listened for {limit} s, and the other host takes over (--daemon-lost)"
            ));
        };
        match &mut self.phase {
            Phase::Starting { .. } | Phase::Running { .. } => {
                tell();
                self.stop(Then::DaemonLost);
            }
            // It would start beside that of the other host.
            Phase::Stopping { then: then @ Then::Restart, .. } => {
                tell();
                *then = Then::DaemonLost;
            }
            Phase::Idle | Phase::Stopping { .. } | Phase::Failed { .. } => {}
        }
    }

    /// The daemon may not let this side serve any longer, and is stopped or has died: otherwise it would have ordered the stop.
    /// The other host starts when the right is over, so by then the command is killed.
    pub fn right_ended(&mut self) {
        // A newer word may have come meanwhile.
        let Ok(Some(left)) = self.client.right_left() else { return };
        let latest = Instant::now() + left;
        match &mut self.phase {
            Phase::Starting { .. } | Phase::Running { .. } => {
                say(format_args!(
                    "the right to serve ends in {} ms, and the daemon has not ordered the stop (`policy` = consistent)",
                    left.as_millis()
                ));
                self.stop(Then::RightEnded);
                if let Phase::Stopping { kill_at, .. } = &mut self.phase {
                    *kill_at = latest.min(*kill_at);
                }
            }
            Phase::Stopping { kill_at, then, .. } => {
                *kill_at = latest.min(*kill_at);
                // It would start beside that of the other host.
                if matches!(then, Then::Restart) {
                    *then = Then::RightEnded;
                }
            }
            Phase::Idle | Phase::Failed { .. } => {}
        }
    }

    /// The command is stopped while we still say hot: the other host may start when this one has stopped.
    pub fn end(&mut self) {
        self.is_ending = true;
        match &mut self.phase {
            Phase::Starting { .. } | Phase::Running { .. } => self.stop(Then::End),
            Phase::Stopping { then, .. } if !matches!(then, Then::Failed(_)) => *then = Then::End,
            Phase::Idle | Phase::Stopping { .. } | Phase::Failed { .. } => {}
        }
    }

    /// Does what is due.
    pub fn look_at_clock(&mut self, now: Instant) {
        if matches!(self.phase, Phase::Starting { .. }) && self.gave_up() {
            return self.fail("the command did not pass its check in time".to_owned());
        }
        if self.deadline().is_none_or(|deadline| deadline > now) {
            return;
        }
        match self.phase {
            Phase::Starting { .. } | Phase::Running { .. } => self.check_due(now),
            Phase::Stopping { .. } => self.stop_took_too_long(now),
            Phase::Failed { .. } => {
                self.phase = Phase::Idle;
                say("ready again");
                self.report(CurrentState::Inactive, Some("ready again after a failure"));
            }
            Phase::Idle => {}
        }
    }

    /// When something is due.
    pub fn deadline(&self) -> Option<Instant> {
        match &self.phase {
            Phase::Starting { next_check, .. } | Phase::Running { next_check } => {
                self.options.check.as_ref().map(|_| *next_check)
            }
            Phase::Stopping { kill_at, .. } => Some(*kill_at),
            Phase::Failed { until, .. } => *until,
            Phase::Idle => None,
        }
    }

    /// The library's patience with an application on its way to hot is over.
    fn gave_up(&self) -> bool {
        matches!(self.client.current_state(), Ok(Some(CurrentState::Failed)))
    }

    fn repeat_failure(&self) {
        if let Phase::Failed { why, .. } | Phase::Stopping { then: Then::Failed(why), .. } = &self.phase {
            self.report(CurrentState::Failed, Some(why));
        }
    }

    /// The next heartbeat sends a report that could not be sent.
    fn report(&self, state: CurrentState, reason: Option<&str>) {
        let _ = self.client.report(state, reason);
    }
}
