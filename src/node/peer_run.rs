//! Messages of the peer's address that are not signed: those that name this daemon's run count (door-13).
//!
//! `schrittmacher_auth::Runs` has the rules.

use std::io;

use schrittmacher_api::PeerProof;
use schrittmacher_auth::{Runs, Worth};
use schrittmacher_protocol::Time;
use schrittmacher_wire::{Note, Run};

use super::Node;
use super::intake::Unwanted;
use super::peer_auth::Verdict;
use crate::figures::Unwelcome;

/// # Errors
///
/// The system has no random numbers.
pub(super) fn begin() -> io::Result<Runs> {
    let mut number = [0; 8];
    getrandom::fill(&mut number).map_err(io::Error::other)?;
    Ok(Runs::new(u64::from_ne_bytes(number)))
}

impl Node {
    /// Whether a datagram of the peer's address counts. A signed one always does; the runs that it names are noted.
    pub(super) fn is_for_this_run(
        &mut self,
        verdict: &Verdict,
        run: Option<Run>,
        note: Option<Note>,
        name: Option<&str>,
        now: Time,
    ) -> bool {
        let run = run.filter(|_| self.core.extensions).map(|run| (run.own, run.peer));
        let mut worth = self.runs.judge(run, now.since_origin());
        if worth != Worth::Counts && (matches!(verdict, Verdict::Signed(_)) || !self.hears_peer()) {
            self.runs.forget_demand();
            worth = self.runs.judge(run, now.since_origin());
        }
        match worth {
            Worth::Counts => {
                if note == Some(Note::Leaving) {
                    self.runs.forget_demand();
                }
                return true;
            }
            Worth::Answer => {
                let named = match name {
                    Some(name) => self.by_name.get(name).copied(),
                    // A batch names none: any one tells the run.
                    None => (0..self.resources.len()).find(|index| self.word_to_repeat(*index).is_some()),
                };
                if let Some(index) = named {
                    self.repeat_last_word(index, now);
                }
            }
            Worth::Nothing => {}
        }
        self.tell_of_another_run(run.is_some(), now);
        false
    }

    /// What makes a message the peer's now.
    pub(super) fn proof(&self) -> PeerProof {
        if self.peer_auth.as_ref().is_some_and(|auth| !auth.believes_unsigned()) {
            PeerProof::Signature
        } else if self.runs.demands() && self.hears_peer() {
            PeerProof::Run
        } else {
            PeerProof::Address
        }
    }

    /// Whether a resource takes its peer for alive.
    pub(super) fn hears_peer(&self) -> bool {
        let mut running = self.resources.iter().filter(|resource| !resource.life.has_ended());
        running.any(|resource| resource.protocol.machine().peer.alive)
    }

    fn tell_of_another_run(&mut self, names_a_run: bool, now: Time) {
        self.peer_door.last_error = Some("refused: it does not name the run of this daemon".to_owned());
        // A peer that was killed begins with some.
        if names_a_run {
            return self.unwanted.count(Unwelcome::AnotherRun);
        }
        let peer = self.core.remote_address;
        self.unwanted.warn(Unwanted::AnotherRun, now, || {
            format!(
                "a datagram from the peer's address {peer} does not count: it does not name the run of this daemon, as the \
                 peer did before; somebody else may send with that address, which `auth-key-file` ends; if the peer was \
                 replaced by an older version, it counts after `timeout`"
            )
        });
    }
}
