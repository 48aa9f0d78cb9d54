//! The content of messages, given the reports and orders so far.
//!
//! It behaves as client library 1.18.0 does. It has no socket, thread or clock, so tests need not wait. These belong to
//! [`crate::client`].

use schrittmacher_wire::{AppCode, AppMessage, MAX_DATAGRAM};

use crate::settings::Settings;
use crate::{CurrentState, Error, WantedState};

/// The reason that the legacy library gives for a requested takeover or failover.
const REQUEST_REASON: &str = "user-requested";

/// The application's state, the daemon's last order, and the settings that go into messages.
#[derive(Debug)]
pub(crate) struct Reporter {
    pub settings: Settings,
    /// None until the first order.
    pub wanted: Option<WantedState>,
    /// None before the first report: heartbeats are silent then.
    pub current: Option<CurrentState>,
    /// The number of heartbeats sent since the application is on its way.
    pub transiting_counter: u32,
    /// Given with the last report, repeated by each heartbeat.
    reason: Option<String>,
    /// The application wants to know until when it may serve.
    pub asks_right: bool,
}

/// The content of one heartbeat.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Beat {
    pub code: AppCode,
    /// The application was on its way for too long, and has failed with this heartbeat.
    pub gave_up: bool,
}

impl Reporter {
    /// A reporter that has nothing to report yet.
    pub fn new(settings: Settings) -> Reporter {
        Reporter {
            settings,
            wanted: None,
            current: None,
            transiting_counter: 0,
            reason: None,
            asks_right: false,
        }
    }

    /// The application may serve: it is active, or on its way to that or from there.
    pub fn may_serve(&self) -> bool {
        use CurrentState::{Active, TransitingToHot, TransitingToStandby};
        matches!(self.current, Some(Active | TransitingToHot | TransitingToStandby))
    }

    /// Takes note of a reported state and its reason; no reason clears an earlier one.
    pub fn report(&mut self, state: CurrentState, reason: Option<&str>) {
        self.current = Some(state);
        self.reason = reason.map(|reason| beginning(reason).to_owned());
    }

    /// Advances by one heartbeat. An application has failed if it is on its way for more than
    /// `max_transiting_counter` heartbeats; reports count too. A change of direction does not reset the counter.
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

    /// Takes an order. True if the application has to act: it is neither there nor on its way.
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

    /// An empty reason, or a setting without a value, has no key on the wire.
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
            asks_right: self.asks_right,
        };
        Ok(message.encode())
    }
}

