//! Orders by signal: a resource without a command for an order has its process told (X4).
//!
//! An order to an application whose process is not known yet is owed to it until it is. The protocol repeats the
//! order anyway, but not before the application's next report. It is owed, too, while it is looked again whether the application
//! takes the signal: one that runs at the moment of the first look may seem to be ended by it.

use log::info;
use nix::sys::signal::Signal;
use schrittmacher_protocol::{StateName, Time};
use schrittmacher_wire::AppCode;

use super::resource::{ManagedResource, Word};
use super::{Node, Warned};
use crate::app_process::SignalError;
use crate::commands::CommandKind;

impl Node {
    /// Tells the application's process to go hot or to go standby.
    pub(super) fn signal(&mut self, index: usize, order: CommandKind, now: Time) {
        let signal = if order == CommandKind::Start { Signal::SIGUSR1 } else { Signal::SIGUSR2 };
        match self.processes.signal(index, signal, now) {
            Ok(()) | Err(SignalError::NoHandler { .. } | SignalError::System { .. }) => {
                self.owed.remove(&index);
                return;
            }
            Err(SignalError::LookAgain { .. }) => {
                self.owed.insert(index, order);
                return;
            }
            Err(SignalError::NoProcess) => {
                self.owed.insert(index, order);
            }
        }
        // Normal in the first seconds of an application; the order is repeated.
        if let Some(suppressed) = self.warned.pass(Warned::NobodyToTell(index), now) {
            let name = &self.resources[index].config.name;
            let key = if order == CommandKind::Start { "start-action" } else { "stop-action" };
            let process = if self.resources[index].app_has_died {
                "its process has ended"
            } else {
                "its process is not known yet"
            };
            info!(
                target: name,
                "{order}: the application is not told: there is no `{key}`, and {process}{suppressed}"
            );
        }
    }

    /// Gives the orders that are owed to applications whose process is known by now, or is to be looked at again.
    pub(super) fn settle_owed(&mut self, now: Time) {
        for index in self.processes.take_ready(now) {
            if let Some(order) = self.owed.remove(&index)
                && is_awaited(&self.resources[index], order)
            {
                self.signal(index, order, now);
            }
        }
    }
}

/// Whether the protocol still waits for what was ordered.
fn is_awaited(resource: &ManagedResource, order: CommandKind) -> bool {
    match resource.protocol.state().name() {
        StateName::ToHot => order == CommandKind::Start,
        // A hand-over waits for it: ordered in the first second of a daemon, it would cost `going-standby-timeout`.
        StateName::ToStandby | StateName::Releasing | StateName::Leaving => order == CommandKind::Stop,
        StateName::Standby => order == CommandKind::Stop && resource.local.word != Word::Said(AppCode::Lsby),
        StateName::Unknown | StateName::Hot | StateName::Failed => false,
    }
}
