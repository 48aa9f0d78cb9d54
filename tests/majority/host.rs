//! One host: its clock, its daemon, its application.

use std::collections::VecDeque;
use std::time::Duration;

use schrittmacher_protocol::{
    Event, Evidence, FenceRule, Machine, OnIsolation, Policy, Promise, Settings, State, StateName, Time,
};
use schrittmacher_testkit::pair::ADDRESSES;
use schrittmacher_testkit::settings;
use schrittmacher_wire::AppCode;

/// The application reports its state this often.
const REPORTS: Duration = Duration::from_secs(1);

/// Both hosts have this configuration; times are as an operator writes them.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    pub heartbeat: Duration,
    pub policy: Policy,
    /// The application needs this long to become hot, and to stop.
    pub starts: Duration,
    pub stops: Duration,
    /// By how many millionths each host's clock is fast, and the witness's.
    pub rates: [i64; 3],
    /// `schrittmacher-run` ends the application at the end of its right, whatever the daemon does.
    pub run: bool,
    pub on_isolation: OnIsolation,
    /// As a part of what the other side waits for: half of it if the configuration says nothing.
    pub ping_timeout: Duration,
    /// `fence-action`.
    pub fence: Option<FenceRule>,
}

impl Setup {
    pub fn settings(&self, side: usize) -> Settings {
        Settings {
            heartbeat: self.heartbeat,
            timeout: 3 * self.heartbeat,
            app_timeout: 3 * REPORTS,
            local: ADDRESSES[side].into(),
            remote: ADDRESSES[1 - side].into(),
            policy: self.policy,
            on_isolation: self.on_isolation,
            fence: self.fence,
            ..settings(0)
        }
    }

    pub fn promise(&self) -> Duration {
        self.policy.promise().unwrap_or(3 * self.heartbeat)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum App {
    Dead,
    Standby,
    Starting(Duration),
    Hot,
    Stopping(Duration),
}

impl App {
    /// Clients get answers.
    pub fn serves(self) -> bool {
        matches!(self, App::Hot | App::Stopping(_))
    }

    fn report(self) -> Option<AppCode> {
        match self {
            App::Dead => None,
            App::Standby => Some(AppCode::Lsby),
            App::Starting(_) => Some(AppCode::L2ht),
            App::Hot => Some(AppCode::Lhot),
            App::Stopping(_) => Some(AppCode::L2sb),
        }
    }

    fn switches_at(self) -> Option<Duration> {
        match self {
            App::Starting(at) | App::Stopping(at) => Some(at),
            App::Dead | App::Standby | App::Hot => None,
        }
    }
}

/// A message as it is on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Message {
    pub report: schrittmacher_protocol::PeerReport,
    pub number: u64,
    /// By the sender's clock.
    pub sent: Time,
    pub run: u32,
    /// The newest message of the receiver that the sender had heard: its run and time.
    pub echo: Option<(u32, Time)>,
    /// In milliseconds, from the hearing of that one.
    pub promise: Option<u64>,
}

/// The newest message of the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Heard {
    pub run: u32,
    pub number: u64,
    pub sent: Time,
    pub at: Time,
}

#[derive(Clone, Debug)]
pub struct Host {
    pub machine: Option<Machine>,
    pub settings: Settings,
    pub app: App,
    pub reports_at: Duration,
    /// A hand-over waits for the end of its commands.
    pub barrier: bool,
    pub paused: bool,
    pub inbox: VecDeque<Event>,
    pub run: u32,
    pub number: u64,
    pub heard: Option<Heard>,
    /// The application's right ends, by this host's clock.
    pub deadline: Option<Time>,
    /// Its targets answer (`ping-address`).
    pub reaches: bool,
    evidence: Evidence,
    pub echo_at: Duration,
    /// It was turned off, and is not back before this time.
    pub off_until: Duration,
    rate: i64,
}

/// Local clocks do not begin at the same number.
const BEGINNING: [Duration; 2] = [Duration::from_secs(1000), Duration::from_secs(5000)];

impl Host {
    pub fn new(setup: &Setup, side: usize) -> Host {
        Host {
            machine: None,
            settings: setup.settings(side),
            app: App::Standby,
            reports_at: Duration::ZERO,
            barrier: false,
            paused: false,
            inbox: VecDeque::new(),
            run: u32::try_from(side).unwrap_or_default(),
            number: 0,
            heard: None,
            deadline: None,
            reaches: true,
            evidence: Evidence::default(),
            // The echoes of the two do not leave at the same moments.
            echo_at: if side == 0 { Duration::ZERO } else { Evidence::period(setup.ping_timeout) / 2 },
            off_until: Duration::ZERO,
            rate: setup.rates[side],
        }
    }

