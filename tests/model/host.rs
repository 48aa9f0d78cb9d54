//! One host: the daemon, its application, and what is on its way between the two.

use std::time::Duration;

use schrittmacher_legacy_double as legacy;
use schrittmacher_legacy_double::Legacy;
use schrittmacher_protocol::{Action, Asked, Event, Machine, PeerReport, Settings, State, StateName};
use schrittmacher_wire::{AppCode, PeerCode};

use crate::ablation::Rule;
use crate::app::{App, Habit, Role};
use crate::relative::{self, NOW, SECOND};

/// The longest the commands of a planned hand-over take, in seconds.
const COMMANDS: u8 = 3;

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
    /// A rule of ours that is taken out.
    pub without: Option<Rule>,
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

/// One of the choices that nobody makes on purpose.
#[derive(Clone, Copy, Debug)]
pub struct Choice {
    /// What an application needs to follow an order.
    pub takes: u8,
    /// What a legacy daemon draws.
    pub draw: u32,
    /// The report that is due was on its way before the order came.
    pub crossing: bool,
}

/// What came of a step.
pub struct Outcome {
    pub host: Host,
    pub sent: Vec<Message>,
    /// A promise that this step breaks.
    pub broken: Option<&'static str>,
}

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

    /// Takes a step.
    pub fn step(&self, kind: &Kind, input: Input, choice: Choice) -> Outcome {
        let mut step = Step { host: self.clone(), kind, choice, sent: Vec::new(), broken: None };
        step.take(input);
        step.host
            .forget(kind, if input == Input::Pass { SECOND * u32::from(kind.grain) } else { Duration::ZERO });
        Outcome { host: step.host, sent: step.sent, broken: step.broken }
    }

    fn forget(&mut self, kind: &Kind, passed: Duration) {
        match (&mut self.daemon, &kind.program) {
            (Daemon::Ours(machine), Program::Ours(settings)) => {
                *machine = relative::view(machine, settings, passed);
            }
            (Daemon::Legacy(legacy), _) => *legacy = relative::legacy_view(legacy, passed),
            (Daemon::Down | Daemon::Ours(_), _) => {}
        }
    }
}

/// A step in the making.
struct Step<'a> {
    host: Host,
    kind: &'a Kind,
    choice: Choice,
    sent: Vec<Message>,
    broken: Option<&'static str>,
}

