//! Sets: resources that are hot on one side together (`set`). The protocol decides
//! (`crates/protocol/src/set.rs`); this looks after the members, and says what is missing.

use log::{info, warn};
use schrittmacher_protocol::{Bond, Event, Member, Refusal, Time, guide};
use schrittmacher_wire::AppCode;

use super::Node;
use super::resource::ManagedResource;
use crate::admin::{OperatorOrder, OrderOutcome, Target};

impl Node {
    /// Finds the members of each set anew: the configuration has changed.
    pub(super) fn find_sets(&mut self, now: Time) {
        self.sets.clear();
        for (index, resource) in self.resources.iter().enumerate() {
            if let Some(set) = resource.config.set.as_ref().filter(|_| !resource.life.is_removed()) {
                self.sets.entry(set.clone()).or_default().push(index);
            }
        }
        let resources = &self.resources;
        for members in self.sets.values_mut() {
            // The same order on both sides.
            members.sort_by(|one, other| resources[*one].config.name.cmp(&resources[*other].config.name));
        }
        for index in 0..self.resources.len() {
            let resource = &self.resources[index];
            if resource.config.set.is_none() && resource.protocol.machine().bond.is_some() {
                self.give_alone(index, Event::Bond(None), now);
            }
        }
    }

    /// The members of the resource's set; the resource alone if it is in none.
    pub(super) fn members(&self, index: usize) -> Vec<usize> {
        let set = self.resources[index].config.set.as_ref().and_then(|set| self.sets.get(set));
        set.cloned().unwrap_or_else(|| vec![index])
    }

    /// Has the members of a set follow each other, after an event of one of them.
    pub(super) fn guide_set(&mut self, index: usize, now: Time) {
        let Some(set) = self.resources[index].config.set.as_ref() else { return };
        let Some(members) = self.sets.get(set) else { return };
        let facts: Vec<Member<'_>> = members.iter().map(|index| member(&self.resources[*index])).collect();
        let guidance = guide(&facts, now);
        let orders: Vec<(usize, Event)> = members
            .iter()
            .zip(&facts)
            .flat_map(|(index, fact)| guidance.orders(fact).map(move |event| (*index, event)))
            .collect();
        let before = facts.first().and_then(|first| first.machine.bond).unwrap_or_default();
        if before != guidance.bond {
            self.tell_of_set(index, guidance.bond);
        }
        for (index, event) in orders {
            self.give_alone(index, event, now);
        }
    }

    /// What is missing, each time that this changes.
    fn tell_of_set(&self, index: usize, bond: Bond) {
        let target = &self.resources[index].config.name;
        let troubles = self.set_troubles(index, bond);
        for trouble in &troubles {
            warn!(target: target, "{trouble}");
        }
        if troubles.is_empty() {
            let set = self.resources[index].config.set.as_deref().unwrap_or_default();
            info!(target: target, "the set {set} may be on either side");
        }
    }

    /// What is missing of a resource's set, as sentences.
    pub(super) fn set_troubles(&self, index: usize, bond: Bond) -> Vec<String> {
        let Some(set) = &self.resources[index].config.set else { return Vec::new() };
        let missing = |so: fn(&Member<'_>) -> bool| {
            let all = self.members(index).into_iter().map(|index| &self.resources[index]);
            let names: Vec<&str> = all.filter(|one| so(&member(one))).map(|one| &*one.config.name).collect();
            names.join(", ")
        };
        let mut troubles = Vec::new();
        if bond.waits {
            let names = missing(|member| member.lacks_here());
            troubles.push(format!("the set {set} stays on the other side: {names} cannot serve here"));
        }
        if bond.other_side_lacks {
            let names = missing(|member| member.lacks_there());
            troubles.push(format!("the set {set} stays off the other side: {names} cannot serve there"));
        }
        troubles
    }

    /// Why an order to a resource is refused for the sake of its set: what one member cannot do, all leave. `None`: it is
    /// not. Beside a peer that has no sets each member is ordered for itself.
    pub(super) fn set_refusal(
        &mut self,
        index: usize,
        order: &OperatorOrder,
        now: Time,
    ) -> Option<OrderOutcome> {
        let trial = OperatorOrder { dry_run: true, ..order.clone() };
        for other in self.members_to_order(index, order.target) {
            let outcome = self.order_one(other, &trial, now);
            if !matches!(outcome, OrderOutcome::Possible | OrderOutcome::Joined) {
                let (name, refuser) =
                    (&self.resources[index].config.name, &self.resources[other].config.name);
                if other != index {
                    info!(target: name, "{order}: {outcome} ({refuser}, of its set)");
                }
                return Some(outcome);
            }
        }
        None
    }

    /// The order of an application reaches the rest of its set too.
    pub(super) fn order_by_app(
        &mut self,
        index: usize,
        code: AppCode,
        target: Target,
        now: Time,
    ) -> Option<Refusal> {
        let resource = self.resources[index].config.name.to_string();
        let order = OperatorOrder { target, resource, force: false, dry_run: false };
        let others: Vec<usize> =
            self.members_to_order(index, target).into_iter().filter(|other| *other != index).collect();
        let refused = if others.is_empty() { None } else { self.set_refusal(index, &order, now) };
        match refused {
            Some(OrderOutcome::Refused(refusal)) => return Some(refusal),
            // A member is on its way already.
            Some(_) => return Some(Refusal::HandingOver),
            None => {}
        }
        let refusal = self.give(index, Event::App(Some(code)), now);
        if refusal.is_none() {
            for other in others {
                self.order_of("an application of its set", other, &order, now);
            }
        }
        refusal
    }

    /// The members that an order to this one reaches as well: those that are not where they shall be.
    pub(super) fn members_to_order(&self, index: usize, target: Target) -> Vec<usize> {
        let members = self.members(index);
        let has_sets = |index: &usize| self.resources[*index].protocol.machine().peer.is_ours();
        if !members.iter().all(has_sets) {
            return vec![index];
        }
        let is_to_move = |other: &usize| {
            let serves = member(&self.resources[*other]).serves_here();
            *other == index || serves == (target == Target::OtherSide)
        };
        members.into_iter().filter(is_to_move).collect()
    }
}

fn member(resource: &ManagedResource) -> Member<'_> {
    Member {
        machine: resource.protocol.machine(),
        settings: resource.protocol.settings(),
        their_priority: resource.peer_priority,
    }
}
