//! The host's watchdog device. An ordinary file takes its place: it keeps what the daemon has written to it.

use std::fs;
use std::time::Duration;

use nix::sys::signal::Signal;
use schrittmacher_harness::{AT_ONCE, Pair, RESOURCE, Setup, Side, holds_for, skip, wait_for};

const SIDES: [Side; 2] = [Side::A, Side::B];

fn device(pair: &Pair, side: Side) -> std::path::PathBuf {
    pair.folder().join(format!("watchdog{}", side.index() + 1))
}

fn written(pair: &Pair, side: Side) -> String {
    fs::read_to_string(device(pair, side)).unwrap()
}

/// Waits until the device is fed again.
fn is_fed(pair: &Pair, side: Side) {
    let before = written(pair, side).len();
    wait_for("the watchdog to be fed", Duration::from_millis(250), || {
        (written(pair, side).len() > before).then_some(())
    });
}

/// A pair that is hot on host A.
fn pair() -> Pair {
    let setup = Setup { core: "watchdog = {folder}/watchdog{own}", priority: [1, 0], ..Setup::default() };
    let mut pair = Pair::new(setup);
    for side in SIDES {
        fs::write(device(&pair, side), "").unwrap();
    }
    pair.start(Side::A);
    is_fed(&pair, Side::A);
    pair
}

#[test]
fn the_watchdog_is_fed_on_the_hot_side_alone_and_stopped_by_a_switch() {
    let pair = pair();
    assert_eq!(written(&pair, Side::B), "", "a standby host is not reset");
    // A file is no device, and tells no time.
    pair[Side::A].log.wait_in_run("does not tell its time", AT_ONCE);
    pair[Side::A].page(&format!("?failover={RESOURCE}"));
    pair.settles(Side::B, Duration::ZERO);
    is_fed(&pair, Side::B);
    wait_for("the magic character", AT_ONCE, || written(&pair, Side::A).ends_with('V').then_some(()));
    let stopped = written(&pair, Side::A);
    pair.stays();
    assert_eq!(written(&pair, Side::A), stopped);
    assert!(!written(&pair, Side::B).contains('V'));
}

#[test]
fn a_daemon_that_stands_still_or_dies_stops_feeding_and_does_not_stop_the_watchdog() {
    let pair = pair();
    pair[Side::A].daemon().signal(Signal::SIGSTOP);
    // What it had begun to write is over with this.
    let mut before = written(&pair, Side::A);
    wait_for("the process to stand still", AT_ONCE, || {
        let now = written(&pair, Side::A);
        (std::mem::replace(&mut before, now.clone()) == now).then_some(())
    });
    holds_for(Duration::from_secs(1), || {
        let now = written(&pair, Side::A);
        if now == before { Ok(()) } else { Err(format!("fed by a stopped process: {now}")) }
    });
    pair[Side::A].daemon().signal(Signal::SIGCONT);
    is_fed(&pair, Side::A);
    pair[Side::A].daemon().kill();
    assert!(!written(&pair, Side::A).contains('V'), "the host is reset");
}

/// By a hand-over, and by an end that leaves the service hot.
#[test]
fn an_end_in_good_order_stops_the_watchdog() {
    for signal in [Signal::SIGTERM, Signal::SIGQUIT] {
        let pair = pair();
        pair[Side::A].daemon().signal(signal);
        assert_eq!(pair[Side::A].daemon().wait_code(Duration::from_secs(2)), 0);
        let written = written(&pair, Side::A);
        assert_eq!(written.find('V'), Some(written.len() - 1), "{signal}: {written}");
    }
}

/// A daemon that was killed while it was hot finds its application hot, and feeds the device before it knows its role.
#[test]
fn a_daemon_that_starts_beside_a_hot_application_feeds_the_watchdog() {
    let mut pair = pair();
    pair[Side::A].daemon().kill();
    pair.start_daemon(Side::A);
    is_fed(&pair, Side::A);
    assert!(!written(&pair, Side::A).contains('V'));
    pair.settles(Side::A, Duration::ZERO);
}

#[test]
fn a_watchdog_that_is_not_there_is_told_and_taken_when_it_comes() {
    let setup = Setup { core: "watchdog = {folder}/watchdog{own}", priority: [1, 0], ..Setup::default() };
    let mut pair = Pair::new(setup);
    pair.start(Side::A);
    let line = pair[Side::A].log.wait_in_run("is not in force: No such file", AT_ONCE);
    assert!(line.contains("MAJOR"), "{line}");
    fs::write(device(&pair, Side::A), "").unwrap();
    is_fed(&pair, Side::A);
    let told = pair[Side::A].log.text().matches("is not in force").count();
    assert_eq!(told, 1, "once");
    assert!(!pair[Side::B].log.text().contains("is not in force"));
}

/// With a softdog that was told not to reset the host.
#[test]
fn the_softdog_of_the_kernel_is_armed_and_stopped() {
    const NAME: &str = "the_softdog_of_the_kernel_is_armed_and_stopped";
    let is_safe = fs::read_to_string("/sys/module/softdog/parameters/soft_noboot");
    if !is_safe.is_ok_and(|text| text.trim() == "1") {
        return skip(NAME, "no softdog with soft_noboot=1");
    }
    let state = || fs::read_to_string("/sys/class/watchdog/watchdog0/state").unwrap_or_default();
    let identity = fs::read_to_string("/sys/class/watchdog/watchdog0/identity").unwrap_or_default();
    if identity.trim() != "Software Watchdog" || state().trim() != "inactive" {
        return skip(NAME, "watchdog0 is not the softdog, or is in use");
    }
    let setup = Setup { core: "watchdog = /dev/watchdog0", priority: [1, 0], ..Setup::default() };
    let mut pair = Pair::new(setup);
    pair.start(Side::A);
    pair[Side::A].log.wait_in_run("resets the host if this daemon stands still for 2 s", AT_ONCE);
    assert_eq!(state().trim(), "active");
    pair[Side::A].daemon().signal(Signal::SIGQUIT);
    assert_eq!(pair[Side::A].daemon().wait_code(Duration::from_secs(2)), 0);
    assert_eq!(state().trim(), "inactive");
}
