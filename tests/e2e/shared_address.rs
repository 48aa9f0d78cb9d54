//! The built-in address: a client behind a bridge reaches the hot side, whatever happens (P11).

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use schrittmacher_harness::{AT_ONCE, Lan, Pair, Probe, Setup, Side, skip, wait_for};

const SERVICE: &str = "10.1.0.100";
/// From the end of a change to the answer, with an announcement lost.
const PROMISE: Duration = Duration::from_secs(1);

fn lay(name: &str, setup: &Setup) -> Option<(Lan, Pair)> {
    let lan = Lan::lay().map_err(|why| skip(name, why)).ok()?;
    let setup = Setup {
        resource: "shared-address = 10.1.0.100/24, fd01::100/64\nshared-interface = eth0",
        // Both may ask for the role at once: A gets it.
        priority: [10, 0],
        activate: None,
        deactivate: None,
        start: Some("kill -10 `cat {pid-file}`"),
        stop: Some("kill -12 `cat {pid-file}`"),
        ..setup.clone()
    };
    let mut pair = Pair::on(setup, &lan);
    pair.start_daemon(Side::B);
    pair[Side::B].start_app("--start-as standby");
    pair[Side::B].log.wait_state("Standby", AT_ONCE);
    pair[Side::A].start_app("");
    pair.start_daemon(Side::A);
    pair.wait_settled(Side::A, AT_ONCE);
    Some((lan, pair))
}

fn addresses(lan: &Lan, side: Side) -> String {
    lan.host(side).output("ip", "-o addr show dev eth0")
}

fn wait_address(lan: &Lan, side: Side) {
    wait_for("the address", AT_ONCE, || addresses(lan, side).contains(SERVICE).then_some(()));
}

fn probes(lan: &Lan) -> [Probe; 2] {
    let probes = [SERVICE, "fd01::100"].map(|target| Probe::start(lan, target.parse().unwrap()));
    probes.iter().for_each(Probe::wait_answer);
    probes
}

/// Both are answered again, and were not out for longer than allowed since `begin`.
fn are_answered(probes: &[Probe], begin: Instant, allowed: Duration) {
    for probe in probes {
        probe.wait_answer();
        let outage = probe.outage(begin);
        assert!(outage < allowed, "out for {outage:?}");
    }
}

#[test]
fn a_client_follows_a_planned_switch_and_the_death_of_an_application() {
    let name = "a_client_follows_a_planned_switch_and_the_death_of_an_application";
    let Some((lan, mut pair)) = lay(name, &Setup::default()) else { return };
    let probes = probes(&lan);
    let begin = Instant::now();
    pair[Side::A].tell_app("failover");
    pair.wait_settled(Side::B, Duration::ZERO);
    are_answered(&probes, begin, PROMISE);
    wait_for("A to be without the address", AT_ONCE, || {
        (!addresses(&lan, Side::A).contains(SERVICE)).then_some(())
    });

    let begin = Instant::now();
    pair[Side::B].tell_app("fail");
    pair.wait_hot(Side::A, Duration::ZERO);
    are_answered(&probes, begin, PROMISE);
}

#[test]
fn a_client_follows_when_a_host_is_lost() {
    let Some((lan, mut pair)) = lay("a_client_follows_when_a_host_is_lost", &Setup::default()) else {
        return;
    };
    let probes = probes(&lan);
    lan.unplug(Side::A);
    lan.set_heartbeat_link(false);
    pair[Side::A].kill();
    let timeout = pair.timeout();
    pair.wait_hot(Side::B, timeout);
    let hot = Instant::now();
    probes.iter().for_each(Probe::wait_answer);
    assert!(hot.elapsed() < PROMISE, "{:?} after the other side was hot", hot.elapsed());
}

