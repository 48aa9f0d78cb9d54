//! Many resources in one datagram (`docs/adr/0075-batches.md`): what the random faults do not do, above all a daemon of
//! another kind in the place of one of ours.

use std::time::Duration;

use schrittmacher_protocol::StateName;
use schrittmacher_simulator::{Daemon, Loss, Report};
use schrittmacher_testkit::double::{self, Generation};
use schrittmacher_testkit::pair::{ADDRESSES, Pair};
use schrittmacher_testkit::program::Program;
use schrittmacher_testkit::settings;

const SECOND: Duration = Duration::from_secs(1);

/// A settled pair of ours that says heartbeats in batches.
fn batched(heartbeat: Duration, falls_back: bool, seed: u64) -> Pair {
    let ours = || {
        let mut settings = settings(0);
        (settings.heartbeat, settings.timeout) = (heartbeat, 3 * heartbeat);
        settings
    };
    let mut pair = Pair::seeded(ours(), ours(), seed);
    pair.world.batch(falls_back);
    for side in 0..2 {
        // So that its start is one with batches.
        pair.kill_daemon(side);
        pair.start_daemon(side);
    }
    pair.settle()
}

/// Puts a legacy daemon in the place of the standby one, which has ended a moment before. How long both sides were hot in
/// the minute that follows.
fn exchanged(pair: &mut Pair, generation: Generation, after: Duration) -> Duration {
    let standby = 1 - pair.hot_side();
    pair.kill_daemon(standby);
    pair.run(after);
    let settings = double::Settings { generation, priority: 0, heartbeat_intervall: 2 * SECOND };
    pair.note("a legacy daemon takes its place");
    pair.world.change(standby, 0, |_, node| {
        *node.daemon_mut() = Program::legacy(settings, ADDRESSES[standby].into(), 7);
    });
    pair.start_app(standby, Report::Standby);
    pair.start_daemon(standby);
    let (mut both, step) = (Duration::ZERO, Duration::from_millis(20));
    for _ in 0..3000 {
        pair.run(step);
        let is_hot = |side: usize| pair.is_up(side) && pair.node(side).daemon().state() == StateName::Hot;
        both += if is_hot(0) && is_hot(1) { step } else { Duration::ZERO };
    }
    both
}

/// Every so often after the last heartbeat, with each generation, and with every second message of it lost: how many of the
/// runs had two hot sides.
fn runs_with_two_hot(falls_back: bool) -> usize {
    let mut found = 0;
    for generation in [Generation::V200, Generation::V182] {
        for heartbeat in [SECOND / 2, SECOND, 2 * SECOND] {
            for tenth in 0..20_u32 {
                let mut pair = batched(heartbeat, falls_back, tenth.into());
                let standby = 1 - pair.hot_side();
                pair.world.link.directions[standby].loss = Loss::independent(0.5).at_most(1);
                let both = exchanged(&mut pair, generation, heartbeat * tenth / 10);
                found += usize::from(both > Duration::ZERO);
            }
        }
    }
    found
}

#[test]
fn a_legacy_daemon_in_the_place_of_ours_hears_that_we_are_hot() {
    assert_eq!(runs_with_two_hot(true), 0);
}

/// What the test above is worth.
#[test]
fn without_the_way_back_both_sides_are_hot() {
    assert!(runs_with_two_hot(false) > 0);
}
