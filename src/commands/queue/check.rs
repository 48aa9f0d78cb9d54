//! `check-command`: run again and again, with a pause after each.

use std::time::Duration;

use schrittmacher_protocol::Time;

use super::running::Running;
use crate::commands::CommandKind;

/// When checks run, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CheckTimes {
    /// From the end of one to the beginning of the next.
    pub interval: Duration,
    /// How long one may run.
    pub timeout: Duration,
}

#[derive(Debug)]
pub(super) struct Checks {
    pub(super) times: Option<CheckTimes>,
    due: Time,
    pub(super) running: Option<Running>,
    /// One has ended.
    known: bool,
    /// The running one began before the last `start` or `stop` ended: its result is about the time before.
    outdated: bool,
}

impl Checks {
    pub(super) fn new(times: Option<CheckTimes>) -> Checks {
        Checks { times, due: Time::ZERO, running: None, known: false, outdated: false }
    }

    /// A `start` or a `stop` has ended: the next result is wanted at once.
    pub(super) fn hasten(&mut self, now: Time) {
        self.due = now;
        self.outdated = self.running.is_some();
    }

    /// Whether the application may run unnoticed: there are checks, and none has ended yet.
    pub(super) fn is_open(&self) -> bool {
        self.times.is_some() && !self.known
    }

    pub(super) fn is_ready(&self, now: Time) -> bool {
        self.times.is_some() && self.running.is_none() && now >= self.due
    }

    pub(super) fn begin(&mut self, now: Time) -> Option<CommandKind> {
        let times = self.times?;
        self.running = Some(Running::new(CommandKind::Check, 0, true, now, times.timeout));
        Some(CommandKind::Check)
    }

    pub(super) fn begun(&mut self, now: Time) {
        if let (Some(running), Some(times)) = (&mut self.running, self.times) {
            running.begun(CommandKind::Check, now, times.timeout);
        }
    }

    /// Takes the end of a check; says whether its result counts.
    pub(super) fn ended(&mut self, now: Time) -> bool {
        self.known = true;
        let outdated = std::mem::take(&mut self.outdated);
        let (Some(_), Some(times)) = (self.running.take(), self.times) else { return false };
        if !outdated {
            self.due = now + times.interval;
        }
        !outdated
    }

    /// When the next one is due, if none runs.
    pub(super) fn due(&self) -> Option<Time> {
        self.times.filter(|_| self.running.is_none()).map(|_| self.due)
    }
}
