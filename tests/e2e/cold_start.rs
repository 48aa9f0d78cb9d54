//! Two nodes agree which of them is hot.

use std::process::Command;
use std::time::{Duration, Instant};

use schrittmacher_harness::{Host, Pair, Setup, Side, program};

/// So long a start order waits for an application that has not reported.
const FIRST_REPORT: Duration = Duration::from_secs(2);

/// Everything starts at the same instant, with applications that report `state`.
fn start_together(setup: Setup, state: &str) -> Pair {
    let mut pair = Pair::new(setup);
    for side in [Side::A, Side::B] {
        pair[side].start_app(&format!("--start-as {state}"));
    }
    pair.start_daemon(Side::A);
    pair.start_daemon(Side::B);
    pair
}

/// The winner went hot once. The other one took down what an earlier daemon might have left up (D1), and did
/// nothing else (D3, D4).
fn went_straight(pair: &Pair, hot: Side) {
    pair.journal.expect(hot, &["activate", "start"]);
    pair.journal.expect_unordered(hot.other(), &["stop", "deactivate"]);
}

#[test]
fn of_two_that_know_nothing_the_greater_priority_is_hot() {
    for (priority, hot) in [([10, 0], Side::A), ([0, 10], Side::B)] {
        let pair = start_together(Setup { priority, ..Setup::default() }, "unknown");
        pair.settles(hot, Duration::ZERO);
        went_straight(&pair, hot);
    }
}

#[test]
fn of_two_that_know_nothing_at_equal_priority_the_greater_address_is_hot() {
    let pair = start_together(Setup::default(), "unknown");
    pair.settles(Side::B, Duration::ZERO);
    went_straight(&pair, Side::B);
}

#[test]
fn of_two_standby_applications_exactly_one_becomes_hot() {
    for priority in [[0, 0], [10, 0], [0, 10]] {
        let pair = start_together(Setup { priority, ..Setup::default() }, "standby");
        let hot = pair.wait_either(Duration::ZERO);
        pair.stays();
        for action in ["activate", "start"] {
            pair.journal.wait(hot, action);
            assert!(!pair.journal.has(hot.other(), action), "{}", pair.journal.text());
        }
    }
}

/// An application's first report has to do: the second one comes after 10 s.
const ONE_REPORT: &str = "--start-as standby --heartbeat 10000";
const SECOND_REPORT: Duration = Duration::from_secs(10);

/// Its pid file is there before its first report: the order that this brings has to find it.
fn start_known_app(host: &mut Host) {
    let mut command = Command::new("sh");
    command.args(["-c", "echo $$ >\"$0\"; exec \"$@\""]);
    command.arg(host.files.pid_file()).arg(program("schrittmacher-testapp"));
    host.app_options(&mut command, ONE_REPORT);
    host.start_app_by(command);
}

#[test]
fn proto_3_the_start_order_waits_for_applications_that_come_after_the_daemons() {
    let mut pair = Pair::new(Setup { app_timeout: 30.0, ..Setup::default() });
    pair.start_daemon(Side::A);
    pair.start_daemon(Side::B);
    pair[Side::B].log.wait_state("transiting_to_hot", Duration::ZERO);
    let began = Instant::now();
    for side in [Side::A, Side::B] {
        start_known_app(&mut pair[side]);
    }
    pair.wait_settled(Side::B, Duration::ZERO);
    assert!(began.elapsed() < SECOND_REPORT, "{:?}", began.elapsed());
    pair.journal.expect(Side::B, &["activate", "start"]);
}

#[test]
fn proto_3_a_start_order_that_reached_nobody_is_repeated_at_the_first_report() {
    let mut pair = Pair::new(Setup { app_timeout: 30.0, ..Setup::default() });
    pair.start_daemon(Side::A);
    pair.start_daemon(Side::B);
    // Its end: an order that still runs would find the application before that has its handlers.
    pair[Side::B].log.wait("start has failed", FIRST_REPORT);
    pair.journal.app_starts('b');
    let began = Instant::now();
    start_known_app(&mut pair[Side::B]);
    pair.wait_hot(Side::B, Duration::ZERO);
    assert!(began.elapsed() < SECOND_REPORT, "{:?}", began.elapsed());
}

#[test]
fn a_lone_node_whose_application_is_hot_asks_first_and_then_claims_it() {
    let mut pair = Pair::new(Setup::default());
    pair.start_daemon(Side::A);
    pair[Side::A].start_app("--start-as hot");
    // A peer that was not heard may be a legacy daemon, which beats every two seconds. We wait that long (D11).
    pair.wait_hot(Side::A, Duration::from_secs(2));
    pair.stays();
    pair.journal.expect(Side::A, &["activate"]);
}

/// No pre-emption (S4): the node that comes later stays standby at any priority.
#[test]
fn a_node_that_joins_a_hot_one_stays_standby() {
    for state in ["standby", "unknown", "hot"] {
        let mut pair = Pair::new(Setup { priority: [0, 100], ..Setup::default() });
        pair.start_daemon(Side::A);
        pair[Side::A].start_app("--start-as hot");
        pair.wait_hot(Side::A, Duration::from_secs(2));
        pair.journal.wait(Side::A, "activate");
        pair.forget();

        pair.start_daemon(Side::B);
        pair[Side::B].start_app(&format!("--start-as {state}"));
        pair.settles(Side::A, Duration::ZERO);
        assert_eq!(pair[Side::A].log.transitions(), []);
        pair.journal.expect(Side::A, &[]);
        assert!(!pair.journal.has(Side::B, "activate"), "{}", pair.journal.text());
    }
}
