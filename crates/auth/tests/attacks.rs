//! Each attack on the list of `docs/adr/0025-authentication.md`, step by step.

use std::time::Duration;

use schrittmacher_auth::{Ends, Keys, Nonce, Session, Why};

const FIRST: &str = "key00001 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
const SECOND: &str = "key00002 202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f";
const NOW: Duration = Duration::from_secs(100);

fn keys(lines: &[&str]) -> Keys {
    Keys::parse(lines.join("\n").as_bytes()).expect("a good key file")
}

fn ends(local: u8, remote: u8) -> Ends {
    Ends { local: [127, 0, 0, local].into(), remote: [127, 0, 0, remote].into(), port: 7700 }
}

fn a(nonce: u8) -> Session {
    Session::new(&keys(&[FIRST]), ends(2, 3), Nonce([nonce; 16]))
}

fn b(nonce: u8) -> Session {
    Session::new(&keys(&[FIRST]), ends(3, 2), Nonce([nonce; 16]))
}

fn heartbeat(session: &mut Session) -> Vec<u8> {
    let mut datagram = b"{\n  \"status\": \"HOTT\",\n  \"resource\": \"r\",\n  \"priority\": 0\n}".to_vec();
    session.sign(&mut datagram, NOW);
    datagram
}

/// Whether the datagram counts as a message for resource 0, or why not; with the answer.
fn hear(session: &mut Session, datagram: &[u8]) -> (Result<bool, Why>, Option<Vec<u8>>) {
    hear_at(session, datagram, NOW)
}

fn hear_at(session: &mut Session, datagram: &[u8], now: Duration) -> (Result<bool, Why>, Option<Vec<u8>>) {
    match session.open(datagram, now) {
        Ok(opened) => (Ok(!opened.is_greeting && session.is_newest(0, opened)), None),
        Err(refusal) => (Err(refusal.why), refusal.answer),
    }
}

/// A heartbeat each way, and the answers to it.
fn exchange(a: &mut Session, b: &mut Session) {
    let (from_a, from_b) = (heartbeat(a), heartbeat(b));
    let answers = (hear(a, &from_b).1, hear(b, &from_a).1);
    answers.0.map(|answer| hear(b, &answer));
    answers.1.map(|answer| hear(a, &answer));
}

/// Afterwards both count.
fn introduce(a: &mut Session, b: &mut Session) {
    (0..3).for_each(|_| exchange(a, b));
    assert_eq!(hear(a, &heartbeat(b)).0, Ok(true));
    assert_eq!(hear(b, &heartbeat(a)).0, Ok(true));
}

fn pair() -> (Session, Session) {
    let (mut a, mut b) = (a(1), b(2));
    introduce(&mut a, &mut b);
    (a, b)
}

#[test]
fn text_behind_the_signature_is_not_signed() {
    let (mut a, mut b) = pair();
    let good = heartbeat(&mut a);
    let inside = good.strip_suffix(b"\n}").unwrap();
    let member = &b",\n  \"status\": \"FAIL\"\n}"[..];
    assert_eq!(hear(&mut b, &[inside, member].concat()).0, Err(Why::Unsigned));
    assert_eq!(hear(&mut b, &[&good[..], b" "].concat()).0, Err(Why::Unsigned));
    // Nor before it, nor instead of a member.
    let text = String::from_utf8(good.clone()).unwrap();
    for forged in [text.replace("HOTT", "FAIL"), text.replacen('{', "{\n  \"status\": \"FAIL\",", 1)] {
        assert_eq!(hear(&mut b, forged.as_bytes()).0, Err(Why::Forged));
    }
    assert_eq!(hear(&mut b, &good).0, Ok(true));
}

#[test]
fn a_datagram_counts_once_and_never_behind_a_newer_one() {
    let (mut a, mut b) = pair();
    let (first, second) = (heartbeat(&mut a), heartbeat(&mut a));
    assert_eq!(hear(&mut b, &second).0, Ok(true));
    assert_eq!(hear(&mut b, &second).0, Ok(false), "it was repeated");
    assert_eq!(hear(&mut b, &first).0, Ok(false), "it was held back");
}

/// Those of another resource may overtake: only one resource's order means anything.
#[test]
fn resources_overtake_each_other() {
    let (mut a, mut b) = pair();
    let [first, second] =
        [heartbeat(&mut a), heartbeat(&mut a)].map(|datagram| b.open(&datagram, NOW).unwrap());
    assert!(b.is_newest(1, second));
    assert!(b.is_newest(0, first));
    assert!(!b.is_newest(1, first));
}

/// A resource that is removed and comes back does not hear its own past.
#[test]
fn a_resource_that_comes_back_begins_now() {
    let (mut a, mut b) = pair();
    let old = heartbeat(&mut a);
    assert_eq!(hear(&mut b, &old).0, Ok(true));
    b.begin(7);
    let opened = b.open(&old, NOW).unwrap();
    assert!(!b.is_newest(7, opened));
    let opened = b.open(&heartbeat(&mut a), NOW).unwrap();
    assert!(b.is_newest(7, opened));
}

