//! Orders that bring the built-in address up or down, before or after their command.

use super::super::address::AddressTicket;
use super::super::output::Pipes;
use super::super::{CommandKind, Ending, Lane};
use super::{Beginning, Begun, CommandStage, ResourceCommands};

impl ResourceCommands {
    /// The command of a `deactivate` is over and the address still has to go: keeps how it ended. The address goes
    /// whatever became of the command.
    pub(in crate::commands) fn goes_on_with_address(
        &mut self,
        lane: Lane,
        ending: &Ending,
        pipes: &mut Pipes,
    ) -> bool {
        let Some(running) = &mut self.running[lane as usize] else { return false };
        if running.order != CommandKind::Deactivate || *ending == Ending::Stuck {
            return false;
        }
        let CommandStage::Command { pipe, .. } = running.stage else { return false };
        if self.retired.as_deref().unwrap_or(&self.commands).shared.is_none() {
            return false;
        }
        let ending = running.fate.take().unwrap_or_else(|| ending.clone());
        let (output, leftover) = pipes.orphan(pipe);
        running.stage = CommandStage::Address { ticket: None, command: Some((ending, output)) };
        if leftover {
            self.keep_leftover(pipe, pipes);
        }
        true
    }

    /// The thread that keeps addresses has the job.
    pub(in crate::commands) fn address_is_handed(&mut self, given: AddressTicket) {
        let running = self.running[Lane::Interface as usize].as_mut();
        if let Some(CommandStage::Address { ticket, .. }) = running.map(|running| &mut running.stage) {
            *ticket = Some(given);
        }
    }

    /// The order that waits for this answer about the address.
    pub(in crate::commands) fn awaits_address(&self, answered: AddressTicket) -> Option<CommandKind> {
        let running = self.running[Lane::Interface as usize].as_ref()?;
        let CommandStage::Address { ticket, .. } = running.stage else { return None };
        (ticket == Some(answered)).then_some(running.order)
    }

    /// The address is up: its command waits for room like any other, if there is one and nothing more urgent has come up. Says
    /// whether it does.
    pub(in crate::commands) fn goes_on_with_command(&mut self) -> bool {
        let has_command = self.commands.texts[CommandKind::Activate as usize].is_some();
        let Some(running) = self.running[Lane::Interface as usize].as_mut() else { return false };
        if running.fate.is_some() || !has_command {
            return false;
        }
        // Its answer has come.
        running.stage = CommandStage::Address { ticket: None, command: None };
        self.queue.pause_interface();
        true
    }

    /// There is room. `None`: the configuration has changed, and has no command any more.
    pub(in crate::commands) fn begin_after_address(&mut self, with: Beginning<'_>) -> Option<Begun> {
        let (order, now) = (CommandKind::Activate, with.now);
        self.commands.texts[order as usize].as_ref()?;
        let begun = self.begin_command(order, with);
        if begun == Begun::Handed {
            self.queue.begun(order, now);
        } else {
            self.running[Lane::Interface as usize] = None;
        }
        Some(begun)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use mio::{Poll, Token, Waker};
    use schrittmacher_config::{Network, SharedAddress};
    use schrittmacher_protocol::Time;
    use schrittmacher_testkit::config::{core, resource};

    use super::super::super::spawner::Spawner;
    use super::*;

    /// The kernel has hung: the first `activate` was given up, and the next one waits for its own answer.
    #[test]
    fn a_late_answer_about_the_address_is_not_taken_for_that_of_a_newer_order() {
        let poll = Poll::new().unwrap();
        let waker = Arc::new(Waker::new(poll.registry(), Token(0)).unwrap());
        let mut spawner = Spawner::start(waker, None).unwrap();
        let mut pipes = Pipes::new(poll.registry().try_clone().unwrap());
        let mut service = resource("service");
        let address = Network { ip: [192, 0, 2, 7].into(), prefix: 32 };
        service.shared = Some(SharedAddress::new("eth0", vec![address]));
        let mut commands = ResourceCommands::new(&core(), &service);
        let mut activate = |ticket| {
            let (spawner, now) = (&mut spawner, Time::ZERO);
            let with = Beginning { index: 0, pid: None, now, pipes: &mut pipes, spawner };
            let begun = commands.begin(CommandKind::Activate, with);
            assert_eq!(begun, Begun::Address);
            assert_eq!(commands.awaits_address(ticket), None, "it was not given yet");
            commands.address_is_handed(ticket);
            let waits = commands.awaits_address(AddressTicket(1)).is_some();
            commands.end(Lane::Interface, Ending::Stuck, Time::ZERO, &mut pipes);
            waits
        };
        assert!(activate(AddressTicket(1)));
        assert!(!activate(AddressTicket(2)));
    }
}
