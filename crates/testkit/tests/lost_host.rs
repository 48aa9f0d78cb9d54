//! A lost host: its resources are lost in one moment, however their heartbeats are spread.

use std::time::Duration;

use schrittmacher_protocol::{
    Action, Event, LostHost, Machine, Notice, PeerReport, Promise, Settings, StateName, Time,
};
use schrittmacher_simulator::{Durations, Host, Link, Node, Report, Step, Watch, World};
use schrittmacher_testkit::pair::{ADDRESSES, LATENCY};
use schrittmacher_testkit::program::Program;
use schrittmacher_testkit::settings;
use schrittmacher_wire::PeerCode;

const SECOND: Duration = Duration::from_secs(1);
const RESOURCES: u32 = 20;
const HOT: usize = 0;
const OTHER: usize = 1;
const LOST: Action = Action::Notice(Notice::PeerLost);

/// When resources of the other side took the role.
#[derive(Debug, Default)]
struct Takes(Vec<(Duration, usize)>);

impl Watch<Program> for Takes {
    fn pass(&mut self, _: Duration, _: Duration, _: &[Host<Program>; 2], _: &Link) {}

    fn step(&mut self, now: Duration, step: &Step<'_>, _: &[Host<Program>; 2]) {
        if step.side == OTHER && step.before == StateName::Standby && step.after != step.before {
            self.0.push((now, step.resource));
        }
    }
}

fn ours() -> Settings {
    Settings { heartbeat: SECOND, timeout: 3 * SECOND, ..settings(0) }
}

/// Settled. The applications of a side start one after the other, so that their heartbeats are spread over a second.
fn settled(resources: u32) -> World<Program, Takes> {
    let nodes = |side: usize| {
        let [local, remote] = [ADDRESSES[side], ADDRESSES[1 - side]].map(Into::into);
        let node = || {
            let program = Program::ours(Settings { local, remote, ..ours() });
            let mut node = Node::new(program, Report::Unknown, Duration::ZERO, Durations::default());
            node.app_mut().kill();
            node
        };
        (0..resources).map(|_| node()).collect::<Vec<_>>()
    };
    let mut world = World::new([nodes(HOT), nodes(OTHER)], Link::new(LATENCY), 1, Takes::default());
    for (side, report) in [(HOT, Report::Hot), (OTHER, Report::Standby)] {
        world.start_daemon(side);
        for resource in 0..resources as usize {
            world.start_app(side, resource, report, Duration::ZERO);
            world.run_until(world.now() + SECOND / resources);
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
    let mut world = settled(RESOURCES);
    let lost = world.now();
    world.power_off(HOT);
    world.run_until(lost + 5 * SECOND);
    let takes = &world.watch.0;
    assert_eq!(takes.len(), RESOURCES as usize);
    // The first one by itself, and with the second one all others.
    assert!(takes[1..].iter().all(|(at, _)| *at == takes[1].0), "{takes:?}");
    // No sooner than alone (P3).
    let first = takes[0].0 - lost;
    assert!((2 * SECOND..3 * SECOND).contains(&first), "{first:?}");
    assert!(takes[1].0 - takes[0].0 < SECOND / 10, "{takes:?}");
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

/// Whether it follows those that find their peers silent at this time, one after the other. Somebody heard the peer last at `heard`.
fn follows(
    settings: &Settings,
    machine: &Machine,
    found: &[&Machine],
    heard: Duration,
    now: Duration,
) -> bool {
    let now = Time::new(now);
    let mut host = LostHost::default();
    host.hear(Time::new(heard));
    let since = found.iter().fold(None, |_, machine| host.note(&Event::Tick, false, &[LOST], machine));
    let Some(since) = since else { return false };
    let mut followed = machine.clone();
    followed.handle(settings, now, Event::HostSilent(since));
    assert_eq!(followed.peer.lost, machine.follows_host(settings, since, now));
    followed.peer.lost
}

#[test]
fn a_resource_follows_two_others_if_the_whole_host_is_silent_for_as_long() {
    let (settings, at) = (ours(), |tenths: u32| SECOND * tenths / 10);
    let [first, second, third] = [0, 1, 9].map(|tenths| standby(&settings, at(tenths)));
    assert!(follows(&settings, &third, &[&first, &second], at(9), at(31)));
    assert!(!follows(&settings, &third, &[&first, &second], at(9), at(30)), "not before");
    // One alone may have a reason of its own; what was silent long ago says nothing.
    assert!(!follows(&settings, &third, &[&second], at(9), at(31)));
    assert!(!follows(
        &settings,
        &standby(&settings, at(29)),
        &[&first, &standby(&settings, at(20))],
        at(29),
        at(50)
    ));
    // Messages of these alone are lost: the host lives.
    assert!(!follows(&settings, &third, &[&first, &second], at(25), at(31)));
    assert!(!follows(&settings, &standby(&settings, at(12)), &[&first, &second], at(12), at(31)));
    // A longer timeout is kept, but for the heartbeat.
    let patient = Settings { timeout: 5 * SECOND, ..settings };
    assert!(!follows(&patient, &third, &[&first, &second], at(9), at(50)));
    assert!(follows(&patient, &third, &[&first, &second], at(9), at(51)));
}

/// P3: one heartbeat is lost and the next one is late, while the daemon of two other resources ends there.
#[test]
fn resources_that_end_take_no_other_along() {
    for moment in 0..300 {
        let (phase, tenths) = (moment % 10, moment / 10);
        let mut world = settled(3);
        world.run_until(world.now() + SECOND * phase / 10);
        (0..2).for_each(|ends| world.give(HOT, ends, Event::Shutdown));
        world.run_until(world.now() + SECOND * tenths / 10);
        world.link.directions[HOT].cut = true;
        world.run_until(world.now() + SECOND);
        world.link.directions[HOT].cut = false;
        world.link.directions[HOT].latency = SECOND / 4;
        world.run_until(world.now() + 10 * SECOND);
        assert!(
            world.watch.0.iter().all(|(_, resource)| *resource < 2),
            "{phase}, {tenths}: {:?}",
            world.watch.0
        );
    }
}

/// A review found that such a one took others along.
#[test]
fn what_falls_silent_in_another_way_counts_for_nothing() {
    let settings = ours();
    let [first, second] = [0, 1].map(|tenths| standby(&settings, SECOND * tenths / 10));
    let found = |event, had_left, actions: &[Action]| {
        let mut host = LostHost::default();
        host.hear(Time::new(SECOND / 10));
        host.note(&event, had_left, actions, &first);
        host.note(&Event::Tick, false, &[LOST], &second).is_some()
    };
    assert!(found(Event::Tick, false, &[LOST]));
    assert!(!found(Event::Tick, true, &[LOST]), "its daemon ends");
    assert!(!found(Event::Tick, false, &[]), "it is not silent");
    assert!(!found(Event::HostSilent(Time::new(SECOND)), false, &[LOST]), "it followed others");
}

#[test]
fn a_side_that_has_lost_time_does_not_follow() {
    let settings = ours();
    let [first, second, mut third] = [0, 1, 5].map(|tenths| standby(&settings, SECOND * tenths / 10));
    third.handle(&settings, Time::new(60 * SECOND), Event::App(None));
    assert!(third.catching_up);
    assert!(!follows(&settings, &third, &[&first, &second], SECOND / 2, 60 * SECOND));
}
