//! Nonces and counters of two daemons: which of the datagrams that a holder of the key wrote count now.
//!
//! Every datagram names two nonces. A datagram counts if it names this side's nonce of now, so that it was written after
//! that was drawn. Of each resource it has to be newer than the last one that counted.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::answers::Answers;
use crate::echoes::Echoes;
use crate::seal::{Seal, Tag};
use crate::{KeyId, Keys, Nonce};

/// The greeting: a datagram that says nothing but the nonces. It names no resource, so that no daemon acts on it.
const GREETING: &[u8] = b"{\n  \"type\": \"schrittmacher\"\n}";

/// A greeting that asks whether the peer has the key that it is signed with. A greeting with that key is the answer.
const QUESTION: &[u8] = b"{\n  \"type\": \"schrittmacher\",\n  \"asks\": \"key\"\n}";

/// Between two questions.
const QUESTION_PAUSE: Duration = Duration::from_secs(1);

/// In the place of an echo: the receiver's nonce was given up long ago, so the receiver must have been set back.
const GIVEN_UP: u64 = u64::MAX;

/// Nonces of the peer that are remembered as given up. With more, a nonce of our own is drawn, which makes all older
/// datagrams worthless.
const RETIRED_MAX: usize = 64;

/// Both ends of the link. A key signs another way for each direction, and for each pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ends {
    pub local: IpAddr,
    pub remote: IpAddr,
    pub port: u16,
}

/// A datagram that counts, unless its resource has had a newer one ([`Session::is_newest`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened {
    counter: u64,
    /// The peer has just proved that it lives under this nonce: our last word may not have counted for it.
    pub is_new_peer: bool,
    /// It carries no message.
    pub is_greeting: bool,
}

/// A datagram that does not count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub why: Why,
    /// To be sent to the peer: with it a living peer learns our nonce. Never longer than what came.
    pub answer: Option<Vec<u8>>,
}

/// Why a datagram does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Why {
    /// It does not end as a signed one does.
    #[error("it is not signed")]
    Unsigned,
    /// No key of ours has this name.
    #[error("it is signed with the key {0}, which is not in `auth-key-file`")]
    UnknownKey(KeyId),
    /// Its tag is wrong: it was made without the key, for another link, or changed on its way.
    #[error("its signature is wrong")]
    Forged,
    /// It was not written for both nonces of now: the peer does not know ours yet, or somebody repeats an old datagram.
    #[error("it is older than the last start of a side")]
    Old,
    /// The peer has started anew since.
    #[error("it is of an earlier start of the peer")]
    Retired,
    /// The resource has had this datagram or a newer one.
    #[error("it was heard before, or overtaken")]
    Repeated,
    /// The peer has heard more than we have sent: this host was set back to an earlier state.
    #[error("this host was set back to an earlier state")]
    SetBack,
}

/// One daemon's half of an authenticated link.
#[derive(Clone, Debug)]
pub struct Session {
    ends: Ends,
    /// The first one that the peer has shown to have signs; before it has shown any, the first one.
    keys: Vec<LinkKey>,
    /// When the peer was last asked for the first key.
    asked: Option<Duration>,
    /// The key that it has asked for.
    to_show: Option<KeyId>,
    nonce: Nonce,
    needs_nonce: bool,
    /// Of the last datagram that was signed.
    counter: u64,
    peer: Option<Peer>,
    /// Nonce and counter of the last datagram that a holder of the key wrote, while there is no peer. It may be old.
    candidate: Option<(Nonce, u64)>,
    retired: Vec<Nonce>,
    answers: Answers,
    echoes: Echoes,
}

/// A peer that has named our nonce.
#[derive(Clone, Debug)]
struct Peer {
    nonce: Nonce,
    /// The one that it signs its messages with.
    key: KeyId,
    /// All that it has signed anything with since our keys have changed last, and the key with which we signed then.
    has: BTreeSet<KeyId>,
    /// Our own counter when it was met. A nonce that echoes no more than this may be that of an earlier start.
    met_at: u64,
    /// Of all its datagrams.
    highest: u64,
    /// The last counter of each resource that counted.
    last: BTreeMap<usize, u64>,
}

/// A key for both directions of this link.
#[derive(Clone)]
struct LinkKey {
    id: KeyId,
    outgoing: Hmac<Sha256>,
    incoming: Hmac<Sha256>,
}

impl std::fmt::Debug for LinkKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LinkKey({})", self.id)
    }
}

impl Session {
    /// A session that begins now, with a nonce that was never used before.
    pub fn new(keys: &Keys, ends: Ends, nonce: Nonce) -> Session {
        Session {
            ends,
            keys: link_keys(keys, ends),
            asked: None,
            to_show: None,
            nonce,
            needs_nonce: false,
            counter: 0,
            peer: None,
            candidate: None,
            retired: Vec::new(),
            answers: Answers::default(),
            echoes: Echoes::default(),
        }
    }

