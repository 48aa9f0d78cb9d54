//! The programs that a node may run: ours, or the double of a legacy daemon.

use std::time::Duration;

use schrittmacher_legacy_double as legacy;
use schrittmacher_legacy_double::{Generation, Legacy};
use schrittmacher_protocol::{Action, Event, PeerReport, Settings, StateName};
use schrittmacher_simulation::{Chance, Daemon, Era, Ours};
use schrittmacher_wire::PeerCode;

use crate::plan::NodePlan;

/// A legacy daemon speaks every two seconds.
pub const LEGACY_HEARTBEAT: Duration = Duration::from_secs(2);

/// A program's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    Ours,
    /// Ours, as patient as 2.0.0 is whatever it is told.
    OursPatient,
    V200,
    V182,
}

impl Version {
    pub fn as_str(self) -> &'static str {
        match self {
            Version::Ours | Version::OursPatient => "ours",
            Version::V200 => "2.0.0",
            Version::V182 => "1.8.2",
        }
    }
}

/// A program.
pub enum Program {
    Ours(Box<Ours>),
    Legacy(Double),
}

/// A legacy daemon, seen as one of ours.
pub struct Double {
    settings: legacy::Settings,
    legacy: Option<Legacy>,
    side: usize,
}

impl Program {
    pub fn new(nodes: &[NodePlan; 2], side: usize, version: Version) -> Program {
        let node = &nodes[side];
        let generation = match version {
            Version::Ours | Version::OursPatient => {
                return Program::Ours(Box::new(Ours::new(settings(node, side, version, node.heartbeat))));
            }
            Version::V200 => Generation::V200,
            Version::V182 => Generation::V182,
        };
        let heartbeat_intervall = LEGACY_HEARTBEAT;
        let settings = legacy::Settings { generation, priority: node.priority, heartbeat_intervall };
        Program::Legacy(Double { settings, legacy: None, side })
    }

    pub fn is_ours(&self) -> bool {
        matches!(self, Program::Ours(_))
    }

    /// The resource of ours.
    pub fn ours(&self) -> Option<&schrittmacher_protocol::Resource> {
        match self {
            Program::Ours(ours) => Some(ours.resource()),
            Program::Legacy(_) => None,
        }
    }

    /// The timers of its host's programs go by the wall clock: those of 2.0.0 and its client library. Ours uses
    /// CLOCK_BOOTTIME, our client library CLOCK_MONOTONIC; what 1.8.2 does is not recorded.
    pub fn goes_by_the_wall_clock(&self) -> bool {
        matches!(self, Program::Legacy(double) if double.settings.generation == Generation::V200)
    }

    /// How often it speaks to a peer that may be a legacy one.
    pub fn heartbeat(&self) -> Duration {
        match self {
            Program::Ours(ours) => ours.resource().settings().heartbeat,
            Program::Legacy(double) => double.settings.heartbeat_intervall,
        }
    }
}

/// What is configured on a node that runs ours.
pub fn settings(node: &NodePlan, side: usize, version: Version, heartbeat: Duration) -> Settings {
    let (heartbeat, timeout) = match version {
        Version::OursPatient => (LEGACY_HEARTBEAT, 5 * LEGACY_HEARTBEAT),
        Version::Ours | Version::V200 | Version::V182 => (heartbeat, 3 * heartbeat),
    };
    Settings {
        heartbeat,
        timeout,
        app_timeout: Duration::from_secs(10),
        going_hot_timeout: Duration::from_secs(20),
        going_standby_timeout: Duration::from_secs(6),
        startup_delay: node.startup_delay,
        priority: node.priority,
        preempt: node.preempt,
        local: address(side),
        remote: address(1 - side),
        extensions: true,
    }
}

fn address(side: usize) -> std::net::IpAddr {
    [[10, 0, 0, 1], [10, 0, 0, 2]][side].into()
}

impl Daemon for Program {
    fn start(&mut self, now: Duration, chance: &mut Chance) -> Vec<Action> {
        match self {
            Program::Ours(ours) => ours.start(now, chance),
            Program::Legacy(double) => {
                let (legacy, actions) = Legacy::start(double.settings, now, &mut || chance.draw());
                double.legacy = Some(legacy);
                actions.into_iter().filter_map(in_our_words).collect()
            }
        }
    }

    fn handle(&mut self, now: Duration, event: Event, chance: &mut Chance) -> Vec<Action> {
        match self {
            Program::Ours(ours) => ours.handle(now, event, chance),
            // SIGTERM just ends it (D2).
            Program::Legacy(_) if event == Event::Shutdown => vec![Action::Exit],
            Program::Legacy(Double { legacy: Some(legacy), .. }) => {
                let Some(event) = in_legacy_words(event) else { return Vec::new() };
                let actions = legacy.handle(now, event, &mut || chance.draw());
                actions.into_iter().filter_map(in_our_words).collect()
            }
            Program::Legacy(Double { legacy: None, .. }) => Vec::new(),
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
                None | Some(legacy::State::Unknown) => StateName::Unknown,
                Some(legacy::State::Standby) => StateName::Standby,
                Some(legacy::State::ToHot) => StateName::ToHot,
                Some(legacy::State::Hot) => StateName::Hot,
                Some(legacy::State::ToStandby) => StateName::ToStandby,
                Some(legacy::State::Failed) => StateName::Failed,
            },
        }
    }

    fn datagram(&self, code: PeerCode, random: u32, extended: bool) -> PeerReport {
        match self {
            Program::Ours(ours) => ours.datagram(code, random, extended),
            Program::Legacy(Double { settings, side, .. }) => {
                let modern = settings.generation == Generation::V200;
                PeerReport {
                    code: Some(code),
                    priority: settings.priority,
                    random,
                    host: modern.then_some(address(*side)),
                    has_type: modern,
                    period: None,
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

fn in_our_words(action: legacy::Action) -> Option<Action> {
    match action {
        legacy::Action::Send { code, random } => Some(Action::Send { code, random, extended: false }),
        legacy::Action::Activate => Some(Action::Activate),
        // Its commands do not wait for each other.
        legacy::Action::Deactivate => Some(Action::Deactivate { urgent: true }),
        legacy::Action::Start => Some(Action::Start),
        legacy::Action::Stop => Some(Action::Stop),
        legacy::Action::NotedSilence => None,
    }
}

fn in_legacy_words(event: Event) -> Option<legacy::Event> {
    match event {
        Event::Peer(report) => report.code.map(|code| legacy::Event::Peer {
            code,
            priority: report.priority,
            random: report.random,
        }),
        Event::App(code) => code.map(legacy::Event::App),
        Event::Failover { .. } => Some(legacy::Event::Failover),
        Event::Takeover => Some(legacy::Event::Takeover),
        Event::Tick => Some(legacy::Event::Timer),
        // It watches no process, and knows no reload.
        Event::AppDied | Event::StartBegan | Event::Released | Event::Shutdown | Event::Reloaded => None,
    }
}
