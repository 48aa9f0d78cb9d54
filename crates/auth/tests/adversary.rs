//! Somebody who sees, holds back, repeats, reorders and changes every datagram between two daemons, but has no key.
//!
//! The world keeps every datagram that was ever sent. A step delivers any of them, to either side, or restarts a side.

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use schrittmacher_auth::{Ends, Keys, Nonce, Opened, Refusal, Session, Why};

const SECRET: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
/// The names of the keys that operators give to either side.
const NAMES: [&str; 3] = ["key00001", "key00002", "key00003"];
const SLOTS: usize = 3;

fn keys() -> Keys {
    key_file(&[0])
}

/// A file with these keys in this order.
fn key_file(order: &[usize]) -> Keys {
    let line = |name: &usize| format!("{} {SECRET}0{name}\n", NAMES[*name]);
    Keys::parse(order.iter().map(line).collect::<String>().as_bytes()).expect("a good key file")
}

fn ends(side: usize) -> Ends {
    let address = |side| [127, 0, 0, [2, 3][side]].into();
    Ends { local: address(side), remote: address(1 - side), port: 7700 }
}

/// A datagram on the wire; those of one resource in the order in which they were written.
#[derive(Clone)]
struct Sent {
    bytes: Vec<u8>,
    /// `None`: a greeting.
    slot: Option<usize>,
}

struct World {
    sessions: [Session; 2],
    nonces: u8,
    now: Duration,
    /// Everything that each side has ever sent.
    wire: [Vec<Sent>; 2],
    /// The place on the wire of the last datagram of each resource that counted, by receiver.
    taken: [[Option<usize>; SLOTS]; 2],
}

impl World {
    fn new() -> World {
        let session = |side, nonce| Session::new(&keys(), ends(side), Nonce([nonce; 16]));
        World {
            sessions: [session(0, 0), session(1, 1)],
            nonces: 1,
            now: Duration::ZERO,
            wire: [Vec::new(), Vec::new()],
            taken: [[None; SLOTS]; 2],
        }
    }

    fn nonce(&mut self) -> Nonce {
        self.nonces += 1;
        Nonce([self.nonces; 16])
    }

    fn restart(&mut self, side: usize) {
        self.sessions[side] = Session::new(&keys(), ends(side), self.nonce());
    }

    fn renew(&mut self, side: usize) {
        let nonce = self.nonce();
        self.sessions[side].renew(nonce);
    }

    fn send(&mut self, side: usize, slot: usize) {
        let mut bytes = format!("{{\n  \"status\": \"HOTT\",\n  \"resource\": \"r{slot}\"\n}}").into_bytes();
        self.sessions[side].sign(&mut bytes, self.now);
        self.wire[side].push(Sent { bytes, slot: Some(slot) });
    }

    /// Gives a datagram that `1 - side` has sent to `side`, which takes it or not.
    fn deliver(&mut self, side: usize, at: usize) -> bool {
        self.now += Duration::from_millis(7);
        let Sent { bytes, slot } = self.wire[1 - side][at].clone();
        match self.sessions[side].open(&bytes, self.now) {
            Ok(opened) => {
                if self.sessions[side].needs_nonce() {
                    self.renew(side);
                }
                while let Some(bytes) = self.sessions[side].greeting(self.now) {
                    self.wire[side].push(Sent { bytes, slot: None });
                }
                assert_eq!(opened.is_greeting, slot.is_none());
                let Some(slot) = slot else { return false };
                let counts = self.sessions[side].is_newest(slot, opened);
                if counts {
                    self.taken[side][slot] = Some(at);
                }
                counts
            }
            Err(Refusal { answer, .. }) => {
                if let Some(answer) = answer {
                    assert!(answer.len() <= bytes.len(), "an answer is never longer than what came");
                    self.wire[side].push(Sent { bytes: answer, slot: None });
                }
                if self.sessions[side].needs_nonce() {
                    self.renew(side);
                }
                false
            }
        }
    }

