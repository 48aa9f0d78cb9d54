//! Two hosts and the link between them, in 32 bytes, and everything that can happen next.

use std::time::Duration;

use crate::app::Role;
use crate::host::Input;
use crate::local::Side;
use crate::relative::LONG;
use crate::stand::Stand;

/// The most messages on the way in one direction.
const CAPACITY: usize = 11;

/// The most that wait for a stopped daemon: what it learns from them is that the peer lives.
const PAUSED: usize = 2;

/// The longest a delayed message is on its way, in seconds.
const DELAY: u8 = 4;

/// Messages that are delayed at the same time.
const HELD: usize = 2;

/// A state of the whole model, packed: each side's host, messages and a delayed one.
pub type Packed = [u128; 2];

/// A state of the whole model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    pub hosts: [u32; 2],
    /// The messages of side 0 and of side 1; the oldest first.
    pub link: [Vec<u8>; 2],
    /// Delayed: (sender, message, seconds left).
    pub held: Vec<(u8, u8, u8)>,
    /// The direction from this side is cut.
    pub cut: [bool; 2],
    /// For how many seconds nothing of this side arrives, up to what the other one needs to take its host for lost.
    pub silent: [u8; 2],
    /// Faults that may still happen.
    pub budget: u8,
}

/// A step from one state to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Label {
    At(u8, Input),
    /// The oldest message of this side arrives.
    Arrives(u8),
    /// A delayed message arrives, after later ones perhaps.
    ArrivesLate(u8),
    Pass,
    Heal,
    Lose(u8),
    Double(u8),
    Delay(u8),
    Cut(u8),
    CutBoth,
}

/// The cause of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Nobody: it happens by itself, sooner or later.
    Fair,
    /// Somebody mends something, when he likes.
    Mending,
    /// It costs one of the faults that the run allows.
    Fault,
}

/// A possible step.
#[derive(Clone, Debug)]
pub struct Edge {
    pub class: Class,
    pub label: Label,
    pub to: State,
    /// The side that sent messages, and how many.
    pub sender: u8,
    pub sent: u8,
    pub broken: Option<&'static str>,
    /// A message was dropped because the model's link was full.
    pub overflow: bool,
}

/// Bits of a message's number, of the messages of one direction, of a delayed one with its sender and seconds, of a host's number,
/// of the seconds of silence.
const MESSAGE: u32 = 6;
const LINK: u32 = 66;
const LATE: u32 = MESSAGE + 4;
const HOST: u32 = 28;
const SILENT: u32 = 4;

pub fn pack(state: &State) -> Packed {
    let side = |at: usize| {
        let link = state.link[at].iter().rev().fold(0, |bits, m| bits << MESSAGE | u128::from(*m));
        let held = state.held.get(at).map_or(0, |(from, message, left)| {
            u128::from(*message) | u128::from(*from) << MESSAGE | u128::from(*left) << (MESSAGE + 1)
        });
        let host = u128::from(state.hosts[at])
            | u128::from(state.silent[at]) << HOST
            | u128::from(state.cut[at]) << (HOST + SILENT);
        link | held << LINK | host << (LINK + LATE)
    };
    [side(0) | u128::from(state.budget) << (LINK + LATE + HOST + SILENT + 1), side(1)]
}

pub fn unpack(packed: &Packed) -> State {
    let low = |bits: u128, width: u32| bits & ((1 << width) - 1);
    let byte = |bits: u128| bits.to_le_bytes()[0];
    let link = |side: u128| {
        let mut bits = low(side, LINK);
        let mut messages = Vec::with_capacity(CAPACITY);
        while bits != 0 {
            messages.push(byte(low(bits, MESSAGE)));
            bits >>= MESSAGE;
        }
        messages
    };
    let held = packed
        .iter()
        .map(|side| low(side >> LINK, LATE))
        .filter(|bits| *bits != 0)
        .map(|bits| (byte(low(bits >> MESSAGE, 1)), byte(low(bits, MESSAGE)), byte(bits >> (MESSAGE + 1))))
        .collect();
    let rest = packed.map(|side| side >> (LINK + LATE));
    State {
        hosts: rest.map(|rest| u32::try_from(low(rest, HOST)).unwrap_or(0)),
        link: packed.map(link),
        held,
        cut: rest.map(|rest| rest >> (HOST + SILENT) & 1 != 0),
        silent: rest.map(|rest| byte(low(rest >> HOST, SILENT))),
        budget: byte(rest[0] >> (HOST + SILENT + 1)),
    }
}

