//! A link with authentication, and somebody on it who has no key (`docs/threat-model.md`).
//!
//! He keeps every datagram that was ever sent. Again and again he delivers one of them, to the side that it was meant for or
//! to the one that sent it: repeated, overtaken, held back since it was lost, or of an earlier start. Some he changes
//! before. And now and then he has a side set back to an earlier state of its nonces and counters.

use std::time::Duration;

use schrittmacher_auth::{Ends, Keys, Nonce, Opened, Refusal, Session};
use schrittmacher_protocol::PeerReport;
use schrittmacher_wire::PeerCode;

use crate::Chance;

/// The mean pause between two datagrams of his.
const PAUSE: Duration = Duration::from_millis(400);

/// How many of a thousand of his acts set a side back, if that is allowed.
const SET_BACKS: u32 = 5;

const KEY: &str = "key00001 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

/// A message for one resource.
pub(crate) type Parcel = (usize, PeerReport);

/// Both daemons' halves of the link, and what is known on it.
#[derive(Debug)]
pub(crate) struct Signed {
    sessions: [Session; 2],
    /// An earlier state of each.
    kept: [Session; 2],
    /// Of a daemon that starts.
    fresh: [Session; 2],
    nonces: u64,
    /// When each side drew its last nonce because it had been stopped.
    renewed: [Duration; 2],
    /// Everything that was ever sent, by its number: the sender, the bytes, and the message that they stand for.
    sent: Vec<(usize, Vec<u8>, Option<Parcel>)>,
    /// The last word of each resource, by side.
    last: [Vec<Option<PeerReport>>; 2],
    may_set_back: bool,
    /// It was set back, and goes on under the nonce that it had then.
    is_set_back: [bool; 2],
    /// By receiver: the last message that the link carried to it was for its nonce of now.
    believes: [bool; 2],
    next: Duration,
    chance: Chance,
}

/// What follows from a datagram that has arrived.
#[derive(Debug, Default)]
pub(crate) struct Arrived {
    /// It was signed, and for the side's nonce of now.
    pub counts: bool,
    /// The message to be taken.
    pub message: Option<Parcel>,
    /// The number of a greeting that leaves.
    pub answer: Option<usize>,
    /// The side has met its peer anew: its last words leave once more.
    pub repeated: Vec<Parcel>,
}

impl Signed {
    pub fn new(resources: usize, seed: u64) -> Signed {
        #[expect(clippy::expect_used, reason = "a constant")]
        let keys = Keys::parse(KEY.as_bytes()).expect("a key file");
        let session = |side: u8| {
            let address = |side| [10, 9, 0, 1 + side].into();
            let ends = Ends { local: address(side), remote: address(1 - side), port: 7700 };
            Session::new(&keys, ends, Nonce([side; 16]))
        };
        let sessions = [session(0), session(1)];
        Signed {
            kept: sessions.clone(),
            fresh: sessions.clone(),
            sessions,
            nonces: 1,
            renewed: [Duration::ZERO; 2],
            sent: Vec::new(),
            last: [vec![None; resources], vec![None; resources]],
            may_set_back: true,
            is_set_back: [false; 2],
            believes: [false; 2],
            next: Duration::ZERO,
            chance: Chance::new(seed ^ 0x5163),
        }
    }

    /// Signs a message; gives the number of the datagram.
    pub fn send(&mut self, side: usize, parcel: Parcel, now: Duration) -> usize {
        self.last[side][parcel.0] = Some(parcel.1);
        self.put(side, Some(parcel), now)
    }

    /// The state of a resource has changed: its last word is not said again.
    pub fn forget_word(&mut self, side: usize, resource: usize) {
        self.last[side][resource] = None;
    }

    fn put(&mut self, side: usize, parcel: Option<Parcel>, now: Duration) -> usize {
        let number = self.sent.len();
        // As long as a real one. The number stands for what is said.
        let mut bytes =
            format!("{{\n  \"status\": \"HOTT\",\n  \"random\": 0,\n  \"resource\": \"{number:040}\"\n}}")
                .into_bytes();
        self.sessions[side].sign(&mut bytes, now);
        self.sent.push((side, bytes, parcel));
        number
    }

