//! Orders are carried out, and the ends of commands have a meaning for the application.

use log::{error, info, warn};
use schrittmacher_protocol::{AppFailure, Event, StateName, Time};
use schrittmacher_wire::AppCode;

use super::Node;
use super::resource::Word;
use crate::commands::{CommandKind, CommandOutcome};

/// Resources whose orders are done before the others of the same turn come: a thousand may take over in one.
const TOGETHER: usize = 16;

impl Node {
    /// Carries out the orders so far before this one of many resources.
    pub(super) fn carry_out_portion(&mut self, number: usize, now: Time) {
        if number % TOGETHER == TOGETHER - 1 && self.executor.is_asked() {
            self.carry_out_orders(now);
        }
    }

    /// Has commands begin, and tells applications.
    pub(super) fn carry_out_orders(&mut self, now: Time) {
        self.executor.collect(now);
        self.take_reports(now);
        let processes = &self.processes;
        self.executor.run(now, |index| processes.believed(index));
        self.take_reports(now);
    }

    /// Takes the end of a command.
    pub(super) fn command_ended(&mut self, index: usize, outcome: CommandOutcome, now: Time) {
        if outcome.kind != CommandKind::Check {
            self.resources[index].story.command(outcome.to_string(), outcome.is_trouble(), now);
        }
        self.resources[index].figures.command_ended(&outcome);
        match outcome.kind {
            CommandKind::Start => {
                self.start_ended(index, outcome, now);
                self.report_unit(index, now);
            }
            CommandKind::Check => self.checked(index, outcome, now),
            CommandKind::Activate | CommandKind::Stop | CommandKind::Deactivate | CommandKind::Announce => {
                let resource = &mut self.resources[index];
                resource.warn_of_leftover(&outcome);
                let is_stop = outcome.kind == CommandKind::Stop;
                if let Some(event) = resource.command_ended(outcome) {
                    self.give(index, event, now);
                }
                if is_stop {
                    self.report_unit(index, now);
                }
            }
        }
    }

    fn start_ended(&mut self, index: usize, outcome: CommandOutcome, now: Time) {
        let resource = &mut self.resources[index];
        if let Some(health) = &mut resource.health {
            health.started(&outcome.ending);
        }
        if let Some(unit) = &mut resource.unit {
            unit.started(&outcome.ending);
        }
        let cannot_start = outcome.ending.is_final();
        if cannot_start {
            resource.app_failed(&outcome);
        }
        resource.command_ended(outcome);
        if cannot_start {
            // Another attempt would end the same way: the other side has to serve.
            match &resource.unit {
                Some(unit) => {
                    error!(target: &resource.config.name, "{} cannot be started: this side cannot serve", unit.unit());
                }
                None => {
                    error!(target: &resource.config.name, "`start-action` cannot be executed: this side cannot serve");
                }
            }
            self.give(index, Event::AppFailed(AppFailure::CannotStart), now);
        }
    }

    /// Reports for a checked application as it would report itself.
    fn checked(&mut self, index: usize, outcome: CommandOutcome, now: Time) {
        let busy = self.executor.is_application_busy(index);
        let resource = &mut self.resources[index];
        let Some(health) = &mut resource.health else { return };
        let code = health.checked(&outcome.ending, busy);
        let is_start_to_blame = health.is_start_to_blame();
        let is_news = resource.local.word != Word::Said(code);
        let reason = if code == AppCode::Lfai {
            resource.reason_of_failure(&outcome, is_news, is_start_to_blame)
        } else {
            String::new()
        };
        if is_news && code == AppCode::Lfai {
            warn!(target: &resource.config.name, "the application has failed: {reason}");
        } else if is_news {
            info!(target: &resource.config.name, "{outcome}: reported as {code}");
        }
        resource.heard_app(Some(code), Some(&reason), now);
        if code == AppCode::Lsby {
            // It is stopped, whatever its stop command has said.
            resource.stop_does_not_matter();
        }
        resource.command_ended(outcome);
        self.executor.heard_app(index, code == AppCode::Lhot);
        self.processes.look(index, now);
        // An application that says so may still become hot. A check knows.
        let is_sure =
            code == AppCode::Lfai && self.resources[index].protocol.state().name() == StateName::ToHot;
        let event = if is_sure { Event::AppFailed(AppFailure::CheckFailed) } else { Event::App(Some(code)) };
        self.give(index, event, now);
        self.release_if_stopped(index, now);
    }
}
