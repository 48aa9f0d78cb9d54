//! `activate` and `deactivate`: done once, retried when they fail.

use std::time::Duration;

use schrittmacher_protocol::Time;

use super::running::Running;
use super::{Limits, Order};

/// The pause before the first retry; it doubles with every further failure.
const RETRY_MIN: Duration = Duration::from_secs(1);
/// The longest pause between two attempts.
const RETRY_MAX: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub(super) struct Interface {
    pub(super) limits: Limits,
    /// The last order.
    wanted: Option<Order>,
    /// What the interface is known to be, as the order that made it so; `None` at start, and after a command
    /// that failed or was killed (S6, D1, D27).
    done: Option<Order>,
    waiting: Option<Waiting>,
    pub(super) running: Option<Running>,
    /// How often in a row the wanted command has failed.
    failures: u32,
}

/// The wanted command, not begun yet.
#[derive(Debug)]
struct Waiting {
    place: u64,
    /// Do not wait for `start` and `stop`.
    urgent: bool,
    /// Set for retries: not before this.
    retry_at: Option<Time>,
}

impl Interface {
    pub(super) fn new(limits: Limits) -> Interface {
        Interface { limits, wanted: None, done: None, waiting: None, running: None, failures: 0 }
    }

    pub(super) fn order(&mut self, order: Order, urgent: bool, place: u64, now: Time) {
        let urgent = urgent && order == Order::Deactivate;
        if urgent && let Some(running) = self.running.as_mut().filter(|running| running.order() != order) {
            // An activate that ended after our deactivate would win. Waiting for it would cost up to its
            // whole timeout while the other side may be hot already, and nobody wants its result.
            running.overtake(now);
        }
        if self.wanted == Some(order) {
            // It waits, runs, is done or will be retried.
            if let Some(waiting) = &mut self.waiting {
                waiting.urgent |= urgent;
            }
            return;
        }
        self.wanted = Some(order);
        self.failures = 0;
        self.waiting = None;
        match &mut self.running {
            Some(running) if running.order() == order && running.is_unhindered() => running.adopt(),
            None if self.done == Some(order) => {}
            _ => self.waiting = Some(Waiting { place, urgent, retry_at: None }),
        }
    }

    /// The place of the waiting order, if it can begin; `application_open` is the oldest order of the other
    /// lane that is not over.
    pub(super) fn ready(&self, application_open: Option<u64>, now: Time) -> Option<u64> {
        let waiting = self.waiting.as_ref().filter(|_| self.running.is_none())?;
        let blocked = !waiting.urgent && application_open.is_some_and(|oldest| oldest < waiting.place);
        let early = waiting.retry_at.is_some_and(|retry_at| now < retry_at);
        (!blocked && !early).then_some(waiting.place)
    }

    pub(super) fn begin(&mut self, now: Time) -> Option<Order> {
        let order = self.wanted?;
        let waiting = self.waiting.take()?;
        let first = waiting.retry_at.is_none();
        self.done = None;
        self.running = Some(Running::new(order, waiting.place, first, now, self.limits.interface_timeout));
        Some(order)
    }

    pub(super) fn begun(&mut self, order: Order, now: Time) {
        if let Some(running) = &mut self.running {
            running.begun(order, now, self.limits.interface_timeout);
        }
    }

    pub(super) fn ended(&mut self, order: Order, success: bool, now: Time) {
        let Some(running) = self.running.take_if(|running| running.order() == order) else { return };
        if success && running.is_unhindered() {
            self.done = Some(order);
            self.failures = 0;
        } else if self.wanted == Some(order) && self.waiting.is_none() {
            let pause = RETRY_MIN.saturating_mul(1 << self.failures.min(5)).min(RETRY_MAX);
            self.failures = self.failures.saturating_add(1);
            // Urgent, for its turn has come already: a retry waits for nothing but its time.
            self.waiting =
                Some(Waiting { place: running.place(), urgent: true, retry_at: Some(now + pause) });
        }
    }

    /// When a retry is due.
    pub(super) fn retry_at(&self) -> Option<Time> {
        self.waiting.as_ref().filter(|_| self.running.is_none())?.retry_at
    }

    /// The place of the oldest order that is not over; one whose first attempt failed is over.
    pub(super) fn oldest_open(&self) -> Option<u64> {
        let waiting = self.waiting.as_ref().filter(|waiting| waiting.retry_at.is_none());
        let running = self.running.as_ref().and_then(Running::open);
        running.into_iter().chain(waiting.map(|waiting| waiting.place)).min()
    }
}