impl Step<'_> {
    fn take(&mut self, input: Input) {
        let habit = self.kind.habit;
        match input {
            Input::Tick => self.daemon(Event::Tick, Some(legacy::Event::Timer)),
            Input::Report => {
                if let Some(code) = self.host.app.report(habit) {
                    self.hear_app(code);
                }
            }
            Input::Hear => {
                if let Some(code) = self.host.report.take() {
                    self.hear_app(code);
                }
            }
            Input::Died => {
                self.host.died = false;
                self.daemon(Event::AppDied, None);
            }
            Input::Released => {
                self.host.commands = None;
                self.daemon(Event::Released, None);
            }
            Input::Take(message) => self.hear_peer(message),
            Input::Pass => {
                let grain = self.kind.grain;
                self.host.app.pass(grain, habit);
                self.host.commands = self.host.commands.map(|age| (age + grain).min(COMMANDS));
            }
            Input::StartDaemon => self.start_daemon(),
            Input::StartApp => self.host.app = App::start(Role::Unknown),
            Input::WakeApp => set_hung(&mut self.host.app, false),
            Input::Resume => self.host.paused = false,
            Input::Crash => self.crash(),
            Input::HostDies => {
                self.crash();
                self.host.app = App::Dead;
                self.host.interface = false;
            }
            Input::AppDies => {
                self.host.app = App::Dead;
                self.host.died = matches!(self.host.daemon, Daemon::Ours(_));
            }
            Input::AppHangs => set_hung(&mut self.host.app, true),
            Input::AppFails => self.host.app = App::Failed { report_in: 0 },
            Input::Failover => {
                self.daemon(Event::Failover { force: false }, Some(legacy::Event::Failover));
            }
            Input::Takeover => self.daemon(Event::Takeover, Some(legacy::Event::Takeover)),
            Input::Shutdown => self.daemon(Event::Shutdown, None),
            Input::Pause => self.host.paused = true,
        }
    }

    fn crash(&mut self) {
        let Host { daemon, report, died, commands, paused, .. } = &mut self.host;
        (*daemon, *report, *died, *commands, *paused) = (Daemon::Down, None, false, None, false);
    }

    fn start_daemon(&mut self) {
        match &self.kind.program {
            Program::Ours(settings) => self.host.daemon = Daemon::Ours(Machine::new(settings, NOW)),
            Program::Legacy(settings) => {
                let draw = self.choice.draw;
                let (legacy, actions) = Legacy::start(*settings, NOW.since_origin(), &mut || draw);
                self.host.daemon = Daemon::Legacy(legacy);
                self.legacy_actions(&actions);
            }
        }
    }

    fn hear_app(&mut self, code: AppCode) {
        self.daemon(Event::App(Some(code)), Some(legacy::Event::App(code)));
    }

    fn hear_peer(&mut self, message: Message) {
        let Message { code, random, extended } = message;
        let report = PeerReport {
            code: Some(code),
            random,
            period: self.kind.peer.period.filter(|_| extended),
            ..self.kind.peer
        };
        self.daemon(
            Event::Peer(report),
            Some(legacy::Event::Peer { code, priority: report.priority, random }),
        );
    }

    /// Gives the daemon an event; a legacy one may have no such thing.
    fn daemon(&mut self, event: Event, for_legacy: Option<legacy::Event>) {
        match (&mut self.host.daemon, &self.kind.program) {
            (Daemon::Ours(machine), Program::Ours(settings)) => {
                let (was, mut event) = (machine.clone(), event);
                if let Some(rule) = self.kind.without {
                    rule.before(machine, &mut event);
                }
                let mut actions = machine.handle(settings, NOW, event, &mut |_, _, _, _| {});
                if let Some(rule) = self.kind.without {
                    rule.after(&was, &event, machine, &mut actions);
                }
                self.our_actions(&actions);
                self.check_rights();
            }
            (Daemon::Legacy(legacy), _) => {
                if let Some(event) = for_legacy {
                    let draw = self.choice.draw;
                    let actions = legacy.handle(NOW.since_origin(), event, &mut || draw);
                    self.legacy_actions(&actions);
                }
            }
            (Daemon::Down | Daemon::Ours(_), _) => {}
        }
    }

    fn our_actions(&mut self, actions: &[Action]) {
        for action in actions {
            match *action {
                Action::Send { code, random, extended } => {
                    self.check_message(code);
                    self.sent.push(Message { code, random, extended });
                }
                Action::Activate => self.host.interface = true,
                Action::Deactivate { .. } => self.host.interface = false,
                Action::Start => {
                    self.order(Role::Hot);
                    if let (Daemon::Ours(machine), Program::Ours(settings)) =
                        (&mut self.host.daemon, &self.kind.program)
                    {
                        machine.handle(settings, NOW, Event::StartBegan, &mut |_, _, _, _| {});
                    }
                }
                Action::Stop => self.order(Role::Standby),
                Action::Barrier => {
                    self.host.commands = Some(0);
                    if self.kind.without == Some(Rule::Barrier) {
                        self.daemon(Event::Released, None);
                    }
                }
                Action::Exit => self.crash(),
                Action::Refuse(_) | Action::Notice(_) => {}
            }
        }
    }

    fn legacy_actions(&mut self, actions: &[legacy::Action]) {
        for action in actions {
            match *action {
                legacy::Action::Send { code, random } => {
                    self.sent.push(Message { code, random, extended: false });
                }
                legacy::Action::Activate => self.host.interface = true,
                legacy::Action::Deactivate => self.host.interface = false,
                legacy::Action::Start => self.order(Role::Hot),
                legacy::Action::Stop => self.order(Role::Standby),
                legacy::Action::NotedSilence => {}
            }
        }
    }

    fn order(&mut self, role: Role) {
        if self.choice.crossing
            && self.host.report.is_none()
            && self.host.app.is_due()
            && self.host.app.obeys(role)
        {
            self.host.report = self.host.app.report(self.kind.habit);
        }
        self.host.app.order(role, self.choice.takes, self.kind.habit);
    }

    /// P5: nobody who has the service says that he has it not.
    fn check_message(&mut self, code: PeerCode) {
        use PeerCode::{Fail, Fovr, Hott, Stby, Tcnf, ToHot, ToStandby, Trej, Treq, Unk};
        match code {
            Stby | ToStandby | Fail | Fovr | Tcnf => {
                if self.host.interface {
                    self.broken = Some("P5: gives way before deactivate was ordered");
                } else if self.host.commands.is_some() {
                    self.broken = Some("P5: gives way while the commands of the hand-over run");
                }
            }
            Unk | Hott | Treq | Trej | ToHot => {}
        }
    }

    /// P4.
    fn check_rights(&mut self) {
        let Daemon::Ours(machine) = &self.host.daemon else { return };
        match machine.state.name() {
            StateName::Hot | StateName::Unknown if machine.app.failed => {
                self.broken = Some("P4: may be hot with a failed application");
            }
            StateName::Standby | StateName::ToStandby if machine.app.failed => {
                self.broken = Some("P4: not Failed with a failed application");
            }
            StateName::Standby | StateName::ToStandby | StateName::Failed | StateName::Leaving
                if self.host.interface =>
            {
                self.broken = Some("P4: its interface is up");
            }
            _ => {}
        }
    }
}

