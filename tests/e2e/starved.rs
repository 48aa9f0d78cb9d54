//! proto-2, by UDP: a 1.8.2 whose applications report so evenly that it never looks at its clock. In virtual time:
//! `crates/testkit/tests/starved.rs`.

use std::fmt::Write;
use std::thread;
use std::time::Duration;

use nix::sys::signal::Signal;
use schrittmacher_harness::{
    AT_ONCE, Generation, LEGACY_HEARTBEAT, LEGACY_TIMEOUT, Mixed, RESOURCE, Setup, Side, holds_for,
};

/// Longer than its silence would be borne if it were not asked.
const SILENCE: Duration = Duration::from_secs(14);

/// Does the same beside a 1.8.2 with three and with ten resources, of which ours shares the first.
fn beside_a_starved_daemon(hot: Side, what: impl Fn(Mixed) + Sync) {
    thread::scope(|scope| {
        for resources in [3, 10] {
            let what = &what;
            scope.spawn(move || {
                let mut mixed = Mixed::new(Setup::default(), Generation::Classic);
                let others = (1..resources).fold(String::new(), |mut options, number| {
                    write!(options, " --resource other{number}").unwrap();
                    options
                });
                if hot == Side::A {
                    mixed[Side::A].start_app("--start-as hot");
                    mixed.start_daemon(Side::A);
                    mixed.wait_hot(Side::A, 3 * LEGACY_HEARTBEAT);
                    mixed.journal.wait(Side::A, "activate");
                    mixed.start_legacy_with(Side::B, Some("standby"), &others);
                } else {
                    mixed.start_legacy_with(Side::B, Some("hot"), &others);
                    mixed.wait_hot(Side::B, LEGACY_TIMEOUT);
                    mixed[Side::A].start_app("--start-as standby");
                    mixed.start_daemon(Side::A);
                }
                mixed.wait_settled(hot, LEGACY_HEARTBEAT);
                mixed[Side::A].wait_believed();
                mixed.forget();
                what(mixed);
            });
        }
    });
}

/// Nothing changes for longer than the peer's silence is borne.
fn stays(mixed: &Mixed, hot: Side) {
    holds_for(SILENCE, || {
        if mixed.is_settled(hot) {
            Ok(())
        } else {
            Err(format!("not settled:\n{}", mixed[Side::A].log.text()))
        }
    });
}

#[test]
fn a_hot_daemon_whose_clock_starves_is_not_taken_for_dead() {
    beside_a_starved_daemon(Side::B, |mixed| {
        stays(&mixed, Side::B);
        mixed.journal.expect(Side::A, &[]);
    });
}

#[test]
fn a_failover_to_a_daemon_whose_clock_starves_stays() {
    beside_a_starved_daemon(Side::A, |mixed| {
        stays(&mixed, Side::A);
        mixed[Side::A].page(&format!("?failover={RESOURCE}"));
        mixed.wait_settled(Side::B, LEGACY_HEARTBEAT);
        stays(&mixed, Side::B);
        mixed.journal.expect(Side::A, &["stop", "deactivate"]);
    });
}

#[test]
fn sigterm_hands_over_to_a_daemon_whose_clock_starves() {
    beside_a_starved_daemon(Side::A, |mixed| {
        stays(&mixed, Side::A);
        mixed[Side::A].daemon().signal(Signal::SIGTERM);
        mixed.wait_hot(Side::B, LEGACY_HEARTBEAT);
        assert_eq!(mixed[Side::A].daemon().wait_code(AT_ONCE), 0);
        mixed.journal.expect(Side::A, &["stop", "deactivate"]);
    });
}
