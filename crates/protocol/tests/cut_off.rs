//! A host that clients cannot reach: which side serves.

use std::time::Duration;

use schrittmacher_protocol::{Event, Refusal, StateName};
use schrittmacher_simulator::Report;
use schrittmacher_testkit::pair::Pair;

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
    pair.give(hot, Event::Takeover);
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
