//! A step of one host: what the daemon is told, and what follows from what it does.

use std::time::Duration;

use schrittmacher_protocol::{
    Action, AppFailure, Command, Ending, Event, FORCED_RANDOM, Fenced, Machine, OnIsolation, PeerReport,
    Policy, Said, Settings, State, StateName,
};
use schrittmacher_testkit::double as legacy;
use schrittmacher_testkit::double::Legacy;
use schrittmacher_wire::{AppCode, PeerCode};

use crate::ablation::{Rule, Without};
use crate::app::{App, Role};
use crate::deviation;
use crate::host::{COMMANDS, Daemon, Host, IN_TIME, Input, Kind, Left, Message, Program, Targets};
use crate::relative::{self, NOW, SECOND};

/// The pause before the address is tried again, in seconds.
const RETRY: u8 = 2;

/// One of the choices that nobody makes on purpose.
#[derive(Clone, Copy, Debug)]
pub struct Choice {
    /// The time that an application needs to follow an order.
    pub takes: u8,
    /// The value that a legacy daemon draws.
    pub draw: u32,
    /// The report that is due was on its way before the order came.
    pub crossing: bool,
}

/// The result of a step.
pub struct Outcome {
    pub host: Host,
    pub sent: Vec<Message>,
    /// A promise that this step breaks.
    pub broken: Option<&'static str>,
    /// Ours stops an application that serves, and nobody ordered that: P9 asks what the other side is.
    pub stops: bool,
    /// Lines of the list of deviations that it came under, if that is asked for.
    pub met: Vec<usize>,
}

impl Host {
    /// Takes a step.
    pub fn step(&self, kind: &Kind, input: Input, choice: Choice) -> Outcome {
        let mut step = Step {
            host: self.clone(),
            kind,
            choice,
            sent: Vec::new(),
            broken: None,
            stops: false,
            met: Vec::new(),
        };
        step.take(input);
        step.host
            .forget(kind, if input == Input::Pass { SECOND * u32::from(kind.grain) } else { Duration::ZERO });
        Outcome {
            host: step.host,
            sent: step.sent,
            broken: step.broken,
            stops: step.stops && !is_order(input),
            met: step.met,
        }
    }

