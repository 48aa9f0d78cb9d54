//! One resource on one host: its daemon, its commands, its application.

use std::time::Duration;

use schrittmacher_protocol::Event;

use crate::commands::Effect;
use crate::{App, Commands, Daemon, Durations, Order, Report};

/// One resource on one host.
#[derive(Clone, Debug)]
pub struct Node<D> {
    daemon: D,
    up: bool,
    app: App,
    commands: Commands,
    /// When the daemon has ended and left its application hot.
    left_hot: Option<Duration>,
    /// When something is due here next. Kept, because most steps concern another node.
    next: Duration,
}

impl<D: Daemon> Node<D> {
    /// A node whose application starts now and whose daemon is not started yet.
    pub fn new(daemon: D, report: Report, switching: Duration, durations: Durations) -> Node<D> {
        Node {
            app: App::start(daemon.era(), report, switching, Duration::ZERO),
            commands: Commands::new(durations, report == Report::Hot),
            daemon,
            left_hot: None,
            up: false,
            next: Duration::ZERO,
        }
    }

    /// The daemon, whether or not it runs.
    pub fn daemon(&self) -> &D {
        &self.daemon
    }

    /// The daemon, to be changed.
    pub fn daemon_mut(&mut self) -> &mut D {
        &mut self.daemon
    }

    /// The daemon runs.
    pub fn is_up(&self) -> bool {
        self.up
    }

    pub fn app(&self) -> &App {
        &self.app
    }

    /// The application, to be harmed or mended.
    pub fn app_mut(&mut self) -> &mut App {
        &mut self.app
    }

    pub fn commands(&self) -> &Commands {
        &self.commands
    }

    /// A new process takes the application's place.
    pub fn start_app(&mut self, now: Duration, report: Report, switching: Duration) {
        self.app = App::start(self.daemon.era(), report, switching, now);
    }

    /// The commands, to be changed.
    pub fn commands_mut(&mut self) -> &mut Commands {
        &mut self.commands
    }

    pub(crate) fn begin(&mut self) {
        self.up = true;
    }

    /// The daemon dies.
    pub(crate) fn die(&mut self) {
        self.up = false;
        self.commands.forget();
    }

    /// The daemon has nothing more to do. What it has ordered goes on: its process waits for that.
    pub(crate) fn exit(&mut self, now: Duration) {
        self.note_left_hot(now);
        self.up = false;
    }

    /// The daemon ends and leaves everything as it is. What it notes survives.
    pub(crate) fn leave(&mut self, now: Duration) {
        self.note_left_hot(now);
        self.die();
    }

    fn note_left_hot(&mut self, now: Duration) {
        self.left_hot = (self.up && self.daemon.leaves_hot()).then_some(now);
    }

    /// How long ago a daemon has left the application hot. Tells it once.
    pub(crate) fn take_left_hot(&mut self, now: Duration) -> Option<Duration> {
        self.left_hot.take().map(|left| now.saturating_sub(left))
    }

    pub(crate) fn power_off(&mut self) {
        self.die();
        self.left_hot = None;
        self.commands.power_off();
        self.app.kill();
    }

    /// Computes when something is due here next, with the daemon stopped or not.
    pub(crate) fn schedule(&mut self, paused: bool) {
        self.next = self.app.next_deadline().unwrap_or(Duration::MAX);
        if !paused {
            self.next = self.next.min(self.commands.next_deadline());
        }
        if self.up && !paused {
            self.next = self.next.min(self.daemon.next_deadline());
        }
    }

    pub(crate) fn next(&self) -> Duration {
        self.next
    }

    /// The application's next report, if one is due.
    pub(crate) fn report(&mut self, now: Duration) -> Option<Event> {
        self.app.handle(now).map(|code| Event::App(Some(code)))
    }

    /// Lets commands run. Returns what the daemon hears of it.
    pub(crate) fn run_commands(&mut self, now: Duration) -> Option<Event> {
        loop {
            match self.commands.next(now)? {
                Effect::Waits => return Some(Event::CommandWaits),
                Effect::StartBegan => return Some(Event::StartBegan),
                Effect::Released => return Some(Event::Released),
                Effect::ActivateFailed => return Some(Event::ActivateFailed),
                Effect::Activated => return Some(Event::Activated),
                Effect::StopFailed => return Some(Event::StopFailed),
                Effect::DeactivateFailed => return Some(Event::DeactivateFailed),
                Effect::Start => self.app.order(now, Order::Start),
                Effect::Stop => self.app.order(now, Order::Stop),
            }
        }
    }
}
