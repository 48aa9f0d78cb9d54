//! The daemon ends, or dies, and comes back.

use std::time::Duration;

use nix::sys::signal::Signal;

use crate::harness::{AT_ONCE, Pair, Setup, Side};

/// What the signals and the death of the daemon alone must not do.
pub fn nothing_was_switched(pair: &mut Pair) {
    // The new one asks the peer before it claims what its application says (D11).
    pair.settles(Side::A, Duration::ZERO);
    assert_eq!(pair[Side::B].log.transitions(), []);
    pair.journal.expect(Side::B, &[]);
    // A new daemon can't know whether the address is up, and a hot application may be told to be hot.
    pair.journal.expect(Side::A, &["activate", "start"]);
    assert!(!pair[Side::A].app().output.has("USR2"), "the application was told to go standby");
}

#[test]
fn a_daemon_killed_and_restarted_within_the_timeout_switches_nothing() {
    let mut pair = Pair::new(Setup { timeout: 6.0, ..Setup::default() });
    pair.start(Side::A);
    pair[Side::A].daemon().kill();
    pair.start_daemon(Side::A);
    nothing_was_switched(&mut pair);
}

#[test]
fn sigquit_and_restart_switch_nothing() {
    let mut pair = Pair::new(Setup { timeout: 6.0, ..Setup::default() });
    pair.start(Side::A);
    pair[Side::A].daemon().signal(Signal::SIGQUIT);
    assert_eq!(pair[Side::A].daemon().wait_code(AT_ONCE), 0);
    pair.start_daemon(Side::A);
    nothing_was_switched(&mut pair);
}

/// S9, for both signals that ask a daemon to end.
#[test]
fn sigterm_and_sigint_hand_over_first() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let mut pair = Pair::new(Setup { timeout: 600.0, ..Setup::default() });
        pair.start(Side::A);
        pair[Side::A].daemon().signal(signal);
        assert_eq!(pair[Side::A].daemon().wait_code(AT_ONCE), 0);
        pair.wait_hot(Side::B, Duration::ZERO);
        pair.stays();
        pair[Side::A].app().wait_state("standby", AT_ONCE);
        pair.journal.expect(Side::A, &["stop", "deactivate"]);
        pair.journal.expect(Side::B, &["activate", "start"]);
        pair.journal.expect_order((Side::A, "deactivate"), (Side::B, "activate"));
    }
}

#[test]
fn sigterm_on_a_standby_disturbs_nobody() {
    let mut pair = Pair::new(Setup::default());
    pair.start(Side::A);
    pair[Side::B].daemon().signal(Signal::SIGTERM);
    assert_eq!(pair[Side::B].daemon().wait_code(AT_ONCE), 0);
    pair.stays();
    assert_eq!(pair[Side::A].log.transitions(), []);
    pair.journal.expect(Side::A, &[]);
    pair.journal.expect(Side::B, &[]);
}

#[test]
fn sigterm_without_a_peer_leaves_application_and_address_alone() {
    let mut pair = Pair::new(Setup::default());
    pair.start(Side::A);
    pair[Side::B].kill();
    let timeout = pair.timeout();
    pair[Side::A].log.wait("peer is silent", timeout);
    pair[Side::A].daemon().signal(Signal::SIGTERM);
    assert_eq!(pair[Side::A].daemon().wait_code(AT_ONCE), 0);
    pair.journal.expect(Side::A, &[]);
    assert_eq!(pair[Side::A].app().state().as_deref(), Some("hot"));
}

#[test]
fn on_exit_leave_makes_sigterm_leave_everything_alone() {
    let mut pair = Pair::new(Setup { core: "on-exit = leave", timeout: 6.0, ..Setup::default() });
    pair.start(Side::A);
    pair[Side::A].daemon().signal(Signal::SIGTERM);
    assert_eq!(pair[Side::A].daemon().wait_code(AT_ONCE), 0);
    pair.start_daemon(Side::A);
    nothing_was_switched(&mut pair);
}

#[test]
fn a_second_sigterm_ends_a_hand_over_that_takes_too_long() {
    let stop = Some("{note}; exec sleep 30");
    let mut pair = Pair::new(Setup { stop, timeout: 600.0, ..Setup::default() });
    pair.start(Side::A);
    pair[Side::A].daemon().signal(Signal::SIGTERM);
    pair[Side::A].log.wait_state("transiting_to_standby", AT_ONCE);
    pair[Side::A].daemon().signal(Signal::SIGTERM);
    pair[Side::A].daemon().wait_exit(AT_ONCE);
    pair.journal.expect(Side::A, &["stop"]);
}
