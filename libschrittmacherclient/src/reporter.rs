//! The client without its surroundings: what to send, given what was reported and ordered.
//!
//! No socket, no thread, no clock: the behaviour of client library 1.18.0, decision by decision, testable
//! without waiting. [`crate::client`] puts the surroundings around it.

use schrittmacher_wire::{AppCode, AppMessage, MAX_DATAGRAM};

use crate::settings::Settings;
use crate::{CurrentState, Error, WantedState};

/// The reason that the legacy library gives for a requested takeover or failover.
const REQUEST_REASON: &str = "user-requested";

/// What the application is, what it was told to become, and how it wants to be described.
#[derive(Debug)]
pub(crate) struct Reporter {
    pub settings: Settings,
    /// None until the first order.
    pub wanted: Option<WantedState>,
    /// None until the first report; until then heartbeats are silent.
    pub current: Option<CurrentState>,
    /// Heartbeats sent since the application is on its way.
    pub transiting_counter: u32,
    /// Given with the last report, repeated by each heartbeat.
    reason: Option<String>,
}

/// What a heartbeat has to say.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Beat {
    pub code: AppCode,
    /// This heartbeat gave up: the application was on its way for too long.
    pub gave_up: bool,
}

impl Reporter {
    /// One that has nothing to report yet.
    pub fn new(settings: Settings) -> Reporter {
        Reporter { settings, wanted: None, current: None, transiting_counter: 0, reason: None }
    }

    /// Takes note of a reported state and its reason; no reason clears an earlier one.
    pub fn report(&mut self, state: CurrentState, reason: Option<&str>) {
        self.current = Some(state);
        self.reason = reason.map(|reason| beginning(reason).to_owned());
    }

    /// Advances by one heartbeat. An application that is on its way for more than `max_transiting_counter`
    /// heartbeats (reports count too) has failed. Only a state of rest resets the counter, not a change of
    /// direction.
    pub fn beat(&mut self) -> Option<Beat> {
        let state = self.current?;
        if !state.is_transiting() {
            self.transiting_counter = 0;
            return Some(Beat { code: state.code(), gave_up: false });
        }
        self.transiting_counter = self.transiting_counter.saturating_add(1);
        if self.transiting_counter <= self.settings.max_transiting_counter {
            return Some(Beat { code: state.code(), gave_up: false });
        }
        self.current = Some(CurrentState::Failed);
        self.transiting_counter = 0;
        Some(Beat { code: AppCode::Lfai, gave_up: true })
    }

    /// Takes an order. True if the application has to act on it: it is not there and not on its way.
    pub fn order(&mut self, wanted: WantedState) -> bool {
        self.wanted = Some(wanted);
        let (there, on_its_way) = match wanted {
            WantedState::Hot => (CurrentState::Active, CurrentState::TransitingToHot),
            WantedState::Standby => (CurrentState::Inactive, CurrentState::TransitingToStandby),
        };
        if self.current == Some(there) || self.current == Some(on_its_way) {
            return false;
        }
        self.current = Some(on_its_way);
        true
    }

    /// The datagram for a heartbeat or report.
    pub fn status_datagram(&self, code: AppCode) -> Result<Vec<u8>, Error> {
        self.datagram(code, self.reason.as_deref())
    }

    /// The datagram that asks the daemon for a takeover or a failover.
    pub fn request_datagram(&self, code: AppCode) -> Result<Vec<u8>, Error> {
        self.datagram(code, Some(REQUEST_REASON))
    }

    /// An empty reason, and what is not set, has no key on the wire.
    fn datagram(&self, code: AppCode, reason: Option<&str>) -> Result<Vec<u8>, Error> {
        let settings = &self.settings;
        let message = AppMessage {
            code,
            resource: settings.resource_id.as_deref().ok_or(Error::NoResourceId)?,
            pid: settings.pid.number(),
            reason,
            kind: settings.kind.as_deref(),
            host: settings.host.as_deref(),
            adminweb_port: Some(settings.adminweb_port),
        };
        Ok(message.encode())
    }
}

/// As much of a reason as can fit into a datagram, so that a long one is not kept and gone through each time.
fn beginning(reason: &str) -> &str {
    let mut end = reason.len().min(MAX_DATAGRAM);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    &reason[..end]
}
