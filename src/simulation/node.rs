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
    /// When something is due; kept, because most steps concern another node.
    next: Duration,
}

impl<D: Daemon> Node<D> {
    /// A node whose application starts now and whose daemon is not started yet.
    pub fn new(daemon: D, report: Report, switching: Duration, durations: Durations) -> Node<D> {
        Node {
            app: App::start(daemon.era(), report, switching, Duration::ZERO),
            commands: Commands::new(durations, report == Report::Hot),
            daemon,
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

    /// The application.
    pub fn app(&self) -> &App {
        &self.app
    }

    /// The application, to be harmed or mended.
    pub fn app_mut(&mut self) -> &mut App {
        &mut self.app
    }

    /// The commands.
    pub fn commands(&self) -> &Commands {
        &self.commands
    }

    /// A new process takes the application's place.
    pub fn start_app(&mut self, now: Duration, report: Report, switching: Duration) {
        self.app = App::start(self.daemon.era(), report, switching, now);
    }

    pub(crate) fn commands_mut(&mut self) -> &mut Commands {
        &mut self.commands
    }

    pub(crate) fn set_up(&mut self, up: bool) {
        self.up = up;
        self.commands.forget();
    }

    pub(crate) fn power_off(&mut self) {
        self.set_up(false);
        self.commands.power_off();
        self.app.kill();
    }

    /// When something happens here next, if the daemon is stopped or not.
    pub(crate) fn reckon(&mut self, paused: bool) {
        self.next = self.app.next_deadline().unwrap_or(Duration::MAX);
        if self.up && !paused {
            self.next = self.next.min(self.commands.next_deadline()).min(self.daemon.next_deadline());
        }
    }

    pub(crate) fn next(&self) -> Duration {
        self.next
    }

    /// The application's next report, if one is due.
    pub(crate) fn report(&mut self, now: Duration) -> Option<Event> {
        self.app.handle(now).map(|code| Event::App(Some(code)))
    }

    /// Lets commands run; what the daemon hears of it.
    pub(crate) fn run_commands(&mut self, now: Duration) -> Option<Event> {
        loop {
            match self.commands.next(now)? {
                Effect::StartBegan => return Some(Event::StartBegan),
                Effect::Released => return Some(Event::Released),
                Effect::Start => self.app.order(now, Order::Start),
                Effect::Stop => self.app.order(now, Order::Stop),
            }
        }
    }
}
