//! `check-command`: run again and again, with a pause after each.

use std::sync::Arc;

use schrittmacher_config::{Check, ResourceValues};
use schrittmacher_protocol::Time;

use super::running::Running;
use crate::commands::CommandKind;

#[derive(Debug)]
pub(super) struct Checks {
    pub(super) limits: Arc<ResourceValues>,
    /// No more of them.
    pub(super) have_ended: bool,
    due: Time,
    pub(super) running: Option<Running>,
    /// One has ended.
    known: bool,
    /// The running one began before the last `start` or `stop` ended: its result is about the time before.
    outdated: bool,
}

impl Checks {
    pub(super) fn new(limits: Arc<ResourceValues>) -> Checks {
        Checks { limits, have_ended: false, due: Time::ZERO, running: None, known: false, outdated: false }
    }

    /// When they run, and for how long.
    pub(super) fn times(&self) -> Option<&Check> {
        self.limits.check.as_ref().filter(|_| !self.have_ended)
    }

    /// A `start` or a `stop` has ended: the next result is wanted at once.
    pub(super) fn hasten(&mut self, now: Time) {
        self.due = now;
        self.outdated = self.running.is_some();
    }

    /// Whether the application may run unnoticed: there are checks, and none has ended yet.
    pub(super) fn is_open(&self) -> bool {
        self.times().is_some() && !self.known
    }

    pub(super) fn is_ready(&self, now: Time) -> bool {
        self.times().is_some() && self.running.is_none() && now >= self.due
    }

    pub(super) fn begin(&mut self, now: Time) -> Option<CommandKind> {
        let timeout = self.times()?.timeout;
        self.running = Some(Running::new(CommandKind::Check, 0, true, now, timeout));
        Some(CommandKind::Check)
    }

    pub(super) fn begun(&mut self, now: Time) {
        let timeout = self.times().map(|times| times.timeout);
        if let (Some(running), Some(timeout)) = (&mut self.running, timeout) {
            running.begun(CommandKind::Check, now, timeout);
        }
    }

    /// Takes the end of a check; says whether its result counts.
    pub(super) fn ended(&mut self, now: Time) -> bool {
        self.known = true;
        let outdated = std::mem::take(&mut self.outdated);
        let interval = self.times().map(|times| times.interval);
        let (Some(_), Some(interval)) = (self.running.take(), interval) else { return false };
        if !outdated {
            self.due = now + interval;
        }
        !outdated
    }

    /// When the next one is due, if none runs.
    pub(super) fn due(&self) -> Option<Time> {
        self.times().filter(|_| self.running.is_none()).map(|_| self.due)
    }
}
