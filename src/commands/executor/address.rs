//! The executor's part for shared addresses: added, removed, announced, and their interfaces watched.

use std::io;
use std::time::Duration;

use log::warn;
use schrittmacher_config::SharedAddress;
use schrittmacher_protocol::{Contest, Time};

use crate::commands::address::{AddressEnd, AddressFailure, AddressTicket};
#[cfg(test)]
use crate::commands::queue::QueueStep;
use crate::commands::resource::{Beginning, Begun, ResourceCommands};
use crate::commands::tracking::{Interruption, TrackedChange};
use crate::commands::{CommandKind, CommandOutcome, Ending, Lane};

use super::{CommandReport, Executor};

impl Executor {
    /// Looks from now on whether clients can reach this host by the interface of a resource's address, and whether somebody
    /// else has it here.
    pub(super) fn track(&mut self, index: usize, shared: Option<&SharedAddress>, now: Time) {
        let change = self.tracking.configure(index, shared, now);
        self.report_tracked(change);
        let Some(shared) = shared else { return self.addresses.unwatch(index) };
        let watched = self.addresses.watch(index, shared);
        let tracked = shared.track.map_or(Ok(()), |_| self.addresses.track(&shared.interface));
        if let Err(error) = watched.and(tracked) {
            let (name, interface) = (self.resources[index].name(), &shared.interface);
            warn!(target: name, "interface {interface} cannot be watched: {error}");
        }
    }

    pub(super) fn report_tracked(&mut self, changes: impl IntoIterator<Item = TrackedChange>) {
        self.reports.extend(changes.into_iter().map(|change| match change {
            TrackedChange::Interrupted { resource, ways, was_steady } => {
                CommandReport::Interrupted { resource, ways, was_steady }
            }
            TrackedChange::CutOff { resource, why } => CommandReport::CutOff { resource, why },
            TrackedChange::StillCutOff { resource, why } => CommandReport::StillCutOff { resource, why },
            TrackedChange::Reconnected { resource } => CommandReport::Reconnected { resource },
        }));
    }

    /// The interruption that [`CommandReport::Interrupted`] has told counts at this time, if it goes on.
    pub fn set_patience(&mut self, resource: usize, until: Time) {
        self.tracking.set_due(resource, until);
    }

