//! Two nodes on a link that loses, cuts and reorders (P1, P3, P8).

use std::time::Duration;

use schrittmacher_protocol::{Settings, StateName};
use schrittmacher_simulator::Spread;
use schrittmacher_testkit::pair::Pair;
use schrittmacher_testkit::settings;
use schrittmacher_wire::PeerCode;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_healed_partition_leaves_the_side_with_the_higher_priority() {
    for switching in [Duration::ZERO, 3 * SECOND, 10 * SECOND] {
        for (priorities, winner) in [((0, 10), 1), ((10, 0), 0), ((0, 0), 1)] {
            let mut pair = Pair::settled_with(settings(priorities.0), settings(priorities.1));
            pair.slow(switching, Duration::ZERO);
            pair.cut();
            pair.run(40 * SECOND);
            assert_eq!([pair.state(0), pair.state(1)], [StateName::Hot; 2], "both hot in a partition (P8)");
            pair.heal();
            let took = pair.run_until(60 * SECOND, |pair| pair.is_hot(0) != pair.is_hot(1));
            assert!(took <= 4 * SECOND, "P1: two heartbeats, not {took:?}");
            pair.run(switching + SECOND);
            assert_eq!(pair.hot_side(), winner, "priorities {priorities:?} (P1, S2)\n{}", pair.log());
            pair.assert_settled();
        }
    }
}

#[test]
fn a_hot_node_that_nobody_hears_gives_way() {
    for (a, b) in [(0, 0), (0, 10), (10, 0)] {
        let mut pair = Pair::settled_with(settings(a), settings(b));
        let hot = pair.hot_side();
        pair.mute(hot);
        pair.run_until(20 * SECOND, |pair| pair.is_hot(0) && pair.is_hot(1));
        let took = pair.run_until(60 * SECOND, |pair| !pair.is_hot(hot));
        assert!(took <= 8 * SECOND, "P1: four heartbeats, not {took:?}\n{}", pair.log());
        pair.run(60 * SECOND);
        assert_eq!(
            pair.hot_side(),
            1 - hot,
            "the side that is heard, whatever the priorities\n{}",
            pair.log()
        );
        assert!(pair.sent_per_second() < 20.0, "P6");
        let changes = pair.changes();
        pair.heal();
        pair.run(60 * SECOND);
        assert_eq!((pair.hot_side(), pair.changes()), (1 - hot, changes), "P3\n{}", pair.log());
        pair.assert_settled();
    }
}

/// proto-7: a peer that was not heard yet may be a classic one, which counts as alive for 10 s.
#[test]
fn a_lost_first_question_does_not_delay_a_take_over() {
    for lost in 1..=3 {
        let mut pair = Pair::settled();
        let hot = pair.hot_side();
        pair.kill_daemon(1 - hot);
        // Its heartbeat is just over, and the next one is too late.
        let heartbeats = pair.count_sent(hot, PeerCode::Hott);
        pair.run_until(3 * SECOND, |pair| pair.count_sent(hot, PeerCode::Hott) > heartbeats);
        pair.cut();
        pair.start_daemon(1 - hot);
        pair.run(SECOND / 10 * lost - SECOND / 20);
        pair.heal();
        pair.run(SECOND);
        pair.kill_daemon(hot);
        pair.kill_app(hot);
        let took = pair.run_until(20 * SECOND, |pair| pair.is_hot(1 - hot));
        assert!(took <= 6 * SECOND, "{lost} lost: {took:?}\n{}", pair.log());
    }
}

#[test]
fn a_standby_that_is_not_heard_changes_nothing() {
    let mut pair = Pair::settled();
    let hot = pair.hot_side();
    let changes = pair.changes();
    pair.mute(1 - hot);
    pair.run(60 * SECOND);
    pair.heal();
    pair.run(60 * SECOND);
    assert_eq!((pair.hot_side(), pair.changes()), (hot, changes), "P3\n{}", pair.log());
}

#[test]
fn one_lost_heartbeat_is_no_cause() {
    // timeout / heartbeat - 1 = 2: fewer losses in a row are no cause.
    for victim in [0, 1] {
        let mut pair = Pair::settled();
        let changes = pair.changes();
        for _ in 0..50 {
            pair.mute(victim);
            pair.run(2 * SECOND);
            pair.heal();
            pair.run(2 * SECOND);
        }
        assert_eq!(pair.changes(), changes, "P3\n{}", pair.log());
    }
}

#[test]
fn a_reordering_duplicating_link_is_a_link() {
    for seed in 0..20 {
        let mut pair = Pair::seeded(settings(0), settings(0), seed).settle();
        pair.weather(|direction| {
            direction.spread = Spread::Uniform(3 * SECOND);
            direction.doubles = 300;
        });
        let (hot, changes) = (pair.hot_side(), pair.changes());
        pair.run(120 * SECOND);
        assert_eq!((pair.hot_side(), pair.changes()), (hot, changes), "seed {seed} (P3)\n{}", pair.log());
        pair.give(hot, schrittmacher_protocol::Event::Failover { force: false });
        pair.run(20 * SECOND);
        pair.weather(|direction| direction.spread = Spread::None);
        pair.run(60 * SECOND);
        pair.assert_settled();
    }
}

/// With a short heartbeat the time of an answer, 100 ms, is the longer one. A request that was lost while the peer was deaf
/// stays open for that time.
#[test]
fn with_a_short_heartbeat_two_hot_nodes_settle_within_the_time_of_an_answer() {
    let beat = Duration::from_millis(10);
    let short = |priority| Settings { heartbeat: beat, timeout: 3 * beat, ..settings(priority) };
    let mut longest = Duration::ZERO;
    for (a, b) in [(0, 0), (0, 10), (10, 0)] {
        for deaf in 0..20 {
            let mut pair = Pair::settled_with(short(a), short(b));
            let hot = pair.hot_side();
            pair.mute(hot);
            pair.run_until(SECOND, |pair| pair.is_hot(1 - hot));
            pair.run(deaf * beat / 2);
            pair.heal();
            let took = pair.run_until(SECOND, |pair| pair.is_hot(0) != pair.is_hot(1));
            assert!(took <= 2 * beat + Duration::from_millis(100), "P1: {took:?}");
            longest = longest.max(took);
        }
    }
    assert!(longest > 4 * beat, "{longest:?}: P1 can be promised without this");
}

/// Three heartbeats of 10 ms are shorter than a way to and fro.
#[test]
fn with_a_short_heartbeat_a_slow_link_is_not_taken_for_one_that_is_cut() {
    let beat = Duration::from_millis(10);
    let short = |priority| Settings { heartbeat: beat, timeout: 3 * beat, ..settings(priority) };
    for (priorities, winner) in [((0, 10), 1), ((10, 0), 0), ((0, 0), 1)] {
        let mut pair = Pair::settled_with(short(priorities.0), short(priorities.1));
        pair.weather(|direction| direction.latency = Duration::from_millis(40));
        pair.cut();
        pair.run(SECOND);
        assert_eq!([pair.state(0), pair.state(1)], [StateName::Hot; 2], "both hot in a partition (P8)");
        pair.heal();
        let changes = pair.changes();
        pair.run(10 * SECOND);
        assert_eq!(pair.hot_side(), winner, "{priorities:?}\n{}", pair.log());
        assert_eq!(pair.changes() - changes, 1, "one gives way\n{}", pair.log());
    }
}
