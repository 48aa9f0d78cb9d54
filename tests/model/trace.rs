//! A way through the states, for a reader.

use std::collections::VecDeque;
use std::fmt::Write as _;

use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

use crate::host::Input;
use crate::pair::{Label, Pair, State, pack};
use crate::search::Found;

/// The steps after the state that a trace leads to.
pub enum Then<'a> {
    Nothing,
    /// It goes on like this.
    Along(&'a [usize]),
    /// It lies on a cycle of states like these.
    Cycle(&'a dyn Fn(usize) -> bool),
    /// It goes on by itself to a state like these.
    Until(&'a dyn Fn(usize) -> bool),
    /// The link is mended, then it goes on by itself to a state like these.
    HealedUntil(&'a dyn Fn(usize) -> bool),
}

/// The steps from the start to `end`, and on from there.
pub fn tell(pair: &mut Pair, found: &Found, end: usize, then: &Then<'_>) -> String {
    let mut way = found.way_to(end);
    let entry = way.len() - 1;
    let remark = match then {
        Then::Nothing => "",
        Then::Along(rest) => {
            way.extend(rest.iter().skip(1));
            "  -- and then:\n"
        }
        Then::Cycle(inside) => {
            way.extend(onward(found, end, inside, &|at| at == end));
            "  -- from here it can go round for ever:\n"
        }
        Then::Until(goal) => {
            way.extend(onward(found, end, &|_| true, goal));
            "  -- and from here by itself:\n"
        }
        Then::HealedUntil(goal) => {
            if let Some(healed) = healed(pair, found, end) {
                way.push(healed);
                way.extend(onward(found, healed, &|_| true, goal));
            }
            "  -- so it stays for as long as the link is cut; then:\n"
        }
    };
    let mut text = String::new();
    let mut seconds = 0;
    for (at, pair_of) in way.windows(2).enumerate() {
        let (before, after) = (found.state(pair_of[0]), found.state(pair_of[1]));
        if at == entry {
            text.push_str(remark);
        }
        tell_step(pair, &before, &after, &mut seconds, &mut text);
    }
    text
}

/// The state after the link is mended.
fn healed(pair: &mut Pair, found: &Found, at: usize) -> Option<usize> {
    let mut edges = Vec::new();
    pair.edges(&found.state(at), false, &mut edges);
    let to = pack(&edges.iter().find(|edge| edge.label == Label::Heal)?.to);
    found.states.iter().position(|state| *state == to)
}

fn tell_step(pair: &mut Pair, before: &State, after: &State, seconds: &mut u32, text: &mut String) {
    let mut edges = Vec::new();
    pair.edges(before, true, &mut edges);
    let Some(edge) = edges.into_iter().find(|edge| edge.to == *after) else { return };
    *seconds += u32::from(edge.label == Label::Pass) * u32::from(pair.grain);
    if edge.label == Label::Pass {
        return;
    }
    let side = usize::from(edge.sender);
    let sent =
        edge.to.link[side].len() - before_length(before, edge.label, side).min(edge.to.link[side].len());
    let said = edge.to.link[side].iter().rev().take(sent).rev();
    let said: Vec<&str> = said.map(|m| pair.sides[side].message(*m).code.as_str()).collect();
    let says = if said.is_empty() { String::new() } else { format!("  says {}", said.join(" ")) };
    let hosts = [0, 1].map(|side| pair.sides[side].host(edge.to.hosts[side]).words());
    let label = words(pair, before, edge.label);
    let _ = writeln!(text, "  {seconds:>3} s  {label:<34} A {:<22} B {:<22}{says}", hosts[0], hosts[1]);
    if let Some(broken) = edge.broken {
        let _ = writeln!(text, "         {broken}");
    }
}

fn before_length(before: &State, label: Label, side: usize) -> usize {
    match label {
        Label::Double(_) | Label::Lose(_) | Label::Delay(_) => usize::MAX,
        _ => before.link[side].len(),
    }
}

/// The last step, in words.
pub fn words(pair: &Pair, before: &State, label: Label) -> String {
    let name = |side: u8| if side == 0 { "A" } else { "B" };
    let oldest = |side: u8| {
        let code = |m: &u8| pair.sides[usize::from(side)].message(*m).code.as_str();
        before.link[usize::from(side)].first().map_or("nothing", code)
    };
    match label {
        Label::At(side, input) => format!("{}: {}", name(side), of_input(pair, before, side, input)),
        Label::Arrives(from) => format!("{} hears {}", name(1 - from), oldest(from)),
        Label::ArrivesLate(from) => format!("{} hears a delayed message", name(1 - from)),
        Label::Pass => "time passes".to_owned(),
        Label::Heal => "the link is whole again".to_owned(),
        Label::Lose(from) => format!("LOST: {} of {}", oldest(from), name(from)),
        Label::Double(from) => format!("DOUBLED: {} of {}", oldest(from), name(from)),
        Label::Delay(from) => format!("DELAYED: {} of {}", oldest(from), name(from)),
        Label::Cut(from) => format!("CUT: nothing of {} arrives", name(from)),
        Label::CutBoth => "CUT in both directions".to_owned(),
    }
}

fn of_input(pair: &Pair, before: &State, side: u8, input: Input) -> String {
    let host = pair.sides[usize::from(side)].host(before.hosts[usize::from(side)]);
    match input {
        Input::Hear => format!("hears {}", host.report.map_or("nothing", |code| code.as_str())),
        Input::Report => "application reports".to_owned(),
        Input::Tick => "time".to_owned(),
        Input::Died => "learns that its process ended".to_owned(),
        Input::Released => "commands are over".to_owned(),
        Input::ReleaseFails => "commands are over, and the address is still here".to_owned(),
        Input::ActivateFails => "activate fails".to_owned(),
        Input::StartDaemon => "daemon starts".to_owned(),
        Input::StartApp => "application starts".to_owned(),
        Input::WakeApp => "application goes on".to_owned(),
        Input::Resume => "daemon goes on".to_owned(),
        Input::Take(_) | Input::Pass => String::new(),
        fault => format!("{fault:?}").to_uppercase(),
    }
}

/// The shortest way by itself from `start`, over at least one step and `inside` only, to a goal; without its
/// first state.
fn onward(
    found: &Found,
    start: usize,
    inside: &dyn Fn(usize) -> bool,
    goal: &dyn Fn(usize) -> bool,
) -> Vec<usize> {
    let mut from = HashMap::<usize, usize, FxBuildHasher>::default();
    let mut next = VecDeque::from([start]);
    while let Some(at) = next.pop_front() {
        for to in found.steps(at).iter().map(|step| step.to()).filter(|to| inside(*to)) {
            if goal(to) {
                let mut way = vec![to];
                let mut back = at;
                while back != start {
                    way.push(back);
                    back = from[&back];
                }
                way.reverse();
                return way;
            }
            if to != start && !from.contains_key(&to) {
                from.insert(to, at);
                next.push_back(to);
            }
        }
    }
    Vec::new()
}
