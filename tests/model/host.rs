//! One host: the daemon, its application, what is on its way between the two, and what can happen to it.

use std::time::Duration;

use schrittmacher_protocol::{Ending, Machine, PeerReport, Policy, Settings, State, Time};
use schrittmacher_testkit::double as legacy;
use schrittmacher_testkit::double::Legacy;
use schrittmacher_wire::{AppCode, Note, PeerCode};

use crate::ablation::Without;
use crate::app::{App, Habit, Role};
use crate::relative::{LONG, NOW, SECOND};

/// The longest the commands of a planned hand-over take, in seconds.
pub const COMMANDS: u8 = 3;

/// The programs on one side, and their freedom.
#[derive(Clone, Debug)]
pub struct Kind {
    pub program: Program,
    pub habit: Habit,
    /// The seconds that pass at once. All that happens in between happens in any order.
    pub grain: u8,
    /// The seconds an application may take to follow an order.
    pub takes: &'static [u8],
    /// The values that a legacy daemon may draw.
    pub draws: &'static [u32],
    /// The part that is taken out of ours.
    pub without: Option<Without>,
    /// Its address may become one that cannot be brought up.
    pub loses_address: bool,
    /// An operator may freeze it.
    pub freezes: bool,
    /// Clients may lose the way to it.
    pub loses_clients: bool,
    /// A hand-over may leave its address here.
    pub keeps_address: bool,
    /// Its daemon ends for a restart: not a fault, but an act (P10).
    pub restarts: bool,
    /// It looks whether it is isolated, and knows after this number of seconds at the latest.
    pub pings: Option<u8>,
    /// The other side's messages, but for status, random and extension.
    pub peer: PeerReport,
}

impl Kind {
    /// Ours, with a broken file for example.
    pub fn starts_nothing(&self) -> bool {
        matches!(&self.program, Program::Ours(settings) if settings.held)
    }

    /// It takes no role on silence.
    pub fn is_manual(&self) -> bool {
        matches!(&self.program, Program::Ours(settings) if settings.policy == Policy::Manual)
    }

    /// Since when a host is silent that has been so for long enough to be lost.
    pub fn silent_since(&self) -> Time {
        match (&self.program, self.peer.period) {
            (Program::Ours(settings), Some(period)) => NOW - (settings.timeout.max(3 * period) - period),
            _ => NOW,
        }
    }

    /// Both are ours and of the same priority.
    pub fn compares_times(&self) -> bool {
        matches!(&self.program, Program::Ours(settings) if settings.priority == self.peer.priority)
            && self.peer.period.is_some()
    }
}

/// A daemon's program and its configuration.
#[derive(Clone, Debug)]
pub enum Program {
    Ours(Settings),
    Legacy(legacy::Settings),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::large_enum_variant, reason = "states are kept packed; this is the one that is unpacked")]
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
    /// The commands of a hand-over run, for this number of seconds already.
    pub commands: Option<u8>,
    /// The last order about the interface was to bring it up.
    pub interface: bool,
    /// The address cannot be brought up.
    pub no_address: bool,
    /// An attempt to bring it up fails after this many seconds.
    pub activate_fails: Option<u8>,
    /// Clients cannot reach it.
    pub cut_off: bool,
    /// The daemon's process is stopped.
    pub paused: bool,
    /// What a restart has left.
    pub left: Left,
    pub targets: Targets,
}

/// The targets of `ping-address`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Targets {
    Answer,
    /// None answers, and the daemon has looked for this number of seconds.
    Silent {
        age: u8,
        /// The link was whole when they fell silent, or was cut at the same moment.
        in_time: bool,
    },
}

/// An application that serves while its daemon is restarted (P9).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Left {
    Nothing,
    /// The daemon has ended and left it hot, this number of seconds ago. `alone`: the other one did not serve.
    Hot {
        ago: u8,
        alone: bool,
    },
    /// It was alone, and the daemon is back in time and not hot yet.
    Found,
}

/// A daemon that comes back within this number of seconds is there before its peer can take over.
pub const IN_TIME: u8 = 2;

/// A datagram between the daemons.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Message {
    pub code: PeerCode,
    pub random: u32,
    pub extended: bool,
    pub note: Option<Note>,
}

/// An input of one host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    // These happen by themselves, within the second.
    Tick,
    Report,
    Hear,
    Died,
    Released,
    ReleaseFails,
    ActivateFails,
    /// What the echoes say is another thing than before.
    Echoes,
    /// Another resource of this node has found its peer silent.
    HostSilent,
    /// The `fence-action` has ended, and the other host is off.
    FenceConfirms,
    /// It has ended, and nothing is known.
    FenceFails,
    Take(Message),
    Pass,
    // Repairs, at any time.
    StartDaemon,
    StartApp,
    WakeApp,
    Resume,
    Thaw,
    /// A target answers again.
    Reach,
    // Faults, and orders.
    Crash,
    /// The same, while the other application does not serve and nothing is on the way.
    Restart,
    HostDies,
    AppDies,
    AppHangs,
    AppFails,
    Failover,
    Takeover,
    Shutdown,
    Pause,
    AddressLost,
    Freeze,
    ClientsLost,
    /// An operator takes the role, also from a silent peer.
    TakeoverByForce,
    /// Its targets are silent; the link is whole.
    TargetsLost,
    /// The same, while it is cut.
    TargetsLostLate,
    /// The link is cut in both directions, and its targets are silent.
    Isolated,
}

pub const MENDING: [Input; 6] =
    [Input::StartDaemon, Input::StartApp, Input::WakeApp, Input::Resume, Input::Thaw, Input::Reach];

