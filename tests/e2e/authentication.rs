//! A key for the peer (door-13): what somebody on the LAN can do without it, and what an operator does with it.
//!
//! A forged datagram needs the peer's address alone. Here it comes from another socket of that address.

use std::fs::{self, Permissions};
use std::net::UdpSocket;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use nix::sys::signal::Signal;
use schrittmacher_api::{Authentication, DaemonStatus, PeerProof};
use schrittmacher_harness::{AT_ONCE, PORT, Pair, RESOURCE, Setup, Side, ctl, wait_for};

use crate::forged::{Forger, a_death_is_not_hidden, forge_everything, the_standby_host_dies_and_comes_back};

const KEY_LINE: &str = "auth-key-file = {folder}/peer.key";

/// Writes `peer.key` in the pair's folder; names of keys are hexadecimal digits here.
pub fn write_keys(pair: &Pair, names: &[&str]) {
    write_key_file(pair, "peer.key", names);
}

fn write_key_file(pair: &Pair, file: &str, names: &[&str]) {
    let path = pair.folder().join(file);
    let line = |name: &&str| format!("{name} {}{name}\n", "0123456789abcdef".repeat(4));
    fs::write(&path, names.iter().map(line).collect::<String>()).unwrap();
    fs::set_permissions(path, Permissions::from_mode(0o600)).unwrap();
}

/// A pair with a key file that is not started yet.
fn keyed(setup: Setup) -> Pair {
    let pair = Pair::new(setup);
    write_keys(&pair, &["00000001"]);
    pair
}

/// Both start in one instant: the priority says which side serves.
pub fn enforcing() -> Setup {
    Setup { core: KEY_LINE, priority: [1, 0], ..Setup::default() }
}

fn authentication(pair: &Pair, side: Side) -> Authentication {
    status(pair, side).authentication.unwrap()
}

fn status(pair: &Pair, side: Side) -> DaemonStatus {
    let config = pair[side].files.config();
    let (_, text, complaint) = ctl(["status", "--json", "--config", config.to_str().unwrap()]);
    serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}{complaint}"))
}

/// Both sides know that the other one signs.
fn wait_signed(pair: &Pair) {
    for side in [Side::A, Side::B] {
        wait_for("the peer to sign", AT_ONCE, || authentication(pair, side).peer_key);
    }
}

#[test]
fn forged_datagrams_do_nothing_in_enforce() {
    let mut pair = keyed(enforcing());
    pair.start(Side::A);
    wait_signed(&pair);
    let before = authentication(&pair, Side::B).refused;
    forge_everything(&pair);
    let after = authentication(&pair, Side::B);
    assert!(after.refused > before + 400, "{after:?}");
    assert_eq!(after.last_refusal.as_deref(), Some("it is not signed"));
    let lines = pair[Side::B].log.lines().iter().filter(|line| line.contains("does not count")).count();
    assert!(lines <= 2, "a flood writes no lines: {lines}");
}

/// HOTT after a death would hide it.
#[test]
fn a_forger_cannot_hide_a_death() {
    let mut pair = keyed(Setup { timeout: 1.0, ..enforcing() });
    pair.start(Side::A);
    wait_signed(&pair);
    a_death_is_not_hidden(&mut pair);
}

/// The daemons' own words, taken from the wire and sent again, after a restart too.
#[test]
fn a_recording_does_nothing() {
    let mut pair = keyed(Setup { timeout: 1.0, ..enforcing() });
    // A run of side A beside somebody who only listens.
    let listener = UdpSocket::bind((pair[Side::B].address, PORT)).unwrap();
    listener.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    pair.start_daemon(Side::A);
    pair[Side::A].start_app("");
    let mut buffer = [0; 2000];
    let recording: Vec<Vec<u8>> = (0..20)
        .map(|_| {
            let (length, _) = listener.recv_from(&mut buffer).unwrap();
            buffer[..length].to_vec()
        })
        .collect();
    assert!(recording.iter().all(|datagram| String::from_utf8_lossy(datagram).contains("\"auth\": \"1.")));
    drop(listener);
    pair.start_daemon(Side::B);
    pair[Side::B].start_app("--start-as standby");
    pair.wait_settled(Side::A, Duration::from_secs(2));
    pair.forget();
    let forger = Forger::against(&pair, Side::B);
    for _ in 0..20 {
        recording.iter().for_each(|datagram| drop(forger.socket.send_to(datagram, forger.victim)));
    }
    pair.stays();
    for side in [Side::A, Side::B] {
        assert_eq!(pair[side].log.transitions(), []);
    }
    assert!(authentication(&pair, Side::B).refused >= 300);
}

