//! The status page's and the operator's view of the node, and their orders.

use std::collections::BTreeSet;
use std::time::SystemTime;

use schrittmacher_config::Security;
use schrittmacher_protocol::{Asked, Event, Machine, Refusal, Said, State, StateName, Time};

use super::Node;
use super::fence;
use super::intake::Door;
use super::peer_auth::PeerAuth;
use super::resource::{LastMessage, ManagedResource, Word};
use super::witness::policy_in_force;
use crate::admin::snapshot::{
    APP_TIMEOUT, AppFacts, DoorStatus, FiguresSnapshot, Heard, PEER_TIMEOUT, PeerFacts, ResourceStatus,
    StatusSnapshot, app_word, peer_word,
};
use crate::admin::{
    AdminRequest, FreezeOrder, FreezeOutcome, OperatorOrder, OrderOutcome, ReloadRequest, Target,
};
use crate::commands::CommandOutcome;
use crate::figures::{NodeFigures, ResourceFigures};
use crate::watchdog::Watchdog;

use schrittmacher_record::RecordedResource;

impl Node {
    /// Answers one request. A reload is not the node's business alone, and comes back.
    pub fn answer(&mut self, request: AdminRequest, now: Time) -> Option<ReloadRequest> {
        self.catch_up_all();
        match request {
            AdminRequest::Status(reply) => reply.send(self.snapshot(now)),
            AdminRequest::Figures(reply) => reply.send(self.figures(now)),
            AdminRequest::Record(names, reply) => {
                if reply.is_wanted() {
                    reply.send(self.record(&names, now));
                }
            }
            AdminRequest::Order(order, by, reply) => {
                // The operator has been told "no answer" by now: it must not be carried out.
                if reply.is_wanted() {
                    let outcome = self.order(&order, &by, now);
                    reply.send(outcome);
                }
            }
            AdminRequest::Freeze(order, reply) => {
                if reply.is_wanted() {
                    let outcome = self.order_freeze(&order, now);
                    reply.send(outcome);
                }
            }
            AdminRequest::Reload(request) => return Some(request),
        }
        None
    }

    /// The flight record of these resources, of all if none is named; `None` if there is no such resource.
    fn record(&self, names: &BTreeSet<String>, now: Time) -> Option<schrittmacher_record::Snapshot> {
        let is_there = |resource: &&ManagedResource| !resource.life.is_removed();
        let named = |name: &String| {
            self.by_name.get(name.as_str()).map(|index| &self.resources[*index]).filter(is_there)
        };
        let resources: Vec<&ManagedResource> = if names.is_empty() {
            self.resources.iter().filter(is_there).collect()
        } else {
            names.iter().map(named).collect::<Option<_>>()?
        };
        let copy = |resource: &ManagedResource| RecordedResource {
            name: resource.config.name.to_string(),
            flight_record: resource.protocol.flight_record().clone(),
            facts: resource.story.facts(),
        };
        let resources = resources.into_iter().map(copy).collect();
        Some(schrittmacher_record::Snapshot { taken: SystemTime::now(), clock: now, resources })
    }

    fn figures(&self, now: Time) -> FiguresSnapshot {
        let there = self.resources.iter().enumerate().filter(|(_, resource)| !resource.life.is_removed());
        FiguresSnapshot {
            status: self.snapshot(now),
            node: NodeFigures {
                file_is_broken: self.memory.file_is_broken,
                refused: self.unwanted.counts(),
                ..self.figures.clone()
            },
            resources: there
                .map(|(index, resource)| {
                    let watched = resource.unit.is_some() || self.processes.believed(index).is_some();
                    ResourceFigures { watched, ..resource.figures(now) }
                })
                .collect(),
        }
    }

    /// The configuration was read again, and the one with this hash is in force; `None`: it was refused.
    pub fn note_reload(&mut self, hash: Option<String>) {
        self.figures.reloaded(hash);
    }

    fn order_freeze(&mut self, order: &FreezeOrder, now: Time) -> FreezeOutcome {
        let Some(&index) = self.by_name.get(&*order.resource) else { return FreezeOutcome::NoSuchResource };
        let reason = if order.reason.is_empty() { String::new() } else { format!(": {}", order.reason) };
        for member in self.members(index) {
            self.resources[member].story.order(format!("{order}{reason}"), now);
            self.freeze(member, order.length, &order.reason, now);
        }
        self.figures.ordered(if order.length.is_zero() { "thaw" } else { "freeze" }, "ordered");
        let peer = &self.resources[index].protocol.machine().peer;
        match (peer.alive, peer.is_ours()) {
            (true, true) => FreezeOutcome::BothSides,
            (true, false) => FreezeOutcome::ThisSideAlone,
            (false, _) => FreezeOutcome::PeerIsSilent,
        }
    }