    fn forget(&mut self, kind: &Kind, passed: Duration) {
        match (&mut self.daemon, &kind.program) {
            (Daemon::Ours(machine), Program::Ours(settings)) => {
                *machine = relative::view(machine, settings, passed, kind.compares_times());
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
    stops: bool,
    met: Vec<usize>,
}

/// Its application has said LHOT, or has said nothing yet and may serve since before the daemon started.
fn is_known_to_serve(machine: &Machine) -> bool {
    let hot = matches!(machine.state, State::Hot { .. } | State::Unknown { claim: Some(_) });
    let asks = matches!(machine.state, State::Unknown { .. } | State::ToStandby { .. });
    hot || (asks && !machine.app.reported)
}

/// It is neither on its way to the role, nor has it stopped something that may come back.
fn has_no_role(machine: &Machine) -> bool {
    use StateName::{Failed, Standby, ToStandby, Unknown};
    matches!(machine.state.name(), Unknown | Standby | ToStandby | Failed)
}

/// What a silent peer means to a side without the role, before an event.
struct Silence {
    /// The peer is silent, and the policy leaves the role with it.
    is_manual: bool,
    /// This side would stop at once.
    is_isolated: bool,
    /// The peer's host is off.
    is_fenced: bool,
}

impl Silence {
    fn of(machine: &Machine, settings: &Settings) -> Silence {
        use StateName::{Standby, ToStandby};
        let is_idle = matches!(machine.state.name(), Standby | ToStandby);
        Silence {
            is_manual: is_idle && machine.peer.lost && settings.policy == Policy::Manual,
            is_isolated: machine.isolation.isolated && settings.on_isolation == OnIsolation::StepDown,
            is_fenced: machine.fence.outcome == Some(Fenced::Off),
        }
    }

    /// Only an order by force takes the role from it, and that always does.
    fn broken(&self, event: Event, after: StateName) -> Option<&'static str> {
        let takes = matches!(after, StateName::ToHot | StateName::Hot);
        match event {
            Event::Takeover { force: true } if self.is_manual && !self.is_isolated && !takes => {
                Some("manual: a takeover by force is not obeyed")
            }
            Event::Takeover { force: false } | Event::Tick | Event::HostSilent(_)
                if self.is_manual && takes && !self.is_fenced =>
            {
                Some("manual: takes the role from a silent peer")
            }
            _ => None,
        }
    }
}

/// The peer hands over. It confirms an order as well: a frozen side asks for nothing else.
fn is_consent(event: Event) -> bool {
    matches!(event, Event::Peer(report) if matches!(report.code, Some(PeerCode::Fovr | PeerCode::Tcnf)))
}

/// An operator's order, ours or the peer's, or a conflict with a side that serves.
fn is_order(input: Input) -> bool {
    match input {
        // A node of ours says HOTT only while it serves, perhaps no longer when that is heard.
        Input::Take(message) => message.random == FORCED_RANDOM || message.code == PeerCode::Hott,
        // Orders, and what an application's failure or an older report leads to.
        _ => true,
    }
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
                self.daemon(Event::AppFailed(AppFailure::Ended), None);
                self.check_failed();
            }
            Input::Released => {
                self.host.commands = None;
                self.daemon(Event::Released, None);
            }
            Input::ReleaseFails => {
                self.daemon(Event::DeactivateFailed, None);
                self.host.commands = None;
                self.daemon(Event::Released, None);
                self.check_unreleased();
            }
            Input::ActivateFails => {
                self.host.activate_fails = Some(RETRY);
                self.daemon(Event::ActivateFailed, None);
            }
            Input::AddressLost => self.host.no_address = true,
            Input::Freeze => self.daemon(Event::Freeze(true), None),
            Input::Thaw => self.daemon(Event::Freeze(false), None),
            Input::ClientsLost => {
                self.host.cut_off = true;
                self.daemon(Event::CutOff, None);
            }
            Input::Echoes => {
                let isolated = self.host.is_isolated();
                self.daemon(Event::Isolated(isolated), None);
            }
            Input::HostSilent => self.daemon(Event::HostSilent(self.kind.silent_since()), None),
            Input::FenceConfirms => self.hear_fenced(Fenced::Off),
            Input::FenceFails => self.hear_fenced(Fenced::NotConfirmed),
            Input::Reach => self.host.targets = Targets::Answer,
            Input::TargetsLost | Input::Isolated => {
                self.host.targets = Targets::Silent { age: 0, in_time: true };
            }
            Input::TargetsLostLate => self.host.targets = Targets::Silent { age: 0, in_time: false },
            Input::Take(message) => self.hear_peer(message),
            Input::Pass => self.pass(),
            Input::StartDaemon => self.start_daemon(),
            Input::StartApp => self.host.app = App::start(Role::Unknown),
            Input::WakeApp => set_hung(&mut self.host.app, false),
            Input::Resume => self.host.paused = false,
            Input::Crash | Input::Restart => {
                let leaves_hot = matches!(&self.host.daemon, Daemon::Ours(machine) if machine.leaves_hot());
                // Two restarts before it is hot again may keep it silent for longer than its peer waits.
                let alone = input == Input::Restart && self.host.claims();
                self.crash();
                if self.kind.restarts && leaves_hot {
                    self.host.left = Left::Hot { ago: 0, alone };
                }
            }
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
            Input::Takeover => self.daemon(Event::Takeover { force: false }, Some(legacy::Event::Takeover)),
            Input::TakeoverByForce => self.daemon(Event::Takeover { force: true }, None),
            Input::Shutdown => self.daemon(Event::Shutdown, None),
            Input::Pause => self.host.paused = true,
        }
    }

    fn pass(&mut self) {
        let (grain, runs) = (self.kind.grain, self.host.runs());
        self.host.app.pass(grain, self.kind.habit);
        self.host.commands = self.host.commands.map(|age| (age + grain).min(COMMANDS));
        self.host.activate_fails = self.host.activate_fails.map(|left| left.saturating_sub(grain));
        if let (Targets::Silent { age, .. }, Some(latest)) = (&mut self.host.targets, self.kind.pings) {
            *age = if runs { (*age + grain).min(latest) } else { 0 };
        }
        if let Left::Hot { ago, alone } = self.host.left {
            let ago = ago + grain;
            self.host.left = if ago > IN_TIME { Left::Nothing } else { Left::Hot { ago, alone } };
        }
    }

    fn crash(&mut self) {
        let Host { daemon, report, died, commands, activate_fails, paused, .. } = &mut self.host;
        (*daemon, *report, *died, *commands, *paused) = (Daemon::Down, None, false, None, false);
        *activate_fails = None;
        self.host.left = Left::Nothing;
    }

    fn start_daemon(&mut self) {
        match &self.kind.program {
            Program::Ours(settings) => {
                self.host.daemon = Daemon::Ours(Machine::new(settings, NOW));
                if let Left::Hot { ago, alone } = self.host.left {
                    self.host.left = if alone { Left::Found } else { Left::Nothing };
                    self.daemon(Event::LeftHot(SECOND * u32::from(ago)), None);
                }
                if self.host.cut_off {
                    self.daemon(Event::CutOff, None);
                }
            }
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
        if code == AppCode::Lfai {
            self.check_failed();
        }
    }

    fn hear_fenced(&mut self, outcome: Fenced) {
        if let Daemon::Ours(machine) = &self.host.daemon
            && let Some(asked) = machine.fence.asked
        {
            self.daemon(Event::Fenced(asked, outcome), None);
        }
    }

    fn hear_peer(&mut self, message: Message) {
        let Message { code, random, extended, note } = message;
        let report = PeerReport {
            code: Some(code),
            random,
            period: self.kind.peer.period.filter(|_| extended),
            note,
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
                let silence = Silence::of(machine, settings);
                let known = is_known_to_serve(machine);
                let must_wait = machine.frozen && has_no_role(machine) && !is_consent(event);
                let actions = match self.kind.without {
                    None => machine.handle(settings, NOW, event).actions.into_vec(),
                    Some(Without::Lines(lines)) => {
                        deviation::handle(machine, settings, event, lines, &mut self.met)
                    }
                    Some(Without::Rule(rule)) => rule.handle(machine, settings, event),
                };
                if must_wait && machine.state.name() == StateName::ToHot {
                    self.broken = Some("P12: a frozen side takes the role by itself");
                }
                self.broken = self.broken.or_else(|| silence.broken(event, machine.state.name()));
                self.our_actions(known, &actions);
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

    fn our_actions(&mut self, known: bool, actions: &[Action]) {
        for action in actions {
            match *action {
                Action::Send { code, random, extended, note, promise: _, epoch: _ } => {
                    self.check_message(code);
                    self.sent.push(Message { code, random, extended, note });
                }
                Action::Command(Command::Activate) => {
                    // One that is up already is not brought up again.
                    if self.host.no_address && !self.host.interface {
                        self.host.activate_fails = Some(0);
                    }
                    self.host.interface = true;
                }
                Action::Command(Command::Deactivate { .. }) => {
                    (self.host.interface, self.host.activate_fails) = (false, None);
                }
                Action::Command(Command::Start) => {
                    self.order(Role::Hot);
                    if let (Daemon::Ours(machine), Program::Ours(settings)) =
                        (&mut self.host.daemon, &self.kind.program)
                    {
                        machine.handle(settings, NOW, Event::StartBegan);
                    }
                }
                Action::Command(Command::Stop) => {
                    let ends = matches!(&self.host.daemon, Daemon::Ours(machine)
                        if machine.ending != Ending::No || machine.peer.said == Said::Hot);
                    // Without its address, or cut off, it reaches nobody.
                    let reached = !self.host.no_address && !self.host.cut_off;
                    let serves = self.host.app.is(Role::Hot) && reached;
                    self.stops |= serves && known && !ends;
                    if serves && self.host.left == Left::Found {
                        self.broken = Some("P9: stops an application that its restarted daemon has left hot");
                    }
                    self.order(Role::Standby);
                }
                Action::Command(Command::Barrier) => {
                    self.host.commands = Some(0);
                    if self.kind.without == Some(Without::Rule(Rule::Barrier)) {
                        self.daemon(Event::Released, None);
                    }
                }
                Action::Exit => self.crash(),
                Action::Refuse(_) | Action::Notice(_) | Action::Witness(_) | Action::Fence(_) => {}
            }
        }
    }

    fn legacy_actions(&mut self, actions: &[legacy::Action]) {
        for action in actions {
            match *action {
                legacy::Action::Send { code, random } => {
                    self.sent.push(Message { code, random, extended: false, note: None });
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
                if self.host.interface && !self.is_unheard() {
                    self.broken = Some("P5: gives way before deactivate was ordered");
                } else if self.host.commands.is_some() {
                    self.broken = Some("P5: gives way while the commands of the hand-over run");
                }
            }
            Unk | Hott | Treq | Trej | ToHot => {}
        }
    }

    /// The application has not reported to this daemon yet: its first report says whether it serves (P9).
    fn is_unheard(&self) -> bool {
        matches!(&self.host.daemon, Daemon::Ours(machine) if !machine.app.reported)
    }

    /// P4, when the application has just failed.
    fn check_failed(&mut self) {
        use StateName::{Hot, Standby, ToStandby, Unknown};
        if let Daemon::Ours(machine) = &self.host.daemon
            && matches!(machine.state.name(), Unknown | Standby | ToStandby | Hot)
        {
            self.broken = Some("P4: not Failed with a failed application");
        }
    }

    /// The address is still here: an order is undone, and the peer takes over only after a failure or at this end.
    fn check_unreleased(&mut self) {
        if let Daemon::Ours(machine) = &self.host.daemon
            && matches!(machine.state, State::Standby { .. })
        {
            self.broken = Some("edge-5: yields with its address");
        }
    }

    /// P4, and what the machine checks of itself.
    fn check_rights(&mut self) {
        let Daemon::Ours(machine) = &self.host.daemon else { return };
        if matches!(machine.state, State::Hot { .. }) {
            self.host.left = Left::Nothing;
        }
        if let Err(what) = machine.check() {
            self.broken = Some(what);
        }
        match machine.state.name() {
            StateName::ToStandby if self.is_unheard() => {}
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