fn edit(pair: &Pair, side: Side, from: &str, to: &str) -> PathBuf {
    let file = pair[side].files.config();
    let old = fs::read_to_string(&file).unwrap();
    let new = old.replace(from, to);
    assert_ne!(old, new, "nothing was changed");
    fs::write(&file, new).unwrap();
    file
}

fn reload(pair: &Pair, side: Side) -> (i32, String) {
    let file = pair[side].files.config();
    let (status, text, complaint) = ctl(["reload", "--config", file.to_str().unwrap()]);
    (status, text + &complaint)
}

#[track_caller]
fn reloads(pair: &Pair, side: Side) {
    let (status, text) = reload(pair, side);
    assert_eq!(status, 0, "{text}");
}

/// Off, receive-only, enforce, and to another key, host by host, while the pair serves.
#[test]
fn a_living_pair_gets_a_key_and_then_another_one() {
    const BOTH: [Side; 2] = [Side::A, Side::B];
    let mut pair = Pair::new(Setup { heartbeat: 0.05, timeout: 0.5, core: "#key", ..Setup::default() });
    pair.start(Side::A);
    write_keys(&pair, &["00000001"]);
    let line = KEY_LINE.replace("{folder}", pair.folder().to_str().unwrap());
    for side in BOTH {
        edit(&pair, side, "#key", &format!("{line}\nauth-mode = enforce"));
        let (status, text) = reload(&pair, side);
        assert!(status == 78 && text.contains("the peer does not sign its messages yet"), "{text}");
        edit(&pair, side, "auth-mode = enforce", "auth-mode = receive-only");
        reloads(&pair, side);
    }
    wait_signed(&pair);
    for side in BOTH {
        edit(&pair, side, "auth-mode = receive-only", "auth-mode = enforce");
        reloads(&pair, side);
    }
    // One file for both here: each step is still a reload of one side after the other.
    for names in [["00000001", "00000002"].as_slice(), &["00000002", "00000001"], &["00000002"]] {
        if names.len() == 1 {
            for side in BOTH {
                wait_for("the peer to sign with the new key", AT_ONCE, || {
                    (authentication(&pair, side).peer_key.as_deref() == Some("00000002")).then_some(())
                });
            }
        }
        write_keys(&pair, names);
        BOTH.iter().for_each(|side| reloads(&pair, *side));
    }
    pair.stays_for(1.0);
    for side in BOTH {
        let about = authentication(&pair, side);
        assert_eq!((about.mode.as_str(), about.refused), ("enforce", 0), "{about:?}");
        assert_eq!(about.peer_key.as_deref(), Some("00000002"));
        assert_eq!(pair[side].log.transitions(), [], "{}", pair[side].log.text());
        pair.journal.expect(side, &[]);
    }
    // The peer signs with this key.
    write_keys(&pair, &["00000003"]);
    let (status, text) = reload(&pair, Side::A);
    assert!(status == 78 && text.contains("the peer signs with the key 00000002"), "{text}");
}

/// The new key is put first on one host before the other one has it at all.
#[test]
fn a_new_key_signs_as_soon_as_both_hosts_have_it_in_whatever_order() {
    const ONE: &str = "00000001";
    const TWO: &str = "00000002";
    let core = "auth-key-file = {folder}/{own}.key";
    let mut pair =
        Pair::new(Setup { heartbeat: 0.1, timeout: 1.0, core, priority: [1, 0], ..Setup::default() });
    for file in ["1.key", "2.key"] {
        write_key_file(&pair, file, &[ONE]);
    }
    pair.start(Side::A);
    wait_signed(&pair);
    write_key_file(&pair, "1.key", &[TWO, ONE]);
    reloads(&pair, Side::A);
    pair[Side::A].log.wait("the key 00000002 signs as soon as the peer shows that it has it", AT_ONCE);
    pair[Side::B].log.wait("signed with the key 00000002, which is not in `auth-key-file`", AT_ONCE * 2);
    pair.stays_for(1.5);
    let own_key = |pair: &Pair, side| authentication(pair, side).key;
    assert_eq!(own_key(&pair, Side::A).as_deref(), Some(ONE));

    write_key_file(&pair, "2.key", &[ONE, TWO]);
    reloads(&pair, Side::B);
    pair[Side::A].log.wait("signed with the key 00000002 from now on", AT_ONCE * 3);
    wait_for("the new key to sign", AT_ONCE, || {
        (authentication(&pair, Side::B).peer_key.as_deref() == Some(TWO)).then_some(())
    });
    assert_eq!(own_key(&pair, Side::B).as_deref(), Some(ONE), "both are believed");
    pair.stays();
    for side in [Side::A, Side::B] {
        assert_eq!(pair[side].log.transitions(), [], "{}", pair[side].log.text());
    }
}

