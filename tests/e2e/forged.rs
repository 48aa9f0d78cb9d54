//! Forged datagrams of the peer (door-13), without a key: what somebody can do who sends with its address and cannot read what
//! the daemons say. `authentication.rs` has the same with a key.
//!
//! A forged datagram needs the peer's address alone. Here it comes from another socket of that address.

use std::net::{SocketAddr, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use schrittmacher_harness::{AT_ONCE, PORT, Pair, RESOURCE, Setup, Side};

/// Two runs that nobody has drawn.
const GUESS: &str = "0123456789abcdef 00000000000000ff";

/// Somebody who sends with the address of the peer of `victim`.
pub struct Forger {
    pub socket: UdpSocket,
    pub victim: SocketAddr,
}

impl Forger {
    pub fn against(pair: &Pair, victim: Side) -> Forger {
        let socket = UdpSocket::bind((pair[victim.other()].address, 0)).unwrap();
        Forger { socket, victim: (pair[victim].address, PORT).into() }
    }

    /// Says this as a daemon of ours, and names these runs.
    pub fn say(&self, code: &str, random: u32, priority: i32, run: Option<&str>) {
        let run = run.map(|run| format!(",\"run\":\"{run}\"")).unwrap_or_default();
        let text = format!(
            "{{\"status\":\"{code}\",\"random\":{random},\"resource\":\"{RESOURCE}\",\"reason\":\"\",\
             \"priority\":{priority},\"type\":\"schrittmacher\",\"heartbeat-ms\":200{run}}}"
        );
        self.socket.send_to(text.as_bytes(), self.victim).unwrap();
    }

    /// Says these codes for two seconds, each this often a second.
    pub fn keep_saying(&self, words: Words, rate: u32) {
        let end = Instant::now() + Duration::from_secs(2);
        for run in [None, Some("0123456789abcdef"), Some(GUESS)].into_iter().cycle() {
            if Instant::now() >= end {
                return;
            }
            words.iter().for_each(|(code, random, priority)| self.say(code, *random, *priority, run));
            thread::sleep(Duration::from_secs(1) / rate);
        }
    }
}

/// Words that somebody forges: code, random number and priority of each.
type Words = &'static [(&'static str, u32, i32)];

/// Each row of the table of forged datagrams in `docs/threat-model.md`: the words, how often a second, and to whom.
const FORGERIES: [(Words, u32, &[Side]); 9] = [
    (&[("FAIL", 0, 0)], 1, &[Side::B]),
    (&[("FOVR", 0, 0)], 1, &[Side::B]),
    (&[("FAIL", 0, 0)], 10, &[Side::B]),
    (&[("TREQ", u32::MAX, 0)], 1, &[Side::A]),
    (&[("TREQ", u32::MAX, 0)], 10, &[Side::A, Side::B]),
    (&[("HOTT", 0, i32::MAX), ("TREQ", 7, i32::MAX), ("TREJ", 0, i32::MAX)], 10, &[Side::A]),
    (&[("STBY", 0, 0), ("TCNF", 0, 0)], 200, &[Side::B]),
    (&[("TCNF", 0, 0)], 10, &[Side::A, Side::B]),
    (&[("UNK", u32::MAX - 1, 0)], 500, &[Side::A, Side::B]),
];

/// Sends every row of the table at once: nothing follows.
pub fn forge_everything(pair: &Pair) {
    thread::scope(|scope| {
        for (words, rate, victims) in FORGERIES {
            for victim in victims {
                let forger = Forger::against(pair, *victim);
                scope.spawn(move || forger.keep_saying(words, rate));
            }
        }
    });
    pair.stays();
    for side in [Side::A, Side::B] {
        assert_eq!(pair[side].log.transitions(), []);
        pair.journal.expect(side, &[]);
    }
}

/// The priority says which side serves, so that A's orders are not those of another start.
fn plain() -> Setup {
    Setup { priority: [1, 0], ..Setup::default() }
}

/// Both sides have heard each other name their runs.
fn started(setup: Setup) -> Pair {
    let mut pair = Pair::new(setup);
    pair.start(Side::A);
    pair.stays();
    pair
}

/// In each mode that believes a peer without a signature.
#[test]
fn forged_datagrams_do_nothing_between_two_that_name_their_runs() {
    let mut pair = started(plain());
    forge_everything(&pair);
    for side in [Side::A, Side::B] {
        let lines = pair[side].log.lines().iter().filter(|line| line.contains("does not count")).count();
        assert_eq!(lines, 1, "a flood writes no lines: {}", pair[side].log.text());
    }
    // The pair is not deaf for that.
    pair[Side::A].page("?failover=service");
    pair.settles(Side::B, Duration::ZERO);
    pair[Side::B].kill();
    pair.wait_hot(Side::A, pair.timeout());
}

/// A peer that names no run may be forged: the test above would notice.
#[test]
fn without_runs_one_forged_datagram_makes_both_hot() {
    let mut pair = Pair::new(Setup { core: "extensions = off", ..Setup::default() });
    pair.start(Side::A);
    Forger::against(&pair, Side::B).say("FAIL", 0, 0, None);
    pair[Side::B].log.wait("transiting_to_hot", AT_ONCE);
}

#[test]
fn who_cannot_read_cannot_hide_a_death() {
    let mut pair = started(Setup { timeout: 1.0, ..plain() });
    a_death_is_not_hidden(&mut pair);
}

/// Host A, which is hot, dies, and somebody goes on saying HOTT in its name.
pub fn a_death_is_not_hidden(pair: &mut Pair) {
    let forger = Forger::against(pair, Side::B);
    pair[Side::A].kill();
    thread::scope(|scope| {
        scope.spawn(|| forger.keep_saying(&[("HOTT", 0, 0)], 10));
        pair.wait_hot(Side::B, pair.timeout());
    });
}

/// Its next run names no run of its peer before it has heard it.
#[test]
fn a_killed_daemon_is_heard_again_at_once() {
    the_standby_host_dies_and_comes_back(&mut started(plain()));
}

/// Twice. It disturbs nobody, and takes the role when it is told to.
pub fn the_standby_host_dies_and_comes_back(pair: &mut Pair) {
    for _ in 0..2 {
        pair[Side::B].kill();
        pair.forget();
        pair.start_daemon(Side::B);
        pair[Side::B].start_app("--start-as standby");
        pair.wait_settled(Side::A, AT_ONCE);
        // Its commands are over when the next daemon begins.
        pair.journal.expect_unordered(Side::B, &["stop", "deactivate"]);
        assert_eq!(pair[Side::A].log.transitions(), []);
    }
    pair[Side::A].page("?failover=service");
    pair.settles(Side::B, Duration::ZERO);
}

/// A daemon of the version before is ours and names no run. It comes by an orderly end of the one that did.
#[test]
fn a_peer_of_the_version_before_is_believed() {
    let pair = started(plain());
    pair[Side::B].daemon().signal(Signal::SIGTERM);
    assert_eq!(pair[Side::B].daemon().wait_code(AT_ONCE), 0);
    let older = Forger::against(&pair, Side::A);
    older.say("STBY", 0, 0, None);
    older.say("TREQ", u32::MAX, 0, None);
    pair[Side::A].log.wait("Standby", AT_ONCE);
    older.say("FOVR", 0, 0, None);
    pair.wait_hot(Side::A, AT_ONCE);
}
