//! After a split both sides are hot: which one stays so (S2, `docs/adr/0014-who-is-not-heard.md`).

use std::time::Duration;

use schrittmacher_protocol::{Event, Settings};
use schrittmacher_testkit::pair::Pair;
use schrittmacher_testkit::settings;

const SECOND: Duration = Duration::from_secs(1);

fn quick(priority: i32) -> Settings {
    Settings { heartbeat: SECOND / 20, timeout: 3 * SECOND / 20, ..settings(priority) }
}

/// A pair whose link is cut while `hot` serves, until both serve.
fn split(mut pair: Pair, hot: usize) -> Pair {
    if !pair.is_hot(hot) {
        pair.give(1 - hot, Event::Failover { force: false });
        pair.run_until(30 * SECOND, |pair| pair.is_hot(hot));
        pair.run(30 * SECOND);
    }
    pair.cut();
    pair.run_until(30 * SECOND, |pair| pair.is_hot(0) && pair.is_hot(1));
    pair.run(5 * SECOND);
    pair
}

fn assert_stays(pair: &mut Pair, side: usize) {
    let took = pair.run_until(60 * SECOND, |pair| pair.is_hot(0) != pair.is_hot(1));
    assert!(took <= 4 * SECOND, "P1: two heartbeats, not {took:?}\n{}", pair.log());
    pair.run(30 * SECOND);
    assert_eq!(pair.hot_side(), side, "{}", pair.log());
    pair.assert_settled();
}

#[test]
fn at_equal_priority_the_side_stays_hot_that_was_so_for_longer() {
    for make in [settings, quick] {
        for hot in [0, 1] {
            let mut pair = split(Pair::settled_with(make(0), make(0)), hot);
            pair.heal();
            assert_stays(&mut pair, hot);
        }
    }
}

#[test]
fn a_greater_priority_counts_for_more_than_a_longer_time() {
    for hot in [0, 1] {
        let mut priorities = [10, 10];
        priorities[hot] = 0;
        let mut pair = split(Pair::settled_with(settings(priorities[0]), settings(priorities[1])), hot);
        pair.heal();
        assert_stays(&mut pair, 1 - hot);
    }
}

/// At each distance in time between the heartbeats of the two, which are 0.4 s.
#[test]
fn two_hot_nodes_meet_long_before_a_heartbeat() {
    let ours = || Settings { heartbeat: 2 * SECOND / 5, timeout: 6 * SECOND / 5, ..settings(0) };
    for part in 0..20 {
        let mut pair = Pair::new(ours(), ours());
        pair.run(part * SECOND / 50);
        pair.kill_daemon(1);
        pair.start_daemon(1);
        let mut pair = split(pair.settle(), 0);
        pair.heal();
        let took = pair.run_until(10 * SECOND, |pair| !(pair.is_hot(0) && pair.is_hot(1)));
        assert!(took <= 11 * SECOND / 100, "a tenth of a second, not {took:?}\n{}", pair.log());
    }
}

/// Both have been hot since the same second: the greater address is left.
#[test]
fn at_equal_times_the_greater_address_stays_hot() {
    let mut pair = Pair::new(settings(0), settings(0));
    pair.cut();
    for side in 0..2 {
        pair.start_app(side, schrittmacher_simulator::Report::Hot);
    }
    pair.run_until(30 * SECOND, |pair| pair.is_hot(0) && pair.is_hot(1));
    pair.heal();
    assert_stays(&mut pair, 1);
}

/// A request of the side that yields may be lost, doubled or late.
#[test]
fn the_times_lead_to_one_survivor_on_a_bad_link() {
    for seed in 0..40 {
        let hot = usize::from(seed % 2 == 0);
        let pair = Pair::seeded(settings(0), settings(0), seed).settle();
        let mut pair = split(pair, hot);
        pair.weather(|direction| {
            direction.loss = schrittmacher_simulator::Loss::independent(0.3);
            direction.doubles = 300;
            direction.spread = schrittmacher_simulator::Spread::Uniform(SECOND);
        });
        pair.heal();
        pair.run(20 * SECOND);
        pair.weather(|direction| *direction = schrittmacher_simulator::Direction::new(SECOND / 1000));
        pair.run(30 * SECOND);
        pair.assert_settled();
    }
}

/// Each host has to find the other's MAC address: the way back may work first.
#[test]
fn a_link_that_comes_back_in_one_direction_first_does_not_decide() {
    for higher in [0, 1] {
        let mut priorities = [0, 0];
        priorities[higher] = 10;
        let mut pair = split(Pair::settled_with(quick(priorities[0]), quick(priorities[1])), 1 - higher);
        pair.note("the link works in one direction");
        pair.world.link.directions[1 - higher].cut = false;
        pair.run(9 * SECOND / 10);
        assert!(pair.is_hot(higher), "{}", pair.log());
        pair.heal();
        assert_stays(&mut pair, higher);
    }
}

/// P1: five heartbeats of at least 100 ms, and a second.
#[test]
fn a_link_that_comes_back_in_one_direction_only_decides_after_a_second() {
    let mut pair = split(Pair::settled_with(quick(10), quick(0)), 1);
    pair.world.link.directions[1].cut = false;
    let took = pair.run_until(10 * SECOND, |pair| !pair.is_hot(0));
    assert!(took > SECOND && took <= 3 * SECOND / 2, "{took:?}\n{}", pair.log());
    assert!(pair.is_hot(1), "{}", pair.log());
}