/// Both sides of the link.
pub struct Pair {
    pub sides: [Side; 2],
    /// The seconds that pass at once.
    pub grain: u8,
    /// When the other host has been silent for this number of seconds, this side follows another resource that finds it lost.
    pub lost_after: [Option<u8>; 2],
    /// Instead of faults: what an operator does out of a settled pair, and then at any moment (P10).
    pub acts: Option<Acts>,
    /// Both are ours. A legacy peer does not hear a claim, and a classic one asks for the role when it has none.
    pub promises_p9: bool,
    /// No side takes the role from a silent one whose host is not off.
    pub fences: bool,
    /// Its devices do nothing, and say that they have.
    pub fence_lies: bool,
}

/// Orderly acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Acts {
    pub act: Input,
    /// How many.
    pub budget: u8,
}

impl Pair {
    /// Everything that can happen in `state`; `faults` leaves those out that cost.
    pub fn edges(&mut self, state: &State, faults: bool, out: &mut Vec<Edge>) {
        out.clear();
        self.by_itself(state, out);
        self.mending(state, out);
        if faults && state.budget > 0 {
            let paid = State { budget: state.budget - 1, ..state.clone() };
            match self.acts {
                None => {
                    self.host_faults(&paid, out);
                    link_faults(&paid, out);
                }
                Some(Acts { budget, .. }) if budget == state.budget && self.settled(state).is_none() => {}
                Some(Acts { act, .. }) => {
                    self.host_faults(&paid, out);
                    if matches!(act, Input::TakeoverByForce | Input::HostDies) && paid.cut == [false; 2] {
                        let cut = State { cut: [true; 2], ..paid };
                        out.push(plain(Class::Fault, Label::CutBoth, cut));
                    }
                }
            }
        }
        out.retain(|edge| edge.to != *state);
    }

    fn by_itself(&mut self, state: &State, out: &mut Vec<Edge>) {
        let infos = self.infos(state);
        for (side, info) in [(0, infos[0]), (1, infos[1])] {
            let waiting = !state.link[1 - side].is_empty() || info.reporting;
            for input in info.can() {
                // A late daemon reads what has arrived before it looks at the clock.
                let is_early = info.late && waiting && matches!(input, Input::Tick | Input::HostSilent);
                let is_lost = self.lost_after[side].is_some_and(|after| state.silent[1 - side] >= after);
                if !(is_early || input == Input::HostSilent && !is_lost) {
                    self.step(state, Class::Fair, side, input, out);
                }
            }
            if info.runs && !state.link[1 - side].is_empty() {
                self.arrive(state, 1 - side, out);
            }
            if info.waits_for_fence {
                self.shoot(state, side, out);
            }
        }
        for at in 0..state.held.len() {
            self.arrive_late(state, at, out);
        }
        let delivered = |side: usize| state.link[side].is_empty() || !infos[1 - side].runs;
        if !infos[0].is_busy() && !infos[1].is_busy() && delivered(0) && delivered(1) {
            self.pass(state, out);
        }
    }

    fn mending(&mut self, state: &State, out: &mut Vec<Edge>) {
        // While messages are on the way nobody mends: what comes of it is heard later anyway, among everything
        // else that happens then.
        let quiet = state.link.iter().all(Vec::is_empty);
        for (side, info) in self.infos(state).into_iter().enumerate() {
            // A stopped daemon's own messages go on waiting.
            let other = self.sides[1 - side].info(state.hosts[1 - side]);
            let quiet = quiet || (!info.runs && state.link[side].is_empty() && !other.is_busy());
            // After a stop nobody starts the daemon again: it would find the other one gone and serve as well (S9).
            let stopped =
                self.acts.is_some_and(|acts| acts.act == Input::Shutdown && acts.budget > state.budget);
            let allowed = |input: &Input| quiet && !(stopped && *input == Input::StartDaemon);
            for input in info.mending().filter(allowed) {
                self.step(state, Class::Mending, side, input, out);
            }
        }
        if quiet && state.cut != [false, false] {
            out.push(plain(Class::Mending, Label::Heal, State { cut: [false; 2], ..state.clone() }));
        }
    }

