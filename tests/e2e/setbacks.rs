//! Commands that fail (edge-4, edge-5), and a side that keeps failing (edge-19).

use std::fs;
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::restart::nothing_was_switched;
use schrittmacher_harness::{AT_ONCE, Cable, Pair, RESOURCE, Setup, Side, skip, wait_for};

/// Each command fails on a host for as long as the test has made the file `no-COMMAND-HOST`.
const ACTIVATE: &str = "{note}; test ! -e {folder}/no-activate-{host} || { echo no such device; exit 1; }";
const DEACTIVATE: &str =
    "{note}; test ! -e {folder}/no-deactivate-{host} || { echo device is busy; exit 2; }";
const STOP: &str = "{note}; test ! -e {folder}/no-stop-{host} || exit 3; kill -12 `cat {pid-file}`";

fn pair() -> Pair {
    let setup = Setup {
        activate: Some(ACTIVATE),
        deactivate: Some(DEACTIVATE),
        stop: Some(STOP),
        // A peer counts as dead only by intention here.
        timeout: 30.0,
        ..Setup::default()
    };
    Pair::new(setup)
}

/// Has a command of a host fail from now on, or work again.
fn set_failing(pair: &Pair, command: &str, side: Side, fails: bool) {
    let file = pair.folder().join(format!("no-{command}-{}", side.name()));
    if fails { fs::write(file, "").unwrap() } else { fs::remove_file(file).unwrap() }
}

fn wait_page(pair: &Pair, side: Side, text: &str) {
    wait_for(&format!("{text:?} on the page of {}", side.name()), AT_ONCE, || {
        pair[side].page("").contains(text).then_some(())
    });
}

#[test]
fn a_side_without_an_address_fails_with_the_commands_words_and_the_other_serves() {
    let mut pair = pair();
    pair.start(Side::A);
    pair[Side::B].wait_believed();
    set_failing(&pair, "activate", Side::B, true);
    pair.forget();
    pair[Side::A].page(&format!("?failover={RESOURCE}"));
    pair[Side::B].log.wait("held back", AT_ONCE);
    pair.wait_hot(Side::A, AT_ONCE);
    pair[Side::B].log.wait_state("failed", AT_ONCE);
    // The words of the command, on both hosts.
    for side in [Side::A, Side::B] {
        wait_page(&pair, side, "activate has failed");
        wait_page(&pair, side, "no such device");
    }
    // The reports of the application, which is fit, do not hide them.
    pair.stays();
    for side in [Side::A, Side::B] {
        wait_page(&pair, side, "no such device");
    }
    wait_page(&pair, Side::B, "held back for another");

    // An operator's word ends the hold.
    set_failing(&pair, "activate", Side::B, false);
    pair[Side::B].page(&format!("?takeover={RESOURCE}"));
    pair.wait_settled(Side::B, AT_ONCE);
}

#[test]
fn a_side_without_an_address_goes_on_trying_if_no_other_could_serve() {
    let mut pair = pair();
    pair.start(Side::A);
    pair[Side::A].wait_believed();
    set_failing(&pair, "activate", Side::B, true);
    pair[Side::A].app().process.kill();
    pair[Side::B].log.wait("going on without it", AT_ONCE);
    wait_page(&pair, Side::B, "activate has failed");
    pair.wait_hot(Side::B, AT_ONCE);
    set_failing(&pair, "activate", Side::B, false);
    pair[Side::B].log.wait("activate has ended", Duration::from_secs(4));
}

