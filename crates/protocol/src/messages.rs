//! Messages to the peer: in words of its generation, and not too often.

use std::time::Duration;

use schrittmacher_wire::Note;
use schrittmacher_wire::PeerCode::{self, Fail, Fovr, Hott, Stby, Tcnf, Trej, Treq, Unk};

use crate::event::{Action, Event};
use crate::peer::Generation;
use crate::setback::HELD_BACK_RANDOM;
use crate::state::State;
use crate::step::Step;
use crate::tiebreak::{FORCED_RANDOM, OUR_RANDOM};

/// Answers to `UNK` and `TREQ` in one window of a second (W5). Between two of ours with short heartbeats the window
/// is five of those. A settled pair needs none, an honest conflict a handful. More is a storm, a forger or a loop.
const ANSWERS: u8 = 10;

/// Messages beside the heartbeat, answers included (P6): this number at once, and as many more in each such window. A node that is
/// hot answers each 2HOT by two, and each HOTT by two: ten in five heartbeats. What is left out, the next heartbeat says, but for
/// the words that [`is_awaited`] names: one that finds no room leaves as soon as there is some.
pub(crate) const ANNOUNCEMENTS: u32 = 12;

/// Spacing of the messages of a daemon that ends (S9): towards one of ours, and towards a legacy one.
const LEAVING_PERIOD: Duration = Duration::from_millis(100);
const LEAVING_PERIOD_LEGACY: Duration = Duration::from_secs(1);

/// The other side goes hot at this word, or it is the order of an operator. Without it the service would be nowhere, or the
/// order without effect, until the next heartbeat.
fn is_awaited(code: PeerCode) -> bool {
    match code {
        Fovr | Tcnf | Fail | Treq => true,
        Unk | Hott | Stby | Trej | PeerCode::ToHot | PeerCode::ToStandby => false,
    }
}