#[test]
fn a_reflected_datagram_and_one_of_another_pair_are_forged() {
    let (mut a, mut b) = pair();
    let own = heartbeat(&mut a);
    assert_eq!(hear(&mut a, &own).0, Err(Why::Forged));
    let mut of_others = Session::new(&keys(&[FIRST]), ends(4, 3), Nonce([4; 16]));
    assert_eq!(hear(&mut b, &heartbeat(&mut of_others)).0, Err(Why::Forged));
    let other_port = Ends { port: 7800, ..ends(2, 3) };
    let mut of_others = Session::new(&keys(&[FIRST]), other_port, Nonce([4; 16]));
    assert_eq!(hear(&mut b, &heartbeat(&mut of_others)).0, Err(Why::Forged));
}

#[test]
fn a_recorded_run_is_worthless_after_both_have_restarted() {
    let (mut a1, mut b1) = (a(1), b(2));
    let mut recorded = Vec::new();
    introduce(&mut a1, &mut b1);
    for _ in 0..20 {
        recorded.push((heartbeat(&mut a1), heartbeat(&mut b1)));
    }
    let (mut a2, mut b2) = (a(3), b(4));
    let replay = |a2: &mut Session, b2: &mut Session| {
        for (from_a, from_b) in &recorded {
            assert_eq!(hear(b2, from_a).0, Err(Why::Old));
            assert_eq!(hear(a2, from_b).0, Err(Why::Old));
        }
    };
    replay(&mut a2, &mut b2);
    introduce(&mut a2, &mut b2);
    replay(&mut a2, &mut b2);
}

/// What an earlier start of the peer has said to this very start of ours, and somebody has kept back.
#[test]
fn a_word_that_was_held_back_does_not_displace_a_peer_that_has_restarted() {
    let (mut a, mut b1) = pair();
    let held_back = heartbeat(&mut b1);
    let mut b2 = b(3);
    introduce(&mut a, &mut b2);
    assert_eq!(hear(&mut a, &held_back).0, Err(Why::Retired));
    // Nor if that start was never heard at all.
    let mut unheard = b(4);
    assert_eq!(hear(&mut unheard, &heartbeat(&mut a)).0, Err(Why::Old));
    let held_back = heartbeat(&mut unheard);
    let mut b3 = b(5);
    introduce(&mut a, &mut b3);
    assert_eq!(hear(&mut a, &held_back).0, Err(Why::Old));
    assert_eq!(hear(&mut a, &heartbeat(&mut b3)).0, Ok(true));
}

#[test]
fn a_peer_that_restarts_is_heard_after_one_round_trip() {
    let (mut a, _) = pair();
    let mut b = b(3);
    let (refused, answer) = hear(&mut a, &heartbeat(&mut b));
    assert_eq!(refused, Err(Why::Old), "nobody knows yet whether this is a recording");
    assert_eq!(hear(&mut b, &answer.unwrap()).0, Ok(false), "a greeting is no message");
    assert_eq!(hear(&mut a, &heartbeat(&mut b)).0, Ok(true));
}

#[test]
fn more_restarts_than_are_remembered_draw_a_new_nonce() {
    let mut a = a(1);
    let (mut heard, mut renewals) = (Vec::new(), 0);
    for start in 2..=200 {
        let mut b = b(start);
        for _ in 0..3 {
            exchange(&mut a, &mut b);
            if a.needs_nonce() {
                a.renew(Nonce([255, start, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]));
                renewals += 1;
            }
        }
        introduce(&mut a, &mut b);
        heard.push(heartbeat(&mut b));
    }
    assert_eq!(renewals, 3, "one in 64 restarts");
    heard.pop();
    for datagram in heard {
        assert!(hear(&mut a, &datagram).0.is_err());
    }
}

/// A flood of one recording neither earns more answers than ten a second nor keeps a peer out that restarts.
#[test]
fn a_recording_earns_few_answers_and_keeps_nobody_out() {
    let (_, mut b1) = pair();
    let recorded: Vec<_> = (0..50).map(|_| heartbeat(&mut b1)).collect();
    let mut a2 = a(5);
    let answers = recorded.iter().filter(|datagram| hear(&mut a2, datagram).1.is_some()).count();
    assert_eq!(answers, 1, "within one tenth of a second");
    let mut b2 = b(6);
    let answer = hear(&mut a2, &heartbeat(&mut b2)).1.expect("a living peer is answered all the same");
    assert!(hear(&mut b2, &answer).0.is_ok());
    assert_eq!(hear(&mut a2, &heartbeat(&mut b2)).0, Ok(true));
}

