//! Evidence of isolation: hosts of `ping-address` answer, or do not, and `on-isolation = step-down` follows.

use std::fs;
use std::time::Duration;

use schrittmacher_harness::{HTTP_PORT, Lan, Pair, RESOURCE, Setup, Side, ctl_in, holds_for, skip, wait_for};

/// The client of the network, by both families.
const TARGETS: &str = "ping-address = 10.1.0.9, fd01::9";
const STEP_DOWN: &str = "ping-address = 10.1.0.9, fd01::9\non-isolation = step-down";

const SIDES: [Side; 2] = [Side::A, Side::B];

/// Heartbeats each second; a side acts eight seconds after the last heartbeat of the other, an isolated one after six.
fn lay(test: &str, core: &'static str) -> Option<(Pair, Lan)> {
    let lan = Lan::lay().map_err(|why| skip(test, why)).ok()?;
    let setup = Setup { priority: [1, 0], heartbeat: 1.0, timeout: 9.0, core, ..Setup::default() };
    let mut pair = Pair::on(setup, &lan);
    pair.start(Side::A);
    for side in SIDES {
        let all = "2 ping targets answer";
        wait_for(all, Duration::from_secs(5), || status(&pair, &lan, side).contains(all).then_some(()));
    }
    pair.forget();
    Some((pair, lan))
}

fn status(pair: &Pair, lan: &Lan, side: Side) -> String {
    let place = format!("{}:{HTTP_PORT}", pair[side].address);
    ctl_in(lan.host(side), &["status", "--address", &place]).1
}

/// Nothing of this side reaches anything.
fn isolate(lan: &Lan, side: Side) {
    lan.unplug(side);
    lan.set_heartbeat_link(false);
}

#[test]
fn an_isolated_hot_side_stops_before_the_other_takes_over_and_comes_back_as_standby() {
    const NAME: &str = "an_isolated_hot_side_stops_before_the_other_takes_over_and_comes_back_as_standby";
    let Some((mut pair, lan)) = lay(NAME, STEP_DOWN) else { return };
    isolate(&lan, Side::A);
    pair[Side::A]
        .log
        .wait("THIS HOST IS ISOLATED: none of 10.1.0.9, fd01::9 has answered for 4 s", pair.timeout());
    pair[Side::A]
        .log
        .wait("this host is isolated and does not hear its peer: the service is stopped", pair.timeout());
    pair.wait_hot(Side::B, pair.timeout());
    pair.journal.expect_order((Side::A, "stop"), (Side::B, "start"));
    pair.journal.expect_order((Side::A, "deactivate"), (Side::B, "activate"));
    assert!(pair[Side::A].is("Standby"));
    let told = status(&pair, &lan, Side::A);
    assert!(
        told.contains("HOST IS ISOLATED") && told.contains("this side does not serve before one answers"),
        "{told}"
    );
    let explained = {
        let place = format!("{}:{HTTP_PORT}", pair[Side::A].address);
        ctl_in(lan.host(Side::A), &["explain", RESOURCE, "--address", &place]).1
    };
    assert!(explained.contains("this host is isolated"), "{explained}");
    pair.forget();
    lan.plug(Side::A);
    lan.set_heartbeat_link(true);
    pair[Side::A].log.wait("this host is isolated no more", pair.timeout());
    pair.settles(Side::B, Duration::ZERO);
    pair.journal.expect(Side::A, &[]);
    pair.journal.expect(Side::B, &[]);
}

#[test]
fn an_isolated_standby_takes_nothing_over() {
    let Some((pair, lan)) = lay("an_isolated_standby_takes_nothing_over", STEP_DOWN) else { return };
    isolate(&lan, Side::B);
    pair[Side::B]
        .log
        .wait("the peer is silent, but this host is isolated: it does not take over", 2 * pair.timeout());
    pair.stays_for(2.0 * pair.timeout().as_secs_f64());
    assert!(pair.is_settled(Side::A));
    lan.plug(Side::B);
    lan.set_heartbeat_link(true);
    pair.settles(Side::A, Duration::ZERO);
    for side in SIDES {
        pair.journal.expect(side, &[]);
    }
}

/// The default: it is told, and both serve (P8).
#[test]
fn without_on_isolation_it_is_told_and_both_serve() {
    let Some((pair, lan)) = lay("without_on_isolation_it_is_told_and_both_serve", TARGETS) else { return };
    isolate(&lan, Side::A);
    pair.wait_hot(Side::B, pair.timeout());
    assert!(pair[Side::A].is("Hot"));
    let told = status(&pair, &lan, Side::A);
    assert!(told.contains("this side goes on (`on-isolation` = keep)"), "{told}");
}

#[test]
fn silent_targets_change_nothing_while_the_peer_is_heard_and_are_told_one_by_one() {
    const NAME: &str = "silent_targets_change_nothing_while_the_peer_is_heard_and_are_told_one_by_one";
    let Some((pair, lan)) = lay(NAME, STEP_DOWN) else { return };
    lan.client().ip("addr del fd01::9/64 dev eth0");
    for side in SIDES {
        pair[side].log.wait("`ping-address`: fd01::9 does not answer", pair.timeout());
        let told = status(&pair, &lan, side);
        assert!(told.contains("ping targets that do not answer: fd01::9"), "{told}");
    }
    lan.client().ip("link set eth0 down");
    for side in SIDES {
        pair[side].log.wait("THIS HOST IS ISOLATED", pair.timeout());
        let told = status(&pair, &lan, side);
        assert!(told.contains("as long as the peer is heard, that changes nothing"), "{told}");
        let metrics = pair[side].page("metrics");
        assert!(metrics.contains("\nschrittmacher_isolated 1\n"), "{metrics}");
        let target = "schrittmacher_ping_target_up{address=\"10.1.0.9\"} 0";
        assert!(metrics.contains(target), "{metrics}");
    }
    holds_for(2 * pair.timeout(), || {
        if pair.is_settled(Side::A) { Ok(()) } else { Err("a state has changed".to_owned()) }
    });
    lan.client().ip("link set eth0 up");
    for side in SIDES {
        pair[side].log.wait("this host is isolated no more", pair.timeout());
        pair[side].log.wait("`ping-address`: 10.1.0.9 answers again", pair.timeout());
        assert_eq!(pair[side].log.transitions(), []);
    }
}

/// A socket for echoes alone, which needs no privilege, in the place of a raw one.
#[test]
fn the_socket_without_privileges_is_taken_where_the_system_allows_it() {
    const NAME: &str = "the_socket_without_privileges_is_taken_where_the_system_allows_it";
    let Some((mut pair, lan)) = lay(NAME, TARGETS) else { return };
    for (group, kind) in [("1 0", "raw"), ("0 2147483647", "icmp")] {
        lan.host(Side::B).run(|| fs::write("/proc/sys/net/ipv4/ping_group_range", group)).unwrap();
        pair[Side::B].daemon().kill();
        pair.start_daemon(Side::B);
        for version in ["4", "6"] {
            let of_kind = || {
                let file = if version == "4" { kind.to_owned() } else { format!("{kind}6") };
                let path = format!("/proc/thread-self/net/{file}");
                let list = lan.host(Side::B).run(|| fs::read_to_string(path));
                (list.unwrap().lines().count() > 1).then_some(())
            };
            wait_for("the socket", Duration::from_secs(5), of_kind);
        }
        let all = "2 ping targets answer";
        wait_for(all, Duration::from_secs(5), || status(&pair, &lan, Side::B).contains(all).then_some(()));
    }
}