#[test]
fn an_order_whose_release_fails_is_undone_and_by_force_it_goes_on() {
    for command in ["deactivate", "stop"] {
        let mut pair = pair();
        pair.start(Side::A);
        set_failing(&pair, command, Side::A, true);
        for (side, order) in [(Side::A, "failover"), (Side::B, "takeover")] {
            pair.forget();
            pair[side].page(&format!("?{order}={RESOURCE}"));
            pair[Side::A].log.wait("the service goes on here", AT_ONCE);
            pair.wait_hot(Side::A, AT_ONCE);
            pair.stays();
            assert!(!pair.journal.has(Side::B, "activate"), "{command}, {order}: {}", pair.journal.text());
            assert!(pair[Side::A].app().process.exited().is_none());
        }
        pair[Side::A].page(&format!("?failover={RESOURCE}&force=yes"));
        pair[Side::A].log.wait("the hand-over goes on although a command failed", AT_ONCE);
        pair.wait_hot(Side::B, AT_ONCE);
    }
}

/// The manual's commands: `ip addr add` is refused if the host has the address.
#[test]
fn edge_5_an_address_that_is_here_already_is_no_failure() {
    const NAME: &str = "edge_5_an_address_that_is_here_already_is_no_failure";
    let cable = match Cable::lay() {
        Ok(cable) => cable,
        Err(why) => return skip(NAME, why),
    };
    let setup = Setup {
        activate: Some("{note}; ip addr add 10.0.0.100/32 dev cable"),
        deactivate: Some(
            "{note}; test ! -e {folder}/no-deactivate-{host} && ip addr del 10.0.0.100/32 dev cable",
        ),
        timeout: 30.0,
        ..Setup::default()
    };
    let mut pair = Pair::at(setup, &cable, ["10.0.0.1", "10.0.0.2"]);
    pair.start(Side::A);

    // A restart leaves it there, and the next daemon brings it up again.
    pair.forget();
    pair[Side::A].daemon().signal(Signal::SIGQUIT);
    assert_eq!(pair[Side::A].daemon().wait_code(AT_ONCE), 0);
    pair.start_daemon(Side::A);
    pair[Side::A].log.wait("the address is here already", AT_ONCE);
    nothing_was_switched(&mut pair);

    // It cannot be taken down: the order is undone.
    set_failing(&pair, "deactivate", Side::A, true);
    pair.forget();
    pair[Side::A].page(&format!("?failover={RESOURCE}"));
    pair[Side::A].log.wait("the service goes on here", AT_ONCE);
    pair.wait_hot(Side::A, AT_ONCE);
    pair.stays();
    assert!(!pair.journal.has(Side::B, "activate"), "{}", pair.journal.text());
}

#[test]
fn a_daemon_that_ends_hands_over_unless_its_application_may_still_run() {
    for (command, handed_over) in [("deactivate", true), ("stop", false)] {
        let mut pair = pair();
        pair.start(Side::A);
        set_failing(&pair, command, Side::A, true);
        pair[Side::A].daemon().signal(Signal::SIGTERM);
        pair[Side::A].daemon().wait_code(Duration::from_secs(3));
        if handed_over {
            pair.wait_hot(Side::B, AT_ONCE);
        } else {
            assert!(!pair.journal.has(Side::B, "activate"), "{}", pair.journal.text());
        }
    }
}

#[test]
fn a_side_that_keeps_failing_is_held_back_until_the_other_fails() {
    let setup = Setup { timeout: 30.0, resource: "hold-back = 600\nhold-back-max = 600", ..Setup::default() };
    let mut pair = Pair::new(setup);
    pair.start(Side::A);
    for failures in 1..=2 {
        pair[Side::A].wait_believed();
        pair[Side::A].app().process.kill();
        pair.wait_hot(Side::B, AT_ONCE);
        pair[Side::A].start_app("--start-as standby");
        if failures == 1 {
            pair.wait_settled(Side::B, AT_ONCE);
            pair[Side::A].page(&format!("?takeover={RESOURCE}"));
            pair.wait_settled(Side::A, AT_ONCE);
        }
    }
    pair[Side::A].log.wait("held back", AT_ONCE);
    wait_page(&pair, Side::A, "held back for another");
    pair[Side::A].log.wait_state("failed", AT_ONCE);
    // Nobody else serves any more.
    pair[Side::B].wait_believed();
    pair[Side::B].app().process.kill();
    pair.wait_hot(Side::A, AT_ONCE);
}
