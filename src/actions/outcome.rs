//! How commands ended: for the log, the status page and the counters (X3, D27).

use std::fmt;
use std::process::ExitStatus;
use std::time::Duration;

use schrittmacher_protocol::Time;

use super::Order;

/// The end of one command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// What it was to do.
    pub order: Order,
    /// How it ended.
    pub ending: Ending,
    /// When it began.
    pub began: Time,
    /// How long it ran.
    pub duration: Duration,
    /// The last 4 KiB of its stdout and stderr; invalid UTF-8 is replaced.
    pub output: String,
    /// How many bytes it printed in all before it ended.
    pub printed: u64,
}

/// How a command ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// By itself, with this status.
    Exited(ExitStatus),
    /// Terminated after its `action-timeout`.
    TimedOut,
    /// Terminated because an urgent order must not wait for it.
    Overtaken,
    /// Not even SIGKILL ended it.
    Stuck,
    /// It could not be begun or not be waited for; the system's words.
    System(String),
}

impl Ending {
    /// Whether the command has done what it was to do.
    pub fn is_success(&self) -> bool {
        matches!(self, Ending::Exited(status) if status.success())
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ending::Exited(status) => write!(f, "{status}"),
            Ending::TimedOut => f.write_str("terminated after its timeout"),
            Ending::Overtaken => f.write_str("terminated to make way for a more urgent command"),
            Ending::Stuck => f.write_str("could not be killed, given up"),
            Ending::System(error) => f.write_str(error),
        }
    }
}

/// All commands of one order and resource since the daemon's start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// How many have ended.
    pub ended: u64,
    /// How many of those failed.
    pub failed: u64,
    /// The last one that ended.
    pub last: Option<Outcome>,
}

impl History {
    pub(super) fn add(&mut self, outcome: Outcome) {
        self.ended += 1;
        self.failed += u64::from(!outcome.ending.is_success());
        self.last = Some(outcome);
    }
}
