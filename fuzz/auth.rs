//! The link between two daemons that share a key, and somebody on it who has none: `schrittmacher_auth`, and what is read
//! behind it.
//!
//! The first byte says what the rest is: any bytes as a datagram, changes to a good one, the text of a key file, the content
//! of a signed datagram, or steps of two daemons and of the one between them.
#![no_main]

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use schrittmacher_auth::{Ends, Keys, Nonce, ROOM, Session};
use schrittmacher_fuzz::bytes::Bytes;
use schrittmacher_wire::PeerDatagram;

const KEY: &str = "key00001 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
/// The answer to a question, and a question of its own.
const GREETINGS_MAX: usize = 2;
const NOW: Duration = Duration::from_secs(1);

fuzz_target!(|input: &[u8]| {
    let Some((&kind, rest)) = input.split_first() else { return };
    match kind % 5 {
        0 => assert!(pair()[1].open(rest, NOW).is_err(), "nobody without the key can write this"),
        1 => changed(rest),
        2 => key_file(rest),
        3 => signed(rest),
        _ => steps(rest),
    }
});

const NEWER: &str = "key00002 202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f";

fn session(side: u8, nonce: u8) -> Session {
    session_with(KEY, side, nonce)
}

/// A key is being replaced: each side has both, and the newer one comes first where it has come already.
fn rotating(side: u8, nonce: u8, is_newer_first: bool) -> Session {
    let keys = if is_newer_first { [NEWER, KEY] } else { [KEY, NEWER] };
    session_with(&keys.join("\n"), side, nonce)
}

fn session_with(keys: &str, side: u8, nonce: u8) -> Session {
    let keys = Keys::parse(keys.as_bytes()).expect("a good key file");
    let address = |side| [10, 9, 0, 1 + side].into();
    Session::new(
        &keys,
        Ends { local: address(side), remote: address(1 - side), port: 7700 },
        Nonce([nonce; 16]),
    )
}

/// Two sessions that know each other.
fn pair() -> [Session; 2] {
    let mut pair = [session(0, 1), session(1, 2)];
    for from in [0, 1, 0] {
        let datagram = sign(&mut pair[from], b"");
        drop(pair[1 - from].open(&datagram, NOW));
    }
    pair
}

fn sign(session: &mut Session, content: &[u8]) -> Vec<u8> {
    let mut datagram = [b"{\n  \"status\": \"HOTT\", \"resource\": \"r\"", content, b"\n}"].concat();
    session.sign(&mut datagram, NOW);
    datagram
}

/// Pairs of bytes: where a good datagram is changed, and by what.
fn changed(changes: &[u8]) {
    let mut pair = pair();
    let good = sign(&mut pair[0], b"");
    let mut bad = good.clone();
    for &[at, by] in changes.as_chunks::<2>().0 {
        let at = usize::from(at) % bad.len();
        bad[at] ^= by;
    }
    assert_eq!(pair[1].open(&bad, NOW).is_ok(), bad == good, "{}", String::from_utf8_lossy(&bad));
}

fn key_file(text: &[u8]) {
    match Keys::parse(text) {
        Ok(keys) => {
            let mut ids: Vec<_> = keys.ids().collect();
            assert!((1..=16).contains(&ids.len()));
            ids.sort();
            ids.dedup();
            assert_eq!(ids.len(), keys.ids().count(), "a name twice");
        }
        Err(error) => {
            assert!(error.line >= 1 && error.line <= 1 + text.iter().filter(|b| **b == b'\n').count());
        }
    }
}

/// A holder of the key may write anything, and it is read as without a signature, or refused.
fn signed(content: &[u8]) {
    let mut pair = pair();
    let datagram = sign(&mut pair[0], content);
    assert_eq!(datagram.len(), sign(&mut session(0, 9), content).len());
    assert!(datagram.len() > ROOM && pair[1].open(&datagram, NOW).is_ok());
    if let Ok(signed) = PeerDatagram::parse(&datagram, true) {
        assert_eq!(signed, PeerDatagram::parse(&datagram, false).expect("no less than with a signature"));
    }
}

/// Whatever is repeated, overtaken or restarted: a message counts only after all that counted before it.
fn steps(input: &[u8]) {
    let mut sessions = [rotating(0, 1, false), rotating(1, 2, false)];
    let mut nonce = 2;
    let mut wire: [Vec<(Vec<u8>, bool)>; 2] = [Vec::new(), Vec::new()];
    let mut taken = [None; 2];
    let mut bytes = Bytes::new(input);
    let mut now = NOW;
    while let Some(step) = bytes.step().filter(|_| nonce < u8::MAX) {
        now += step.wait;
        let side = usize::from(step.a % 2);
        match step.what % 8 {
            0..=2 => {
                let datagram = sign(&mut sessions[side], b"");
                wire[side].push((datagram, true));
            }
            3..=6 => {
                let Some(last) = wire[1 - side].len().checked_sub(1) else { continue };
                let at = last.saturating_sub(usize::from(step.b));
                let (datagram, is_message) = wire[1 - side][at].clone();
                match sessions[side].open(&datagram, now) {
                    Ok(opened) => {
                        assert_eq!(opened.is_greeting, !is_message);
                        if is_message && sessions[side].is_newest(0, opened) {
                            assert!(taken[side] < Some(at), "{:?}, then {at}", taken[side]);
                            taken[side] = Some(at);
                        }
                        let greetings: Vec<_> = std::iter::from_fn(|| sessions[side].greeting(now))
                            .take(GREETINGS_MAX + 1)
                            .collect();
                        assert!(greetings.len() <= GREETINGS_MAX, "one datagram provokes a flood");
                        wire[side].extend(greetings.into_iter().map(|greeting| (greeting, false)));
                    }
                    Err(refusal) => wire[side].extend(refusal.answer.map(|answer| (answer, false))),
                }
            }
            _ => {
                nonce += 1;
                if step.b % 2 == 0 {
                    sessions[side] = rotating(u8::from(side == 1), nonce, step.b % 4 == 0);
                } else {
                    sessions[side].renew(Nonce([nonce; 16]));
                }
            }
        }
        for session in &mut sessions {
            if session.needs_nonce() {
                nonce += 1;
                session.renew(Nonce([nonce; 16]));
            }
        }
    }
}
