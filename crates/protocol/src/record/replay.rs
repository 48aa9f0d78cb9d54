//! A segment of the flight record, fed through the machine once more.

use crate::event::Reaction;
use crate::machine::Machine;
use crate::time::Time;

use super::segment::{Input, Origin, Segment};

/// One input of a segment, then and now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replayed<'a> {
    /// When it came.
    pub at: Time,
    /// The recorded reaction.
    pub recorded: &'a Reaction,
    /// The reaction of this program.
    pub repeated: Reaction,
}

impl Replayed<'_> {
    /// Whether this program does something else.
    pub fn differs(&self) -> bool {
        *self.recorded != self.repeated
    }
}

/// Goes through the inputs of a segment.
#[derive(Clone, Debug)]
pub struct Replay<'a> {
    segment: &'a Segment,
    inputs: std::slice::Iter<'a, Input>,
    at: Time,
    machine: Machine,
}

impl Segment {
    /// Feeds the inputs through the machine of this program, one with each step of the iterator.
    pub fn replay(&self) -> Replay<'_> {
        Replay { segment: self, inputs: self.inputs.iter(), at: self.began, machine: self.machine.clone() }
    }

    /// Whether this segment begins where `before` ends.
    pub fn follows(&self, before: &Segment) -> bool {
        before.number.checked_add(1) == Some(self.number)
    }

    /// Whether this program makes its machine out of the segment before it. It compares with the machine at the end of that
    /// segment, if that is there.
    pub fn begins_right(&self, before: Option<&Machine>) -> bool {
        let expected = match (self.origin, before) {
            (Origin::Started, _) => Machine::new(&self.settings, self.began),
            (Origin::Continued, Some(before)) => before.clone(),
            (Origin::Reconfigured, Some(before)) => {
                let mut machine = before.clone();
                machine.adjust(&self.settings, self.began);
                machine
            }
            (Origin::Continued | Origin::Reconfigured, None) => return true,
        };
        expected == self.machine
    }
}

impl Replay<'_> {
    /// The machine after the inputs so far.
    pub fn machine(&self) -> &Machine {
        &self.machine
    }
}

impl<'a> Iterator for Replay<'a> {
    type Item = Replayed<'a>;

    fn next(&mut self) -> Option<Replayed<'a>> {
        let input = self.inputs.next()?;
        let recorded = self.segment.reactions.get(input.reaction())?;
        self.at = self.at + input.after();
        let repeated = self.machine.handle(&self.segment.settings, self.at, recorded.event);
        Some(Replayed { at: self.at, recorded, repeated })
    }
}
