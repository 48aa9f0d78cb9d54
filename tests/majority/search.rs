//! Every sequence of a few faults, at steps of half a second, from a pair that has found its roles.

use std::time::Duration;

use schrittmacher_protocol::{Event, Policy};

use crate::host::Setup;
use crate::world::{PEERS, Seen, Without, World};
use crate::{on_every_core, setup};

/// Time between two choices.
const STEP: Duration = Duration::from_millis(500);
/// Choices in a sequence; the faults are within the first half, since most have their effect later.
const STEPS: usize = 24;
/// The pair has found its roles by then.
const SETTLED: Duration = Duration::from_secs(20);

/// Something that happens between two steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    /// These links are cut, the others work: bit by bit as [`World::links`].
    Cut(usize),
    Witness(bool),
    Crash(usize),
    Start(usize),
    Pause(usize),
    Resume(usize),
    AppEnds(usize),
    AppStarts(usize),
    Failover(usize),
    Takeover(usize),
    Shutdown(usize),
}

fn acts(world: &World) -> Vec<Act> {
    let cut = (0..3).map(|link| usize::from(!world.links[link]) << link).sum::<usize>();
    let mut acts: Vec<Act> = (0..8).filter(|other| *other != cut).map(Act::Cut).collect();
    acts.push(Act::Witness(!world.witness_is_up));
    for side in 0..2 {
        let host = &world.hosts[side];
        if host.machine.is_none() {
            acts.push(Act::Start(side));
            continue;
        }
        acts.push(Act::Crash(side));
        if host.paused {
            acts.push(Act::Resume(side));
            continue;
        }
        acts.push(Act::Pause(side));
        acts.push(if host.app == crate::host::App::Dead { Act::AppStarts(side) } else { Act::AppEnds(side) });
        acts.push(if host.is_hot() { Act::Failover(side) } else { Act::Takeover(side) });
        acts.push(Act::Shutdown(side));
    }
    acts
}

impl World {
    fn act(&mut self, act: Act) {
        match act {
            Act::Cut(cut) => (0..=PEERS).for_each(|link| self.links[link] = cut >> link & 1 == 0),
            Act::Witness(is_up) => self.witness_is_up = is_up,
            Act::Crash(side) => self.crash(side),
            Act::Start(side) => self.start_daemon(side),
            Act::Pause(side) => self.pause(side),
            Act::Resume(side) => self.resume(side),
            Act::AppEnds(side) => self.end_app(side),
            Act::AppStarts(side) => self.start_app(side),
            Act::Failover(side) => self.give(side, Event::Failover { force: false }),
            Act::Takeover(side) => self.give(side, Event::Takeover { force: false }),
            Act::Shutdown(side) => self.shut_down(side),
        }
    }
}

/// The result of a part of the search.
#[derive(Default)]
struct Found {
    runs: u64,
    broken: u64,
    /// The shortest sequence that breaks the promise.
    first: Option<Vec<(usize, Act)>>,
    worst: Duration,
    /// One after which no side alone serves when everything works again (P2).
    unsettled: Option<Vec<(usize, Act)>>,
    /// The first sequence is enough.
    is_for_teeth: bool,
}

/// The clocks of A, B and the witness, in millionths that they are fast: the worst that the rule allows for.
const CLOCKS: [[i64; 3]; 4] = [[-500, 500, 500], [500, -500, -500], [-500, -500, 500], [500, 500, -500]];

pub fn search(faults: usize) -> bool {
    println!("| clocks of A, B and the witness, ppm | sequences | with two that serve |\n|---|---|---|");
    let found = on_every_core(CLOCKS.len(), |at| (CLOCKS[at], explore(setup(CLOCKS[at]), faults, None)));
    let mut kept = true;
    for (clocks, found) in &found {
        println!("| {clocks:?} | {} | {} |", found.runs, found.broken);
        kept &= found.broken == 0 && found.unsettled.is_none();
        tell(found);
    }
    println!(
        "\nIt has to find what comes of a rule that is taken out:\n| without | sequences | the first one with two that serve |\n|---|---|---|"
    );
    let available = Setup { policy: Policy::Available, ..setup([0; 3]) };
    let teeth = [
        ("its own promise", setup(CLOCKS[0]), Some(Without::OwnPromise)),
        ("the time to stop", Setup { run: false, ..setup(CLOCKS[0]) }, Some(Without::TimeToStop)),
        ("the whole rule", available, None),
    ];
    let found = on_every_core(teeth.len(), |at| {
        let (name, setup, without) = &teeth[at];
        (*name, explore_for_teeth(*setup, *without))
    });
    for (name, found) in &found {
        println!("| {name} | {} | {:?}, for {:?} |", found.runs, found.first, found.worst);
        kept &= found.broken > 0;
    }
    kept
}

/// One fault is enough.
fn explore_for_teeth(setup: Setup, without: Option<Without>) -> Found {
    let mut found = Found { is_for_teeth: true, ..Found::default() };
    explore_into(setup, 1, without, &mut found);
    found
}

fn tell(found: &Found) {
    if let Some(first) = &found.first {
        println!("BROKEN: {first:?}: {:?}", found.worst);
    }
    if let Some(unsettled) = &found.unsettled {
        println!("BROKEN: P2 after {unsettled:?}");
    }
}

/// A pair that has found its roles, A hot.
fn settled(setup: Setup, without: Option<Without>) -> World {
    let mut world = World::new(setup);
    world.without = without;
    world.start_daemon(0);
    world.run_until(Duration::from_secs(10));
    world.start_daemon(1);
    world.run_until(SETTLED);
    world.seen = Seen::default();
    world
}

fn explore(setup: Setup, faults: usize, without: Option<Without>) -> Found {
    let mut found = Found::default();
    explore_into(setup, faults, without, &mut found);
    found
}

fn explore_into(setup: Setup, faults: usize, without: Option<Without>, found: &mut Found) {
    let world = settled(setup, without);
    // Half a heartbeat more: not all faults fall on the same moment between two heartbeats.
    for shift in [Duration::ZERO, STEP / 3] {
        let mut world = world.clone();
        world.run_until(SETTLED + shift);
        descend(&world, 0, faults, &mut Vec::new(), found);
    }
}

fn descend(world: &World, step: usize, faults: usize, done: &mut Vec<(usize, Act)>, found: &mut Found) {
    if found.is_for_teeth && found.broken > 0 {
        return;
    }
    let mut world = world.clone();
    for step in step..STEPS {
        if faults > 0 && step < STEPS / 2 {
            for act in acts(&world) {
                let mut next = world.clone();
                next.act(act);
                done.push((step, act));
                next.run_until(world.now + STEP);
                descend(&next, step + 1, faults - 1, done, found);
                done.pop();
            }
        }
        world.run_until(world.now + STEP);
        if !world.seen.two.is_zero() {
            break;
        }
    }
    found.runs += 1;
    if !found.is_for_teeth && !world.clone().settles() {
        found.unsettled.get_or_insert_with(|| done.clone());
    }
    if !world.seen.two.is_zero() {
        found.broken += 1;
        if found.first.as_ref().is_none_or(|first| first.len() > done.len()) {
            (found.first, found.worst) = (Some(done.clone()), world.seen.two);
        }
    }
}
