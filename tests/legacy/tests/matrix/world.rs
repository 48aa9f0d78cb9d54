//! Two hosts, their applications and the link between them, in virtual time. Either host runs one of ours or
//! a legacy daemon, and may change it.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;
use std::net::IpAddr;
use std::time::Duration;

use schrittmacher_legacy_double as legacy;
use schrittmacher_legacy_double::{App, Era, Legacy, Order, Report, Xorshift};
use schrittmacher_protocol::{Action, Event, Generation as Verdict, PeerReport, Resource, Settings, Time};
use schrittmacher_wire::AppCode;

/// What a host runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    Ours,
    Legacy(legacy::Generation),
}

pub const V200: Program = Program::Legacy(legacy::Generation::V200);
pub const V182: Program = Program::Legacy(legacy::Generation::V182);

/// A daemon that runs.
enum Daemon {
    Ours(Box<Resource>),
    Legacy(Legacy),
}

struct Host {
    program: Program,
    priority: i32,
    address: IpAddr,
    daemon: Option<Daemon>,
    app: App,
    /// Whether the peer hears it.
    heard: bool,
    draw: Xorshift,
    /// When it sent its last messages, a second back.
    sent: VecDeque<Duration>,
    /// Extended messages in a row sent to a living peer that was not taken for one of ours.
    extended: u32,
}

/// What the legacy table can say of a run, and what must never happen.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measured {
    /// Time with no application serving.
    pub none: Duration,
    /// Time with both serving.
    pub both: Duration,
    /// Most messages of one host in one second.
    pub busiest: [usize; 2],
    /// Longest silence of a daemon of ours that runs.
    pub silence: Duration,
    /// Most extended messages in a row to a living legacy peer.
    pub extended: u32,
    /// Changes of the state of the first host's daemon.
    pub transitions: u32,
}

pub struct World {
    pub now: Duration,
    hosts: [Host; 2],
    link: BTreeMap<(Duration, u64), (usize, PeerReport)>,
    sequence: u64,
    switching: Duration,
    /// Of our daemons.
    pub heartbeat: Duration,
    /// Shift of the two hosts' clocks, for scenarios that start them themselves.
    pub phase: Duration,
    pub measured: Measured,
    measuring: bool,
    /// Since when who serves has not changed.
    stable_since: Duration,
    pub log: String,
}

const LATENCY: Duration = Duration::from_micros(300);

/// Messages of one host in one second from which on nobody looks any further.
pub const STORM: usize = 200;

