//! One resource's state and its surroundings: liveness, timers, limits. What a state does with an event
//! stands in `transition.rs`.

use std::time::Duration;

use schrittmacher_wire::AppCode;
use serde::{Deserialize, Serialize};

use crate::event::{Action, Event, Notice, PeerReport};
use crate::peer::Peer;
use crate::state::State;
use crate::{Settings, Time};

/// Everything that decides what a resource does next. Settings, counters and the flight record stand beside
/// it.
///
/// It is plain data, comparable and hashable, so that a search or a table can put a machine into any
/// situation and take the next step from there ([`Machine::handle`]). A [`Resource`](crate::Resource) lends
/// its machine for reading only, so a running daemon's changes by events and new settings alone.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Machine {
    /// The state.
    pub state: State,
    /// The application of this node.
    pub app: App,
    /// The other side.
    pub peer: Peer,
    /// A takeover request of ours that is not answered yet.
    pub asked: Option<Asked>,
    /// The next heartbeat.
    pub next_tick: Time,
    /// Until then no `HOTT` or `STBY` beyond the heartbeat (S10).
    pub quiet_until: Time,
    /// Answers given in the current window (P6).
    pub answers: Window,
    /// `preempt` may act: no operator has decided otherwise since the peer was last lost or failed.
    pub preempt_armed: bool,
    /// Until then silence counts for nothing (`startup-delay`, T4).
    pub starting_until: Time,
    /// When the state was entered.
    pub since: Time,
    /// We lost time and the sockets are not drained yet: what the peer said while we were away is life, not
    /// news (S11).
    pub catching_up: bool,
}

/// The application of this node.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct App {
    /// It reported a failure, ended or fell silent, and has not reported anything better since.
    pub failed: bool,
    /// When it was last heard; before the first time, when we started.
    pub heard: Time,
    /// Its silence has been acted on at least once.
    pub silent: bool,
}

/// A takeover request of ours that is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Asked {
    /// In a conflict: `TREQ` with [`OUR_RANDOM`](crate::OUR_RANDOM).
    Plain {
        /// An answer counts until then.
        until: Time,
    },
    /// On an operator's order: `TREQ` with [`FORCED_RANDOM`](crate::FORCED_RANDOM), repeated.
    Forced {
        /// An answer counts until then.
        until: Time,
        /// Not sent again before.
        resend: Time,
        /// How often it was sent.
        sent: u8,
        /// A refusal has been answered already (R7).
        pushed: bool,
    },
}

/// A fixed window in which only so many answers are given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Window {
    /// Its end.
    pub until: Time,
    /// Answers given in it.
    pub used: u8,
}

/// Answers to `UNK` and `TREQ` that one window of a second holds (W5); between two of ours with short
/// heartbeats the window is five of those. A settled pair needs none; an honest conflict a
/// handful. What exceeds it is a storm, a forger or a loop.
const ANSWERS: u8 = 10;

/// A forced takeover is asked for this often (S3).
const FORCED_TRIES: u8 = 3;

/// An answer may take this long however short the heartbeat is: a round trip, not a period.
const ANSWER_TIME: Duration = Duration::from_millis(100);

impl Machine {
    /// The machine of a daemon that has just started.
    pub fn new(settings: &Settings, now: Time) -> Machine {
        Machine {
            state: State::Unknown { claim: None },
            app: App { failed: false, heard: now, silent: false },
            peer: Peer::new(now),
            asked: None,
            next_tick: now,
            quiet_until: now,
            answers: Window::default(),
            preempt_armed: true,
            starting_until: now + settings.startup_delay,
            since: now,
            catching_up: false,
        }
    }

    /// Takes one step; see [`Resource::handle`](crate::Resource::handle), which does just this and keeps
    /// the books. One event may make several transitions (a late heartbeat for example also finds the peer
    /// silent); `observer` hears of each.
    pub fn handle(
        &mut self,
        settings: &Settings,
        now: Time,
        event: Event,
        observer: &mut Observer<'_>,
    ) -> Vec<Action> {
        let mut out = Vec::new();
        Step { m: self, settings, now, report: None, out: &mut out, observer }.handle(event);
        out
    }

