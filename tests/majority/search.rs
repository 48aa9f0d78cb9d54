//! Every sequence of a few faults, at steps of half a second, from a pair that has found its roles.

use std::time::Duration;

use schrittmacher_protocol::{Event, Evidence, OnIsolation, Policy};

use crate::faults::Unsettled;
use crate::fence;
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
    /// By force or not.
    Takeover(usize, bool),
    Shutdown(usize),
    /// This host reaches nothing and is reached by nothing.
    Isolate(usize),
    /// All that isolated hosts have lost is back.
    Join,
    /// Its targets are silent, or answer again; the links are as they were.
    Targets(usize),
}

/// What is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Acts {
    All,
    /// Hosts are isolated, in good order otherwise.
    Isolations,
}

fn acts(world: &World, kind: Acts) -> Vec<Act> {
    if kind == Acts::Isolations {
        return isolations(world);
    }
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
        if host.is_hot() {
            acts.push(Act::Failover(side));
        } else {
            acts.extend([false, true].map(|force| Act::Takeover(side, force)));
        }
        acts.push(Act::Shutdown(side));
        if world.setup.on_isolation == OnIsolation::StepDown {
            acts.extend([Act::Isolate(side), Act::Targets(side)]);
        }
    }
    acts
}

/// Without [`Act::Targets`] where the link is cut: two hosts that reach their targets and not each other are no isolation (P8).
fn isolations(world: &World) -> Vec<Act> {
    let other = if world.links[PEERS] { vec![Act::Targets(0), Act::Targets(1)] } else { vec![Act::Join] };
    [vec![Act::Isolate(0), Act::Isolate(1)], other].concat()
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
            Act::Takeover(side, force) => self.give(side, Event::Takeover { force }),
            Act::Shutdown(side) => self.shut_down(side),
            Act::Isolate(side) => self.isolate(side),
            Act::Join => self.join(),
            Act::Targets(side) => self.hosts[side].reaches ^= true,
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
    /// Two serve, since an operator has taken the role from a silent peer by force.
    forced: u64,
    /// Forced orders that were refused, and others that were obeyed.
    wrong_orders: u64,
    /// What is wrong when everything works again, and after what.
    unsettled: Option<(Unsettled, Vec<(usize, Act)>)>,
}

/// A part of the search.
#[derive(Clone)]
struct Part {
    name: String,
    setup: Setup,
    acts: Acts,
    without: Option<Without>,
    /// The first sequence is enough.
    is_for_teeth: bool,
}

/// The clocks of A, B and the witness, in millionths that they are fast: the worst that the rule allows for.
const CLOCKS: [[i64; 3]; 4] = [[-500, 500, 500], [500, -500, -500], [-500, -500, 500], [500, 500, -500]];

fn parts() -> Vec<Part> {
    let part = |name: String, setup: Setup, acts: Acts| {
        let setup = Setup { run: setup.policy.promise().is_some(), ..setup };
        Part { name, setup, acts, without: None, is_for_teeth: false }
    };
    let every_clock = |name: &'static str, acts: Acts, change: fn(Setup) -> Setup| {
        CLOCKS.map(|clocks| part(format!("{name}, {clocks:?}"), change(setup(clocks)), acts))
    };
    let consistent = every_clock("`consistent`", Acts::All, |setup| setup);
    let both = every_clock("`consistent`, step-down", Acts::All, |setup| Setup {
        on_isolation: OnIsolation::StepDown,
        ..setup
    });
    let isolated = every_clock("`available`, step-down, hosts are isolated", Acts::Isolations, isolated);
    let manual = every_clock("`manual`", Acts::All, |setup| Setup { policy: Policy::Manual, ..setup });
    let fenced = every_clock("`manual`, fence", Acts::All, |setup| Setup {
        policy: Policy::Manual,
        fence: Some(fence::RULE),
        ..setup
    });
    consistent.into_iter().chain(both).chain(isolated).chain(manual).chain(fenced).collect()
}

/// Without a witness; the application needs nearly the quarter that is kept for stopping it.
fn isolated(setup: Setup) -> Setup {
    let waits = 2 * setup.heartbeat;
    Setup {
        policy: Policy::Available,
        on_isolation: OnIsolation::StepDown,
        ping_timeout: waits / 2,
        stops: waits / 4 - waits / 100,
        ..setup
    }
}

/// With one fault, what is known to break a promise.
fn teeth() -> Vec<Part> {
    let bad = |name: &str, setup: Setup, acts: Acts, without: Option<Without>| Part {
        name: name.to_owned(),
        setup,
        acts,
        without,
        is_for_teeth: true,
    };
    let usual = setup(CLOCKS[0]);
    let available = Setup { policy: Policy::Available, ..setup([0; 3]) };
    let isolated = isolated(setup([0; 3]));
    let waits = 2 * isolated.heartbeat;
    vec![
        bad("its own promise", usual, Acts::All, Some(Without::OwnPromise)),
        bad("the time to stop", Setup { run: false, ..usual }, Acts::All, Some(Without::TimeToStop)),
        bad("the whole rule", available, Acts::All, None),
        bad(
            "a fence that is true",
            Setup { fence: Some(fence::RULE), ..available },
            Acts::All,
            Some(Without::TrueFence),
        ),
        bad(
            "step-down of an isolated side",
            Setup { on_isolation: OnIsolation::Keep, ..isolated },
            Acts::Isolations,
            None,
        ),
        bad("evidence in time", Setup { ping_timeout: waits, ..isolated }, Acts::Isolations, None),
        bad("the quarter for stopping", Setup { stops: waits / 2, ..isolated }, Acts::Isolations, None),
    ]
}

