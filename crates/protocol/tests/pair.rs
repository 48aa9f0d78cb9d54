//! Two nodes in virtual time: start, failures, orders, restarts, pauses.

use std::time::Duration;

use schrittmacher_protocol::{Event, Refusal, Settings, StateName};
use schrittmacher_simulator::{App, Report};
use schrittmacher_testkit::pair::Pair;
use schrittmacher_testkit::settings;
use schrittmacher_wire::{AppCode, PeerCode};

const SECOND: Duration = Duration::from_secs(1);
const FAILOVER: Event = Event::Failover { force: false };

/// An application may switch at once, need less than ToStandby's time, or more.
const SWITCHING: [Duration; 3] = [Duration::ZERO, Duration::from_secs(3), Duration::from_secs(10)];

#[test]
fn cold_start_at_the_same_instant_makes_one_hot() {
    for report in [Report::Unknown, Report::Standby] {
        for switching in SWITCHING {
            let mut pair = Pair::new(settings(0), settings(0));
            pair.slow(switching, Duration::ZERO);
            pair.start_app(0, report);
            pair.start_app(1, report);
            pair.run(60 * SECOND);
            pair.assert_settled();
            let (before, changes) = (pair.hot_side(), pair.changes());
            pair.run(60 * SECOND);
            assert_eq!(pair.hot_side(), before);
            assert_eq!(pair.changes(), changes, "nothing changes without a cause (P3)\n{}", pair.log());
            assert!(pair.sent_per_second() < 20.0, "no storm (P6)");
        }
    }
}

#[test]
fn priority_decides_a_cold_start() {
    for (a, b, winner) in [(0, 10, 1), (10, 0, 0), (0, 0, 1)] {
        let mut pair = Pair::new(settings(a), settings(b));
        pair.start_app(0, Report::Standby);
        pair.start_app(1, Report::Standby);
        pair.run(30 * SECOND);
        assert_eq!(pair.hot_side(), winner, "D4; equal ones: the greater address\n{}", pair.log());
    }
}

#[test]
fn the_second_node_joins_as_standby_whatever_its_priority() {
    for priority in [-1, 0, 1] {
        let mut pair = Pair::new(settings(0), settings(priority));
        pair.kill_daemon(1);
        pair.start_app(0, Report::Unknown);
        pair.run(30 * SECOND);
        assert_eq!(pair.hot_side(), 0);
        pair.start_daemon(1);
        pair.start_app(1, Report::Unknown);
        pair.run(30 * SECOND);
        assert_eq!(pair.hot_side(), 0, "S4\n{}", pair.log());
        pair.assert_settled();
    }
}

#[test]
fn a_killed_application_moves_the_service() {
    for switching in SWITCHING {
        let mut pair = Pair::settled();
        pair.slow(switching, Duration::ZERO);
        let hot = pair.hot_side();
        pair.kill_app(hot);
        assert_eq!(pair.state(hot), StateName::Failed, "at once (A3)");
        let took = pair.run_until(30 * SECOND, |pair| pair.is_hot(1 - hot));
        assert!(took <= switching + SECOND / 100, "{took:?}");
        pair.start_app(hot, Report::Standby);
        pair.run(30 * SECOND);
        assert_eq!(pair.hot_side(), 1 - hot, "a returning node does not take the role back (S4)");
        pair.assert_settled();
    }
}

#[test]
fn a_failing_application_moves_the_service() {
    let mut pair = Pair::settled();
    let hot = pair.hot_side();
    pair.change_app(hot, App::fail);
    let took = pair.run_until(10 * SECOND, |pair| pair.is_hot(1 - hot));
    assert!(took <= 2 * SECOND, "with its next report: {took:?}");
    pair.run(60 * SECOND);
    assert_eq!((pair.state(hot), pair.state(1 - hot)), (StateName::Failed, StateName::Hot));
    assert!(!pair.interface_is_up(hot), "P4");
}

