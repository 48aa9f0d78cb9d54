//! The `fence-action` of both hosts, and what it does to the other one.

use std::time::Duration;

use schrittmacher_protocol::{Event, Fenced, Time};

use super::World;
use crate::{Daemon, Watch};

/// A host that was turned off is not back before this.
const BOOT: Duration = Duration::from_secs(10);

/// What the `fence-action` of a side does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FenceDevice {
    /// The other host is off this long after the beginning. Nothing calls that back, not even the death of this host. `None`: it
    /// stays on.
    pub off_after: Option<Duration>,
    /// The daemon has its answer this long after the beginning.
    pub answers_after: Duration,
    /// The answer.
    pub answer: Fenced,
}

/// A run of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct FenceRun {
    side: usize,
    resource: usize,
    asked: Time,
    /// `None`: that has happened, or never will.
    off_at: Option<Duration>,
    /// `None`: the daemon that asked is gone.
    answers_at: Option<Duration>,
    answer: Fenced,
}

impl<D: Daemon, W: Watch<D>> World<D, W> {
    /// From now on this is the `fence-action` of a side.
    pub fn set_fence(&mut self, side: usize, device: FenceDevice) {
        self.hosts[side].fence = Some(device);
    }

    /// How often the `fence-action` of a side has begun.
    pub fn fences(&self, side: usize) -> u32 {
        self.hosts[side].fences
    }

    /// A side without a device gets no answer.
    pub(super) fn fence(&mut self, side: usize, resource: usize, asked: Time) {
        self.hosts[side].fences += 1;
        let Some(device) = self.hosts[side].fence else { return };
        self.fence_runs.push(FenceRun {
            side,
            resource,
            asked,
            off_at: device.off_after.map(|after| self.now + after),
            answers_at: Some(self.now + device.answers_after),
            answer: device.answer,
        });
    }

    /// The answers to a daemon that is gone are lost.
    pub(super) fn lose_fence_answers(&mut self, side: usize) {
        for run in self.fence_runs.iter_mut().filter(|run| run.side == side) {
            run.answers_at = None;
        }
        self.fence_runs.retain(FenceRun::is_under_way);
    }

    /// A daemon that is stopped hears the answer after the datagrams that wait for it.
    pub(super) fn next_fence(&self) -> Duration {
        let times = self.fence_runs.iter().flat_map(|run| {
            let answers_at = run.answers_at.filter(|_| !self.hosts[run.side].paused);
            [run.off_at, answers_at]
        });
        times.flatten().min().unwrap_or(Duration::MAX)
    }

    pub(super) fn run_fences(&mut self) {
        let now = self.now;
        let is_due = |at: &mut Duration| *at <= now;
        for index in 0..self.fence_runs.len() {
            if self.fence_runs.get_mut(index).is_some_and(|run| run.off_at.take_if(is_due).is_some()) {
                let victim = 1 - self.fence_runs[index].side;
                self.hosts[victim].off_until = now + BOOT;
                return self.power_off(victim);
            }
        }
        for index in 0..self.fence_runs.len() {
            let run = self.fence_runs[index];
            let hears = !self.hosts[run.side].paused;
            if hears && self.fence_runs[index].answers_at.take_if(is_due).is_some() {
                self.fence_runs.retain(FenceRun::is_under_way);
                return self.give(run.side, run.resource, Event::Fenced(run.asked, run.answer));
            }
        }
    }
}

impl FenceRun {
    fn is_under_way(&self) -> bool {
        self.off_at.is_some() || self.answers_at.is_some()
    }
}
