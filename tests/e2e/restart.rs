//! The daemon ends, or dies, and comes back.

use std::time::Duration;

use nix::sys::signal::Signal;

use schrittmacher_harness::{AT_ONCE, Pair, RESOURCE, Setup, Side};

/// Signals to the daemon, and its death alone, must not switch.
pub fn nothing_was_switched(pair: &mut Pair) {
    // The new one asks the peer before it claims what its application says (D11).
    pair.settles(Side::A, Duration::ZERO);
    assert_eq!(pair[Side::B].log.transitions(), []);
    pair.journal.expect(Side::B, &[]);
    // A new daemon can't know whether the address is up. A hot application is not started again (edge-25).
    pair.journal.expect(Side::A, &["activate"]);
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

/// Without a `stop-action`: the daemon may not signal a process that it does not know yet, and the application goes on serving.
#[test]
fn a_failover_in_the_first_second_of_a_daemon_is_told_the_application_once_its_process_is_known() {
    let core = "going-standby-timeout = 300";
    let mut pair = Pair::new(Setup { timeout: 6.0, start: None, stop: None, core, ..Setup::default() });
    pair.start(Side::A);
    pair[Side::A].daemon().signal(Signal::SIGQUIT);
    assert_eq!(pair[Side::A].daemon().wait_code(AT_ONCE), 0);
    pair.start_daemon(Side::A);
    pair[Side::A].log.wait_state("Hot", AT_ONCE);
    pair[Side::A].page(&format!("?failover={RESOURCE}"));
    pair.settles(Side::B, Duration::from_secs(3));
}

/// edge-10: whichever has the greater address, and although the applications of both report up to 1.5 s later.
#[test]
fn edge_10_both_daemons_restarted_in_one_moment_leave_the_application_that_serves_alone() {
    for hot in [Side::A, Side::B] {
        let mut pair = Pair::new(Setup { timeout: 6.0, ..Setup::default() });
        pair.start(hot);
        for side in [Side::A, Side::B] {
            pair[side].daemon().signal(Signal::SIGQUIT);
        }
        for side in [hot.other(), hot] {
            assert_eq!(pair[side].daemon().wait_code(AT_ONCE), 0);
            pair.start_daemon(side);
        }
        pair.settles(hot, Duration::from_secs(4));
        assert!(!pair[hot].app().output.has("USR2"), "the application was told to go standby");
        assert!(!pair.journal.has(hot, "stop") && !pair.journal.has(hot.other(), "start"));
    }
}

/// S11: a daemon that was stopped for so long that the peer has taken over does not go on as hot.
#[test]
fn a_hot_daemon_that_lost_time_asks_before_it_goes_on() {
    let mut pair = Pair::new(Setup::default());
    pair.start(Side::A);
    pair[Side::A].daemon().signal(Signal::SIGSTOP);
    let timeout = pair.timeout();
    pair[Side::B].log.wait_state("Hot", timeout);
    // The peer counts from our last message, we from the next one that we missed.
    pair.stays_for(1.0);
    pair[Side::A].daemon().signal(Signal::SIGCONT);
    pair.settles(Side::B, Duration::ZERO);
    let causes: Vec<_> = pair[Side::A].log.transitions().into_iter().map(|change| change.cause).collect();
    assert_eq!(causes, ["process had lost time", "peer says HOTT"]);
    assert_eq!(pair[Side::B].log.transitions().len(), 2, "it went hot, and that was all");
    pair.journal.expect_unordered(Side::A, &["stop", "deactivate"]);
}

/// S11: the daemon hears the peer's messages of the meantime before it judges its silence.
#[test]
fn a_standby_daemon_that_lost_time_does_not_take_over() {
    let mut pair = Pair::new(Setup { heartbeat: 1.0, ..Setup::default() });
    pair.start(Side::B);
    let timeout = pair.timeout().as_secs_f64();
    for pause in [0.5, timeout, 2.0 * timeout] {
        pair[Side::A].daemon().signal(Signal::SIGSTOP);
        pair.stays_for(pause);
        pair[Side::A].daemon().signal(Signal::SIGCONT);
        pair.stays_for(1.5);
    }
    assert_eq!(pair[Side::A].log.transitions(), []);
    assert!(!pair[Side::A].log.has("peer is silent"), "{}", pair[Side::A].log.text());
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
