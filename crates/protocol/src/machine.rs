//! One resource's state and its surroundings: liveness, timers, limits. `transition.rs` says what a state does with
//! an event.

use std::time::Duration;

use schrittmacher_wire::PeerCode;
use serde::{Deserialize, Serialize};

use crate::epoch::Epochs;
use crate::event::{Event, Reaction};
use crate::fence::Fence;
use crate::isolation::Isolation;
use crate::majority::Majority;
use crate::messages::ANNOUNCEMENTS;
use crate::peer::{Peer, Said};
use crate::question::Asked;
use crate::set::Bond;
use crate::setback::Setbacks;
use crate::state::State;
use crate::step::Step;
use crate::{Settings, Time};

/// Everything that decides what a resource does next, apart from its settings.
///
/// It is plain data, comparable and hashable, so that a search or a table can put a machine into any
/// situation and take the next step from there ([`Machine::handle`]). A [`Resource`](crate::Resource) lends
/// its machine for reading only, so a running daemon's changes by events and new settings alone.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Machine {
    pub state: State,
    /// The application of this node.
    pub app: App,
    /// The other side.
    pub peer: Peer,
    /// A takeover request of ours that is open.
    pub asked: Option<Asked>,
    /// The next heartbeat.
    pub next_tick: Time,
    /// Before this time no `HOTT` or `STBY` leaves beside the heartbeat (S10).
    pub quiet_until: Time,
    /// Answers given in the current window (P6).
    pub answers: Window,
    /// Messages beside the heartbeat in the current window (P6).
    pub announcements: Bucket,
    /// A word that the limit on messages has left out, and that must not be lost: it leaves as soon as there is room.
    #[serde(default)]
    pub owed: Option<PeerCode>,
    /// `preempt` may act: no operator has decided otherwise since the peer was last lost or failed.
    pub preempt_armed: bool,
    /// The setbacks of this side.
    pub setbacks: Setbacks,
    /// Clients cannot reach this host.
    pub cut_off: bool,
    /// Before this time silence has no effect (`startup-delay`, T4).
    pub starting_until: Time,
    /// When the state was entered.
    pub since: Time,
    /// We lost time and the sockets are not drained yet. Messages from that time are a sign of life, not news (S11).
    pub catching_up: bool,
    /// No automatic switch: this side takes no role by itself, and hands none over at its end (P12).
    #[serde(default)]
    pub frozen: bool,
    /// The demands of the other members of its set; `None`: it is in no set.
    #[serde(default)]
    pub bond: Option<Bond>,
    /// The word of the peer and of the witness (`policy = consistent`).
    #[serde(default)]
    pub majority: Majority,
    /// The numbers of promotions. They decide nothing.
    #[serde(default)]
    pub epochs: Epochs,
    /// Whether this host reaches anything.
    #[serde(default)]
    pub isolation: Isolation,
    /// Whether the host of a silent peer is off.
    #[serde(default)]
    pub fence: Fence,
    /// The daemon has been asked to end. It stays until the service is in good hands (S9).
    pub ending: Ending,
}

/// The application of this node.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct App {
    /// When it was last heard; before the first time, when this daemon started.
    pub heard: Time,
    /// Its silence has been acted on at least once.
    pub silent: bool,
    /// It has reported its state since this daemon started.
    pub reported: bool,
}

/// Whether the daemon has been asked to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Ending {
    /// It has not.
    No,
    /// It has, and hands over as soon as a peer can take over.
    Asked,
    /// It has, and its hand-over came back. It serves until that is known, and then leaves the application alone.
    CameBack,
}

/// How likely the other side has the address that this side has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Contest {
    /// It says that it does not, or this side has none.
    No,
    /// It does not want it. An earlier run of it may have left it there.
    Left,
    /// It is hot or goes hot, or was not heard for some time and may have done so.
    Open,
}

/// A window of time in which a limited number of messages leaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Window {
    /// Its end.
    pub until: Time,
    /// Messages in it.
    pub used: u8,
}

impl Window {
    /// Whether one more is within the limit; counts it. A window that is over gives way to a new one of this length.
    pub(crate) fn take(&mut self, now: Time, length: Duration, limit: u8) -> bool {
        if now >= self.until {
            *self = Window { until: now + length, used: 0 };
        }
        let may = self.used < limit;
        self.used += u8::from(may);
        may
    }
}

/// A limit on messages, as a bucket that leaks: what has filled it leaves it one by one. So no second has more than what
/// it holds and what leaves it in a second, whenever that second begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Bucket {
    /// When it is empty.
    pub empty_at: Time,
}

