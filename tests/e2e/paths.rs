//! Several paths between the two daemons: each is cut, in one direction and in both, comes back, is added and taken away.

use std::fs;
use std::net::UdpSocket;
use std::time::Duration;

use nix::sys::signal::Signal;
use schrittmacher_harness::{
    AT_ONCE, Cable, Filter, HTTP_PORT, PORT, Pair, RESOURCE, Setup, Side, ctl_in, skip, wait_for,
};

const SECOND: &str = "local-address-2 = 10.0.1.{own}\nremote-address-2 = 10.0.1.{other}";
const OF_THE_LINK: &str = "local-address-2 = fe80::{own}%second\nremote-address-2 = fe80::{other}%second";

const SIDES: [Side; 2] = [Side::A, Side::B];

/// A pair on two cables, and filters that cut them.
fn lay(name: &str, core: &'static str) -> Option<(Pair, Cable, Filter)> {
    let cable = Cable::lay().map_err(|why| skip(name, why)).ok()?;
    cable.lay_second();
    let filter = Filter::at(&cable).map_err(|why| skip(name, why)).ok()?;
    let setup = Setup { priority: [1, 0], core, ..Setup::default() };
    Some((Pair::at(setup, &cable, ["10.0.0.1", "10.0.0.2"]), cable, filter))
}

fn status(pair: &Pair, cable: &Cable, side: Side) -> String {
    let place = format!("{}:{HTTP_PORT}", pair[side].address);
    ctl_in(cable.end(side), &["status", "--address", &place]).1
}

/// Both sides show both paths so.
fn wait_paths(pair: &Pair, cable: &Cable, states: [&str; 2]) {
    for side in SIDES {
        wait_for("the states of the paths", pair.timeout(), || {
            let told = status(pair, cable, side);
            let is_so = |(number, state): (usize, &str)| {
                let begin = format!("path {number} ");
                told.lines().any(|line| line.starts_with(&begin) && line.contains(state))
            };
            (1..).zip(states).all(is_so).then_some(())
        });
    }
}

fn undisturbed(pair: &Pair) {
    for side in SIDES {
        assert_eq!(pair[side].log.transitions(), []);
        assert!(!pair[side].log.has("peer is silent"), "{}", pair[side].log.text());
        pair.journal.expect(side, &[]);
    }
}

#[test]
fn a_path_that_is_cut_in_both_directions_changes_nothing_and_is_told() {
    const NAME: &str = "a_path_that_is_cut_in_both_directions_changes_nothing_and_is_told";
    for (interface, lost, left) in [("cable", "path 1 (", "path 2 ("), ("second", "path 2 (", "path 1 (")] {
        let Some((mut pair, cable, filter)) = lay(NAME, SECOND) else { return };
        pair.start(Side::A);
        wait_paths(&pair, &cable, ["works", "works"]);
        pair.forget();
        for side in SIDES {
            filter.deafen_at(side, interface);
        }
        for side in SIDES {
            let line = pair[side].log.wait("to the peer is lost: nothing has come by it", pair.timeout());
            assert!(
                line.contains(lost) && line.contains("ONLY ONE PATH TO THE PEER IS LEFT, path"),
                "{line}"
            );
            assert!(line.contains(&format!("LEFT, {left}")) && line.contains("WARNING"), "{line}");
        }
        undisturbed(&pair);
        filter.heal();
        for side in SIDES {
            pair[side].log.wait("to the peer works again", AT_ONCE);
        }
        wait_paths(&pair, &cable, ["works", "works"]);
        pair.stays();
        undisturbed(&pair);
        // One line each.
        for side in SIDES {
            let told = pair[side].log.lines().iter().filter(|line| line.contains(") to the peer ")).count();
            assert_eq!(told, 2, "{}", pair[side].log.text());
        }
    }
}

/// The side that hears nothing and the one that is not heard both know it.
#[test]
fn a_path_that_is_cut_in_one_direction_changes_nothing_and_is_told() {
    const NAME: &str = "a_path_that_is_cut_in_one_direction_changes_nothing_and_is_told";
    for (interface, lost) in [("cable", "path 1 ("), ("second", "path 2 (")] {
        let Some((mut pair, cable, filter)) = lay(NAME, SECOND) else { return };
        pair.start(Side::A);
        wait_paths(&pair, &cable, ["works", "works"]);
        pair.forget();
        filter.deafen_at(Side::B, interface);
        for (side, text) in
            [(Side::B, "nothing has come by it"), (Side::A, "the peer has heard nothing by it")]
        {
            let line = pair[side].log.wait(&format!("to the peer is lost: {text}"), pair.timeout());
            assert!(line.contains(lost), "{line}");
        }
        pair.stays();
        undisturbed(&pair);
        filter.heal();
        for side in SIDES {
            pair[side].log.wait("to the peer works again", AT_ONCE);
        }
        undisturbed(&pair);
    }
}

