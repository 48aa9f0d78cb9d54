//! The interface between a node and its daemon, and our daemon behind it.

use std::time::Duration;

use schrittmacher_protocol::{Action, Event, PeerReport, Resource, Settings, StateName, Time};
use schrittmacher_wire::{Note, PeerCode};

use crate::Era;

/// One resource of a daemon, in the words of our protocol. Times are distances from the beginning of the run.
pub trait Daemon {
    /// It starts, and knows no more than what is kept on the disk.
    fn start(&mut self, now: Duration) -> Vec<Action>;

    /// Takes an event in and says what has to be done, in order.
    fn handle(&mut self, now: Duration, event: Event) -> Vec<Action>;

    /// Its process has received a datagram for another resource. Ours does not mind.
    fn overhear(&mut self, _now: Duration) {}

    /// When [`Event::Tick`] is due.
    fn next_deadline(&self) -> Duration;

    fn state(&self) -> StateName;

    /// What it notes at its end: its application is hot. A legacy one notes nothing.
    fn leaves_hot(&self) -> bool {
        false
    }

    /// Whether it takes its peer for alive.
    fn hears_peer(&self) -> bool;

    /// A datagram as the peer reads it.
    fn datagram(
        &self,
        code: PeerCode,
        random: u32,
        extended: bool,
        note: Option<Note>,
        epoch: Option<u64>,
    ) -> PeerReport;

    /// The resource, if it is one of ours.
    fn ours(&self) -> Option<&Resource> {
        None
    }

    /// Which applications it has.
    fn era(&self) -> Era;

    /// The wall clock of its host is set by `by`, forward or `back`. Ours never looks at it.
    fn set_clock(&mut self, _now: Duration, _by: Duration, _back: bool) {}
}

/// The shipped protocol.
#[derive(Clone, Debug)]
pub struct Ours(Resource);

impl Ours {
    /// A daemon with these settings, not started yet.
    pub fn new(settings: Settings) -> Ours {
        Ours(Resource::new(settings, Time::ZERO))
    }

    pub fn resource(&self) -> &Resource {
        &self.0
    }

    /// Other settings are in force from now on.
    pub fn set_settings(&mut self, now: Duration, settings: Settings) {
        self.0.set_settings(Time::new(now), settings);
    }
}

impl Daemon for Ours {
    fn start(&mut self, now: Duration) -> Vec<Action> {
        // It is kept on the disk.
        let epochs = self.0.machine().epochs;
        self.0 = Resource::new(self.0.settings().clone(), Time::new(now));
        self.0.handle(Time::new(now), Event::Epochs(epochs)).actions.into_vec()
    }

    fn handle(&mut self, now: Duration, event: Event) -> Vec<Action> {
        self.0.handle(Time::new(now), event).actions.into_vec()
    }

    fn next_deadline(&self) -> Duration {
        self.0.next_deadline().since_origin()
    }

    fn state(&self) -> StateName {
        self.0.state().name()
    }

    fn leaves_hot(&self) -> bool {
        self.0.machine().leaves_hot()
    }

    fn hears_peer(&self) -> bool {
        self.0.machine().peer.alive
    }

    fn datagram(
        &self,
        code: PeerCode,
        random: u32,
        extended: bool,
        note: Option<Note>,
        epoch: Option<u64>,
    ) -> PeerReport {
        let settings = self.0.settings();
        PeerReport {
            code: Some(code),
            priority: settings.priority,
            random,
            host: Some(settings.local),
            has_type: true,
            period: extended.then_some(settings.heartbeat),
            note,
            promise: None,
            epoch,
        }
    }

    fn ours(&self) -> Option<&Resource> {
        Some(&self.0)
    }

    fn era(&self) -> Era {
        Era::V115
    }
}
