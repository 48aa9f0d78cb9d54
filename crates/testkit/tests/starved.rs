//! proto-2: a 1.8.2 looks at its clock only when half a second has passed without any datagram. With several resources
//! it says nothing by itself, without a fault (D30). Our side asks it, and orders work in both directions.

use std::time::Duration;

use schrittmacher_protocol::{Event, Settings, StateName};
use schrittmacher_simulator::{Daemon, Durations, Host, Link, Node, Report, Step, Watch, World};
use schrittmacher_testkit::double::{self, Generation};
use schrittmacher_testkit::pair::{ADDRESSES, LATENCY};
use schrittmacher_testkit::program::Program;
use schrittmacher_testkit::settings;

const SECOND: Duration = Duration::from_secs(1);
const OURS: usize = 0;
const LEGACY: usize = 1;

/// What has happened since the last look.
#[derive(Debug, Default)]
struct Tally {
    /// Looks of the legacy daemon at its clock.
    looks: u32,
    /// Changes of state on either side.
    changes: u32,
    /// The time without one side that serves, and with both, of all resources together.
    none: Duration,
    both: Duration,
}

impl Watch<Program> for Tally {
    fn pass(&mut self, from: Duration, to: Duration, hosts: &[Host<Program>; 2], _: &Link) {
        for (ours, legacy) in hosts[OURS].nodes.iter().zip(&hosts[LEGACY].nodes) {
            match [ours, legacy].map(|node| node.app().is_serving()) {
                [false, false] => self.none += to - from,
                [true, true] => self.both += to - from,
                _ => {}
            }
        }
    }

    fn step(&mut self, _: Duration, step: &Step<'_>, _: &[Host<Program>; 2]) {
        self.looks += u32::from(step.side == LEGACY && step.event == Some(Event::Tick));
        self.changes += u32::from(step.before != step.after);
    }
}

struct Pair(World<Program, Tally>);

impl Pair {
    /// Settled, with `hot` hot. The applications of each side report at equal distances, once a second beside 1.8.2.
    fn settled(resources: u32, heartbeat: Duration, hot: usize) -> Pair {
        let ours = || {
            let [local, remote] = ADDRESSES.map(Into::into);
            Program::ours(Settings { heartbeat, local, remote, ..settings(0) })
        };
        let legacy = |seed| {
            let generation = Generation::V182;
            let settings = double::Settings { generation, priority: 0, heartbeat_intervall: 2 * SECOND };
            Program::legacy(settings, ADDRESSES[LEGACY].into(), seed)
        };
        let node = |program| {
            let mut node = Node::new(program, Report::Unknown, Duration::ZERO, Durations::default());
            node.app_mut().kill();
            node
        };
        let of_ours = (0..resources).map(|_| node(ours())).collect();
        let of_legacy = (0..resources).map(|number| node(legacy(number.into()))).collect();
        let mut pair = Pair(World::new([of_ours, of_legacy], Link::new(LATENCY), 1, Tally::default()));
        for (side, report) in [(hot, Report::Hot), (1 - hot, Report::Standby)] {
            pair.0.start_daemon(side);
            for resource in 0..resources as usize {
                pair.0.start_app(side, resource, report, Duration::ZERO);
                pair.run(SECOND / resources);
            }
            pair.run(4 * SECOND);
        }
        pair.run(20 * SECOND);
        pair.assert_serving(hot);
        pair.0.watch = Tally::default();
        pair
    }

    fn run(&mut self, time: Duration) {
        self.0.run_until(self.0.now() + time);
    }

    fn give_all(&mut self, side: usize, event: Event) {
        (0..self.0.hosts()[side].nodes.len()).for_each(|resource| self.0.give(side, resource, event));
    }

    /// Of each resource, the application of this side serves and that of the other does not.
    fn assert_serving(&self, side: usize) {
        let hosts = self.0.hosts();
        for node in &hosts[side].nodes {
            assert!(node.app().is_serving(), "{:?}", node.app());
            assert_eq!(node.daemon().state(), StateName::Hot);
        }
        for node in &hosts[1 - side].nodes {
            assert!(
                !node.app().is_serving() && (!node.is_up() || node.daemon().state() == StateName::Standby)
            );
        }
    }
}

#[test]
fn a_hot_1_8_2_that_never_looks_at_its_clock_is_not_taken_for_dead() {
    for resources in [3, 10] {
        let mut pair = Pair::settled(resources, 2 * SECOND, LEGACY);
        pair.run(300 * SECOND);
        pair.assert_serving(LEGACY);
        let Tally { looks, changes, none, both } = pair.0.watch;
        assert_eq!((looks, changes, none + both), (0, 0, Duration::ZERO), "{resources} resources");
    }
}

#[test]
fn a_starved_1_8_2_that_dies_is_replaced() {
    let mut pair = Pair::settled(3, 2 * SECOND, LEGACY);
    pair.0.power_off(LEGACY);
    pair.run(14 * SECOND);
    pair.assert_serving(OURS);
}

#[test]
fn a_failover_to_a_starved_1_8_2_is_carried_out_and_stays() {
    for resources in [3, 10] {
        let mut pair = Pair::settled(resources, 2 * SECOND, OURS);
        pair.run(60 * SECOND);
        pair.assert_serving(OURS);
        assert_eq!(pair.0.watch.looks, 0, "it starves");
        pair.give_all(OURS, Event::Failover { force: false });
        pair.run(3 * SECOND);
        pair.assert_serving(LEGACY);
        pair.0.watch = Tally::default();
        pair.run(120 * SECOND);
        pair.assert_serving(LEGACY);
        let Tally { looks, changes, none, both } = pair.0.watch;
        assert_eq!((looks, changes, none + both), (0, 0, Duration::ZERO), "{resources} resources");
    }
}

#[test]
fn sigterm_hands_over_to_a_starved_1_8_2() {
    for resources in [3, 10] {
        let mut pair = Pair::settled(resources, 2 * SECOND, OURS);
        pair.run(60 * SECOND);
        pair.give_all(OURS, Event::Shutdown);
        pair.run(3 * SECOND);
        assert!(pair.0.hosts()[OURS].nodes.iter().all(|node| !node.is_up()), "the daemon has ended");
        pair.assert_serving(LEGACY);
        assert_eq!(pair.0.watch.both, Duration::ZERO);
        pair.run(60 * SECOND);
        pair.assert_serving(LEGACY);
    }
}

#[test]
fn our_own_short_heartbeat_does_not_starve_a_1_8_2() {
    for hot in [OURS, LEGACY] {
        let mut pair = Pair::settled(1, SECOND / 10, hot);
        pair.run(60 * SECOND);
        pair.assert_serving(hot);
        assert!(pair.0.watch.looks >= 30, "{} looks at its clock in a minute", pair.0.watch.looks);
    }
}

/// Its daemon finds out by its clock alone, so what we send must leave it half a second of silence now and then.
#[test]
fn an_application_of_1_8_2_that_dies_is_replaced_at_any_heartbeat_of_ours() {
    for heartbeat in [SECOND / 5, 2 * SECOND, 5 * SECOND] {
        let mut pair = Pair::settled(1, heartbeat, LEGACY);
        pair.0.kill_app(LEGACY, 0);
        pair.run(20 * SECOND);
        pair.assert_serving(OURS);
    }
}
