//! What the status page and the operator get to know and to order.

use std::collections::BTreeSet;
use std::time::SystemTime;

use schrittmacher_protocol::{Event, StateName, Time};

use super::{Door, Node};
use crate::admin::snapshot::{DoorStatus, Heard, ResourceStatus, Snapshot};
use crate::admin::{Order, Outcome, Request};
use crate::record;
use crate::resource::{LastMessage, Managed};

impl Node {
    /// Answers one request of the page.
    pub fn answer(&mut self, request: Request, now: Time) {
        match request {
            Request::Status(reply) => reply.send(self.snapshot()),
            Request::Record(names, reply) => {
                if reply.is_wanted() {
                    reply.send(self.record(&names, now));
                }
            }
            Request::Order(order, reply) => {
                // Whoever gave it has been told "no answer" by now: it must not be carried out.
                if reply.is_wanted() {
                    let outcome = self.order(order, now);
                    reply.send(outcome);
                }
            }
        }
    }

    /// The flight record of these resources, of all if none is named; `None` if there is no such resource.
    fn record(&self, names: &BTreeSet<String>, now: Time) -> Option<record::Snapshot> {
        let is_there = |resource: &&Managed| !resource.removed;
        let named = |name| self.by_name.get(name).map(|index| &self.resources[*index]).filter(is_there);
        let resources: Vec<&Managed> = if names.is_empty() {
            self.resources.iter().filter(is_there).collect()
        } else {
            names.iter().map(named).collect::<Option<_>>()?
        };
        let copy = |resource: &Managed| (resource.config.name.clone(), resource.protocol.record().clone());
        let resources = resources.into_iter().map(copy).collect();
        Some(record::Snapshot { taken: SystemTime::now(), clock: now, resources })
    }

    fn order(&mut self, order: Order, now: Time) -> Outcome {
        let (name, event) = match order {
            Order::Failover { resource, force } => (resource, Event::Failover { force }),
            Order::Takeover { resource } => (resource, Event::Takeover),
        };
        let Some(&index) = self.by_name.get(&name) else { return Outcome::NoSuchResource };
        self.give(index, event, now).map_or(Outcome::Ordered, Outcome::Refused)
    }

    fn snapshot(&self) -> Snapshot {
        Snapshot {
            resources: self.resources.iter().filter(|resource| !resource.removed).map(status).collect(),
            local: door(&self.app_door),
            peer: door(&self.peer_door),
        }
    }
}

fn status(resource: &Managed) -> ResourceStatus {
    let state = resource.protocol.state().name();
    ResourceStatus {
        name: resource.config.name.clone(),
        state,
        last_local: heard(&resource.local),
        last_remote: heard(&resource.remote),
        may_failover: state == StateName::Hot,
        may_takeover: state == StateName::Standby,
    }
}

fn heard(message: &LastMessage) -> Option<Heard> {
    Some(Heard { word: message.text, reason: message.reason.clone().unwrap_or_default(), at: message.at? })
}

fn door(door: &Door) -> DoorStatus {
    DoorStatus { last_error: door.last_error.clone(), last_message: door.last_message.clone() }
}
