//! A frozen resource: no automatic switch, on either side (P12). Orders are obeyed.

use std::time::Duration;

use schrittmacher_protocol::{Action, Command, Event, Refusal, StateName};
use schrittmacher_testkit::lone::{Lone, ours};
use schrittmacher_testkit::settings;
use schrittmacher_wire::{AppCode, PeerCode};

const MINUTE: Duration = Duration::from_secs(60);

fn frozen(mut node: Lone) -> Lone {
    node.give(Event::Freeze(true));
    node
}

/// Beside a hot peer of ours.
fn frozen_standby() -> Lone {
    let mut node = Lone::new(settings(0), ours());
    node.app(AppCode::Lsby);
    node.hears(PeerCode::Hott);
    frozen(node)
}

/// Beside a standby peer of ours.
fn frozen_hot() -> Lone {
    let mut node = Lone::hot(settings(0), ours());
    node.hears(PeerCode::Stby);
    frozen(node)
}

fn commands(actions: &[Action]) -> Vec<Command> {
    let command = |action: &Action| if let Action::Command(command) = action { Some(*command) } else { None };
    actions.iter().filter_map(command).collect()
}

#[test]
fn a_frozen_standby_takes_over_neither_from_a_failed_nor_from_a_silent_peer_until_it_is_thawed() {
    for last_word in [PeerCode::Hott, PeerCode::Fail] {
        let mut node = frozen_standby();
        node.hears(last_word);
        node.run(MINUTE, &[], &[AppCode::Lsby]);
        assert_eq!(node.state(), StateName::Standby, "{last_word}, then silence");
        node.give(Event::Freeze(false));
        node.run(MINUTE / 4, &[], &[AppCode::Lsby]);
        assert_eq!(node.state(), StateName::ToHot, "{last_word}, then silence, then thawed");
    }
}

#[test]
fn a_frozen_pair_without_a_hot_side_asks_for_nothing() {
    let mut node = frozen_standby();
    let actions = node.run(MINUTE, &[PeerCode::Stby], &[AppCode::Lsby]);
    let asks = |action: &Action| matches!(action, Action::Send { code: PeerCode::Treq, .. });
    assert!(!actions.iter().any(|(_, action)| asks(action)), "{actions:?}");
    assert_eq!(node.state(), StateName::Standby);
}

#[test]
fn orders_are_obeyed() {
    let mut node = frozen_standby();
    node.hears(PeerCode::Fovr);
    assert_eq!(node.state(), StateName::ToHot, "an operator's failover on the other side");

    let mut node = frozen_standby();
    let asked = node.give(Event::Takeover { force: false });
    assert!(matches!(asked[..], [Action::Send { code: PeerCode::Treq, .. }]), "{asked:?}");
    node.hears(PeerCode::Tcnf);
    assert_eq!(node.state(), StateName::ToHot, "an operator's takeover");

    let mut node = frozen_hot();
    node.give(Event::Failover { force: false });
    node.release();
    assert_eq!(node.state(), StateName::Standby);
}

#[test]
fn a_takeover_from_a_silent_peer_is_refused() {
    let mut node = frozen_standby();
    node.run(MINUTE, &[], &[AppCode::Lsby]);
    assert_eq!(node.give(Event::Takeover { force: false }), [Action::Refuse(Refusal::Frozen)]);
}

#[test]
fn a_daemon_that_ends_leaves_a_frozen_service_alone() {
    let mut node = frozen_hot();
    let actions = node.give(Event::Shutdown);
    assert_eq!(commands(&actions), []);
    assert_eq!(actions.last(), Some(&Action::Exit));
}

/// The other side would not take it, and the service would be gone.
#[test]
fn a_frozen_side_without_its_address_goes_on() {
    let mut node = frozen_hot();
    for _ in 0..5 {
        node.give(Event::ActivateFailed);
        node.hears(PeerCode::Stby);
    }
    assert_eq!(node.state(), StateName::Hot);
}

#[test]
fn an_application_that_is_hot_already_serves() {
    let mut node = frozen(Lone::new(settings(0), ours()));
    let actions = node.run(MINUTE / 6, &[], &[AppCode::Lhot]);
    assert!(!actions.iter().any(|(_, action)| *action == Action::Command(Command::Start)), "{actions:?}");
    assert_eq!(node.state(), StateName::Hot);
}
