//! How an order reaches the application.

use std::thread;
use std::time::{Duration, Instant};

use schrittmacher_harness::{AT_ONCE, Pair, RESOURCE, Setup, Side, wait_for};

/// How long a pid has to be seen before it is used (A3).
const BELIEF: Duration = Duration::from_secs(1);

/// D29: the manual's own start and stop actions, word by word.
#[test]
fn the_manuals_back_ticks_work() {
    let start = Some("\"kill -10 `cat {pid-file}`\"");
    let stop = Some("\"kill -12 `cat {pid-file}`\"");
    let mut pair = Pair::new(Setup { start, stop, ..Setup::default() });
    pair.start(Side::A);
    pair[Side::A].page(&format!("?failover={RESOURCE}"));
    pair.settles(Side::B, Duration::ZERO);
    assert!(pair[Side::A].app().output.has("SIGNAL USR1"));
    assert!(pair[Side::A].app().output.has("SIGNAL USR2"));
    assert!(pair[Side::B].app().output.has("SIGNAL USR1"));
}

/// X4.
#[test]
fn without_commands_the_application_is_signalled() {
    let mut pair = Pair::new(Setup { start: None, stop: None, ..Setup::default() });
    pair.start_daemon(Side::B);
    pair[Side::B].start_app("--start-as standby");
    pair[Side::B].log.wait_state("Standby", Duration::ZERO);
    pair.start_daemon(Side::A);
    pair[Side::A].start_app("");
    pair.settles(Side::A, BELIEF);
    assert!(pair[Side::A].app().output.has("SIGNAL USR1"));
    pair[Side::B].wait_believed();
    pair.forget();

    pair[Side::A].page(&format!("?failover={RESOURCE}"));
    pair.settles(Side::B, Duration::ZERO);
    assert!(pair[Side::A].app().output.has("SIGNAL USR2"));
    pair.journal.expect(Side::A, &["deactivate"]);
    pair.journal.expect(Side::B, &["activate"]);
}

/// Without waiting for its next report, which may be long in coming.
#[test]
fn an_application_is_signalled_as_soon_as_its_process_is_known() {
    let mut pair = Pair::new(Setup { start: None, stop: None, ..Setup::default() });
    pair.start_daemon(Side::B);
    pair[Side::B].start_app("--start-as standby");
    pair[Side::B].log.wait_state("Standby", AT_ONCE);
    pair.start_daemon(Side::A);
    pair[Side::A].log.wait_state("transiting_to_hot", AT_ONCE);
    pair[Side::A].start_app("--heartbeat 10000");
    // It takes two reports, at least a second apart; the next one comes after ten.
    thread::sleep(BELIEF + AT_ONCE);
    let reported = Instant::now();
    pair[Side::A].tell_app("unknown");
    pair.wait_settled(Side::A, AT_ONCE);
    assert!(reported.elapsed() < Duration::from_secs(5), "signalled only when it reported again");
}

/// X2: the one known application needs it.
#[test]
fn an_application_that_loses_the_first_signal_gets_it_again() {
    for (start, stop) in [(Setup::default().start, Setup::default().stop), (None, None)] {
        let by_signal = start.is_none();
        let mut pair = Pair::new(Setup { start, stop, ..Setup::default() });
        pair.start_with(Side::B, "", "--lose-first-signal");
        pair[Side::A].wait_believed();
        pair[Side::B].wait_believed();
        pair[Side::B].page(&format!("?failover={RESOURCE}"));
        pair.settles(Side::A, 2 * BELIEF);
        assert!(pair[Side::A].app().output.has("LOST USR1"), "by signal: {by_signal}");
        assert!(pair[Side::A].app().output.has("SIGNAL USR1"), "by signal: {by_signal}");
        if !by_signal {
            assert_eq!(pair.journal.count(Side::A, "start"), 2, "{}", pair.journal.text());
        }
    }
}

/// X2: an order is not given again while the application is on its way, however long that takes.
#[test]
fn an_application_on_its_way_gets_no_second_order() {
    let mut pair = Pair::new(Setup::default());
    pair.start_with(Side::B, "", "--switch-time 3000");
    pair[Side::B].page(&format!("?failover={RESOURCE}"));
    pair.settles(Side::A, Duration::from_secs(3));
    assert_eq!(pair.journal.count(Side::A, "start"), 1, "{}", pair.journal.text());
}

/// X3: a command that never ends is ended, and the resource goes on.
#[test]
fn a_start_command_that_hangs_is_ended_and_the_order_given_again() {
    let start = Some(
        "{note}; test -e {pid-file}.hung || { touch {pid-file}.hung; exec sleep 30; }; kill -10 `cat {pid-file}`",
    );
    let mut pair = Pair::new(Setup { start, resource: "action-timeout = 1", ..Setup::default() });
    pair.start_daemon(Side::B);
    pair[Side::B].start_app("--start-as standby");
    pair[Side::B].log.wait_state("Standby", Duration::ZERO);
    pair[Side::A].start_app("");
    pair.start_daemon(Side::A);
    pair.settles(Side::A, Duration::from_secs(3));
    assert_eq!(pair.journal.count(Side::A, "start"), 2, "{}", pair.journal.text());
}

/// run-5: the application takes a second to stop, and `kill -12` is over at once.
#[test]
fn a_planned_hand_over_waits_for_an_application_that_says_it_is_on_its_way() {
    let mut pair = Pair::new(Setup { timeout: 600.0, ..Setup::default() });
    pair.start_with(Side::A, "--switch-time 1000", "");
    pair[Side::A].page("?failover=service");
    pair[Side::A].app().wait_state("transiting-to-standby", AT_ONCE);
    wait_for("a to be standby", Duration::from_secs(1), || {
        let state = pair[Side::A].app().state();
        assert!(state.as_deref() == Some("standby") || !pair.journal.has(Side::B, "start"), "both run");
        (state.as_deref() == Some("standby")).then_some(())
    });
    pair.settles(Side::B, Duration::ZERO);
}
