//! One host of a pair: the daemon's protocol, its commands, its application.

use std::collections::VecDeque;
use std::time::Duration;

use schrittmacher_protocol::{Event, Resource, Settings, Time};
use schrittmacher_wire::AppCode;

/// How often an application reports.
pub const APP_PERIOD: Duration = Duration::from_millis(1500);

/// What an application reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AppState {
    Unknown,
    Standby,
    Hot,
    ToHot,
    ToStandby,
    /// It reports its failure until it is started anew.
    Failed,
}

/// An application that runs.
#[derive(Clone, Debug)]
pub struct App {
    pub state: AppState,
    /// It says nothing and does nothing.
    pub hung: bool,
    /// It reports, but obeys no order.
    pub stubborn: bool,
    pub beats_at: Time,
    pub switched_at: Option<Time>,
}

impl App {
    pub fn report(&self) -> AppCode {
        match self.state {
            AppState::Unknown => AppCode::Lunk,
            AppState::Standby => AppCode::Lsby,
            AppState::Hot => AppCode::Lhot,
            AppState::ToHot => AppCode::L2ht,
            AppState::ToStandby => AppCode::L2sb,
            AppState::Failed => AppCode::Lfai,
        }
    }

    /// An order to go hot, or standby.
    fn order(&mut self, hot: bool, done_at: Time) {
        let there = match self.state {
            AppState::Hot | AppState::ToHot => hot,
            AppState::Standby | AppState::ToStandby => !hot,
            AppState::Unknown => false,
            AppState::Failed => true,
        };
        if !there && !self.hung && !self.stubborn {
            self.state = if hot { AppState::ToHot } else { AppState::ToStandby };
            self.switched_at = Some(done_at);
        }
    }

    /// Ends a switch that takes no longer.
    pub fn switch(&mut self, now: Time) {
        if !self.hung && self.switched_at.is_some_and(|at| now >= at) {
            self.state = if self.state == AppState::ToHot { AppState::Hot } else { AppState::Standby };
            self.switched_at = None;
            self.beats_at = now;
        }
    }
}

/// A command in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    Activate,
    Start,
    Stop,
    Deactivate,
    Barrier,
}

/// One host.
pub struct Node {
    pub settings: Settings,
    /// The daemon, while it runs.
    pub resource: Option<Resource>,
    pub app: Option<App>,
    pub interface_up: bool,
    /// The last order about the interface was to activate it.
    pub interface_wanted: bool,
    /// How long a stop command takes.
    pub stop_takes: Duration,
    /// How long the application takes to switch.
    pub switching: Duration,
    commands: VecDeque<Command>,
    pub busy_until: Option<Time>,
    /// Whether the peer hears this node.
    pub heard: bool,
    /// The daemon does not run until then; what comes in waits in `inbox`.
    pub paused_until: Option<Time>,
    pub inbox: Vec<Event>,
    /// Messages sent in the running second, and its end.
    pub sent: (u32, Time),
    pub most_sent: u32,
}

impl Node {
    pub fn new(settings: Settings, now: Time) -> Node {
        Node {
            resource: Some(Resource::new(settings.clone(), now)),
            settings,
            app: None,
            interface_up: false,
            interface_wanted: false,
            stop_takes: Duration::ZERO,
            switching: Duration::ZERO,
            commands: VecDeque::new(),
            busy_until: None,
            heard: true,
            paused_until: None,
            inbox: Vec::new(),
            sent: (0, Time::ZERO),
            most_sent: 0,
        }
    }

    pub fn kill_daemon(&mut self) {
        self.resource = None;
        self.commands.clear();
        self.busy_until = None;
        self.paused_until = None;
        self.inbox.clear();
    }

    /// Takes the interface down at once, past the queue.
    pub fn deactivate_at_once(&mut self) {
        self.commands.retain(|command| *command != Command::Activate);
        self.interface_up = false;
    }

    pub fn enqueue(&mut self, command: Command) {
        self.commands.push_back(command);
    }

    /// Runs what can run; the events that come of it.
    pub fn run_commands(&mut self, now: Time) -> Vec<Event> {
        let mut events = Vec::new();
        if self.busy_until.is_some_and(|until| now >= until) {
            self.busy_until = None;
        }
        while self.busy_until.is_none()
            && let Some(command) = self.commands.pop_front()
        {
            match command {
                Command::Activate => self.interface_up = true,
                Command::Deactivate => self.interface_up = false,
                Command::Barrier => events.push(Event::Released),
                Command::Start => {
                    if let Some(app) = &mut self.app {
                        app.order(true, now + self.switching);
                    }
                    events.push(Event::StartBegan);
                }
                Command::Stop => {
                    if let Some(app) = &mut self.app {
                        app.order(false, now + self.switching);
                    }
                    if !self.stop_takes.is_zero() {
                        self.busy_until = Some(now + self.stop_takes);
                    }
                }
            }
        }
        events
    }

    /// When something happens here next.
    pub fn next(&self) -> Option<Time> {
        let mut times = Vec::new();
        match (&self.resource, self.paused_until) {
            (Some(_), Some(until)) => times.push(until),
            (Some(resource), None) => times.push(resource.next_deadline()),
            (None, _) => {}
        }
        times.extend(self.busy_until);
        if let Some(app) = self.app.as_ref().filter(|app| !app.hung) {
            times.push(app.beats_at);
            times.extend(app.switched_at);
        }
        times.into_iter().min()
    }

    /// Counts a message; the most there were in one second (P6).
    pub fn count_message(&mut self, now: Time) {
        if now >= self.sent.1 {
            self.sent = (0, now + Duration::from_secs(1));
        }
        self.sent.0 += 1;
        self.most_sent = self.most_sent.max(self.sent.0);
    }
}