/// A host that fails and comes back is heard by its peer at once.
#[test]
fn a_restart_does_not_disturb_a_pair_with_a_key() {
    let mut pair = keyed(enforcing());
    pair.start(Side::A);
    wait_signed(&pair);
    the_standby_host_dies_and_comes_back(&mut pair);
}

/// A peer of the version before, or without the key: in receive-only and permissive the pair goes on, in both directions.
#[test]
fn a_peer_without_a_key_is_believed_until_it_is_demanded() {
    for mode in ["receive-only", "permissive"] {
        let mut pair = keyed(Setup { core: "#key", ..Setup::default() });
        let line = KEY_LINE.replace("{folder}", pair.folder().to_str().unwrap());
        edit(&pair, Side::A, "#key", &format!("{line}\nauth-mode = {mode}"));
        pair.start(Side::A);
        pair.stays();
        // It names its run.
        forge_everything(&pair);
        pair[Side::A].page("?failover=service");
        pair.settles(Side::B, Duration::ZERO);
        let about = authentication(&pair, Side::A);
        assert_eq!((about.refused, about.peer_key), (0, None));
    }
}

/// In permissive a peer that has signed goes on signing: three unsigned words take that away from nobody (W4).
#[test]
fn a_peer_that_has_signed_is_not_downgraded() {
    let mut pair =
        keyed(Setup { core: "auth-key-file = {folder}/peer.key\nauth-mode = permissive", ..enforcing() });
    pair.start(Side::A);
    wait_signed(&pair);
    let forger = Forger::against(&pair, Side::B);
    for _ in 0..5 {
        forger.say("FAIL", 0, 0, None);
    }
    pair.stays();
    assert_eq!(pair[Side::B].log.transitions(), []);
    assert!(authentication(&pair, Side::B).refused >= 5);
}

/// A legacy peer gets the bytes that it always got, whatever the mode on the way to a key.
#[test]
fn a_legacy_peer_gets_the_bytes_that_it_always_got() {
    let said = |core: &'static str| {
        let mut pair = keyed(Setup { core, ..Setup::default() });
        let peer = UdpSocket::bind((pair[Side::B].address, PORT)).unwrap();
        peer.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        pair.start_daemon(Side::A);
        let daemon = (pair[Side::A].address, PORT);
        let mut buffer = [0; 2000];
        let mut words = Vec::new();
        while words.len() < 8 {
            let text = format!(
                "{{\"status\":\"STBY\",\"random\":0,\"resource\":\"{RESOURCE}\",\"priority\":0,\"type\":\"schrittmacher\"}}"
            );
            peer.send_to(text.as_bytes(), daemon).unwrap();
            let (length, _) = peer.recv_from(&mut buffer).unwrap();
            words.push(String::from_utf8(buffer[..length].to_vec()).unwrap());
        }
        words
            .into_iter()
            .map(|word| word.replace(&pair[Side::A].address.to_string(), "A"))
            .collect::<Vec<_>>()
    };
    let plain = said("");
    let on_the_way = said("auth-key-file = {folder}/peer.key\nauth-mode = permissive");
    assert_eq!(plain.last(), on_the_way.last());
    assert!(!plain.last().unwrap().contains("heartbeat-ms"), "it has noticed that the peer is a legacy one");
}

/// A reload may change it.
#[test]
fn the_status_names_the_security_that_is_in_force() {
    let mut pair =
        keyed(Setup { core: "auth-key-file = {folder}/peer.key\nhttp-control = none", ..enforcing() });
    pair.start_daemon(Side::A);
    pair[Side::A].log.wait("control socket", AT_ONCE);
    assert_eq!(status(&pair, Side::A).security, "legacy");
    edit(&pair, Side::A, "security = legacy", "security = strict");
    pair[Side::A].daemon().signal(Signal::SIGHUP);
    wait_for("strict to be in force", AT_ONCE, || {
        (status(&pair, Side::A).security == "strict").then_some(())
    });
}

#[test]
fn the_status_says_what_a_message_of_the_peer_has_to_have() {
    let setups = [
        (Setup { core: "extensions = off", ..Setup::default() }, PeerProof::Address),
        (Setup::default(), PeerProof::Run),
        (enforcing(), PeerProof::Signature),
    ];
    for (setup, proof) in setups {
        let mut pair = keyed(setup);
        pair.start(Side::A);
        wait_for("the proof", AT_ONCE, || (status(&pair, Side::B).peer.proof == proof).then_some(()));
        // While it is silent an older version may take its place, unless there is a key.
        pair[Side::A].kill();
        let silent = if proof == PeerProof::Run { PeerProof::Address } else { proof };
        let timeout = pair.timeout();
        wait_for("the proof", timeout, || {
            let peer = status(&pair, Side::B).peer;
            (!peer.heard && peer.proof == silent).then_some(())
        });
    }
}
