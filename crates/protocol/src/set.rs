//! Sets: resources that share fate. Their members are hot on one side together (edge-24).
//!
//! Each member has its own machine, and the two machines of a member agree as ever. Beside them this function looks at
//! all members of one side and says what they have to do for each other's sake. It decides from the states here and the
//! words of the peer alone. So the other side, which does the same, comes to the opposite result.
//!
//! | situation | here |
//! |---|---|
//! | the set is on both sides, and one of them lacks a member | the side that lacks one hands over what it has |
//! | it is on both sides for no such reason, and nothing moves | the side of lower priority hands over, unless a release fails; then the one without the first member |
//! | the other side serves, and this one lacks a member | no member takes the role by itself: the set stays where it is |
//! | the other side lacks a member | no member leaves this side for a fault that the other side does not mend |
//!
//! A member that fails moves first, as any resource does. The others follow it, so nothing is handed to a side that
//! does not take it.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use crate::event::Event;
use crate::machine::Machine;
use crate::peer::Said;
use crate::state::State;
use crate::{Settings, Time};

/// A split that no fault explains lasts for this many heartbeats before it is ended: a hand-over may be under way.
const PATIENCE: u32 = 3;

/// One member, as this side sees it.
#[derive(Clone, Copy, Debug)]
pub struct Member<'a> {
    pub machine: &'a Machine,
    pub settings: &'a Settings,
    /// The priority that the peer last named.
    pub their_priority: i32,
}

/// The demands of the other members on each member of a set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Bond {
    /// The other side serves, and the set is not whole here: no member takes the role by itself.
    pub waits: bool,
    /// The set is not whole on the other side: it is not left to that one.
    pub other_side_lacks: bool,
}

/// The result for all members of one side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Guidance {
    /// For each member.
    pub bond: Bond,
    /// Each member that has the role hands it over.
    pub hands_over: bool,
    /// Even if the address cannot be released: the set is not whole here. An application that does not stop stays here.
    pub force: bool,
}

impl Guidance {
    /// What this member has to be told.
    pub fn orders(self, member: &Member<'_>) -> impl Iterator<Item = Event> + use<> {
        let bond = Some(self.bond);
        let is_news = member.machine.bond != bond;
        let follows = self.hands_over && member.serves_here();
        [is_news.then_some(Event::Bond(bond)), follows.then_some(Event::Follow { force: self.force })]
            .into_iter()
            .flatten()
    }
}

/// What the members of a set have to do for each other's sake. They come in an order that is the same on both sides.
/// Beside a peer that is not heard, or is not one of ours, each goes its own way.
pub fn guide(members: &[Member<'_>], now: Time) -> Guidance {
    if !members.iter().all(Member::is_paired) {
        return Guidance::default();
    }
    let lacks_here = members.iter().any(Member::lacks_here);
    let lacks_there = members.iter().any(Member::lacks_there);
    let serves_here = members.iter().any(Member::serves_here);
    let serves_there = members.iter().any(Member::serves_there);
    let bond = Bond { waits: lacks_here && serves_there, other_side_lacks: lacks_there };
    let is_frozen = members.iter().any(|member| member.machine.frozen);
    let is_settled = || members.iter().all(|member| member.is_settled(now));
    let yields = match (lacks_here, lacks_there) {
        (true, false) => members.iter().all(|member| member.is_ready_there() && member.may_move(now)),
        (false, true) => false,
        (true, true) | (false, false) => is_settled() && !stays_here(members),
    };
    let hands_over = serves_here && serves_there && !is_frozen && yields;
    Guidance { bond, hands_over, force: lacks_here && !lacks_there }
}

/// Whether a set that is on both sides stays on this one.
fn stays_here(members: &[Member<'_>]) -> bool {
    let by_priority =
        members.first().map_or(Ordering::Equal, |one| one.settings.priority.cmp(&one.their_priority));
    match by_priority {
        Ordering::Greater => true,
        Ordering::Less => false,
        Ordering::Equal => members
            .iter()
            .find(|one| one.serves_here() || one.serves_there())
            .is_some_and(Member::serves_here),
    }
}

impl Member<'_> {
    /// The peer is one of ours and takes part, and so does this side.
    fn is_paired(&self) -> bool {
        let peer = &self.machine.peer;
        peer.alive && peer.is_ours() && !peer.leaving && !self.machine.is_ending()
    }

    /// It cannot serve on this side. A held one starts nothing.
    pub fn lacks_here(&self) -> bool {
        let has_role = self.serves_here() || matches!(self.machine.state, State::Releasing(_));
        let is_held = self.settings.held && !has_role;
        matches!(self.machine.state, State::Failed { .. }) || self.machine.cut_off || is_held
    }

    /// It cannot serve on the other side.
    pub fn lacks_there(&self) -> bool {
        let peer = &self.machine.peer;
        peer.said == Said::Fail || peer.cut_off || peer.held
    }

    /// This side has the role.
    pub fn serves_here(&self) -> bool {
        matches!(self.machine.state, State::Hot { .. } | State::ToHot { .. })
    }

    fn serves_there(&self) -> bool {
        self.machine.peer.claims()
    }

    fn is_ready_there(&self) -> bool {
        matches!(self.machine.peer.said, Said::Hot | Said::ToHot | Said::Standby)
    }

    /// One side serves, or has failed, and has done so for some time. Neither is on its way.
    fn is_settled(&self, now: Time) -> bool {
        let Member { machine, settings, .. } = *self;
        let patience = machine.peer.beat(settings).saturating_mul(PATIENCE);
        let here = matches!(machine.state, State::Hot { .. } | State::Standby { .. } | State::Failed { .. });
        let there = matches!(machine.peer.said, Said::Hot | Said::Standby | Said::Fail);
        let is_conflict = self.serves_here() && self.serves_there();
        let rests = now.since(machine.since) >= patience && self.may_move(now);
        here && there && rests && !is_conflict && !machine.peer.hands_over
    }

    /// What could not be released a while ago is not tried at each turn.
    fn may_move(&self, now: Time) -> bool {
        let undone = self.machine.setbacks.reject_until;
        undone == Time::ZERO || now >= undone + self.settings.hold_back_max
    }
}