#[test]
fn a_hung_application_moves_the_service_after_app_timeout() {
    let mut pair = Pair::settled();
    let hot = pair.hot_side();
    pair.change_app(hot, |app, _| app.hang());
    let took = pair.run_until(20 * SECOND, |pair| pair.is_hot(1 - hot));
    assert!(took > 8 * SECOND && took <= 11 * SECOND, "T3: {took:?}");
    assert_eq!(pair.state(hot), StateName::Failed);
}

#[test]
fn a_failed_standby_is_no_reason_to_do_anything_on_the_hot_side() {
    let mut pair = Pair::settled();
    let hot = pair.hot_side();
    pair.kill_app(1 - hot);
    pair.run(60 * SECOND);
    assert_eq!((pair.state(hot), pair.state(1 - hot)), (StateName::Hot, StateName::Failed));
    pair.give(1 - hot, Event::Takeover { force: false });
    pair.give(hot, FAILOVER);
    pair.run(60 * SECOND);
    assert_eq!(pair.hot_side(), hot, "a failed taker is refused (S3), and nobody fails over to it (S8)");
}

#[test]
fn a_lost_host_is_replaced_within_its_timeout() {
    let mut pair = Pair::settled();
    let hot = pair.hot_side();
    pair.kill_app(hot);
    pair.kill_daemon(hot);
    let took = pair.run_until(20 * SECOND, |pair| pair.is_hot(1 - hot));
    assert!(took <= 6 * SECOND, "{took:?}");
    pair.start_daemon(hot);
    pair.start_app(hot, Report::Unknown);
    pair.run(30 * SECOND);
    assert_eq!(pair.hot_side(), 1 - hot);
    pair.assert_settled();
}

#[test]
fn failover_and_takeover_move_the_service_once() {
    for switching in SWITCHING {
        for stop_takes in [Duration::ZERO, Duration::from_secs(4)] {
            for order in [FAILOVER, Event::App(Some(AppCode::Lrfo))] {
                let mut pair = Pair::settled();
                pair.slow(switching, stop_takes);
                let hot = pair.hot_side();
                pair.give(hot, order);
                pair.run(60 * SECOND);
                assert_eq!(pair.hot_side(), 1 - hot, "{}", pair.log());
                pair.assert_settled();
            }
            for order in [Event::Takeover { force: false }, Event::App(Some(AppCode::Lrto))] {
                for (a, b) in [(0, 0), (0, 10), (10, 0)] {
                    let mut pair = Pair::settled_with(settings(a), settings(b));
                    pair.slow(switching, stop_takes);
                    let hot = pair.hot_side();
                    pair.give(1 - hot, order);
                    pair.run(60 * SECOND);
                    assert_eq!(pair.hot_side(), 1 - hot, "priorities {a} {b}\n{}", pair.log());
                    pair.assert_settled();
                }
            }
        }
    }
}

#[test]
fn the_new_side_is_told_when_the_old_commands_are_over() {
    let mut pair = Pair::settled();
    pair.slow(Duration::ZERO, 4 * SECOND);
    let hot = pair.hot_side();
    pair.give(hot, FAILOVER);
    pair.run(3 * SECOND);
    assert_eq!((pair.state(hot), pair.state(1 - hot)), (StateName::Releasing, StateName::Standby), "P5");
    assert!(pair.interface_is_up(hot), "deactivate waits for stop in a planned hand-over (X2)");
    let took = pair.run_until(2 * SECOND, |pair| pair.is_hot(1 - hot));
    assert!(took <= Duration::from_millis(1010), "and then at once: {took:?}");
}

