//! One protected service on one node: the machine with what stands beside it.

use std::sync::Arc;

use crate::counters::Counters;
use crate::event::{Action, Event};
use crate::machine::Machine;
use crate::record::FlightRecord;
use crate::state::State;
use crate::{Settings, Time};

/// One resource.
#[derive(Clone, Debug)]
pub struct Resource {
    settings: Arc<Settings>,
    machine: Machine,
    counters: Counters,
    record: FlightRecord,
}

impl Resource {
    /// A resource of a daemon that has just started. Nothing has been sent yet; the first tick is due at
    /// once.
    pub fn new(settings: Settings, now: Time) -> Resource {
        let machine = Machine::new(&settings, now);
        let settings = Arc::new(settings);
        let record = FlightRecord::new(&settings, &machine, now);
        Resource { settings, machine, counters: Counters::default(), record }
    }

    /// Takes an event in and says what has to be done, in order.
    ///
    /// `now` must not run backwards. Datagrams that have arrived come before [`Event::Tick`], so that a late
    /// caller does not mistake its own lateness for the peer's silence.
    pub fn handle(&mut self, now: Time, event: Event) -> Vec<Action> {
        match event {
            Event::Peer(report) => {
                if let Some(code) = report.code {
                    self.counters.received_from_peer(code);
                }
            }
            Event::App(Some(code)) => self.counters.received_from_app(code),
            Event::App(None)
            | Event::AppDied
            | Event::StartBegan
            | Event::Released
            | Event::Failover { .. }
            | Event::Takeover
            | Event::Shutdown
            | Event::Reloaded
            | Event::Tick => {}
        }
        let record = &mut self.record;
        record.before(&self.settings, &self.machine, now);
        let mut observer = |cause, before: State, machine: &Machine, _: &[Action]| {
            record.step(cause, before.name(), machine.state.name());
        };
        let out = self.machine.handle(&self.settings, now, event, &mut observer);
        self.record.after(now, event, &out);
        self.counters.did(&out);
        out
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

    /// Puts other settings in force. Nothing changes at once: deadlines that are running stay, and silence of
    /// the application and the peer counts from `now`, so that a shorter patience finds nobody late.
    pub fn set_settings(&mut self, now: Time, settings: Settings) {
        self.settings = Arc::new(settings);
        self.machine.adjust(&self.settings, now);
        self.record.reconfigured(&self.settings, &self.machine, now);
    }

    /// The counters.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// What happened lately.
    pub fn record(&self) -> &FlightRecord {
        &self.record
    }
}