    fn order(&mut self, order: &OperatorOrder, by: &str, now: Time) -> OrderOutcome {
        let Some(&index) = self.by_name.get(&*order.resource) else { return OrderOutcome::NoSuchResource };
        let refusal = self.set_refusal(index, order, now);
        if order.dry_run {
            return refusal.unwrap_or_else(|| self.order_one(index, order, now));
        }
        self.resources[index].story.order(order.to_string(), now);
        let outcome = refusal.unwrap_or_else(|| self.order_all(index, order, by, now));
        self.figures.ordered(order.target.as_str(), outcome.as_str());
        if outcome != OrderOutcome::Ordered {
            self.resources[index].story.order(outcome.to_string(), now);
        }
        outcome
    }

    /// Gives an order to a resource and the members of its set. The outcome is that of the resource.
    fn order_all(&mut self, index: usize, order: &OperatorOrder, by: &str, now: Time) -> OrderOutcome {
        for other in self.members_to_order(index, order.target) {
            if other != index {
                self.resources[other].story.order(format!("{order}, which is of its set"), now);
                self.order_of(by, other, order, now);
            }
        }
        self.order_of(by, index, order, now)
    }

    /// Gives an order to one resource, whose switch will be told as that of its giver.
    pub(super) fn order_of(
        &mut self,
        by: &str,
        index: usize,
        order: &OperatorOrder,
        now: Time,
    ) -> OrderOutcome {
        self.resources[index].switches.ordered(order.target, by, now);
        let outcome = self.order_one(index, order, now);
        if !matches!(outcome, OrderOutcome::Ordered | OrderOutcome::Joined) {
            self.resources[index].switches.refused();
        }
        outcome
    }

    /// An order that comes while a switch is under way joins it or is refused. Carried out, orders that come
    /// quickly one after the other would hand the service to and fro (edge-27).
    pub(super) fn order_one(&mut self, index: usize, order: &OperatorOrder, now: Time) -> OrderOutcome {
        let resource = &mut self.resources[index];
        let machine = resource.protocol.machine();
        match under_way(machine, now) {
            Some(running) if running == order.target => return OrderOutcome::Joined,
            Some(running) if !order.force => return OrderOutcome::Busy(running),
            Some(_) | None => {}
        }
        let standby = matches!(machine.state, State::Standby { .. });
        if order.target == Target::OtherSide && !order.force && standby && machine.peer.said == Said::Hot {
            return OrderOutcome::Refused(Refusal::NotHot);
        }
        let event = match order.target {
            Target::OtherSide => Event::Failover { force: order.force },
            Target::ThisSide => Event::Takeover { force: order.force },
        };
        let ends_hold = order.target == Target::ThisSide && order.force;
        let resource = &mut self.resources[index];
        if order.dry_run {
            // The machine is plain data: a copy of it answers.
            let mut copy = resource.protocol.machine().clone();
            let mut settings = resource.protocol.settings().clone();
            settings.held &= !ends_hold;
            let refusal = copy.handle(&settings, now, event).refusal();
            return refusal.map_or(OrderOutcome::Possible, OrderOutcome::Refused);
        }
        if ends_hold {
            self.end_hold(index, now);
        }
        self.give(index, event, now).map_or(OrderOutcome::Ordered, OrderOutcome::Refused)
    }

    fn snapshot(&self, now: Time) -> StatusSnapshot {
        let there = self.resources.iter().enumerate().filter(|(_, resource)| !resource.life.is_removed());
        let peer_is_heard = there.clone().any(|(_, resource)| resource.protocol.machine().peer.alive);
        StatusSnapshot {
            clock: now,
            configuration: self.figures.configuration.clone(),
            is_strict: self.core.security == Security::Strict,
            resources: there
                .map(|(index, resource)| self.status(index, resource, peer_is_heard, now))
                .collect(),
            local: door(&self.app_door),
            peer: door(&self.peer_door),
            auth: self.peer_auth.as_ref().map(PeerAuth::facts),
            link: self.trips.facts(),
            paths: self.paths.facts(),
            watchdog_armed: self.watchdog.as_ref().map(Watchdog::is_armed),
            witness: self.witness_facts(),
            echoes: self.isolation.facts(),
            proof: self.proof(),
        }
    }

    /// That a hot side is not reset if it stands still.
    fn watchdog_trouble(&self, state: StateName) -> Option<String> {
        let trouble = self.watchdog.as_ref().and_then(Watchdog::trouble);
        trouble.filter(|_| matches!(state, StateName::Hot | StateName::ToHot)).map(str::to_owned)
    }

    /// That it is held back is a trouble, as it is not protected.
    fn held(&self, resource: &ManagedResource) -> impl Iterator<Item = String> {
        let hold = self.hold().filter(|_| resource.is_held());
        let node =
            hold.map(|hold| format!("goes hot only if its application is hot already: {}", hold.as_str()));
        node.into_iter().chain(resource.waits_for_address())
    }

