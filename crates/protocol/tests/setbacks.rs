//! Commands that fail, and a side that keeps failing: which side serves, and how often that changes.

use std::time::Duration;

use schrittmacher_protocol::{
    Action, Event, HELD_BACK_RANDOM, PeerReport, Refusal, Settings, State, StateName,
};
use schrittmacher_simulator::{Disorder, Disorders, Report};
use schrittmacher_testkit::lone::{Lone, ours};
use schrittmacher_testkit::pair::Pair;
use schrittmacher_testkit::settings;
use schrittmacher_wire::{AppCode, PeerCode};

const SECOND: Duration = Duration::from_secs(1);
const FAILOVER: Event = Event::Failover { force: false };

const NO_ADDRESS: Disorders =
    Disorders { activate: Disorder::Fails, stop: Disorder::None, deactivate: Disorder::None };
const ADDRESS_STAYS: Disorders =
    Disorders { activate: Disorder::None, stop: Disorder::None, deactivate: Disorder::Fails };
const APP_STAYS: Disorders =
    Disorders { activate: Disorder::None, stop: Disorder::Fails, deactivate: Disorder::None };

fn with(disorder: Disorder, of: Disorders) -> Disorders {
    let instead = |one: Disorder| if one == Disorder::None { one } else { disorder };
    Disorders { activate: instead(of.activate), stop: instead(of.stop), deactivate: instead(of.deactivate) }
}

fn disorder(pair: &mut Pair, side: usize, disorders: Disorders) {
    pair.note(format!("host{side}: {disorders:?}"));
    pair.world.change(side, 0, |_, node| node.commands_mut().set_disorders(disorders));
}

/// Whether it has a hot application and its address.
fn serves(pair: &Pair, side: usize) -> bool {
    pair.is_hot(side) && pair.app(side).is_serving() && pair.interface_is_up(side)
}

fn is_held(pair: &Pair, side: usize) -> bool {
    matches!(pair.resource(side).state(), State::Failed { hold_back: Some(_) })
}

#[test]
fn a_side_without_an_address_is_replaced_by_one_that_is_ready() {
    for disorder_of_it in [Disorder::Fails, Disorder::Hangs] {
        let mut pair = Pair::settled();
        let hot = pair.hot_side();
        disorder(&mut pair, 1 - hot, with(disorder_of_it, NO_ADDRESS));
        pair.give(hot, FAILOVER);
        let took = pair.run_until(30 * SECOND, |pair| !pair.is_hot(hot));
        pair.run_until(30 * SECOND, |pair| serves(pair, hot));
        assert!(took < SECOND, "{took:?}");
        assert!(is_held(&pair, 1 - hot), "{}", pair.log());
        pair.run(200 * SECOND);
        assert!(serves(&pair, hot) && pair.state(1 - hot) == StateName::Failed, "{}", pair.log());
        // Its hold ends, and it is as good as any other.
        disorder(&mut pair, 1 - hot, Disorders::default());
        pair.run(120 * SECOND);
        pair.assert_settled();
        assert_eq!(pair.hot_side(), hot, "{}", pair.log());
    }
}

#[test]
fn a_side_without_an_address_goes_on_if_no_other_could_serve() {
    for peer_dies in [false, true] {
        let mut pair = Pair::settled();
        let hot = pair.hot_side();
        if peer_dies {
            pair.kill_daemon(hot);
            pair.kill_app(hot);
        } else {
            pair.kill_app(hot);
        }
        disorder(&mut pair, 1 - hot, NO_ADDRESS);
        pair.run_until(30 * SECOND, |pair| pair.is_hot(1 - hot));
        let changes = pair.changes();
        pair.run(600 * SECOND);
        assert!(pair.is_hot(1 - hot) && pair.changes() == changes, "{}", pair.log());
        disorder(&mut pair, 1 - hot, Disorders::default());
        pair.run_until(31 * SECOND, |pair| serves(pair, 1 - hot));
    }
}

#[test]
fn a_side_without_an_address_gives_way_as_soon_as_another_is_ready() {
    let mut pair = Pair::settled();
    let hot = pair.hot_side();
    pair.kill_app(hot);
    disorder(&mut pair, 1 - hot, NO_ADDRESS);
    pair.run_until(30 * SECOND, |pair| pair.is_hot(1 - hot));
    pair.run(600 * SECOND);
    pair.start_app(hot, Report::Standby);
    // Its retries are half a minute apart by now.
    pair.run_until(SECOND, |pair| serves(pair, hot));
}

