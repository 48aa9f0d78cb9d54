//! A host that is isolated: it stops before the other side takes over, or takes over nothing (`on-isolation`).

use std::time::Duration;

use schrittmacher_protocol::{Event, OnIsolation, Settings, StateName};
use schrittmacher_simulator::Report;
use schrittmacher_testkit::pair::Pair;
use schrittmacher_testkit::settings;
use schrittmacher_wire::AppCode;

const SECOND: Duration = Duration::from_secs(1);
const MS: Duration = Duration::from_millis(1);

/// What is tried, and what is taken out of it.
#[derive(Clone, Copy, Debug)]
struct Trial {
    heartbeat: Duration,
    on_isolation: OnIsolation,
    ping_timeout: Duration,
    /// What the application and its stop command need, together.
    stopping: Duration,
}

impl Trial {
    /// As the configuration has it if it says nothing: half of what the other side waits for.
    fn good(heartbeat: Duration) -> Trial {
        Trial {
            heartbeat,
            on_isolation: OnIsolation::StepDown,
            ping_timeout: heartbeat,
            stopping: heartbeat * 2 / 5,
        }
    }

    fn settled(self, first_echo: Duration) -> Pair {
        let of = |priority| Settings {
            heartbeat: self.heartbeat,
            timeout: 3 * self.heartbeat,
            on_isolation: self.on_isolation,
            ..settings(priority)
        };
        let mut pair = Pair::settled_with(of(1), of(0));
        pair.slow(self.stopping / 2, self.stopping / 2);
        for side in 0..2 {
            pair.world.ping(side, self.ping_timeout, pair.now() + first_echo);
        }
        pair.run(10 * SECOND);
        pair
    }
}

/// Nothing of this side reaches anything, and nothing reaches it.
fn isolate(pair: &mut Pair, side: usize) {
    pair.note(format!("host{side}: isolated"));
    pair.world.set_reaches(side, false);
    pair.cut();
}

fn join(pair: &mut Pair) {
    (0..2).for_each(|side| pair.world.set_reaches(side, true));
    pair.heal();
}

/// In how many of the moments of two heartbeats both serve when the hot side is isolated then.
fn times_two(trial: Trial) -> (u32, u32) {
    let (mut two, mut tried) = (0, 0);
    for echo in 0..4 {
        for moment in 0..40 {
            let mut pair = trial.settled(trial.ping_timeout * echo / 16);
            let hot = pair.hot_side();
            pair.run(trial.heartbeat * moment / 20);
            isolate(&mut pair, hot);
            tried += 1;
            two += u32::from(pair.run_watched(20 * trial.heartbeat));
            if trial.on_isolation == OnIsolation::StepDown {
                pair.run(10 * trial.heartbeat);
                assert_eq!(pair.state(hot), StateName::Standby, "{}", pair.log());
                assert!(pair.is_hot(1 - hot), "{}", pair.log());
            }
        }
    }
    (two, tried)
}

#[test]
fn an_isolated_hot_side_stops_before_the_other_takes_over_at_every_moment() {
    for heartbeat in [SECOND, SECOND / 10] {
        assert_eq!(times_two(Trial::good(heartbeat)), (0, 160), "{heartbeat:?}");
    }
}

/// Each part of the timing is needed.
#[test]
fn without_the_timing_both_serve() {
    let good = Trial::good(SECOND);
    let bad = [
        Trial { on_isolation: OnIsolation::Keep, ..good },
        Trial { ping_timeout: 4 * SECOND, ..good },
        Trial { stopping: 8 * SECOND, ..good },
    ];
    for trial in bad {
        let (two, tried) = times_two(trial);
        assert!(two > tried / 2, "{trial:?}: {two} of {tried}");
    }
}