    /// Takes other keys. Everything else stays, so that no datagram is lost by it.
    pub fn set_keys(&mut self, keys: &Keys) {
        let signed = self.own_key();
        self.keys = link_keys(keys, self.ends);
        self.asked = None;
        if let Some(peer) = &mut self.peer {
            // What it has shown long ago it may have given up since, but not the key with which we sign.
            let signs_on = signed.filter(|signed| keys.ids().any(|id| id == *signed));
            peer.has = BTreeSet::from([signs_on.unwrap_or(peer.key)]);
        }
    }

    /// The key that the peer signs with, if it does.
    pub fn peer_key(&self) -> Option<KeyId> {
        self.peer.as_ref().map(|peer| peer.key)
    }

    /// The key that signs.
    pub fn own_key(&self) -> Option<KeyId> {
        let has = |peer: &Peer| self.keys.iter().find(|key| peer.has.contains(&key.id));
        self.peer.as_ref().and_then(has).or(self.keys.first()).map(|key| key.id)
    }

    /// The first key, if it does not sign yet, because the peer has not shown that it has it.
    pub fn next_key(&self) -> Option<KeyId> {
        let first = self.keys.first().map(|key| key.id);
        first.filter(|_| first != self.own_key())
    }

    /// A greeting that is due: it asks whether the peer has the first key, or shows it one that it has asked for. To be sent to
    /// the peer after each datagram that counts, until there is none.
    pub fn greeting(&mut self, now: Duration) -> Option<Vec<u8>> {
        let peer = self.peer.as_ref()?;
        let (nonce, echo) = (peer.nonce, peer.highest);
        let (key, text) = match self.to_show.take() {
            Some(key) => (key, GREETING),
            None => {
                let may_ask = self.asked.is_none_or(|asked| now.saturating_sub(asked) >= QUESTION_PAUSE);
                let key = self.next_key().filter(|_| may_ask)?;
                self.asked = Some(now);
                (key, QUESTION)
            }
        };
        let mut greeting = text.to_vec();
        self.sign_with(key, &mut greeting, nonce, echo, now);
        Some(greeting)
    }

    /// The peer has shown that it signs, and for our nonce.
    pub fn peer_signs(&self) -> bool {
        self.peer.is_some()
    }

    /// For how long the peer has not heard us, as far as its datagrams tell.
    pub fn unheard_for(&self, now: Duration) -> Duration {
        self.echoes.age(now)
    }

    /// Whether [`Session::renew`] has to be called. Nothing counts before.
    pub fn needs_nonce(&self) -> bool {
        self.needs_nonce
    }

    /// Takes a nonce that was never used before. Every datagram that was written before is worthless from now on.
    pub fn renew(&mut self, nonce: Nonce) {
        self.nonce = nonce;
        self.needs_nonce = false;
        self.retired.clear();
        self.echoes.forget();
    }

    /// A resource begins with this index. Datagrams of an earlier one of its name are worthless.
    pub fn begin(&mut self, index: usize) {
        if let Some(peer) = &mut self.peer {
            peer.last.insert(index, peer.highest);
        }
    }

    /// Signs a datagram that leaves now.
    pub fn sign(&mut self, datagram: &mut Vec<u8>, now: Duration) {
        let (peer, echo) = match &self.peer {
            Some(peer) => (peer.nonce, peer.highest),
            None => self.candidate.unwrap_or((Nonce([0; 16]), 0)),
        };
        if let Some(key) = self.own_key() {
            self.sign_with(key, datagram, peer, echo, now);
        }
    }

    fn sign_with(&mut self, key: KeyId, datagram: &mut Vec<u8>, peer: Nonce, echo: u64, now: Duration) {
        self.counter += 1;
        self.echoes.sent(self.counter, now);
        let Some(key) = self.keys.iter().find(|own| own.id == key) else { return };
        let seal = Seal { key: key.id, own: self.nonce, peer, counter: self.counter, echo };
        seal.write(datagram, |covered| tag(&key.outgoing, covered));
    }

