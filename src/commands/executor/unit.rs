//! The executor's part for units of systemd: watched, started, stopped.

use log::warn;
use schrittmacher_protocol::Time;
use schrittmacher_units::{JobFailure, UnitOrder};

use crate::commands::unit::UnitNews;
use crate::commands::{CommandKind, Ending, Lane};

use super::{CommandReport, Executor};

impl Executor {
    /// Has the unit of a resource watched from now on, if it has one.
    pub(super) fn watch_unit(&mut self, resource: usize) {
        let Some(unit) = self.resources[resource].unit() else { return self.units.forget(resource) };
        if let Err(error) = self.units.watch(resource, unit) {
            let name = self.resources[resource].name();
            warn!(target: name, "{unit} cannot be watched: {error}");
        }
    }

    /// Has the unit of a resource started or stopped.
    pub(super) fn order_unit(&mut self, resource: usize, order: CommandKind, now: Time) {
        let order = if order == CommandKind::Start { UnitOrder::Start } else { UnitOrder::Stop };
        match self.units.order(resource, order) {
            Ok(ticket) => self.resources[resource].unit_is_handed(ticket),
            Err(error) => {
                let failure = JobFailure::Unreachable(error.to_string());
                self.finish(resource, Lane::Application, Ending::Unit(failure), now);
            }
        }
    }

    pub(super) fn take_unit_news(&mut self, news: UnitNews, now: Time) {
        match news {
            UnitNews::States(states) => {
                let report = |(resource, state)| CommandReport::Unit { resource, state };
                self.reports.extend(states.into_iter().map(report));
            }
            // One that nothing waits for any more came too late.
            UnitNews::End { resource, ticket, result } => {
                if self.resources[resource].awaits_unit(ticket) {
                    let ending = result.map_or_else(Ending::Unit, |()| Ending::UnitDone);
                    self.finish(resource, Lane::Application, ending, now);
                }
            }
        }
    }

    /// Ends a command. A job of systemd has no process to end: it is over at once, and a later job replaces it.
    pub(super) fn terminate(&mut self, resource: usize, lane: Lane, late: bool, now: Time) {
        self.resources[resource].terminate(lane, late);
        // Nothing runs whose end would come.
        let is_over = match lane {
            Lane::Application => self.resources[resource].awaits_a_unit(),
            Lane::Interface => self.resources[resource].queue.interface_waits_for_room(),
            Lane::Check => false,
        };
        if is_over {
            self.finish(resource, lane, Ending::Overtaken, now);
        }
    }
}
