//! A host whose commands wait for each other, as when thousands of resources start: the time of an application runs from the
//! beginning of its command (T4).

use std::time::Duration;

use schrittmacher_protocol::{Action, Event, Notice, StateName, Time};
use schrittmacher_simulator::Report;
use schrittmacher_testkit::lone::{Lone, ours};
use schrittmacher_testkit::pair::Pair;
use schrittmacher_testkit::settings;
use schrittmacher_wire::{AppCode, PeerCode};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn a_command_that_waits_for_its_turn_for_minutes_is_no_failure_on_either_side() {
    let mut pair = Pair::new(settings(0), settings(0));
    for side in 0..2 {
        pair.world.change(side, 0, |_, node| node.commands_mut().set_turn(2 * MINUTE));
        pair.start_app(side, Report::Unknown);
    }
    while pair.now() < 2 * MINUTE {
        pair.run(SECOND);
        let states = [pair.state(0), pair.state(1)];
        assert!(!states.contains(&StateName::Failed), "after {:?}: {states:?}", pair.now());
    }
    pair.run(5 * SECOND);
    pair.assert_settled();
}

/// A spawner that hangs begins nothing, and nothing is told of it any more.
#[test]
fn without_word_of_its_turn_and_from_the_beginning_of_its_command_the_time_of_an_application_runs() {
    let patience = settings(0).going_hot_timeout;
    for begins in [false, true] {
        let mut node = Lone::standby(settings(0), ours());
        node.hears(PeerCode::Fail);
        for _ in 0..90 {
            node.give(Event::CommandWaits);
            node.run(SECOND, &[PeerCode::Fail], &[AppCode::L2ht]);
        }
        assert_eq!(node.state(), StateName::ToHot);
        if begins {
            node.give(Event::StartBegan);
        }
        let waits = if begins { patience } else { patience - SECOND };
        node.run(waits - SECOND, &[PeerCode::Fail], &[AppCode::L2ht]);
        // What is begun waits for no turn.
        if begins {
            node.give(Event::CommandWaits);
        }
        assert_eq!(node.state(), StateName::ToHot);
        let done = node.run(3 * SECOND, &[PeerCode::Fail], &[AppCode::L2ht]);
        let late = |(_, action): &(Time, Action)| *action == Action::Notice(Notice::GoingHotTimeout);
        assert!(done.iter().any(late), "begins: {begins}: {done:?}");
    }
}

/// A daemon that was stopped drains its sockets before it acts on time, also if its commands wait.
#[test]
fn the_tick_after_it_finds_lost_time() {
    let mut node = Lone::standby(settings(0), ours());
    node.hears(PeerCode::Fail);
    assert_eq!(node.state(), StateName::ToHot);
    node.now = node.now + MINUTE;
    node.give(Event::CommandWaits);
    let actions = node.tick();
    assert!(actions.contains(&Action::Notice(Notice::Paused)), "{actions:?}");
}

#[test]
fn an_application_that_waits_for_its_stop_is_given_its_time() {
    let mut node = Lone::new(settings(0), ours());
    node.hears(PeerCode::Unk);
    node.hears(PeerCode::ToHot);
    assert_eq!(node.state(), StateName::ToStandby);
    for _ in 0..90 {
        node.give(Event::CommandWaits);
        node.run(SECOND, &[PeerCode::Hott], &[AppCode::L2sb]);
    }
    assert_eq!(node.state(), StateName::ToStandby);
    node.run(settings(0).going_standby_timeout, &[PeerCode::Hott], &[AppCode::L2sb]);
    assert_eq!(node.state(), StateName::Failed);
}