    /// Judges a datagram that has arrived now.
    ///
    /// # Errors
    ///
    /// It does not count: neither as a message nor as a sign of life.
    pub fn open(&mut self, datagram: &[u8], now: Duration) -> Result<Opened, Refusal> {
        let seal = self.authentic(datagram).map_err(|why| Refusal { why, answer: None })?;
        // A holder of our key has written it, for this direction of this link. It may be of any age, and of a nonce that was
        // given up here: two sides that were both set back would refuse each other for ever.
        self.needs_nonce |= seal.peer == self.nonce && seal.echo > self.counter;
        if self.needs_nonce {
            return Err(Refusal { why: Why::SetBack, answer: None });
        }
        if self.retired.contains(&seal.own) {
            return Err(self.refuse(Why::Retired, seal, GIVEN_UP, now));
        }
        if seal.peer != self.nonce {
            if self.peer.is_none() {
                self.candidate = Some((seal.own, seal.counter));
            }
            let known = self.peer.as_ref().filter(|peer| peer.nonce == seal.own);
            let echo = known.map_or(seal.counter, |peer| peer.highest.max(seal.counter));
            return Err(self.refuse(Why::Old, seal, echo, now));
        }
        // It was written after our nonce was drawn.
        let other = self.peer.as_ref().filter(|peer| peer.nonce != seal.own);
        if other.is_some_and(|peer| seal.echo <= peer.met_at) {
            // Held back since before the peer's last start, or of a start of which it has not heard us yet.
            return Err(self.refuse(Why::Old, seal, seal.counter, now));
        }
        let is_new_peer = other.is_some() || self.peer.is_none();
        if is_new_peer {
            self.meet(seal.own, seal.key);
        }
        let is_question = is_text(datagram, QUESTION);
        let is_greeting = is_question || is_text(datagram, GREETING);
        if let Some(peer) = &mut self.peer
            && seal.counter > peer.highest
        {
            peer.highest = seal.counter;
            peer.has.insert(seal.key);
            if !is_greeting {
                peer.key = seal.key;
            }
            if is_question {
                self.to_show = Some(seal.key);
            }
        }
        self.echoes.heard(seal.echo);
        Ok(Opened { counter: seal.counter, is_new_peer, is_greeting })
    }

    /// Whether a message for the resource with this index is newer than all before it. Takes note of it.
    pub fn is_newest(&mut self, index: usize, opened: Opened) -> bool {
        let Some(peer) = &mut self.peer else { return false };
        let last = peer.last.entry(index).or_default();
        let is_newest = opened.counter > *last;
        *last = opened.counter.max(*last);
        is_newest
    }

    fn authentic(&self, datagram: &[u8]) -> Result<Seal, Why> {
        let (seal, covered, tag) = Seal::read(datagram).ok_or(Why::Unsigned)?;
        let key = self.keys.iter().find(|key| key.id == seal.key).ok_or(Why::UnknownKey(seal.key))?;
        let mac = key.incoming.clone().chain_update(covered);
        // In constant time.
        mac.verify_truncated_left(&tag).map_err(|_| Why::Forged)?;
        Ok(seal)
    }

    /// The peer lives under this nonce. What it said under another one never counts again.
    fn meet(&mut self, nonce: Nonce, key: KeyId) {
        self.candidate = None;
        self.echoes.forget();
        let peer = Peer {
            nonce,
            key,
            has: BTreeSet::from([key]),
            met_at: self.counter,
            highest: 0,
            last: BTreeMap::new(),
        };
        let before = self.peer.replace(peer);
        self.retired.extend(before.map(|peer| peer.nonce));
        self.needs_nonce |= self.retired.len() >= RETIRED_MAX;
    }

    /// The answer has the key of what came: its writer can read that.
    fn refuse(&mut self, why: Why, came: Seal, echo: u64, now: Duration) -> Refusal {
        let answer = self.answers.may_answer(came.own, now).then(|| {
            let mut greeting = GREETING.to_vec();
            self.sign_with(came.key, &mut greeting, came.own, echo, now);
            greeting
        });
        Refusal { why, answer }
    }
}

/// Whether a signed datagram has this text before its signature.
fn is_text(datagram: &[u8], text: &[u8]) -> bool {
    let inside = text.strip_suffix(b"\n}").unwrap_or(text);
    datagram.len() == text.len() + crate::ROOM && datagram.starts_with(inside)
}

fn link_keys(keys: &Keys, ends: Ends) -> Vec<LinkKey> {
    let Ends { local, remote, port } = ends;
    let link_key = |key: &crate::Key| LinkKey {
        id: key.id,
        outgoing: direction(&key.secret, local, remote, port),
        incoming: direction(&key.secret, remote, local, port),
    };
    keys.iter().map(link_key).collect()
}

/// The key of one direction: a datagram that is reflected, or carried to another pair, has a wrong tag.
fn direction(secret: &[u8], from: IpAddr, to: IpAddr, port: u16) -> Hmac<Sha256> {
    let mut mac = mac(secret);
    mac.update(b"schrittmacher auth 1");
    for end in [from, to] {
        let octets = match end {
            IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
            IpAddr::V6(v6) => v6.octets(),
        };
        mac.update(&octets);
    }
    mac.update(&port.to_be_bytes());
    self::mac(&mac.finalize().into_bytes())
}

fn mac(key: &[u8]) -> Hmac<Sha256> {
    #[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
    Hmac::new_from_slice(key).expect("a key")
}

fn tag(key: &Hmac<Sha256>, covered: &[u8]) -> Tag {
    let whole = key.clone().chain_update(covered).finalize().into_bytes();
    let mut tag = Tag::default();
    tag.copy_from_slice(&whole[..size_of::<Tag>()]);
    tag
}
