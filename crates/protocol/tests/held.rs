//! A held node starts nothing, and stops no application that serves (edge-11, edge-13).

use std::time::Duration;

use schrittmacher_protocol::{Action, Command, Event, Refusal, Settings, StateName};
use schrittmacher_testkit::lone::{Lone, ours};
use schrittmacher_testkit::pair::Pair;
use schrittmacher_testkit::program::Program;
use schrittmacher_testkit::settings;
use schrittmacher_wire::{AppCode, PeerCode};

const MINUTE: Duration = Duration::from_secs(60);

fn held() -> Settings {
    Settings { held: true, app_timeout: 2 * MINUTE, ..settings(0) }
}

fn starts(actions: &[Action]) -> bool {
    actions.iter().any(|action| matches!(action, Action::Command(Command::Start | Command::Activate)))
}

fn stops(actions: &[Action]) -> bool {
    actions.iter().any(|action| matches!(action, Action::Command(Command::Stop)))
}

#[test]
fn it_waits_while_no_peer_is_heard_and_goes_on_when_it_is_let_go() {
    let mut node = Lone::new(held(), ours());
    node.app(AppCode::Lsby);
    let actions: Vec<Action> = node.pass(MINUTE).into_iter().map(|(_, action)| action).collect();
    assert!(!starts(&actions), "{actions:?}");
    assert_eq!(node.state(), StateName::Standby);
    let now = node.now;
    node.resource.set_settings(now, Settings { held: false, ..held() });
    node.pass(MINUTE / 4);
    assert_eq!(node.state(), StateName::ToHot);
}

/// The peer waits for a side whose role is not known. Found by `make sim` with a set, and by the search.
#[test]
fn before_its_application_has_said_what_it_is_it_leaves_the_role_to_its_peer() {
    for code in [PeerCode::Stby, PeerCode::Tcnf] {
        let mut node = Lone::new(held(), ours());
        node.app(AppCode::Lunk);
        let actions = node.hears(code);
        assert!(!starts(&actions), "{actions:?}");
        assert_eq!(node.state(), StateName::ToStandby, "{code}");
    }
}

#[test]
fn a_peer_that_gives_up_makes_it_start_nothing_either() {
    let mut node = Lone::new(held(), ours());
    node.app(AppCode::Lsby);
    for code in [PeerCode::Hott, PeerCode::Fail, PeerCode::Fovr, PeerCode::Stby] {
        assert!(!starts(&node.hears(code)), "{code}");
    }
    assert_eq!(node.state(), StateName::Standby);
}

#[test]
fn an_application_that_is_hot_stays_so() {
    for before in [None, Some(AppCode::Lsby)] {
        let mut node = Lone::new(held(), ours());
        let mut actions = Vec::new();
        if let Some(code) = before {
            node.app(code);
            node.pass(MINUTE);
        }
        actions.extend(node.app(AppCode::Lhot));
        let later = node.run(Duration::from_secs(10), &[], &[AppCode::Lhot]);
        actions.extend(later.into_iter().map(|(_, action)| action));
        assert!(!stops(&actions), "{before:?}: {actions:?}");
        assert_eq!(node.state(), StateName::Hot, "{before:?}");
    }
}

/// A held node that is hot, because its application says so, beside a standby of ours.
fn held_and_hot() -> Lone {
    let mut node = Lone::hot(settings(0), ours());
    let now = node.now;
    node.resource.set_settings(now, held());
    node
}

/// It had the service itself. Without it the pair has none.
#[test]
fn a_hand_over_that_comes_back_starts_the_application_again() {
    let mut node = held_and_hot();
    node.give(Event::Failover { force: false });
    node.give(Event::DeactivateFailed);
    assert!(starts(&node.release()), "an order that is undone");
    assert_eq!(node.state(), StateName::ToHot);

    let mut node = held_and_hot();
    node.give(Event::Shutdown);
    node.release();
    assert!(starts(&node.hears(PeerCode::Fail)), "a peer that does not take over");
    assert_eq!(node.state(), StateName::ToHot);
}

/// The peer would yield, and no side would serve.
#[test]
fn it_asks_no_peer_for_a_role_that_it_would_not_take() {
    let preempt = Settings { priority: 9, preempt: true, ..held() };
    let mut node = Lone::standby(preempt, ours());
    let heard = node.run(3 * MINUTE, &[PeerCode::Hott], &[AppCode::Lsby]);
    let asked = |code: &Action| matches!(code, Action::Send { code: PeerCode::Treq, .. });
    assert!(!heard.iter().any(|(_, action)| asked(action)), "preempt");
    for actions in [node.give(Event::Takeover { force: false }), node.app(AppCode::Lrto)] {
        assert_eq!(actions, [Action::Refuse(Refusal::Held)]);
    }
}

fn hold(pair: &mut Pair, side: usize) {
    pair.note(format!("host{side} is held"));
    pair.world.change(side, 0, |now, node| {
        let Program::Ours(ours) = node.daemon_mut() else { return };
        let settings = Settings { held: true, ..ours.resource().settings().clone() };
        ours.set_settings(now, settings);
    });
    // Its next heartbeat says so.
    pair.run(Duration::from_secs(3));
}

/// The peer would not take the service, and nobody would serve until it comes back.
#[test]
fn nothing_is_handed_over_to_a_held_peer() {
    let mut pair = Pair::settled();
    let hot = pair.hot_side();
    hold(&mut pair, 1 - hot);
    pair.give(hot, Event::Failover { force: false });
    assert_eq!(pair.log().refused, Some(Refusal::PeerHeld), "{}", pair.log());
    let stops = pair.ordered(hot).stops;
    pair.give(hot, Event::Shutdown);
    pair.run(MINUTE);
    assert!(!pair.is_up(hot) && pair.app(hot).is_serving() && pair.interface_is_up(hot), "{}", pair.log());
    assert_eq!(pair.ordered(hot).stops, stops, "it is left alone");
    assert_eq!(pair.state(1 - hot), StateName::Standby);
}
