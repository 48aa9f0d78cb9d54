//! Our machine beside that of 2.0.0: the table recorded from it, row by row, and every single recorded step.
//! Differences are in `tests/data/protocol/deviations.tsv`; any other is a failure.
#![expect(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test program that reads recordings"
)]

use std::collections::{BTreeMap, BTreeSet};

use schrittmacher_protocol::{Cause, StateName};
use schrittmacher_testkit::table::deviations::{self, Deviation, Legacy, Ours};
use schrittmacher_testkit::table::legacy::{self, Row, Vector};
use schrittmacher_testkit::table::situation::{Asked, Condition, Situation, What, Word};
use schrittmacher_testkit::table::step::{Outcome, Silence, heartbeat, start, step_through};
use schrittmacher_wire::{Message, PeerCode};

/// Compares cases, collects what is wrong, and notes which lines of the list were needed.
struct Comparison {
    list: Vec<Deviation>,
    needed: BTreeSet<usize>,
    wrong: Vec<String>,
    cases: usize,
}

impl Comparison {
    fn new() -> Comparison {
        Comparison { list: deviations::list(), needed: BTreeSet::new(), wrong: Vec::new(), cases: 0 }
    }

    /// Holds what we did against what 2.0.0 does.
    fn case(&mut self, s: &Situation, legacy: &Legacy<'_>, ours: &Outcome, from: &str) {
        self.cases += 1;
        // A refusal is a word to the operator; 2.0.0 has none.
        let does: Vec<&str> =
            ours.does.iter().map(String::as_str).filter(|word| !word.starts_with("refuse:")).collect();
        let verdict = self.verdict(s, legacy, ours.next == legacy.next && does == legacy.does, |expected| {
            let Ours::Does { next, does: expected } = expected else { return None };
            let expected = expected.iter().flat_map(|word| match *word {
                "~" => legacy.does.iter().map(String::as_str).collect(),
                word => vec![word],
            });
            Some(ours.next == next.unwrap_or(s.state) && expected.eq(does.iter().copied()))
        });
        let flag = self.verdict(s, legacy, ours.failed == legacy.failed, |expected| {
            if let Ours::Flag(flag) = expected { Some(*flag == ours.failed) } else { None }
        });
        for problem in [verdict, flag].into_iter().flatten() {
            let theirs = format!("{} {} {}", legacy.next, legacy.does.join(" "), legacy.failed);
            let ours = format!("{} {} {}", ours.next, does.join(" "), ours.failed);
            self.wrong.push(format!("{problem}: {from}: {s:?}\n    2.0.0: {theirs}\n    ours:  {ours}"));
        }
    }

    /// The mistake in one aspect of a case. `same`: nothing differs. `explains`: whether a line has our action, or `None` if it
    /// is about the other aspect.
    fn verdict(
        &mut self,
        s: &Situation,
        legacy: &Legacy<'_>,
        same: bool,
        explains: impl Fn(&Ours) -> Option<bool>,
    ) -> Option<String> {
        let fitting = self.list.iter().filter(|deviation| deviation.fits(s, legacy));
        let first = fitting.filter_map(|deviation| Some((deviation.line, explains(&deviation.ours)?))).next();
        match (same, first) {
            (true, None) => None,
            (false, Some((line, true))) => {
                self.needed.insert(line);
                None
            }
            (false, None) => Some("not listed".to_owned()),
            (false, Some((line, false))) => Some(format!("line {line} says something else")),
            (true, Some((line, _))) => Some(format!("line {line} lists a difference that is not there")),
        }
    }

    fn finish(&self) {
        let shown = self.wrong.iter().take(10).cloned().collect::<Vec<_>>().join("\n");
        assert!(self.wrong.is_empty(), "{} of {} cases:\n{shown}", self.wrong.len(), self.cases);
    }
}

/// The conditions of ours that 2.0.0 does not have, and its own where the row leaves them open.
fn open_conditions(row: &Row) -> Vec<Condition> {
    let mut open =
        vec![Condition::Failed, Condition::Recent, Condition::Held, Condition::Asked, Condition::Said];
    if row.state == StateName::Hot {
        open.push(Condition::Deaf);
    }
    match row.what {
        // A silence comes with a heartbeat, and that looks at the deadline first.
        What::LocalTimeout | What::RemoteTimeout if !row.when.contains_key("time_in_state") => {}
        _ => open.push(Condition::Late),
    }
    if let What::Peer(code) = row.what {
        open.push(Condition::Priority);
        if code == PeerCode::Treq {
            open.push(Condition::Forced);
        }
    }
    open
}

