//! One resource on one node: its daemon, its commands, its application.

use std::collections::VecDeque;
use std::time::Duration;

use schrittmacher_legacy_double as legacy;
use schrittmacher_legacy_double::{App, Era, Legacy, Order, Report};
use schrittmacher_protocol::{Action, Event, Resource, Settings, StateName, Time};
use schrittmacher_wire::PeerCode;

/// The programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    Ours,
    V200,
    V182,
}

/// A daemon's configuration.
#[derive(Clone)]
pub enum Program {
    Ours(Settings),
    Legacy(legacy::Settings),
}

enum Daemon {
    Down,
    Ours(Box<Resource>),
    Legacy(Legacy),
}

/// A datagram to the peer.
#[derive(Clone, Copy, Debug)]
pub struct Message {
    pub code: PeerCode,
    pub random: u32,
    pub extended: bool,
}

/// A command in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Command {
    Activate,
    Start,
    Stop,
    Deactivate,
    Barrier,
}

/// What a step gave: datagrams, and what should not have happened.
#[derive(Default)]
pub struct Done {
    pub messages: Vec<Message>,
    pub broken: Vec<String>,
    /// Notices and refusals, and what was ordered, for the timeline.
    pub actions: Vec<String>,
    pub changed: Option<(String, String)>,
    /// The resource has nothing more to do.
    pub exit: bool,
}

/// One resource on one node.
pub struct Node {
    program: Program,
    daemon: Daemon,
    app: App,
    stop_takes: Duration,
    commands: VecDeque<Command>,
    busy_until: Option<Duration>,
    interface: bool,
    interface_wanted: bool,
    /// Messages in the running second, and its end.
    sent: (u32, Duration),
    pub most_sent: u32,
    pub changes: u32,
    /// When something is due; kept, because most steps concern another node.
    pub next: Duration,
}

/// The most messages of one resource on one node in one second (P6). Alone they are: two heartbeats, three echoes
/// of reports, ten answers, a question, and what changes of state say.
const MOST_PER_SECOND: u32 = 30;

pub fn time(now: Duration) -> Time {
    Time::new(now)
}

pub fn era(program: &Program) -> Era {
    match program {
        Program::Legacy(legacy::Settings { generation: legacy::Generation::V182, .. }) => Era::V18,
        Program::Legacy(_) | Program::Ours(_) => Era::V115,
    }
}

impl Node {
    pub fn new(program: Program, report: Report, switching: Duration, stop_takes: Duration) -> Node {
        Node {
            app: App::start(era(&program), report, switching, Duration::ZERO),
            program,
            daemon: Daemon::Down,
            stop_takes,
            commands: VecDeque::new(),
            busy_until: None,
            interface: report == Report::Hot,
            interface_wanted: report == Report::Hot,
            sent: (0, Duration::ZERO),
            most_sent: 0,
            changes: 0,
            next: Duration::ZERO,
        }
    }

    pub fn is_up(&self) -> bool {
        !matches!(self.daemon, Daemon::Down)
    }

    pub fn is_ours(&self) -> bool {
        matches!(self.program, Program::Ours(_))
    }

    pub fn state(&self) -> String {
        match &self.daemon {
            Daemon::Down => "down".to_owned(),
            Daemon::Ours(resource) => resource.state().name().to_string(),
            Daemon::Legacy(legacy) => format!("{:?}", legacy.state()),
        }
    }

    pub fn is_hot(&self) -> bool {
        match &self.daemon {
            Daemon::Down => false,
            Daemon::Ours(resource) => resource.state().name() == StateName::Hot,
            Daemon::Legacy(legacy) => legacy.state() == legacy::State::Hot,
        }
    }

    pub fn is_standby(&self) -> bool {
        match &self.daemon {
            Daemon::Down => false,
            Daemon::Ours(resource) => resource.state().name() == StateName::Standby,
            Daemon::Legacy(legacy) => legacy.state() == legacy::State::Standby,
        }
    }

    /// The application serves.
    pub fn serves(&self) -> bool {
        self.app.is_serving()
    }

    pub fn app_is_standby(&self) -> bool {
        self.app.is_standby()
    }

    pub fn priority(&self) -> i32 {
        match &self.program {
            Program::Ours(settings) => settings.priority,
            Program::Legacy(settings) => settings.priority,
        }
    }

