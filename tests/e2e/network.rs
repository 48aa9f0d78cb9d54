//! The link between the hosts, and the addresses on it.

use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use schrittmacher_harness::{AT_ONCE, Cable, Pair, Process, Setup, Side, program, skip};

/// Two nodes without a third vote cannot avoid this (D6). It ends with the cut (P1, D5).
fn both_hot_until_healed(name: &str, priority: [i32; 2], survivor: Side) {
    let cable = match Cable::lay() {
        Ok(cable) => cable,
        Err(why) => return skip(name, why),
    };
    let mut pair = Pair::at(Setup { priority, ..Setup::default() }, &cable, ["10.0.0.1", "10.0.0.2"]);
    let loser = survivor.other();
    pair.start(survivor);
    cable.cut();
    let timeout = pair.timeout();
    pair.wait_hot(loser, timeout);
    pair[survivor].log.wait("peer is silent", timeout);
    assert!(pair[survivor].is("Hot"), "the hot side stays hot when it is alone");
    pair.stays();
    pair.forget();

    cable.heal();
    pair.settles(survivor, Duration::ZERO);
    assert_eq!(pair[survivor].log.transitions(), [], "the survivor never stopped");
    pair.journal.expect(survivor, &[]);
    pair.journal.expect_unordered(loser, &["stop", "deactivate"]);
}

#[test]
fn after_a_cut_the_greater_priority_survives() {
    both_hot_until_healed("after_a_cut_the_greater_priority_survives", [10, 0], Side::A);
}

#[test]
fn after_a_cut_at_equal_priority_the_side_that_was_hot_for_longer_survives() {
    let name = "after_a_cut_at_equal_priority_the_side_that_was_hot_for_longer_survives";
    for survivor in [Side::A, Side::B] {
        both_hot_until_healed(name, [0, 0], survivor);
    }
}

/// Two settled standby nodes that find each other: the conflict of S2 that no start decides.
#[test]
fn two_that_went_standby_alone_let_the_greater_priority_be_hot() {
    let cable = match Cable::lay() {
        Ok(cable) => cable,
        Err(why) => return skip("two_that_went_standby_alone_let_the_greater_priority_be_hot", why),
    };
    let setup = Setup { priority: [10, 0], ..Setup::default() };
    let mut pair = Pair::at(setup, &cable, ["10.0.0.1", "10.0.0.2"]);
    cable.cut();
    for side in [Side::A, Side::B] {
        pair.start_daemon(side);
        pair[side].start_app("--start-as standby");
    }
    for side in [Side::A, Side::B] {
        pair[side].log.wait_state("Standby", AT_ONCE);
    }
    cable.heal();
    pair.settles(Side::A, Duration::ZERO);
    assert!(!pair.journal.has(Side::B, "start"), "{}", pair.journal.text());
}

/// A1: the legacy program's IPv6 never worked.
#[test]
fn a_pair_on_ipv6_fails_over() {
    let cable = match Cable::lay() {
        Ok(cable) => cable,
        Err(why) => return skip("a_pair_on_ipv6_fails_over", why),
    };
    let mut pair = Pair::at(Setup::default(), &cable, ["fd00::1", "fd00::2"]);
    pair.start(Side::A);
    pair[Side::A].tell_app("failover");
    pair.settles(Side::B, Duration::ZERO);
    pair[Side::B].kill();
    let timeout = pair.timeout();
    pair.wait_hot(Side::A, timeout);
}

/// D21.
#[test]
fn a_second_daemon_on_the_same_address_fails_and_disturbs_nobody() {
    let mut pair = Pair::new(Setup::default());
    pair.start(Side::A);
    let errors = pair.folder().join("second");
    let mut command = Command::new(program("schrittmacher"));
    command.arg(pair[Side::A].files.config()).stdin(Stdio::null()).stdout(Stdio::null());
    command.stderr(fs::File::create(&errors).unwrap());
    let second = Process::spawn(command, None);
    assert_eq!(second.wait_code(AT_ONCE), 71);
    let errors = fs::read_to_string(errors).unwrap();
    assert!(errors.contains("in use") && errors.contains(&pair[Side::A].address.to_string()), "{errors}");

    pair.stays();
    pair[Side::A].tell_app("failover");
    pair.settles(Side::B, Duration::ZERO);
}
