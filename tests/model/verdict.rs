//! The promises, judged on all states and steps that were found.

use std::time::Duration;

use crate::graph::{Components, components};
use crate::host::Input;
use crate::outcomes::Outcomes;
use crate::pair::{Acts, Label, Pair, State};
use crate::search::Found;

/// Not reached by anything that settles.
const NEVER: u16 = u16::MAX;

/// The promises that hold and those that do not, in numbers; for a broken one the first state.
#[derive(Default)]
pub struct Verdict {
    /// P2: undisturbed states from which the pair need not settle, and the first on a cycle.
    pub unsettled: u64,
    pub first_unsettled: Option<usize>,
    /// Of these: nobody could serve, or our daemon is down beside a 1.8.2 (D8).
    pub excused: u64,
    /// The longest way to a settled pair, in seconds.
    pub settles_within: u16,
    /// P1: the longest time with both hot, in steps, with a working link. And the same with the one direction cut that leads
    /// away from one of ours; `None` if for ever.
    pub both_hot: Option<u16>,
    pub both_hot_one_way: Option<u16>,
    /// P1: who survives when two hot nodes meet and nothing else is on the way. Bits: side 0, side 1, nobody.
    pub survivors: u8,
    /// Two hot nodes that meet, with more than one possible survivor or another than the tie-break's.
    pub undecided: u64,
    pub first_undecided: Option<usize>,
    /// P3: settled pairs that one message unsettles: lost, doubled, or delayed so that later ones overtake it.
    pub disturbed: u64,
    pub first_disturbed: Option<usize>,
    /// Settled pairs in which an order was tried, and orders that need not have their way: on side A, on side B.
    pub failovers: [Orders; 2],
    pub takeovers: [Orders; 2],
    /// P10: states after an orderly act from which the pair need not come to one side that serves.
    pub unserved: u64,
    pub first_unserved: Option<usize>,
    /// P6: a cycle without time, and the most messages of one node in one second.
    pub storm: Option<usize>,
    pub storms: u64,
    pub most_messages: [u8; 2],
    /// Where the most are still to be said, and how it goes on from there.
    busiest: [usize; 2],
    pub busy_ways: [Vec<usize>; 2],
    /// For every state: settled for good, and with whom hot.
    pub settled: Vec<Option<u8>>,
    /// The sides that may serve in the end.
    pub outcomes: Outcomes,
}

/// An operator's orders out of settled pairs.
#[derive(Clone, Copy, Debug, Default)]
pub struct Orders {
    pub given: u64,
    pub failed: u64,
    pub first: Option<usize>,
}

/// The rules that the verdict depends on beside the states.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// The side that wins the tie-break.
    pub winner: u8,
    /// Unless the other one has been hot for longer. A conflict takes this long.
    pub conflict: Option<Duration>,
    /// Sides that notice when nobody hears them.
    pub unheard: &'static [usize],
    /// A side without which P2 is excused: ours beside a 1.8.2, and that beside one that starts nothing.
    pub excused_without: Option<usize>,
}

/// Everything that is known of a state, beside its successors.
struct Notes {
    undisturbed: Vec<bool>,
    /// Both are hot, the daemons run, and only the messages of one of ours are lost.
    both_hot_one_way: Vec<bool>,
    /// Settled for good: 0, 1, 2 of "side 0, side 1, nobody"; `None` if not.
    settled: Vec<Option<u8>>,
    both_hot: Vec<bool>,
}

pub fn judge(pair: &Pair, found: &Found, rules: Rules) -> Verdict {
    let mut verdict = Verdict::default();
    storms(found, &mut verdict);
    let notes = Notes::take(pair, found, rules);
    let ways = settle(pair, found, &notes, rules, &mut verdict);
    two_hot(pair, found, &notes, &ways, rules, &mut verdict);
    if let Some(acts) = pair.acts.filter(|acts| matches!(acts.act, Input::Shutdown | Input::Crash)) {
        served(pair, found, acts, rules, &mut verdict);
    }
    faults_and_orders(pair, found, &notes, &ways, &mut verdict);
    verdict.settled = notes.settled;
    verdict
}