    /// Our extension to its messages.
    pub fn period(&self) -> Option<Duration> {
        match &self.program {
            Program::Ours(settings) => Some(settings.heartbeat),
            Program::Legacy(_) => None,
        }
    }

    pub fn interface_is_up(&self) -> bool {
        self.interface
    }

    /// When something happens here next; a paused daemon waits.
    pub fn reckon(&mut self, paused: bool) {
        let mut next = self.app.next_deadline().unwrap_or(Duration::MAX);
        next = next.min(self.busy_until.unwrap_or(Duration::MAX));
        if !paused {
            next = next.min(match &self.daemon {
                Daemon::Down => Duration::MAX,
                Daemon::Ours(resource) => resource.next_deadline().since_origin(),
                Daemon::Legacy(legacy) => legacy.next_deadline(),
            });
        }
        self.next = next;
    }

    // ----- what happens to it -------------------------------------------------------------------------

    pub fn start_daemon(&mut self, now: Duration, draw: &mut dyn FnMut() -> u32) -> Done {
        let mut done = Done::default();
        if self.is_up() {
            return done;
        }
        match &self.program {
            Program::Ours(settings) => {
                self.daemon = Daemon::Ours(Box::new(Resource::new(settings.clone(), time(now))));
            }
            Program::Legacy(settings) => {
                let (legacy, actions) = Legacy::start(*settings, now, draw);
                self.daemon = Daemon::Legacy(legacy);
                self.legacy_actions(now, &actions, &mut done);
            }
        }
        done
    }

    pub fn kill_daemon(&mut self) {
        self.daemon = Daemon::Down;
        self.commands.clear();
        self.busy_until = None;
    }

    /// A new process takes the place of one that is dead or has failed.
    pub fn start_app(&mut self, now: Duration, report: Report, switching: Duration) {
        if !self.app.is_fit() {
            self.app = App::start(era(&self.program), report, switching, now);
        }
    }

    pub fn app(&mut self) -> &mut App {
        &mut self.app
    }

    /// The host is gone, with everything on it.
    pub fn power_off(&mut self) {
        self.kill_daemon();
        self.app.kill();
        (self.interface, self.interface_wanted) = (false, false);
    }

    /// Reports that are due.
    pub fn app_turn(&mut self, now: Duration) -> Vec<Event> {
        let mut reports = Vec::new();
        while let Some(code) = self.app.handle(now) {
            reports.push(Event::App(Some(code)));
        }
        reports
    }

    pub fn timer_is_due(&self, now: Duration) -> bool {
        match &self.daemon {
            Daemon::Down => false,
            Daemon::Ours(resource) => resource.next_deadline().since_origin() <= now,
            Daemon::Legacy(legacy) => legacy.next_deadline() <= now,
        }
    }

    /// Gives the daemon an event, and what follows from it on this node.
    pub fn give(&mut self, now: Duration, event: Event, draw: &mut dyn FnMut() -> u32) -> Done {
        let mut done = Done::default();
        let mut events = VecDeque::from([event]);
        let before = self.state();
        while let Some(event) = events.pop_front() {
            match &mut self.daemon {
                Daemon::Down => break,
                Daemon::Ours(resource) => {
                    let was = resource.state().name();
                    let actions = resource.handle(time(now), event);
                    for action in actions {
                        self.carry_out(now, was, action, &mut done);
                    }
                }
                Daemon::Legacy(legacy) => {
                    if let Some(event) = in_legacy_words(event) {
                        let actions = legacy.handle(now, event, draw);
                        self.legacy_actions(now, &actions, &mut done);
                    }
                }
            }
            events.extend(self.run_commands(now));
            self.check(&mut done);
        }
        let after = self.state();
        if before != after {
            self.changes += 1;
            done.changed = Some((before, after));
        }
        done
    }

    /// Commands that can run; the events that come of it.
    pub fn run_commands(&mut self, now: Duration) -> Vec<Event> {
        let mut events = Vec::new();
        if self.busy_until.is_some_and(|until| now >= until) {
            self.busy_until = None;
        }
        while self.busy_until.is_none()
            && let Some(command) = self.commands.pop_front()
        {
            match command {
                Command::Activate => self.interface = true,
                Command::Deactivate => self.interface = false,
                Command::Barrier => events.push(Event::Released),
                Command::Start => {
                    self.app.order(now, Order::Start);
                    events.push(Event::StartBegan);
                }
                Command::Stop => {
                    self.app.order(now, Order::Stop);
                    if !self.stop_takes.is_zero() {
                        self.busy_until = Some(now + self.stop_takes);
                    }
                }
            }
        }
        events
    }