    fn host_faults(&mut self, paid: &State, out: &mut Vec<Edge>) {
        let first = out.len();
        let infos = self.infos(paid);
        for (side, info) in infos.into_iter().enumerate() {
            // The other one has heard it a moment ago.
            let is_fresh = self.promises_p9 && !infos[1 - side].serves && self.is_silent(paid);
            let restart = if is_fresh { Input::Restart } else { Input::Crash };
            let act = self.acts.map(|acts| if acts.act == Input::Crash { restart } else { acts.act });
            let is_whole = paid.cut == [false; 2];
            let belongs = |input: Input| match act {
                None => input != Input::Restart,
                Some(Input::TakeoverByForce) => {
                    matches!(input, Input::TakeoverByForce | Input::Takeover | Input::HostDies | Input::Crash)
                }
                // Beside a `fence-action`.
                Some(Input::HostDies) => matches!(input, Input::HostDies | Input::Crash | Input::Pause),
                Some(Input::Isolated) => {
                    matches!(input, Input::Isolated | Input::TargetsLost | Input::TargetsLostLate)
                }
                Some(act) => act == input,
            };
            let possible = |input: Input| match input {
                Input::Isolated | Input::TargetsLost => is_whole,
                Input::TargetsLostLate => !is_whole,
                _ => true,
            };
            let allowed = |input: &Input| belongs(*input) && possible(*input);
            for input in info.faults().filter(allowed) {
                self.step(paid, Class::Fault, side, input, out);
            }
        }
        // A refused order is no fault.
        let mut at = 0;
        out.retain(|edge| {
            at += 1;
            at <= first || edge.to != *paid
        });
    }

    fn infos(&self, state: &State) -> [crate::local::Info; 2] {
        [self.sides[0].info(state.hosts[0]), self.sides[1].info(state.hosts[1])]
    }

    /// Something happens on one host.
    fn step(&mut self, state: &State, class: Class, side: usize, input: Input, out: &mut Vec<Edge>) {
        for effect in self.sides[side].step(state.hosts[side], input, 0) {
            let label = Label::At(u8::from(side == 1), input);
            let mut edge = self.after(state, class, label, side, effect);
            if input == Input::Isolated {
                edge.to.cut = [true; 2];
            }
            out.push(edge);
        }
    }

    /// A device turns the other host off, and that is known or not.
    fn shoot(&mut self, state: &State, side: usize, out: &mut Vec<Edge>) {
        let mut off = state.clone();
        if !self.fence_lies {
            let dead = self.sides[1 - side].step(state.hosts[1 - side], Input::HostDies, 0).start;
            off.hosts[1 - side] = self.sides[1 - side].effect(dead).host;
            // No host is back before what was on the way to it is lost.
            off.link[side].clear();
            off.held.retain(|(from, _, _)| usize::from(*from) != side);
        }
        self.step(&off, Class::Fair, side, Input::FenceConfirms, out);
        self.step(&off, Class::Fair, side, Input::FenceFails, out);
    }

    fn arrive(&mut self, state: &State, from: usize, out: &mut Vec<Edge>) {
        let mut before = state.clone();
        let taken = before.link[from].remove(0);
        self.deliver(&before, Label::Arrives(u8::from(from == 1)), from, taken, out);
    }

    fn arrive_late(&mut self, state: &State, at: usize, out: &mut Vec<Edge>) {
        let mut before = state.clone();
        let (from, taken, _) = before.held.remove(at);
        if self.sides[1 - usize::from(from)].info(state.hosts[1 - usize::from(from)]).runs {
            self.deliver(&before, Label::ArrivesLate(from), usize::from(from), taken, out);
        }
    }

    fn deliver(&mut self, before: &State, label: Label, from: usize, taken: u8, out: &mut Vec<Edge>) {
        let message = self.sides[from].message(taken);
        let to = 1 - from;
        for effect in self.sides[to].step(before.hosts[to], Input::Take(message), taken) {
            out.push(self.after(before, Class::Fair, label, to, effect));
        }
    }

