//! `start` and `stop`: repeated as often as the application contradicts, but never as a flood (X2).

use std::sync::Arc;
use std::time::Duration;

use schrittmacher_config::ResourceValues;
use schrittmacher_protocol::Time;

use super::CommandKind;
use super::running::Running;

/// How often an order is repeated while the application may still be on its way.
const REPEAT: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Application {
    pub(super) limits: Arc<ResourceValues>,
    waiting: Option<(CommandKind, u64)>,
    pub(super) running: Option<Running>,
    row: Option<Row>,
}

/// A row of equal orders.
#[derive(Debug)]
struct Row {
    order: CommandKind,
    since: Time,
    last_ordered: Time,
    last_begun: Option<Time>,
}

impl Application {
    pub(super) fn new(limits: Arc<ResourceValues>) -> Application {
        Application { limits, waiting: None, running: None, row: None }
    }

    pub(super) fn order(&mut self, order: CommandKind, place: u64, now: Time) {
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

    /// Ends a start for the stop that waits.
    pub(super) fn overtake_start(&mut self, now: Time) {
        let is_start = |running: &&mut Running| running.order() == CommandKind::Start;
        if self.waiting() == Some(CommandKind::Stop)
            && let Some(running) = self.running.as_mut().filter(is_start)
        {
            running.overtake(now);
        }
    }

    /// A start is ordered while the application reports hot. Its report counts, unless it was ordered to stop: then
    /// it may be an old one. Returns whether the order is dropped.
    pub(super) fn start_of_hot(&mut self) -> bool {
        let running = self.running.as_ref().map(Running::order);
        let was_stopped =
            self.row.as_ref().is_some_and(|row| row.order == CommandKind::Stop && row.last_begun.is_some());
        if was_stopped || running == Some(CommandKind::Stop) {
            return false;
        }
        // A stop that has not begun is taken back.
        self.waiting = None;
        self.row.take_if(|row| row.order == CommandKind::Stop);
        true
    }

    /// The application reports for the first time: an earlier start has not reached it, and the next order begins at
    /// once (proto-3).
    pub(super) fn first_report(&mut self) {
        self.row.take_if(|row| row.order == CommandKind::Start);
    }

    /// The order that waits.
    pub(super) fn waiting(&self) -> Option<CommandKind> {
        self.waiting.map(|(order, _)| order)
    }

    /// The place of the waiting order, if it can begin; `interface_open` is the oldest order of the other lane
    /// that is not over.
    pub(super) fn ready(&self, interface_open: Option<u64>) -> Option<u64> {
        let (order, place) = self.waiting.filter(|_| self.running.is_none())?;
        let blocked = order == CommandKind::Start && interface_open.is_some_and(|oldest| oldest < place);
        (!blocked).then_some(place)
    }

    pub(super) fn begin(&mut self, now: Time) -> Option<CommandKind> {
        let (order, place) = self.waiting.take()?;
        if let Some(row) = self.row.as_mut().filter(|row| row.order == order) {
            row.last_begun = Some(now);
        }
        self.running = Some(Running::new(order, place, true, now, self.limits.action_timeout));
        Some(order)
    }

    pub(super) fn begun(&mut self, order: CommandKind, now: Time) {
        if let Some(running) = &mut self.running {
            running.begun(order, now, self.limits.action_timeout);
        }
        // On a busy machine that is later than planned, and so is the repetition.
        if let Some(row) = self.row.as_mut().filter(|row| row.order == order) {
            row.last_begun = Some(now);
        }
    }

    pub(super) fn ended(&mut self, order: CommandKind) {
        self.running.take_if(|running| running.order() == order);
    }

    /// The place of the oldest order that is not over.
    pub(super) fn oldest_open(&self) -> Option<u64> {
        let waiting = self.waiting.map(|(_, place)| place);
        self.running.as_ref().and_then(Running::open).or(waiting)
    }

    /// How long the application may take to obey.
    fn patience(&self, order: CommandKind) -> Duration {
        if order == CommandKind::Start {
            self.limits.going_hot_timeout
        } else {
            self.limits.going_standby_timeout
        }
    }
}
