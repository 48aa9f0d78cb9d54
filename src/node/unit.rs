//! The meaning of the states of systemd's units for the application, and what the operator has to know of them.

use log::{info, warn};
use schrittmacher_protocol::{AppFailure, Event, StateName, Time};
use schrittmacher_units::UnitState;
use schrittmacher_wire::AppCode;

use super::Node;
use super::resource::{ManagedResource, Word};

impl Node {
    /// Takes the state of a unit; `None`: nobody knows it any more.
    pub(super) fn unit_seen(&mut self, index: usize, state: Option<UnitState>, now: Time) {
        let resource = &mut self.resources[index];
        let Some(unit) = &mut resource.unit else { return };
        if state.as_ref().is_some_and(|state| unit.is_newly_enabled(state)) {
            warn!(
                target: &resource.config.name,
                "{name} is enabled: systemd starts it at boot, on both sides; systemctl disable {name}",
                name = unit.unit()
            );
        }
        unit.seen(state);
        self.report_unit(index, now);
    }

    /// Reports for the unit as an application would report itself.
    pub(super) fn report_unit(&mut self, index: usize, now: Time) {
        let busy = self.executor.is_application_busy(index);
        let resource = &mut self.resources[index];
        let Some(word) = resource.unit.as_mut().and_then(|unit| unit.report(busy)) else { return };
        let code = word.code;
        let is_news = resource.local.word != Word::Said(code);
        if is_news {
            tell(resource, code, &word.reason);
        }
        // A failure keeps its first reason.
        let known = resource.local.reason.take().filter(|known| !is_news && !known.is_empty());
        let reason = if code == AppCode::Lfai { known.unwrap_or(word.reason) } else { word.reason };
        resource.heard_app(Some(code), Some(&reason), now);
        if code == AppCode::Lsby {
            // It is stopped, whatever its stop has said.
            resource.stop_does_not_matter();
        }
        let is_going_hot = resource.protocol.state().name() == StateName::ToHot;
        self.executor.heard_app(index, code == AppCode::Lhot);
        // An application that says so may still become hot. systemd knows.
        let is_sure = code == AppCode::Lfai && is_going_hot;
        let event = if is_sure { Event::AppFailed(AppFailure::CheckFailed) } else { Event::App(Some(code)) };
        self.give(index, event, now);
        self.release_if_stopped(index, now);
    }
}

impl ManagedResource {
    /// The key by which the daemon itself reports for the application.
    pub fn reported_by(&self) -> Option<&'static str> {
        let check = self.health.as_ref().map(|_| "check-command");
        check.or(self.unit.as_ref().map(|_| "unit"))
    }
}

/// Logs a new word.
fn tell(resource: &ManagedResource, code: AppCode, reason: &str) {
    let name = &resource.config.name;
    let Some((unit, state)) = resource.unit.as_ref().and_then(|unit| Some((unit, unit.state()?))) else {
        return;
    };
    let runs = |word| matches!(word, Word::Said(AppCode::Lhot | AppCode::L2ht));
    if code == AppCode::Lfai {
        warn!(target: name, "the application has failed: {reason}");
    } else if runs(Word::Said(code)) && !runs(resource.local.word) && unit.is_started_by_others() {
        warn!(
            target: name,
            "{} {state}, and this daemon has not started it: it is stopped if the other side serves",
            unit.unit()
        );
    } else {
        info!(target: name, "{} {state}: reported as {code}", unit.unit());
    }
}
