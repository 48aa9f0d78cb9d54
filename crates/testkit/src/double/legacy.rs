//! One resource of a legacy daemon: its table and what stands around it.
//!
//! The surroundings were observed in the running programs and are stated beside the tables
//! (`tests/data/legacy/README.md`).

use std::time::Duration;

use schrittmacher_wire::{AppCode, PeerCode};

use super::Generation;
use super::table::{Cause, Circumstances, Deed, GoingHot, Random, State, Table};

/// Both generations say their role this often, whatever 1.8's `heartbeat-intervall` is.
const PERIOD: Duration = Duration::from_secs(2);

/// 1.8.2 looks at its timers when no datagram at all has come for half a second (D30). With what the loop itself
/// takes, this is the least spacing observed.
pub const POLL: Duration = Duration::from_millis(501);

/// 1.8.2: silence after which the peer is dead.
const CLASSIC_TIMEOUT: Duration = Duration::from_secs(6);

/// 1.8.2: how long it waits for its application after a confirmed takeover, saying nothing.
const GOING_HOT_WINDOW: Duration = Duration::from_secs(6);

/// 2.0.0: how long ToHot and ToStandby may last.
const GOING_HOT: Duration = Duration::from_secs(20);
const GOING_STANDBY: Duration = Duration::from_secs(6);

/// 2.0.0: heartbeats without a message that are still borne.
const BORNE: u8 = 4;

/// 2.0.0: spacing of the role's message beyond the heartbeat.
const ROLE_SPACING: Duration = Duration::from_secs(1);

/// `random` of a forced takeover; everything drawn is smaller by two or more.
const FORCED: u32 = u32::MAX;

/// The configuration of one resource, as far as it decides anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Settings {
    /// Which program.
    pub generation: Generation,
    /// `priority`.
    pub priority: i32,
    /// `heartbeat-intervall`: the heartbeat of 2.0.0, the patience of 1.8.2 with its application. Less than
    /// 2 s counts as 2 s, as in both programs.
    pub heartbeat_intervall: Duration,
}

/// An event of the resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// A datagram with a status of a daemon.
    Peer {
        /// The status.
        code: PeerCode,
        /// The sender's priority.
        priority: i32,
        /// The sender's random.
        random: u32,
    },
    /// A datagram with a status of an application.
    App(AppCode),
    /// The operator's failover button.
    Failover,
    /// The operator's takeover button.
    Takeover,
    /// Time has passed; call when [`Legacy::next_deadline`] is due.
    Timer,
}

/// The daemon's actions, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Sends a datagram to the peer.
    Send {
        /// The status.
        code: PeerCode,
        /// The random in it.
        random: u32,
    },
    /// Runs `interface-activate`, unless it takes the interface for up.
    Activate,
    /// Runs `interface-deactivate`, unless it takes the interface for down.
    Deactivate,
    /// Runs `start-action`.
    Start,
    /// Runs `stop-action`.
    Stop,
    /// 2.0.0 took note of its application's silence: this is the reason it gives from here on.
    NotedSilence,
}

/// One resource of a legacy daemon. Small, comparable and hashable; the texts it says are in
/// [`Daemon`](super::Daemon).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Legacy {
    settings: Settings,
    pub(crate) state: State,
    pub(crate) local_failed: bool,
    pub(crate) remote_failed: bool,
    /// The random last drawn, whether or not the peer has seen it (D14).
    pub(crate) random: u32,
    /// When the state was entered.
    pub(crate) entered: Duration,
    /// The next heartbeat.
    pub(crate) next_tick: Duration,
    pub(crate) around: Around,
}

/// The surroundings of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Around {
    V200 {
        /// Heartbeats since the last message of the application.
        outstanding_local: u8,
        /// Heartbeats since the last message of the peer.
        outstanding_remote: u8,
        /// The last HOTT or STBY, if nothing but TREQ, TCNF, TREJ, 2HOT or 2SBY was said since.
        said_role: Option<(PeerCode, Duration)>,
    },
    V182 {
        heard_local: Duration,
        heard_remote: Duration,
        /// Since when the sub-state "going hot" holds.
        going_hot: Option<Duration>,
        next_poll: Duration,
    },
}

