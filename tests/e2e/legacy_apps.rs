//! Applications of every legacy client (A2, A3, X2, X4). Those that fork, report for others or live in
//! containers are in `app_process`, those that miss a signal in `orders`.

use std::fs;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::Duration;

use nix::sys::signal::Signal;

use schrittmacher_harness::{AT_ONCE, EndOnDrop, PORT, Pair, RESOURCE, Reporter, Setup, Side, wait_for};

/// D37: clients of 1.8 know one port. They report standby while they go hot, and get the order again until they are
/// hot (X2). A legacy daemon of their time handed back (D8).
#[test]
fn applications_of_1_8_at_the_first_port() {
    let app_timeout = Duration::from_secs(2);
    let orders = "echo service $ACTION >>{folder}/{host}.orders; {note}";
    let mut pair = Pair::new(Setup {
        start: Some(orders),
        stop: Some(orders),
        app_timeout: app_timeout.as_secs_f64(),
        ..Setup::default()
    });
    let ends = [AtomicBool::new(false), AtomicBool::new(false)];
    thread::scope(|scope| {
        let guards = ends.each_ref().map(EndOnDrop);
        for (side, end) in [Side::A, Side::B].into_iter().zip(&ends) {
            let reporter = Reporter {
                to: (pair[side].address, PORT).into(),
                resources: vec![RESOURCE.to_owned()],
                orders: pair[side].files.orders(),
                switching: Duration::from_millis(1500),
            };
            reporter.run(scope, end);
            pair.start_daemon(side);
        }
        let both = [Side::A, Side::B];
        let hot = wait_for("one side to be hot", 2 * app_timeout, || {
            both.into_iter()
                .find(|side| pair[*side].log.state() == "Hot" && pair[side.other()].log.state() == "Standby")
        });
        pair.stays();
        pair.forget();

        pair[hot].page(&format!("?failover={RESOURCE}"));
        pair[hot.other()].log.wait_state("Hot", app_timeout);
        pair[hot].log.wait_state("Standby", app_timeout);
        pair.stays();
        assert!(pair.journal.count(hot.other(), "start") > 1, "X2:\n{}", pair.journal.text());
        pair.journal.expect_order((hot, "deactivate"), (hot.other(), "activate"));
        for action in ["activate", "start"] {
            assert!(!pair.journal.has(hot, action), "{}", pair.journal.text());
        }

        // It ends, and only its silence tells.
        let [end_a, end_b] = guards;
        drop(if hot == Side::A { end_b } else { end_a });
        pair[hot].log.wait_state("Hot", 2 * app_timeout);
        pair[hot.other()].log.wait_state("failed", AT_ONCE);
    });
}

/// Clients of 1.15 send no pid: commands and messages are all there is.
#[test]
fn applications_without_a_pid_and_with_commands() {
    let mut pair = Pair::new(Setup { app_timeout: 2.0, ..Setup::default() });
    pair.start_with(Side::A, "--no-pid", "--no-pid");
    pair[Side::A].tell_app("failover");
    pair.settles(Side::B, Duration::ZERO);
    pair[Side::B].app().process.kill();
    pair.wait_hot(Side::A, Duration::from_secs(2));
    pair[Side::B].log.wait_state("failed", AT_ONCE);
}

/// And where there are no commands, `pid-file` says who is signalled, and whose end is a failure.
#[test]
fn applications_without_a_pid_and_with_a_pid_file() {
    let setup = Setup { start: None, stop: None, app_timeout: 600.0, ..Setup::default() };
    let mut pair = Pair::new(Setup { resource: "pid-file = {pid-file}", ..setup });
    let second = Duration::from_secs(1);
    for side in [Side::B, Side::A] {
        pair[side].start_app("--no-pid --start-as standby");
    }
    pair.start_daemon(Side::B);
    pair.wait_hot(Side::B, 3 * second);
    pair.start_daemon(Side::A);
    pair.wait_settled(Side::B, second);
    for side in [Side::A, Side::B] {
        pair[side].wait_believed();
    }
    pair[Side::B].page(&format!("?failover={RESOURCE}"));
    pair.settles(Side::A, second);
    assert!(pair[Side::B].app().output.has("SIGNAL USR2"));
    assert!(pair[Side::A].app().output.has("SIGNAL USR1"));

    pair[Side::A].app().process.kill();
    pair.wait_hot(Side::B, AT_ONCE);
    fs::remove_file(pair[Side::A].files.pid_file()).unwrap();
}

/// The manual's start script: the process writes its pid file and is signalled by what it says, and reports
/// its pid too. A restart under another number is the same application.
#[test]
fn an_application_that_restarts_under_another_number() {
    let mut pair = Pair::new(Setup { app_timeout: 600.0, ..Setup::default() });
    pair.start(Side::A);
    pair[Side::A].wait_believed();
    pair[Side::A].app().process.signal(Signal::SIGKILL);
    pair.wait_hot(Side::B, Duration::ZERO);
    pair[Side::A].start_app("--start-as standby");
    pair.settles(Side::B, Duration::ZERO);
    pair[Side::A].wait_believed();
    pair[Side::B].page(&format!("?failover={RESOURCE}"));
    pair.settles(Side::A, Duration::ZERO);
    pair[Side::A].app().process.signal(Signal::SIGKILL);
    pair.wait_hot(Side::B, Duration::ZERO);
}
