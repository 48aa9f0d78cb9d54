//! Authentication of the peer's datagrams (A6): the judge between the socket and everything that acts on them.
//!
//! `crates/auth` has the rules. Here are the mode, the warnings, and what a reload may change.

use std::io;
use std::time::Duration;

use log::{error, info};
use schrittmacher_auth::{Ends, Nonce, Opened, ROOM, Refusal, Session, Why};
use schrittmacher_config::{Auth, AuthMode, Config, Core};
use schrittmacher_protocol::{Generation, Time};

use super::Node;
use super::intake::Unwanted;
use super::reload::ReloadError;
use crate::admin::snapshot::AuthFacts;
use crate::figures::Unwelcome;

/// The authentication of a node, if it is not off.
#[derive(Debug)]
pub(super) struct PeerAuth {
    mode: AuthMode,
    session: Session,
    /// Datagrams that did not count since the daemon's start.
    refused: u64,
    last_refusal: Option<Why>,
    /// Since when each datagram of the peer has shown that it does not hear us; it has been told.
    deaf_since: Option<Time>,
    /// The longest `timeout` of a resource: a peer that has not heard us for so long is told.
    patience: Duration,
    is_deaf: bool,
    renewed: Time,
}

/// What a datagram of the peer's address is worth.
pub(super) enum Verdict {
    /// To be read, as one that is not signed.
    Unsigned,
    /// To be read if its resource has had no newer one.
    Signed(Opened),
    /// Nothing.
    Nothing,
}

/// The pause between two new nonces: a thousand resources notice that they were stopped.
const RENEWAL: Duration = Duration::from_secs(1);

impl PeerAuth {
    /// # Errors
    ///
    /// The system has no random numbers.
    pub fn new(config: &Config, now: Time) -> io::Result<Option<PeerAuth>> {
        config.core.auth_in_use().map(|auth| PeerAuth::of(config, auth, now)).transpose()
    }

    fn of(config: &Config, auth: &Auth, now: Time) -> io::Result<PeerAuth> {
        let core = &config.core;
        let ends = Ends { local: core.local_address, remote: core.remote_address, port: core.port };
        Ok(PeerAuth {
            mode: auth.mode,
            session: Session::new(&auth.keys, ends, draw_nonce()?),
            refused: 0,
            last_refusal: None,
            deaf_since: None,
            patience: patience(config),
            is_deaf: false,
            renewed: now,
        })
    }

    /// Whether an unsigned datagram counts now. A peer that has signed goes on signing, until the mode is changed.
    pub fn believes_unsigned(&self) -> bool {
        match self.mode {
            AuthMode::Off | AuthMode::ReceiveOnly => true,
            AuthMode::Permissive => !self.session.peer_signs(),
            AuthMode::Enforce => false,
        }
    }

    /// The bytes that a message has to leave for its signature.
    pub fn room(&self, extended: bool) -> usize {
        if self.signs(extended) { ROOM } else { 0 }
    }

    pub fn sign(&mut self, datagram: &mut Vec<u8>, extended: bool, now: Time) {
        if self.signs(extended) {
            self.session.sign(datagram, now.since_origin());
        }
    }

    /// A legacy peer gets the bytes that it always got. One that is not signed for cannot be there in `enforce`.
    fn signs(&self, extended: bool) -> bool {
        extended || self.mode == AuthMode::Enforce
    }

    /// The process was stopped: what was recorded meanwhile must not count later.
    pub fn paused(&mut self, now: Time) {
        if now.since(self.renewed) >= RENEWAL {
            self.renew(now);
        }
    }

    fn renew(&mut self, now: Time) {
        match draw_nonce() {
            Ok(nonce) => {
                self.session.renew(nonce);
                self.renewed = now;
            }
            Err(error) => error!("no random numbers: {error}"),
        }
    }

    pub fn begin(&mut self, index: usize) {
        self.session.begin(index);
    }

    pub fn facts(&self) -> AuthFacts {
        AuthFacts {
            mode: self.mode,
            own_key: self.session.own_key(),
            peer_key: self.session.peer_key(),
            refused: self.refused,
            last_refusal: self.last_refusal,
            is_deaf: self.is_deaf,
        }
    }

    /// The peer's datagrams come, and nothing of ours has reached it for `timeout`: a cut of one direction, or somebody
    /// holds its datagrams back.
    fn listen_to_echo(&mut self, now: Time) {
        let timeout = self.patience;
        let is_old = self.session.unheard_for(now.since_origin()) > timeout;
        let since = *self.deaf_since.get_or_insert(now);
        if !is_old {
            self.deaf_since = None;
            if std::mem::take(&mut self.is_deaf) {
                info!("the peer hears this host again");
            }
        } else if now.since(since) > timeout && !std::mem::replace(&mut self.is_deaf, true) {
            error!(
                "the peer's datagrams arrive, but it has heard nothing of this host for {} s: one direction of the link is \
                 cut, or somebody holds datagrams back and the peer may be dead",
                timeout.as_secs_f64()
            );
        }
    }
}

fn patience(config: &Config) -> Duration {
    config.resources.iter().map(|resource| resource.timeout).max().unwrap_or_default()
}

fn draw_nonce() -> io::Result<Nonce> {
    let mut nonce = [0; 16];
    getrandom::fill(&mut nonce).map_err(io::Error::other)?;
    Ok(Nonce(nonce))
}

