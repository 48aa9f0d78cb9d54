//! One protected service: the protocol's resource together with the words that travel beside it.
//!
//! * `said`: what application and peer have said, and why this side cannot serve

mod said;

use std::time::Duration;

pub use self::said::{LastMessage, Word};

use schrittmacher_config::PolicyWord;
use schrittmacher_protocol::{
    Cause, Event, Machine, Policy, Resource, Settings, State, StateName, Time, Transition,
};
use schrittmacher_wire::{AppCode, Note, PeerCode, PeerMessage, Promised, Run, Trip};

use super::elsewhere::Elsewhere;
use super::epochs;
use super::freeze::FreezeState;
use super::narrator::{Line, Narrator, Other, Scene, Sides};
use super::right::Asker;
use super::story::Story;
use super::switch::SwitchMemory;
use crate::commands::{CommandKind, CommandOutcome, Ending, Health, UnitHealth};
use crate::figures::ResourceFigures;
use schrittmacher_text::{beginning, wording};

/// The part of a cause and its reason that is told of the last switch, in bytes.
const TOLD_MAX: usize = 240;

/// A word of ours to the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnWord {
    /// The status.
    pub code: PeerCode,
    /// The random number beside it.
    pub random: u32,
    /// With our extensions.
    pub extended: bool,
    /// The note beside it.
    pub note: Option<Note>,
    /// Until when this side takes no role; [`Time::ZERO`]: it promises nothing.
    pub promise: Option<Time>,
    /// The number of a promotion: this side's, or the greatest one.
    pub epoch: Option<u64>,
}

/// Why a resource ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The daemon ends.
    Shutdown,
    /// It is not in the new configuration.
    Removed,
}

/// The parts of a datagram that are not the resource's.
#[derive(Clone, Copy, Debug)]
pub struct Envelope<'a> {
    /// The name of this host.
    pub host: &'a str,
    /// The run of this daemon and, once known, the peer's.
    pub run: Run,
    /// The number of the message, and what it echoes.
    pub trip: Option<Trip>,
    /// The number of the resource in batches.
    pub number: Option<u64>,
    /// For how long this side takes no role.
    pub promise: Option<Promised>,
    /// Bytes to be kept free for a signature.
    pub room: usize,
}

/// How far a resource is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// In service.
    Runs,
    /// Told to end; it hands over first.
    Ending(Why),
    /// It has nothing more to do.
    Ended(Why),
}

impl Life {
    /// Begins the end; `false` if it has begun already.
    pub fn end(&mut self, why: Why) -> bool {
        let runs = *self == Life::Runs;
        if runs {
            *self = Life::Ending(why);
        }
        runs
    }

    /// Nothing is left to do.
    pub fn set_ended(&mut self) {
        let (Life::Ending(why) | Life::Ended(why)) = *self else {
            *self = Life::Ended(Why::Shutdown);
            return;
        };
        *self = Life::Ended(why);
    }

    /// Whether nothing is left to do.
    pub fn has_ended(self) -> bool {
        matches!(self, Life::Ended(_))
    }

    /// Whether the configuration has it no more.
    pub fn is_removed(self) -> bool {
        matches!(self, Life::Ending(Why::Removed) | Life::Ended(Why::Removed))
    }
}

/// A resource of this daemon.
#[derive(Debug)]
pub struct ManagedResource {
    /// The operator's configuration.
    pub config: schrittmacher_config::Resource,
    /// The state machine.
    pub protocol: Resource,
    /// The application's last message.
    pub local: LastMessage<AppCode>,
    /// The peer's last message.
    pub remote: LastMessage<PeerCode>,
    /// The last run of `fence-action`, if it has not confirmed that the peer's host is off.
    pub fence_failed: Option<String>,
    /// Its process has ended and it has not said anything since.
    pub app_has_died: bool,
    /// The reason beside it is ours: what this daemon found wrong, address or network.
    pub is_out_of_order: bool,
    /// It has said before that it is on its way.
    reports_its_way: bool,
    /// The results of its checks, if it is checked.
    pub health: Option<Health>,
    /// The unit of systemd that is the application, if there is one.
    pub unit: Option<Box<UnitHealth>>,
    /// How the last command of each kind ended.
    outcomes: [Option<Box<CommandOutcome>>; CommandKind::ALL.len()],
    /// The application's last report of its state.
    pub app_said: Option<AppCode>,
    /// The application, if it wants to know until when it may serve.
    pub(super) asker: Asker,
    /// The number that the peer named when it last said that it serves.
    pub peer_epoch: Option<u64>,
    /// Our last word to the peer.
    pub last_word: Option<OwnWord>,
    /// `TIME` of the newest message with a promise, by [`super::trips::Trips`].
    pub promised_trip: Option<u64>,
    /// How long it took this side to become hot the last time.
    pub took: Option<Duration>,
    /// The last change to or from hot.
    pub switches: SwitchMemory,
    narrator: Narrator,
    /// The peer's priority, from its last message.
    pub peer_priority: i32,
    /// Whether an operator has frozen it.
    pub freeze: FreezeState,
    pub elsewhere: Elsewhere,
    /// Somebody else has its address on this host: where, in words.
    pub foreign: Option<String>,
    /// The machine's deadline for which its tick is set.
    pub scheduled: Option<Time>,
    /// What is counted of it.
    pub figures: ResourceFigures,
    /// Its recent story.
    pub story: Story,
    /// How far it is.
    pub life: Life,
}

