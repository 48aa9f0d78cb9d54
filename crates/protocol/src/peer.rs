//! Our knowledge of the other side: whether it lives, its generation, its last message.

use std::time::Duration;

use schrittmacher_wire::{Note, PeerCode};
use serde::{Deserialize, Serialize};

use crate::event::PeerReport;
use crate::question::ANSWER_TIME;
use crate::setback::HELD_BACK_RANDOM;
use crate::{Settings, Time};

/// The period of a legacy daemon (fixed since 1.6), and the longest silence of ours towards one (W5).
pub(crate) const LEGACY_PERIOD: Duration = Duration::from_secs(2);
/// Least silence after which a peer that is not known to be ours counts as dead (T2).
const MODERN_TIMEOUT: Duration = Duration::from_secs(6);
/// The same for a classic peer, which may be silent for 8 s while it goes hot (T2, D9).
const CLASSIC_TIMEOUT: Duration = Duration::from_secs(10);
/// Silence after which a peer that is classic, or was never heard, is asked (D30), and how often.
const QUESTIONS_BEGIN: Duration = Duration::from_millis(3500);
const QUESTION_SPACING: Duration = Duration::from_millis(500);
/// Its silence counts when three questions are unanswered. The fourth leaves when the third has had its time. One that was
/// never heard gets these four at once, [`ANSWER_TIME`] apart (proto-7).
const QUESTIONS: u8 = 4;
/// Messages in a row that it takes to believe a peer of ours, or a modern one, to be older than it was (W4).
const VERDICT: u8 = 3;

/// The peer of one resource.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Peer {
    /// Heard within its timeout.
    pub alive: bool,
    /// When it was last heard; before the first time, when we started.
    pub heard: Time,
    /// Its silence has been acted on at least once.
    pub lost: bool,
    /// Its last message about its role.
    pub said: Said,
    /// It says FAIL because it is held back, and may serve afterwards.
    pub held_back: bool,
    /// The generation of its program.
    pub generation: Generation,
    /// Messages in a row that contradict `generation`.
    pub contradictions: u8,
    /// How many more messages of ours tell a living peer what we are.
    pub advertise: u8,
    /// Its daemon ends: it cannot take over.
    pub leaving: bool,
    /// Questions (UNK) sent since it was last heard, as far as they count.
    pub unanswered: u8,
    /// It is not asked again before this time.
    pub next_question: Time,
    /// Clients cannot reach its host.
    pub cut_off: bool,
    /// It serves still, and hands over: it is in a set.
    pub hands_over: bool,
    /// It starts nothing.
    #[serde(default)]
    pub held: bool,
    /// Since it was silent it has said something else than HOTT, so it may hear us.
    pub reacted: bool,
}

/// The last word of the peer about its role. `TREQ` and `TREJ` are no such word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Said {
    /// Nothing, or nothing lately.
    Nothing,
    /// `HOTT`.
    Hot,
    /// `2HOT`.
    ToHot,
    /// `FAIL`.
    Fail,
    /// `STBY`.
    Standby,
    /// Anything else.
    Other,
}

/// The generations of daemons that need different treatment (W5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Generation {
    /// 1.6 … 1.14.1: no `2HOT`, `2SBY`, `FOVR`. Assumed until a packet says otherwise: safe with every version.
    Classic,
    /// 1.15 … 2.0.0.
    Modern,
    /// One of ours.
    Ours {
        /// Its heartbeat.
        period: Duration,
    },
}

impl Peer {
    /// A peer that has not been heard yet.
    pub fn new(now: Time) -> Peer {
        Peer {
            alive: false,
            heard: now,
            lost: false,
            said: Said::Nothing,
            held_back: false,
            generation: Generation::Classic,
            contradictions: 0,
            advertise: VERDICT,
            leaving: false,
            unanswered: 0,
            next_question: now,
            cut_off: false,
            hands_over: false,
            held: false,
            reacted: false,
        }
    }

    /// Takes note of a datagram. Unknown codes count as life too (W3, D32).
    pub(crate) fn heard(&mut self, now: Time, report: &PeerReport, extensions: bool) {
        self.heard = now;
        self.alive = true;
        self.lost = false;
        self.unanswered = 0;
        self.learn_generation(report, extensions);
        self.leaving = self.note(report) == Some(Note::Leaving);
        self.cut_off = self.note(report) == Some(Note::CutOff);
        self.hands_over = self.note(report) == Some(Note::HandsOver);
        self.held = self.note(report) == Some(Note::Held);
        self.reacted |= report.code.is_some_and(|code| code != PeerCode::Hott);
        let said = match report.code {
            None | Some(PeerCode::Treq | PeerCode::Trej) => return,
            Some(PeerCode::Hott) => Said::Hot,
            Some(PeerCode::ToHot) => Said::ToHot,
            Some(PeerCode::Fail) => Said::Fail,
            Some(PeerCode::Stby) => Said::Standby,
            Some(PeerCode::Unk | PeerCode::Tcnf | PeerCode::Fovr | PeerCode::ToStandby) => Said::Other,
        };
        self.held_back = said == Said::Fail && report.period.is_some() && report.random == HELD_BACK_RANDOM;
        self.said = said;
    }

