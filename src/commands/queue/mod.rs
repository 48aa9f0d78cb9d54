//! When which command of a resource begins (X2, X3), as pure code: time is an argument, no process is touched.
//!
//! Every order waits for all earlier ones, with two exceptions. `stop` does not wait for the interface commands, and an urgent
//! `deactivate` does not wait for `start` and `stop`. Opposite orders cancel each other as long as they have not begun. Checks
//! run beside all of it.

mod application;
mod check;
mod interface;
mod running;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use schrittmacher_config::ResourceValues;
use schrittmacher_protocol::Time;

use self::application::Application;
use self::check::Checks;
use self::interface::Interface;
use self::running::Escalation;
use super::{CommandKind, Lane};

/// How a command ended, as far as the queue cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// By itself, with status 0.
    Success,
    /// By itself, with another status.
    Refused,
    /// In any other way; it may have done its work or not.
    Broken,
}

/// The consequence of the end of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sequel {
    /// Nothing that the operator has to know.
    Nothing,
    /// The first `deactivate` was refused. That is the normal answer when there is nothing to take down.
    NothingThere,
    /// It will be tried again after this pause.
    Retry(Duration),
    /// It will not be tried again: the address may still be on this host.
    GivenUp,
    /// The check began before the last `start` or `stop` ended. Its result counts for nothing.
    Outdated,
}

/// The next step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueueStep {
    /// Begin the command; [`CommandQueue::ended`] says when it is over, at once if there is none.
    Begin(CommandKind),
    /// Send SIGTERM to the group of the lane's command. `late` = it had its time; else it was overtaken.
    Terminate {
        /// Whose command.
        lane: Lane,
        /// It ran for longer than its timeout.
        late: bool,
    },
    /// Send SIGKILL to the group of the lane's command.
    Kill(Lane),
    /// The lane's command did not even end by SIGKILL: it is in the kernel, never to return to its program.
    /// It counts as over and failed.
    Abandon(Lane),
    /// Every command ordered before the last barrier is over.
    Released,
}

/// The orders of one resource that have not been carried out yet.
///
/// At most one command runs and one waits in each [`Lane`], so a queue cannot grow.
#[derive(Debug)]
pub struct CommandQueue {
    interface: Interface,
    application: Application,
    checks: Checks,
    /// Before this `start` waits for the application's first report: it may be hot already.
    unheard_until: Option<Time>,
    /// The application has reported.
    was_heard: bool,
    /// `start` waits for the end of a start command that an earlier daemon began.
    is_starting: bool,
    /// Place of the last order in the stream of orders.
    last: u64,
    /// Place of the last barrier that has not been reached.
    barrier: Option<u64>,
}

impl CommandQueue {
    /// An empty queue; the state of the interface is not known (S6). The limits are the times of the resource: how long each command
    /// may run (X3), how long `start` and `stop` are repeated every second (X2), and when there are checks.
    pub fn new(limits: Arc<ResourceValues>) -> CommandQueue {
        CommandQueue {
            interface: Interface::new(Arc::clone(&limits)),
            application: Application::new(Arc::clone(&limits)),
            checks: Checks::new(limits),
            unheard_until: None,
            was_heard: false,
            is_starting: false,
            last: 0,
            barrier: None,
        }
    }

    /// Other limits, for what has not begun yet.
    pub fn set_limits(&mut self, limits: &Arc<ResourceValues>) {
        self.interface.limits = Arc::clone(limits);
        self.application.limits = Arc::clone(limits);
        self.checks.limits = Arc::clone(limits);
    }

    /// No more checks.
    pub fn end_checks(&mut self) {
        self.checks.have_ended = true;
    }

    /// Takes an order. `urgent` counts for [`CommandKind::Deactivate`] only. An address that is up is announced at once,
    /// and once more some seconds later (edge-2).
    pub fn order(&mut self, order: CommandKind, urgent: bool, now: Time) {
        if order == CommandKind::Announce {
            return self.interface.announce(now);
        }
        self.last += 1;
        match order.lane() {
            Lane::Interface => self.interface.order(order, urgent, self.last, now),
            Lane::Application => self.application.order(order, self.last, now),
            // Checks run by themselves.
            Lane::Check => {}
        }
    }

    /// The stop that waits can begin at once: it replaces a start that runs.
    pub fn overtake_start(&mut self, now: Time) {
        self.application.overtake_start(now);
    }