/// The settings with which a resource begins that has promised for longer than it does now. Without the rule silence counts for
/// nothing for that time.
fn bound(settings: Settings, promised: Option<Duration>) -> Settings {
    let Some(promised) = promised else { return settings };
    match settings.policy {
        Policy::Consistent { promise } => {
            Settings { policy: Policy::Consistent { promise: promise.max(promised) }, ..settings }
        }
        Policy::Available | Policy::Manual => {
            Settings { startup_delay: settings.startup_delay.max(promised), ..settings }
        }
    }
}

impl ManagedResource {
    /// A resource of a daemon that starts now. One of its name may have promised a moment ago to take no role for so long.
    pub fn new(
        core: &schrittmacher_config::Core,
        config: schrittmacher_config::Resource,
        promised: Option<Duration>,
        now: Time,
    ) -> ManagedResource {
        let settings = schrittmacher_config::settings(core, &config);
        let mut protocol = Resource::new(bound(settings.clone(), promised), now);
        if *protocol.settings() != settings {
            protocol.set_settings(now, settings);
        }
        let story = Story::new(now);
        ManagedResource {
            narrator: Narrator::new(sides(protocol.machine(), &story)),
            protocol,
            story,
            health: config.check.as_ref().map(Health::new),
            unit: config.unit.as_deref().map(UnitHealth::new).map(Box::new),
            config,
            // 2.0.0 sends an empty reason until the application has said something.
            local: LastMessage { word: Word::Nothing, reason: Some(String::new()), at: None },
            remote: LastMessage { word: Word::Nothing, reason: None, at: None },
            fence_failed: None,
            app_has_died: false,
            is_out_of_order: false,
            reports_its_way: false,
            outcomes: [const { None }; CommandKind::ALL.len()],
            app_said: None,
            asker: Asker::default(),
            peer_epoch: None,
            last_word: None,
            promised_trip: None,
            took: None,
            switches: SwitchMemory::default(),
            peer_priority: 0,
            freeze: FreezeState::default(),
            elsewhere: Elsewhere::default(),
            foreign: None,
            scheduled: None,
            figures: ResourceFigures::default(),
            life: Life::Runs,
        }
    }

    /// Takes a changed configuration of the same resource.
    pub fn configure(
        &mut self,
        core: &schrittmacher_config::Core,
        config: schrittmacher_config::Resource,
        now: Time,
    ) {
        let held = self.is_held();
        let settings = Settings { held, ..schrittmacher_config::settings(core, &config) };
        if settings != *self.protocol.settings() {
            self.protocol.set_settings(now, settings);
        }
        match (&mut self.health, &config.check) {
            (Some(health), Some(check)) => health.configure(check),
            (health, check) => *health = check.as_ref().map(Health::new),
        }
        if self.config.unit != config.unit {
            self.unit = config.unit.as_deref().map(UnitHealth::new).map(Box::new);
        }
        self.config = config;
        // The grid may be another one.
        self.scheduled = None;
    }

    /// Whether it goes hot only for an application that is hot already.
    pub fn is_held(&self) -> bool {
        self.protocol.settings().held
    }

    /// Holds it back, or lets it go.
    pub fn set_held(&mut self, held: bool, now: Time) {
        if held != self.is_held() {
            self.protocol.set_held(now, held);
        }
    }

