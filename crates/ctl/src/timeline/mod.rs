//! A flight record as lines for people.

use std::fmt;

use jiff::tz::TimeZone;
use schrittmacher_protocol::{Origin, Reaction, Segment, Time};

use super::compare::{Difference, What};
use super::{Output, describe};
use schrittmacher_record::{Header, ResourceRecord};
use schrittmacher_text::Escaped;

/// Shows one resource after the other.
pub(super) struct Timeline {
    header: Header,
    zone: TimeZone,
    /// Each input on a line of its own; else what comes all the time is counted.
    all: bool,
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

impl Timeline {
    /// Times are shown as in this zone; `all`: each input on a line of its own.
    pub fn new(header: &Header, zone: TimeZone, all: bool) -> Timeline {
        Timeline { header: header.clone(), zone, all, routine: Vec::new() }
    }

    /// Shows a resource.
    pub fn show(&mut self, record: &ResourceRecord, output: &mut Output<'_>) {
        self.heading(record, output);
        let mut before: Option<&Segment> = None;
        for segment in &record.segments {
            self.beginning(segment, before, output);
            for (at, reaction) in segment.inputs() {
                self.input(at, reaction, output);
            }
            before = Some(segment);
        }
        self.flush(output);
        output.line(&"");
    }

    fn input(&mut self, at: Time, reaction: &Reaction, output: &mut Output<'_>) {
        if self.all || !describe::is_routine(reaction) {
            self.flush(output);
            self.line(at, &columns(reaction), output);
        } else {
            self.count(at, reaction, output);
        }
    }

    fn count(&mut self, at: Time, reaction: &Reaction, output: &mut Output<'_>) {
        if let Some(known) = self.routine.iter_mut().find(|known| known.reaction == *reaction) {
            known.last = at;
            known.count += 1;
            return;
        }
        if self.routine.len() == ROUTINES {
            self.flush(output);
        }
        self.routine.push(Routine { reaction: reaction.clone(), first: at, last: at, count: 1 });
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

    /// The predecessor of a segment, if it is worth a line.
    fn beginning(&mut self, segment: &Segment, before: Option<&Segment>, output: &mut Output<'_>) {
        let follows = before.is_some_and(|before| segment.follows(before));
        let state = segment.machine().state.name();
        let text = match segment.origin() {
            Origin::Started => format!("{:WHAT$} {state}", "the resource is new"),
            Origin::Reconfigured => format!("other settings: {}", describe::settings(segment.settings())),
            Origin::Continued if follows => return,
            Origin::Continued if before.is_some() => "(no change until here)".into(),
            Origin::Continued => format!("{:WHAT$} {state}", "(the record begins here)"),
        };
        self.flush(output);
        self.line(segment.began(), &text, output);
    }

    /// Shows what this program does in another way.
    pub fn difference(&self, resource: &str, difference: &Difference, output: &mut Output<'_>) {
        let resource = Escaped(resource);
        match &difference.what {
            What::Beginning => {
                let why = "not the state that what was before leads to";
                self.line(difference.at, &format_args!("DIFFERENT  {resource}: {why}"), output);
            }
            What::Reaction { recorded, repeated } => {
                let reactions = [recorded.as_ref(), repeated.as_ref()];
                let mut both = reactions.map(columns);
                if both[0] == both[1] {
                    both = reactions.map(|reaction| format!("{reaction:?}"));
                }
                let [then, now] = both;
                self.line(
                    difference.at,
                    &format_args!("DIFFERENT  {resource}, recorded:     {then}"),
                    output,
                );
                self.line(difference.at, &format_args!("DIFFERENT  {resource}, this program: {now}"), output);
            }
        }
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

#[cfg(test)]
mod tests;
