//! A flight record as lines for people, each segment fed through this program on the way.

use std::fmt;

use jiff::tz::TimeZone;
use schrittmacher_protocol::{Machine, Origin, Reaction, Replayed, Segment, Time};

use super::{Output, describe};
use crate::logging::Escaped;
use crate::record::{Header, ResourceRecord};

/// What is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Detail {
    /// Each input on a line of its own.
    Everything,
    /// What comes all the time is counted.
    Coalesced,
    /// Only where this program does something else.
    Differences,
}

/// What was seen so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    resources: usize,
    inputs: usize,
    changes: usize,
    /// Segments that this program plays in another way.
    different: usize,
}

/// Shows one resource after the other.
pub(super) struct Timeline {
    header: Header,
    zone: TimeZone,
    detail: Detail,
    tally: Tally,
    routine: Vec<Routine>,
}

/// Something that came several times and changed nothing.
struct Routine {
    reaction: Reaction,
    first: Time,
    last: Time,
    count: usize,
}

/// Different things that are counted at a time; there are three or four.
const ROUTINES: usize = 16;

/// Where the columns begin: what came in, how the state changed, what was done.
const WHAT: usize = 36;
const CHANGE: usize = 22;

impl Detail {
    pub fn new(all: bool) -> Detail {
        if all { Detail::Everything } else { Detail::Coalesced }
    }
}

impl Timeline {
    pub fn new(header: &Header, detail: Detail) -> Timeline {
        let (header, zone) = (header.clone(), TimeZone::system());
        Timeline { header, zone, detail, tally: Tally::default(), routine: Vec::new() }
    }

    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Shows a resource, and compares.
    pub fn show(&mut self, record: &ResourceRecord, output: &mut Output<'_>) {
        self.heading(record, output);
        self.tally.resources += 1;
        let mut before: Option<&Segment> = None;
        // Where the segment before has led, if that is the same as when it was recorded.
        let mut reached: Option<Machine> = None;
        for segment in &record.segments {
            let follows = before.is_some_and(|before| segment.follows(before));
            if !follows {
                self.flush(output);
            }
            self.beginning(segment, follows, before.is_some(), output);
            let reached_before = reached.take().filter(|_| follows);
            if !segment.begins_right(reached_before.as_ref()) {
                self.differs(
                    record,
                    segment.began(),
                    &"the state at this point is not what led to it",
                    output,
                );
            }
            reached = self.play(record, segment, output);
            before = Some(segment);
        }
        self.flush(output);
        if self.detail != Detail::Differences {
            output.line(&"");
        }
    }

    /// Shows the inputs of a segment; where they lead, if it is the same as then.
    fn play(
        &mut self,
        record: &ResourceRecord,
        segment: &Segment,
        output: &mut Output<'_>,
    ) -> Option<Machine> {
        let mut replay = segment.replay();
        let mut same = true;
        for step in replay.by_ref() {
            self.tally.inputs += 1;
            self.tally.changes += step.recorded.transitions.iter().filter(|step| step.is_change()).count();
            self.step(&step, output);
            // What follows a difference differs because of it.
            if same && step.differs() {
                same = false;
                let (then, now) = (columns(step.recorded), columns(&step.repeated));
                self.differs(record, step.at, &format_args!("recorded:     {then}"), output);
                self.line(step.at, &format_args!("DIFFERENT  this program: {now}"), output);
            }
        }
        same.then(|| replay.machine().clone())
    }

    fn step(&mut self, step: &Replayed<'_>, output: &mut Output<'_>) {
        match self.detail {
            Detail::Differences => {}
            Detail::Everything => self.line(step.at, &columns(step.recorded), output),
            Detail::Coalesced if describe::is_routine(step.recorded) => self.count(step, output),
            Detail::Coalesced => {
                self.flush(output);
                self.line(step.at, &columns(step.recorded), output);
            }
        }
    }

