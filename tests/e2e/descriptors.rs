//! A daemon that has no descriptor left: for a connection, a command, a file, a look at a process. Heartbeats need
//! none, and everything else is done as soon as there are some.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::thread;
use std::time::Duration;

use nix::sys::signal::Signal;

use schrittmacher_harness::{AT_ONCE, EndOnDrop, HTTP_PORT, Pair, Setup, Side, wait_for};

/// The words of the log about it.
const EXHAUSTED: &str = "Too many open files";

/// The longest pause between the attempts that fall into these tests.
const RETRY: Duration = Duration::from_secs(4);

fn setup() -> Setup {
    Setup { timeout: 2.0, app_timeout: 600.0, ..Setup::default() }
}

/// Sets how many descriptors the daemon of a side may have; three are less than it has already.
fn allow(pair: &Pair, side: Side, descriptors: &str) {
    let pid = pair[side].daemon().pid().to_string();
    let limit = format!("--nofile={descriptors}:");
    let status = Command::new("prlimit").args(["--pid", &pid, &limit]).status().unwrap();
    assert!(status.success(), "prlimit {limit}");
}

fn open_descriptors(pair: &Pair, side: Side) -> usize {
    fs::read_dir(format!("/proc/{}/fd", pair[side].daemon().pid())).unwrap().count()
}

/// The page takes 64 connections at a time. A limit that was meant for less must not let them take what the
/// commands need.
#[test]
fn clients_of_the_page_leave_descriptors_for_commands() {
    let mut pair = Pair::new(setup());
    pair[Side::A].starter = vec!["prlimit", "--nofile=40:4096"];
    pair.start(Side::A);
    pair[Side::A].wait_believed();
    let page = SocketAddr::new(pair[Side::A].address, HTTP_PORT);
    let end = std::sync::atomic::AtomicBool::new(false);
    thread::scope(|scope| {
        let _guard = EndOnDrop(&end);
        scope.spawn(|| {
            while !end.load(std::sync::atomic::Ordering::Relaxed) {
                // They say nothing until they are shown the door.
                let clients: Vec<_> = (0..100).map(|_| TcpStream::connect(page)).collect();
                thread::sleep(Duration::from_secs(1));
                drop(clients);
            }
        });
        wait_for("64 connections", AT_ONCE, || (open_descriptors(&pair, Side::A) > 64).then_some(()));
        pair[Side::A].app().process.kill();
        pair.wait_hot(Side::B, Duration::ZERO);
    });
    pair.stays();
    pair.journal.expect_unordered(Side::A, &["deactivate", "stop"]);
    pair.journal.expect(Side::B, &["activate", "start"]);
}

/// The daemon cannot raise a hard limit, but it can report it.
#[test]
fn a_limit_that_may_be_too_low_is_told() {
    let mut pair = Pair::new(setup());
    pair[Side::A].starter = vec!["prlimit", "--nofile=100:100"];
    pair.start_daemon(Side::A);
    pair[Side::A].log.wait("may have 100 descriptors and could need 273", AT_ONCE);
    pair[Side::A].wait_page();
}

/// With any limit, so that each thing is once the first that gets none.
#[test]
fn a_start_without_descriptors_fails_and_says_why() {
    let mut pair = Pair::new(setup());
    for limit in 4..10 {
        pair[Side::A].starter = vec!["prlimit", format!("--nofile={limit}:{limit}").leak()];
        pair[Side::A].stderr.skip();
        pair.start_daemon(Side::A);
        assert_eq!(pair[Side::A].daemon().wait_code(AT_ONCE), 71, "{}", pair[Side::A].stderr.text());
        assert!(pair[Side::A].stderr.has(EXHAUSTED), "{}", pair[Side::A].stderr.text());
    }
}

/// A node whose commands cannot begin stays in ToHot.
#[test]
fn a_standby_side_without_descriptors_takes_over_when_it_has_some() {
    let mut pair = Pair::new(setup());
    pair.start(Side::A);
    allow(&pair, Side::B, "3");
    let timeout = pair.timeout();
    pair.stays_for(2.0 * timeout.as_secs_f64());
    assert!(!pair[Side::A].log.has("peer is silent"), "{}", pair[Side::A].log.text());
    let client = TcpStream::connect((pair[Side::B].address, HTTP_PORT)).unwrap();
    let said = pair[Side::B].log.wait("admin page takes no connections", AT_ONCE);
    assert!(said.contains(EXHAUSTED), "{said}");

    pair[Side::A].kill();
    pair[Side::B].log.wait_state("transiting_to_hot", timeout);
    for order in ["activate", "start"] {
        let said = pair[Side::B].log.wait(&format!("{order} has failed"), AT_ONCE);
        assert!(said.contains(EXHAUSTED), "{said}");
    }
    assert!(!pair.journal.has(Side::B, "start"), "{}", pair.journal.text());
    allow(&pair, Side::B, "1024");
    pair.wait_hot(Side::B, RETRY);
    pair.journal.expect_unordered(Side::B, &["activate", "start"]);
    drop(client);
    pair[Side::B].wait_page();
    pair.stays();
}

/// The peer hears of a failure and takes over, although this side can do nothing about it yet. It does so later.
#[test]
fn a_hot_side_without_descriptors_is_relieved() {
    let mut pair = Pair::new(setup());
    pair.start(Side::A);
    pair[Side::A].wait_believed();
    allow(&pair, Side::A, "3");
    pair[Side::A].app().process.kill();
    pair.wait_hot(Side::B, Duration::ZERO);
    pair[Side::A].log.wait_state("failed", AT_ONCE);
    let said = pair[Side::A].log.wait("deactivate has failed", AT_ONCE);
    assert!(said.contains(EXHAUSTED), "{said}");

    // A new application is heard, and believed when it can be looked at.
    pair[Side::A].start_app("--start-as standby");
    pair.settles(Side::B, Duration::ZERO);
    pair.journal.expect(Side::A, &[]);
    allow(&pair, Side::A, "1024");
    wait_for("the interface to be deactivated", RETRY, || {
        pair.journal.has(Side::A, "deactivate").then_some(())
    });
    pair[Side::A].wait_believed();
    pair.settles(Side::B, Duration::ZERO);
}

/// The file can't be opened: the old configuration stays in force, and the log tells.
#[test]
fn a_reload_without_descriptors_changes_nothing() {
    let mut pair = Pair::new(setup());
    pair.start(Side::A);
    allow(&pair, Side::A, "3");
    pair[Side::A].daemon().signal(Signal::SIGHUP);
    pair[Side::A].log.wait(EXHAUSTED, AT_ONCE);
    pair.stays();
    assert!(!pair[Side::A].log.has("the new configuration is in force"));
    allow(&pair, Side::A, "1024");
    pair[Side::A].daemon().signal(Signal::SIGHUP);
    pair[Side::A].log.wait("the new configuration is in force", AT_ONCE);
    pair.stays();
    for side in [Side::A, Side::B] {
        assert_eq!(pair[side].log.transitions(), []);
        pair.journal.expect(side, &[]);
    }
}