impl Step<'_> {
    /// Sends a code, in a word that the peer's generation understands (W5).
    pub(crate) fn send(&mut self, code: PeerCode) {
        let random = match code {
            Unk => OUR_RANDOM,
            Fail if self.is_held_back() && self.machine.peer.is_ours() => HELD_BACK_RANDOM,
            Treq if self.is_forcing() => FORCED_RANDOM,
            Hott | Stby | Treq | Tcnf | Trej | Fail | Fovr | PeerCode::ToHot | PeerCode::ToStandby => 0,
        };
        let has_left = self.send_word(self.in_peers_words(code), random);
        if !has_left && is_awaited(code) {
            self.machine.owed = Some(code);
        }
        if code == Unk && has_left {
            self.machine.peer.note_question(self.now);
        }
        if matches!(code, Hott | Stby) {
            self.hush();
        }
    }

    /// Says what is owed, if there is room for it by now.
    pub(crate) fn pay_owed_word(&mut self) {
        if let Some(code) = self.machine.owed.take() {
            let is_order = code == Treq && self.is_forcing();
            // A change of state has forgotten it already (`Step::run`). A side that serves must never say it.
            let is_over = match self.machine.state {
                State::Standby { .. }
                | State::ToStandby { .. }
                | State::Failed { .. }
                | State::Leaving { .. } => code == Treq && !is_order,
                State::Unknown { .. } | State::ToHot { .. } | State::Hot { .. } | State::Releasing(_) => {
                    !is_order
                }
            };
            if !is_over && self.may_announce() {
                self.send(code);
            } else if !is_over {
                self.machine.owed = Some(code);
            }
        }
    }

    /// Whether it has left.
    pub(crate) fn send_request(&mut self, random: u32) -> bool {
        self.send_word(Treq, random)
    }

    fn send_word(&mut self, code: PeerCode, random: u32) -> bool {
        // Time provokes a bounded number by itself.
        if self.reaction.event != Event::Tick && !self.may_announce() {
            return false;
        }
        let extended = self.settings.extensions && self.machine.peer.take_extended();
        // Nor is a note sent to a legacy peer; while the peer is silent, it may be one of ours.
        let peer = &self.machine.peer;
        let note = self.note().filter(|_| extended && (peer.is_ours() || !peer.alive));
        let may_tell = extended && (self.machine.peer.is_ours() || !self.machine.peer.alive);
        let promise = if may_tell { self.promise(code) } else { None };
        let epoch = Some(self.machine.told_epoch()).filter(|epoch| may_tell && *epoch > 0);
        self.act(Action::Send { code, random, extended, note, promise, epoch });
        true
    }

    /// The note beside the code.
    fn note(&self) -> Option<Note> {
        match self.machine.state {
            _ if self.is_ending() => Some(Note::Leaving),
            State::Unknown { claim: Some(_) } => Some(Note::Claim),
            _ if self.machine.cut_off => Some(Note::CutOff),
            State::ToHot { .. } if self.machine.peer.is_classic() => Some(Note::GoingHot),
            State::Releasing(_) if self.machine.bond.is_some() => Some(Note::HandsOver),
            State::Unknown { claim: None }
            | State::Standby { .. }
            | State::ToStandby { .. }
            | State::Failed { .. }
                if self.settings.held =>
            {
                Some(Note::Held)
            }
            State::Unknown { claim: None }
            | State::Standby { .. }
            | State::ToHot { .. }
            | State::Hot { .. }
            | State::Releasing(_)
            | State::ToStandby { .. }
            | State::Failed { .. }
            | State::Leaving { .. } => None,
        }
    }

    fn in_peers_words(&self, code: PeerCode) -> PeerCode {
        if !self.machine.peer.is_classic() {
            return code;
        }
        let yielding = matches!(
            self.machine.state,
            State::Standby { yielding_until: Some(until) } if self.now < until
        );
        match code {
            PeerCode::ToHot => Hott,
            PeerCode::ToStandby => Stby,
            Fovr => Fail,
            // STBY would clear 1.8's "remote failed", and its slow application would hand the role back (R6, D8).
            Stby if yielding => Fail,
            Unk | Hott | Stby | Treq | Tcnf | Trej | Fail => code,
        }
    }

    /// Answers a question of the peer, within the limit (P6).
    pub(crate) fn answer(&mut self, code: PeerCode) {
        if self.may_answer() {
            self.send(code);
        }
    }

    /// Whether one more answer to a question of the peer may leave (P6). Counts it.
    pub(crate) fn may_answer(&mut self) -> bool {
        let (now, length) = (self.now, self.machine.window(self.settings));
        self.machine.answers.take(now, length, ANSWERS)
    }

    /// An application, or a forged peer, that changes its mind without end makes a bounded number of messages.
    fn may_announce(&mut self) -> bool {
        let spacing = self.machine.spacing(self.settings);
        // The word that is owed comes first.
        self.machine.owed.is_none() && self.machine.announcements.take(self.now, spacing, ANNOUNCEMENTS)
    }

    /// Says the role once more between two heartbeats, but not too often (S10).
    pub(crate) fn repeat(&mut self, code: PeerCode) {
        if self.is_loud() {
            self.hush();
            self.send(code);
        }
    }

    /// The last message beside the heartbeat is long enough ago for another one.
    pub(crate) fn is_loud(&self) -> bool {
        self.now >= self.machine.quiet_until
    }

    fn hush(&mut self) {
        self.machine.hush(self.settings, self.now);
    }

    /// Asks a silent peer. UNK clears the note of a classic one that we failed, so FAIL follows at once where that note
    /// has to stand (R6).
    pub(crate) fn ask_silent_peer(&mut self) {
        self.send(Unk);
        let failed = matches!(self.machine.state, State::Failed { .. });
        if failed || self.in_peers_words(Stby) == Fail {
            self.send(Fail);
        }
    }

    /// Tells the peer to take over, until it says that it does. A classic one goes hot at FAIL without a word, and says
    /// so when it is asked. UNK clears its note that we failed, so FAIL follows at once.
    pub(crate) fn announce_leaving(&mut self) {
        self.send(Fovr);
        if self.machine.peer.is_classic() {
            self.send(Unk);
            self.send(Fovr);
        }
        let period = match self.machine.peer.generation {
            Generation::Ours { .. } => LEAVING_PERIOD,
            Generation::Classic | Generation::Modern => LEAVING_PERIOD_LEGACY,
        };
        self.machine.next_tick = self.now + period;
    }
}