/// A virtual machine that is set back to an earlier state finds it out by what the peer has heard of it.
#[test]
fn a_side_that_was_set_back_finds_out_and_draws_a_new_nonce() {
    let (mut a, mut b) = pair();
    let mut kept = a.clone();
    for _ in 0..5 {
        assert_eq!(hear(&mut b, &heartbeat(&mut a)).0, Ok(true));
    }
    assert_eq!(hear(&mut b, &heartbeat(&mut kept)).0, Ok(false), "its counter was used already");
    assert_eq!(hear(&mut kept, &heartbeat(&mut b)).0, Err(Why::SetBack));
    assert!(kept.needs_nonce());
    kept.renew(Nonce([9; 16]));
    introduce(&mut kept, &mut b);
    assert!(hear(&mut b, &heartbeat(&mut a)).0.is_err(), "what was said before it was set back is over");
}

/// Set back to before a nonce that the peer has given up since.
#[test]
fn a_side_that_was_set_back_to_a_nonce_given_up_finds_out() {
    let (mut a, mut b) = pair();
    let mut kept = a.clone();
    a.renew(Nonce([7; 16]));
    introduce(&mut a, &mut b);
    let (refused, answer) = hear_at(&mut b, &heartbeat(&mut kept), 2 * NOW);
    assert_eq!(refused, Err(Why::Retired));
    assert_eq!(hear(&mut kept, &answer.unwrap()).0, Err(Why::SetBack));
    assert!(kept.needs_nonce());
}

/// Each to a nonce that the other one has given up.
#[test]
fn two_sides_that_were_set_back_find_out() {
    let (mut a, mut b) = pair();
    let mut kept_a = a.clone();
    a.renew(Nonce([7; 16]));
    introduce(&mut a, &mut b);
    let mut kept_b = b.clone();
    b.renew(Nonce([8; 16]));
    introduce(&mut kept_a, &mut b);
    assert_eq!(hear(&mut kept_a, &heartbeat(&mut kept_b)).0, Err(Why::Retired));
    let (refused, answer) = hear_at(&mut kept_b, &heartbeat(&mut kept_a), 2 * NOW);
    assert_eq!(refused, Err(Why::Retired));
    assert_eq!(hear_at(&mut kept_a, &answer.unwrap(), 2 * NOW).0, Err(Why::SetBack));
    assert!(kept_a.needs_nonce());
    kept_a.renew(Nonce([9; 16]));
    (0..3).for_each(|_| exchange(&mut kept_a, &mut kept_b));
    introduce(&mut kept_a, &mut kept_b);
}

/// Heartbeats that are held back, to hide a death, grow old by what they echo.
#[test]
fn what_is_held_back_shows_its_age() {
    let (mut a, mut b) = pair();
    let held_back: Vec<_> = (0..10).map(|_| heartbeat(&mut b)).collect();
    let mut now = NOW;
    for datagram in held_back {
        now += Duration::from_millis(500);
        let mut own = b"{\n  \"status\": \"STBY\"\n}".to_vec();
        a.sign(&mut own, now);
        assert!(a.open(&datagram, now).is_ok(), "each of them is in order");
    }
    assert!(a.unheard_for(now) >= Duration::from_millis(4500));
    let mut own = b"{\n  \"status\": \"STBY\"\n}".to_vec();
    a.sign(&mut own, now);
    b.open(&own, now).unwrap();
    a.open(&heartbeat(&mut b), now).unwrap();
    assert_eq!(a.unheard_for(now), Duration::ZERO);
}

/// The question for a new key and its answer, which nothing follows. A recording of the question earns no answer.
fn ask_for_keys(from: &mut Session, to: &mut Session) {
    let Some(question) = from.greeting(NOW) else { return };
    let heard = hear(to, &question).0;
    if heard == Ok(false) {
        let answer = to.greeting(NOW).expect("an answer to a key that is known");
        assert!(answer.len() < question.len());
        assert_eq!(hear(from, &answer).0, Ok(false));
    }
    let _ = hear(to, &question);
    assert_eq!([from.greeting(NOW), to.greeting(NOW)], [None, None]);
}

/// Both learn the new key, then both sign with it, then both forget the old one: at each step, in either order.
#[test]
fn keys_rotate_without_a_gap() {
    let (mut a, mut b) = pair();
    let steps = [[FIRST, SECOND].as_slice(), &[SECOND, FIRST], &[SECOND]];
    for (turn, lines) in steps.into_iter().enumerate() {
        for first in [turn % 2 == 0, turn % 2 != 0] {
            if first { &mut a } else { &mut b }.set_keys(&keys(lines));
            for _ in 0..3 {
                assert_eq!(hear(&mut a, &heartbeat(&mut b)).0, Ok(true));
                assert_eq!(hear(&mut b, &heartbeat(&mut a)).0, Ok(true));
                ask_for_keys(&mut a, &mut b);
                ask_for_keys(&mut b, &mut a);
            }
        }
    }
    assert_eq!(a.peer_key().unwrap().to_string(), "key00002");
    let mut stolen = Session::new(&keys(&[FIRST]), ends(2, 3), Nonce([8; 16]));
    let unknown = hear(&mut b, &heartbeat(&mut stolen)).0.unwrap_err();
    assert_eq!(unknown.to_string(), "it is signed with the key key00001, which is not in `auth-key-file`");
}