    /// Sends and delivers in order for some rounds, everything that is new. Whether both are heard in the last one.
    fn honest_rounds(&mut self, rounds: usize) -> bool {
        let mut heard = [false; 2];
        for _ in 0..rounds {
            heard = [false; 2];
            self.now += Duration::from_millis(500);
            let mut next = [self.wire[0].len(), self.wire[1].len()];
            for side in 0..2 {
                self.send(side, 0);
            }
            while next != [self.wire[0].len(), self.wire[1].len()] {
                for side in 0..2 {
                    let from = next[1 - side];
                    next[1 - side] = self.wire[1 - side].len();
                    for at in from..next[1 - side] {
                        heard[side] |= self.deliver(side, at);
                    }
                }
            }
        }
        heard == [true; 2]
    }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Send(usize, usize),
    /// The newest one.
    Deliver(usize),
    /// Any old one, by its age among all.
    Repeat(usize, prop::sample::Index),
    Restart(usize),
    Renew(usize),
    /// To the state of a while ago, as a virtual machine is.
    SetBack(usize),
    KeepState(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let side = || 0..2usize;
    prop_oneof![
        6 => (side(), 0..SLOTS).prop_map(|(side, slot)| Step::Send(side, slot)),
        6 => side().prop_map(Step::Deliver),
        6 => (side(), any::<prop::sample::Index>()).prop_map(|(side, index)| Step::Repeat(side, index)),
        1 => side().prop_map(Step::Restart),
        1 => side().prop_map(Step::Renew),
    ]
}

fn step_or_set_back() -> impl Strategy<Value = Step> {
    let side = || 0..2usize;
    prop_oneof![8 => step(), 1 => side().prop_map(Step::SetBack), 1 => side().prop_map(Step::KeepState)]
}

/// Runs the steps; `check` sees each datagram that was taken: receiver, place on the wire, the one before.
fn run(world: &mut World, steps: &[Step], mut check: impl FnMut(usize, usize, Option<usize>)) {
    let mut kept = world.sessions.clone();
    for step in steps {
        match *step {
            Step::Send(side, slot) => world.send(side, slot),
            Step::Deliver(side) | Step::Repeat(side, _) => {
                let length = world.wire[1 - side].len();
                if length == 0 {
                    continue;
                }
                let at = if let Step::Repeat(_, index) = step { index.index(length) } else { length - 1 };
                let before = world.wire[1 - side][at].slot.and_then(|slot| world.taken[side][slot]);
                if world.deliver(side, at) {
                    check(side, at, before);
                }
            }
            Step::Restart(side) => world.restart(side),
            Step::Renew(side) => world.renew(side),
            Step::SetBack(side) => world.sessions[side] = kept[side].clone(),
            Step::KeepState(side) => kept[side] = world.sessions[side].clone(),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Of each resource, everything that counts was written after everything that counted before: nothing is ever taken
    /// twice, late, or out of a recording, whatever restarts.
    #[test]
    fn only_newer_datagrams_count(steps in vec(step(), 0..120)) {
        let mut world = World::new();
        run(&mut world, &steps, |_, at, before| assert!(before < Some(at), "{before:?} then {at}"));
    }

    /// Nothing that somebody without the key does keeps two sides apart once he stops, even if a side was set back.
    #[test]
    fn both_are_heard_again_after_anything(steps in vec(step_or_set_back(), 0..120)) {
        let mut world = World::new();
        run(&mut world, &steps, |_, _, _| {});
        prop_assert!(world.honest_rounds(5));
    }

    /// Two operators exchange keys in any order, each with any file that a reload takes: it has the key that the peer signs with.
    /// Not one heartbeat is lost.
    #[test]
    fn no_order_of_new_keys_makes_a_gap(
        files in vec((0..2usize, Just(vec![0, 1, 2]).prop_shuffle(), 1..=3usize), 0..20)
    ) {
        let mut world = World::new();
        prop_assert!(world.honest_rounds(2));
        for (side, order, length) in files {
            let order = &order[..length];
            let in_use = world.sessions[side].peer_key().unwrap().to_string();
            if order.iter().any(|name| NAMES[*name] == in_use) {
                world.sessions[side].set_keys(&key_file(order));
            }
            for _ in 0..3 {
                prop_assert!(world.honest_rounds(1), "side {side} has {order:?}");
            }
        }
    }

    /// A changed, cut or reflected datagram never counts.
    #[test]
    fn a_changed_datagram_is_no_datagram(at in any::<prop::sample::Index>(), bit in 0..8u8, cut in 0..20usize) {
        let mut world = World::new();
        prop_assert!(world.honest_rounds(2));
        world.send(0, 0);
        let good = world.wire[0].pop().unwrap().bytes;
        let mut bad = good.clone();
        bad[at.index(good.len())] ^= 1 << bit;
        let why = |result: Result<Opened, Refusal>| result.unwrap_err().why;
        let found = why(world.sessions[1].open(&bad, world.now));
        prop_assert!(matches!(found, Why::Forged | Why::Unsigned | Why::UnknownKey(_)), "{found:?}");
        prop_assert_eq!(why(world.sessions[1].open(&good[..good.len() - 1 - cut], world.now)), Why::Unsigned);
        prop_assert_eq!(why(world.sessions[0].open(&good, world.now)), Why::Forged);
        prop_assert!(world.sessions[1].open(&good, world.now).is_ok());
    }

    #[test]
    fn no_bytes_are_a_panic(bytes in vec(any::<u8>(), 0..400), end in any::<bool>()) {
        let mut world = World::new();
        let mut bytes = bytes;
        if end {
            world.send(0, 0);
            bytes.extend(&world.wire[0][0].bytes);
        }
        prop_assert!(world.sessions[1].open(&bytes, world.now).is_err());
    }
}
