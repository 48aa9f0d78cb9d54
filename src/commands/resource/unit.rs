//! Orders to the unit of systemd that is the application.

use super::super::Lane;
use super::super::unit::UnitTicket;
use super::{CommandStage, ResourceCommands};

impl ResourceCommands {
    /// The unit of systemd that is the application.
    pub(in crate::commands) fn unit(&self) -> Option<&str> {
        self.commands.unit.as_deref()
    }

    /// The thread that speaks to systemd has the job.
    pub(in crate::commands) fn unit_is_handed(&mut self, given: UnitTicket) {
        let running = self.running[Lane::Application as usize].as_mut();
        if let Some(CommandStage::Unit { ticket }) = running.map(|running| &mut running.stage) {
            *ticket = Some(given);
        }
    }

    /// Whether an order to the unit is under way.
    pub(in crate::commands) fn awaits_a_unit(&self) -> bool {
        let running = self.running[Lane::Application as usize].as_ref();
        matches!(running.map(|running| &running.stage), Some(CommandStage::Unit { .. }))
    }

    /// Whether an order waits for this answer about the unit.
    pub(in crate::commands) fn awaits_unit(&self, answered: UnitTicket) -> bool {
        let running = self.running[Lane::Application as usize].as_ref();
        let stage = running.map(|running| &running.stage);
        matches!(stage, Some(CommandStage::Unit { ticket: Some(ticket) }) if *ticket == answered)
    }
}