#[test]
fn two_orders_at_once_leave_one_hot() {
    for (on_hot, on_standby) in [(FAILOVER, Event::Takeover { force: false }), (FAILOVER, FAILOVER)] {
        for stop_takes in [Duration::ZERO, Duration::from_secs(4)] {
            let mut pair = Pair::settled();
            pair.slow(SECOND, stop_takes);
            let hot = pair.hot_side();
            pair.give(hot, on_hot);
            pair.give(1 - hot, on_standby);
            pair.run(60 * SECOND);
            pair.assert_settled();
        }
    }
}

#[test]
fn sigterm_hands_over_before_the_daemon_ends() {
    for stop_takes in [Duration::ZERO, Duration::from_secs(4)] {
        let mut pair = Pair::settled();
        pair.slow(Duration::ZERO, stop_takes);
        let hot = pair.hot_side();
        pair.give(hot, Event::Shutdown);
        let took = pair.run_until(10 * SECOND, |pair| pair.is_hot(1 - hot));
        assert!(took <= stop_takes + SECOND / 10, "{took:?}");
        assert!(!pair.is_up(hot), "it has ended");
        assert!(!pair.interface_is_up(hot), "D2");
    }
}

#[test]
fn a_restarted_daemon_finds_its_role_again() {
    for away in [Duration::from_millis(100), 4 * SECOND] {
        for which in [0, 1] {
            let mut pair = Pair::settled();
            let hot = pair.hot_side();
            let node = if which == 0 { hot } else { 1 - hot };
            let starts = pair.ordered(1 - node).starts;
            pair.kill_daemon(node);
            pair.run(away);
            pair.start_daemon(node);
            pair.run(10 * SECOND);
            assert_eq!(pair.hot_side(), hot, "no switch\n{}", pair.log());
            pair.assert_settled();
            let now = pair.ordered(1 - node).starts;
            assert_eq!(now, starts, "nothing was ordered on the other side");
        }
    }
}

#[test]
fn a_daemon_restarted_too_late_gives_way_and_takes_its_interface_down() {
    let mut pair = Pair::settled();
    let hot = pair.hot_side();
    pair.kill_daemon(hot);
    pair.run(20 * SECOND);
    assert!(pair.interface_is_up(hot) && pair.interface_is_up(1 - hot), "nobody was there to do it");
    pair.start_daemon(hot);
    pair.run(SECOND);
    assert!(!pair.interface_is_up(hot), "D1");
    pair.run(10 * SECOND);
    assert_eq!(pair.hot_side(), 1 - hot, "D11\n{}", pair.log());
    pair.assert_settled();
}

#[test]
fn a_paused_hot_node_does_not_go_on_as_hot() {
    for switching in SWITCHING {
        for (a, b) in [(0, 0), (10, 0), (0, 10)] {
            for pause in [7 * SECOND, 30 * SECOND, 600 * SECOND] {
                let mut pair = Pair::settled_with(settings(a), settings(b));
                pair.slow(switching, Duration::ZERO);
                let hot = pair.hot_side();
                pair.pause(hot, pause);
                pair.run(pause - SECOND / 1000);
                let replaced = pair.is_hot(1 - hot);
                assert_eq!(replaced, pause > 6 * SECOND + switching);
                for _ in 0..2000 {
                    pair.run(SECOND / 100);
                    let both = pair.is_hot(0) && pair.is_hot(1);
                    assert!(!both, "S11: switching {switching:?}, pause {pause:?}\n{}", pair.log());
                }
                pair.assert_settled();
                if replaced {
                    assert_eq!(pair.hot_side(), 1 - hot, "{}", pair.log());
                }
            }
        }
    }
}

#[test]
fn both_paused_go_on_as_they_were() {
    let mut pair = Pair::settled();
    let hot = pair.hot_side();
    pair.pause(0, 100 * SECOND);
    pair.pause(1, 100 * SECOND);
    pair.run(130 * SECOND);
    assert_eq!(pair.hot_side(), hot, "{}", pair.log());
    pair.assert_settled();
}