pub fn search(faults: usize) -> bool {
    println!(
        "| part; clocks of A, B and the witness, ppm | sequences of up to {faults} | two serve | two serve after force |\n|---|---|---|---|"
    );
    let parts = parts();
    let found = on_every_core(parts.len(), |at| {
        let found = explore(&parts[at], faults);
        println!("| {} | {} | {} | {} |", parts[at].name, found.runs, found.broken, found.forced);
        (at, found)
    });
    let mut kept = true;
    for (at, found) in &found {
        let is_manual = parts[*at].setup.policy == Policy::Manual;
        kept &= found.broken == 0 && found.unsettled.is_none() && found.wrong_orders == 0;
        // It takes a cut and an order.
        kept &= !is_manual || faults < 2 || found.forced > 0;
        tell(&parts[*at].name, found);
    }
    println!("\n{} sequences", found.iter().map(|(_, found)| found.runs).sum::<u64>());
    println!(
        "\nIt has to find what comes of a rule that is taken out:\n| without | sequences | the first one with two that serve |\n|---|---|---|"
    );
    let teeth = teeth();
    let found = on_every_core(teeth.len(), |at| (at, explore(&teeth[at], 1)));
    for (at, found) in &found {
        println!("| {} | {} | {:?}, for {:?} |", teeth[*at].name, found.runs, found.first, found.worst);
        kept &= found.broken > 0;
    }
    kept
}

fn tell(name: &str, found: &Found) {
    if let Some(first) = &found.first {
        println!("BROKEN: {name}: {first:?}: {:?}", found.worst);
    }
    if let Some((unsettled, after)) = &found.unsettled {
        println!("BROKEN: {name}: {unsettled}, after {after:?}");
    }
    if found.wrong_orders > 0 {
        println!("BROKEN: {name}: {} orders to take over", found.wrong_orders);
    }
}

/// A pair that has found its roles, A hot.
fn settled(part: &Part) -> World {
    let mut world = World::new(part.setup);
    world.without = part.without;
    world.start_daemon(0);
    // What the hot side hears last comes shortly before what it says itself: the worst moment for an isolation.
    let later = if part.acts == Acts::Isolations { part.setup.heartbeat * 9 / 10 } else { Duration::ZERO };
    world.run_until(Duration::from_secs(10) + later);
    world.start_daemon(1);
    world.run_until(SETTLED);
    world.seen = Seen::default();
    world
}

fn explore(part: &Part, faults: usize) -> Found {
    let mut found = Found::default();
    let world = settled(part);
    // Not all faults fall on the same moment between two heartbeats. Of isolations the moment is all that matters: between
    // heartbeats, and between echoes.
    let (moments, echoes) = match part.acts {
        Acts::All => (vec![Duration::ZERO, STEP / 3], 1),
        Acts::Isolations => ((0..8).map(|moment| STEP * moment / 8).collect(), 4),
    };
    let shifts = moments.into_iter().flat_map(|moment| (0..echoes).map(move |echo| (moment, echo)));
    for (moment, echo) in shifts {
        let mut world = world.clone();
        let period = Evidence::period(part.setup.ping_timeout);
        world.hosts.iter_mut().for_each(|host| host.echo_at += period * echo / echoes);
        world.run_until(SETTLED + moment);
        descend(part, &world, 0, faults, &mut Vec::new(), &mut found);
    }
    found
}

fn descend(
    part: &Part,
    world: &World,
    step: usize,
    faults: usize,
    done: &mut Vec<(usize, Act)>,
    found: &mut Found,
) {
    if part.is_for_teeth && found.broken > 0 {
        return;
    }
    let mut world = world.clone();
    for step in step..STEPS {
        if faults > 0 && step < STEPS / 2 {
            for act in acts(&world, part.acts) {
                let mut next = world.clone();
                next.act(act);
                done.push((step, act));
                next.run_until(world.now + STEP);
                descend(part, &next, step + 1, faults - 1, done, found);
                done.pop();
            }
        }
        world.run_until(world.now + STEP);
        if !world.seen.two.is_zero() {
            break;
        }
    }
    found.runs += 1;
    found.wrong_orders += world.seen.wrong_orders;
    if !part.is_for_teeth
        && let Some(unsettled) = world.clone().unsettled()
    {
        found.unsettled.get_or_insert_with(|| (unsettled, done.clone()));
    }
    let two = !world.seen.two.is_zero();
    found.forced += u64::from(two && world.seen.forced);
    if two && !world.seen.forced {
        found.broken += 1;
        if found.first.as_ref().is_none_or(|first| first.len() > done.len()) {
            (found.first, found.worst) = (Some(done.clone()), world.seen.two);
        }
    }
}