/// The beginning of a reason that can fit into a datagram. The rest is never sent, so it is not kept.
fn beginning(reason: &str) -> &str {
    let mut end = reason.len().min(MAX_DATAGRAM);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    &reason[..end]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Pid;

    fn reporter() -> Reporter {
        let settings =
            Settings { resource_id: Some("r1".to_owned()), pid: Pid::Fixed(7), ..Settings::default() };
        Reporter::new(settings)
    }

    fn codes(reporter: &mut Reporter, beats: usize) -> Vec<&'static str> {
        (0..beats).filter_map(|_| reporter.beat()).map(|beat| beat.code.as_str()).collect()
    }

    fn sent(reporter: &Reporter) -> String {
        String::from_utf8(reporter.status_datagram(AppCode::Lhot).unwrap()).unwrap()
    }

    #[test]
    fn is_silent_before_the_first_report() {
        assert_eq!(reporter().beat(), None);
    }

    #[test]
    fn gives_up_after_the_thirtieth_heartbeat_on_the_way() {
        let mut reporter = reporter();
        reporter.report(CurrentState::TransitingToHot, None);
        assert_eq!(codes(&mut reporter, 30), ["L2HT"; 30]);
        assert_eq!(reporter.beat(), Some(Beat { code: AppCode::Lfai, gave_up: true }));
        assert_eq!((reporter.current, reporter.transiting_counter), (Some(CurrentState::Failed), 0));
        assert_eq!(reporter.beat(), Some(Beat { code: AppCode::Lfai, gave_up: false }));
    }

    #[test]
    fn only_a_state_of_rest_resets_the_counter() {
        let mut reporter = reporter();
        reporter.settings.max_transiting_counter = 3;
        reporter.report(CurrentState::TransitingToHot, None);
        assert_eq!(codes(&mut reporter, 2), ["L2HT", "L2HT"]);
        assert!(reporter.order(WantedState::Standby));
        assert_eq!(codes(&mut reporter, 2), ["L2SB", "LFAI"]);
        for state in
            [CurrentState::Active, CurrentState::Inactive, CurrentState::Failed, CurrentState::Unknown]
        {
            reporter.report(CurrentState::TransitingToHot, None);
            codes(&mut reporter, 3);
            reporter.report(state, None);
            codes(&mut reporter, 1);
            assert_eq!(reporter.transiting_counter, 0, "{}", state.as_str());
        }
    }

    #[test]
    fn no_patience_at_all_fails_at_once() {
        let mut reporter = reporter();
        reporter.settings.max_transiting_counter = 0;
        reporter.report(CurrentState::TransitingToStandby, None);
        assert_eq!(codes(&mut reporter, 1), ["LFAI"]);
    }

    #[test]
    fn an_order_is_nothing_to_one_who_is_there_or_on_its_way() {
        use CurrentState::{Active, Failed, Inactive, TransitingToHot, TransitingToStandby, Unknown};
        for (wanted, state, acts) in [
            (WantedState::Hot, Active, false),
            (WantedState::Hot, TransitingToHot, false),
            (WantedState::Hot, Inactive, true),
            (WantedState::Hot, TransitingToStandby, true),
            (WantedState::Hot, Unknown, true),
            (WantedState::Hot, Failed, true),
            (WantedState::Standby, Inactive, false),
            (WantedState::Standby, TransitingToStandby, false),
            (WantedState::Standby, Active, true),
            (WantedState::Standby, TransitingToHot, true),
        ] {
            let mut reporter = reporter();
            reporter.report(state, None);
            assert_eq!(reporter.order(wanted), acts, "{} for {}", wanted.as_str(), state.as_str());
            assert_eq!(reporter.wanted, Some(wanted));
            let on_its_way = if wanted == WantedState::Hot { TransitingToHot } else { TransitingToStandby };
            assert_eq!(reporter.current, Some(if acts { on_its_way } else { state }));
        }
        // Also before the first report.
        assert!(reporter().order(WantedState::Hot));
    }

    #[test]
    fn a_reason_lasts_until_the_next_report() {
        let mut reporter = reporter();
        reporter.report(CurrentState::Active, Some("disk full"));
        reporter.beat();
        assert!(sent(&reporter).contains("\"reason\": \"disk full\""));
        reporter.report(CurrentState::Active, None);
        assert!(!sent(&reporter).contains("reason"));
    }

    #[test]
    fn an_endless_reason_gives_a_datagram_of_the_usual_size() {
        let mut reporter = reporter();
        reporter.report(CurrentState::Failed, Some(&"ü".repeat(1_000_000)));
        assert!(sent(&reporter).len() <= MAX_DATAGRAM);
        assert!(sent(&reporter).contains("\"reason\": \"üüü"));
    }

    #[test]
    fn nothing_is_sent_without_a_resource_id() {
        let mut reporter = reporter();
        reporter.settings.resource_id = None;
        assert!(matches!(reporter.status_datagram(AppCode::Lhot), Err(Error::NoResourceId)));
        assert!(matches!(reporter.request_datagram(AppCode::Lrto), Err(Error::NoResourceId)));
    }

    #[test]
    fn the_pid_is_that_of_the_process_a_given_one_or_none() {
        let mut reporter = reporter();
        assert!(sent(&reporter).contains("\"pid\": 7,"));
        reporter.settings.pid = Pid::Own;
        assert!(sent(&reporter).contains(&format!("\"pid\": {},", std::process::id())));
        reporter.settings.pid = Pid::Absent;
        assert!(!sent(&reporter).contains("pid"));
    }
}
