//! A node of a pair: ours, or the double of a legacy daemon in the words of our protocol.

use std::net::IpAddr;
use std::time::Duration;

use schrittmacher_protocol::{Action, Command, Event, PeerReport, Resource, Settings, StateName};
use schrittmacher_simulator::{Daemon, Era, Ours, Xorshift};
use schrittmacher_wire::{Note, PeerCode};

use crate::double::{self, Generation, Legacy};

/// A daemon of either kind.
#[derive(Clone, Debug)]
pub enum Program {
    Ours(Box<Ours>),
    Legacy(Double),
}

/// A legacy daemon.
#[derive(Clone, Debug)]
pub struct Double {
    settings: double::Settings,
    address: IpAddr,
    /// While it runs.
    legacy: Option<Legacy>,
    draw: Xorshift,
    /// When it last looked at its clock.
    looked: Duration,
}

/// The clock of a 1.8.2 that has not looked at it for so long starves: undisturbed, it does twice a second.
const STARVES: Duration = Duration::from_secs(3);

impl Program {
    /// Ours, with these settings.
    pub fn ours(settings: Settings) -> Program {
        Program::Ours(Box::new(Ours::new(settings)))
    }

    /// A legacy daemon at this address, with random numbers of this seed.
    pub fn legacy(settings: double::Settings, address: IpAddr, seed: u64) -> Program {
        Program::Legacy(Double {
            settings,
            address,
            legacy: None,
            draw: Xorshift::new(seed),
            looked: Duration::ZERO,
        })
    }

    pub fn is_ours(&self) -> bool {
        matches!(self, Program::Ours(_))
    }

    /// The resource of ours.
    pub fn resource(&self) -> Option<&Resource> {
        match self {
            Program::Ours(ours) => Some(ours.resource()),
            Program::Legacy(_) => None,
        }
    }

    /// The timers of its host's programs go by the wall clock: those of 2.0.0 and its client library. Ours uses
    /// CLOCK_BOOTTIME, our client library CLOCK_MONOTONIC. There is no record of 1.8.2.
    pub fn goes_by_the_wall_clock(&self) -> bool {
        matches!(self, Program::Legacy(double) if double.settings.generation == Generation::V200)
    }

    /// It is a 1.8.2 whose clock starves (D30): it notices no silence, that of its own application included.
    pub fn starves(&self, now: Duration) -> bool {
        self.clock_age(now) > STARVES
    }

    /// How long ago a 1.8.2 has looked at its clock. The others need not look.
    pub fn clock_age(&self, now: Duration) -> Duration {
        match self {
            Program::Legacy(Double { settings, looked, .. }) if settings.generation == Generation::V182 => {
                now.saturating_sub(*looked)
            }
            Program::Legacy(_) | Program::Ours(_) => Duration::ZERO,
        }
    }

    /// How often it speaks to a peer that may be a legacy one.
    pub fn heartbeat(&self) -> Duration {
        match self {
            Program::Ours(ours) => ours.resource().settings().heartbeat,
            Program::Legacy(double) => double.settings.heartbeat_intervall,
        }
    }
}

impl Daemon for Program {
    fn start(&mut self, now: Duration) -> Vec<Action> {
        match self {
            Program::Ours(ours) => ours.start(now),
            Program::Legacy(double) => {
                let draw = &mut double.draw;
                let (legacy, actions) = Legacy::start(double.settings, now, &mut || draw.draw());
                double.legacy = Some(legacy);
                double.looked = now;
                actions.into_iter().filter_map(in_our_words).collect()
            }
        }
    }

    fn handle(&mut self, now: Duration, event: Event) -> Vec<Action> {
        match self {
            Program::Ours(ours) => ours.handle(now, event),
            // SIGTERM just ends it (D2).
            Program::Legacy(_) if event == Event::Shutdown => vec![Action::Exit],
            Program::Legacy(Double { legacy: Some(legacy), draw, looked, .. }) => {
                if event == Event::Tick {
                    *looked = now;
                }
                if matches!(event, Event::Peer(_) | Event::App(_)) {
                    legacy.overhear(now);
                }
                let Some(event) = in_legacy_words(event) else { return Vec::new() };
                let actions = legacy.handle(now, event, &mut || draw.draw());
                actions.into_iter().filter_map(in_our_words).collect()
            }
            Program::Legacy(Double { legacy: None, .. }) => Vec::new(),
        }
    }