/// No ping-pong: the sides change places at most once in `hold-back-max`.
#[test]
fn two_sides_without_an_address_change_places_rarely() {
    let mut pair = Pair::settled();
    let hot = pair.hot_side();
    (0..2).for_each(|side| disorder(&mut pair, side, NO_ADDRESS));
    pair.give(hot, FAILOVER);
    pair.run(60 * SECOND);
    let changes = pair.changes();
    pair.run(3600 * SECOND);
    let each = (pair.changes() - changes) / 4;
    assert!(each <= 12, "{each} changes of place in an hour\n{}", pair.log());
    assert!(pair.is_hot(0) || pair.is_hot(1), "{}", pair.log());
    // Whichever is mended serves soon.
    disorder(&mut pair, 0, Disorders::default());
    pair.run(400 * SECOND);
    assert!(serves(&pair, 0), "{}", pair.log());
}

#[test]
fn an_order_whose_release_fails_is_undone_and_refused() {
    for disorders in [ADDRESS_STAYS, APP_STAYS, with(Disorder::Hangs, ADDRESS_STAYS)] {
        for by_failover in [true, false] {
            let mut pair = Pair::settled();
            let hot = pair.hot_side();
            disorder(&mut pair, hot, disorders);
            if by_failover {
                pair.give(hot, FAILOVER);
            } else {
                pair.give(1 - hot, Event::Takeover { force: false });
            }
            for _ in 0..3000 {
                pair.run(SECOND / 100);
                assert!(!pair.is_hot(1 - hot), "two would serve\n{}", pair.log());
            }
            assert_eq!(pair.log().refused, Some(Refusal::NotReleased), "{}", pair.log());
            assert!(serves(&pair, hot), "{}", pair.log());
            let stops = pair.ordered(hot).stops;
            assert!(
                stops <= 2,
                "stopped once for the order, not for each repetition: {stops}\n{}",
                pair.log()
            );
            // A later order is tried anew.
            disorder(&mut pair, hot, Disorders::default());
            pair.give(hot, FAILOVER);
            pair.run(10 * SECOND);
            assert!(serves(&pair, 1 - hot), "{}", pair.log());
        }
    }
}

#[test]
fn an_order_by_force_goes_on_whatever_fails() {
    for disorders in [ADDRESS_STAYS, APP_STAYS] {
        let mut pair = Pair::settled();
        let hot = pair.hot_side();
        disorder(&mut pair, hot, disorders);
        pair.give(hot, Event::Failover { force: true });
        pair.run(10 * SECOND);
        assert!(pair.is_hot(1 - hot) && !pair.is_hot(hot), "{}", pair.log());
    }
}

#[test]
fn a_daemon_that_ends_hands_over_unless_its_application_may_still_run() {
    for (disorders, handed_over) in [(ADDRESS_STAYS, true), (APP_STAYS, false)] {
        let mut pair = Pair::settled();
        let hot = pair.hot_side();
        disorder(&mut pair, hot, disorders);
        pair.give(hot, Event::Shutdown);
        pair.run(SECOND);
        assert_eq!(pair.is_hot(1 - hot), handed_over, "{}", pair.log());
        assert!(!pair.is_up(hot), "it ends all the same");
    }
}

#[test]
fn in_a_failure_the_other_side_serves_whatever_fails() {
    for disorders in [ADDRESS_STAYS, APP_STAYS] {
        let mut pair = Pair::settled();
        let hot = pair.hot_side();
        disorder(&mut pair, hot, disorders);
        pair.kill_app(hot);
        pair.run(SECOND);
        assert!(serves(&pair, 1 - hot), "{}", pair.log());
    }
}

/// Both applications end a second after they are hot, and are started again at once.
fn flap(pair: &mut Pair, time: Duration) -> u32 {
    let before = pair.log().measured.switches;
    let mut hot_for = [0; 2];
    for _ in 0..time.as_millis() / 100 {
        pair.run(SECOND / 10);
        for (side, hot_for) in hot_for.iter_mut().enumerate() {
            *hot_for = if pair.is_hot(side) { *hot_for + 1 } else { 0 };
            if *hot_for == 10 {
                pair.kill_app(side);
                pair.start_app(side, Report::Standby);
            }
        }
    }
    pair.log().measured.switches - before
}

#[test]
fn flapping_is_damped() {
    let mut pair = Pair::settled();
    let (first, then) = (flap(&mut pair, 60 * SECOND), flap(&mut pair, 600 * SECOND));
    assert!(
        first <= 10 && then <= 12,
        "{first} switches in a minute, {then} in the next ten\n{}",
        pair.log()
    );

    let never = Settings { hold_back: Duration::ZERO, ..settings(0) };
    let mut pair = Pair::settled_with(never.clone(), never);
    let undamped = flap(&mut pair, 60 * SECOND);
    assert!(undamped >= 25, "{undamped}: `hold-back = 0` turns it off");
}

