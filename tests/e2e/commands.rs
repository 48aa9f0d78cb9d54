//! The effects of commands on a service, and the daemon's reactions to their ends.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use nix::sys::signal::Signal;
use schrittmacher_harness::{AT_ONCE, Pair, Setup, Side, wait_for};

/// A service that knows nothing of the daemon: it runs while its file is there. The check says what the file says.
const SERVICE: &str = "check-command = c=`cat {pid-file}.service`; case \"$c\" in hang) exec sleep 60;; runs) exit 0;; esac; echo \"state $c\"; exit 3
check-interval = 0.1
check-timeout = 0.5";

fn checked() -> Pair {
    Pair::new(Setup {
        start: Some("{note}; echo runs > {pid-file}.service"),
        stop: Some("{note}; echo stopped > {pid-file}.service"),
        resource: SERVICE,
        ..Setup::default()
    })
}

fn service(pair: &Pair, side: Side) -> PathBuf {
    let mut path = pair[side].files.pid_file().into_os_string();
    path.push(".service");
    path.into()
}

fn set(pair: &Pair, side: Side, state: &str) {
    // As a whole, so that no check sees half of it.
    let path = service(pair, side);
    let new = path.with_extension("new");
    fs::write(&new, state).unwrap();
    fs::rename(new, path).unwrap();
}

fn runs(pair: &Pair, side: Side) -> bool {
    fs::read_to_string(service(pair, side)).is_ok_and(|state| state.trim() == "runs")
}

/// Starts both daemons beside services that are down; gives the side that is hot.
fn start(pair: &mut Pair) -> Side {
    for side in [Side::A, Side::B] {
        set(pair, side, "stopped");
        pair.start_daemon(side);
    }
    wait_hot(pair)
}

/// Waits until one side serves, and the other is standby.
fn wait_hot(pair: &Pair) -> Side {
    wait_for("one side to serve, and only one", Duration::from_secs(2), || {
        [Side::A, Side::B].into_iter().find(|side| {
            let (hot, standby) = (*side, side.other());
            pair[hot].log.state() == "Hot"
                && pair[standby].log.state() == "Standby"
                && runs(pair, hot)
                && !runs(pair, standby)
        })
    })
}

/// The application fails while its start command still runs, and the daemon is asked to end: the stop command waits for the
/// start command, and the daemon for both.
#[test]
fn a_daemon_that_ends_waits_for_what_it_has_ordered() {
    let start = Some("{note}; kill -10 `cat {pid-file}`; while test -e {folder}/hold; do sleep 0.02; done");
    let mut pair = Pair::new(Setup { start, timeout: 600.0, ..Setup::default() });
    let hold = pair.folder().join("hold");
    fs::write(&hold, "").unwrap();
    pair.start(Side::A);
    pair[Side::A].wait_believed();
    pair[Side::A].app().process.kill();
    pair[Side::A].log.wait_state("failed", AT_ONCE);
    pair[Side::A].daemon().signal(Signal::SIGTERM);
    pair[Side::A].log.wait("asked to end", AT_ONCE);
    fs::remove_file(&hold).unwrap();
    assert_eq!(pair[Side::A].daemon().wait_code(Duration::from_secs(2)), 0);
    pair.journal.expect_unordered(Side::A, &["stop", "deactivate"]);
}

#[test]
fn a_checked_service_needs_no_library() {
    let mut pair = checked();
    let hot = start(&mut pair);
    pair.stays();
    pair[hot].page(&format!("?failover={}", schrittmacher_harness::RESOURCE));
    wait_for("the other side to serve", Duration::from_secs(1), || (wait_hot(&pair) != hot).then_some(()));
    pair.journal.expect_order((hot, "deactivate"), (hot.other(), "activate"));
}

#[test]
fn a_checked_service_that_dies_or_hangs_is_taken_over() {
    for fault in ["crashed", "hang"] {
        let mut pair = checked();
        let hot = start(&mut pair);
        set(&pair, hot, fault);
        pair[hot.other()].log.wait_state("Hot", Duration::from_secs(2));
        pair[hot].log.wait("the application has failed: ", AT_ONCE);
        let words =
            if fault == "hang" { "terminated after its `check-timeout` of 0.5 s" } else { "state crashed" };
        pair[hot].log.wait(words, AT_ONCE);
        // Stopped, it is fit again.
        assert_eq!(wait_hot(&pair), hot.other());
        pair.stays();
    }
}

/// The failed check after it says less, and the operator of either host sees one reason alone.
#[test]
fn a_start_command_that_fails_gives_the_reason_of_the_failure() {
    let command = "{note}; test {host} = a || { echo no licence for this host; exit 3; }; echo runs > {pid-file}.service";
    let mut pair = Pair::new(Setup {
        start: Some(command),
        stop: Some("{note}; echo stopped > {pid-file}.service"),
        resource: SERVICE,
        ..Setup::default()
    });
    assert_eq!(start(&mut pair), Side::A);
    // It may have tried and failed before.
    pair[Side::A].page(&format!("?failover={}", schrittmacher_harness::RESOURCE));
    let told = pair[Side::B].log.wait("failed here: ", Duration::from_secs(2));
    assert!(told.contains("start has failed") && told.contains("no licence for this host"), "{told}");
    let told = pair[Side::A].log.wait("the other side failed: ", Duration::from_secs(2));
    assert!(told.contains("no licence for this host"), "{told}");
}

#[test]
fn a_checked_service_goes_on_when_its_daemon_is_restarted() {
    let mut pair = checked();
    let hot = start(&mut pair);
    pair.forget();
    pair[hot].daemon().kill();
    pair.start_daemon(hot);
    assert_eq!(wait_hot(&pair), hot);
    pair.stays();
    pair.journal.expect(hot, &["activate"]);
    assert_eq!(pair[hot.other()].log.transitions(), []);
}

/// edge-15: another attempt would end the same way.
#[test]
fn a_start_command_that_cannot_be_executed_is_a_failure_at_once() {
    let start = Some("{note}; test {host} = b || exec /no/such/program; kill -10 `cat {pid-file}`");
    let mut pair = Pair::new(Setup { start, timeout: 600.0, ..Setup::default() });
    pair.start(Side::B);
    pair[Side::B].page(&format!("?failover={}", schrittmacher_harness::RESOURCE));
    pair[Side::A].log.wait("`start-action` cannot be executed", Duration::from_secs(1));
    pair.wait_hot(Side::B, Duration::from_secs(1));
    assert_eq!(pair.journal.count(Side::A, "start"), 1, "{}", pair.journal.text());
}

#[test]
fn a_command_that_fails_is_shown_on_the_page_with_its_words() {
    let mut pair = Pair::new(Setup { stop: Some("{note}; echo no such luck; exit 5"), ..Setup::default() });
    pair.start(Side::A);
    wait_for("the page", AT_ONCE, || pair[Side::B].page("").contains("no such luck").then_some(()));
}

/// edge-6: the manual's `ip addr del` says so at each start of a healthy pair.
#[test]
fn an_address_that_is_not_there_at_the_start_gives_no_warning() {
    let mut pair = Pair::new(Setup { deactivate: Some("{note}; exit 2"), ..Setup::default() });
    pair.start(Side::A);
    pair.stays();
    pair[Side::B].log.wait_in_run("at the start that is normal", AT_ONCE);
    assert!(!pair[Side::B].page("").contains("exit status"));
}
