//! A part of the flight record: plain data, and what is checked when it comes from a file.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::event::Reaction;
use crate::machine::Machine;
use crate::{Settings, Time};

/// Some inputs in a row, and the machine before them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct Segment {
    /// Counts from zero; what is missing was dropped.
    pub(super) number: u64,
    /// How the machine came about.
    pub(super) origin: Origin,
    /// When it began.
    pub(super) began: Time,
    pub(super) settings: Arc<Settings>,
    pub(super) machine: Machine,
    pub(super) reactions: Vec<Reaction>,
    /// Each has its place in `reactions`.
    pub(super) inputs: Vec<Input>,
}

/// The predecessor of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Origin {
    /// Nothing: the resource was new.
    Started,
    /// The segment before was full.
    Continued,
    /// Other settings came into force.
    Reconfigured,
}

/// Nanoseconds since the input before, and the number of the reaction, in one word: there are many of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "(u64, u8)", try_from = "(u64, u8)")]
pub(super) struct Input(u64);

impl Segment {
    /// Its predecessor.
    pub fn origin(&self) -> Origin {
        self.origin
    }

    /// When it began; its first input came then or later.
    pub fn began(&self) -> Time {
        self.began
    }

    /// The settings in force.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The machine before the first input.
    pub fn machine(&self) -> &Machine {
        &self.machine
    }

    /// The inputs, their times and reactions.
    pub fn inputs(&self) -> impl Iterator<Item = (Time, &Reaction)> {
        let mut at = self.began;
        self.inputs.iter().filter_map(move |input| {
            at = at + input.after();
            Some((at, self.reactions.get(input.reaction())?))
        })
    }

    /// How many inputs it has.
    pub fn len(&self) -> usize {
        self.inputs.len()
    }

    /// Whether nothing has come in yet.
    pub fn is_empty(&self) -> bool {
        self.inputs.is_empty()
    }

    /// Whether the state changed in it.
    pub fn has_change(&self) -> bool {
        self.reactions.iter().any(|reaction| reaction.change().is_some())
    }
}

impl Input {
    /// `None` if one of them is too large: the time for more than two years, the number for more than 255.
    pub(super) fn new(after: Duration, reaction: usize) -> Option<Input> {
        let after = Some(Time::new(after).nanoseconds()).filter(|after| after >> 56 == 0)?;
        Some(Input(after << 8 | u64::from(u8::try_from(reaction).ok()?)))
    }

    /// How long after the input before.
    pub(super) fn after(self) -> Duration {
        Duration::from_nanos(self.0 >> 8)
    }

    /// The reaction's place.
    pub(super) fn reaction(self) -> usize {
        usize::from(self.reaction_byte())
    }

    fn reaction_byte(self) -> u8 {
        let [.., lowest] = self.0.to_be_bytes();
        lowest
    }
}

/// A segment from a file, which somebody may have written by hand.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Unchecked {
    number: u64,
    origin: Origin,
    began: Time,
    settings: Arc<Settings>,
    machine: Machine,
    reactions: Vec<Reaction>,
    inputs: Vec<Input>,
}

impl TryFrom<Unchecked> for Segment {
    type Error = &'static str;

    fn try_from(from: Unchecked) -> Result<Segment, Self::Error> {
        let Unchecked { number, origin, began, settings, machine, reactions, inputs } = from;
        if inputs.iter().any(|input| input.reaction() >= reactions.len()) {
            return Err("an input names a reaction that is not there");
        }
        Ok(Segment { number, origin, began, settings, machine, reactions, inputs })
    }
}

impl TryFrom<(u64, u8)> for Input {
    type Error = &'static str;

    fn try_from((after, reaction): (u64, u8)) -> Result<Input, Self::Error> {
        Input::new(Duration::from_nanos(after), reaction.into())
            .ok_or("an input comes more than two years after the one before")
    }
}

impl From<Input> for (u64, u8) {
    fn from(input: Input) -> (u64, u8) {
        (input.0 >> 8, input.reaction_byte())
    }
}
