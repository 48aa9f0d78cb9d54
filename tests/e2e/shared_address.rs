//! The built-in address: a client behind a bridge reaches the hot side, whatever happens (P11).

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use schrittmacher_harness::{AT_ONCE, HTTP_PORT, Lan, Pair, Probe, Setup, Side, ctl_in, skip, wait_for};

const SERVICE: &str = "10.1.0.100";
/// From the end of a change to the answer, with an announcement lost.
const PROMISE: Duration = Duration::from_secs(1);

const BUILT_IN: &str = "shared-address = 10.1.0.100/24, fd01::100/64\nshared-interface = eth0";

fn lay(name: &str, setup: &Setup) -> Option<(Lan, Pair)> {
    let lan = Lan::lay().map_err(|why| skip(name, why)).ok()?;
    let setup = Setup {
        resource: if setup.resource.is_empty() { BUILT_IN } else { setup.resource },
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
    for (side, up) in [(Side::A, false), (Side::B, true)] {
        wait_for("the status to say where the address is", AT_ONCE, || {
            let config = pair[side].files.config();
            let words = ["status", "--json", "--config", config.to_str().unwrap()];
            let status: serde_json::Value = serde_json::from_str(&ctl_in(lan.host(side), &words).1).ok()?;
            let address = &status["resources"][0]["address"];
            (address["interface"] == "eth0" && address["up"] == up).then_some(())
        });
    }

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

/// B serves since A's cable was pulled, and goes on when it is back.
fn cable_is_handed_over(lan: &Lan, pair: &Pair, probes: &[Probe], begin: Instant) {
    pair.wait_hot(Side::B, Duration::ZERO);
    are_answered(probes, begin, PROMISE);
    pair[Side::A].log.wait("interface eth0 has no carrier", AT_ONCE);
    lan.plug(Side::A);
    pair.wait_settled(Side::B, Duration::ZERO);
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
    wait_for("the status to say why", AT_ONCE, || {
        let config = pair[Side::A].files.config();
        let (_, said, _) = ctl_in(lan.host(Side::A), &["status", "--config", config.to_str().unwrap()]);
        said.contains("this side cannot serve: interface eth0 has no carrier").then_some(())
    });
    wait_for("A to be without the address", AT_ONCE, || {
        (!addresses(&lan, Side::A).contains(SERVICE)).then_some(())
    });
    lan.plug(Side::A);
    pair.wait_settled(Side::B, Duration::ZERO);
    pair.stays();
}

/// It waited for a heartbeat, in case the link bounces.
#[test]
fn a_cable_that_is_pulled_is_not_waited_for_if_a_hand_over_is_quicker() {
    let setup = Setup { heartbeat: 2.0, timeout: 6.0, ..Setup::default() };
    let Some((lan, pair)) = lay("a_cable_that_is_pulled_is_not_waited_for_if_a_hand_over_is_quicker", &setup)
    else {
        return;
    };
    let probes = probes(&lan);
    let begin = Instant::now();
    lan.unplug(Side::A);
    cable_is_handed_over(&lan, &pair, &probes, begin);
}

/// Both links go for a moment, and the daemons' own one comes back: the hot side kept the role for its whole timeout, although the
/// other one heard it and was ready.
#[test]
fn a_cable_that_is_pulled_is_waited_for_only_while_the_daemons_have_no_other_one() {
    let name = "a_cable_that_is_pulled_is_waited_for_only_while_the_daemons_have_no_other_one";
    let setup = Setup { heartbeat: 0.2, timeout: 20.0, ..Setup::default() };
    let Some((lan, pair)) = lay(name, &setup) else { return };
    let probes = probes(&lan);
    lan.set_heartbeat_link(false);
    let begin = Instant::now();
    lan.unplug(Side::A);
    lan.set_heartbeat_link(true);
    cable_is_handed_over(&lan, &pair, &probes, begin);
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

/// The daemon of the hot host dies, and its kernel goes on answering for the address: with `address-probe = wait` nobody takes
/// it, until it answers no more or an operator says so.
fn waits_until(name: &str, end: impl FnOnce(&Lan, &Pair)) {
    const WAIT: &str =
        "shared-address = 10.1.0.100/24, fd01::100/64\nshared-interface = eth0\naddress-probe = wait";
    let Some((lan, mut pair)) = lay(name, &Setup { resource: WAIT, timeout: 1.0, ..Setup::default() }) else {
        return;
    };
    wait_address(&lan, Side::A);
    pair[Side::A].daemon().kill();
    let timeout = pair.timeout();
    pair[Side::B].log.wait("this side waits as long as it does", timeout);
    let config = pair[Side::B].files.config();
    let config = config.to_str().unwrap();
    let waits = wait_for("the status to say so", timeout, || {
        let (code, said, _) = ctl_in(lan.host(Side::B), &["status", "--config", config]);
        (code == 2 && said.contains("NO SIDE IS HOT") && said.contains("WAITS and serves nothing"))
            .then_some(said)
    });
    assert!(waits.contains(SERVICE) || waits.contains("fd01::100"), "{waits}");
    let (code, _, why) = ctl_in(lan.host(Side::B), &["takeover", "service", "--config", config]);
    assert_eq!(code, 1, "{why}");
    pair[Side::B].log.wait("NO SIDE IS HOT", Duration::from_secs(5));
    assert!(!addresses(&lan, Side::B).contains(SERVICE));
    end(&lan, &pair);
    pair.wait_hot(Side::B, timeout);
    wait_address(&lan, Side::B);
    pair.journal.forget();
}

#[test]
fn a_side_that_may_wait_takes_no_address_that_answers_elsewhere() {
    waits_until("a_side_that_may_wait_takes_no_address_that_answers_elsewhere", |lan, pair| {
        for address in ["10.1.0.100/24", "fd01::100/64"] {
            lan.host(Side::A).ip(&format!("addr del {address} dev eth0"));
        }
        pair[Side::B].log.wait("no other host has the address any more", Duration::from_secs(2));
    });
}

#[test]
fn a_takeover_by_force_does_not_wait_for_an_address_elsewhere() {
    waits_until("a_takeover_by_force_does_not_wait_for_an_address_elsewhere", |lan, pair| {
        let config = pair[Side::B].files.config();
        let order = ["takeover", "service", "--force", "--config", config.to_str().unwrap()];
        assert_eq!(ctl_in(lan.host(Side::B), &order).0, 0);
    });
}

/// A dead host answers nothing: the key costs no time then.
#[test]
fn a_side_that_may_wait_takes_over_from_a_lost_host() {
    const WAIT: &str = "shared-address = 10.1.0.100/24\nshared-interface = eth0\naddress-probe = wait";
    let name = "a_side_that_may_wait_takes_over_from_a_lost_host";
    let Some((lan, mut pair)) = lay(name, &Setup { resource: WAIT, ..Setup::default() }) else { return };
    lan.unplug(Side::A);
    lan.set_heartbeat_link(false);
    pair[Side::A].kill();
    let timeout = pair.timeout();
    pair.wait_hot(Side::B, timeout);
    wait_address(&lan, Side::B);
    assert!(!pair[Side::B].log.text().contains("this side waits"), "{}", pair[Side::B].log.text());
    pair.journal.forget();
}

/// Somebody replaces the address of the hot side by one with another prefix. The old host would keep that over a switch, and go
/// on answering for it.
#[test]
fn an_address_that_somebody_has_replaced_is_on_the_new_side_alone_after_a_switch() {
    let name = "an_address_that_somebody_has_replaced_is_on_the_new_side_alone_after_a_switch";
    let Some((lan, mut pair)) = lay(name, &Setup::default()) else { return };
    wait_address(&lan, Side::A);
    lan.host(Side::A).ip("addr del 10.1.0.100/24 dev eth0");
    lan.host(Side::A).ip("addr add 10.1.0.100/32 dev eth0");
    let probes = probes(&lan);
    let begin = Instant::now();
    pair[Side::A].tell_app("failover");
    pair.wait_settled(Side::B, Duration::ZERO);
    are_answered(&probes, begin, PROMISE);
    pair[Side::A].log.wait("10.1.0.100/32 on eth0 was added by somebody else: removed", AT_ONCE);
    let left = addresses(&lan, Side::A);
    assert!(!left.contains(SERVICE), "{left}");
}

/// Somebody removes the address of the hot side: it is put back, and that is told and counted.
#[test]
fn an_address_that_somebody_removes_is_back_told_and_counted() {
    let name = "an_address_that_somebody_removes_is_back_told_and_counted";
    let Some((lan, mut pair)) = lay(name, &Setup::default()) else { return };
    wait_address(&lan, Side::A);
    lan.host(Side::A).ip("addr del 10.1.0.100/24 dev eth0");
    pair[Side::A].log.wait("10.1.0.100/24 was removed by somebody else; it is back, and announced", AT_ONCE);
    wait_address(&lan, Side::A);
    let page = SocketAddr::new(pair[Side::A].address, HTTP_PORT);
    lan.host(Side::A).run(|| {
        wait_for("the count", AT_ONCE, || {
            let mut door = TcpStream::connect(page).unwrap();
            write!(door, "GET /metrics HTTP/1.0\r\n\r\n").unwrap();
            let mut text = String::new();
            door.read_to_string(&mut text).unwrap();
            text.contains("schrittmacher_address_put_back_total{resource=\"service\"} 1").then_some(())
        });
    });
    pair.journal.forget();
}

/// edge-8: to another address, from the built-in address to commands, and back. Neither reload is a switch.
/// It said "protected" until it had to take over.
#[test]
fn a_standby_that_has_the_address_from_somebody_else_does_not_protect() {
    let name = "a_standby_that_has_the_address_from_somebody_else_does_not_protect";
    let Some((lan, pair)) = lay(name, &Setup::default()) else { return };
    let host = lan.host(Side::B);
    let config = pair[Side::B].files.config();
    let says = |expected: &str| {
        wait_for(expected, AT_ONCE, || {
            let (_, said, _) = ctl_in(host, &["status", "--config", config.to_str().unwrap()]);
            said.contains(expected).then_some(())
        });
    };
    says("the resource is protected");
    host.ip("addr add 10.1.0.100/24 dev eth0");
    says("10.1.0.100/24 is on eth0 here, and not from this daemon: this side could not take over");
    says("the resource is not protected");
    pair[Side::B].log.wait("10.1.0.100/24 is on eth0 here, and not from this daemon", AT_ONCE);
    host.ip("addr del 10.1.0.100/24 dev eth0");
    says("the resource is protected");
}

/// IPv6 needs an MTU of 1280. The hot side went on without its address, and said that all was well.
#[test]
fn a_side_that_cannot_put_its_address_back_leaves_the_service_to_the_other_one() {
    let name = "a_side_that_cannot_put_its_address_back_leaves_the_service_to_the_other_one";
    let Some((lan, pair)) = lay(name, &Setup::default()) else { return };
    let probes = probes(&lan);
    let begin = Instant::now();
    lan.host(Side::A).ip("link set eth0 mtu 1000");
    pair.wait_hot(Side::B, Duration::ZERO);
    are_answered(&probes, begin, PROMISE);
    let why = "fd01::100/64 went with IPv6 on its interface (an MTU below 1280, or `disable_ipv6`), and cannot be put back";
    pair[Side::A].log.wait(why, AT_ONCE);
    pair[Side::A].log.wait_state("failed", AT_ONCE);
}

/// It was held back for `hold-back-max`, five minutes, as if nobody knew when its address could come up.
#[test]
fn a_side_whose_interface_was_missing_when_it_took_over_is_ready_when_the_interface_is_back() {
    let name = "a_side_whose_interface_was_missing_when_it_took_over_is_ready_when_the_interface_is_back";
    // The interface is needed before its interruption counts.
    let setup = Setup { heartbeat: 2.0, timeout: 6.0, ..Setup::default() };
    let Some((lan, mut pair)) = lay(name, &setup) else { return };
    let host = lan.host(Side::B);
    host.ip("link set eth0 down");
    host.ip("link set eth0 name gone");
    pair[Side::A].tell_app("failover");
    pair[Side::B].log.wait("there is no such interface", AT_ONCE);
    pair.wait_hot(Side::A, Duration::ZERO);
    pair[Side::B].log.wait_state("failed", AT_ONCE);
    host.ip("link set gone name eth0");
    host.ip("link set eth0 up");
    pair.wait_settled(Side::A, pair.timeout());
    pair.forget();
    pair[Side::A].tell_app("failover");
    pair.wait_settled(Side::B, Duration::ZERO);
}

/// The file of an earlier run had an address, and this one has none. Both hosts kept it.
#[test]
fn what_a_killed_daemon_has_left_goes_also_if_the_file_has_no_address_any_more() {
    let name = "what_a_killed_daemon_has_left_goes_also_if_the_file_has_no_address_any_more";
    let Some((lan, mut pair)) = lay(name, &Setup::default()) else { return };
    wait_address(&lan, Side::A);
    pair[Side::A].daemon().kill();
    let timeout = pair.timeout();
    pair.wait_hot(Side::B, timeout);
    assert!(addresses(&lan, Side::A).contains(SERVICE), "no daemon is left that could remove it");
    pair[Side::A].tell_app("standby");
    let file = pair[Side::A].files.config();
    let text = std::fs::read_to_string(&file).unwrap();
    let left: Vec<&str> = text.lines().filter(|line| !line.starts_with("shared-")).collect();
    std::fs::write(&file, left.join("\n")).unwrap();
    pair.start_daemon(Side::A);
    pair[Side::A].log.wait("10.1.0.100/24 of an earlier run was removed", AT_ONCE);
    wait_for("A to be without the address", AT_ONCE, || {
        (!addresses(&lan, Side::A).contains(SERVICE)).then_some(())
    });
}

#[test]
fn a_reload_moves_the_address_of_the_hot_side_whatever_brings_it_up() {
    const OTHER: &str = "10.1.0.101";
    let name = "a_reload_moves_the_address_of_the_hot_side_whatever_brings_it_up";
    let Some((lan, mut pair)) = lay(name, &Setup::default()) else { return };
    wait_address(&lan, Side::A);
    let reload = |pair: &mut Pair, from: &str, to: &str| {
        pair.forget();
        for side in [Side::A, Side::B] {
            let file = pair[side].files.config();
            let text = std::fs::read_to_string(&file).unwrap();
            assert!(text.contains(from), "{text}");
            std::fs::write(&file, text.replace(from, to)).unwrap();
            pair[side].daemon().signal(Signal::SIGHUP);
            pair[side].log.wait("the new configuration is in force", AT_ONCE);
        }
    };
    let wait_only = |wanted: &str, unwanted: &str, hot: Side| {
        wait_for("the hot side to have the new address alone", AT_ONCE, || {
            let has = addresses(&lan, hot);
            (has.contains(wanted) && !has.contains(unwanted)).then_some(())
        });
        let standby = addresses(&lan, hot.other());
        assert!(!standby.contains(wanted) && !standby.contains(unwanted), "{standby}");
    };
    let built_in = BUILT_IN.replace(SERVICE, OTHER);
    reload(&mut pair, BUILT_IN, &built_in);
    wait_only(OTHER, SERVICE, Side::A);
    let commands = format!(
        "interface-activate = ip address add {SERVICE}/24 dev eth0\ninterface-deactivate = ip address delete {SERVICE}/24 dev eth0"
    );
    reload(&mut pair, &built_in, &commands);
    wait_only(SERVICE, OTHER, Side::A);
    reload(&mut pair, &commands, &built_in);
    wait_only(OTHER, SERVICE, Side::A);
    for side in [Side::A, Side::B] {
        assert_eq!(pair[side].log.transitions(), []);
    }
    pair[Side::A].tell_app("failover");
    pair.wait_settled(Side::B, Duration::ZERO);
    wait_only(OTHER, SERVICE, Side::B);
}
