//! The end of a command: counted, and told in the log.

use log::{Level, debug, info, log, warn};
use schrittmacher_protocol::Time;

use super::super::queue::{Sequel, Verdict};
use super::super::{CommandKind, CommandOutcome, Ending};
use super::ResourceCommands;
use crate::udp::is_own_address;

impl ResourceCommands {
    pub(super) fn record(
        &mut self,
        kind: CommandKind,
        ending: Ending,
        began: Time,
        now: Time,
        output: String,
    ) -> Option<CommandOutcome> {
        self.retired.take_if(|_| kind == CommandKind::Deactivate);
        let ending = if let Ending::Exited(status) = ending
            && kind == CommandKind::Activate
            && self.is_refused_for_nothing(&ending)
        {
            Ending::HereAlready(status)
        } else {
            ending
        };
        if kind == CommandKind::Announce {
            self.queue.ended(kind, ending.verdict(), now);
            let outcome = CommandOutcome { kind, ending, duration: now.since(began), output, failures: 0 };
            let but =
                if outcome.ending.is_success() { "" } else { "; that is no failure, for the address is up" };
            info!(target: &self.name, "{outcome}{but}");
            return Some(outcome);
        }
        let sequel = self.queue.ended(kind, ending.verdict(), now);
        let failures = &mut self.failures[kind as usize];
        let before = *failures;
        *failures = match sequel {
            Sequel::Outdated => return None,
            Sequel::NothingThere => 0,
            Sequel::Nothing | Sequel::Retry(_) | Sequel::GivenUp if ending.is_success() => 0,
            Sequel::Nothing | Sequel::Retry(_) | Sequel::GivenUp => before.saturating_add(1),
        };
        let failures = *failures;
        let outcome = CommandOutcome { kind, ending, duration: now.since(began), output, failures };
        self.tell(&outcome, before, sequel);
        Some(outcome)
    }

    /// `ip addr add` fails if the address is here: after a restart of the daemon, or after a `deactivate` that failed. The
    /// address is what counts (`docs/adr/0058-address-that-is-here.md`).
    fn is_refused_for_nothing(&self, ending: &Ending) -> bool {
        ending.verdict() == Verdict::Refused
            && self.commands.shared.is_none()
            && self.commands.brought_up.is_some_and(is_own_address)
    }

    /// Logs an outcome. A failure that goes on is told when it has happened 1, 2, 4, 8 … times.
    fn tell(&self, outcome: &CommandOutcome, before: u32, sequel: Sequel) {
        let name = &self.name;
        let times = match outcome.failures {
            0 | 1 => String::new(),
            times => format!(" ({times} times in a row)"),
        };
        let is_news = outcome.failures.is_power_of_two();
        // A checked application is stopped when the check says so, whatever its stop command says.
        let is_checked = self.commands.texts[CommandKind::Check as usize].is_some();
        let is_expected = outcome.kind == CommandKind::Stop && is_checked;
        let level = match (is_news, is_expected) {
            (false, _) => Level::Debug,
            (true, true) => Level::Info,
            (true, false) => Level::Warn,
        };
        match sequel {
            // Its result for the application is told where that changes.
            Sequel::Nothing if outcome.kind == CommandKind::Check => debug!(target: name, "{outcome}"),
            Sequel::Outdated => {}
            Sequel::NothingThere => info!(
                target: name,
                "{outcome}; at the start that is normal, there was no address to take down"
            ),
            Sequel::GivenUp => warn!(
                target: name,
                "{outcome}{times}; not tried again: take the address down by hand if it is still here"
            ),
            Sequel::Retry(pause) => {
                log!(target: name, level, "{outcome}{times}; tried again in {} s", pause.as_secs());
            }
            Sequel::Nothing if outcome.failures > 0 => log!(target: name, level, "{outcome}{times}"),
            Sequel::Nothing if before > 0 => info!(target: name, "{outcome}, after {before} failures"),
            Sequel::Nothing => info!(target: name, "{outcome}"),
        }
    }
}