    fn learn_generation(&mut self, report: &PeerReport, extensions: bool) {
        let speaks_modern = report.has_type
            || matches!(report.code, Some(PeerCode::ToHot | PeerCode::ToStandby | PeerCode::Fovr));
        let shown = match report.period {
            Some(period) if extensions => Generation::Ours { period },
            _ if speaks_modern => Generation::Modern,
            _ => Generation::Classic,
        };
        let older = match (self.generation, shown) {
            (Generation::Ours { .. }, Generation::Modern | Generation::Classic)
            | (Generation::Modern, Generation::Classic) => true,
            (_, Generation::Ours { .. })
            | (Generation::Classic | Generation::Modern, Generation::Modern)
            | (Generation::Classic, Generation::Classic) => false,
        };
        // A newer program is believed at once, an older one when it has said so three times (W4).
        self.contradictions = if older { self.contradictions.saturating_add(1) } else { 0 };
        if !older || self.contradictions >= VERDICT {
            self.contradictions = 0;
            self.generation = shown;
        }
    }

    /// Its note beside its code.
    pub(crate) fn note(&self, report: &PeerReport) -> Option<Note> {
        report.note.filter(|_| self.is_ours())
    }

    /// It is one of ours.
    pub fn is_ours(&self) -> bool {
        matches!(self.generation, Generation::Ours { .. })
    }

    /// The peer has been silent for its timeout.
    pub(crate) fn lose(&mut self) {
        self.alive = false;
        self.lost = true;
        self.said = Said::Nothing;
        self.held_back = false;
        self.leaving = false;
        self.cut_off = false;
        self.hands_over = false;
        self.held = false;
        self.reacted = false;
        self.advertise = VERDICT;
    }

    /// A question has left.
    pub(crate) fn note_question(&mut self, now: Time) {
        self.unanswered = QUESTIONS.min(self.unanswered.saturating_add(1));
        self.next_question = now + if self.is_new() { ANSWER_TIME } else { QUESTION_SPACING };
    }

    /// It was never heard, and has not been asked often enough.
    fn is_new(&self) -> bool {
        !self.alive && !self.lost && self.needs_questions()
    }

    /// It may be silent without a fault, and has not been asked often enough (D30).
    pub(crate) fn needs_questions(&self) -> bool {
        self.is_classic() && self.unanswered < QUESTIONS
    }

    /// When it is asked next if it stays silent. A classic peer looks at its clock only when half a second has passed
    /// without any datagram, so with several resources its heartbeats may stop without a fault. It answers UNK at once.
    pub(crate) fn question_due(&self) -> Option<Time> {
        let asks = self.is_classic() && (!self.lost || self.needs_questions());
        let begin = if self.is_new() { ANSWER_TIME } else { QUESTIONS_BEGIN };
        asks.then(|| self.next_question.max(self.heard + begin))
    }

    /// Tell the peer again what we are (W4: at start, after silence, after a reload).
    pub(crate) fn advertise(&mut self) {
        self.advertise = VERDICT;
    }

    /// Whether the next message carries our extension. While the peer is silent every message does, so that two of ours find
    /// each other again after a partition of any length.
    pub(crate) fn take_extended(&mut self) -> bool {
        if self.is_ours() || !self.alive {
            return true;
        }
        let extended = self.advertise > 0;
        self.advertise = self.advertise.saturating_sub(1);
        extended
    }

    /// It is of a generation that does not know `2HOT`, `2SBY` and `FOVR`.
    pub fn is_classic(&self) -> bool {
        matches!(self.generation, Generation::Classic)
    }

    /// It last said that it is hot or on its way.
    pub(crate) fn claims(&self) -> bool {
        matches!(self.said, Said::Hot | Said::ToHot)
    }

    /// After how long a silence it counts as dead (T2).
    pub fn timeout(&self, settings: &Settings) -> Duration {
        match self.generation {
            Generation::Classic => settings.timeout.max(CLASSIC_TIMEOUT),
            Generation::Modern => settings.timeout.max(MODERN_TIMEOUT),
            Generation::Ours { period } => settings.timeout.max(period.saturating_mul(3)),
        }
    }

    /// Period of our own messages towards it (W5). More frequent ones would starve the clock of a classic peer (D30).
    pub(crate) fn our_period(&self, settings: &Settings) -> Duration {
        match self.generation {
            Generation::Ours { .. } => settings.heartbeat,
            Generation::Classic if self.alive => LEGACY_PERIOD,
            Generation::Classic | Generation::Modern => settings.heartbeat.min(LEGACY_PERIOD),
        }
    }

    /// "One heartbeat" wherever the protocol counts in heartbeats: the slower of the two.
    pub(crate) fn beat(&self, settings: &Settings) -> Duration {
        match self.generation {
            Generation::Ours { period } => settings.heartbeat.max(period),
            Generation::Classic | Generation::Modern => settings.heartbeat.max(LEGACY_PERIOD),
        }
    }
}
