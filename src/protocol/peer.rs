//! What we know of the other side: whether it lives, which generation it is, what it last said.

use std::time::Duration;

use schrittmacher_wire::PeerCode;
use serde::{Deserialize, Serialize};

use crate::event::PeerReport;
use crate::{Settings, Time};

/// The period of a legacy daemon (fixed since 1.6), and the longest silence of ours towards one (W5).
pub(crate) const LEGACY_PERIOD: Duration = Duration::from_secs(2);
/// Least silence after which a peer that is not known to be ours counts as dead (T2).
const MODERN_TIMEOUT: Duration = Duration::from_secs(6);
/// The same for a classic peer, which may be silent for 8 s while it goes hot (T2, D9).
const CLASSIC_TIMEOUT: Duration = Duration::from_secs(10);
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
    /// What it last said about its role.
    pub said: Said,
    /// What program it is.
    pub generation: Generation,
    /// Messages in a row that contradict `generation`.
    pub contradictions: u8,
    /// How many more messages of ours tell a living peer what we are.
    pub advertise: u8,
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
            generation: Generation::Classic,
            contradictions: 0,
            advertise: VERDICT,
        }
    }

    /// Takes note of a datagram. Unknown codes count as life too (W3, D32).
    pub(crate) fn heard(&mut self, now: Time, report: &PeerReport, extensions: bool) {
        self.heard = now;
        self.alive = true;
        self.lost = false;
        self.learn_generation(report, extensions);
        match report.code {
            None | Some(PeerCode::Treq | PeerCode::Trej) => {}
            Some(PeerCode::Hott) => self.said = Said::Hot,
            Some(PeerCode::ToHot) => self.said = Said::ToHot,
            Some(PeerCode::Fail) => self.said = Said::Fail,
            Some(PeerCode::Unk | PeerCode::Stby | PeerCode::Tcnf | PeerCode::Fovr | PeerCode::ToStandby) => {
                self.said = Said::Other;
            }
        }
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

    /// The peer has been silent for its timeout.
    pub(crate) fn lose(&mut self) {
        self.alive = false;
        self.lost = true;
        self.said = Said::Nothing;
        self.advertise = VERDICT;
    }

    /// Tell the peer again what we are (W4: at start, after silence, after a reload).
    pub(crate) fn advertise(&mut self) {
        self.advertise = VERDICT;
    }

    /// Whether the next message carries our extension. While nobody is heard every message does, so that
    /// two of ours find each other again after a partition of any length.
    pub(crate) fn take_extended(&mut self) -> bool {
        if matches!(self.generation, Generation::Ours { .. }) || !self.alive {
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

    /// Period of our own messages towards it (W5).
    pub(crate) fn our_period(&self, settings: &Settings) -> Duration {
        match self.generation {
            Generation::Ours { .. } => settings.heartbeat,
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