    /// Time passes. Nothing else was left to do.
    fn pass(&mut self, state: &State, out: &mut Vec<Edge>) {
        let mut to = state.clone();
        let infos = self.infos(state);
        for side in 0..2 {
            let effect = self.sides[side].step(state.hosts[side], Input::Pass, 0).start;
            to.hosts[side] = self.sides[side].effect(effect).host;
            if !infos[1 - side].up {
                to.link[side].clear();
            }
            let is_silent = state.cut[side] || !infos[side].runs;
            // It is counted as long as it decides something.
            let counts = is_silent && infos[1 - side].hears_peer;
            let longest = self.lost_after[1 - side].filter(|_| counts).unwrap_or_default();
            to.silent[side] = (to.silent[side] + self.grain).min(longest);
        }
        to.held.retain_mut(|(_, _, left)| {
            *left = left.saturating_sub(self.grain);
            *left > 0
        });
        out.push(plain(Class::Fair, Label::Pass, to));
    }

    /// The state after a step of one host.
    fn after(&self, before: &State, class: Class, label: Label, side: usize, effect: u32) -> Edge {
        let effect = self.sides[side].effect(effect);
        let mut edge = plain(class, label, before.clone());
        edge.to.hosts[side] = effect.host;
        (edge.sender, edge.broken) = (u8::from(side == 1), effect.broken);
        let other = self.sides[1 - side].info(before.hosts[1 - side]);
        if self.promises_p9 && effect.stops && !other.serves && !other.claims {
            edge.broken = Some("P9: stops an application that serves for a side that does not");
        }
        if self.is_taken_beside_one_that_serves(before, side, effect.host) {
            edge.broken = Some("isolation: takes the role before the other side has stopped");
        }
        if self.is_taken_unfenced(before, label, side, effect.host) {
            edge.broken = Some("fence: takes the role from a silent side that serves");
        }
        edge.sent = u8::try_from(effect.sent.len()).unwrap_or(u8::MAX);
        let receiver = self.sides[1 - side].info(before.hosts[1 - side]);
        if !before.cut[side] && receiver.up {
            let room = if receiver.runs { CAPACITY } else { PAUSED };
            for message in &effect.sent {
                if edge.to.link[side].len() < room {
                    edge.to.link[side].push(*message);
                } else {
                    edge.overflow = receiver.runs;
                }
            }
        }
        edge
    }

    /// One of the two is isolated since the link is cut, and takes the role or leaves it to the other one too late.
    fn is_taken_beside_one_that_serves(&self, before: &State, side: usize, host: u32) -> bool {
        let [was, is] = [before.hosts[side], host].map(|host| self.sides[side].info(host));
        let other = self.sides[1 - side].info(before.hosts[1 - side]);
        let is_isolated = was.isolated_in_time || other.isolated_in_time;
        before.cut == [true; 2] && is_isolated && is.has_role && !was.has_role && other.answers
    }

    /// Without an order by force.
    fn is_taken_unfenced(&self, before: &State, label: Label, side: usize, host: u32) -> bool {
        let [was, is] = [before.hosts[side], host].map(|host| self.sides[side].info(host));
        let other = self.sides[1 - side].info(before.hosts[1 - side]);
        let by_force = matches!(label, Label::At(_, Input::TakeoverByForce));
        self.fences && is.has_role && !was.has_role && is.has_lost_peer && other.answers && !by_force
    }

    /// Whether the promises of a working link and running daemons apply.
    pub fn is_undisturbed(&self, state: &State) -> bool {
        let infos = self.infos(state);
        let stopped = infos.iter().any(|info| info.up && !info.runs || info.frozen);
        // A side that is isolated, or that an operator has to order, does not serve without its peer.
        let waits =
            (0..2).any(|side| !infos[1 - side].up && (infos[side].isolated || self.sides[side].is_manual()));
        state.cut == [false, false] && !stopped && !waits
    }

    /// The daemons run, and the only direction that is cut is that from this side.
    pub fn is_unheard(&self, state: &State, side: usize) -> bool {
        state.cut[side] && !state.cut[1 - side] && self.infos(state).iter().all(|info| info.runs)
    }

    /// How many applications serve.
    pub fn serving(&self, state: &State) -> usize {
        self.infos(state).iter().filter(|info| info.serves).count()
    }

    /// A daemon is down and its application serves on.
    pub fn is_left_alone(&self, state: &State) -> bool {
        self.infos(state).iter().any(|info| info.serves && !info.up)
    }

    /// Its daemon runs and has not been asked to end.
    pub fn is_staying(&self, state: &State, side: usize) -> bool {
        let info = self.infos(state)[side];
        info.up && !info.ends
    }