/// A pair of which side 0 is held back for a minute while the other one serves.
fn held_for_a_minute() -> Pair {
    let slow = |priority| Settings { hold_back: 60 * SECOND, ..settings(priority) };
    let mut pair = Pair::settled_with(slow(10), slow(0));
    for _ in 0..2 {
        pair.give(0, Event::Takeover { force: false });
        pair.run(SECOND);
        assert_eq!(pair.hot_side(), 0);
        pair.kill_app(0);
        pair.start_app(0, Report::Standby);
        pair.run(4 * SECOND);
    }
    assert!(is_held(&pair, 0) && serves(&pair, 1), "{}", pair.log());
    pair
}

#[test]
fn a_hold_ends_by_time() {
    let mut pair = held_for_a_minute();
    pair.run(50 * SECOND);
    assert!(is_held(&pair, 0), "{}", pair.log());
    pair.run(10 * SECOND);
    pair.assert_settled();
}

#[test]
fn a_hold_counts_only_as_long_as_the_other_side_serves() {
    for crash in [false, true] {
        let mut pair = held_for_a_minute();
        if crash {
            pair.kill_daemon(1);
        }
        pair.kill_app(1);
        let took = pair.run_until(30 * SECOND, |pair| serves(pair, 0));
        assert!(took <= if crash { 6 * SECOND } else { SECOND }, "{took:?}\n{}", pair.log());
    }
    let mut pair = held_for_a_minute();
    pair.give(1, Event::Shutdown);
    pair.run_until(SECOND, |pair| serves(pair, 0));
}

#[test]
fn an_operator_ends_a_hold() {
    let mut pair = held_for_a_minute();
    pair.give(0, Event::Takeover { force: false });
    pair.run(SECOND);
    assert!(serves(&pair, 0), "{}", pair.log());
    let mut pair = held_for_a_minute();
    pair.give(1, FAILOVER);
    assert_eq!(pair.log().refused, Some(Refusal::PeerFailed));
    pair.give(1, Event::Failover { force: true });
    pair.run(SECOND);
    assert!(serves(&pair, 0), "{}", pair.log());
}

#[test]
fn a_side_that_was_hot_for_long_is_not_held_back() {
    let mut pair = Pair::settled();
    for _ in 0..10 {
        let hot = pair.hot_side();
        pair.kill_app(hot);
        pair.start_app(hot, Report::Standby);
        pair.run(60 * SECOND);
        pair.assert_settled();
        assert_eq!(pair.hot_side(), 1 - hot, "{}", pair.log());
    }
}

/// The order of legacy's own: first the heartbeat's message, then the peer's silence. A fuzzer met it.
#[test]
fn a_hold_that_ends_by_silence_ends_after_the_heartbeat_of_the_same_tick() {
    let mut node = Lone::hot(Settings { hold_back: 60 * SECOND, ..settings(0) }, ours());
    // The peer is heard last at a heartbeat, so its silence is due at another one.
    node.now = node.resource.next_deadline();
    node.tick();
    for code in [AppCode::Lfai, AppCode::Lsby] {
        node.app(code);
    }
    node.hears(PeerCode::Fail);
    for code in [AppCode::Lhot, AppCode::Lfai, AppCode::Lsby] {
        node.hears(PeerCode::Stby);
        node.app(code);
    }
    let is_held = |node: &Lone| matches!(node.resource.state(), State::Failed { hold_back: Some(_) });
    assert!(is_held(&node));
    let mut actions = Vec::new();
    while is_held(&node) {
        node.now = node.resource.next_deadline();
        actions = node.tick();
    }
    let held_back = |action: &Action| matches!(action, Action::Send { random: HELD_BACK_RANDOM, .. });
    assert!(held_back(&actions[0]), "{actions:?}");
    assert!(!actions[1..].iter().any(held_back), "{actions:?}");
    assert_eq!(node.state(), StateName::ToHot);
}

/// An operator ordered a failover while both were hot, and its release failed. The simulation met it (seed 5897).
#[test]
fn two_hot_sides_part_at_once_although_one_has_undone_an_order() {
    let mut node = Lone::hot(settings(0), PeerReport { priority: 10, ..ours() });
    let ask = |node: &mut Lone| node.hears(PeerCode::Treq);
    let refuses = |actions: &[Action]| {
        actions.iter().any(|action| matches!(action, Action::Send { code: PeerCode::Trej, .. }))
    };
    node.give(FAILOVER);
    node.give(Event::DeactivateFailed);
    node.release();
    node.app(AppCode::Lhot);
    assert_eq!(node.state(), StateName::Hot, "undone");
    // The peer is standby, and asks again for what was undone.
    assert!(refuses(&ask(&mut node)));
    // The peer is hot as well, and stands above.
    node.hears(PeerCode::Hott);
    ask(&mut node);
    assert_eq!(node.state(), StateName::Standby);
}
