//! A command that runs: until when it may, and what happens then (X3).

use std::time::Duration;

use schrittmacher_protocol::Time;

use super::CommandKind;

/// From SIGTERM to SIGKILL, and from SIGKILL to giving up.
pub(super) const GRACE: Duration = Duration::from_secs(2);

/// A command that has begun and has not ended.
#[derive(Debug)]
pub(super) struct Running {
    order: CommandKind,
    place: u64,
    /// It is the first attempt to carry out its order: barriers and `start` wait for it, not for retries.
    first: bool,
    stage: Stage,
    due: Time,
    /// Nothing runs: its second part waits for room, and its time does not run unless it is overtaken.
    waits_for_room: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Working,
    /// A later order must not wait for it.
    Overtaken,
    Terminated,
    Killed,
}

/// The next measure against a command that does not end.
pub(super) enum Escalation {
    /// SIGTERM; `late` = because of its timeout.
    Terminate { late: bool },
    /// SIGKILL.
    Kill,
    /// Do not wait any longer.
    Abandon,
}

impl Running {
    pub(super) fn new(order: CommandKind, place: u64, first: bool, now: Time, timeout: Duration) -> Running {
        Running { order, place, first, stage: Stage::Working, due: now + timeout, waits_for_room: false }
    }

    pub(super) fn order(&self) -> CommandKind {
        self.order
    }

    pub(super) fn place(&self) -> u64 {
        self.place
    }

    pub(super) fn due(&self) -> Option<Time> {
        (!self.is_pausing()).then_some(self.due)
    }

    /// Its second part begins as soon as there is room.
    pub(super) fn is_pausing(&self) -> bool {
        self.waits_for_room && self.is_unhindered()
    }

    /// Nothing runs whose end would come.
    pub(super) fn waits_for_room(&self) -> bool {
        self.waits_for_room
    }

    /// Its second part cannot begin yet.
    pub(super) fn pause(&mut self) {
        self.waits_for_room = self.is_unhindered();
    }

    /// The place of its order, if that is not over before this ends.
    pub(super) fn open(&self) -> Option<u64> {
        self.first.then_some(self.place)
    }

    /// Whether it may still do what was ordered: nobody has told it to end.
    pub(super) fn is_unhindered(&self) -> bool {
        self.stage == Stage::Working
    }

    /// It has really begun only now.
    pub(super) fn begun(&mut self, order: CommandKind, now: Time, timeout: Duration) {
        if self.order == order && self.is_unhindered() {
            self.waits_for_room = false;
            self.due = now + timeout;
        }
    }

    /// Serves an order that came while it runs: if it was a retry, it is a first attempt now.
    pub(super) fn adopt(&mut self) {
        self.first = true;
    }

    /// Ends it as soon as possible.
    pub(super) fn overtake(&mut self, now: Time) {
        if self.is_unhindered() {
            self.stage = Stage::Overtaken;
            self.due = now;
        }
    }

    pub(super) fn escalate(&mut self, now: Time) -> Option<Escalation> {
        if self.due().is_none_or(|due| now < due) {
            return None;
        }
        self.due = now + GRACE;
        match self.stage {
            Stage::Working | Stage::Overtaken => {
                let late = self.stage != Stage::Overtaken;
                self.stage = Stage::Terminated;
                Some(Escalation::Terminate { late })
            }
            Stage::Terminated => {
                self.stage = Stage::Killed;
                Some(Escalation::Kill)
            }
            Stage::Killed => Some(Escalation::Abandon),
        }
    }
}
