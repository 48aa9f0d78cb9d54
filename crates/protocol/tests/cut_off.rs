//! A host that clients cannot reach: which side serves.

use std::time::Duration;

use schrittmacher_protocol::{Action, Command, Event, Refusal, StateName};
use schrittmacher_simulator::Report;
use schrittmacher_testkit::lone::{Lone, classic, ours};
use schrittmacher_testkit::pair::Pair;
use schrittmacher_testkit::settings;
use schrittmacher_wire::{AppCode, PeerCode};

const SECOND: Duration = Duration::from_secs(1);

fn cut_off(pair: &mut Pair, side: usize, cut_off: bool) {
    pair.note(format!("clients can reach host{side}: {}", !cut_off));
    pair.world.set_cut_off(side, cut_off);
}

fn serves(pair: &Pair, side: usize) -> bool {
    pair.serving()[side] && pair.is_hot(side) && pair.interface_is_up(side)
}

#[test]
fn a_ready_peer_serves_at_once_and_goes_on_when_clients_are_back() {
    let mut pair = Pair::settled();
    let hot = pair.hot_side();
    cut_off(&mut pair, hot, true);
    assert_eq!(pair.state(hot), StateName::Failed, "{}", pair.log());
    let took = pair.run_until(30 * SECOND, |pair| serves(pair, 1 - hot));
    assert!(took < 5 * SECOND, "{took:?}: {}", pair.log());
    pair.give(hot, Event::Takeover { force: false });
    assert_eq!(pair.log().refused, Some(Refusal::CutOff));
    pair.run(100 * SECOND);
    assert_eq!((pair.state(hot), pair.interface_is_up(hot)), (StateName::Failed, false), "{}", pair.log());
    cut_off(&mut pair, hot, false);
    pair.run(10 * SECOND);
    pair.assert_settled();
    assert_eq!(pair.hot_side(), 1 - hot, "{}", pair.log());
}

#[test]
fn a_side_that_hears_no_peer_steps_down_too_and_serves_again_when_clients_are_back() {
    let mut pair = Pair::settled();
    let hot = pair.hot_side();
    pair.kill_daemon(1 - hot);
    pair.run(60 * SECOND);
    assert!(serves(&pair, hot));
    cut_off(&mut pair, hot, true);
    pair.run(60 * SECOND);
    assert_eq!((pair.state(hot), pair.interface_is_up(hot)), (StateName::Failed, false), "{}", pair.log());
    cut_off(&mut pair, hot, false);
    pair.run_until(30 * SECOND, |pair| serves(pair, hot));
}

#[test]
fn the_hot_side_stays_while_the_peer_cannot_serve_either() {
    for peer_is_cut_off in [false, true] {
        let mut pair = Pair::settled();
        let hot = pair.hot_side();
        if peer_is_cut_off {
            cut_off(&mut pair, 1 - hot, true);
        } else {
            pair.kill_app(1 - hot);
        }
        pair.run(10 * SECOND);
        let changes = pair.changes();
        cut_off(&mut pair, hot, true);
        pair.run(100 * SECOND);
        assert!(serves(&pair, hot) && pair.changes() == changes, "{}", pair.log());
        if peer_is_cut_off {
            cut_off(&mut pair, 1 - hot, false);
        } else {
            pair.start_app(1 - hot, Report::Standby);
        }
        pair.run_until(30 * SECOND, |pair| serves(pair, 1 - hot));
        assert_eq!(pair.state(hot), StateName::Failed, "{}", pair.log());
    }
}

/// A switch between all of them dies: both notice in the same moment, or one a little later.
#[test]
fn of_two_that_are_cut_off_together_one_serves() {
    for later in [0, 1, 30, 300, 3000] {
        for first in 0..2 {
            let mut pair = Pair::settled();
            cut_off(&mut pair, first, true);
            pair.run(Duration::from_millis(later));
            cut_off(&mut pair, 1 - first, true);
            pair.run(60 * SECOND);
            assert!(serves(&pair, 0) != serves(&pair, 1), "{}", pair.log());
            let (hot, changes) = (pair.hot_side(), pair.changes());
            pair.run(60 * SECOND);
            assert!(serves(&pair, hot) && pair.changes() == changes, "{}", pair.log());
            cut_off(&mut pair, hot, false);
            cut_off(&mut pair, 1 - hot, false);
            pair.run(10 * SECOND);
            pair.assert_settled();
            assert_eq!(pair.hot_side(), hot, "{}", pair.log());
        }
    }
}

/// What a stopped 1.8.2 says when it goes on: FAIL for each report of its failed application, and STBY for each question.
#[test]
fn a_peer_that_changes_its_mind_at_each_message_does_not_make_it_start_and_stop_as_often() {
    for peer in [classic(), ours()] {
        let mut node = Lone::hot(settings(0), peer);
        node.hears(PeerCode::Fail);
        node.give(Event::CutOff);
        assert_eq!(node.state(), StateName::Hot);
        let mut starts = 0;
        for _ in 0..20 {
            for code in [PeerCode::Stby, PeerCode::Fail] {
                let actions = node.hears(code);
                starts += usize::from(actions.contains(&Action::Command(Command::Start)));
            }
        }
        assert_eq!((starts, node.state()), (0, StateName::Failed), "{peer:?}");
        // It tries again when the other side goes on failing.
        node.run(Duration::from_secs(30), &[PeerCode::Fail], &[AppCode::Lsby]);
        assert_eq!(node.state(), StateName::ToHot, "{peer:?}");
    }
}
