//! The packed form of a segment, in a third of the room.
//!
//! It is written as it is read: what the segment begins with, then input after input. An input is the time since the one before,
//! and the number of its reaction. A reaction that is new follows the first input that has it, and its number is the next one.
//! The settings are not in it: they are shared.

use std::sync::Arc;
use std::time::Duration;

use schrittmacher_wire::AppCode;
use serde::Serialize;

use super::segment::{Input, Origin, Segment};
use crate::event::{Event, PeerReport, Reaction, Transition};
use crate::machine::Machine;
use crate::settled::Usual;
use crate::{Settings, Time};

/// The room for one reaction; a longer one costs an allocation.
const REACTION: usize = 256;
/// The room for one input: a time and a number.
const INPUT: usize = 16;
/// How much more room there is when there was too little, in bytes: ten inputs.
const MORE: usize = 64;

/// The beginning of a segment.
#[derive(Serialize)]
pub(super) struct Head<'a> {
    pub number: u64,
    pub origin: Origin,
    pub began: Time,
    pub machine: &'a Machine,
}

/// A segment to which inputs are added.
#[derive(Clone, Debug)]
pub(super) struct Packer {
    packed: Vec<u8>,
    /// Where each reaction begins and ends in it.
    reactions: Vec<(u32, u32)>,
    inputs: usize,
    has_change: bool,
    recent: Recent,
}

/// The latest reactions of the kinds that a settled resource has all the time, with their numbers. To compare with them takes a
/// tenth of the time of packing.
#[derive(Clone, Debug, Default)]
struct Recent {
    beat: Option<(Usual, u8)>,
    app: Option<(Option<AppCode>, Usual, u8)>,
    peer: Option<(PeerReport, Transition, u8)>,
}

impl Recent {
    /// The number of this reaction, if it is one of them.
    fn number(&self, event: &Event, usual: &Usual) -> Option<u8> {
        if let Event::Peer(report) = event {
            let (known, step, number) = self.peer.as_ref()?;
            (known == report && *usual == Usual { step: *step, action: None }).then_some(*number)
        } else if let Event::App(code) = event {
            let (known, as_before, number) = self.app.as_ref()?;
            (known == code && as_before == usual).then_some(*number)
        } else {
            let (as_before, number) = self.beat.as_ref()?;
            (*event == Event::Tick && as_before == usual).then_some(*number)
        }
    }

    fn note(&mut self, event: &Event, usual: Usual, number: u8) {
        if let Event::Peer(report) = event {
            if usual.action.is_none() {
                self.peer = Some((*report, usual.step, number));
            }
        } else if let Event::App(code) = event {
            self.app = Some((*code, usual, number));
        } else if *event == Event::Tick {
            self.beat = Some((usual, number));
        }
    }
}

impl Packer {
    /// One that begins so. Of a settled pair all are about as long as the one before.
    pub fn new(head: &Head<'_>, length_before: usize) -> Packer {
        Packer {
            packed: postcard::to_extend(head, Vec::with_capacity(length_before)).unwrap_or_default(),
            reactions: Vec::new(),
            inputs: 0,
            has_change: false,
            recent: Recent::default(),
        }
    }

    /// The segment so far.
    pub fn packed(&self) -> &[u8] {
        &self.packed
    }

    /// How many inputs it has.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// How many different reactions it has.
    pub fn reactions(&self) -> usize {
        self.reactions.len()
    }

    /// Whether the state changed in it.
    pub fn has_change(&self) -> bool {
        self.has_change
    }

    /// Adds an input, so long after the one before.
    pub fn add(&mut self, after: Duration, reaction: &Reaction) {
        let usual = Usual::of(reaction);
        if usual.is_some_and(|usual| self.add_usual(after, &reaction.event, &usual)) {
            return;
        }
        if let (Some(number), Some(usual)) = (self.add_packed(after, reaction), usual) {
            self.recent.note(&reaction.event, usual, number);
        }
    }

    /// The same if it is a reaction that has come lately. False: nothing was added.
    pub fn add_usual(&mut self, after: Duration, event: &Event, usual: &Usual) -> bool {
        let number = self.recent.number(event, usual);
        number.is_some_and(|number| self.add_input(after, usize::from(number)))
    }

    /// Adds it whatever it is. Gives the number of the reaction.
    fn add_packed(&mut self, after: Duration, reaction: &Reaction) -> Option<u8> {
        let (mut room, allocated);
        room = [0; REACTION];
        let packed = match postcard::to_slice(reaction, &mut room) {
            Ok(packed) => &*packed,
            Err(_) => {
                allocated = postcard::to_allocvec(reaction).unwrap_or_default();
                &allocated
            }
        };
        let is_it = |&(begin, end): &(u32, u32)| self.packed[begin as usize..end as usize] == *packed;
        let known = self.reactions.iter().position(is_it);
        let number = known.unwrap_or(self.reactions.len());
        if !self.add_input(after, number) {
            return None;
        }
        if known.is_none() {
            let begin = self.packed.len();
            self.extend(packed);
            // Few, and thousands of resources have them.
            self.reactions.reserve_exact(1);
            self.reactions.push((position(begin), position(self.packed.len())));
            self.has_change |= reaction.change().is_some();
        }
        u8::try_from(number).ok()
    }

    /// Whether there is a form for it.
    fn add_input(&mut self, after: Duration, number: usize) -> bool {
        let Some(input) = Input::new(after, number) else { return false };
        let mut room = [0; INPUT];
        let input = postcard::to_slice(&input, &mut room).map_or(&[][..], |input| &*input);
        self.extend(input);
        self.inputs += 1;
        true
    }

    /// Thousands of resources have one: it grows by little.
    fn extend(&mut self, more: &[u8]) {
        if self.packed.capacity() - self.packed.len() < more.len() {
            self.packed.reserve_exact(more.len() + MORE);
        }
        self.packed.extend_from_slice(more);
    }
}

fn position(at: usize) -> u32 {
    // Sixteen reactions do not take gigabytes.
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// The segment that was packed.
pub(super) fn unpack(settings: &Arc<Settings>, packed: &[u8]) -> postcard::Result<Segment> {
    let ((number, origin, began, machine), mut rest) = postcard::take_from_bytes(packed)?;
    let (mut reactions, mut inputs) = (Vec::new(), Vec::new());
    while !rest.is_empty() {
        let input: Input;
        (input, rest) = postcard::take_from_bytes(rest)?;
        if input.reaction() == reactions.len() {
            let reaction;
            (reaction, rest) = postcard::take_from_bytes(rest)?;
            reactions.push(reaction);
        }
        inputs.push(input);
    }
    Ok(Segment { number, origin, began, settings: Arc::clone(settings), machine, reactions, inputs })
}
