//! One protected service on one node: the machine with what stands beside it.

use std::sync::Arc;

use crate::event::{Action, Event, Reaction};
use crate::machine::Machine;
use crate::record::FlightRecord;
use crate::settled::Calm;
use crate::state::State;
use crate::{Settings, Time};

/// One resource.
#[derive(Clone, Debug)]
pub struct Resource {
    settings: Arc<Settings>,
    machine: Machine,
    flight_record: FlightRecord,
}

impl Resource {
    /// A resource of a daemon that has just started. Nothing has been sent yet; the first tick is due at
    /// once.
    pub fn new(settings: Settings, now: Time) -> Resource {
        let machine = Machine::new(&settings, now);
        let settings = Arc::new(settings);
        let flight_record = FlightRecord::new(&settings, &machine, now);
        Resource { settings, machine, flight_record }
    }

    /// Takes an event in and says what has to be done, in order.
    ///
    /// `now` must not run backwards. Datagrams that have arrived come before [`Event::Tick`], so that a late
    /// caller does not mistake its own lateness for the peer's silence.
    pub fn handle(&mut self, now: Time, event: Event) -> Reaction {
        self.flight_record.before(&self.settings, &self.machine, now);
        let reaction = self.machine.handle(&self.settings, now, event);
        self.flight_record.after(now, &reaction);
        reaction
    }

    /// Takes an event in if it is one that a settled pair has all the time: the state stays, and no more has to be done than this one
    /// action, if any. `None`: nothing was done, and [`Resource::handle`] takes it. That one does the same, and more slowly.
    pub fn handle_settled(&mut self, now: Time, event: &Event) -> Option<Option<Action>> {
        self.flight_record.before(&self.settings, &self.machine, now);
        let usual = self.machine.handle_settled(&self.settings, now, event)?;
        self.flight_record.after_usual(now, event, usual);
        Some(usual.action)
    }

    /// Until when usual events may be given later than they have come, after one has been taken in by [`Resource::handle_settled`].
    pub fn calm(&self) -> Option<Calm> {
        self.machine.calm(&self.settings)
    }

    /// When to call [`Resource::handle`] with [`Event::Tick`] at the latest.
    pub fn next_deadline(&self) -> Time {
        self.machine.next_deadline(&self.settings)
    }

    /// The state.
    pub fn state(&self) -> State {
        self.machine.state
    }

    /// Everything that decides what happens next.
    pub fn machine(&self) -> &Machine {
        &self.machine
    }

    /// The settings in force.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Puts other settings in force. Nothing changes at once. Running deadlines stay, and silence of the application and the peer
    /// counts from `now`, so that no side is late by a shorter timeout.
    pub fn set_settings(&mut self, now: Time, settings: Settings) {
        self.settings = Arc::new(settings);
        self.machine.adjust(&self.settings, now);
        self.flight_record.reconfigured(&self.settings, &self.machine, now);
    }

    /// Holds it back, or lets it go ([`Settings::held`]). Silence goes on counting, unlike with other settings.
    pub fn set_held(&mut self, now: Time, held: bool) {
        self.settings = Arc::new(Settings { held, ..Settings::clone(&self.settings) });
        self.flight_record.reconfigured(&self.settings, &self.machine, now);
    }

    /// Uses the other resource's copy of the settings if they are the same: those of most resources are.
    pub fn share_settings(&mut self, other: &Resource) {
        if self.settings == other.settings {
            self.settings = Arc::clone(&other.settings);
            self.flight_record.share_settings(&self.settings);
        }
    }

    /// The latest inputs and reactions.
    pub fn flight_record(&self) -> &FlightRecord {
        &self.flight_record
    }
}
