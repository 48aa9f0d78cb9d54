//! One run, from its settings to a line of the table and the traces of what it broke.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use crate::host::Input;
use crate::local::Side;
use crate::outcomes::Outcomes;
use crate::pair::Acts;
use crate::pairing::{Pairing, Variant};
use crate::search::{Found, search};
use crate::trace::{Then, tell, words};
use crate::verdict::{Orders, Verdict, judge};

/// A search to be made.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    pub pairing: Pairing,
    pub faults: u8,
    /// What is done instead of faults (P10).
    pub act: Option<Input>,
    /// From every pair of applications, not only from two that have just started.
    pub every_start: bool,
    /// Seconds that pass at once.
    pub grain: u8,
    /// See [`search`].
    pub limit: usize,
    pub stop: usize,
}

/// Its result.
pub struct Report {
    pub run: Run,
    /// One line of the table.
    pub line: String,
    /// Promises that are broken, in short.
    pub broken: Vec<String>,
    /// The first trace of each.
    pub traces: String,
    /// P8: the shortest way to two that serve, and how it ends; if it was looked for.
    pub partition: Option<String>,
    pub took: Duration,
    pub states: usize,
    /// Messages that found the search's link full, and were lost.
    pub overflows: u64,
    /// The sides that may serve in the end.
    pub outcomes: Outcomes,
    /// Lines of the list of deviations that were met, if something is taken out.
    pub met: BTreeSet<usize>,
    /// Faults left only this number of states, all those of at most this number of steps.
    pub cut_off: Option<(usize, usize)>,
}

/// The most messages of one of our nodes within one step of time (P6). Alone they are two seconds of ten
/// answers, heartbeats, echoes and what changes of state say.
const MOST_MESSAGES: u8 = 30;

pub const HEADER: &str = "\
| pair, priority of the first | faults | step | states | steps | unsettled (excused) | settled within | both hot within; one-way | survivor | a heartbeat changes | orders undone: ours, theirs | messages a step | P4, P5 |
|---|---|---|---|---|---|---|---|---|---|---|---|---|";

impl Run {
    pub fn go(self) -> Report {
        let began = Instant::now();
        let mut pair = self.pairing.pair(self.grain);
        pair.acts = self.act.map(|act| Acts { act, budget: self.faults });
        if pair.promises_p9 && self.act == Some(Input::Crash) {
            pair.sides.iter_mut().for_each(Side::restarts);
        }
        let starts = self.pairing.starts(&mut pair, self.faults, self.every_start);
        let found = search(&mut pair, &starts, self.limit, self.stop);
        let verdict = judge(&pair, &found, self.pairing.rules());
        let broken = self.broken(&verdict, &found);
        let mut report = Report {
            run: self,
            line: self.line(&verdict, &found),
            broken,
            traces: String::new(),
            partition: None,
            took: began.elapsed(),
            states: found.len(),
            overflows: found.overflows,
            outcomes: verdict.outcomes.clone(),
            met: pair.sides.iter().flat_map(|side| &side.met).copied().collect(),
            cut_off: (found.with_faults < found.len())
                .then(|| (found.with_faults, found.way_to(found.with_faults).len() - 1)),
        };
        if !report.broken.is_empty() && self.pairing.without.is_none() {
            report.traces = self.traces(&mut pair, &found, &verdict);
        }
        if self.pairing.shows_partition() && self.faults > 0 {
            report.partition = partition(&mut pair, &found, &verdict);
        }
        report
    }

    fn seconds(self, steps: u16) -> u16 {
        steps * u16::from(self.grain)
    }

    /// Orders on our sides, and on the others.
    fn orders(self, verdict: &Verdict) -> [Orders; 2] {
        let mut sums = [Orders::default(); 2];
        for side in 0..2 {
            for orders in [verdict.failovers[side], verdict.takeovers[side]] {
                let sum = &mut sums[usize::from(!self.pairing.is_ours(side))];
                sum.given += orders.given;
                sum.failed += orders.failed;
            }
        }
        sums
    }

    fn broken(self, verdict: &Verdict, found: &Found) -> Vec<String> {
        let mut broken = Vec::new();
        if self.pairing.without.is_some() && found.len() > self.stop {
            // The steps that would follow are not known, and neither is the end.
            return vec!["no end of states".to_owned()];
        }
        let mut promise = |kept: bool, what: String| {
            if !kept {
                broken.push(what);
            }
        };
        let heartbeat = self.pairing.slower_heartbeat();
        // With one direction cut we notice after three heartbeats that nobody hears us, at the fourth HOTT.
        for (both, heartbeats, when) in
            [(verdict.both_hot, 2, ""), (verdict.both_hot_one_way, 4, " with one direction cut")]
        {
            let seconds =
                both.map_or("for ever".to_owned(), |steps| format!("for {} s", self.seconds(steps)));
            let kept = both.is_some_and(|steps| self.seconds(steps) <= heartbeats * heartbeat);
            promise(kept, format!("P1: both hot {seconds}{when}"));
        }
        promise(verdict.undecided == 0, format!("P1: the wrong survivor, {} times", verdict.undecided));
        let unsettled = verdict.unsettled - verdict.excused;
        promise(unsettled == 0, format!("P2: {unsettled} states need not settle"));
        promise(
            verdict.disturbed == 0,
            format!(
                "P3: a lost, doubled or delayed heartbeat changes something, {} times",
                verdict.disturbed
            ),
        );
        for (count, what) in &found.broken {
            promise(false, format!("{what}, {count} times"));
        }
        promise(
            verdict.unserved == 0,
            format!("P10: {} states need not end with one side that serves", verdict.unserved),
        );
        promise(verdict.storms == 0, format!("P6: {} states in a storm", verdict.storms));
        for side in (0..2).filter(|side| self.pairing.is_ours(*side)) {
            let most = verdict.most_messages[side];
            promise(most <= MOST_MESSAGES, format!("P6: {most} messages"));
        }
        let ours = self.orders(verdict)[0];
        // One whose release fails is refused.
        let may_be_refused = self.pairing.variant == Variant::NoRelease;
        promise(
            ours.failed == 0 || may_be_refused,
            format!("orders: {} of {} undone", ours.failed, ours.given),
        );
        broken
    }

