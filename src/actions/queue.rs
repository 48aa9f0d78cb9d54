//! When which command of a resource begins (X2, X3), as pure code: time is an argument, no process is touched.
//!
//! Every order waits for all earlier ones, with two exceptions: `stop` does not wait for the interface
//! commands, and an urgent `deactivate` does not wait for `start` and `stop`. Opposite orders cancel each
//! other as long as they have not begun.

mod application;
mod interface;
mod running;
#[cfg(test)]
mod tests;

use std::time::Duration;

use schrittmacher_protocol::Time;

use self::application::Application;
use self::interface::Interface;
use self::running::Escalation;
use super::{Lane, Order};

/// The times that bound the commands of one resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long `activate` and `deactivate` may run (X3).
    pub interface_timeout: Duration,
    /// How long `start` and `stop` may run (X3).
    pub action_timeout: Duration,
    /// `going-hot-timeout`: how long `start` is repeated every second (X2).
    pub going_hot: Duration,
    /// `going-standby-timeout`: the same for `stop`.
    pub going_standby: Duration,
}

/// What has to be done now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Begin the command; [`Queue::ended`] says when it is over, at once if there is none.
    Begin(Order),
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
pub struct Queue {
    interface: Interface,
    application: Application,
    /// Place of the last order in the stream of orders.
    last: u64,
    /// Place of the last barrier that has not been reached.
    barrier: Option<u64>,
}

impl Queue {
    /// An empty queue; what the interface's state is, nobody knows (S6).
    pub fn new(limits: Limits) -> Queue {
        Queue {
            interface: Interface::new(limits),
            application: Application::new(limits),
            last: 0,
            barrier: None,
        }
    }

    /// Other limits, for what has not begun yet.
    pub fn set_limits(&mut self, limits: Limits) {
        self.interface.limits = limits;
        self.application.limits = limits;
    }

    /// Takes an order. `urgent` counts for [`Order::Deactivate`] only.
    pub fn order(&mut self, order: Order, urgent: bool, now: Time) {
        self.last += 1;
        match order.lane() {
            Lane::Interface => self.interface.order(order, urgent, self.last, now),
            Lane::Application => self.application.order(order, self.last, now),
        }
    }

    /// Asks for [`Step::Released`] once every order up to here is over: ended, killed, failed or cancelled.
    /// A retry of an interface command that failed is not waited for.
    pub fn barrier(&mut self) {
        self.last += 1;
        self.barrier = Some(self.last);
    }

    /// Takes the end of the command that runs for `order`; one that does not run is ignored.
    pub fn ended(&mut self, order: Order, success: bool, now: Time) {
        match order.lane() {
            Lane::Interface => self.interface.ended(order, success, now),
            Lane::Application => self.application.ended(order),
        }
    }

    /// The next thing to do; call until there is none. Without `room` no command is begun.
    pub fn next(&mut self, now: Time, room: bool) -> Option<Step> {
        if self.barrier.is_some_and(|place| !self.open_before(place)) {
            self.barrier = None;
            return Some(Step::Released);
        }
        self.escalate(now).or_else(|| self.ready(now).filter(|_| room).and_then(|lane| self.begin(lane, now)))
    }

    /// Whether a command would begin now if there was room.
    pub fn wants_room(&self, now: Time) -> bool {
        self.ready(now).is_some()
    }

    /// The command that [`Step::Begin`] asked for has really begun: its time counts from now.
    pub fn begun(&mut self, order: Order, now: Time) {
        match order.lane() {
            Lane::Interface => self.interface.begun(order, now),
            Lane::Application => self.application.begun(order, now),
        }
    }

    /// When [`Queue::next`] has something to do although nothing happened.
    pub fn next_deadline(&self) -> Option<Time> {
        let running = [self.interface.running.as_ref(), self.application.running.as_ref()];
        let due = running.into_iter().flatten().map(running::Running::due);
        due.chain(self.interface.retry_at()).min()
    }

    /// The command that was begun in `lane` and has not ended.
    pub fn running(&self, lane: Lane) -> Option<Order> {
        match lane {
            Lane::Interface => self.interface.running.as_ref(),
            Lane::Application => self.application.running.as_ref(),
        }
        .map(running::Running::order)
    }

    /// Whether an order from before `place` is not over.
    fn open_before(&self, place: u64) -> bool {
        let before = |oldest: Option<u64>| oldest.is_some_and(|oldest| oldest < place);
        before(self.interface.oldest_open()) || before(self.application.oldest_open())
    }

    fn escalate(&mut self, now: Time) -> Option<Step> {
        for lane in [Lane::Interface, Lane::Application] {
            let running = match lane {
                Lane::Interface => &mut self.interface.running,
                Lane::Application => &mut self.application.running,
            };
            let Some(running) = running else { continue };
            let order = running.order();
            match running.escalate(now) {
                None => {}
                Some(Escalation::Terminate { late }) => return Some(Step::Terminate { lane, late }),
                Some(Escalation::Kill) => return Some(Step::Kill(lane)),
                Some(Escalation::Abandon) => {
                    self.ended(order, false, now);
                    return Some(Step::Abandon(lane));
                }
            }
        }
        None
    }

    /// The lane of the older one of the orders that need not wait any longer.
    fn ready(&self, now: Time) -> Option<Lane> {
        let interface = self.interface.ready(self.application.oldest_open(), now);
        let application = self.application.ready(self.interface.oldest_open());
        match (interface, application) {
            (Some(first), Some(second)) if first < second => Some(Lane::Interface),
            (_, Some(_)) => Some(Lane::Application),
            (Some(_), None) => Some(Lane::Interface),
            (None, None) => None,
        }
    }

    fn begin(&mut self, lane: Lane, now: Time) -> Option<Step> {
        match lane {
            Lane::Interface => self.interface.begin(now),
            Lane::Application => self.application.begin(now),
        }
        .map(Step::Begin)
    }
}
