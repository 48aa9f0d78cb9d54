//! Two nodes find out who is hot.

use std::time::Duration;

use crate::harness::{Pair, Setup, Side};

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

/// The winner went hot once. The other one took down what an earlier life might have left (D1), and that
/// was all: nobody was hot in between (D3, D4).
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

#[test]
fn a_lone_node_whose_application_is_hot_asks_first_and_then_claims_it() {
    let mut pair = Pair::new(Setup::default());
    pair.start_daemon(Side::A);
    pair[Side::A].start_app("--start-as hot");
    // Whoever is not heard may be a legacy daemon, which beats every two seconds: it gets that long (D11).
    pair.wait_hot(Side::A, Duration::from_secs(2));
    pair.journal.wait(Side::A, "start");
    pair.stays();
    pair.journal.expect(Side::A, &["activate", "start"]);
}

/// No pre-emption (S4): whoever comes later stays standby, whatever its priority.
#[test]
fn a_node_that_joins_a_hot_one_stays_standby() {
    for state in ["standby", "unknown", "hot"] {
        let mut pair = Pair::new(Setup { priority: [0, 100], ..Setup::default() });
        pair.start_daemon(Side::A);
        pair[Side::A].start_app("--start-as hot");
        pair.wait_hot(Side::A, Duration::from_secs(2));
        pair.journal.wait(Side::A, "start");
        pair.forget();

        pair.start_daemon(Side::B);
        pair[Side::B].start_app(&format!("--start-as {state}"));
        pair.settles(Side::A, Duration::ZERO);
        assert_eq!(pair[Side::A].log.transitions(), []);
        pair.journal.expect(Side::A, &[]);
        assert!(!pair.journal.has(Side::B, "activate"), "{}", pair.journal.text());
    }
}
