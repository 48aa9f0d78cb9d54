//! The flight record: what came in and what it led to, so that "why did it fail over?" has an answer, and
//! what happened can be fed through the machine once more ([`Segment::replay`]).
//!
//! It consists of segments. Each begins with a copy of the machine and holds what came in afterwards. What
//! comes in a settled pair is always the same, so each different [`Reaction`] is kept once, and an input is
//! no more than its time and a number. Two segments hold what came lately; of the older ones those stay in
//! which the state changed, with the one before each.

mod replay;
mod segment;

use std::collections::VecDeque;
use std::sync::Arc;

use crate::event::{Action, Event};
use crate::machine::{Cause, Machine};
use crate::state::StateName;
use crate::{Settings, Time};

pub use replay::{Replay, Replayed};
pub use segment::{Origin, Reaction, Segment, Transition};

use segment::Input;

/// Inputs of one segment: ten heartbeats of each side and the application.
pub const INPUTS: usize = 32;
/// Different reactions of one segment: a settled pair has three or four, a failover a dozen.
pub const REACTIONS: usize = 16;
/// Finished segments that are kept; the oldest are dropped first. A failover takes two or three.
pub const SEGMENTS: usize = 12;

/// One resource's record; a running daemon's is bounded by [`INPUTS`], [`REACTIONS`] and [`SEGMENTS`].
#[derive(Clone, Debug)]
pub struct FlightRecord {
    /// Oldest first. Shared with whoever reads the record, so that reading copies next to nothing.
    finished: VecDeque<Arc<Segment>>,
    open: Segment,
    /// When the last input came.
    last: Time,
    /// What the input at hand has led to; here, so that no heartbeat allocates.
    transitions: Vec<Transition>,
}

impl FlightRecord {
    pub(crate) fn new(settings: &Arc<Settings>, machine: &Machine, now: Time) -> FlightRecord {
        FlightRecord {
            finished: VecDeque::new(),
            open: Segment::begin(0, Origin::Started, settings, machine, now),
            last: now,
            transitions: Vec::new(),
        }
    }

    /// What there is, oldest first. Copies one segment; the others are shared.
    pub fn segments(&self) -> Vec<Arc<Segment>> {
        self.finished.iter().cloned().chain([Arc::new(self.open.clone())]).collect()
    }

    /// The reaction to the last input.
    pub fn last_reaction(&self) -> Option<&Reaction> {
        let newest = if self.open.inputs.is_empty() { self.finished.back()? } else { &self.open };
        newest.reactions.get(newest.inputs.last()?.reaction()).map(|reaction| &**reaction)
    }

    /// Other settings are in force from now on; `machine` has been adjusted to them.
    pub(crate) fn reconfigured(&mut self, settings: &Arc<Settings>, machine: &Machine, now: Time) {
        self.begin(Origin::Reconfigured, settings, machine, now);
    }

    /// An input is about to be handled.
    pub(crate) fn before(&mut self, settings: &Arc<Settings>, machine: &Machine, now: Time) {
        let is_full = self.open.inputs.len() >= INPUTS || self.open.reactions.len() >= REACTIONS;
        if is_full || Input::new(now.since(self.last), 0).is_none() {
            self.begin(Origin::Continued, settings, machine, now);
        }
        self.transitions.clear();
    }

    /// The machine has taken a step.
    pub(crate) fn step(&mut self, cause: Cause, from: StateName, to: StateName) {
        self.transitions.push(Transition { cause, from, to });
    }

    /// The input has been handled.
    pub(crate) fn after(&mut self, now: Time, event: Event, actions: &[Action]) {
        let is_it = |known: &Arc<Reaction>| known.is(event, &self.transitions, actions);
        let known = self.open.reactions.iter().position(is_it);
        let reaction = known.unwrap_or_else(|| {
            let before =
                self.finished.back().and_then(|before| before.reactions.iter().find(|known| is_it(known)));
            let reaction = before.cloned().unwrap_or_else(|| {
                let transitions = self.transitions.as_slice().into();
                Arc::new(Reaction { event, transitions, actions: actions.into() })
            });
            self.open.reactions.push(reaction);
            self.open.reactions.len() - 1
        });
        self.open.inputs.extend(Input::new(now.since(self.last), reaction));
        self.last = now;
    }

    /// Finishes the open segment and begins another one.
    fn begin(&mut self, origin: Origin, settings: &Arc<Settings>, machine: &Machine, now: Time) {
        self.last = now;
        let next = Segment::begin(self.open.number.wrapping_add(1), origin, settings, machine, now);
        let mut full = std::mem::replace(&mut self.open, next);
        full.reactions.shrink_to_fit();
        full.inputs.shrink_to_fit();
        // The one before was kept in case that something would happen.
        if !full.has_change() && self.finished.back().is_some_and(|before| !before.has_change()) {
            self.finished.pop_back();
        }
        if self.finished.len() >= SEGMENTS {
            self.finished.pop_front();
        }
        self.finished.push_back(Arc::new(full));
    }
}
