//! What the node asks of the queues: when they go on, and whether anything runs or waits.

use schrittmacher_protocol::Time;

#[cfg(test)]
use super::{CommandKind, Lane};
use super::{CommandReport, Executor, LOOK, TURN};

impl Executor {
    /// When [`Executor::run`] has something to do although nothing happens; [`Time::ZERO`] = at once.
    pub fn next_deadline(&self) -> Option<Time> {
        // Without room nothing can be done about those that are due; a result will wake the loop.
        let waits = self.waiting.len() > 0 && self.spawner.has_room();
        let idle = self.due.is_empty() && !waits;
        let earlier = (!self.earlier.is_empty()).then(|| self.looked_at + LOOK);
        if idle && !self.pipes.has_work() {
            let tracked = self.tracking.next_deadline();
            let own = [self.deadlines.first(), earlier, tracked, self.spawner.next_deadline()];
            own.into_iter().flatten().min()
        } else {
            Some(Time::ZERO)
        }
    }

    /// Whether something was ordered since [`Executor::run`].
    pub fn is_asked(&self) -> bool {
        !self.due.is_empty()
    }

    /// The oldest report that was not taken yet.
    pub fn next_report(&mut self) -> Option<CommandReport> {
        self.reports.pop_front()
    }

    /// Whether `start-action` or `stop-action` of a resource runs or waits.
    pub fn is_application_busy(&self, resource: usize) -> bool {
        self.resources.get(resource).is_some_and(|state| state.queue.is_application_busy())
    }

    /// Whether `start-action` or `stop-action` of a resource has not begun because the commands of others come first.
    pub fn waits_for_others(&self, resource: usize, now: Time) -> bool {
        !self.spawner.has_room()
            && now.since(self.begun_at) < TURN
            && self.resources.get(resource).is_some_and(|state| state.queue.waits_for_room(now))
    }

    /// Whether anything that was ordered is not over. Bounded by the time limit of each command.
    pub fn is_busy(&self) -> bool {
        self.resources.iter().any(|state| state.queue.is_busy())
    }

    #[cfg(test)]
    pub(in crate::commands) fn running(&self, resource: usize, lane: Lane) -> Option<CommandKind> {
        self.resources.get(resource)?.queue.running(lane)
    }

    /// How many queues the next run looks at.
    #[cfg(test)]
    pub(in crate::commands) fn looked_at_next(&self) -> usize {
        self.due.len()
    }

    #[cfg(test)]
    pub(in crate::commands) fn open_pipes(&self) -> usize {
        self.pipes.open()
    }

    #[cfg(test)]
    pub(in crate::commands) fn has_unread_output(&self) -> bool {
        self.pipes.has_work()
    }
}