impl Legacy {
    /// A daemon that starts now. `draw` gives any 32-bit number; it is called once for each UNK and TREQ.
    pub fn start(settings: Settings, now: Duration, draw: &mut dyn FnMut() -> u32) -> (Legacy, Vec<Action>) {
        let around = match settings.generation {
            Generation::V200 => Around::V200 { outstanding_local: 0, outstanding_remote: 0, said_role: None },
            Generation::V182 => {
                Around::V182 { heard_local: now, heard_remote: now, going_hot: None, next_poll: now + POLL }
            }
        };
        let mut legacy = Legacy {
            settings,
            state: State::Unknown,
            local_failed: false,
            remote_failed: false,
            random: 0,
            entered: now,
            next_tick: now,
            around,
        };
        legacy.next_tick = now + legacy.period();
        let mut out = Vec::new();
        legacy.send(now, PeerCode::Unk, Random::Fresh, draw, &mut out);
        (legacy, out)
    }

    /// Takes an event in and says what the daemon does.
    pub fn handle(&mut self, now: Duration, event: Event, draw: &mut dyn FnMut() -> u32) -> Vec<Action> {
        let mut out = Vec::new();
        match event {
            Event::Peer { code, priority, random } => {
                let won = self.wins(priority, random);
                self.take(now, Cause::Peer(code), won, draw, &mut out);
            }
            Event::App(code) => self.take(now, Cause::App(code), false, draw, &mut out),
            Event::Failover => self.take(now, Cause::Failover, false, draw, &mut out),
            Event::Takeover => self.take(now, Cause::Takeover, false, draw, &mut out),
            Event::Timer => self.on_time(now, draw, &mut out),
        }
        out
    }

    /// The daemon has received a datagram, for this resource or another one. The wait of 1.8.2 begins anew. Apart from
    /// [`Legacy::handle`], since a search in steps of a second has no half seconds.
    pub fn overhear(&mut self, now: Duration) {
        if let Around::V182 { next_poll, .. } = &mut self.around {
            *next_poll = now + POLL;
        }
    }

    /// The host's wall clock is set, forward or `back`. The timers of 2.0.0 go by it: the next heartbeat comes so
    /// much later, or at once. Of 1.8.2 no such thing is known.
    pub fn set_clock(&mut self, now: Duration, by: Duration, back: bool) {
        if self.settings.generation == Generation::V200 {
            self.next_tick =
                if back { self.next_tick + by } else { self.next_tick.saturating_sub(by).max(now) };
        }
    }

    /// When [`Event::Timer`] is due.
    pub fn next_deadline(&self) -> Duration {
        match self.around {
            Around::V200 { .. } => self.next_tick,
            Around::V182 { next_poll, .. } => next_poll,
        }
    }

    /// The same daemon with `now` moved to [`Legacy::ORIGIN`], so that a search recognises a state that it has met at another
    /// time. Times that are too long ago to make a difference become the same.
    pub fn rebased(&self, now: Duration) -> Legacy {
        let longest = GOING_HOT.max(CLASSIC_TIMEOUT).max(self.settings.heartbeat_intervall) + PERIOD;
        let past = |at: Duration| Self::ORIGIN - now.saturating_sub(at).min(longest).min(Self::ORIGIN);
        let future = |at: Duration| Self::ORIGIN + at.saturating_sub(now);
        let mut moved = self.clone();
        moved.entered = past(self.entered);
        // 1.8.2 keeps the beat of one that is overdue.
        moved.next_tick = match self.settings.generation {
            Generation::V200 => future(self.next_tick),
            Generation::V182 => (Self::ORIGIN + self.next_tick).saturating_sub(now),
        };
        match &mut moved.around {
            Around::V200 { said_role, .. } => {
                let recent = said_role.filter(|(_, at)| now.saturating_sub(*at) < ROLE_SPACING);
                *said_role = recent.map(|(code, at)| (code, past(at)));
            }
            Around::V182 { heard_local, heard_remote, going_hot, next_poll } => {
                *heard_local = past(*heard_local);
                *heard_remote = past(*heard_remote);
                *going_hot = going_hot.map(past);
                *next_poll = future(*next_poll);
            }
        }
        moved
    }