fn set_hung(app: &mut App, value: bool) {
    if let App::Runs { hung, .. } = app {
        *hung = value;
    }
}

/// How one host stands, as far as the promises care.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stand {
    /// Hot, with a hot application.
    Hot,
    /// Standby, with a standby application.
    Standby,
    /// Takes no part: no daemon, or no application that could serve.
    Out,
    /// On its way to one of these.
    Moving,
}

impl Host {
    pub fn stand(&self) -> Stand {
        let (hot, standby, going) = match &self.daemon {
            Daemon::Down => return Stand::Out,
            Daemon::Ours(machine) => match machine.state.name() {
                StateName::Hot => (true, false, false),
                StateName::Standby => (false, true, false),
                StateName::ToHot | StateName::Releasing => (false, false, true),
                StateName::Unknown | StateName::ToStandby | StateName::Failed | StateName::Leaving => {
                    (false, false, false)
                }
            },
            Daemon::Legacy(legacy) => match legacy.state() {
                legacy::State::Hot => (true, false, false),
                legacy::State::Standby => (false, true, false),
                legacy::State::ToHot => (false, false, true),
                legacy::State::Unknown | legacy::State::ToStandby | legacy::State::Failed => {
                    (false, false, false)
                }
            },
        };
        if hot && self.app.is(Role::Hot) {
            Stand::Hot
        } else if standby && self.app.is(Role::Standby) {
            Stand::Standby
        } else if !hot && !going && !self.app.is_fit() {
            Stand::Out
        } else {
            Stand::Moving
        }
    }

    /// Says that it is hot.
    pub fn claims(&self) -> bool {
        match &self.daemon {
            Daemon::Down => false,
            Daemon::Ours(machine) => machine.state.name() == StateName::Hot,
            Daemon::Legacy(legacy) => legacy.state() == legacy::State::Hot,
        }
    }

    /// Could serve.
    pub fn is_fit(&self) -> bool {
        self.is_up() && self.app.is_fit()
    }

    /// An operator's takeover is under way, the peer has given the role a moment ago, or an untrue report
    /// waits.
    pub fn is_biased(&self) -> bool {
        self.report.is_some()
            || match &self.daemon {
                Daemon::Ours(machine) => {
                    matches!(machine.asked, Some(Asked::Forced { .. }))
                        || matches!(machine.state, State::Hot { granted: Some(_), .. })
                }
                Daemon::Down | Daemon::Legacy(_) => false,
            }
    }

    /// In words.
    pub fn words(&self) -> String {
        let daemon = match &self.daemon {
            Daemon::Down => "down".to_owned(),
            Daemon::Ours(machine) => machine.state.name().to_string(),
            Daemon::Legacy(legacy) => format!("{:?}", legacy.state()),
        };
        let app = match self.app {
            App::Dead => "dead".to_owned(),
            App::Failed { .. } => "failed".to_owned(),
            App::Runs { hung: true, .. } => "hung".to_owned(),
            App::Runs { going: Some((to, _)), .. } => format!("to{to:?}"),
            App::Runs { role, .. } => format!("{role:?}"),
        };
        let paused = if self.paused { ", paused" } else { "" };
        format!("{daemon}({}{paused})", app.to_lowercase())
    }
}
