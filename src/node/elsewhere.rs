//! `address-probe = wait`: a side that hears no peer does not go hot as long as another host has the address of the service.
//!
//! It asks shortly before the peer counts as silent, so that an address that nobody has costs no time. Until it knows, and as
//! long as another host answers, the resource is held as by [`super::hold`]: it keeps a service, and begins none. A takeover by
//! force ends that (`docs/adr/0044-address-probe.md`).

use std::time::Duration;

use log::{error, info};
use schrittmacher_protocol::{StateName, Time};

use super::Node;
use super::resource::ManagedResource;
use crate::commands::AddressTicket;

/// How long it counts that no host has answered, and the pause before the next question to one that has.
const FRESH: Duration = Duration::from_secs(1);

/// What is known of the address of a resource.
#[derive(Debug, Default)]
pub(super) enum Elsewhere {
    /// Nothing is asked: the peer is heard, or this side serves.
    #[default]
    Unasked,
    /// The neighbours are asked. `before`: what was known until now.
    Asked { ticket: AddressTicket, before: Before },
    /// At this time nobody had it.
    Free(Time),
    /// Another host has it, as a sentence. It is asked again at this time.
    Taken(String, Time),
    /// An operator does not want to wait.
    Overruled,
}

/// What was known before a question.
#[derive(Debug)]
pub(super) enum Before {
    Nothing,
    /// Nobody had it: that holds until the answer.
    Nobody,
    Holder(String),
}

impl Elsewhere {
    /// Whether the resource has to wait.
    pub fn holds(&self) -> bool {
        match self {
            Elsewhere::Asked { before: Before::Nothing | Before::Holder(_), .. } | Elsewhere::Taken(..) => {
                true
            }
            Elsewhere::Asked { before: Before::Nobody, .. }
            | Elsewhere::Unasked
            | Elsewhere::Free(_)
            | Elsewhere::Overruled => false,
        }
    }

    fn before(&mut self) -> Before {
        match std::mem::take(self) {
            Elsewhere::Taken(holder, _) | Elsewhere::Asked { before: Before::Holder(holder), .. } => {
                Before::Holder(holder)
            }
            Elsewhere::Free(_) | Elsewhere::Asked { before: Before::Nobody, .. } => Before::Nobody,
            Elsewhere::Asked { before: Before::Nothing, .. } | Elsewhere::Unasked | Elsewhere::Overruled => {
                Before::Nothing
            }
        }
    }

    /// An operator does not want to wait.
    pub fn overrule(&mut self) {
        if self.holds() {
            *self = Elsewhere::Overruled;
        }
    }

    /// Who has it.
    fn holder(&self) -> Option<&str> {
        match self {
            Elsewhere::Asked { before: Before::Holder(holder), .. } | Elsewhere::Taken(holder, _) => {
                Some(holder)
            }
            Elsewhere::Asked { .. } | Elsewhere::Unasked | Elsewhere::Free(_) | Elsewhere::Overruled => None,
        }
    }

    /// For people.
    fn trouble(&self) -> Option<String> {
        let holder = self.holder()?;
        Some(format!(
            "WAITS and serves nothing: {holder} (`address-probe = wait`); a takeover by force ends that"
        ))
    }
}

impl ManagedResource {
    /// Why it serves nothing: another host has its address. In words.
    pub(super) fn waits_for_address(&self) -> Option<String> {
        self.elsewhere.trouble().filter(|_| self.has_no_role())
    }

    /// Somebody else has its address on this host, or has it no more. Told where it prevents a switch to this side.
    pub(super) fn address_is_foreign(&mut self, holder: Option<String>) {
        if let Some(holder) = holder.as_ref().filter(|_| self.has_no_role()) {
            error!(
                target: &self.config.name,
                "{holder} here, and not from this daemon: this side could not take over; remove it there, or from the file"
            );
        }
        self.foreign = holder;
    }

    /// Why this side could not take over: it has the address already, from somebody else.
    pub(super) fn has_foreign_address(&self) -> Option<&str> {
        self.foreign.as_deref().filter(|_| self.has_no_role())
    }

    fn has_no_role(&self) -> bool {
        match self.protocol.machine().state.name() {
            StateName::Unknown | StateName::Standby | StateName::Failed => true,
            StateName::ToHot
            | StateName::Hot
            | StateName::Releasing
            | StateName::ToStandby
            | StateName::Leaving => false,
        }
    }

    /// When it is asked next whether another host has the address.
    pub(super) fn next_probe(&self) -> Option<Time> {
        self.config.shared.as_ref().filter(|shared| shared.waits && self.has_no_role())?;
        let machine = self.protocol.machine();
        match &self.elsewhere {
            // A peer that may be silent soon: one lost heartbeat is not enough.
            Elsewhere::Unasked if machine.peer.alive => {
                Some(machine.peer.heard + machine.peer.timeout(self.protocol.settings()).mul_f64(0.75))
            }
            Elsewhere::Unasked => Some(Time::ZERO),
            Elsewhere::Free(since) => Some(*since + FRESH),
            Elsewhere::Taken(_, again) => Some(*again),
            Elsewhere::Asked { .. } | Elsewhere::Overruled => None,
        }
    }
}

impl Node {
    /// Asks about the addresses for which it is time.
    pub(super) fn ask_addresses(&mut self, now: Time) {
        for index in self.probes.due(now) {
            let before = self.resources[index].elsewhere.before();
            self.resources[index].elsewhere = match self.executor.ask_address(index) {
                Some(ticket) => Elsewhere::Asked { ticket, before },
                // Then it cannot add the address either, and says so.
                None => Elsewhere::Free(now),
            };
            self.apply_hold_to(index, now);
        }
    }

    /// Takes the answer.
    pub(super) fn address_holder(
        &mut self,
        index: usize,
        ticket: AddressTicket,
        holder: Option<String>,
        now: Time,
    ) {
        let resource = &mut self.resources[index];
        let Elsewhere::Asked { ticket: asked, before } = &resource.elsewhere else { return };
        if *asked != ticket {
            return;
        }
        let name = &resource.config.name;
        // A side that has failed serves nothing in any case.
        let has_failed = resource.protocol.machine().state.name() == StateName::Failed;
        match (&holder, before) {
            (Some(holder), Before::Nothing | Before::Nobody) if !has_failed => error!(
                target: name,
                "the peer is not heard, and {holder}: this side waits as long as it does (`address-probe = wait`), so \
                 nothing may serve; to take over all the same: schrittmacherctl takeover {name} --force"
            ),
            (None, Before::Holder(_)) => {
                info!(target: name, "no other host has the address any more: this side may serve");
            }
            _ => {}
        }
        resource.elsewhere = match holder {
            Some(holder) => Elsewhere::Taken(holder, now + FRESH),
            None => Elsewhere::Free(now),
        };
        self.news.note(true);
        self.apply_hold_to(index, now);
    }

    /// The peer speaks: it decides again.
    pub(super) fn stop_asking(&mut self, index: usize, now: Time) {
        let resource = &mut self.resources[index];
        if !matches!(resource.elsewhere, Elsewhere::Unasked) {
            resource.elsewhere = Elsewhere::Unasked;
            self.apply_hold_to(index, now);
        }
    }
}