pub const FAULTS: [Input; 17] = [
    Input::Crash,
    Input::Restart,
    Input::HostDies,
    Input::AppDies,
    Input::AppHangs,
    Input::AppFails,
    Input::Failover,
    Input::Takeover,
    Input::Shutdown,
    Input::Pause,
    Input::AddressLost,
    Input::Freeze,
    Input::ClientsLost,
    Input::TakeoverByForce,
    Input::TargetsLost,
    Input::TargetsLostLate,
    Input::Isolated,
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
            left: Left::Nothing,
            no_address: false,
            cut_off: false,
            activate_fails: None,
            targets: Targets::Answer,
        }
    }

    pub fn is_up(&self) -> bool {
        self.daemon != Daemon::Down
    }

    /// The daemon has been asked to end.
    pub fn ends(&self) -> bool {
        matches!(&self.daemon, Daemon::Ours(machine) if machine.ending != Ending::No)
    }

    pub fn is_frozen(&self) -> bool {
        matches!(&self.daemon, Daemon::Ours(machine) if machine.frozen)
    }

    /// No target answers.
    pub fn is_isolated(&self) -> bool {
        self.targets != Targets::Answer
    }

    /// What its daemon has been told of its targets is no longer so.
    fn has_news_of_targets(&self) -> bool {
        matches!(&self.daemon, Daemon::Ours(machine) if machine.isolation.isolated != self.is_isolated())
    }

    /// It has the role, or takes it.
    pub fn has_role(&self) -> bool {
        matches!(&self.daemon, Daemon::Ours(machine)
            if matches!(machine.state, State::ToHot { .. } | State::Hot { .. }))
    }

    /// Its `fence-action` runs.
    pub fn waits_for_fence(&self) -> bool {
        self.runs() && matches!(&self.daemon, Daemon::Ours(machine) if machine.fence.asked.is_some())
    }

    /// It has not heard its peer for too long.
    pub fn has_lost_peer(&self) -> bool {
        matches!(&self.daemon, Daemon::Ours(machine) if machine.peer.lost)
    }

    /// Its peer counts as alive.
    pub fn hears_peer(&self) -> bool {
        matches!(&self.daemon, Daemon::Ours(machine) if machine.peer.alive)
    }

    /// Whether the daemon takes events.
    pub fn runs(&self) -> bool {
        self.is_up() && !self.paused
    }

    /// How long ours has been hot, see [`LONG`].
    pub fn hot_for(&self) -> Duration {
        match &self.daemon {
            Daemon::Ours(machine) if matches!(machine.state, State::Hot { .. }) => {
                NOW.since(machine.since).min(LONG)
            }
            Daemon::Down | Daemon::Ours(_) | Daemon::Legacy(_) => Duration::ZERO,
        }
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
            Input::ReleaseFails => kind.keeps_address && self.runs() && self.commands.is_some(),
            Input::ActivateFails => self.runs() && self.activate_fails == Some(0),
            Input::Echoes => kind.pings.is_some() && self.runs() && self.has_news_of_targets(),
            Input::HostSilent => self.runs() && self.follows_host(kind),
            Input::FenceConfirms | Input::FenceFails => self.waits_for_fence(),
            Input::Take(_) => self.runs(),
            Input::Pass => true,
            Input::StartDaemon => !self.is_up(),
            Input::StartApp => matches!(self.app, App::Dead | App::Failed { .. }),
            Input::WakeApp => matches!(self.app, App::Runs { hung: true, .. }),
            Input::Resume => self.paused,
            Input::Thaw => self.runs() && self.is_frozen(),
            Input::Reach => self.is_isolated(),
            Input::Crash => self.is_up(),
            Input::Restart => kind.restarts && self.is_up(),
            Input::HostDies => self.is_up() && self.app != App::Dead,
            Input::AppDies => self.app != App::Dead,
            Input::AppHangs | Input::AppFails => self.app.is_fit(),
            Input::Failover | Input::Takeover => self.runs(),
            Input::TakeoverByForce => kind.is_manual() && self.runs(),
            Input::TargetsLost | Input::TargetsLostLate | Input::Isolated => {
                kind.pings.is_some() && !self.is_isolated()
            }
            Input::Freeze => kind.freezes && self.runs() && !self.is_frozen(),
            Input::AddressLost => kind.loses_address && !self.no_address,
            Input::ClientsLost => kind.loses_clients && !self.cut_off && !self.paused,
            // A legacy daemon has no orderly end (D2): that is a crash. A second signal is no orderly act.
            Input::Shutdown => self.runs() && matches!(self.daemon, Daemon::Ours(_)) && !self.ends(),
            Input::Pause => self.runs() && matches!(self.daemon, Daemon::Ours(_)),
        }
    }

    /// Whether this has to happen before the second is over.
    pub fn must(&self, kind: &Kind, input: Input) -> bool {
        match input {
            Input::Released => self.commands.is_some_and(|age| age >= COMMANDS) && self.runs(),
            // Its device may take its time, and it may be the only resource.
            Input::HostSilent | Input::ReleaseFails | Input::FenceConfirms | Input::FenceFails => false,
            Input::Echoes => {
                let is_in_time = matches!(self.targets, Targets::Silent { age, .. } if kind.pings.is_some_and(|latest| age < latest));
                self.allows(kind, input) && !is_in_time
            }
            _ => self.allows(kind, input),
        }
    }

    fn follows_host(&self, kind: &Kind) -> bool {
        match (&self.daemon, &kind.program) {
            (Daemon::Ours(machine), Program::Ours(settings)) => {
                machine.follows_host(settings, kind.silent_since(), NOW)
            }
            (Daemon::Down | Daemon::Ours(_) | Daemon::Legacy(_), _) => false,
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