/// P8, as with one path, and P1 when one of the two is back.
#[test]
fn both_paths_cut_make_both_hot_until_one_is_back() {
    let Some((mut pair, cable, filter)) = lay("both_paths_cut_make_both_hot_until_one_is_back", SECOND)
    else {
        return;
    };
    pair.start(Side::A);
    wait_paths(&pair, &cable, ["works", "works"]);
    pair.forget();
    for side in SIDES {
        filter.deafen(side);
    }
    let timeout = pair.timeout();
    pair.wait_hot(Side::B, timeout);
    pair[Side::A].log.wait("peer is silent", timeout);
    for side in SIDES {
        assert!(
            !pair[side].log.has("to the peer is lost"),
            "a dead peer is told once: {}",
            pair[side].log.text()
        );
    }
    filter.heal();
    filter.deafen_at(Side::A, "cable");
    filter.deafen_at(Side::B, "cable");
    pair.settles(Side::A, Duration::ZERO);
    assert_eq!(pair[Side::A].log.transitions(), [], "the survivor never stopped");
    for side in SIDES {
        pair[side].log.wait("path 1 (10.0.0.", timeout);
    }
}

/// A switch goes by the second path as well as by the first.
#[test]
fn two_that_never_hear_each_other_by_the_first_path_meet_by_the_second_and_switch() {
    const NAME: &str = "two_that_never_hear_each_other_by_the_first_path_meet_by_the_second_and_switch";
    let Some((mut pair, cable, filter)) = lay(NAME, SECOND) else { return };
    for side in SIDES {
        filter.deafen_at(side, "cable");
    }
    pair.start(Side::A);
    wait_paths(&pair, &cable, ["NOTHING COMES BY IT", "works"]);
    pair[Side::A].page(&format!("?failover={RESOURCE}"));
    pair.settles(Side::B, Duration::ZERO);
    pair.forget();
    pair[Side::B].kill();
    pair.wait_hot(Side::A, pair.timeout());
}

/// A copy is no second message: it is not refused, and not counted as one.
#[test]
fn with_a_key_the_copies_of_a_message_are_no_repetition() {
    const NAME: &str = "with_a_key_the_copies_of_a_message_are_no_repetition";
    const KEY: &str =
        "auth-key-file = {folder}/key\nlocal-address-2 = 10.0.1.{own}\nremote-address-2 = 10.0.1.{other}";
    let Some((mut pair, cable, filter)) = lay(NAME, KEY) else { return };
    let key = pair.folder().join("key");
    assert_eq!(schrittmacher_harness::ctl(["keygen", key.to_str().unwrap()]).0, 0);
    pair.start(Side::A);
    wait_paths(&pair, &cable, ["works", "works"]);
    let count = |side: Side, name: &str| -> f64 {
        let page = cable.end(side).run(|| metrics(&pair, side));
        let line = page.lines().find(|line| line.starts_with(name)).unwrap();
        line.rsplit(' ').next().unwrap().parse().unwrap()
    };
    let refused = || SIDES.map(|side| count(side, "schrittmacher_auth_refused_total"));
    let before = refused();
    pair.stays_for(2.0);
    assert_eq!(refused(), before);
    let heard = count(Side::B, "rx_hott{");
    assert!(heard <= count(Side::A, "tx_hott{"), "{heard} messages were heard, fewer were said");
    pair.forget();
    for side in SIDES {
        filter.deafen_at(side, "cable");
    }
    for side in SIDES {
        pair[side].log.wait("path 1 (10.0.0.", pair.timeout());
    }
    undisturbed(&pair);
    pair[Side::A].page(&format!("?failover={RESOURCE}"));
    pair.settles(Side::B, Duration::ZERO);
}

fn metrics(pair: &Pair, side: Side) -> String {
    use std::io::{Read, Write};
    let mut stream = std::net::TcpStream::connect((pair[side].address, HTTP_PORT)).unwrap();
    let host = pair[side].address;
    write!(stream, "GET /metrics HTTP/1.1\r\nHost: {host}:{HTTP_PORT}\r\nConnection: close\r\n\r\n").unwrap();
    let mut page = String::new();
    stream.read_to_string(&mut page).unwrap();
    page
}

