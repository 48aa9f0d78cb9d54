//! The end of the daemon, and what it leaves to the next one.

use std::time::Duration;

use schrittmacher_protocol::{Event, Time};

use super::Node;
use super::resource::{ManagedResource, Why};

impl Node {
    /// Lets every resource end (S9).
    pub fn shut_down(&mut self, now: Time) {
        for index in 0..self.resources.len() {
            self.end(index, Why::Shutdown, now);
        }
    }

    /// Lets one resource end. A second order would be an order to hurry.
    pub(super) fn end(&mut self, index: usize, why: Why, now: Time) {
        if self.resources[index].life.end(why) {
            self.give(index, Event::Shutdown, now);
        }
    }

    /// Whether every resource has ended, and what they have ordered is over. A side may have lost its role or its
    /// application at the very end: without this its last stop would never begin, and both sides would serve.
    pub fn has_ended(&self) -> bool {
        self.resources.iter().all(|resource| resource.life.has_ended()) && !self.executor.is_busy()
    }

    /// Whether a resource has ended without a hand-over: it is still hot.
    pub fn has_left_service(&self) -> bool {
        self.resources.iter().any(ManagedResource::is_left_hot)
    }

    /// The resources that are hot, or were when they ended: the next daemon is to know.
    pub fn left_hot(&self) -> Vec<String> {
        let is_left = |resource: &&ManagedResource| {
            resource.protocol.machine().leaves_hot() && !resource.life.is_removed()
        };
        self.resources.iter().filter(is_left).map(|resource| resource.config.name.to_string()).collect()
    }

    /// The daemon before this one has ended this long ago and left these resources hot.
    pub fn was_left_hot(&mut self, names: &[String], ago: Duration, now: Time) {
        for name in names {
            if let Some(&index) = self.by_name.get(&**name) {
                self.give(index, Event::LeftHot(ago), now);
            }
        }
    }
}