    /// The time by this host's clock.
    pub fn local(&self, side: usize, now: Duration) -> Time {
        Time::new(BEGINNING[side] + faster(now, self.rate))
    }

    /// When its clock shows this, by the world's.
    fn global(&self, side: usize, local: Time) -> Duration {
        let since = local.since_origin().saturating_sub(BEGINNING[side]);
        let mut at = faster(since, -self.rate);
        // The inverse is not exact; a step too early would be one without an effect.
        while self.local(side, at) < local {
            at += Duration::from_nanos(200);
        }
        at
    }

    /// When something is due here next.
    pub fn next(&self, side: usize, run: bool) -> Duration {
        let daemon = self.machine.as_ref().filter(|_| !self.paused);
        let due = daemon.map(|machine| self.global(side, machine.next_deadline(&self.settings)));
        let app = (self.app != App::Dead).then_some(self.reports_at);
        let ends = self.deadline.filter(|_| run).map(|at| self.global(side, at));
        let echo = daemon.map(|_| self.echo_at).filter(|_| self.pings());
        [due, app, ends, echo, self.app.switches_at()].into_iter().flatten().min().unwrap_or(Duration::MAX)
    }

    fn pings(&self) -> bool {
        self.settings.on_isolation == OnIsolation::StepDown
    }

    /// Sends a round of echoes if that is due: what its daemon hears of it. A daemon that was stopped has sent none.
    pub fn send_echoes(&mut self, now: Duration, ping_timeout: Duration) -> Option<Event> {
        if !self.pings() || self.machine.is_none() || self.paused || self.echo_at > now {
            return None;
        }
        self.echo_at = now + Evidence::period(ping_timeout);
        let lost = self.evidence.round();
        let news = if self.reaches { self.evidence.answer() } else { lost };
        news.map(Event::Isolated)
    }

    /// Its daemon starts.
    pub fn forget_echoes(&mut self, now: Duration) {
        (self.evidence, self.echo_at) = (Evidence::default(), self.echo_at.max(now));
    }

    /// What the application does now, and what its daemon hears of it.
    pub fn turn_app(&mut self, now: Duration) -> Vec<Event> {
        let mut events = Vec::new();
        if self.app.switches_at().is_some_and(|at| at <= now) {
            self.app = if matches!(self.app, App::Starting(_)) { App::Hot } else { App::Standby };
            self.reports_at = now;
        }
        if self.reports_at <= now && self.app != App::Dead {
            self.reports_at = now + REPORTS;
            events.extend(self.app.report().map(|code| Event::App(Some(code))));
        }
        if self.barrier && !matches!(self.app, App::Stopping(_)) {
            self.barrier = false;
            events.push(Event::Released);
        }
        events
    }

    pub fn start(&mut self, now: Duration, takes: Duration) {
        if matches!(self.app, App::Standby | App::Stopping(_)) {
            self.app = App::Starting(now + takes);
        }
    }

    pub fn stop(&mut self, now: Duration, takes: Duration) {
        if matches!(self.app, App::Hot | App::Starting(_)) {
            let takes = if self.app == App::Hot { takes } else { Duration::ZERO };
            self.app = App::Stopping(now + takes);
        }
    }

    pub fn state(&self) -> Option<StateName> {
        self.machine.as_ref().map(|machine| machine.state.name())
    }

    pub fn is_hot(&self) -> bool {
        self.machine.as_ref().is_some_and(|machine| matches!(machine.state, State::Hot { .. }))
    }

    /// The promise of a received message, if it is the newest one.
    pub fn read_promise(&self, message: &Message) -> Option<Promise> {
        let millis = message.promise?;
        let is_newest =
            self.heard.is_none_or(|heard| heard.run != message.run || message.number > heard.number);
        let acknowledged =
            message.echo.filter(|(run, _)| is_newest && *run == self.run).map(|(_, time)| time);
        Some(Promise { acknowledged, lasts: Duration::from_millis(millis) })
    }
}

/// The time that a clock shows if it is fast by this number of millionths.
pub fn faster(time: Duration, millionths: i64) -> Duration {
    let by = Duration::from_nanos(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX) / 1_000_000)
        * u32::try_from(millionths.unsigned_abs()).unwrap_or_default();
    if millionths < 0 { time - by } else { time + by }
}