    /// The earliest time at which something happens without an event.
    pub fn next_deadline(&self, settings: &Settings) -> Time {
        let mut due = self.tick_due();
        if !self.app.silent {
            due = due.min(self.app_deadline(settings));
        }
        if !self.peer.lost {
            due = due.min(self.peer_deadline(settings));
        }
        due
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

    fn tick_due(&self) -> Time {
        self.state.deadline().map_or(self.next_tick, |deadline| deadline.min(self.next_tick))
    }

    fn app_deadline(&self, settings: &Settings) -> Time {
        (self.app.heard + settings.app_timeout).max(self.starting_until)
    }

    fn peer_deadline(&self, settings: &Settings) -> Time {
        (self.peer.heard + self.peer.timeout(settings)).max(self.starting_until)
    }
}

/// One step: the machine together with what it may look at, and the list it writes to.
pub(crate) struct Step<'a, 'o> {
    pub(crate) m: &'a mut Machine,
    pub(crate) settings: &'a Settings,
    pub(crate) now: Time,
    /// The datagram of the peer that is being handled.
    pub(crate) report: Option<PeerReport>,
    pub(crate) out: &'a mut Vec<Action>,
    /// Hears of every transition, in order.
    pub(crate) observer: &'a mut Observer<'o>,
}

/// Hears of one transition: its cause, the state before, the machine afterwards, what was done.
pub type Observer<'a> = dyn FnMut(Cause, State, &Machine, &[Action]) + 'a;

/// What a state can be asked to react to: the events of the legacy table, and ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Cause {
    /// A known status of the peer.
    Peer(schrittmacher_wire::PeerCode),
    /// A known status of the application.
    App(AppCode),
    /// A datagram with an unknown status, of the peer or the application, or one that was said while we lost
    /// time: life, nothing else (W3, S11).
    Alive,
    /// The heartbeat timer, or a deadline of the state.
    Tick,
    /// The application has been silent for `app-timeout`; again at every heartbeat while it stays silent.
    LocalTimeout,
    /// The peer has been silent for its timeout; again at every heartbeat while it stays silent.
    RemoteTimeout,
    /// The application's believed process has ended.
    AppDied,
    /// The operator's failover.
    Failover {
        /// Override the refusals of S8.
        force: bool,
    },
    /// The operator's takeover.
    Takeover,
    /// The daemon ends.
    Shutdown,
    /// The commands of a hand-over are over.
    Released,
    /// The process lost time (S11).
    Resumed,
    /// The start command has begun.
    StartBegan,
    /// The configuration was read again.
    Reloaded,
}

impl Step<'_, '_> {
    /// Takes one event in.
    pub(crate) fn handle(&mut self, event: Event) {
        // A tick that finds out brings nothing else: the sockets have to be drained before time is acted on.
        if self.notice_lost_time() && event == Event::Tick {
            return;
        }
        match event {
            Event::Tick => {
                self.m.catching_up = false;
                self.on_time();
            }
            Event::Peer(report) => {
                if report.code == Some(schrittmacher_wire::PeerCode::Fail) {
                    self.m.preempt_armed = true;
                }
                if !self.m.peer.alive {
                    self.out.push(Action::Notice(Notice::PeerSeen));
                }
                self.m.peer.heard(self.now, &report, self.settings.extensions);
                self.keep_period();
                self.report = Some(report);
                let news = report.code.filter(|_| !self.m.catching_up);
                self.run(news.map_or(Cause::Alive, Cause::Peer));
            }
            Event::App(code) => {
                self.m.app.heard = self.now;
                self.m.app.silent = false;
                match code {
                    Some(AppCode::Lhot | AppCode::Lsby | AppCode::Lunk | AppCode::L2ht | AppCode::L2sb) => {
                        self.m.app.failed = false;
                    }
                    Some(AppCode::Lfai) => self.m.app.failed = true,
                    Some(AppCode::Lrfo | AppCode::Lrto) | None => {}
                }
                self.run(code.map_or(Cause::Alive, Cause::App));
            }
            Event::AppDied => {
                self.m.app.failed = true;
                self.run(Cause::AppDied);
            }
            Event::StartBegan => self.run(Cause::StartBegan),
            Event::Released => self.run(Cause::Released),
            Event::Failover { force } => self.run(Cause::Failover { force }),
            Event::Takeover => self.run(Cause::Takeover),
            Event::Shutdown => self.run(Cause::Shutdown),
            Event::Reloaded => {
                self.m.peer.advertise();
                self.run(Cause::Reloaded);
            }
        }
    }

    /// A heartbeat that is late by more than the timeout means that we were stopped or asleep (S11): the
    /// right to be hot has to be asked for again, and silence during that time proves nothing. The next tick
    /// is due at once.
    fn notice_lost_time(&mut self) -> bool {
        if self.now <= self.m.next_tick + self.settings.timeout {
            return false;
        }
        let grace = self.now + self.m.peer.beat(self.settings);
        let settings = self.settings;
        if !self.m.peer.lost {
            self.m.peer.heard = self.m.peer.heard.max(grace - self.m.peer.timeout(settings));
        }
        if !self.m.app.silent {
            self.m.app.heard = self.m.app.heard.max(grace - settings.app_timeout);
        }
        self.m.next_tick = self.now;
        self.m.catching_up = true;
        self.out.push(Action::Notice(Notice::Paused));
        self.run(Cause::Resumed);
        true
    }

