//! A lost host: its resources are lost in one moment, however their heartbeats are spread.

use std::time::Duration;

use schrittmacher_protocol::{Event, Machine, PeerReport, Promise, Settings, StateName, Time};
use schrittmacher_simulator::{Durations, Host, Link, Node, Report, Step, Watch, World};
use schrittmacher_testkit::pair::{ADDRESSES, LATENCY};
use schrittmacher_testkit::program::Program;
use schrittmacher_testkit::settings;
use schrittmacher_wire::PeerCode;

const SECOND: Duration = Duration::from_secs(1);
const RESOURCES: u32 = 20;
const HOT: usize = 0;
const OTHER: usize = 1;

/// When resources of the other side took the role.
#[derive(Debug, Default)]
struct Takes(Vec<Duration>);

impl Watch<Program> for Takes {
    fn pass(&mut self, _: Duration, _: Duration, _: &[Host<Program>; 2], _: &Link) {}

    fn step(&mut self, now: Duration, step: &Step<'_>, _: &[Host<Program>; 2]) {
        if step.side == OTHER && step.before == StateName::Standby && step.after != step.before {
            self.0.push(now);
        }
    }
}

fn ours() -> Settings {
    Settings { heartbeat: SECOND, timeout: 3 * SECOND, ..settings(0) }
}

/// Settled. The applications of a side start one after the other, so that their heartbeats are spread over a second.
fn settled() -> World<Program, Takes> {
    let nodes = |side: usize| {
        let [local, remote] = [ADDRESSES[side], ADDRESSES[1 - side]].map(Into::into);
        let node = || {
            let program = Program::ours(Settings { local, remote, ..ours() });
            let mut node = Node::new(program, Report::Unknown, Duration::ZERO, Durations::default());
            node.app_mut().kill();
            node
        };
        (0..RESOURCES).map(|_| node()).collect::<Vec<_>>()
    };
    let mut world = World::new([nodes(HOT), nodes(OTHER)], Link::new(LATENCY), 1, Takes::default());
    for (side, report) in [(HOT, Report::Hot), (OTHER, Report::Standby)] {
        world.start_daemon(side);
        for resource in 0..RESOURCES as usize {
            world.start_app(side, resource, report, Duration::ZERO);
            world.run_until(world.now() + SECOND / RESOURCES);
        }
    }
    world.run_until(world.now() + 20 * SECOND);
    let [hot, other] = world.hosts();
    assert!(hot.nodes.iter().all(|node| node.app().is_serving()), "settled");
    assert!(other.nodes.iter().all(|node| !node.app().is_serving()), "settled");
    world.watch = Takes::default();
    world
}

#[test]
fn all_resources_of_a_lost_host_are_taken_in_one_moment() {
    let mut world = settled();
    let lost = world.now();
    world.power_off(HOT);
    world.run_until(lost + 5 * SECOND);
    let takes = &world.watch.0;
    assert_eq!(takes.len(), RESOURCES as usize);
    assert!(takes.iter().all(|at| *at == takes[0]), "{takes:?}");
    // No sooner than the first one alone (P3).
    assert!((lost + 2 * SECOND..lost + 3 * SECOND).contains(&takes[0]), "{:?} after {lost:?}", takes[0]);
}

/// A resource whose peer was heard last at this time.
fn standby(settings: &Settings, heard: Duration) -> Machine {
    let report = PeerReport {
        code: Some(PeerCode::Hott),
        priority: 0,
        random: 0,
        host: Some(settings.remote),
        has_type: true,
        period: Some(SECOND),
        note: None,
        promise: None::<Promise>,
        epoch: None,
    };
    let mut machine = Machine::new(settings, Time::new(heard));
    machine.handle(settings, Time::new(heard), Event::Peer(report));
    machine
}

/// Whether it follows a neighbour that has found its peer silent at this time.
fn follows(
    settings: &Settings,
    machine: &Machine,
    first: &Machine,
    others: &[&Machine],
    now: Duration,
) -> bool {
    let now = Time::new(now);
    let neighbours = [machine, first].into_iter().chain(others.iter().copied());
    let since = first.host_silent_since(neighbours).unwrap();
    let mut followed = machine.clone();
    followed.handle(settings, now, Event::HostSilent(since));
    assert_eq!(followed.peer.lost, machine.follows_host(settings, since, now));
    followed.peer.lost
}

#[test]
fn a_resource_follows_only_if_the_whole_host_is_silent_for_as_long_as_the_first_one_was_without_its_heartbeat()
 {
    let (settings, at) = (ours(), |tenths: u32| SECOND * tenths / 10);
    let first = standby(&settings, at(0));
    let second = standby(&settings, at(9));
    assert!(follows(&settings, &second, &first, &[], at(30)));
    assert!(!follows(&settings, &second, &first, &[], at(29)), "not before");
    // Messages of the first one alone are lost: the host lives.
    assert!(!follows(&settings, &second, &first, &[&standby(&settings, at(25))], at(30)));
    assert!(!follows(&settings, &standby(&settings, at(11)), &first, &[], at(30)));
    // A longer timeout is kept, and not cut short by more than the heartbeat.
    let patient = Settings { timeout: 5 * SECOND, ..settings };
    assert!(!follows(&patient, &standby(&patient, at(9)), &first, &[], at(49)));
    assert!(follows(&patient, &standby(&patient, at(9)), &first, &[], at(50)));
}

#[test]
fn a_side_that_has_lost_time_does_not_follow() {
    let settings = ours();
    let first = standby(&settings, Duration::ZERO);
    let mut second = standby(&settings, SECOND / 2);
    second.handle(&settings, Time::new(60 * SECOND), Event::App(None));
    assert!(second.catching_up);
    assert!(!follows(&settings, &second, &first, &[], 60 * SECOND));
}