    /// Where [`Legacy::rebased`] puts the present: far enough from the beginning of time.
    pub const ORIGIN: Duration = Duration::from_secs(86_400);

    /// The state.
    pub fn state(&self) -> State {
        self.state
    }

    /// The configuration.
    pub fn settings(&self) -> Settings {
        self.settings
    }

    /// The same daemon with every time moved so that `now` becomes `to`, and with times that are over made equal. It is for a
    /// search, to which the same situation later is the same situation. `to` must be half a minute or more.
    #[must_use]
    pub fn seen_from(&self, now: Duration, to: Duration) -> Legacy {
        let not_over = |time: Duration| time.max(now) - now + to;
        let at_most = |time: Duration, limit: Duration| to - now.saturating_sub(time).min(limit);
        // Held against the limits with `>`.
        let beyond = |limit: Duration| limit + Duration::from_secs(1);
        let (entered, around) = match self.around {
            Around::V200 { outstanding_local, outstanding_remote, said_role } => {
                let limit = match self.state {
                    State::ToHot => beyond(GOING_HOT),
                    State::ToStandby => beyond(GOING_STANDBY),
                    State::Unknown | State::Standby | State::Hot | State::Failed => Duration::ZERO,
                };
                let said_role = said_role
                    .filter(|(_, at)| now.saturating_sub(*at) < ROLE_SPACING)
                    .map(|(code, at)| (code, at_most(at, ROLE_SPACING)));
                let around = Around::V200 { outstanding_local, outstanding_remote, said_role };
                (at_most(self.entered, limit), around)
            }
            Around::V182 { heard_local, heard_remote, going_hot, next_poll } => {
                let patience = self.settings.heartbeat_intervall.max(PERIOD);
                let around = Around::V182 {
                    heard_local: at_most(heard_local, beyond(patience)),
                    heard_remote: at_most(heard_remote, beyond(CLASSIC_TIMEOUT)),
                    going_hot: going_hot.map(|since| at_most(since, beyond(GOING_HOT_WINDOW))),
                    next_poll: not_over(next_poll),
                };
                (at_most(self.entered, beyond(CLASSIC_TIMEOUT)), around)
            }
        };
        // Late heartbeats are not made up for; 1.8.2 stays on its grid, so how late it is counts there.
        let next_tick = match self.around {
            Around::V200 { .. } => not_over(self.next_tick),
            Around::V182 { .. } if self.next_tick < now => at_most(self.next_tick, PERIOD),
            Around::V182 { .. } => not_over(self.next_tick),
        };
        Legacy { entered, next_tick, around, ..self.clone() }
    }

    fn period(&self) -> Duration {
        match self.settings.generation {
            Generation::V200 => self.settings.heartbeat_intervall.max(PERIOD),
            Generation::V182 => PERIOD,
        }
    }

    /// The challenge: priority signed, then the own stored random against the received one; a tie is lost.
    fn wins(&self, priority: i32, random: u32) -> bool {
        (self.settings.priority, self.random) > (priority, random)
    }

    fn on_time(&mut self, now: Duration, draw: &mut dyn FnMut() -> u32, out: &mut Vec<Action>) {
        match self.around {
            Around::V200 { .. } => {
                if now >= self.next_tick {
                    // Counted from the firing, so that lateness adds up: the observed drift.
                    self.next_tick = now + self.period();
                    self.beat(now, draw, out);
                }
            }
            Around::V182 { next_poll, .. } => {
                if now >= next_poll {
                    self.poll(now, draw, out);
                }
            }
        }
    }

