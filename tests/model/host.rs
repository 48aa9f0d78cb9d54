//! One host: the daemon, its application, what is on its way between the two, and what can happen to it.

use schrittmacher_legacy_double as legacy;
use schrittmacher_legacy_double::Legacy;
use schrittmacher_protocol::{Machine, PeerReport, Settings};
use schrittmacher_wire::{AppCode, PeerCode};

use crate::ablation::Without;
use crate::app::{App, Habit, Role};
use crate::relative::{NOW, SECOND};

/// The longest the commands of a planned hand-over take, in seconds.
pub const COMMANDS: u8 = 3;

/// What runs on one side, and what it may do.
#[derive(Clone, Debug)]
pub struct Kind {
    pub program: Program,
    pub habit: Habit,
    /// The seconds that pass at once. All that happens in between happens in any order.
    pub grain: u8,
    /// The seconds an application may take to follow an order.
    pub takes: &'static [u8],
    /// What a legacy daemon may draw.
    pub draws: &'static [u32],
    /// What is taken out of ours.
    pub without: Option<Without>,
    /// What the other side's messages look like, but for status, random and extension.
    pub peer: PeerReport,
}

/// A daemon's program and its configuration.
#[derive(Clone, Debug)]
pub enum Program {
    Ours(Settings),
    Legacy(legacy::Settings),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Daemon {
    Down,
    Ours(Machine),
    Legacy(Legacy),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Host {
    pub daemon: Daemon,
    pub app: App,
    /// A report that the daemon has not read yet and that is no longer true. One that is true still is made
    /// when it is read: nobody can tell.
    pub report: Option<AppCode>,
    /// The application's process has ended and the daemon does not know yet.
    pub died: bool,
    /// The commands of a hand-over run, for so many seconds already.
    pub commands: Option<u8>,
    /// The last order about the interface was to bring it up.
    pub interface: bool,
    /// The daemon's process is stopped.
    pub paused: bool,
}

/// A datagram between the daemons.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Message {
    pub code: PeerCode,
    pub random: u32,
    pub extended: bool,
}

/// What can happen on one host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    // What happens by itself, within the second.
    Tick,
    Report,
    Hear,
    Died,
    Released,
    Take(Message),
    Pass,
    // What somebody mends, whenever he likes.
    StartDaemon,
    StartApp,
    WakeApp,
    Resume,
    // What goes wrong, and orders.
    Crash,
    HostDies,
    AppDies,
    AppHangs,
    AppFails,
    Failover,
    Takeover,
    Shutdown,
    Pause,
}

pub const MENDING: [Input; 4] = [Input::StartDaemon, Input::StartApp, Input::WakeApp, Input::Resume];

pub const FAULTS: [Input; 9] = [
    Input::Crash,
    Input::HostDies,
    Input::AppDies,
    Input::AppHangs,
    Input::AppFails,
    Input::Failover,
    Input::Takeover,
    Input::Shutdown,
    Input::Pause,
];

impl Host {
    pub fn new(app: App) -> Host {
        Host {
            daemon: Daemon::Down,
            app,
            report: None,
            died: false,
            commands: None,
            // As an unclean end of the daemon would have left it.
            interface: app.is(Role::Hot),
            paused: false,
        }
    }

    pub fn is_up(&self) -> bool {
        self.daemon != Daemon::Down
    }

    /// Whether the daemon takes events.
    pub fn runs(&self) -> bool {
        self.is_up() && !self.paused
    }

    /// Whether a heartbeat is overdue: then everything that waits is read first.
    pub fn is_late(&self) -> bool {
        matches!(&self.daemon, Daemon::Ours(machine) if machine.next_tick + SECOND <= NOW)
    }

    /// Whether this can happen; [`Input::Take`] and [`Input::Pass`] are the pair's business.
    pub fn allows(&self, kind: &Kind, input: Input) -> bool {
        match input {
            Input::Tick => self.runs() && self.timer_is_due(kind),
            Input::Report => self.runs() && self.app.is_due() && self.report.is_none(),
            Input::Hear => self.runs() && self.report.is_some(),
            Input::Died => self.runs() && self.died,
            Input::Released => self.runs() && self.commands.is_some(),
            Input::Take(_) => self.runs(),
            Input::Pass => true,
            Input::StartDaemon => !self.is_up(),
            Input::StartApp => matches!(self.app, App::Dead | App::Failed { .. }),
            Input::WakeApp => matches!(self.app, App::Runs { hung: true, .. }),
            Input::Resume => self.paused,
            Input::Crash => self.is_up(),
            Input::HostDies => self.is_up() && self.app != App::Dead,
            Input::AppDies => self.app != App::Dead,
            Input::AppHangs | Input::AppFails => self.app.is_fit(),
            Input::Failover | Input::Takeover => self.runs(),
            // A legacy daemon has no orderly end (D2): that is a crash.
            Input::Shutdown | Input::Pause => self.runs() && matches!(self.daemon, Daemon::Ours(_)),
        }
    }

    /// Whether this has to happen before the second is over.
    pub fn must(&self, kind: &Kind, input: Input) -> bool {
        match input {
            Input::Released => self.commands.is_some_and(|age| age >= COMMANDS) && self.runs(),
            _ => self.allows(kind, input),
        }
    }

    fn timer_is_due(&self, kind: &Kind) -> bool {
        match (&self.daemon, &kind.program) {
            (Daemon::Ours(machine), Program::Ours(settings)) => machine.next_deadline(settings) <= NOW,
            (Daemon::Legacy(legacy), _) => legacy.next_deadline() <= NOW.since_origin(),
            (Daemon::Down | Daemon::Ours(_), _) => false,
        }
    }
}