    fn count(&mut self, step: &Replayed<'_>, output: &mut Output<'_>) {
        if let Some(known) = self.routine.iter_mut().find(|known| known.reaction == *step.recorded) {
            known.last = step.at;
            known.count += 1;
            return;
        }
        if self.routine.len() == ROUTINES {
            self.flush(output);
        }
        let reaction = step.recorded.clone();
        self.routine.push(Routine { reaction, first: step.at, last: step.at, count: 1 });
    }

    /// Shows what was counted, each where it came last.
    fn flush(&mut self, output: &mut Output<'_>) {
        let mut routine = std::mem::take(&mut self.routine);
        routine.sort_by_key(|known| known.last);
        for Routine { reaction, first, last, count } in routine {
            let what = describe::what(&reaction);
            let what = if count == 1 { what } else { format!("{count} × {what}") };
            let since = if count == 1 {
                String::new()
            } else {
                format!("since {}", self.time(first, "%H:%M:%S%.3f"))
            };
            let text = format!("{what:WHAT$} {since:CHANGE$} {}", describe::done(&reaction));
            self.line(last, &text.trim_end(), output);
        }
    }

    fn heading(&self, record: &ResourceRecord, output: &mut Output<'_>) {
        if self.detail == Detail::Differences {
            return;
        }
        let Header { host, program, clock, .. } = &self.header;
        let name = Escaped(&record.resource);
        let taken = self.time(*clock, "%Y-%m-%d %H:%M:%S %Z");
        output.line(&format_args!(
            "{name} on {}, schrittmacher {}, until {taken}",
            Escaped(host),
            Escaped(program)
        ));
        if let Some(newest) = record.segments.last() {
            output.line(&format_args!("  {}", describe::settings(newest.settings())));
        }
    }

    /// What stands before a segment, if it is worth a line.
    fn beginning(&mut self, segment: &Segment, follows: bool, has_before: bool, output: &mut Output<'_>) {
        if self.detail == Detail::Differences {
            return;
        }
        let state = segment.machine().state.name();
        match segment.origin() {
            Origin::Started => {
                self.line(segment.began(), &format_args!("{:WHAT$} {state}", "the resource is new"), output)
            }
            Origin::Reconfigured => {
                self.flush(output);
                let settings = describe::settings(segment.settings());
                self.line(segment.began(), &format_args!("other settings: {settings}"), output);
            }
            Origin::Continued if follows => {}
            Origin::Continued if has_before => {
                self.line(segment.began(), &format_args!("(no change until here)"), output)
            }
            Origin::Continued => {
                self.line(
                    segment.began(),
                    &format_args!("{:WHAT$} {state}", "(the record begins here)"),
                    output,
                );
            }
        }
    }

    fn differs(
        &mut self,
        record: &ResourceRecord,
        at: Time,
        what: &dyn fmt::Display,
        output: &mut Output<'_>,
    ) {
        self.flush(output);
        self.tally.different += 1;
        self.line(at, &format_args!("DIFFERENT  {}: {what}", Escaped(&record.resource)), output);
    }

    fn line(&self, at: Time, text: &dyn fmt::Display, output: &mut Output<'_>) {
        output.line(&format_args!("{}  {text}", self.time(at, "%Y-%m-%d %H:%M:%S%.3f")));
    }

    fn time(&self, at: Time, format: &str) -> String {
        self.header.time_of_day(at).to_zoned(self.zone.clone()).strftime(format).to_string()
    }
}

fn columns(reaction: &Reaction) -> String {
    let (what, change, done) =
        (describe::what(reaction), describe::change(reaction), describe::done(reaction));
    format!("{what:WHAT$} {change:CHANGE$} {done}").trim_end().to_owned()
}

impl Tally {
    /// Whether this program does the same.
    pub fn is_same(&self) -> bool {
        self.different == 0
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Tally { resources, inputs, changes, different } = self;
        write!(f, "{resources} resource(s), {inputs} inputs, {changes} changes of state: ")?;
        match different {
            0 => write!(f, "this program does the same"),
            _ => write!(f, "this program does something else, {different} time(s)"),
        }
    }
}