#[test]
fn a_direct_cable_with_link_local_addresses_is_a_path_also_when_it_was_made_anew() {
    const NAME: &str = "a_direct_cable_with_link_local_addresses_is_a_path_also_when_it_was_made_anew";
    let Some((mut pair, cable, _filter)) = lay(NAME, OF_THE_LINK) else { return };
    cable.remove_second();
    pair.start(Side::A);
    wait_paths(&pair, &cable, ["works", "NOTHING COMES BY IT"]);
    for _ in 0..2 {
        // The interface gets another number each time.
        cable.lay_second();
        wait_paths(&pair, &cable, ["works", "works"]);
        cable.remove_second();
        wait_paths(&pair, &cable, ["works", "NOTHING COMES BY IT"]);
    }
    pair.stays();
    pair.forget();
    undisturbed(&pair);
}

#[test]
fn a_reload_adds_a_path_and_takes_it_away() {
    let Some((mut pair, cable, filter)) = lay("a_reload_adds_a_path_and_takes_it_away", "") else { return };
    pair.start(Side::A);
    assert!(!status(&pair, &cable, Side::A).contains("path 1"), "one path is not told");
    pair.forget();
    let old = SIDES.map(|side| fs::read_to_string(pair[side].files.config()).unwrap());
    for (side, old) in SIDES.into_iter().zip(&old) {
        let (own, other) = (side.index() + 1, side.other().index() + 1);
        let path = format!("local-address-2 = 10.0.1.{own}\nremote-address-2 = 10.0.1.{other}\nport =");
        fs::write(pair[side].files.config(), old.replacen("port =", &path, 1)).unwrap();
        pair[side].daemon().signal(Signal::SIGHUP);
        pair[side].log.wait("the new configuration is in force", AT_ONCE);
    }
    wait_paths(&pair, &cable, ["works", "works"]);
    for side in SIDES {
        filter.deafen_at(side, "cable");
    }
    wait_paths(&pair, &cable, ["NOTHING COMES BY IT", "works"]);
    undisturbed(&pair);
    filter.heal();
    wait_paths(&pair, &cable, ["works", "works"]);
    for (side, old) in SIDES.into_iter().zip(&old) {
        fs::write(pair[side].files.config(), old).unwrap();
        pair.forget();
        pair[side].daemon().signal(Signal::SIGHUP);
        pair[side].log.wait("the new configuration is in force", AT_ONCE);
        // A status may be a tenth of a second old.
        wait_for("one path", AT_ONCE, || (!status(&pair, &cable, side).contains("path 1")).then_some(()));
    }
    pair.stays();
    undisturbed(&pair);
    // The port of the path is free again.
    cable.end(Side::A).run(|| UdpSocket::bind(("10.0.1.1", PORT)).map(drop)).unwrap();
}

/// It knows one address, and hears what it always heard.
#[test]
fn a_legacy_peer_gets_messages_by_the_first_path_alone() {
    const NAME: &str = "a_legacy_peer_gets_messages_by_the_first_path_alone";
    let Some((mut pair, cable, _filter)) = lay(NAME, SECOND) else { return };
    let [first, second] = ["10.0.0.2", "10.0.1.2"]
        .map(|address| cable.end(Side::B).run(|| UdpSocket::bind((address, PORT)).unwrap()));
    pair.start_daemon(Side::A);
    pair[Side::A].start_app("--start-as standby");
    let text = format!(
        "{{\"status\":\"STBY\",\"random\":1,\"resource\":\"{RESOURCE}\",\"priority\":0,\"type\":\"schrittmacher\"}}"
    );
    let say = || first.send_to(text.as_bytes(), ("10.0.0.1", PORT)).map(drop);
    wait_for("the daemon to hear its peer", AT_ONCE, || {
        say().unwrap();
        pair[Side::A].log.has("peer is heard").then_some(())
    });
    pair[Side::A].log.wait("Hot", Duration::from_secs(2));
    for socket in [&first, &second] {
        socket.set_nonblocking(true).unwrap();
        while socket.recv(&mut [0; 1500]).is_ok() {}
    }
    // A message each two seconds.
    let mut heard = 0;
    wait_for("three messages by the first path", Duration::from_secs(6), || {
        say().unwrap();
        heard += usize::from(first.recv(&mut [0; 1500]).is_ok());
        assert!(second.recv(&mut [0; 1500]).is_err(), "a message by the second path");
        (heard >= 3).then_some(())
    });
}