    fn carry_out(&mut self, now: Duration, was: StateName, action: Action, done: &mut Done) {
        match action {
            Action::Send { code, random, extended } => {
                self.check_message(was, code, done);
                self.count(now, done);
                done.messages.push(Message { code, random, extended });
            }
            Action::Start => self.commands.push_back(Command::Start),
            Action::Stop => self.commands.push_back(Command::Stop),
            Action::Activate => {
                self.interface_wanted = true;
                self.commands.push_back(Command::Activate);
            }
            Action::Deactivate { urgent } => {
                self.interface_wanted = false;
                if urgent {
                    self.commands.retain(|command| *command != Command::Activate);
                    self.interface = false;
                } else {
                    self.commands.push_back(Command::Deactivate);
                }
            }
            Action::Barrier => self.commands.push_back(Command::Barrier),
            Action::Exit => {
                self.kill_daemon();
                done.exit = true;
            }
            Action::Refuse(why) => done.actions.push(format!("refused: {why:?}")),
            Action::Notice(what) => done.actions.push(format!("{what:?}")),
        }
    }

    fn legacy_actions(&mut self, now: Duration, actions: &[legacy::Action], done: &mut Done) {
        for action in actions {
            match *action {
                legacy::Action::Send { code, random } => {
                    self.count(now, done);
                    done.messages.push(Message { code, random, extended: false });
                }
                legacy::Action::Activate => self.interface = true,
                legacy::Action::Deactivate => self.interface = false,
                legacy::Action::Start => self.app.order(now, Order::Start),
                legacy::Action::Stop => self.app.order(now, Order::Stop),
                legacy::Action::NotedSilence => {}
            }
        }
    }

    // ----- the promises of one node -------------------------------------------------------------------

    /// P5: who gives way has let go.
    fn check_message(&self, was: StateName, code: PeerCode, done: &mut Done) {
        use PeerCode::{Fail, Fovr, Stby, Tcnf, ToStandby};
        let gives_way = matches!(code, Stby | ToStandby | Fail | Fovr | Tcnf);
        if gives_way && self.interface_wanted {
            done.broken.push(format!("P5: says {code} before deactivate was ordered"));
        }
        if was == StateName::Releasing
            && matches!(code, Fovr | Tcnf)
            && (self.interface || self.busy_until.is_some())
        {
            done.broken.push("P5: says so before the commands are over".to_owned());
        }
    }

    /// P6.
    fn count(&mut self, now: Duration, done: &mut Done) {
        if now >= self.sent.1 {
            self.sent = (0, now + Duration::from_secs(1));
        }
        self.sent.0 += 1;
        self.most_sent = self.most_sent.max(self.sent.0);
        if self.is_ours() && self.sent.0 == MOST_PER_SECOND + 1 {
            done.broken.push(format!("P6: more than {MOST_PER_SECOND} messages in a second"));
        }
    }

    /// P4.
    fn check(&self, done: &mut Done) {
        let Daemon::Ours(resource) = &self.daemon else { return };
        let (state, failed) = (resource.state().name(), resource.machine().app.failed);
        let wrong = match state {
            StateName::Unknown | StateName::Hot => failed,
            StateName::Standby | StateName::ToStandby => failed || self.interface_wanted,
            StateName::Failed | StateName::Leaving => self.interface_wanted,
            StateName::ToHot | StateName::Releasing => false,
        };
        if wrong {
            done.broken
                .push(format!("P4: {state}, failed {failed}, interface wanted {}", self.interface_wanted));
        }
    }
}

fn in_legacy_words(event: Event) -> Option<legacy::Event> {
    match event {
        Event::Peer(report) => report.code.map(|code| legacy::Event::Peer {
            code,
            priority: report.priority,
            random: report.random,
        }),
        Event::App(code) => code.map(legacy::Event::App),
        Event::Failover { .. } => Some(legacy::Event::Failover),
        Event::Takeover => Some(legacy::Event::Takeover),
        Event::Tick => Some(legacy::Event::Timer),
        Event::AppDied | Event::StartBegan | Event::Released | Event::Shutdown | Event::Reloaded => None,
    }
}
