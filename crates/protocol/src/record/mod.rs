//! The flight record: inputs and reactions. It answers "why did it fail over?", and can be fed through the machine once more
//! ([`Segment::replay`]).
//!
//! It consists of segments. Each begins with a copy of the machine and holds the inputs after it. The inputs of a settled
//! pair are always the same. So each different [`Reaction`] is kept once, and an input is no more than its time and a
//! number. Two segments hold the latest inputs. Of the older ones those stay in which the state changed, with the one before
//! each.
//!
//! A segment is packed from its beginning on ([`packed`]): thousands of resources have one, and it is read once in a month.

mod packed;
mod replay;
mod segment;

use std::collections::VecDeque;
use std::sync::Arc;

use crate::event::{Event, Reaction};
use crate::machine::Machine;
use crate::settled::Usual;
use crate::{Settings, Time};

pub use replay::{Replay, Replayed};
pub use segment::{Origin, Segment};

use packed::{Head, Packer};
use segment::Input;

/// Inputs of one segment: sixteen heartbeats of each side and the application.
pub const INPUTS: usize = 48;
/// Different reactions of one segment: a settled pair has three or four, a failover a dozen.
pub const REACTIONS: usize = 16;
/// Finished segments that are kept; the oldest are dropped first. A failover takes two or three.
pub const SEGMENTS: usize = 12;

/// One resource's record; a running daemon's is bounded by [`INPUTS`], [`REACTIONS`] and [`SEGMENTS`].
#[derive(Clone, Debug)]
pub struct FlightRecord {
    /// Oldest first.
    finished: VecDeque<Finished>,
    open: Packer,
    /// The settings in force in the open segment.
    settings: Arc<Settings>,
    /// Its number.
    number: u64,
    /// When the last input came.
    last: Time,
}

/// A segment to which nothing is added any more.
#[derive(Clone, Debug)]
struct Finished {
    settings: Arc<Settings>,
    /// Shared with copies of the record, so that these cost next to nothing.
    packed: Arc<[u8]>,
    has_change: bool,
}

impl FlightRecord {
    pub(crate) fn new(settings: &Arc<Settings>, machine: &Machine, now: Time) -> FlightRecord {
        FlightRecord {
            finished: VecDeque::new(),
            open: Packer::new(&Head { number: 0, origin: Origin::Started, began: now, machine }, 0),
            settings: Arc::clone(settings),
            number: 0,
            last: now,
        }
    }

    /// The segments, oldest first. A reader on another thread copies the record and calls this there.
    pub fn segments(&self) -> Vec<Segment> {
        let finished = self.finished.iter().map(|finished| (&finished.settings, &*finished.packed));
        let all = finished.chain([(&self.settings, self.open.packed())]);
        // A segment that cannot be unpacked would be missing; we packed it ourselves.
        all.filter_map(|(settings, packed)| packed::unpack(settings, packed).ok()).collect()
    }

    /// Other settings are in force from now on; `machine` has been adjusted to them.
    pub(crate) fn reconfigured(&mut self, settings: &Arc<Settings>, machine: &Machine, now: Time) {
        self.begin(Origin::Reconfigured, settings, machine, now);
    }

    /// These are the settings in force, in memory that is used by other resources, too.
    pub(crate) fn share_settings(&mut self, settings: &Arc<Settings>) {
        let finished = self.finished.iter_mut().map(|finished| &mut finished.settings);
        for known in finished.chain([&mut self.settings]).filter(|known| **known == *settings) {
            *known = Arc::clone(settings);
        }
    }

    /// An input is about to be handled.
    pub(crate) fn before(&mut self, settings: &Arc<Settings>, machine: &Machine, now: Time) {
        let is_full = self.open.inputs() >= INPUTS || self.open.reactions() >= REACTIONS;
        if is_full || Input::new(now.since(self.last), 0).is_none() {
            self.begin(Origin::Continued, settings, machine, now);
        }
    }

    /// The input has been handled.
    pub(crate) fn after(&mut self, now: Time, reaction: &Reaction) {
        self.open.add(now.since(self.last), reaction);
        self.last = now;
    }

    /// The same of an event after which a settled resource is as it was.
    pub(crate) fn after_usual(&mut self, now: Time, event: &Event, usual: Usual) {
        if self.open.add_usual(now.since(self.last), event, &usual) {
            self.last = now;
        } else {
            self.after(now, &usual.reaction(*event));
        }
    }

    /// Finishes the open segment and begins another one.
    fn begin(&mut self, origin: Origin, settings: &Arc<Settings>, machine: &Machine, now: Time) {
        self.last = now;
        self.number = self.number.wrapping_add(1);
        let head = Head { number: self.number, origin, began: now, machine };
        let next = Packer::new(&head, self.open.packed().len());
        let full = std::mem::replace(&mut self.open, next);
        let in_force = std::mem::replace(&mut self.settings, Arc::clone(settings));
        let has_change = full.has_change();
        // The one before was kept in case that something would happen.
        if !has_change && self.finished.back().is_some_and(|before| !before.has_change) {
            self.finished.pop_back();
        }
        if self.finished.len() >= SEGMENTS {
            self.finished.pop_front();
        }
        // Few, and thousands of resources have them.
        self.finished.reserve_exact(1);
        self.finished.push_back(Finished { settings: in_force, packed: full.packed().into(), has_change });
    }
}