/// edge-2: both had the address, and the neighbours may believe either.
#[test]
fn a_client_follows_when_a_conflict_has_ended() {
    let name = "a_client_follows_when_a_conflict_has_ended";
    let Some((lan, pair)) = lay(name, &Setup::default()) else { return };
    let probes = probes(&lan);
    lan.set_heartbeat_link(false);
    let timeout = pair.timeout();
    pair.wait_hot(Side::B, timeout);
    wait_address(&lan, Side::B);
    // Nothing that B has announced, or will, may be the last word.
    lan.client().ip("neigh flush all");
    probes.iter().for_each(Probe::wait_answer);
    lan.set_heartbeat_link(true);
    pair.wait_settled(Side::A, Duration::ZERO);
    let settled = Instant::now();
    wait_for("B to be without the address", AT_ONCE, || {
        (!addresses(&lan, Side::B).contains(SERVICE)).then_some(())
    });
    probes.iter().for_each(Probe::wait_answer);
    assert!(settled.elapsed() < PROMISE, "{:?} after the conflict", settled.elapsed());
    pair.stays();
}

/// edge-3: what a killed daemon has left is removed when its side gives way, and the other side's address works.
#[test]
fn what_a_killed_daemon_has_left_goes_when_its_side_gives_way() {
    let name = "what_a_killed_daemon_has_left_goes_when_its_side_gives_way";
    let Some((lan, mut pair)) = lay(name, &Setup::default()) else { return };
    wait_address(&lan, Side::A);
    pair[Side::A].daemon().kill();
    let timeout = pair.timeout();
    pair.wait_hot(Side::B, timeout);
    assert!(addresses(&lan, Side::A).contains(SERVICE), "no daemon is left that could remove it");
    pair[Side::A].tell_app("standby");
    pair.start_daemon(Side::A);
    pair.wait_settled(Side::B, timeout);
    wait_for("A to be without the address", AT_ONCE, || {
        (!addresses(&lan, Side::A).contains(SERVICE)).then_some(())
    });
    let there = addresses(&lan, Side::B);
    assert!(there.contains(SERVICE) && !there.contains("dadfailed"), "{there}");
    are_answered(&probes(&lan), Instant::now(), PROMISE);
}

/// The carrier goes, and nothing else: the daemons hear each other.
#[test]
fn a_side_whose_cable_is_pulled_hands_over() {
    let Some((lan, pair)) = lay("a_side_whose_cable_is_pulled_hands_over", &Setup::default()) else {
        return;
    };
    let probes = probes(&lan);
    let begin = Instant::now();
    lan.unplug(Side::A);
    pair.wait_hot(Side::B, Duration::ZERO);
    are_answered(&probes, begin, PROMISE);
    pair[Side::A].log.wait_state("failed", AT_ONCE);
    pair[Side::A].log.wait("interface eth0 has no carrier", AT_ONCE);
    wait_for("A to be without the address", AT_ONCE, || {
        (!addresses(&lan, Side::A).contains(SERVICE)).then_some(())
    });
    lan.plug(Side::A);
    pair.wait_settled(Side::B, Duration::ZERO);
    pair.stays();
}

#[test]
fn a_side_whose_cable_is_pulled_goes_on_while_the_other_one_is_cut_off_too() {
    let name = "a_side_whose_cable_is_pulled_goes_on_while_the_other_one_is_cut_off_too";
    let Some((lan, pair)) = lay(name, &Setup::default()) else { return };
    let probes = probes(&lan);
    lan.unplug(Side::B);
    pair[Side::B].log.wait_state("failed", AT_ONCE);
    lan.unplug(Side::A);
    pair[Side::A].log.wait("no other side could serve: going on", AT_ONCE);
    assert_eq!(pair[Side::A].log.state(), "Hot");
    let begin = Instant::now();
    lan.plug(Side::B);
    pair.wait_hot(Side::B, Duration::ZERO);
    are_answered(&probes, begin, PROMISE);
}

#[test]
fn a_daemon_that_ends_hands_the_address_over() {
    let Some((lan, mut pair)) = lay("a_daemon_that_ends_hands_the_address_over", &Setup::default()) else {
        return;
    };
    let probes = probes(&lan);
    let begin = Instant::now();
    pair[Side::A].daemon().signal(Signal::SIGTERM);
    pair.wait_hot(Side::B, Duration::ZERO);
    are_answered(&probes, begin, PROMISE);
    assert_eq!(pair[Side::A].daemon().wait_code(AT_ONCE), 0);
    assert!(!addresses(&lan, Side::A).contains(SERVICE));
    pair.journal.forget();
}