    /// Whether the application is known to be on its way to standby, or has to be asked whether it is.
    pub fn is_stopping(&self) -> bool {
        let tells = self.reports_its_way || self.reported_by().is_some() || self.config.stop_action.is_none();
        let is_up = matches!(self.local.word, Word::Said(AppCode::Lhot | AppCode::L2ht | AppCode::L2sb));
        tells && is_up && !self.app_has_died
    }

    /// The failure of the last stop command is no trouble: nothing runs.
    pub fn stop_does_not_matter(&mut self) {
        self.outcomes[CommandKind::Stop as usize] = None;
    }

    /// Whether the application says that it is hot.
    pub fn app_is_hot(&self) -> bool {
        self.local.word == Word::Said(AppCode::Lhot) && !self.app_has_died
    }

    /// The process of the application has ended.
    pub fn app_died(&mut self) {
        self.app_has_died = true;
        // What it said while all was well is no reason.
        if self.local.word != Word::Said(AppCode::Lfai) {
            self.local.reason = Some("the application's process ended".to_owned());
        }
    }

    /// A side that has given the role up, and on which something of the service may have stayed (MAJOR). Told once.
    pub fn warn_of_leftover(&self, outcome: &CommandOutcome) {
        let gave_up = matches!(
            self.protocol.state().name(),
            StateName::Standby | StateName::ToStandby | StateName::Failed | StateName::Leaving
        );
        let what = match outcome.kind {
            CommandKind::Stop => "its application may still run here",
            CommandKind::Deactivate => "its address may still be up here",
            CommandKind::Start | CommandKind::Activate | CommandKind::Announce | CommandKind::Check => return,
        };
        if gave_up && outcome.failures == 1 && outcome.ending != Ending::Overtaken {
            log::error!(target: &self.config.name, "the other side serves, and {what}: {outcome}");
        }
    }

    /// Takes note of the end of a command.
    /// Returns what the protocol has to know of it. A command that had to make way for another has not failed.
    pub fn command_ended(&mut self, outcome: CommandOutcome) -> Option<Event> {
        let kind = outcome.kind;
        let failed = outcome.is_trouble() && outcome.ending != Ending::Overtaken;
        let before = self.outcomes[kind as usize].replace(Box::new(outcome));
        let failed_before = before.is_some_and(|before| before.is_trouble());
        match kind {
            CommandKind::Activate if failed => Some(Event::ActivateFailed),
            CommandKind::Activate => {
                // A release that failed is over: an address that was to be gone is wanted here again.
                self.outcomes[CommandKind::Deactivate as usize] = None;
                failed_before.then_some(Event::Activated)
            }
            CommandKind::Stop => failed.then_some(Event::StopFailed),
            CommandKind::Deactivate => failed.then_some(Event::DeactivateFailed),
            CommandKind::Start | CommandKind::Announce | CommandKind::Check => None,
        }
    }

    /// The outcomes of the commands that failed when they were tried last.
    pub fn failing_commands(&self) -> impl Iterator<Item = &CommandOutcome> {
        self.outcomes.iter().flatten().map(Box::as_ref).filter(|outcome| outcome.is_trouble())
    }

    /// The datagram that carries this word, with room for a signature.
    pub fn datagram(&self, word: OwnWord, envelope: Envelope<'_>, now: Time) -> Vec<u8> {
        let Envelope { host, run, trip, number, promise, room } = envelope;
        let tells = word.extended && self.protocol.machine().peer.is_ours();
        PeerMessage {
            code: word.code,
            random: word.random,
            resource: &self.config.name,
            reason: self.local.reason.as_deref(),
            host: Some(host),
            priority: self.config.priority,
            heartbeat: word.extended.then_some(self.config.heartbeat),
            note: word.note,
            freeze: self.freeze.tell(now).filter(|_| tells),
            run: word.extended.then_some(run),
            trip,
            number,
            promise,
            epoch: word.epoch,
        }
        .encode_with_room(room)
    }

    /// Whether it has ended and left its application alone.
    pub fn is_left_hot(&self) -> bool {
        self.life.has_ended() && matches!(self.protocol.state().name(), StateName::Hot | StateName::ToHot)
    }

