//! `start` and `stop`: repeated as often as the application contradicts, but never as a flood (X2).

use std::time::Duration;

use schrittmacher_protocol::Time;

use super::running::Running;
use super::{Limits, Order};

/// How often an order is repeated while the application may still be on its way.
const REPEAT: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Application {
    pub(super) limits: Limits,
    waiting: Option<(Order, u64)>,
    pub(super) running: Option<Running>,
    row: Option<Row>,
}

/// A row of equal orders.
#[derive(Debug)]
struct Row {
    order: Order,
    since: Time,
    last_ordered: Time,
    last_begun: Option<Time>,
}

impl Application {
    pub(super) fn new(limits: Limits) -> Application {
        Application { limits, waiting: None, running: None, row: None }
    }

    pub(super) fn order(&mut self, order: Order, place: u64, now: Time) {
        let patience = self.patience(order);
        let row = match self.row.take() {
            // The application has obeyed, or has been silent, for so long that this is another matter.
            Some(row) if row.order == order && now.since(row.last_ordered) < patience => row,
            _ => Row { order, since: now, last_ordered: now, last_begun: None },
        };
        let pause = if now.since(row.since) < patience { REPEAT } else { patience.max(REPEAT) };
        let too_early = row.last_begun.is_some_and(|begun| now.since(begun) < pause);
        self.row = Some(Row { last_ordered: now, ..row });

        if self.waiting.is_some_and(|(waiting, _)| waiting == order) {
            return;
        }
        self.waiting = None;
        let runs =
            self.running.as_ref().is_some_and(|running| running.order() == order && running.is_unhindered());
        if !runs && !too_early {
            self.waiting = Some((order, place));
        }
    }

    /// The place of the waiting order, if it can begin; `interface_open` is the oldest order of the other lane
    /// that is not over.
    pub(super) fn ready(&self, interface_open: Option<u64>) -> Option<u64> {
        let (order, place) = self.waiting.filter(|_| self.running.is_none())?;
        let blocked = order == Order::Start && interface_open.is_some_and(|oldest| oldest < place);
        (!blocked).then_some(place)
    }

    pub(super) fn begin(&mut self, now: Time) -> Option<Order> {
        let (order, place) = self.waiting.take()?;
        if let Some(row) = self.row.as_mut().filter(|row| row.order == order) {
            row.last_begun = Some(now);
        }
        self.running = Some(Running::new(order, place, true, now, self.limits.action_timeout));
        Some(order)
    }

    pub(super) fn begun(&mut self, order: Order, now: Time) {
        if let Some(running) = &mut self.running {
            running.begun(order, now, self.limits.action_timeout);
        }
    }

    pub(super) fn ended(&mut self, order: Order) {
        self.running.take_if(|running| running.order() == order);
    }

    /// The place of the oldest order that is not over.
    pub(super) fn oldest_open(&self) -> Option<u64> {
        let waiting = self.waiting.map(|(_, place)| place);
        self.running.as_ref().and_then(Running::open).or(waiting)
    }

    /// How long the application may take to obey.
    fn patience(&self, order: Order) -> Duration {
        if order == Order::Start { self.limits.going_hot } else { self.limits.going_standby }
    }
}