#[test]
fn preempt_takes_the_role_once_and_never_undoes_an_order() {
    let preempting = Settings { preempt: true, ..settings(10) };
    let mut pair = Pair::settled_with(preempting.clone(), settings(0));
    assert_eq!(pair.hot_side(), 0);
    pair.kill_app(0);
    pair.run(10 * SECOND);
    assert_eq!(pair.hot_side(), 1);
    pair.start_app(0, Report::Standby);
    pair.run(9 * SECOND);
    assert_eq!(pair.hot_side(), 1, "not before its application was fit for app-timeout");
    pair.run(20 * SECOND);
    assert_eq!(pair.hot_side(), 0, "S4\n{}", pair.log());

    for order in [(0, FAILOVER), (0, Event::App(Some(AppCode::Lrfo))), (1, Event::Takeover { force: false })]
    {
        let mut pair = Pair::settled_with(preempting.clone(), settings(0));
        pair.give(order.0, order.1);
        pair.run(600 * SECOND);
        assert_eq!(pair.hot_side(), 1, "an operator wanted it so: {order:?}\n{}", pair.log());
    }

    let mut pair = Pair::settled_with(settings(10), settings(0));
    pair.kill_app(0);
    pair.run(10 * SECOND);
    pair.start_app(0, Report::Standby);
    pair.run(600 * SECOND);
    assert_eq!(pair.hot_side(), 1, "without preempt it stays (S4)");
}

#[test]
fn an_application_that_refuses_to_go_hot_gives_the_service_back() {
    let mut pair = Pair::settled();
    let hot = pair.hot_side();
    pair.change_app(1 - hot, |app, _| app.set_stubborn(true));
    pair.give(hot, FAILOVER);
    pair.run(15 * SECOND);
    assert_eq!(pair.state(1 - hot), StateName::ToHot);
    let took = pair.run_until(20 * SECOND, |pair| pair.is_hot(hot));
    assert!(took <= 6 * SECOND, "after going-hot-timeout: {took:?}");
}

#[test]
fn a_refused_order_says_why_and_changes_nothing() {
    let mut pair = Pair::settled();
    let hot = pair.hot_side();
    pair.kill_daemon(1 - hot);
    pair.run(20 * SECOND);
    pair.give(hot, FAILOVER);
    assert_eq!(pair.log().refused, Some(Refusal::NoPeer));
    assert_eq!(pair.hot_side(), hot);
}

#[test]
fn a_settled_pair_says_what_it_has_to_and_no_more() {
    let mut pair = Pair::settled();
    let hot = pair.hot_side();
    let before = [pair.count_sent(hot, PeerCode::Hott), pair.count_sent(1 - hot, PeerCode::Stby)];
    pair.run(100 * SECOND);
    let after = [pair.count_sent(hot, PeerCode::Hott), pair.count_sent(1 - hot, PeerCode::Stby)];
    for (before, after) in before.into_iter().zip(after) {
        assert!((50..=120).contains(&(after - before)), "a heartbeat, and one a report at most");
    }
}

/// What a switch says beside the heartbeat is limited (P6); the word that ends the hand-over has to leave all the same.
#[test]
fn of_many_failovers_in_a_second_each_finds_the_other_side_in_a_moment() {
    for heartbeat in [200, 2000] {
        let settings = || Settings { heartbeat: Duration::from_millis(heartbeat), ..settings(0) };
        let mut pair = Pair::settled_with(settings(), settings());
        for _ in 0..40 {
            let hot = pair.hot_side();
            pair.give(hot, FAILOVER);
            let took = pair.run_until(10 * SECOND, |pair| pair.is_hot(1 - hot));
            assert!(took <= SECOND / 5, "{took:?}\n{}", pair.log());
        }
        let busiest = pair.log().measured.busiest;
        assert!(busiest.iter().all(|most| *most <= 30), "P6: {busiest:?}\n{}", pair.log());
        pair.run(10 * SECOND);
        pair.assert_settled();
    }
}