    /// Tells the story of a change of state. `why` is the protocol's word for it.
    pub fn changed(&mut self, change: &Transition, why: &str, now: Time) {
        let why = match (change.cause, self.life) {
            (Cause::Shutdown, Life::Ending(Why::Removed)) => "it is not in the new configuration",
            (_, _) => why,
        };
        let reason = match change.cause {
            Cause::App(_)
            | Cause::AppFailed(_)
            | Cause::AppSilent
            | Cause::ActivateFailed
            | Cause::CutOff => self.local.reason.clone(),
            Cause::Peer(PeerCode::Fail) => self.remote.reason.clone(),
            Cause::Peer(_)
            | Cause::Tick
            | Cause::PeerSilent
            | Cause::Failover { .. }
            | Cause::Takeover { .. }
            | Cause::Shutdown
            | Cause::Released
            | Cause::Resumed
            | Cause::StartBegan
            | Cause::NoMajority
            | Cause::Isolated
            | Cause::Reconnected => None,
        };
        let told = match reason.as_deref() {
            Some(reason) if !reason.is_empty() => &beginning(format!("{why}: {reason}"), TOLD_MAX),
            Some(_) | None => why,
        };
        self.switches.changed(change, told, now);
        let why = format!("{why}{}", epochs::told(epochs::of_promotion(self, change)));
        self.story.changed(change, why, reason, now);
    }

    /// Why its state changed, as the end of a log line.
    pub fn cause(&self, change: &Transition) -> String {
        match (change.cause, self.life) {
            (Cause::Shutdown, Life::Ending(Why::Removed)) => "it is not in the new configuration".to_owned(),
            (Cause::Tick | Cause::AppSilent, _) => wording::why(change, self.protocol.settings()),
            (cause, _) => wording::cause(cause),
        }
    }

    /// Its application must not go on without a daemon (`docs/adr/0080-a-third-vote.md`).
    pub fn never_leaves(&self) -> bool {
        self.protocol.machine().rule(self.protocol.settings()).is_some()
    }

    /// Whether this side serves.
    pub fn is_hot(&self) -> bool {
        self.protocol.state().name() == StateName::Hot
    }

    /// The narrator of its log.
    pub fn narrator(&self) -> &Narrator {
        &self.narrator
    }

    /// A time without service that is over since this was asked last.
    pub fn take_outage(&mut self) -> Option<Duration> {
        self.narrator.take_outage()
    }

    /// All figures, as they are now.
    pub fn figures(&self, now: Time) -> ResourceFigures {
        let mut figures = self.figures.clone();
        for outcome in self.failing_commands() {
            let of_kind = figures.commands.iter_mut().find(|of_kind| of_kind.kind == outcome.kind);
            of_kind.into_iter().for_each(|of_kind| of_kind.failing = true);
        }
        figures.held = self.is_held();
        figures.both_hot = self.narrator.both_hot_episodes(now);
        figures.nobody_hot = self.narrator.nobody_hot_episodes(now);
        figures
    }

    /// Whether it goes from one role to another.
    pub fn is_under_way(&self) -> bool {
        use StateName::{Leaving, Releasing, ToHot, ToStandby, Unknown};
        let state = self.protocol.state().name();
        !self.life.has_ended() && matches!(state, Unknown | ToHot | ToStandby | Releasing | Leaving)
    }

    /// Whether there is nothing to narrate.
    pub fn is_told(&self) -> bool {
        self.narrator.is_told(sides(self.protocol.machine(), &self.story))
    }

    /// The log's next sentences. `cause` is the reason why the state changed, if it did.
    pub fn narrate(&mut self, cause: &str, now: Time) -> Vec<Line> {
        let machine = self.protocol.machine();
        let sides = sides(machine, &self.story);
        if self.narrator.is_told(sides) {
            return Vec::new();
        }
        let is_granted =
            matches!(machine.state, State::Hot { granted_until: Some(until), .. } if now < until);
        self.narrator.go_on(&Scene {
            now,
            sides,
            is_granted,
            is_frozen: machine.frozen,
            needs_word: self.config.policy != PolicyWord::Available,
            cause,
            reason_here: self.local.reason.as_deref().unwrap_or_default(),
            reason_there: self.remote.reason.as_deref().unwrap_or_default(),
            priorities: (self.config.priority, self.peer_priority),
            epochs: (machine.epochs.own, self.peer_epoch),
        })
    }
}

fn sides(machine: &Machine, story: &Story) -> Sides {
    let other = match story.peer_state() {
        _ if !machine.peer.alive => Other::Silent,
        Some(StateName::Hot) => Other::Hot,
        Some(StateName::Standby) => Other::Standby,
        Some(StateName::Failed) => Other::Failed,
        Some(_) | None => Other::Between,
    };
    Sides { here: machine.state.name(), here_since: machine.since, other, other_since: story.peer_since() }
}