#[test]
fn an_isolated_standby_does_not_take_over_and_the_hot_side_never_stops() {
    let mut pair = Trial::good(SECOND).settled(Duration::ZERO);
    let hot = pair.hot_side();
    isolate(&mut pair, 1 - hot);
    assert!(!pair.run_watched(60 * SECOND), "{}", pair.log());
    assert!(pair.is_hot(hot) && pair.state(1 - hot) == StateName::Standby, "{}", pair.log());
    let changes = pair.changes();
    join(&mut pair);
    assert!(!pair.run_watched(20 * SECOND), "{}", pair.log());
    pair.assert_settled();
    assert_eq!((pair.hot_side(), pair.changes()), (hot, changes), "{}", pair.log());
}

/// The targets answer, and are silent again before anything more was heard of the peer. That answer is not of the second silence.
#[test]
fn after_two_isolations_in_a_row_the_silence_counts_anew_as_well() {
    for moment in 0..20 {
        let mut pair = Trial::good(SECOND).settled(Duration::ZERO);
        let hot = pair.hot_side();
        pair.run(SECOND * moment / 20);
        pair.world.set_reaches(1 - hot, false);
        pair.run(5 * SECOND);
        pair.world.set_reaches(1 - hot, true);
        pair.run(SECOND * 3 / 10);
        isolate(&mut pair, 1 - hot);
        pair.run(20 * SECOND);
        pair.world.set_reaches(1 - hot, true);
        assert!(!pair.run_watched(2 * SECOND), "{moment}: {}", pair.log());
        join(&mut pair);
        assert!(!pair.run_watched(10 * SECOND), "{moment}: {}", pair.log());
        pair.assert_settled();
        assert_eq!(pair.hot_side(), hot, "{moment}: {}", pair.log());
    }
}

/// A switch between all of them dies: nobody serves, and one does when it is back (P2 does not hold meanwhile).
#[test]
fn two_that_are_isolated_leave_nobody_until_a_target_answers() {
    let mut pair = Trial::good(SECOND).settled(Duration::ZERO);
    let hot = pair.hot_side();
    isolate(&mut pair, hot);
    isolate(&mut pair, 1 - hot);
    pair.run(60 * SECOND);
    assert_eq!(pair.serving(), [false; 2], "{}", pair.log());
    join(&mut pair);
    assert!(!pair.run_watched(10 * SECOND), "{}", pair.log());
    pair.assert_settled();
    // The one that reaches something, and hears no peer, serves.
    isolate(&mut pair, 0);
    isolate(&mut pair, 1);
    pair.run(60 * SECOND);
    pair.world.set_reaches(1, true);
    pair.run_until(5 * SECOND, |pair| pair.is_hot(1));
}

#[test]
fn targets_that_are_silent_change_nothing_while_the_peer_is_heard() {
    let mut pair = Trial::good(SECOND).settled(Duration::ZERO);
    let (hot, changes) = (pair.hot_side(), pair.changes());
    (0..2).for_each(|side| pair.world.set_reaches(side, false));
    pair.run(600 * SECOND);
    assert_eq!((pair.hot_side(), pair.changes()), (hot, changes), "{}", pair.log());
    // It goes hot when the other one hands over, too.
    pair.give(hot, Event::Failover { force: false });
    pair.run_until(5 * SECOND, |pair| pair.is_hot(1 - hot));
}

/// The link between the hosts is cut, and each of them reaches a target: no evidence, and both serve (P8).
#[test]
fn a_cut_between_two_that_reach_their_targets_is_no_isolation() {
    let mut pair = Trial::good(SECOND).settled(Duration::ZERO);
    pair.cut();
    assert!(pair.run_watched(20 * SECOND), "{}", pair.log());
}

