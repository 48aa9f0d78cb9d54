//! The end of a planned hand-over: the peer may take over when the commands are over and the application has stopped.
//!
//! The commands alone do not tell. `kill -USR2`, or a signal of the daemon, is over at once while the application may
//! take seconds to stop (run-5). So an application that says when it is on its way is waited for, at most
//! `going-standby-timeout`. One that never says so counts as stopped, as ever.

use log::warn;
use schrittmacher_protocol::{Event, StateName, Time};

use super::Node;

impl Node {
    /// The commands of a hand-over are over.
    pub(super) fn commands_are_over(&mut self, index: usize, now: Time) {
        let resource = &self.resources[index];
        if resource.protocol.state().name() == StateName::Releasing && resource.is_stopping() {
            self.releases.set(index, Some(now + resource.config.going_standby_timeout));
        } else {
            self.give(index, Event::Released, now);
        }
    }

    /// Goes on with the hand-over of an application that has stopped. To be called after each of its reports.
    pub(super) fn release_if_stopped(&mut self, index: usize, now: Time) {
        if self.releases.get(index).is_some() && !self.resources[index].is_stopping() {
            self.release(index, now);
        }
    }

    /// Goes on with the hand-overs that have waited long enough.
    pub(super) fn release_late(&mut self, now: Time) {
        for index in self.releases.due(now) {
            let resource = &self.resources[index].config;
            warn!(
                target: &resource.name,
                "the application has not said within `going-standby-timeout` ({} s) that it is standby: the hand-over goes on",
                resource.going_standby_timeout.as_secs_f64()
            );
            self.release(index, now);
        }
    }

    fn release(&mut self, index: usize, now: Time) {
        self.releases.set(index, None);
        self.give(index, Event::Released, now);
    }
}
