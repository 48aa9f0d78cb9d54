//! The story of a resource in sentences: what happened, why, and how long there was no service.

use std::time::Duration;

use jiff::tz::TimeZone;
use schrittmacher_protocol::{StateName, Time};

use super::Output;
use schrittmacher_record::{Fact, FactKind, Header, ResourceRecord};
use schrittmacher_text::{Escaped, wording};

/// Shows the story of one resource.
pub(super) fn show(record: &ResourceRecord, header: &Header, zone: &TimeZone, output: &mut Output<'_>) {
    let time = |at, format| header.time_of_day(at).to_zoned(zone.clone()).strftime(format).to_string();
    let (name, host, program) = (Escaped(&record.resource), Escaped(&header.host), Escaped(&header.program));
    let until = time(header.clock, "%Y-%m-%d %H:%M:%S %Z");
    output.line(&format_args!("{name} on {host}, schrittmacher {program}, until {until}"));
    let mut teller = Teller::begin(record);
    for fact in &record.facts {
        output.line(&format_args!("{}  {}", time(fact.at, "%Y-%m-%d %H:%M:%S%.3f"), teller.tell(fact)));
    }
    if record.facts.is_empty() {
        output.line(&"nothing has happened since the daemon's start, or since the resource is new");
    }
    output.line(&teller.0.now(header.clock));
    output.line(&"");
}

/// Tells one fact after the other.
pub(super) struct Teller(PairView);

impl Teller {
    pub fn begin(record: &ResourceRecord) -> Teller {
        Teller(PairView::begin(record))
    }

    /// A fact as a sentence, and what it means for the pair.
    pub fn tell(&mut self, fact: &Fact) -> String {
        let mut text = sentence(&fact.what);
        if let Some(more) = self.0.take(fact) {
            text += &format!(" ({more})");
        }
        text
    }
}

fn sentence(what: &FactKind) -> String {
    match what {
        FactKind::State { from, to, lasted, why, reason } => {
            let change = match (from, to) {
                (StateName::ToHot, StateName::Hot) => {
                    format!("HOT here, {} after the decision", seconds(*lasted))
                }
                (_, StateName::Hot) => "HOT here".to_owned(),
                (_, StateName::Failed) => format!("FAILED here, was {}", wording::state(*from)),
                (_, _) => format!("{} -> {}", wording::state(*from), wording::state(*to)),
            };
            // The daemon's own reason for an end is the cause itself.
            let reason = reason.as_deref().filter(|reason| reason != why);
            format!("{change}: {}{}", Escaped(why), quoted(reason))
        }
        FactKind::Peer { state: Some(state), reason } => {
            // The reason of a healthy peer is that of its application's last trouble.
            let reason = reason.as_deref().filter(|_| *state == StateName::Failed);
            format!("the peer is {}{}", wording::state(*state), quoted(reason))
        }
        FactKind::Peer { state: None, .. } => "the peer is silent".to_owned(),
        FactKind::Command { text, failed: false } => format!("command: {}", Escaped(text)),
        FactKind::Command { text, failed: true } => format!("COMMAND FAILED: {}", Escaped(text)),
        FactKind::Order { text } => format!("order: {}", Escaped(text)),
    }
}

fn quoted(reason: Option<&str>) -> String {
    reason.map(|reason| format!(": \"{}\"", Escaped(reason))).unwrap_or_default()
}

fn seconds(span: Duration) -> String {
    format!("{:.3} s", span.as_secs_f64())
}

/// Both sides as this one knows them, fact by fact.
struct PairView {
    here: Option<StateName>,
    peer: Option<StateName>,
    /// Since when neither side is hot, after one was.
    none_hot: Option<Time>,
    /// Since when both are.
    both_hot: Option<Time>,
    protected: bool,
}

impl PairView {
    /// Before the first fact. Only what the facts themselves say is known.
    fn begin(record: &ResourceRecord) -> PairView {
        let first = record.facts.iter().find_map(|fact| match &fact.what {
            FactKind::State { from, .. } => Some(*from),
            FactKind::Peer { .. } | FactKind::Command { .. } | FactKind::Order { .. } => None,
        });
        let present = record.segments.last().map(|segment| segment.machine().state.name());
        PairView { here: first.or(present), peer: None, none_hot: None, both_hot: None, protected: false }
    }

    /// Takes a fact in; says what it means for the pair, if that is news.
    fn take(&mut self, fact: &Fact) -> Option<String> {
        let was_hot = self.hot();
        match &fact.what {
            FactKind::State { to, .. } => self.here = Some(*to),
            FactKind::Peer { state, .. } => self.peer = *state,
            FactKind::Command { .. } | FactKind::Order { .. } => return None,
        }
        let mut news = Vec::new();
        match (was_hot, self.hot()) {
            (1.., 0) => self.none_hot = Some(fact.at),
            (0, 1..) => {
                let gap = self.none_hot.take().map(|since| fact.at.since(since));
                news.extend(gap.map(|gap| format!("no side was hot for {}", seconds(gap))));
            }
            (1, 2..) => {
                self.both_hot = Some(fact.at);
                news.push("BOTH SIDES ARE HOT".to_owned());
            }
            (_, _) => {}
        }
        if let (2.., 0 | 1, Some(since)) = (was_hot, self.hot(), self.both_hot) {
            news.push(format!("BOTH SIDES WERE HOT for {}", seconds(fact.at.since(since))));
            self.both_hot = None;
        }
        let protected = self.is_protected();
        if std::mem::replace(&mut self.protected, protected) != protected {
            news.push(if protected { "protected" } else { "NOT PROTECTED" }.to_owned());
        }
        (!news.is_empty()).then(|| news.join("; "))
    }