#[test]
fn when_the_peer_has_taken_over_an_isolated_side_comes_back_as_standby_and_both_never_serve() {
    for moment in 0..20 {
        let mut pair = Trial::good(SECOND).settled(Duration::ZERO);
        let hot = pair.hot_side();
        isolate(&mut pair, hot);
        pair.run(20 * SECOND + SECOND * moment / 20);
        // The targets answer first: the neighbours find each other one by one.
        pair.world.set_reaches(hot, true);
        assert!(!pair.run_watched(SECOND), "{}", pair.log());
        join(&mut pair);
        assert!(!pair.run_watched(10 * SECOND), "{}", pair.log());
        pair.assert_settled();
        assert_eq!(pair.hot_side(), 1 - hot, "{}", pair.log());
    }
}

#[test]
fn a_frozen_side_stays_and_a_daemon_that_starts_beside_a_hot_application_stops_it() {
    let mut pair = Trial::good(SECOND).settled(Duration::ZERO);
    let hot = pair.hot_side();
    (0..2).for_each(|side| pair.give(side, Event::Freeze(true)));
    isolate(&mut pair, hot);
    pair.run(60 * SECOND);
    assert!(pair.is_hot(hot) && !pair.is_hot(1 - hot), "P12: {}", pair.log());
    pair.kill_daemon(hot);
    pair.start_daemon(hot);
    pair.run(60 * SECOND);
    assert!(!pair.serving()[hot], "{}", pair.log());
}

/// The end of an isolated daemon must not bring the role back.
#[test]
fn a_daemon_that_ends_while_it_steps_down_leaves_nothing_hot() {
    for later in 0..30 {
        let mut pair = Trial::good(SECOND).settled(Duration::ZERO);
        let hot = pair.hot_side();
        isolate(&mut pair, hot);
        pair.run_until(5 * SECOND, |pair| pair.state(hot) == StateName::Releasing);
        pair.run(20 * MS * later);
        pair.give(hot, Event::Shutdown);
        assert!(!pair.run_watched(30 * SECOND), "{}", pair.log());
        assert!(!pair.is_up(hot) && !pair.serving()[hot], "{}", pair.log());
    }
}

/// A daemon that was stopped has no evidence from that time, and asks its peer as ever.
#[test]
fn a_pause_is_no_isolation() {
    let mut pair = Trial::good(SECOND).settled(Duration::ZERO);
    let hot = pair.hot_side();
    pair.kill_app(1 - hot);
    pair.kill_daemon(1 - hot);
    pair.run(10 * SECOND);
    pair.pause(hot, 30 * SECOND);
    pair.run(60 * SECOND);
    assert!(pair.is_hot(hot), "{}", pair.log());
    pair.start_daemon(1 - hot);
    pair.start_app(1 - hot, Report::Standby);
    pair.run(20 * SECOND);
    pair.assert_settled();
}

/// Silent targets alone are no reason to leave the service nowhere: the peer is heard, and could not take over.
#[test]
fn a_role_that_comes_back_at_the_daemons_end_stays_here_while_the_peer_is_heard() {
    let mut pair = Trial::good(SECOND).settled(Duration::ZERO);
    let hot = pair.hot_side();
    pair.world.set_reaches(hot, false);
    pair.run(10 * SECOND);
    pair.give(hot, Event::Shutdown);
    pair.run_until(5 * SECOND, |pair| pair.state(hot) == StateName::Leaving);
    pair.kill_app(1 - hot);
    pair.give(1 - hot, Event::App(Some(AppCode::Lfai)));
    pair.run(60 * SECOND);
    assert!(pair.serving()[hot], "{}", pair.log());
}

#[test]
fn targets_that_come_and_go_put_off_a_take_over_once() {
    let mut pair = Trial::good(SECOND).settled(Duration::ZERO);
    let hot = pair.hot_side();
    pair.kill_app(hot);
    pair.kill_daemon(hot);
    for _ in 0..20 {
        pair.give(1 - hot, Event::Isolated(true));
        pair.run(SECOND / 2);
        pair.give(1 - hot, Event::Isolated(false));
        pair.run(SECOND);
    }
    assert!(pair.is_hot(1 - hot), "{}", pair.log());
}
