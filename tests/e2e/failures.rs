//! Failures, and how the other side takes over.

use std::time::Duration;

use nix::sys::signal::Signal;

use schrittmacher_harness::{AT_ONCE, Pair, Setup, Side};

/// The failed side took its address down before it told the peer (P5); in a failure that waits for nothing
/// (X2). The other one brought it up before it started the application.
fn was_taken_over(pair: &Pair) {
    pair.journal.expect_unordered(Side::A, &["deactivate", "stop"]);
    pair.journal.expect(Side::B, &["activate", "start"]);
}

#[test]
fn a_killed_application_is_a_failure_at_once() {
    // The application's silence is not waited for here: its process is known.
    let mut pair = Pair::new(Setup { app_timeout: 600.0, ..Setup::default() });
    pair.start(Side::A);
    pair[Side::A].wait_believed();
    pair[Side::A].app().process.kill();
    pair.wait_hot(Side::B, Duration::ZERO);
    pair.stays();
    pair[Side::A].log.wait_state("failed", AT_ONCE);
    was_taken_over(&pair);
    // edge-23: both sides tell the story.
    let told = pair[Side::A].log.wait("failed here: ", AT_ONCE);
    assert!(told.contains("(was hot for "), "{told}");
    pair[Side::A].log.wait("hot on the other side, ", AT_ONCE);
    pair[Side::B].log.wait("hot here, ", AT_ONCE);
    pair[Side::B].log.wait("not protected: the peer has failed", AT_ONCE);
}

#[test]
fn an_application_killed_on_its_way_to_hot_is_a_failure_at_once() {
    let mut pair = Pair::new(Setup { app_timeout: 600.0, ..Setup::default() });
    pair.start_with(Side::B, "", "--switch-time 600000");
    pair[Side::A].wait_believed();
    pair[Side::B].tell_app("failover");
    pair[Side::A].app().wait_state("transiting-to-hot", AT_ONCE);
    pair[Side::A].app().process.kill();
    pair.wait_hot(Side::B, Duration::ZERO);
    pair.stays();
    pair[Side::A].log.wait_state("failed", AT_ONCE);
}

#[test]
fn a_hung_application_fails_and_comes_back_as_standby() {
    let setup = Setup { app_timeout: 2.0, ..Setup::default() };
    let silence = Duration::from_secs_f64(setup.app_timeout);
    let mut pair = Pair::new(setup);
    pair.start(Side::A);
    pair[Side::A].app().process.signal(Signal::SIGSTOP);
    pair.wait_hot(Side::B, silence);
    pair[Side::A].log.wait_state("failed", AT_ONCE);
    was_taken_over(&pair);

    // It wakes up and believes itself hot.
    pair[Side::A].app().process.signal(Signal::SIGCONT);
    pair.settles(Side::B, Duration::ZERO);
    assert!(!pair.journal.has(Side::A, "start"), "{}", pair.journal.text());
    pair.journal.expect(Side::B, &["activate", "start"]);
}

#[test]
fn an_application_that_reports_its_failure_is_relieved() {
    let mut pair = Pair::new(Setup::default());
    pair.start(Side::A);
    pair[Side::A].tell_app("fail");
    pair.wait_hot(Side::B, Duration::ZERO);
    was_taken_over(&pair);

    // Mended, it is the standby.
    pair[Side::A].tell_app("standby");
    pair.settles(Side::B, Duration::ZERO);
}

#[test]
fn both_failed_and_the_first_that_is_mended_is_hot() {
    // An application that does as it is told has not failed: these are told nothing when they are stopped.
    let mut pair = Pair::new(Setup { stop: Some("{note}"), ..Setup::default() });
    pair.start(Side::A);
    pair[Side::B].tell_app("fail");
    pair[Side::B].log.wait_state("failed", AT_ONCE);
    pair[Side::A].tell_app("fail");
    pair[Side::A].log.wait_state("failed", AT_ONCE);
    // A failed application is never made hot, and two failed nodes do not argue (D7, D13, D16).
    pair.stays();
    assert!(!pair.journal.has(Side::B, "start"), "{}", pair.journal.text());

    pair[Side::B].tell_app("standby");
    pair.wait_hot(Side::B, Duration::ZERO);
    pair.stays();
}

/// And when the dead host is back it does not take its place back, even with the greater priority (S4).
#[test]
fn a_lost_hot_host_is_replaced_and_comes_back_as_standby() {
    let mut pair = Pair::new(Setup { priority: [10, 0], ..Setup::default() });
    pair.start(Side::A);
    pair[Side::A].kill();
    let timeout = pair.timeout();
    pair.wait_hot(Side::B, timeout);
    pair.journal.expect(Side::B, &["activate", "start"]);
    pair.forget();

    pair.start_daemon(Side::A);
    pair[Side::A].start_app("");
    pair.settles(Side::B, Duration::ZERO);
    assert_eq!(pair[Side::B].log.transitions(), []);
    pair.journal.expect(Side::B, &[]);
    // Its address may still have been up (D1).
    pair.journal.wait(Side::A, "deactivate");
}

#[test]
fn a_lost_standby_host_changes_nothing() {
    let mut pair = Pair::new(Setup::default());
    pair.start(Side::A);
    pair[Side::B].kill();
    let timeout = pair.timeout();
    pair[Side::A].log.wait("peer is silent", timeout);
    pair.stays();
    assert_eq!(pair[Side::A].log.transitions(), []);
    pair.journal.expect(Side::A, &[]);
}
