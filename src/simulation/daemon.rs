//! What a node needs of a daemon, and ours as one.

use std::time::Duration;

use schrittmacher_protocol::{Action, Event, PeerReport, Resource, Settings, StateName, Time};
use schrittmacher_wire::PeerCode;

use crate::{Chance, Era};

/// One resource of a daemon, in the words of our protocol. Times are distances from the beginning of the run.
pub trait Daemon {
    /// It starts, knowing nothing.
    fn start(&mut self, now: Duration, chance: &mut Chance) -> Vec<Action>;

    /// Takes an event in and says what has to be done, in order.
    fn handle(&mut self, now: Duration, event: Event, chance: &mut Chance) -> Vec<Action>;

    /// When [`Event::Tick`] is due.
    fn next_deadline(&self) -> Duration;

    /// Its state.
    fn state(&self) -> StateName;

    /// What the peer reads in a datagram.
    fn datagram(&self, code: PeerCode, random: u32, extended: bool) -> PeerReport;

    /// Which applications it has.
    fn era(&self) -> Era;

    /// The wall clock of its host is set, forward or `back`, by so much. Ours never looks at it.
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

    /// The resource.
    pub fn resource(&self) -> &Resource {
        &self.0
    }

    /// Other settings are in force from now on.
    pub fn set_settings(&mut self, now: Duration, settings: Settings) {
        self.0.set_settings(Time::new(now), settings);
    }
}

impl Daemon for Ours {
    fn start(&mut self, now: Duration, _: &mut Chance) -> Vec<Action> {
        self.0 = Resource::new(self.0.settings().clone(), Time::new(now));
        Vec::new()
    }

    fn handle(&mut self, now: Duration, event: Event, _: &mut Chance) -> Vec<Action> {
        self.0.handle(Time::new(now), event)
    }

    fn next_deadline(&self) -> Duration {
        self.0.next_deadline().since_origin()
    }

    fn state(&self) -> StateName {
        self.0.state().name()
    }

    fn datagram(&self, code: PeerCode, random: u32, extended: bool) -> PeerReport {
        let settings = self.0.settings();
        PeerReport {
            code: Some(code),
            priority: settings.priority,
            random,
            host: Some(settings.local),
            has_type: true,
            period: extended.then_some(settings.heartbeat),
        }
    }

    fn era(&self) -> Era {
        Era::V115
    }
}
