//! A step of one host: what the daemon is told, and what follows from what it does.

use std::time::Duration;

use schrittmacher_legacy_double as legacy;
use schrittmacher_legacy_double::Legacy;
use schrittmacher_protocol::{Action, Event, Machine, PeerReport, StateName};
use schrittmacher_wire::{AppCode, PeerCode};

use crate::ablation::{Rule, Without};
use crate::app::{App, Role};
use crate::deviation;
use crate::host::{COMMANDS, Daemon, Host, Input, Kind, Message, Program};
use crate::relative::{self, NOW, SECOND};

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
    /// Lines of the list of deviations that it came under, if that is asked for.
    pub met: Vec<usize>,
}

impl Host {
    /// Takes a step.
    pub fn step(&self, kind: &Kind, input: Input, choice: Choice) -> Outcome {
        let mut step =
            Step { host: self.clone(), kind, choice, sent: Vec::new(), broken: None, met: Vec::new() };
        step.take(input);
        step.host
            .forget(kind, if input == Input::Pass { SECOND * u32::from(kind.grain) } else { Duration::ZERO });
        Outcome { host: step.host, sent: step.sent, broken: step.broken, met: step.met }
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
    met: Vec<usize>,
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
                let actions = match self.kind.without {
                    None => machine.handle(settings, NOW, event, &mut |_, _, _, _| {}),
                    Some(Without::Lines(lines)) => {
                        deviation::handle(machine, settings, event, lines, &mut self.met)
                    }
                    Some(Without::Rule(rule)) => rule.handle(machine, settings, event),
                };
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
                    if self.kind.without == Some(Without::Rule(Rule::Barrier)) {
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