    fn line(self, verdict: &Verdict, found: &Found) -> String {
        let [ours, theirs] = self.orders(verdict);
        let survivors: Vec<&str> = (0..3)
            .filter(|side| verdict.survivors >> side & 1 != 0)
            .map(|side| ["first", "second", "nobody"][side])
            .collect();
        let ends =
            |both: Option<u16>| both.map_or("never".to_owned(), |steps| format!("{} s", self.seconds(steps)));
        let both = format!("{}, {}", ends(verdict.both_hot), ends(verdict.both_hot_one_way));
        let out_of = |orders: Orders| {
            if orders.given == 0 {
                "–".to_owned()
            } else {
                format!("{} of {}", orders.failed, orders.given)
            }
        };
        format!(
            "| {} | {} | {} s | {} | {} | {} ({}) | {} s | {both} | {} | {} | {}, {} | {}, {} | {} |",
            self.pairing.words(),
            self.act.map_or(self.faults.to_string(), |act| format!("{} × {act:?}", self.faults)),
            self.grain,
            thousands(found.len()),
            thousands(found.step_count()),
            verdict.unsettled - verdict.excused,
            verdict.excused,
            self.seconds(verdict.settles_within),
            if survivors.is_empty() { "–".to_owned() } else { survivors.join(", ") },
            verdict.disturbed,
            out_of(ours),
            out_of(theirs),
            verdict.most_messages[0],
            verdict.most_messages[1],
            found.broken.iter().map(|(count, _)| count).sum::<u64>(),
        )
    }

    fn traces(self, pair: &mut crate::pair::Pair, found: &Found, verdict: &Verdict) -> String {
        let settled = &verdict.settled;
        let winner = self.pairing.rules().winner;
        let unsettled = |at: usize| settled[at].is_none();
        let wrong = |at: usize| settled[at].is_some_and(|side| side != winner);
        let mut text = String::new();
        let mut add = |what: &str, at: Option<usize>, then: &Then<'_>| {
            if let Some(at) = at {
                let _ = writeln!(text, "{what}, shortest way:\n{}", tell(pair, found, at, then));
            }
        };
        add("P2: never settled", verdict.first_unsettled, &Then::Cycle(&unsettled));
        add("P1: the wrong survivor", verdict.first_undecided, &Then::Until(&wrong));
        add("P3: a heartbeat changes something", verdict.first_disturbed, &Then::Nothing);
        add("P10: not one side serves", verdict.first_unserved, &Then::Nothing);
        add("P6: a storm, no time passes", verdict.storm, &Then::Cycle(&|_| true));
        if verdict.storm.is_none() && verdict.most_messages.iter().any(|most| *most > MOST_MESSAGES) {
            let way = verdict.busy_ways.iter().max_by_key(|way| way.len()).map_or(&[][..], |way| way);
            add("P6: many messages", way.first().copied(), &Then::Along(way));
        }
        for side in (0..2_u8).filter(|side| self.pairing.is_ours(usize::from(*side))) {
            let stays = |at: usize| settled[at] == Some(side);
            let moves = |at: usize| settled[at] == Some(1 - side);
            add("a failover is undone", verdict.failovers[usize::from(side)].first, &Then::Until(&stays));
            add("a takeover is undone", verdict.takeovers[usize::from(side)].first, &Then::Until(&moves));
        }
        for (at, label, what) in &found.first_broken {
            let state = found.state(*at as usize);
            let step = words(pair, &state, *label);
            let _ = writeln!(text, "{what}, at: {step}\n{}", tell(pair, found, *at as usize, &Then::Nothing));
        }
        text
    }
}

fn partition(pair: &mut crate::pair::Pair, found: &Found, verdict: &Verdict) -> Option<String> {
    let both = (0..found.len()).find(|at| {
        let state = found.state(*at);
        state.cut == [true, true] && pair.serve_both(&state) && pair.is_silent(&state)
    })?;
    let settled = |at: usize| verdict.settled[at].is_some();
    Some(tell(pair, found, both, &Then::HealedUntil(&settled)))
}

/// 1234567 as 1,234,567.
pub fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