#[test]
fn every_row_of_the_legacy_table() {
    let rows = legacy::rows();
    assert_eq!(rows.len(), 164);
    let (mut comparison, mut untried) = (Comparison::new(), 0);
    for (index, row) in rows.iter().enumerate() {
        let before = comparison.cases;
        for s in Situation::every(row.state, row.what, &open_conditions(row)) {
            // At equal priority 2.0.0 compares randoms, which the row does not give; the vectors do.
            let equal = s.value(Condition::Priority) == "equal" && row.when.contains_key("challenge");
            if equal || !row.applies(&s, s.priority < s.own) {
                continue;
            }
            let legacy = row.outcome(&s);
            comparison.case(&s, &legacy, &step_through(&s), &format!("row {}", index + 1));
        }
        if comparison.cases == before {
            // A row that begins with a failed application where ours has none.
            assert_eq!(
                row.when.get("local_failed"),
                Some(&vec!["1".to_owned()]),
                "row {}: {row:?}",
                index + 1
            );
            untried += 1;
        }
    }
    println!("{} of 164 rows, {} cases", rows.len() - untried, comparison.cases);
    comparison.finish();
    let unneeded: Vec<_> = comparison
        .list
        .iter()
        .map(|deviation| deviation.line)
        .filter(|line| !comparison.needed.contains(line))
        .collect();
    assert!(unneeded.is_empty(), "deviations.tsv: no case needs the lines {unneeded:?}");
}

/// A handler that 2.0.0's states have and its daemon never calls: it takes every failover for a failure (D17).
const NEVER_CALLED: &str = "state.eventForceFailover";

/// 2.0.0 keeps a flag beside the state. In ours only ToHot, Releasing and Failed have it.
const FAILED: &str = "failed";

/// Vectors that say nothing about us: group, how many, why.
const NOT_APPLICABLE: &[(&str, usize, &str)] = &[
    (NEVER_CALLED, 64, "code that 2.0.0 never runs"),
    (FAILED, 1872, "an application that has failed in a state in which ours has none such (P4)"),
    ("null_state", 14, "a daemon without a state, before its start; ours has none such"),
    (
        "start",
        1,
        "a start with a failed application; ours learns of a failure after its start at the earliest",
    ),
    ("number_parsing", 5, "2.0.0 threw an exception at null or a list as a number; we read 0 (W2, D23)"),
    ("number_parsing_lrand5", 5, "the same"),
];

/// Vectors that apply.
const APPLICABLE: &[(&str, usize)] = &[
    ("base", 1200),
    ("ratelimit", 480),
    ("sent_times_reset", 420),
    ("heartbeat_timeouts", 480),
    ("treq", 360),
    ("treq_local_random_zero", 120),
    ("treq_forced", 60),
    ("number_parsing", 31),
    ("number_parsing_lrand5", 30),
    ("start", 1),
];

#[test]
fn every_recorded_step() {
    let rows = legacy::rows();
    let mut comparison = Comparison::new();
    let mut tried: BTreeMap<&str, usize> = BTreeMap::new();
    let mut skipped: BTreeMap<&str, usize> = BTreeMap::new();
    for vector in legacy::vectors() {
        let group = vector.columns["group"];
        let applies = match group {
            "null_state" => false,
            "start" => vector.is("local_failed", "0"),
            _ if vector.is("event", NEVER_CALLED) => false,
            _ if vector.is("next", "exception") => false,
            _ => can_begin(&vector),
        };
        if !applies {
            let group = match group {
                _ if vector.is("event", NEVER_CALLED) => NEVER_CALLED,
                "null_state" | "start" => group,
                _ if !can_begin(&vector) => FAILED,
                _ => group,
            };
            *skipped.entry(group).or_default() += vector.count;
            continue;
        }
        *tried.entry(group).or_default() += vector.count;
        match vector.columns["event"] {
            "actionStart" => at_start(&vector),
            "eventHeartbeat" => whole_heartbeat(&vector, &rows, &mut comparison),
            _ => single_step(&vector, &mut comparison),
        }
    }
    println!("{} vectors in {} cases", tried.values().sum::<usize>(), comparison.cases);
    for (group, count, why) in NOT_APPLICABLE {
        println!("{count} of {group} do not apply: {why}");
    }
    assert_eq!(tried, APPLICABLE.iter().copied().collect());
    assert_eq!(skipped, NOT_APPLICABLE.iter().map(|(group, count, _)| (*group, *count)).collect());
    assert_eq!(tried.values().chain(skipped.values()).sum::<usize>(), 5143);
    comparison.finish();
}

fn at_start(vector: &Vector) {
    let [only] = &start()[..] else { panic!("one transition") };
    assert_eq!(only.outcome.next, StateName::Unknown);
    assert_eq!(only.outcome.does, legacy::words(vector.columns["actions"]), "line {}", vector.line);
}

/// Whether our machine can be where a step begins.
fn can_begin(vector: &Vector) -> bool {
    situation(vector, What::Tick).is_possible()
}

