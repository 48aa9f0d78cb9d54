//! The flight record: what happened to a resource, so that "why did it fail over?" has an answer.

use std::collections::VecDeque;

use crate::Time;
use crate::event::Action;
use crate::machine::Cause;
use crate::state::StateName;

/// How many entries a record keeps; the oldest are dropped first.
pub const CAPACITY: usize = 64;

/// One thing that happened, or the same thing several times while the state stayed the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// When it happened first.
    pub first: Time,
    /// When it happened last.
    pub last: Time,
    /// How often.
    pub count: u32,
    /// What happened.
    pub cause: Cause,
    /// The state before.
    pub from: StateName,
    /// The state afterwards.
    pub to: StateName,
    /// What was done about it.
    pub actions: Box<[Action]>,
}

/// A bounded ring of entries, oldest first.
///
/// Heartbeats would push everything else out, so an event that leaves the state alone and repeats an
/// earlier one since the last change of state is counted there instead.
#[derive(Clone, Debug, Default)]
pub struct FlightRecord {
    entries: VecDeque<Entry>,
}

impl FlightRecord {
    /// The entries, oldest first.
    pub fn entries(&self) -> impl DoubleEndedIterator<Item = &Entry> + ExactSizeIterator {
        self.entries.iter()
    }

    pub(crate) fn add(
        &mut self,
        now: Time,
        cause: Cause,
        from: StateName,
        to: StateName,
        actions: &[Action],
    ) {
        if from == to
            && let Some(entry) = self
                .entries
                .iter_mut()
                .rev()
                .take_while(|entry| entry.from == entry.to)
                .find(|entry| entry.cause == cause && same_actions(&entry.actions, actions))
        {
            entry.last = now;
            entry.count = entry.count.saturating_add(1);
            return;
        }
        if self.entries.len() == CAPACITY {
            self.entries.pop_front();
        }
        self.entries.push_back(Entry {
            first: now,
            last: now,
            count: 1,
            cause,
            from,
            to,
            actions: actions.into(),
        });
    }
}

/// Whether two lists of actions are the same but for our extension, which comes and goes.
fn same_actions(a: &[Action], b: &[Action]) -> bool {
    let plain = |action: &Action| match *action {
        Action::Send { code, random, .. } => Action::Send { code, random, extended: false },
        other @ (Action::Activate
        | Action::Start
        | Action::Stop
        | Action::Deactivate { .. }
        | Action::Barrier
        | Action::Refuse(_)
        | Action::Notice(_)
        | Action::Exit) => other,
    };
    a.len() == b.len() && a.iter().map(plain).eq(b.iter().map(plain))
}