    /// Takes the order to start an application that reports hot: it needs none, unless it was ordered to stop.
    /// Returns whether the order is dropped.
    pub fn start_of_hot(&mut self) -> bool {
        self.application.start_of_hot()
    }

    /// Nothing is known of the application. A `start` waits for its first report, at most until this time.
    pub fn await_report(&mut self, until: Time) {
        self.unheard_until = Some(until);
    }

    /// A start command that an earlier daemon began still runs, or has ended.
    pub fn set_starting(&mut self, is_starting: bool) {
        self.is_starting = is_starting;
    }

    /// The application has reported. One that is hot takes back a start that has not begun; returns whether it did.
    pub fn heard(&mut self, is_hot: bool) -> bool {
        self.unheard_until = None;
        if !std::mem::replace(&mut self.was_heard, true) {
            self.application.first_report();
        }
        is_hot && self.is_start_waiting() && self.application.start_of_hot()
    }

    /// Whether a `start` has not begun, perhaps for want of a report.
    pub fn is_start_waiting(&self) -> bool {
        self.application.waiting() == Some(CommandKind::Start)
    }

    /// Takes the address down and brings it up again, if it is up: its commands have changed. Returns whether it is.
    pub fn renew(&mut self) -> bool {
        self.last += 1;
        self.interface.renew(self.last)
    }

    /// Whether this resource has its address up, or wants it to be.
    pub fn is_address_wanted(&self) -> bool {
        self.interface.is_wanted_up()
    }

    /// Whether the `deactivate` that [`QueueStep::Begin`] has just asked for is a retry.
    pub fn has_begun_retry(&self) -> bool {
        self.interface.has_begun_retry()
    }

    /// Drops the `deactivate` that [`QueueStep::Begin`] has just asked for, if it is a retry. Returns whether it was.
    pub fn drop_retry(&mut self) -> bool {
        self.interface.drop_retry()
    }

    /// Whether only its last command has to begin: such a resource goes on before others begin.
    pub fn is_under_way(&self) -> bool {
        let (interface, application) = (self.interface.oldest_open(), self.application.oldest_open());
        (self.application.waiting().is_some() && interface.is_none())
            || (interface.is_some() && application.is_none())
    }

    /// Asks for [`QueueStep::Released`] once every order up to here is over: ended, killed, failed or cancelled.
    /// A retry of an interface command that failed is not waited for.
    pub fn barrier(&mut self) {
        self.last += 1;
        self.barrier = Some(self.last);
    }

    /// Takes the end of the command that runs for `order`; one that does not run is ignored.
    pub fn ended(&mut self, order: CommandKind, verdict: Verdict, now: Time) -> Sequel {
        match order.lane() {
            Lane::Interface => self.interface.ended(order, verdict, now),
            Lane::Application => {
                self.application.ended(order);
                self.checks.hasten(now);
                Sequel::Nothing
            }
            Lane::Check if self.checks.ended(now) => Sequel::Nothing,
            Lane::Check => Sequel::Outdated,
        }
    }

    /// The next thing to do; call until there is none. Without `room` no command is begun.
    pub fn next(&mut self, now: Time, room: bool) -> Option<QueueStep> {
        if self.barrier.is_some_and(|place| !self.open_before(place)) {
            self.barrier = None;
            return Some(QueueStep::Released);
        }
        self.unheard_until.take_if(|until| now >= *until);
        self.escalate(now).or_else(|| self.ready(now).filter(|_| room).and_then(|lane| self.begin(lane, now)))
    }

    /// Whether a command would begin now if there was room, or the second part of one.
    pub fn wants_room(&self, now: Time) -> bool {
        self.interface.is_pausing() || self.ready(now).is_some()
    }

    /// The interface command that runs has a second part, which waits for room. Its time begins anew with [`CommandQueue::begun`].
    pub fn pause_interface(&mut self) {
        self.interface.pause();
    }

    /// That second part begins as soon as there is room.
    pub fn is_interface_pausing(&self) -> bool {
        self.interface.is_pausing()
    }

    /// The same, also once it is overtaken: nothing runs whose end would come.
    pub fn interface_waits_for_room(&self) -> bool {
        self.interface.waits_for_room()
    }

    /// The order that would begin now if there was room.
    pub fn next_order(&self, now: Time) -> Option<CommandKind> {
        match self.ready(now)? {
            Lane::Interface => self.interface.next_order(),
            Lane::Application => self.application.waiting(),
            Lane::Check => Some(CommandKind::Check),
        }
    }