/// P6.
fn storms(found: &Found, verdict: &mut Verdict) {
    let Components { order, cyclic } = components(
        found.len(),
        |_| true,
        |at| found.steps(at).iter().filter(|s| !s.passes()).map(|s| s.to()),
    );
    verdict.storms = cyclic.iter().filter(|cyclic| **cyclic).count() as u64;
    verdict.storm = cyclic.iter().position(|cyclic| *cyclic);
    let mut most = vec![[0_u8; 2]; found.len()];
    for at in order.into_iter().map(|at| at as usize) {
        if cyclic[at] {
            continue;
        }
        let mut mine = [0; 2];
        for step in found.steps(at).iter().filter(|step| !step.passes()) {
            let mut then = most[step.to()];
            then[step.sender()] = then[step.sender()].saturating_add(step.sent());
            mine = [mine[0].max(then[0]), mine[1].max(then[1])];
        }
        most[at] = mine;
        for (side, messages) in mine.into_iter().enumerate() {
            if messages > verdict.most_messages[side] {
                verdict.most_messages[side] = messages;
                verdict.busiest[side] = at;
            }
        }
    }
    verdict.busy_ways = [0, 1].map(|side| {
        // Downhill: every step either says something or leads to where as much is still to be said.
        let mut way = vec![verdict.busiest[side]];
        let mut at = verdict.busiest[side];
        while most.get(at).is_some_and(|most| most[side] > 0) {
            let next = found.steps(at).iter().filter(|step| !step.passes()).find(|step| {
                let said = if step.sender() == side { step.sent() } else { 0 };
                most[step.to()][side].saturating_add(said) == most[at][side]
            });
            let Some(step) = next else { break };
            at = step.to();
            way.push(at);
        }
        way
    });
}

impl Notes {
    fn take(pair: &Pair, found: &Found, rules: Rules) -> Notes {
        let mut notes = Notes {
            undisturbed: Vec::with_capacity(found.len()),
            settled: Vec::with_capacity(found.len()),
            both_hot: Vec::with_capacity(found.len()),
            both_hot_one_way: Vec::with_capacity(found.len()),
        };
        for at in 0..found.len() {
            let state = found.state(at);
            let undisturbed = pair.is_undisturbed(&state);
            notes.undisturbed.push(undisturbed);
            notes.settled.push(pair.settled(&state).filter(|_| undisturbed));
            notes.both_hot.push(undisturbed && pair.both_hot(&state));
            notes.both_hot_one_way.push(
                rules.unheard.iter().any(|side| pair.is_unheard(&state, *side)) && pair.both_hot(&state),
            );
        }
        notes.keep_closed(found);
        notes
    }

    /// Settled for good is what only leads to the same: take away what does not, until nothing changes.
    fn keep_closed(&mut self, found: &Found) {
        let mut changed = true;
        while changed {
            changed = false;
            for at in (0..found.len()).rev() {
                if self.settled[at].is_some()
                    && found.steps(at).iter().any(|step| self.settled[step.to()] != self.settled[at])
                {
                    self.settled[at] = None;
                    changed = true;
                }
            }
        }
    }
}

/// Where the pair settles from each state.
struct Ways {
    /// Bits: side 0, side 1, nobody.
    survivors: Vec<u8>,
    /// On a way that need not settle.
    bad: Vec<bool>,
}

/// P2.
fn settle(pair: &Pair, found: &Found, notes: &Notes, rules: Rules, verdict: &mut Verdict) -> Ways {
    let mut ways = Ways { survivors: vec![0; found.len()], bad: vec![false; found.len()] };
    let mut within = vec![0_u16; found.len()];
    for (at, settled) in notes.settled.iter().enumerate() {
        if let Some(side) = settled {
            ways.survivors[at] = 1 << side;
        }
    }
    let moving = |at: usize| notes.undisturbed[at] && notes.settled[at].is_none();
    let Components { order, cyclic } =
        components(found.len(), moving, |at| found.steps(at).iter().map(|step| step.to()));
    for at in order.into_iter().map(|at| at as usize) {
        let mut bad = cyclic[at];
        for step in found.steps(at) {
            bad |= ways.bad[step.to()];
            ways.survivors[at] |= ways.survivors[step.to()];
            within[at] = within[at].max(within[step.to()].saturating_add(u16::from(step.passes())));
        }
        ways.bad[at] = bad;
        if bad {
            within[at] = NEVER;
            verdict.unsettled += 1;
            let state = found.state(at);
            let alone = rules.excused_without.is_some_and(|side| !pair.is_staying(&state, side));
            let nobody = [0, 1].iter().all(|side| !pair.is_fit(&state, *side));
            let excused = alone || nobody;
            verdict.excused += u64::from(excused);
            if cyclic[at] && !excused {
                verdict.first_unsettled = verdict.first_unsettled.into_iter().chain([at]).min();
            }
        } else {
            verdict.settles_within = verdict.settles_within.max(within[at]);
        }
    }
    ways
}