    /// Everything that is due. In the legacy's order: the heartbeat's own message, then the application's
    /// silence, then the peer's.
    fn on_time(&mut self) {
        let beat = self.now >= self.m.tick_due();
        if beat {
            let period = self.m.peer.our_period(self.settings);
            // On the grid, so that lateness does not add up; missed beats are not made up for.
            let next = self.m.next_tick + period;
            self.m.next_tick =
                if self.now < self.m.next_tick || next <= self.now { self.now + period } else { next };
            self.run(Cause::Tick);
        }
        if self.now >= self.m.app_deadline(self.settings) && (beat || !self.m.app.silent) {
            if !self.m.app.silent {
                self.out.push(Action::Notice(Notice::AppSilent));
            }
            self.m.app.silent = true;
            self.m.app.failed = true;
            self.run(Cause::LocalTimeout);
        }
        if self.now >= self.m.peer_deadline(self.settings) && (beat || !self.m.peer.lost) {
            if self.m.peer.alive {
                self.out.push(Action::Notice(Notice::PeerLost));
                self.end_hold();
            }
            self.m.peer.lose();
            self.m.preempt_armed = true;
            self.keep_period();
            self.run(Cause::RemoteTimeout);
        }
    }

    /// Makes one transition and reports it.
    fn run(&mut self, cause: Cause) {
        let before = self.m.state;
        let first = self.out.len();
        self.transition(cause);
        if before.name() != self.m.state.name() {
            self.m.since = self.now;
        }
        (self.observer)(cause, before, self.m, &self.out[first..]);
    }

    /// A peer that turns out not to be ours must not wait for us longer than it can bear (W5).
    fn keep_period(&mut self) {
        self.m.next_tick = self.m.next_tick.min(self.now + self.m.peer.our_period(self.settings));
    }

    /// Whether one more answer to a question of the peer may leave (P6).
    pub(crate) fn may_answer(&mut self) -> bool {
        if self.now >= self.m.answers.until {
            let window = Duration::from_secs(1).min(self.m.peer.beat(self.settings).saturating_mul(5));
            self.m.answers = Window { until: self.now + window, used: 0 };
        }
        if self.m.answers.used >= ANSWERS {
            return false;
        }
        self.m.answers.used += 1;
        true
    }

    /// Whether a question of ours is open.
    pub(crate) fn is_asking(&self) -> bool {
        self.m.asked.is_some_and(|asked| self.now < asked.until())
    }

    /// Whether a takeover that an operator ordered is open.
    pub(crate) fn is_forcing(&self) -> bool {
        matches!(self.m.asked, Some(Asked::Forced { until, .. }) if self.now < until)
    }

    /// How long a plain question stays open.
    pub(crate) fn answer_time(&self) -> Duration {
        self.m.peer.beat(self.settings).max(ANSWER_TIME)
    }

    /// Notes a forced request; sends the first one.
    pub(crate) fn begin_forcing(&mut self) {
        let spacing = self.answer_time();
        self.end_hold();
        self.m.asked = Some(Asked::Forced {
            until: self.now + spacing.saturating_mul(3),
            resend: self.now,
            sent: 0,
            pushed: false,
        });
        self.force_again(true);
    }

    /// Sends the forced request again, if it is open and not used up. `now` skips the spacing: the peer has
    /// just shown that it is ready to listen.
    pub(crate) fn force_again(&mut self, at_once: bool) {
        let (now, spacing) = (self.now, self.answer_time());
        if let Some(Asked::Forced { until, resend, sent, .. }) = &mut self.m.asked
            && now < *until
            && *sent < FORCED_TRIES
            && (at_once || now >= *resend)
        {
            *sent += 1;
            *resend = now + spacing;
            self.send_request(crate::FORCED_RANDOM);
        }
    }

    /// The push (R7): the answer to a refused forced request, once an order. True if it may be sent.
    pub(crate) fn take_push(&mut self) -> bool {
        match &mut self.m.asked {
            Some(Asked::Forced { pushed, .. }) if !*pushed => {
                *pushed = true;
                true
            }
            Some(Asked::Forced { .. } | Asked::Plain { .. }) | None => false,
        }
    }

    /// Forgets a question whose time is over.
    pub(crate) fn expire_question(&mut self) {
        if self.m.asked.is_some_and(|asked| self.now >= asked.until()) {
            self.withdraw_question();
        }
    }

    /// Forgets a question; an operator whose order it was is told (S3).
    pub(crate) fn withdraw_question(&mut self) {
        if let Some(Asked::Forced { .. }) = self.m.asked.take() {
            self.out.push(Action::Notice(Notice::TakeoverUnanswered));
        }
    }
}

impl Asked {
    fn until(self) -> Time {
        match self {
            Asked::Plain { until } | Asked::Forced { until, .. } => until,
        }
    }
}
