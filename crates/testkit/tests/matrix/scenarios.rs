//! The scenarios. Host 0 is ours (or, for comparison, a 2.0.0), host 1 the legacy one.

use std::time::Duration;

use schrittmacher_protocol::StateName;
use schrittmacher_simulator::{App, Report};

use crate::world::{Program, V182, V200, World};

/// Host 0.
pub const OURS: usize = 0;
/// Host 1.
pub const PEER: usize = 1;

/// The side that has to serve in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ends {
    Ours,
    Legacy,
    /// The greater priority; ours if they are equal (S2).
    Preferred,
}

/// One scenario.
pub struct Scenario {
    pub name: &'static str,
    /// The side that is hot at first; none in a cold start.
    pub hot: Option<usize>,
    pub ends: Ends,
    /// The faults and orders.
    pub happens: fn(&mut World),
    /// One side can't hear the other for [`BROKEN`], so that both may serve.
    pub parted: bool,
    /// Our daemon must not change its state.
    pub unmoved: bool,
}

const fn scenario(name: &'static str, hot: Option<usize>, ends: Ends, happens: fn(&mut World)) -> Scenario {
    Scenario { name, hot, ends, happens, parted: false, unmoved: false }
}

const fn parted(name: &'static str, hot: usize, ends: Ends, happens: fn(&mut World)) -> Scenario {
    Scenario { name, hot: Some(hot), ends, happens, parted: true, unmoved: false }
}

const fn unmoved(name: &'static str, hot: usize, ends: Ends, happens: fn(&mut World)) -> Scenario {
    Scenario { name, hot: Some(hot), ends, happens, parted: false, unmoved: true }
}

/// Time between a fault and its repair, in seconds.
pub const BROKEN: f64 = 30.0;

const O: Option<usize> = Some(OURS);
const L: Option<usize> = Some(PEER);

/// All of them, in the order of the table.
pub const ALL: &[Scenario] = &[
    scenario("cold start, applications unknown", None, Ends::Preferred, |w| cold(w, Report::Unknown)),
    scenario("cold start, applications standby", None, Ends::Preferred, |w| cold(w, Report::Standby)),
    scenario("ours joins", None, Ends::Legacy, |w| join(w, OURS)),
    scenario("legacy joins", None, Ends::Ours, |w| join(w, PEER)),
    scenario("application on ours dies", O, Ends::Legacy, |w| app_dies(w, OURS)),
    scenario("application on legacy dies", L, Ends::Ours, |w| app_dies(w, PEER)),
    scenario("application on ours hangs", O, Ends::Legacy, |w| app_hangs(w, OURS)),
    scenario("application on legacy hangs", L, Ends::Ours, |w| app_hangs(w, PEER)),
    scenario("application on ours says LFAI", O, Ends::Legacy, |w| app_fails(w, OURS)),
    scenario("application on legacy says LFAI", L, Ends::Ours, |w| app_fails(w, PEER)),
    scenario("daemon of ours restarts", O, Ends::Ours, |w| daemon_dies(w, OURS, 2.0)),
    scenario("legacy daemon restarts", L, Ends::Legacy, |w| daemon_dies(w, PEER, 2.0)),
    parted("daemon of ours is away for 30 s", OURS, Ends::Legacy, |w| daemon_dies(w, OURS, BROKEN)),
    parted("legacy daemon is away for 30 s", PEER, Ends::Ours, |w| daemon_dies(w, PEER, BROKEN)),
    scenario("host of ours dies", O, Ends::Legacy, |w| host_dies(w, OURS)),
    scenario("legacy host dies", L, Ends::Ours, |w| host_dies(w, PEER)),
    scenario("failover on ours", O, Ends::Legacy, |w| w.failover(OURS)),
    scenario("failover on legacy", L, Ends::Ours, |w| w.failover(PEER)),
    scenario("takeover on ours", L, Ends::Ours, |w| w.takeover(OURS)),
    scenario("takeover on legacy", O, Ends::Legacy, |w| w.takeover(PEER)),
    scenario("SIGTERM to ours", O, Ends::Legacy, terminate),
    parted("link cut, ours hot", OURS, Ends::Preferred, |w| cut(w, &[OURS, PEER])),
    parted("link cut, legacy hot", PEER, Ends::Preferred, |w| cut(w, &[OURS, PEER])),
    parted("legacy deaf, ours hot", OURS, Ends::Legacy, |w| cut(w, &[OURS])),
    parted("legacy deaf, legacy hot", PEER, Ends::Legacy, |w| cut(w, &[OURS])),
    parted("ours deaf, ours hot", OURS, Ends::Ours, |w| cut(w, &[PEER])),
    parted("ours deaf, legacy hot", PEER, Ends::Preferred, |w| cut(w, &[PEER])),
    scenario("ours restarts in its takeover", L, Ends::Ours, |w| {
        w.takeover(OURS);
        restart_soon(w);
    }),
    scenario("ours restarts in its failover", O, Ends::Legacy, |w| {
        w.failover(OURS);
        restart_soon(w);
    }),
    unmoved("legacy upgraded and back, ours hot", OURS, Ends::Ours, |w| exchange(w, Program::Ours)),
    unmoved("legacy upgraded and back, ours standby", PEER, Ends::Legacy, |w| exchange(w, Program::Ours)),
    unmoved("legacy changes generation and back, ours hot", OURS, Ends::Ours, other_generation),
    unmoved("legacy changes generation and back, ours standby", PEER, Ends::Legacy, other_generation),
];