    /// A daemon starts.
    pub fn start(&mut self, side: usize) {
        self.sessions[side] = self.fresh[side].clone();
        self.renew(side);
        self.last[side].fill(None);
    }

    /// A daemon notices that it was stopped; each of its resources does.
    pub fn paused(&mut self, side: usize, now: Duration) {
        if now.saturating_sub(self.renewed[side]) >= Duration::from_secs(1) {
            self.renewed[side] = now;
            self.renew(side);
        }
    }

    /// Whether a side may be set back. If not, a side that was and does not know it has its daemon restarted, as the operator
    /// of a host that was set back has to do: beside a peer that has restarted since, nothing tells the two nonces apart
    /// (`docs/adr/0025-authentication.md`).
    pub fn may_set_back(&mut self, may: bool) {
        self.may_set_back = may;
        for side in 0..2 {
            if !may && self.is_set_back[side] {
                self.renew(side);
            }
        }
    }

    /// A side goes on under a nonce that it had before.
    pub fn is_set_back(&self) -> bool {
        self.is_set_back.contains(&true)
    }

    fn renew(&mut self, side: usize) {
        self.is_set_back[side] = false;
        self.nonces += 1;
        self.sessions[side].renew(Nonce(u128::from(self.nonces).to_be_bytes()));
    }

    /// A datagram arrives at a side.
    pub fn arrive(&mut self, side: usize, number: usize, now: Duration) -> Arrived {
        let (_, bytes, parcel) = self.sent[number].clone();
        let arrived = self.judge(side, number, &bytes, now);
        if parcel.is_some() {
            self.believes[side] = arrived.counts;
        }
        arrived
    }

    fn judge(&mut self, side: usize, number: usize, bytes: &[u8], now: Duration) -> Arrived {
        let result = self.sessions[side].open(bytes, now);
        if self.sessions[side].needs_nonce() {
            self.renew(side);
        }
        match result {
            Ok(opened) => self.opened(side, number, opened),
            Err(Refusal { answer, .. }) => Arrived {
                answer: answer.map(|greeting| {
                    self.sent.push((side, greeting, None));
                    self.sent.len() - 1
                }),
                ..Arrived::default()
            },
        }
    }

    fn opened(&mut self, side: usize, number: usize, opened: Opened) -> Arrived {
        let parcel = self.sent[number].2;
        let message = parcel.filter(|(resource, _)| self.sessions[side].is_newest(*resource, opened));
        let repeated = if opened.is_new_peer {
            let last = self.last[side].iter().enumerate();
            last.filter_map(|(resource, word)| Some((resource, (*word)?))).collect()
        } else {
            Vec::new()
        };
        Arrived { counts: true, message, answer: None, repeated }
    }

    /// Whether a side takes what the other one says. It cannot while that does not know its nonce, or was told another one.
    pub fn believes(&self, side: usize) -> bool {
        self.believes[side]
    }

    /// When he acts next.
    pub fn next(&self) -> Duration {
        self.next
    }

    /// He acts: a datagram arrives at a side.
    pub fn act(&mut self, now: Duration) -> Option<(usize, Arrived)> {
        self.next = now + self.chance.duration(2 * PAUSE);
        if self.may_set_back && self.chance.permille(SET_BACKS) {
            let side = usize::from(self.chance.permille(500));
            if self.chance.permille(500) {
                self.kept[side] = self.sessions[side].clone();
            } else {
                self.sessions[side] = self.kept[side].clone();
                self.is_set_back[side] = true;
            }
        }
        let number = self.chance.index(self.sent.len());
        let (sender, mut bytes, _) = self.sent.get(number)?.clone();
        let side = if self.chance.permille(900) { 1 - sender } else { sender };
        let is_changed = self.chance.permille(200);
        if is_changed {
            let at = self.chance.index(bytes.len());
            bytes[at] ^= 1;
        }
        let mut arrived = self.judge(side, number, &bytes, now);
        if let Some((_, report)) = arrived.message.as_mut().filter(|_| is_changed) {
            report.code = Some(PeerCode::Fail);
        }
        Some((side, arrived))
    }
}