    /// A heartbeat of 2.0.0: its message, then the counters, the application's first.
    fn beat(&mut self, now: Duration, draw: &mut dyn FnMut() -> u32, out: &mut Vec<Action>) {
        self.take(now, Cause::Tick, false, draw, out);
        let Around::V200 { outstanding_local, outstanding_remote, .. } = &mut self.around else { return };
        // Nothing depends on how far beyond the limit they are.
        *outstanding_local = (*outstanding_local + 1).min(BORNE + 1);
        *outstanding_remote = (*outstanding_remote + 1).min(BORNE + 1);
        let (local, remote) = (*outstanding_local, *outstanding_remote);
        if local > BORNE {
            out.push(Action::NotedSilence);
            self.take(now, Cause::LocalTimeout, false, draw, out);
        }
        if remote > BORNE {
            self.take(now, Cause::RemoteTimeout, false, draw, out);
        }
    }

    /// One turn of 1.8.2's main loop. In what order it looks at the two silences is not known; no row makes
    /// a difference.
    fn poll(&mut self, now: Duration, draw: &mut dyn FnMut() -> u32, out: &mut Vec<Action>) {
        let Around::V182 { next_poll, .. } = &mut self.around else { return };
        *next_poll = now + POLL;
        if now >= self.next_tick {
            // On the grid: this timer does not drift, but it waits for the loop.
            while self.next_tick <= now {
                self.next_tick += self.period();
            }
            self.take(now, Cause::Tick, false, draw, out);
        }
        let Around::V182 { heard_local, heard_remote, .. } = self.around else { return };
        if now.saturating_sub(heard_local) > self.settings.heartbeat_intervall.max(PERIOD) {
            self.take(now, Cause::LocalTimeout, false, draw, out);
        }
        if now.saturating_sub(heard_remote.max(self.entered)) > CLASSIC_TIMEOUT {
            self.take(now, Cause::RemoteTimeout, false, draw, out);
        }
    }

    /// Applies the row for `cause`.
    pub(crate) fn take(
        &mut self,
        now: Duration,
        cause: Cause,
        won: bool,
        draw: &mut dyn FnMut() -> u32,
        out: &mut Vec<Action>,
    ) {
        let table = Table::of(self.settings.generation);
        let Some(row) = table.row(self.state, cause, self.circumstances(now, won)) else { return };
        self.note_heard(now, cause);
        for deed in &row.deeds {
            match *deed {
                Deed::Send(code) => self.send(now, code, row.random, draw, out),
                Deed::Activate => out.push(Action::Activate),
                Deed::Deactivate => out.push(Action::Deactivate),
                Deed::Start => out.push(Action::Start),
                Deed::Stop => out.push(Action::Stop),
            }
        }
        self.local_failed = row.local_failed.unwrap_or(self.local_failed);
        self.remote_failed = row.remote_failed.unwrap_or(self.remote_failed);
        if let (Around::V182 { going_hot, .. }, Some(set)) = (&mut self.around, row.going_hot) {
            *going_hot = set.then_some(now);
        }
        if row.next != self.state {
            self.state = row.next;
            self.entered = now;
            // The sub-state lives in the state object.
            if let Around::V182 { going_hot, .. } = &mut self.around {
                *going_hot = None;
            }
        }
    }

    fn circumstances(&self, now: Duration, won: bool) -> Circumstances {
        let in_state = now.saturating_sub(self.entered);
        let (recent, going_hot) = match self.around {
            Around::V200 { said_role, .. } => {
                let role = if self.state == State::Hot { PeerCode::Hott } else { PeerCode::Stby };
                let recent =
                    said_role.is_some_and(|(code, at)| code == role && now.saturating_sub(at) < ROLE_SPACING);
                (recent, GoingHot::Clear)
            }
            Around::V182 { going_hot, .. } => (
                false,
                match going_hot {
                    None => GoingHot::Clear,
                    Some(since) if now.saturating_sub(since) <= GOING_HOT_WINDOW => GoingHot::Set,
                    Some(_) => GoingHot::SetTooLong,
                },
            ),
        };
        let limit = if self.state == State::ToStandby { GOING_STANDBY } else { GOING_HOT };
        Circumstances {
            local_failed: self.local_failed,
            remote_failed: self.remote_failed,
            won,
            overdue: in_state > limit,
            recent,
            going_hot,
        }
    }