impl Bucket {
    /// Whether one more finds room; takes it in. One leaves each `spacing`, and `room` are in it at most.
    pub(crate) fn take(&mut self, now: Time, spacing: Duration, room: u32) -> bool {
        let full = now + spacing.saturating_mul(room);
        // It was filled with a longer spacing, perhaps.
        self.empty_at = self.empty_at.max(now).min(full);
        let may = self.empty_at + spacing <= full;
        if may {
            self.empty_at = self.empty_at + spacing;
        }
        may
    }

    /// From when on one more finds room.
    fn room_at(self, spacing: Duration, room: u32) -> Time {
        self.empty_at + spacing - spacing.saturating_mul(room)
    }
}

/// The next heartbeat is a period after the last one was due, so that lateness does not add up. Missed ones are not made up for.
pub(crate) fn heartbeat_after(due: Time, now: Time, period: Duration) -> Time {
    let next = due + period;
    if now < due || next <= now { now + period } else { next }
}

impl Machine {
    /// The machine of a daemon that has just started.
    pub fn new(settings: &Settings, now: Time) -> Machine {
        Machine {
            state: State::Unknown { claim: None },
            app: App { heard: now, silent: false, reported: false },
            peer: Peer::new(now),
            asked: None,
            next_tick: now,
            quiet_until: now,
            answers: Window::default(),
            announcements: Bucket::default(),
            owed: None,
            preempt_armed: true,
            setbacks: Setbacks::default(),
            cut_off: false,
            starting_until: now + settings.startup_delay,
            since: now,
            catching_up: false,
            frozen: false,
            bond: None,
            majority: Majority::new(settings, now),
            epochs: Epochs::default(),
            isolation: Isolation::default(),
            fence: Fence::default(),
            ending: Ending::No,
        }
    }

    /// Takes one event in; see [`Resource::handle`](crate::Resource::handle), which does just this and keeps
    /// the books.
    pub fn handle(&mut self, settings: &Settings, now: Time, event: Event) -> Reaction {
        match self.handle_settled(settings, now, &event) {
            Some(usual) => usual.reaction(event),
            None => self.handle_watched(settings, now, event, &mut |_, _| {}),
        }
    }

    /// The same, and shows the machine and the reaction so far after each transition: for tables and searches,
    /// which compare single transitions.
    pub fn handle_watched(
        &mut self,
        settings: &Settings,
        now: Time,
        event: Event,
        watch: &mut dyn FnMut(&Machine, &Reaction),
    ) -> Reaction {
        Step::new(self, settings, now, event, watch).handle()
    }

    /// The earliest time at which something happens without an event.
    pub fn next_deadline(&self, settings: &Settings) -> Time {
        let app = (!self.app.silent).then(|| self.app_due(settings));
        let peer = self.peer_due(settings).filter(|_| !self.peer.lost);
        let owed = self.owed.map(|_| self.announcements.room_at(self.spacing(settings), ANNOUNCEMENTS));
        let mut first = self.next_tick;
        let mut consider = |due: Option<Time>| first = due.map_or(first, |due| first.min(due));
        consider(self.state_due());
        consider(app);
        consider(peer);
        consider(self.question_due());
        consider(owed);
        consider(self.majority_due(settings));
        consider(self.isolation_due(settings));
        first
    }

    pub(crate) fn schedule_heartbeat(&mut self, now: Time, period: Duration) {
        self.next_tick = heartbeat_after(self.next_tick, now, period);
    }

    /// When a hot node gives up whose application does not say `LHOT` (S5). Not before silence of the application
    /// would be noticed.
    pub(crate) fn lhot_deadline(&self, settings: &Settings, now: Time) -> Time {
        now + settings.going_hot_timeout.max(settings.app_timeout)
    }

    /// A classic peer needs half a second without a datagram, or it does not look at its clock (D30).
    pub(crate) fn hush(&mut self, settings: &Settings, now: Time) {
        let period = self.peer.our_period(settings);
        self.quiet_until = now + Duration::from_secs(1).min(period / 2);
    }

    /// The claim, going hot, LHOT again, going standby, being held back, leaving: see [`State`].
    pub(crate) fn state_due(&self) -> Option<Time> {
        // No time ends the hold of a side that is cut off.
        self.state.deadline().filter(|_| !self.cut_off || !self.state.is_held_back())
    }

    /// The application counts as silent.
    pub(crate) fn app_due(&self, settings: &Settings) -> Time {
        (self.app.heard + settings.app_timeout).max(self.starting_until)
    }