    pub fn is_fit(&self, state: &State, side: usize) -> bool {
        self.infos(state)[side].fit
    }

    /// Two daemons that have just started, with nothing on the way: what their applications are.
    pub fn is_fresh(&self, state: &State) -> Option<[Role; 2]> {
        let infos = self.infos(state);
        infos[0].fresh.zip(infos[1].fresh).map(|(a, b)| [a, b]).filter(|_| self.is_silent(state))
    }

    /// Both daemons are hot.
    pub fn both_hot(&self, state: &State) -> bool {
        self.infos(state).iter().all(|info| info.claims)
    }

    /// Both serve, and nothing that was wanted or given a moment ago decides beforehand.
    pub fn serve_both(&self, state: &State) -> bool {
        self.infos(state).iter().all(|info| info.stand == Stand::Hot && !info.biased)
    }

    /// Which of two hot nodes of ours stays so: the one that has been hot for longer, or A, which has the greater address.
    /// `None` where that may change before they have compared, within `conflict`: times over `LONG` are taken for equal.
    pub fn stays_hot(&self, state: &State, conflict: Duration) -> Option<u8> {
        let [a, b] = self.infos(state).map(|info| info.hot_for);
        if a >= b { Some(0) } else { (a + conflict < LONG).then_some(1) }
    }

    /// Nothing is on the way.
    pub fn is_silent(&self, state: &State) -> bool {
        state.link.iter().all(Vec::is_empty) && state.held.is_empty()
    }

    /// All that is on the way says what its sender is.
    pub fn only_heartbeats(&self, state: &State) -> bool {
        use schrittmacher_wire::PeerCode::{Fail, Hott, Stby, ToStandby, Unk};
        self.infos(state).iter().enumerate().all(|(side, info)| {
            let hot = info.stand == Stand::Hot;
            state.link[side].iter().all(|message| match self.sides[side].message(*message).code {
                Hott => hot,
                Stby | Fail | Unk | ToStandby => !hot,
                _ => false,
            })
        })
    }

    /// Which side serves in a settled pair; 2 if rightly nobody does; `None` if it is not settled.
    pub fn settled(&self, state: &State) -> Option<u8> {
        let infos = self.infos(state);
        match (infos[0].stand, infos[1].stand) {
            (Stand::Hot, Stand::Standby | Stand::Out) => Some(0),
            (Stand::Standby | Stand::Out, Stand::Hot) => Some(1),
            (Stand::Out, Stand::Out) => Some(2),
            _ => None,
        }
    }
}

fn plain(class: Class, label: Label, to: State) -> Edge {
    Edge { class, label, to, sender: 0, sent: 0, broken: None, overflow: false }
}

fn link_faults(paid: &State, out: &mut Vec<Edge>) {
    let mut fault = |label, change: &dyn Fn(&mut State)| {
        let mut to = paid.clone();
        change(&mut to);
        out.push(plain(Class::Fault, label, to));
    };
    for from in 0..2_u8 {
        let side = usize::from(from);
        if paid.link[side].is_empty() {
            continue;
        }
        fault(Label::Lose(from), &|to| {
            to.link[side].remove(0);
        });
        if paid.link[side].len() < CAPACITY {
            fault(Label::Double(from), &|to| to.link[side].insert(0, to.link[side][0]));
        }
        if paid.held.len() < HELD {
            fault(Label::Delay(from), &|to| {
                let message = to.link[side].remove(0);
                to.held.push((from, message, DELAY));
                to.held.sort_unstable();
            });
        }
    }
    if paid.cut == [false, false] {
        fault(Label::Cut(0), &|to| to.cut = [true, false]);
        fault(Label::Cut(1), &|to| to.cut = [false, true]);
        fault(Label::CutBoth, &|to| to.cut = [true, true]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packing_loses_nothing() {
        let state = State {
            hosts: [0xfff_fffe, 0xfff_ffff],
            link: [vec![1, 63, 5], vec![63; CAPACITY]],
            held: vec![(0, 63, 1), (1, 2, DELAY)],
            cut: [true, false],
            silent: [8, 15],
            budget: 2,
        };
        assert_eq!(unpack(&pack(&state)), state);
        assert_ne!(pack(&state), pack(&State { budget: 1, ..state.clone() }));
    }
}