    /// Only a code that the generation knows counts as life (D32).
    fn note_heard(&mut self, now: Duration, cause: Cause) {
        match (&mut self.around, cause) {
            (Around::V200 { outstanding_local, .. }, Cause::App(_)) => *outstanding_local = 0,
            (Around::V200 { outstanding_remote, .. }, Cause::Peer(_)) => *outstanding_remote = 0,
            (Around::V182 { heard_local, .. }, Cause::App(_)) => *heard_local = now,
            (Around::V182 { heard_remote, .. }, Cause::Peer(_)) => *heard_remote = now,
            (
                Around::V200 { .. } | Around::V182 { .. },
                Cause::Tick | Cause::LocalTimeout | Cause::RemoteTimeout | Cause::Failover | Cause::Takeover,
            ) => {}
        }
    }

    fn send(
        &mut self,
        now: Duration,
        code: PeerCode,
        random: Random,
        draw: &mut dyn FnMut() -> u32,
        out: &mut Vec<Action>,
    ) {
        // Redrawn for a forced request too, although that says another number.
        if matches!(code, PeerCode::Unk | PeerCode::Treq) {
            self.random = draw() % (FORCED - 1);
        }
        let random = match random {
            Random::Max => FORCED,
            Random::Fresh if matches!(code, PeerCode::Unk | PeerCode::Treq) => self.random,
            Random::Fresh | Random::Zero => 0,
        };
        out.push(Action::Send { code, random });
        if let Around::V200 { said_role, .. } = &mut self.around {
            match code {
                PeerCode::Hott | PeerCode::Stby => *said_role = Some((code, now)),
                PeerCode::Unk | PeerCode::Fail | PeerCode::Fovr => *said_role = None,
                PeerCode::Treq | PeerCode::Tcnf | PeerCode::Trej | PeerCode::ToHot | PeerCode::ToStandby => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use schrittmacher_simulator::Xorshift;

    /// Some event, and how long until it.
    fn event(dice: &mut Xorshift) -> (Duration, Event) {
        let wait = Duration::from_millis(u64::from(dice.draw() % 2500));
        let code = dice.draw() as usize;
        let event = match dice.draw() % 8 {
            0..3 => {
                let code = PeerCode::ALL[code % PeerCode::ALL.len()];
                Event::Peer { code, priority: 0, random: dice.draw() }
            }
            3..5 => Event::App(AppCode::ALL[code % AppCode::ALL.len()]),
            5 if code.is_multiple_of(10) => Event::Failover,
            5 if code % 10 == 1 => Event::Takeover,
            _ => Event::Timer,
        };
        (wait, event)
    }

    #[test]
    fn a_daemon_moved_in_time_does_the_same() {
        for (seed, generation) in (0..400).zip([Generation::V182, Generation::V200].into_iter().cycle()) {
            let settings = Settings { generation, priority: 0, heartbeat_intervall: Duration::ZERO };
            let mut dice = Xorshift::new(seed);
            let mut now = Duration::from_secs(5);
            let (mut legacy, _) = Legacy::start(settings, now, &mut || 7);
            for _ in 0..60 {
                let mut moved = legacy.rebased(now);
                assert_eq!(moved.rebased(Legacy::ORIGIN), moved, "moved once is enough");
                let (wait, event) = event(&mut dice);
                now += wait;
                let done = legacy.handle(now, event, &mut || 7);
                assert_eq!(moved.handle(Legacy::ORIGIN + wait, event, &mut || 7), done, "seed {seed}");
                assert_eq!(moved.rebased(Legacy::ORIGIN + wait), legacy.rebased(now), "seed {seed}");
            }
        }
    }
}