    fn ours(&self) -> Option<&Resource> {
        self.resource()
    }

    fn overhear(&mut self, now: Duration) {
        if let Program::Legacy(Double { legacy: Some(legacy), .. }) = self {
            legacy.overhear(now);
        }
    }

    fn next_deadline(&self) -> Duration {
        match self {
            Program::Ours(ours) => ours.next_deadline(),
            Program::Legacy(double) => double.legacy.as_ref().map_or(Duration::MAX, Legacy::next_deadline),
        }
    }

    fn state(&self) -> StateName {
        match self {
            Program::Ours(ours) => ours.state(),
            Program::Legacy(double) => match double.legacy.as_ref().map(Legacy::state) {
                None | Some(double::State::Unknown) => StateName::Unknown,
                Some(double::State::Standby) => StateName::Standby,
                Some(double::State::ToHot) => StateName::ToHot,
                Some(double::State::Hot) => StateName::Hot,
                Some(double::State::ToStandby) => StateName::ToStandby,
                Some(double::State::Failed) => StateName::Failed,
            },
        }
    }

    fn leaves_hot(&self) -> bool {
        matches!(self, Program::Ours(ours) if ours.leaves_hot())
    }

    fn hears_peer(&self) -> bool {
        self.resource().is_some_and(|resource| resource.machine().peer.alive)
    }

    fn datagram(
        &self,
        code: PeerCode,
        random: u32,
        extended: bool,
        note: Option<Note>,
        epoch: Option<u64>,
    ) -> PeerReport {
        match self {
            Program::Ours(ours) => ours.datagram(code, random, extended, note, epoch),
            Program::Legacy(Double { settings, address, .. }) => {
                let modern = settings.generation == Generation::V200;
                PeerReport {
                    code: Some(code),
                    priority: settings.priority,
                    random,
                    host: modern.then_some(*address),
                    has_type: modern,
                    period: None,
                    note: None,
                    promise: None,
                    epoch: None,
                }
            }
        }
    }

    fn era(&self) -> Era {
        match self {
            Program::Legacy(double) if double.settings.generation == Generation::V182 => Era::V18,
            Program::Ours(_) | Program::Legacy(_) => Era::V115,
        }
    }

    fn set_clock(&mut self, now: Duration, by: Duration, back: bool) {
        if let Program::Legacy(Double { legacy: Some(legacy), .. }) = self {
            legacy.set_clock(now, by, back);
        }
    }
}

fn in_our_words(action: double::Action) -> Option<Action> {
    match action {
        double::Action::Send { code, random } => {
            Some(Action::Send { code, random, extended: false, note: None, promise: None, epoch: None })
        }
        double::Action::Activate => Some(Action::Command(Command::Activate)),
        // Its commands do not wait for each other.
        double::Action::Deactivate => Some(Action::Command(Command::Deactivate { urgent: true })),
        double::Action::Start => Some(Action::Command(Command::Start)),
        double::Action::Stop => Some(Action::Command(Command::Stop)),
        double::Action::NotedSilence => None,
    }
}

fn in_legacy_words(event: Event) -> Option<double::Event> {
    match event {
        Event::Peer(report) => report.code.map(|code| double::Event::Peer {
            code,
            priority: report.priority,
            random: report.random,
        }),
        Event::App(code) => code.map(double::Event::App),
        Event::Failover { .. } => Some(double::Event::Failover),
        Event::Takeover { .. } => Some(double::Event::Takeover),
        Event::Tick => Some(double::Event::Timer),
        // It watches no process, and knows no reload.
        // Of commands it knows no end.
        Event::AppFailed(_)
        | Event::StartBegan
        | Event::Released
        | Event::ActivateFailed
        | Event::Activated
        | Event::CutOff
        | Event::Reconnected
        | Event::HostSilent(_)
        | Event::Isolated(_)
        | Event::StopFailed
        | Event::DeactivateFailed
        | Event::Shutdown
        | Event::LeftHot(_)
        | Event::Epochs(_)
        | Event::Freeze(_)
        | Event::Bond(_)
        | Event::Follow { .. }
        | Event::Reloaded
        | Event::CommandWaits
        | Event::Witness(_)
        | Event::Fenced(..) => None,
    }
}