    /// How many sides are hot.
    fn hot(&self) -> usize {
        [self.here, self.peer].into_iter().filter(|side| *side == Some(StateName::Hot)).count()
    }

    fn is_protected(&self) -> bool {
        matches!(
            (self.here, self.peer),
            (Some(StateName::Hot), Some(StateName::Standby))
                | (Some(StateName::Standby), Some(StateName::Hot))
        )
    }

    /// The last line.
    fn now(&self, clock: Time) -> String {
        let word = |side: Option<StateName>, none| side.map_or(none, wording::state);
        let protection = match (self.is_protected(), self.none_hot, self.both_hot) {
            (true, _, _) => "protected".to_owned(),
            (_, Some(since), _) => format!("NO SIDE IS HOT, for {}", seconds(clock.since(since))),
            (_, _, Some(since)) => format!("BOTH SIDES ARE HOT, for {}", seconds(clock.since(since))),
            (false, None, None) => "NOT PROTECTED".to_owned(),
        };
        let (here, peer) = (word(self.here, "unknown"), word(self.peer, "silent"));
        format!("now: {here} here, peer {peer}: {protection}")
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use schrittmacher_protocol::StateName::{Failed, Hot, Standby, ToHot, Unknown};

    use super::*;

    fn at(millis: u64, what: FactKind) -> Fact {
        Fact { at: Time::new(Duration::from_millis(millis)), what }
    }

    fn state(from: StateName, to: StateName, lasted: u64, why: &str, reason: Option<&str>) -> FactKind {
        let (why, reason) = (why.to_owned(), reason.map(str::to_owned));
        FactKind::State { from, to, lasted: Duration::from_millis(lasted), why, reason }
    }

    fn peer(state: StateName) -> FactKind {
        FactKind::Peer { state: Some(state), reason: None }
    }

    fn told(facts: Vec<Fact>) -> Vec<String> {
        let header = Header {
            format: schrittmacher_record::FORMAT,
            program: "3.0.0".into(),
            host: "host-a".into(),
            taken: Timestamp::UNIX_EPOCH,
            clock: Time::new(Duration::from_secs(60)),
            resources: 1,
        };
        let record = ResourceRecord { resource: "redis".into(), segments: Vec::new(), facts };
        let mut text = Vec::new();
        let mut output = Output::new(&mut text);
        show(&record, &header, &TimeZone::UTC, &mut output);
        output.finish().unwrap();
        drop(output);
        let text = String::from_utf8(text).unwrap();
        // Without the dates.
        text.lines().map(|line| line.strip_prefix("1969-12-31 ").unwrap_or(line).to_owned()).collect()
    }

    /// edge-23: reason, outcome and duration of a failure, and whether the service is protected again.
    #[test]
    fn a_failure_is_told_from_its_reason_to_its_end() {
        let story = told(vec![
            at(0, state(Unknown, ToHot, 10, "the peer is standby", None)),
            at(5, peer(Standby)),
            at(20, state(ToHot, Hot, 20, "the application is hot", None)),
            at(
                10_000,
                state(Hot, Failed, 9_980, "the application reported a failure", Some("ended by signal 9")),
            ),
            at(
                10_004,
                FactKind::Command { text: "deactivate has ended after 0.003 s".into(), failed: false },
            ),
            at(10_012, peer(ToHot)),
            at(10_026, peer(Hot)),
            at(40_000, state(Failed, Standby, 30_000, "the application is standby", None)),
        ]);
        assert_eq!(
            story,
            [
                "redis on host-a, schrittmacher 3.0.0, until 1970-01-01 00:00:00 UTC",
                "23:59:00.000  unknown -> going-hot: the peer is standby",
                "23:59:00.005  the peer is standby",
                "23:59:00.020  HOT here, 0.020 s after the decision: the application is hot (protected)",
                "23:59:10.000  FAILED here, was hot: the application reported a failure: \"ended by signal 9\" \
                 (NOT PROTECTED)",
                "23:59:10.004  command: deactivate has ended after 0.003 s",
                "23:59:10.012  the peer is going-hot",
                "23:59:10.026  the peer is hot (no side was hot for 0.026 s)",
                "23:59:40.000  failed -> standby: the application is standby (protected)",
                "now: standby here, peer hot: protected",
                "",
            ]
        );
    }

    /// edge-22: a cut in which both were hot, then healed.
    #[test]
    fn both_sides_hot_is_told_with_its_duration() {
        let story = told(vec![
            at(0, state(ToHot, Hot, 20, "the application is hot", None)),
            at(8_000, peer(Hot)),
            at(8_300, state(Hot, Standby, 8_300, "the peer asked for the role", None)),
        ]);
        assert!(story[2].ends_with("the peer is hot (BOTH SIDES ARE HOT)"), "{story:?}");
        assert!(story[3].contains("(BOTH SIDES WERE HOT for 0.300 s; protected)"), "{story:?}");
    }

    #[test]
    fn words_from_outside_stay_on_their_line() {
        let story = told(vec![at(0, state(Hot, Failed, 1, "why", Some("a\n\u{1b}[2Jb")))]);
        assert!(story[1].contains(r#""a\n\u{1b}[2Jb""#), "{story:?}");
    }
}
