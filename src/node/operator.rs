//! What the status page and the operator get to know and to order.

use schrittmacher_protocol::{Event, StateName, Time};

use super::{Door, Node};
use crate::admin::snapshot::{DoorStatus, Heard, ResourceStatus, Snapshot};
use crate::admin::{Order, Outcome, Request};
use crate::resource::{LastMessage, Managed};

impl Node {
    /// Answers one request of the page.
    pub fn answer(&mut self, request: Request, now: Time) {
        match request {
            Request::Status(reply) => reply.send(self.snapshot()),
            Request::Order(order, reply) => {
                // Whoever gave it has been told "no answer" by now: it must not be carried out.
                if reply.is_wanted() {
                    let outcome = self.order(order, now);
                    reply.send(outcome);
                }
            }
        }
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
