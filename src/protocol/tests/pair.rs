//! Two nodes in virtual time: the protocol against itself.

mod support;

use std::time::Duration;

use schrittmacher_protocol::{Event, StateName};
use schrittmacher_wire::AppCode;
use support::pair::{AppState, Pair};
use support::settings;

#[test]
fn cold_start_at_the_same_instant_makes_one_hot() {
    for report in [AppState::Unknown, AppState::Standby] {
        let mut pair = Pair::new(settings(0), settings(0));
        pair.start_app(0, report);
        pair.start_app(1, report);
        pair.run(Duration::from_secs(30));
        pair.assert_settled();
        let before = pair.hot_node();
        pair.run(Duration::from_secs(60));
        assert_eq!(pair.hot_node(), before, "nothing changes without a cause (P3)\n{}", pair.log());
        assert!(pair.sent_per_second() < 20.0, "no storm (P6)");
    }
}

#[test]
fn a_killed_application_moves_the_service() {
    let mut pair = Pair::settled();
    let hot = pair.hot_node();
    pair.kill_app(hot);
    pair.run(Duration::from_secs(5));
    assert_eq!(pair.hot_node(), 1 - hot, "{}", pair.log());
    assert_eq!(pair.state(hot), StateName::Failed);
    pair.start_app(hot, AppState::Standby);
    pair.run(Duration::from_secs(30));
    assert_eq!(pair.hot_node(), 1 - hot, "a returning node does not take the role back (S4)");
    pair.assert_settled();
}

#[test]
fn a_lost_host_is_replaced_within_its_timeout() {
    let mut pair = Pair::settled();
    let hot = pair.hot_node();
    pair.kill_app(hot);
    pair.kill_daemon(hot);
    pair.run(Duration::from_secs(7));
    assert_eq!(pair.state(1 - hot), StateName::Hot, "{}", pair.log());
}

#[test]
fn failover_and_takeover_move_the_service_once() {
    for order in [Event::Failover { force: false }, Event::App(Some(AppCode::Lrfo))] {
        let mut pair = Pair::settled();
        let hot = pair.hot_node();
        pair.give(hot, order);
        pair.run(Duration::from_secs(60));
        assert_eq!(pair.hot_node(), 1 - hot, "{}", pair.log());
        pair.assert_settled();
    }
    for order in [Event::Takeover, Event::App(Some(AppCode::Lrto))] {
        for priorities in [(0, 0), (0, 10), (10, 0)] {
            let mut pair = Pair::settled_with(settings(priorities.0), settings(priorities.1));
            let hot = pair.hot_node();
            pair.give(1 - hot, order);
            pair.run(Duration::from_secs(60));
            assert_eq!(pair.hot_node(), 1 - hot, "priorities {priorities:?}\n{}", pair.log());
            pair.assert_settled();
        }
    }
}

#[test]
fn a_healed_partition_leaves_the_side_with_the_higher_priority() {
    for (priorities, winner) in [((0, 10), 1), ((10, 0), 0), ((0, 0), 1)] {
        let mut pair = Pair::settled_with(settings(priorities.0), settings(priorities.1));
        pair.cut();
        pair.run(Duration::from_secs(40));
        assert_eq!([pair.state(0), pair.state(1)], [StateName::Hot; 2], "both hot in a partition (P8)");
        pair.heal();
        pair.run(Duration::from_secs(10));
        assert_eq!(pair.hot_node(), winner, "priorities {priorities:?} (P1, S2)\n{}", pair.log());
        pair.assert_settled();
    }
}