    /// `peer_is_heard`: for at least one resource.
    fn status(
        &self,
        index: usize,
        resource: &ManagedResource,
        peer_is_heard: bool,
        now: Time,
    ) -> ResourceStatus {
        let machine = resource.protocol.machine();
        let state = machine.state.name();
        let doubt = self.processes.doubt(index);
        ResourceStatus {
            name: resource.config.name.to_string(),
            state,
            since: machine.since,
            priority: resource.config.priority,
            set: resource.config.set.clone(),
            policy: policy_in_force(resource),
            fence: fence::facts(resource),
            epoch: Some(machine.epochs.own).filter(|epoch| *epoch > 0),
            heartbeat: resource.config.heartbeat,
            timeout: resource.config.timeout,
            frozen: resource.freeze.left(now).map(|left| (left, resource.freeze.reason().to_owned())),
            last_switch: resource.switches.last().cloned(),
            planned: resource.switches.planned(),
            foreign: resource.has_foreign_address().map(str::to_owned),
            address: resource.config.shared.clone().map(|shared| (shared, resource.figures.address_up)),
            app: AppFacts {
                failed: machine.state.has_failed_app(),
                is_out_of_order: resource.is_out_of_order,
                heard: resource.local.at.map(|_| machine.app.heard),
                said: resource.app_said,
            },
            peer: PeerFacts {
                alive: machine.peer.alive,
                lacks_resource: machine.peer.lost && peer_is_heard,
                heard: resource.remote.at.map(|_| machine.peer.heard),
                said: resource.story.peer_state(),
                since: resource.story.peer_since(),
                generation: machine.peer.generation,
                epoch: resource.peer_epoch.filter(|_| matches!(machine.peer.said, Said::Hot | Said::ToHot)),
            },
            last_local: last_word(&resource.local, app_word, APP_TIMEOUT, now),
            last_remote: last_word(&resource.remote, peer_word, PEER_TIMEOUT, now),
            troubles: self
                .held(resource)
                .chain(self.watchdog_trouble(state))
                .chain(self.vote_troubles(resource))
                .chain(self.isolation_troubles(resource))
                .chain(self.fence_troubles(index, resource, now))
                .chain(held_back(machine, now))
                .chain(self.set_troubles(index, machine.bond.unwrap_or_default()))
                .chain(resource.failing_commands().map(failing))
                .chain(doubt)
                .collect(),
            may_failover: state == StateName::Hot,
            may_takeover: matches!(
                machine.state,
                State::Standby { .. } | State::Failed { hold_back: Some(_) }
            ),
        }
    }
}

/// The side that a switch goes to that has begun and is not over.
fn under_way(machine: &Machine, now: Time) -> Option<Target> {
    let peer = &machine.peer;
    match machine.state {
        State::Releasing(_) | State::Leaving { .. } => Some(Target::OtherSide),
        State::ToHot { .. } => Some(Target::ThisSide),
        State::Standby { yielding_until } | State::ToStandby { yielding_until, .. } => {
            let yielded = yielding_until.is_some_and(|until| now < until);
            match machine.asked {
                Some(Asked::Forced { until, .. }) if now < until => Some(Target::ThisSide),
                _ if peer.said == Said::ToHot => Some(Target::OtherSide),
                // The peer has been told to serve, and its answer is on the way.
                _ if yielded && peer.alive && matches!(peer.said, Said::Standby | Said::Other) => {
                    Some(Target::OtherSide)
                }
                _ => None,
            }
        }
        State::Unknown { .. } | State::Hot { .. } | State::Failed { .. } => None,
    }
}

/// That this side is held back, as a sentence.
fn held_back(machine: &Machine, now: Time) -> Option<String> {
    let State::Failed { hold_back: Some(hold) } = machine.state else { return None };
    if hold.until <= now {
        return None;
    }
    let seconds = hold.until.since(now).as_secs_f64().ceil();
    Some(format!(
        "held back for another {seconds} s (`hold-back`), unless the other side fails; a takeover ends that"
    ))
}

/// A failed command as a sentence.
fn failing(outcome: &CommandOutcome) -> String {
    match outcome.failures {
        0 | 1 => outcome.to_string(),
        times => format!("{times} times in a row: {outcome}"),
    }
}

fn last_word<Code: Copy>(
    message: &LastMessage<Code>,
    word: impl Fn(Code) -> &'static str,
    silence: &'static str,
    now: Time,
) -> Option<Heard> {
    let word = match message.word {
        Word::Nothing => "",
        Word::Said(code) => word(code),
        Word::Silence => silence,
    };
    let at = SystemTime::now() - now.since(message.at?);
    Some(Heard { word, reason: message.reason.clone().unwrap_or_default(), at })
}

fn door(door: &Door) -> DoorStatus {
    DoorStatus { last_error: door.last_error.clone(), last_message: door.last_message.clone() }
}