    /// The interruption that [`CommandReport::CutOff`] has told, if `track-delay` is not written.
    pub fn interruption(&self, resource: usize) -> Option<Interruption<'_>> {
        self.tracking.interruption(resource)
    }

    /// [`CommandReport::CutOff`] is told again at this time, if the interruption goes on. It does not count before.
    pub fn put_off(&mut self, resource: usize, until: Time) {
        self.tracking.put_off(resource, until);
    }

    /// Has the addresses of a resource added or removed.
    pub(super) fn move_address(&mut self, resource: usize, order: CommandKind, now: Time) {
        let Some(shared) = self.resources[resource].shared(order) else { return };
        let handed = match order {
            CommandKind::Activate => self.addresses.up(resource, shared),
            CommandKind::Deactivate => {
                let all = self.resources.iter().filter_map(|state| state.shared(CommandKind::Activate));
                self.addresses.down(resource, shared, all)
            }
            CommandKind::Start | CommandKind::Stop | CommandKind::Announce | CommandKind::Check => return,
        };
        match handed {
            Ok(ticket) => self.resources[resource].address_is_handed(ticket),
            Err(error) => {
                let is_denied = error.kind() == io::ErrorKind::PermissionDenied;
                let remedy = if is_denied { " (CAP_NET_ADMIN and CAP_NET_RAW are needed)" } else { "" };
                let why = format!("can't keep addresses: {error}{remedy}");
                self.finish(resource, Lane::Interface, Ending::Address(why), now);
            }
        }
    }

    /// Asks whether another host has the address of a resource: [`CommandReport::AddressHolder`]. `None`: nobody can be asked.
    pub fn ask_address(&mut self, resource: usize) -> Option<AddressTicket> {
        let shared = self.resources[resource].shared(CommandKind::Activate)?;
        self.addresses.ask(resource, shared).ok()
    }

    /// Takes the end of what [`Executor::move_address`] began. An answer that nothing waits for any more came too late.
    pub(super) fn address_is_done(&mut self, end: AddressEnd, now: Time) {
        let AddressEnd { resource, ticket, failure } = end;
        let Some(order) = self.resources[resource].awaits_address(ticket) else { return };
        let ending = match failure {
            Some(AddressFailure { why, lacks_interface }) => {
                if lacks_interface && order == CommandKind::Activate {
                    // Said first: this side is cut off, and not one that has its interface and no address.
                    let change = self.tracking.lacks_interface(resource);
                    self.report_tracked(change);
                }
                Ending::Address(why)
            }
            None => Ending::AddressDone,
        };
        if order == CommandKind::Activate
            && ending.is_success()
            && self.resources[resource].goes_on_with_command()
        {
            return self.touch(resource);
        }
        self.finish(resource, Lane::Interface, ending, now);
    }

    /// There is room for the command of a resource whose address is up.
    pub(super) fn go_on_after_address(&mut self, resource: usize, now: Time, pid: Option<u32>) {
        let (pipes, spawner) = (&mut self.pipes, &mut self.spawner);
        let with = Beginning { index: resource, pid, now, pipes, spawner };
        match self.resources[resource].begin_after_address(with) {
            None => self.finish(resource, Lane::Interface, Ending::AddressDone, now),
            Some(Begun::Failed(outcome)) => {
                self.reports.push_back(CommandReport::Finished { resource, outcome });
            }
            Some(Begun::Handed | Begun::Address | Begun::Unit | Begun::NoCommand) => {}
        }
    }

    /// Orders `activate`, and does as if the thread that keeps addresses had added that of the resource.
    #[cfg(test)]
    pub(in crate::commands) fn order_with_address(&mut self, resource: usize, now: Time) {
        let state = &mut self.resources[resource];
        state.queue.order(CommandKind::Activate, false, now);
        assert_eq!(state.queue.next(now, true), Some(QueueStep::Begin(CommandKind::Activate)));
        let (pipes, spawner) = (&mut self.pipes, &mut self.spawner);
        let with = Beginning { index: resource, pid: None, now, pipes, spawner };
        assert_eq!(state.begin(CommandKind::Activate, with), Begun::Address);
        state.address_is_handed(AddressTicket(7));
        self.address_is_done(AddressEnd { resource, ticket: AddressTicket(7), failure: None }, now);
    }

    /// Its side is hot and clients cannot reach it: as if it had not come up.
    pub(super) fn address_is_missing(&mut self, resource: usize, why: String) {
        if self.resources[resource].queue.is_address_wanted() {
            self.missing.insert(resource);
            self.report_address(resource, Ending::Address(why), 1);
        }
    }

    pub(super) fn address_is_back(&mut self, resource: usize) {
        if self.missing.remove(&resource) && self.resources[resource].queue.is_address_wanted() {
            self.report_address(resource, Ending::AddressDone, 0);
        }
    }

    fn report_address(&mut self, resource: usize, ending: Ending, failures: u32) {
        let kind = CommandKind::Activate;
        let outcome =
            CommandOutcome { kind, ending, duration: Duration::ZERO, output: String::new(), failures };
        self.reports.push_back(CommandReport::Finished { resource, outcome });
    }

    /// Makes the address of a resource known again: something may have misled the neighbours. A command is only run again
    /// if the other side may have been hot, not after each planned switch.
    pub fn announce(&mut self, resource: usize, contest: Contest, now: Time) {
        if self.resources[resource].shared(CommandKind::Activate).is_some() {
            self.addresses.announce(resource);
        } else if contest == Contest::Open {
            self.resources[resource].queue.order(CommandKind::Announce, false, now);
            self.touch(resource);
        }
    }

    /// Drops a `deactivate` that is tried again, if another resource has brought the same address up since.
    pub(super) fn drop_retry(&mut self, resource: usize) -> bool {
        let this = &self.resources[resource];
        // Thousands may begin one in one moment, and each would look at all others.
        if !this.queue.has_begun_retry() {
            return false;
        }
        let is_holder =
            |other: &&ResourceCommands| other.queue.is_address_wanted() && other.shares_address(this);
        let holder = self.resources.iter().find(is_holder).map(|other| other.name().to_owned());
        holder.is_some_and(|holder| self.resources[resource].drop_retry(&holder))
    }
}