    /// Whether `start` or `stop` would begin by and by if there was room: it waits for nothing but commands that can begin.
    pub fn waits_for_room(&self, now: Time) -> bool {
        self.application.waiting().is_some() && self.wants_room(now)
    }

    /// Whether `start` or `stop` runs or waits.
    pub fn is_application_busy(&self) -> bool {
        self.application.oldest_open().is_some()
    }

    /// Whether something that was ordered is not over, apart from a retry.
    pub fn is_busy(&self) -> bool {
        self.open_before(u64::MAX)
    }

    /// The command that [`QueueStep::Begin`] asked for has really begun: its time counts from now.
    pub fn begun(&mut self, order: CommandKind, now: Time) {
        match order.lane() {
            Lane::Interface => self.interface.begun(order, now),
            Lane::Application => self.application.begun(order, now),
            Lane::Check => self.checks.begun(now),
        }
    }

    /// When [`CommandQueue::next`] has something to do although nothing happened.
    pub fn next_deadline(&self) -> Option<Time> {
        self.deadlines().min()
    }

    /// The same of a queue that waits for room, which what is due already cannot give it.
    pub fn next_deadline_after(&self, now: Time) -> Option<Time> {
        self.deadlines().filter(|due| *due > now).min()
    }

    fn deadlines(&self) -> impl Iterator<Item = Time> {
        let running = [&self.interface.running, &self.application.running, &self.checks.running];
        let due = running.into_iter().flatten().filter_map(running::Running::due);
        let held = self.unheard_until.filter(|_| self.is_start_waiting());
        let due = due.chain(self.interface.retry_at()).chain(self.interface.announce_at());
        due.chain(self.checks.due()).chain(held)
    }

    /// How long a command of `lane` may run.
    pub fn timeout(&self, lane: Lane) -> Duration {
        match lane {
            Lane::Interface => self.interface.limits.interface_timeout,
            Lane::Application => self.application.limits.action_timeout,
            Lane::Check => self.checks.times().map_or(Duration::ZERO, |times| times.timeout),
        }
    }

    /// The command that was begun in `lane` and has not ended.
    #[cfg(test)]
    pub fn running(&self, lane: Lane) -> Option<CommandKind> {
        match lane {
            Lane::Interface => self.interface.running.as_ref(),
            Lane::Application => self.application.running.as_ref(),
            Lane::Check => self.checks.running.as_ref(),
        }
        .map(running::Running::order)
    }

    /// Whether an order from before `place` is not over.
    fn open_before(&self, place: u64) -> bool {
        let before = |oldest: Option<u64>| oldest.is_some_and(|oldest| oldest < place);
        before(self.interface.oldest_open()) || before(self.application.oldest_open())
    }

    fn escalate(&mut self, now: Time) -> Option<QueueStep> {
        for lane in Lane::ALL {
            let running = match lane {
                Lane::Interface => &mut self.interface.running,
                Lane::Application => &mut self.application.running,
                Lane::Check => &mut self.checks.running,
            };
            let Some(running) = running else { continue };
            let order = running.order();
            match running.escalate(now) {
                None => {}
                Some(Escalation::Terminate { late }) => return Some(QueueStep::Terminate { lane, late }),
                Some(Escalation::Kill) => return Some(QueueStep::Kill(lane)),
                Some(Escalation::Abandon) => {
                    self.ended(order, Verdict::Broken, now);
                    return Some(QueueStep::Abandon(lane));
                }
            }
        }
        None
    }

    /// The lane of the older one of the orders that need not wait any longer.
    fn ready(&self, now: Time) -> Option<Lane> {
        let interface = self.interface.ready(self.application.oldest_open(), now);
        let is_unknown =
            self.is_starting || self.checks.is_open() || self.unheard_until.is_some_and(|until| now < until);
        let held = is_unknown && self.is_start_waiting();
        let application = self.application.ready(self.interface.oldest_open()).filter(|_| !held);
        match (interface, application) {
            (Some(first), Some(second)) if first < second => Some(Lane::Interface),
            (_, Some(_)) => Some(Lane::Application),
            (Some(_), None) => Some(Lane::Interface),
            (None, None) => self.checks.is_ready(now).then_some(Lane::Check),
        }
    }

    fn begin(&mut self, lane: Lane, now: Time) -> Option<QueueStep> {
        match lane {
            Lane::Interface => self.interface.begin(now),
            Lane::Application => self.application.begin(now),
            Lane::Check => self.checks.begin(now),
        }
        .map(QueueStep::Begin)
    }
}