/// P10: after the last act, one application serves in the end, whether a daemon is left or not.
fn served(pair: &Pair, found: &Found, acts: Acts, rules: Rules, verdict: &mut Verdict) {
    let mut good: Vec<bool> = (0..found.len())
        .map(|at| {
            let state = found.state(at);
            // A daemon that is restarted and does not come back leaves its application to an operator.
            let alone = acts.act == Input::Crash && pair.is_left_alone(&state);
            // 1.8.2 alone with a slow application goes hot and gives up for ever (D8).
            let excused = alone || rules.excused_without.is_some_and(|side| !pair.is_staying(&state, side));
            state.budget == acts.budget || pair.serving(&state) == 1 || excused
        })
        .collect();
    let mut changed = true;
    while changed {
        changed = false;
        for at in (0..found.len()).rev() {
            if good[at] && found.steps(at).iter().any(|step| !good[step.to()]) {
                (good[at], changed) = (false, true);
            }
        }
    }
    let Components { order, cyclic } =
        components(found.len(), |at| !good[at], |at| found.steps(at).iter().map(|step| step.to()));
    let mut bad = vec![false; found.len()];
    for at in order.into_iter().map(|at| at as usize) {
        let ends = cyclic[at] || found.steps(at).is_empty();
        bad[at] = ends || found.steps(at).iter().any(|step| bad[step.to()]);
        if bad[at] {
            verdict.unserved += 1;
            if ends {
                verdict.first_unserved = verdict.first_unserved.into_iter().chain([at]).min();
            }
        }
    }
}

/// P1.
fn two_hot(pair: &Pair, found: &Found, notes: &Notes, ways: &Ways, rules: Rules, verdict: &mut Verdict) {
    verdict.both_hot = longest(found, &notes.both_hot);
    verdict.both_hot_one_way = longest(found, &notes.both_hot_one_way);
    for at in (0..found.len()).filter(|at| notes.both_hot[*at]) {
        if is_clean_meeting(pair, &found.state(at)) {
            let survivors = ways.survivors[at];
            verdict.survivors |= survivors;
            let expected = match rules.conflict {
                Some(conflict) => pair.stays_hot(&found.state(at), conflict),
                None => Some(rules.winner),
            };
            let right = expected.is_none_or(|side| survivors == 1 << side);
            if !right || ways.bad[at] {
                verdict.undecided += 1;
                verdict.first_undecided = verdict.first_undecided.into_iter().chain([at]).min();
            }
        }
    }
}

/// How many steps of time the pair can stay within these states; `None` if for ever.
fn longest(found: &Found, within: &[bool]) -> Option<u16> {
    let Components { order, cyclic } =
        components(found.len(), |at| within[at], |at| found.steps(at).iter().map(|step| step.to()));
    let mut lasts = vec![0_u16; found.len()];
    let mut longest = 0;
    for at in order.into_iter().map(|at| at as usize) {
        if cyclic[at] {
            return None;
        }
        for step in found.steps(at).iter().filter(|step| within[step.to()]) {
            lasts[at] = lasts[at].max(lasts[step.to()] + u16::from(step.passes()));
        }
        longest = longest.max(lasts[at]);
    }
    Some(longest)
}

fn is_clean_meeting(pair: &Pair, state: &State) -> bool {
    pair.is_silent(state) && pair.serve_both(state)
}

/// P3, the operator, and who serves after a fault.
fn faults_and_orders(pair: &Pair, found: &Found, notes: &Notes, ways: &Ways, verdict: &mut Verdict) {
    let ends = |at: usize| ways.survivors[at] | u8::from(ways.bad[at]) << 3;
    for at in (0..found.len()).filter(|at| notes.undisturbed[*at]) {
        if let Some(roles) = pair.is_fresh(&found.state(at)) {
            verdict.outcomes.start(roles, ends(at));
        }
    }
    for asked in &found.asked {
        let (from, to) = (asked.from as usize, asked.to as usize);
        let Some(side) = notes.settled[from] else { continue };
        let before = found.state(from);
        match asked.label {
            Label::Lose(_) | Label::Double(_) | Label::Delay(_)
                if notes.settled[to] != Some(side) && pair.only_heartbeats(&before) =>
            {
                verdict.disturbed += 1;
                verdict.first_disturbed = verdict.first_disturbed.into_iter().chain([to]).min();
            }
            Label::At(at, order @ (Input::Failover | Input::Takeover)) => {
                let wanted = if order == Input::Failover { 1 - at } else { at };
                // An order that makes sense: somebody else is hot, and the wanted side is fit.
                let sensible = pair.is_fit(&before, usize::from(wanted)) && pair.is_silent(&before);
                if side == 2 || side == wanted || !sensible {
                    continue;
                }
                let list =
                    if order == Input::Failover { &mut verdict.failovers } else { &mut verdict.takeovers };
                let orders = &mut list[usize::from(at)];
                orders.given += 1;
                if ends(to) != 1 << wanted {
                    orders.failed += 1;
                    orders.first = orders.first.into_iter().chain([to]).min();
                }
            }
            _ => {}
        }
        if pair.is_silent(&before) {
            verdict.outcomes.add(asked.label, side, ends(to));
        }
    }
}