/// The situation that a vector describes, but for what 2.0.0 does not know.
fn situation(vector: &Vector, what: What) -> Situation {
    let column = |name: &str| vector.columns[name];
    let mut s = Situation::plain(legacy::state(column("state")).unwrap(), what);
    s.failed = vector.is("local_failed", "1");
    // We have one limit for both; what counts is the message of the state.
    let (hot, standby) = (vector.is("last_hot_sent", "recent"), vector.is("last_standby_sent", "recent"));
    s.recent = match s.state {
        StateName::Hot => hot,
        StateName::Standby => standby,
        _ => hot || standby,
    };
    s.late = column("time_in_state").starts_with("above");
    s.own = column("own_priority").parse().unwrap();
    if let Some(members) = column("message").strip_prefix('{') {
        let comma = if members == "}" { "" } else { "," };
        let text = format!(r#"{{"resource":"r","status":"TREQ"{comma}{members}"#);
        let message = Message::parse(text.as_bytes()).unwrap();
        (s.priority, s.random) = (message.priority, message.random);
    }
    s
}

/// The conditions that 2.0.0 does not know, in every combination. Its flag "remote failed" is a FAIL that we heard.
fn contexts(vector: &Vector, plain: Situation) -> Vec<Situation> {
    let said: &[Word] = if vector.is("remote_failed", "1") {
        &[Word::Fail]
    } else {
        &[Word::Silent, Word::Hot, Word::ToHot, Word::Other]
    };
    let priorities =
        if vector.is("message", "-") { vec![plain.own - 5, plain.own + 5] } else { vec![plain.priority] };
    let mut all = Vec::new();
    for asked in [Asked::No, Asked::Plain, Asked::Forced] {
        for held in [false, true] {
            for said in said {
                for priority in &priorities {
                    all.push(Situation { asked, held, said: *said, priority: *priority, ..plain });
                }
            }
        }
    }
    all.retain(Situation::is_possible);
    all
}

fn single_step(vector: &Vector, comparison: &mut Comparison) {
    let what = match vector.columns["event"] {
        "eventForceFailover" => What::Failover,
        "eventForceTakeover" => What::Takeover,
        "eventLocalTimeout" => What::LocalTimeout,
        "eventRemoteTimeout" => What::RemoteTimeout,
        "state.eventHeartbeat" => What::Tick,
        "XXXX" | "lhot" | "" => What::UnknownCode,
        name => What::from_name(name).unwrap(),
    };
    let mut plain = situation(vector, what);
    // A silence is tried between two heartbeats, where no deadline of the state can be over; but going hot
    // allows for one before that.
    let timeout = matches!(what, What::LocalTimeout | What::RemoteTimeout);
    plain.late &= !timeout || (plain.state == StateName::ToHot && what == What::LocalTimeout);
    let does = legacy::words(vector.columns["actions"]);
    let legacy = Legacy {
        next: legacy::state(vector.columns["next"]).unwrap(),
        does: &does,
        failed: vector.is("local_failed_after", "1"),
    };
    for s in contexts(vector, plain) {
        comparison.case(&s, &legacy, &step_through(&s), &format!("vector line {}", vector.line));
    }
}

/// A heartbeat of 2.0.0 is a tick, then the timeouts that are due: several rows one after the other. First
/// the recorded actions are those of its rows, then each transition of ours is held against its row.
fn whole_heartbeat(vector: &Vector, rows: &[Row], comparison: &mut Comparison) {
    let outstanding = |name: &str| vector.columns[name].parse::<u32>().unwrap() + 1 > 4;
    let due = Silence { app: outstanding("outstanding_local"), peer: outstanding("outstanding_remote") };
    let mut now = situation(vector, What::Tick);
    now.said = if vector.is("remote_failed", "1") { Word::Fail } else { Word::Other };
    let ours = heartbeat(&now, due);
    let whats = [
        Some((What::Tick, Cause::Tick)),
        due.app.then_some((What::LocalTimeout, Cause::AppSilent)),
        due.peer.then_some((What::RemoteTimeout, Cause::PeerSilent)),
    ];
    let mut does = Vec::new();
    for (what, cause) in whats.into_iter().flatten() {
        now.what = what;
        let row = rows.iter().find(|row| row.applies(&now, true)).unwrap_or_else(|| panic!("{now:?}"));
        does.extend(row.does.iter().cloned());
        let transition = ours.iter().find(|transition| transition.cause == cause).unwrap();
        assert_eq!(transition.from, now.state, "vector line {}", vector.line);
        comparison.case(
            &now,
            &row.outcome(&now),
            &transition.outcome,
            &format!("vector line {}", vector.line),
        );
        // Both go on from where we are: the list has no difference in the state after these.
        now.late &= row.next == now.state;
        now.state = row.next;
        now.failed = transition.outcome.failed;
        now.recent = true;
    }
    assert_eq!(does, legacy::words(vector.columns["actions"]), "vector line {}", vector.line);
    assert_eq!(now.state, legacy::state(vector.columns["next"]).unwrap(), "vector line {}", vector.line);
}