impl World {
    pub fn new(programs: [Program; 2], priorities: [i32; 2], switching: Duration, seed: u64) -> World {
        let host = |index: usize| Host {
            program: programs[index],
            priority: priorities[index],
            address: [IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2])][index],
            daemon: None,
            app: App::start(era(programs[index]), Report::Unknown, switching, Duration::MAX),
            heard: true,
            draw: Xorshift::new(seed * 2 + index as u64),
            sent: VecDeque::new(),
            extended: 0,
        };
        World {
            now: Duration::ZERO,
            hosts: [host(0), host(1)],
            link: BTreeMap::new(),
            sequence: 0,
            switching,
            heartbeat: Duration::from_secs(2),
            phase: Duration::ZERO,
            measured: Measured::default(),
            measuring: false,
            stable_since: Duration::ZERO,
            log: String::new(),
        }
    }

    // ----- what a scenario does -----------------------------------------------------------------------

    pub fn start_daemon(&mut self, host: usize) {
        self.note(host, "daemon starts");
        let (now, peer) = (self.now, self.hosts[1 - host].address);
        let me = &mut self.hosts[host];
        me.extended = 0;
        match me.program {
            Program::Ours => {
                let settings = settings(me.priority, self.heartbeat, me.address, peer);
                me.daemon = Some(Daemon::Ours(Box::new(Resource::new(settings, Time::new(now)))));
                me.sent = VecDeque::from([now]);
            }
            Program::Legacy(generation) => {
                let settings = legacy::Settings {
                    generation,
                    priority: me.priority,
                    heartbeat_intervall: Duration::from_secs(2),
                };
                let (daemon, actions) = Legacy::start(settings, now, &mut || me.draw.draw());
                me.daemon = Some(Daemon::Legacy(daemon));
                self.carry_out_legacy(host, actions);
            }
        }
    }

    pub fn start_app(&mut self, host: usize, report: Report) {
        self.note(host, &format!("application starts, {report:?}"));
        self.hosts[host].app = App::start(era(self.hosts[host].program), report, self.switching, self.now);
    }

    pub fn start(&mut self, host: usize, report: Report) {
        self.start_app(host, report);
        self.start_daemon(host);
    }

    pub fn kill_daemon(&mut self, host: usize) {
        self.note(host, "daemon killed");
        self.hosts[host].daemon = None;
    }

    /// The daemon is stopped, and another program is started in its place a second later.
    pub fn replace(&mut self, host: usize, program: Program) {
        self.kill_daemon(host);
        self.run(1.0);
        self.hosts[host].program = program;
        self.start_daemon(host);
    }

    pub fn kill_app(&mut self, host: usize) {
        self.note(host, "application killed");
        self.hosts[host].app.kill();
        // Believed processes are watched.
        if matches!(self.hosts[host].daemon, Some(Daemon::Ours(_))) {
            self.tell_ours(host, Event::AppDied);
        }
    }

    pub fn app(&mut self, host: usize) -> &mut App {
        &mut self.hosts[host].app
    }

    pub fn failover(&mut self, host: usize) {
        self.note(host, "failover button");
        match self.hosts[host].daemon {
            Some(Daemon::Ours(_)) => self.tell_ours(host, Event::Failover { force: false }),
            _ => self.tell_legacy(host, legacy::Event::Failover),
        }
    }

    pub fn takeover(&mut self, host: usize) {
        self.note(host, "takeover button");
        match self.hosts[host].daemon {
            Some(Daemon::Ours(_)) => self.tell_ours(host, Event::Takeover),
            _ => self.tell_legacy(host, legacy::Event::Takeover),
        }
    }

    /// SIGTERM. A legacy daemon just ends.
    pub fn terminate(&mut self, host: usize) {
        self.note(host, "SIGTERM");
        match self.hosts[host].daemon {
            Some(Daemon::Ours(_)) => self.tell_ours(host, Event::Shutdown),
            _ => self.hosts[host].daemon = None,
        }
    }

    /// Nothing that `host` says arrives any more.
    pub fn mute(&mut self, host: usize) {
        self.note(host, "cut off");
        self.hosts[host].heard = false;
    }

    pub fn heal(&mut self) {
        self.note(0, "the link is back");
        self.hosts.iter_mut().for_each(|host| host.heard = true);
    }

    /// From here on time with nobody and with both serving counts, and transitions.
    pub fn measure(&mut self) {
        self.measuring = true;
        self.measured.transitions = 0;
    }

    // ----- what it finds ------------------------------------------------------------------------------

    pub fn serving(&self) -> [bool; 2] {
        [0, 1].map(|host: usize| self.hosts[host].app.is_serving())
    }

    pub fn state(&self, host: usize) -> String {
        match &self.hosts[host].daemon {
            None => "-".to_owned(),
            Some(Daemon::Ours(resource)) => resource.state().name().to_string(),
            Some(Daemon::Legacy(daemon)) => format!("{:?}", daemon.state()),
        }
    }

    pub fn program(&self, host: usize) -> Program {
        self.hosts[host].program
    }

    /// Whether our daemon takes its peer for one of ours, if it runs.
    pub fn takes_peer_for_ours(&self, host: usize) -> bool {
        match &self.hosts[host].daemon {
            Some(Daemon::Ours(resource)) => {
                matches!(resource.machine().peer.generation, Verdict::Ours { .. })
            }
            _ => false,
        }
    }

    /// Exactly one serves, under a hot daemon; the other side is not hot; and it has been so for a while.
    pub fn is_settled(&self) -> bool {
        let serving = self.serving();
        let hot = usize::from(serving[1]);
        serving[0] != serving[1]
            && self.state(hot) == "Hot"
            && !matches!(self.state(1 - hot).as_str(), "Hot" | "ToHot")
            && self.now - self.stable_since >= Duration::from_secs(25)
    }

    pub fn is_stormy(&self) -> bool {
        self.measured.busiest.iter().any(|count| *count >= STORM)
    }

    // ----- time ---------------------------------------------------------------------------------------

    /// Lets time pass; stops early in a storm.
    pub fn run(&mut self, seconds: f64) {
        let end = self.now + Duration::from_secs_f64(seconds);
        while !self.is_stormy() {
            let next = self.next().min(end);
            self.pass(next.max(self.now));
            if self.now >= end {
                return;
            }
            self.turn();
        }
    }

    fn next(&self) -> Duration {
        let daemons = self.hosts.iter().filter_map(|host| match host.daemon.as_ref()? {
            Daemon::Ours(resource) => Some(resource.next_deadline().since_origin()),
            Daemon::Legacy(daemon) => Some(daemon.next_deadline()),
        });
        let apps = self.hosts.iter().filter_map(|host| host.app.next_deadline());
        let link = self.link.first_key_value().map(|((at, _), _)| *at);
        daemons.chain(apps).chain(link).min().unwrap_or(Duration::MAX)
    }

    fn pass(&mut self, until: Duration) {
        if self.measuring {
            match self.serving() {
                [false, false] => self.measured.none += until - self.now,
                [true, true] => self.measured.both += until - self.now,
                [true, false] | [false, true] => {}
            }
        }
        self.now = until;
    }

    fn turn(&mut self) {
        let before = self.serving();
        while let Some(entry) = self.link.first_entry()
            && entry.key().0 <= self.now
        {
            let (to, report) = entry.remove();
            if self.hosts[1 - to].heard {
                self.deliver(to, report);
            }
        }
        for host in [0, 1] {
            while let Some(code) = self.hosts[host].app.handle(self.now) {
                self.report(host, code);
            }
            self.beat(host);
        }
        if self.serving() != before {
            self.stable_since = self.now;
        }
    }

    fn beat(&mut self, host: usize) {
        let now = self.now;
        match &self.hosts[host].daemon {
            Some(Daemon::Ours(resource)) if resource.next_deadline() <= Time::new(now) => {
                self.tell_ours(host, Event::Tick);
            }
            Some(Daemon::Legacy(daemon)) if daemon.next_deadline() <= now => {
                self.tell_legacy(host, legacy::Event::Timer);
            }
            _ => {}
        }
    }

    fn deliver(&mut self, host: usize, report: PeerReport) {
        match (&self.hosts[host].daemon, report.code) {
            (Some(Daemon::Ours(_)), _) => self.tell_ours(host, Event::Peer(report)),
            (Some(Daemon::Legacy(_)), Some(code)) => {
                let PeerReport { priority, random, .. } = report;
                self.tell_legacy(host, legacy::Event::Peer { code, priority, random });
            }
            (Some(Daemon::Legacy(_)) | None, _) => {}
        }
    }

    fn report(&mut self, host: usize, code: AppCode) {
        match self.hosts[host].daemon {
            Some(Daemon::Ours(_)) => self.tell_ours(host, Event::App(Some(code))),
            Some(Daemon::Legacy(_)) => self.tell_legacy(host, legacy::Event::App(code)),
            None => {}
        }
    }

    // ----- the daemons --------------------------------------------------------------------------------

    fn tell_ours(&mut self, host: usize, event: Event) {
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            let Some(Daemon::Ours(resource)) = &mut self.hosts[host].daemon else { return };
            let before = resource.state().name();
            let actions = resource.handle(Time::new(self.now), event);
            let after = resource.state().name();
            self.log_step(host, &before.to_string(), &format!("{event:?}"), &after.to_string(), &actions);
            for action in actions {
                self.carry_out(host, action, &mut events);
            }
        }
    }

    fn carry_out(&mut self, host: usize, action: Action, events: &mut VecDeque<Event>) {
        match action {
            Action::Send { code, random, extended } => {
                let me = &mut self.hosts[host];
                let Some(Daemon::Ours(resource)) = &me.daemon else { return };
                let silent = me.sent.back().map_or(Duration::ZERO, |last| self.now - *last);
                self.measured.silence = self.measured.silence.max(silent);
                let peer = &resource.machine().peer;
                let known_as_legacy = peer.alive && !matches!(peer.generation, Verdict::Ours { .. });
                me.extended = if known_as_legacy && extended { me.extended + 1 } else { 0 };
                self.measured.extended = self.measured.extended.max(me.extended);
                let period = extended.then_some(resource.settings().heartbeat);
                let (priority, host_text) = (me.priority, Some(me.address));
                self.send(
                    host,
                    PeerReport {
                        code: Some(code),
                        priority,
                        random,
                        host: host_text,
                        has_type: true,
                        period,
                    },
                );
            }
            Action::Start => {
                self.hosts[host].app.order(self.now, Order::Start);
                events.push_back(Event::StartBegan);
            }
            Action::Stop => self.hosts[host].app.order(self.now, Order::Stop),
            Action::Barrier => events.push_back(Event::Released),
            Action::Exit => self.hosts[host].daemon = None,
            Action::Activate | Action::Deactivate { .. } | Action::Refuse(_) | Action::Notice(_) => {}
        }
    }

    fn tell_legacy(&mut self, host: usize, event: legacy::Event) {
        let me = &mut self.hosts[host];
        let Some(Daemon::Legacy(daemon)) = &mut me.daemon else { return };
        let before = daemon.state();
        let actions = daemon.handle(self.now, event, &mut || me.draw.draw());
        let after = daemon.state();
        self.log_step(host, &format!("{before:?}"), &format!("{event:?}"), &format!("{after:?}"), &actions);
        self.carry_out_legacy(host, actions);
    }

    fn carry_out_legacy(&mut self, host: usize, actions: Vec<legacy::Action>) {
        for action in actions {
            match action {
                legacy::Action::Send { code, random } => {
                    let me = &self.hosts[host];
                    let modern = me.program == V200;
                    let report = PeerReport {
                        code: Some(code),
                        priority: me.priority,
                        random,
                        host: modern.then_some(me.address),
                        has_type: modern,
                        period: None,
                    };
                    self.send(host, report);
                }
                legacy::Action::Start => self.hosts[host].app.order(self.now, Order::Start),
                legacy::Action::Stop => self.hosts[host].app.order(self.now, Order::Stop),
                legacy::Action::Activate | legacy::Action::Deactivate | legacy::Action::NotedSilence => {}
            }
        }
    }

    fn send(&mut self, host: usize, report: PeerReport) {
        let sent = &mut self.hosts[host].sent;
        sent.push_back(self.now);
        while sent.front().is_some_and(|at| self.now - *at > Duration::from_secs(1)) {
            sent.pop_front();
        }
        self.measured.busiest[host] = self.measured.busiest[host].max(sent.len());
        self.sequence += 1;
        self.link.insert((self.now + LATENCY, self.sequence), (1 - host, report));
    }

    // ----- the story ----------------------------------------------------------------------------------

    fn note(&mut self, host: usize, text: &str) {
        writeln!(self.log, "{:9.4} host{host} *** {text}", self.now.as_secs_f64()).unwrap();
    }

    fn log_step<A: std::fmt::Debug>(
        &mut self,
        host: usize,
        before: &str,
        event: &str,
        after: &str,
        actions: &[A],
    ) {
        if before != after && host == 0 {
            self.measured.transitions += 1;
        }
        if before != after || (self.measuring && !actions.is_empty()) {
            writeln!(
                self.log,
                "{:9.4} host{host} {before} {event} -> {after} {actions:?}",
                self.now.as_secs_f64()
            )
            .unwrap();
        }
    }
}

/// The application that belongs to a daemon's time.
fn era(program: Program) -> Era {
    if program == V182 { Era::V18 } else { Era::V115 }
}

/// The defaults, for this heartbeat.
fn settings(priority: i32, heartbeat: Duration, local: IpAddr, remote: IpAddr) -> Settings {
    Settings {
        heartbeat,
        timeout: heartbeat * 3,
        app_timeout: Duration::from_secs(10).max(heartbeat * 5),
        going_hot_timeout: Duration::from_secs(20),
        going_standby_timeout: Duration::from_secs(6),
        startup_delay: Duration::ZERO,
        priority,
        preempt: false,
        local,
        remote,
        extensions: true,
    }
}