    /// The peer counts as silent; not before a classic one has been asked often enough.
    pub(crate) fn peer_due(&self, settings: &Settings) -> Option<Time> {
        // A failed side does not ask, unless the end of its being held back depends on it.
        let is_judged =
            matches!(self.state, State::Failed { hold_back: None }) || !self.peer.needs_questions();
        is_judged.then(|| (self.peer_counts_from() + self.peer.timeout(settings)).max(self.starting_until))
    }

    /// From when on the silence of the peer counts.
    pub(crate) fn peer_counts_from(&self) -> Time {
        self.peer.heard.max(self.isolation.reached_at)
    }

    /// The peer is silent, and is asked.
    pub(crate) fn question_due(&self) -> Option<Time> {
        self.peer.question_due().filter(|_| self.state.asks_silent_peer())
    }

    /// The window in which a limited number of messages leaves.
    pub(crate) fn window(&self, settings: &Settings) -> Duration {
        Duration::from_secs(1).min(self.peer.beat(settings).saturating_mul(5))
    }

    /// The limit lets a message beside the heartbeat through this often.
    pub(crate) fn spacing(&self, settings: &Settings) -> Duration {
        self.window(settings) / ANNOUNCEMENTS
    }

    /// The application is hot as far as this node knows, and the next daemon is to know it if this one ends now
    /// ([`Event::LeftHot`]).
    pub fn leaves_hot(&self) -> bool {
        matches!(self.state, State::Hot { .. } | State::Unknown { claim: Some(_) })
    }

    /// The daemon has been asked to end.
    pub(crate) fn is_ending(&self) -> bool {
        self.ending != Ending::No
    }

    /// How likely the other side has the address as well as this one, and has announced it.
    pub fn contest(&self) -> Contest {
        match (self.state, self.peer.said) {
            // Anything may have happened in the time that it has lost.
            (State::Unknown { claim: Some(_) }, _) => Contest::Open,
            (State::Hot { .. }, Said::Nothing | Said::ToHot | Said::Hot) => Contest::Open,
            (State::Hot { .. }, Said::Other) => Contest::Left,
            (State::Hot { .. }, Said::Fail | Said::Standby) => Contest::No,
            (
                State::Unknown { claim: None }
                | State::Standby { .. }
                | State::ToHot { .. }
                | State::Releasing(_)
                | State::ToStandby { .. }
                | State::Failed { .. }
                | State::Leaving { .. },
                _,
            ) => Contest::No,
        }
    }

    /// Whether this side is hot, and the other one would take the role at once: it is ready, as far as it has said, and
    /// nobody wants this side to stay.
    pub fn hands_over_well(&self) -> bool {
        let peer = &self.peer;
        let is_ready =
            peer.alive && peer.said == Said::Standby && !peer.leaving && !peer.held && !peer.cut_off;
        matches!(self.state, State::Hot { .. }) && peer.is_ours() && is_ready && !self.frozen
    }

    /// Whether this side is hot and less contested than before the last event. Its address has to be announced again, since
    /// the neighbours may have been misled (P11).
    pub fn has_prevailed(&self, before: Contest) -> bool {
        matches!(self.state, State::Hot { .. }) && self.contest() < before
    }

    /// The settings have changed.
    pub(crate) fn adjust(&mut self, settings: &Settings, now: Time) {
        let beat = now + self.peer.our_period(settings);
        self.next_tick = self.next_tick.clamp(now, beat);
        if !self.app.silent {
            self.app.heard = now;
        }
        if !self.peer.lost {
            self.peer.heard = now;
        }
    }

    /// Checks the invariants that hold after every step, with any input. The error names the one that does not.
    pub fn check(&self) -> Result<(), &'static str> {
        let asked = match self.state {
            State::Unknown { .. } | State::Standby { .. } | State::ToHot { .. } | State::ToStandby { .. } => {
                true
            }
            State::Hot { .. } => !matches!(self.asked, Some(Asked::Forced { .. })),
            State::Releasing(_) | State::Failed { .. } | State::Leaving { .. } => self.asked.is_none(),
        };
        let rules = [
            (asked, "S3: a request is open in a state that cannot have it"),
            (!(self.peer.alive && self.peer.lost), "T2: the peer is alive and lost"),
            (self.peer.alive || !self.peer.claims(), "T2: a silent peer claims the role"),
            (self.fence.asked.is_none() || self.peer.lost, "S12: the host of a peer that is heard is fenced"),
        ];
        rules.iter().find(|(holds, _)| !holds).map_or(Ok(()), |(_, broken)| Err(*broken))
    }
}