/// Brings the pair to where the scenario begins. `phase` shifts the two daemons' clocks.
pub fn prepare(world: &mut World, scenario: &Scenario, phase: f64) {
    let Some(hot) = scenario.hot else {
        world.phase = Duration::from_secs_f64(phase);
        return;
    };
    world.start(hot, Report::Hot);
    world.run(5.0 + phase);
    world.start(1 - hot, Report::Standby);
    world.run(15.0 + phase * 0.7);
    assert!(world.is_hot(hot), "{}", world.log());
    assert_eq!(world.state(1 - hot), StateName::Standby, "{}", world.log());
    world.measure();
}

/// Both hosts start, at the same instant at first and then less and less so.
fn cold(world: &mut World, report: Report) {
    let phase = world.phase.as_secs_f64();
    world.start(OURS, report);
    world.run(phase * phase);
    world.start(PEER, report);
    world.measure();
}

/// `late` joins a side that is hot by itself.
fn join(world: &mut World, late: usize) {
    world.start(1 - late, Report::Hot);
    world.run(10.0 + world.phase.as_secs_f64());
    world.measure();
    world.start(late, Report::Unknown);
}

fn app_dies(world: &mut World, host: usize) {
    world.kill_app(host);
    world.run(BROKEN);
    world.start_app(host, Report::Standby);
}

fn app_hangs(world: &mut World, host: usize) {
    world.change_app(host, |app, _| app.hang());
    world.run(BROKEN);
    world.change_app(host, App::resume);
}

fn app_fails(world: &mut World, host: usize) {
    world.change_app(host, App::fail);
    world.run(BROKEN);
    world.start_app(host, Report::Standby);
}

fn daemon_dies(world: &mut World, host: usize, seconds: f64) {
    world.kill_daemon(host);
    world.run(seconds);
    world.start_daemon(host);
}

fn host_dies(world: &mut World, host: usize) {
    world.world.power_off(host);
    world.run(60.0);
    world.start(host, Report::Standby);
}

fn terminate(world: &mut World) {
    world.terminate(OURS);
    world.run(BROKEN);
    world.start_daemon(OURS);
}

fn cut(world: &mut World, muted: &[usize]) {
    for host in muted {
        world.mute(*host);
    }
    world.run(BROKEN);
    world.heal();
}

fn restart_soon(world: &mut World) {
    world.run(0.5);
    world.kill_daemon(OURS);
    world.run(1.0);
    world.start_daemon(OURS);
}

/// Another program in the legacy daemon's place, and after a while the old one again.
fn exchange(world: &mut World, other: Program) {
    let old = world.program(PEER);
    world.replace(PEER, other);
    world.run(20.0);
    assert_eq!(world.takes_peer_for_ours(OURS), other == Program::Ours, "{}", world.log());
    world.replace(PEER, old);
    world.run(20.0);
    assert!(!world.takes_peer_for_ours(OURS), "{}", world.log());
}

fn other_generation(world: &mut World) {
    let other = if world.program(PEER) == V200 { V182 } else { V200 };
    exchange(world, other);
}