impl Node {
    /// Judges a datagram of the peer's address. One that does not count is counted, told, and not even read.
    pub(super) fn judge(&mut self, datagram: &[u8], now: Time) -> Verdict {
        let Some(auth) = &mut self.peer_auth else { return Verdict::Unsigned };
        let signed_before = auth.session.peer_key();
        let (own_before, mut greetings) = (auth.session.own_key(), Vec::new());
        let result = auth.session.open(datagram, now.since_origin());
        if auth.session.needs_nonce() {
            auth.renew(now);
        }
        match result {
            Ok(opened) => {
                auth.listen_to_echo(now);
                let peer_key = auth.session.peer_key();
                if let Some(key) = peer_key.filter(|_| peer_key != signed_before) {
                    info!("the peer signs its messages, with the key {key}");
                }
                if let Some(key) =
                    auth.session.own_key().filter(|key| own_before.is_some_and(|own| own != *key))
                {
                    info!("messages to the peer are signed with the key {key} from now on: the peer has it");
                }
                while let Some(greeting) = auth.session.greeting(now.since_origin()) {
                    greetings.push(greeting);
                }
                if opened.is_new_peer {
                    self.repeat_last_words(now);
                }
                for greeting in greetings {
                    self.send_to_peer(&greeting, now);
                }
                if opened.is_greeting { Verdict::Nothing } else { Verdict::Signed(opened) }
            }
            Err(Refusal { why, answer }) => {
                if why == Why::Unsigned {
                    self.note_reader(false, now);
                }
                if let Some(answer) = answer {
                    self.send_to_peer(&answer, now);
                }
                self.refuse_unsigned(why, now)
            }
        }
    }

    fn refuse_unsigned(&mut self, why: Why, now: Time) -> Verdict {
        let Some(auth) = &mut self.peer_auth else { return Verdict::Unsigned };
        if auth.believes_unsigned() {
            return Verdict::Unsigned;
        }
        auth.refused += 1;
        // Each start of a side has some that are old: they are counted, and nothing is wrong.
        if why != Why::Old {
            auth.last_refusal = Some(why);
        }
        let (refused, peer) = (auth.refused, self.core.remote_address);
        self.peer_door.last_error = Some(format!("refused: {why}"));
        let remedy = match why {
            Why::Unsigned | Why::UnknownKey(_) | Why::Forged => {
                "; if the peer sent it, both hosts need the same `auth-key-file`, `local-address` and `remote-address`"
            }
            Why::Old => {
                self.unwanted.count(Unwelcome::NotAuthentic);
                return Verdict::Nothing;
            }
            Why::Retired | Why::Repeated | Why::SetBack => "",
        };
        self.unwanted.warn(Unwanted::NotAuthentic(why), now, || {
            format!(
                "a datagram from the peer's address {peer} does not count: {why}{remedy} ({refused} since the start)"
            )
        });
        Verdict::Nothing
    }

    /// Whether a signed message of this resource is newer than all before it. Counts one that is not.
    pub(super) fn is_newest(&mut self, index: usize, opened: Opened, now: Time) -> bool {
        let is_newest = self.is_newer(index, &Verdict::Signed(opened));
        if !is_newest {
            self.refuse_repeated(now);
        }
        is_newest
    }

    /// The same without a word about one that is not.
    pub(super) fn is_newer(&mut self, index: usize, verdict: &Verdict) -> bool {
        let Verdict::Signed(opened) = *verdict else { return true };
        self.peer_auth.as_mut().is_none_or(|auth| auth.session.is_newest(index, opened))
    }

    pub(super) fn refuse_repeated(&mut self, now: Time) {
        self.refuse_unsigned(Why::Repeated, now);
    }

    /// The heartbeat of a peer that signs, for an unsigned message: three of those never make it older (W4).
    pub(super) fn period_of_signing_peer(&self, index: usize) -> Option<Duration> {
        let signs = self.peer_auth.as_ref().is_some_and(|auth| auth.session.peer_signs());
        match self.resources[index].protocol.machine().peer.generation {
            Generation::Ours { period } if signs => Some(period),
            Generation::Ours { .. } | Generation::Modern | Generation::Classic => None,
        }
    }

    /// A reload may not end what the peer's messages are worth.
    pub(super) fn check_auth(&self, core: &Core) -> Result<(), ReloadError> {
        let peer_is_alive = self.resources.iter().any(|resource| resource.protocol.machine().peer.alive);
        let Some(auth) = core.auth_in_use().filter(|_| peer_is_alive) else { return Ok(()) };
        let peer_key = self.peer_auth.as_ref().and_then(|auth| auth.session.peer_key());
        match peer_key {
            None if auth.mode == AuthMode::Enforce => Err(ReloadError::PeerDoesNotSign),
            Some(key) if !auth.keys.ids().any(|id| id == key) => Err(ReloadError::KeyInUse(key)),
            None | Some(_) => Ok(()),
        }
    }

    /// Takes the mode and the keys of a new configuration. Nonces and counters stay.
    pub(super) fn configure_auth(&mut self, config: &Config, now: Time) -> io::Result<()> {
        match (&mut self.peer_auth, config.core.auth_in_use()) {
            (Some(peer_auth), Some(auth)) => {
                peer_auth.mode = auth.mode;
                peer_auth.patience = patience(config);
                peer_auth.session.set_keys(&auth.keys);
                if let Some((next, own)) = peer_auth.session.next_key().zip(peer_auth.session.own_key()) {
                    info!(
                        "the key {next} signs as soon as the peer shows that it has it; the key {own} goes on signing"
                    );
                }
            }
            (none, _) => *none = PeerAuth::new(config, now)?,
        }
        Ok(())
    }
}