#[cfg(test)]
mod tests {
    use mio::{Poll, Token, Waker};
    use schrittmacher_config::{Config, Network, ResourceValues};
    use schrittmacher_protocol::Command;
    use schrittmacher_testkit::config::{core, resource_with};
    use std::sync::Arc;

    use super::*;

    fn executor() -> (Executor, Poll) {
        executor_with(|_| {})
    }

    fn executor_with(change: impl FnOnce(&mut ResourceValues)) -> (Executor, Poll) {
        let poll = Poll::new().unwrap();
        let waker = Arc::new(Waker::new(poll.registry(), Token(0)).unwrap());
        let address = Network { ip: [192, 0, 2, 7].into(), prefix: 32 };
        let service = resource_with("service", |service| {
            service.shared = Some(SharedAddress::new("eth0", vec![address]));
            change(service);
        });
        let config = Config { core: core(), resources: vec![service] };
        let registry = poll.registry().try_clone().unwrap();
        (Executor::new(&config, registry, waker, None, Time::ZERO).unwrap(), poll)
    }

    fn reports(executor: &mut Executor) -> Vec<bool> {
        let reports = std::iter::from_fn(|| executor.next_report());
        let ending = |report| {
            let CommandReport::Finished { outcome, .. } = report else { panic!("{report:?}") };
            outcome.ending.is_success()
        };
        reports.map(ending).collect()
    }

    /// Nothing ran whose end could have come.
    #[test]
    fn a_command_that_waits_for_room_after_its_address_is_overtaken_at_once() {
        let (mut executor, _poll) =
            executor_with(|service| service.interface_activate = Some("true".to_owned()));
        executor.order_with_address(0, Time::ZERO);
        assert_eq!(executor.running(0, Lane::Interface), Some(CommandKind::Activate));
        executor.order(0, Command::Deactivate { urgent: true }, false, Time::ZERO);
        executor.run(Time::ZERO, |_| None);
        assert_ne!(executor.running(0, Lane::Interface), Some(CommandKind::Activate));
        let report = executor.next_report();
        let Some(CommandReport::Finished { outcome, .. }) = report else { panic!("{report:?}") };
        assert_eq!(outcome.ending, Ending::Overtaken);
    }

    /// An `activate` that was just under way counted as done.
    #[test]
    fn an_address_that_is_back_says_nothing_about_a_later_activation() {
        let (mut executor, _poll) = executor();
        let lose = |executor: &mut Executor| {
            executor.order(0, Command::Activate, false, Time::ZERO);
            executor.address_is_missing(0, "lost".to_owned());
        };
        lose(&mut executor);
        executor.address_is_back(0);
        assert_eq!(reports(&mut executor), [false, true]);

        lose(&mut executor);
        executor.order(0, Command::Deactivate { urgent: true }, false, Time::ZERO);
        executor.order(0, Command::Activate, false, Time::ZERO);
        executor.address_is_back(0);
        assert_eq!(reports(&mut executor), [false]);

        lose(&mut executor);
        executor.forget(0);
        executor.address_is_back(0);
        assert_eq!(reports(&mut executor), [false]);
    }
}
