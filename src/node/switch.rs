//! The last switch of one resource, as operators are told of it.

use std::time::Duration;

use schrittmacher_api::SwitchDirection;
use schrittmacher_protocol::{Cause, StateName, Time, Transition};
use schrittmacher_wire::PeerCode;

use crate::admin::snapshot::Switch;

/// How long an order is the cause of a hand-over by the peer: the longest release is not longer.
const ORDER_AGE: Duration = Duration::from_secs(60);

/// Remembers the last change of this node to or from hot, and what it began with.
#[derive(Debug, Default)]
pub struct SwitchMemory {
    last: Option<Switch>,
    /// When an operator ordered a takeover that has not begun.
    ordered: Option<Time>,
    /// Why this node began to go hot, until it is.
    going_hot: Option<String>,
}

impl SwitchMemory {
    /// The last switch, if there was one since the daemon's start.
    pub fn last(&self) -> Option<&Switch> {
        self.last.as_ref()
    }

    /// An operator has ordered a takeover. The peer's confirmation begins it, or its hand-over if the release took longer than
    /// the request was open.
    pub fn takeover_ordered(&mut self, now: Time) {
        self.ordered = Some(now);
    }

    /// Takes note of a change of state. `why` is the cause as a sentence.
    pub fn changed(&mut self, change: &Transition, why: &str, now: Time) {
        let (before, after) = (change.from, change.to);
        let is_recent = self.ordered.is_some_and(|at| now.since(at) < ORDER_AGE);
        let ordered = is_recent && matches!(change.cause, Cause::Peer(PeerCode::Tcnf | PeerCode::Fovr));
        let why = if ordered { "an operator ordered a takeover" } else { why };
        if !matches!(after, StateName::Standby | StateName::ToStandby) {
            self.ordered = None;
        }
        // Of the way to hot the first step counts: the last one is only the application's confirmation.
        let first = self.going_hot.take().unwrap_or_else(|| why.to_owned());
        let (direction, cause) = match (before, after) {
            (_, StateName::ToHot) => {
                self.going_hot = Some(first);
                return;
            }
            (StateName::Hot, after) if after != StateName::Hot => (SwitchDirection::Away, why.to_owned()),
            (before, StateName::Hot) if before != StateName::Hot => (SwitchDirection::Here, first),
            _ => return,
        };
        self.last = Some(Switch { at: now, direction, cause });
    }
}

#[cfg(test)]
mod tests {
    use schrittmacher_protocol::StateName::{Failed, Hot, Releasing, Standby, ToHot};
    use schrittmacher_protocol::{AppFailure, AppReport};

    use super::*;

    fn told(memory: &SwitchMemory) -> Option<(SwitchDirection, &str)> {
        memory.last().map(|switch| (switch.direction, switch.cause.as_str()))
    }

    fn change(memory: &mut SwitchMemory, from: StateName, to: StateName, cause: Cause, why: &str) {
        memory.changed(&Transition { cause, from, to }, why, Time::ZERO);
    }

    #[test]
    fn a_switch_is_told_by_what_it_began_with() {
        let mut memory = SwitchMemory::default();
        assert_eq!(told(&memory), None);
        change(&mut memory, Standby, ToHot, Cause::PeerSilent, "the peer is silent");
        assert_eq!(told(&memory), None, "not hot yet");
        change(&mut memory, ToHot, Hot, Cause::App(AppReport::Lhot), "the application is hot");
        assert_eq!(told(&memory), Some((SwitchDirection::Here, "the peer is silent")));
        change(&mut memory, Hot, Failed, Cause::AppFailed(AppFailure::Ended), "it died");
        assert_eq!(told(&memory), Some((SwitchDirection::Away, "it died")));
    }

    /// A release that takes longer than the request is open ends in a hand-over.
    #[test]
    fn an_order_is_the_cause_of_a_late_hand_over_and_an_old_one_is_not() {
        for (age, cause) in [(59, "an operator ordered a takeover"), (61, "the peer handed over")] {
            let mut memory = SwitchMemory::default();
            memory.takeover_ordered(Time::ZERO);
            let begins = Transition { cause: Cause::Peer(PeerCode::Fovr), from: Standby, to: ToHot };
            memory.changed(&begins, "the peer handed over", Time::new(Duration::from_secs(age)));
            change(&mut memory, ToHot, Hot, Cause::App(AppReport::Lhot), "the application is hot");
            assert_eq!(told(&memory), Some((SwitchDirection::Here, cause)));
        }
    }

    #[test]
    fn an_order_is_the_cause_and_not_the_peers_confirmation() {
        let mut memory = SwitchMemory::default();
        memory.takeover_ordered(Time::ZERO);
        change(&mut memory, Standby, ToHot, Cause::Peer(PeerCode::Tcnf), "the peer left the role");
        change(&mut memory, ToHot, Hot, Cause::App(AppReport::Lhot), "the application is hot");
        assert_eq!(told(&memory), Some((SwitchDirection::Here, "an operator ordered a takeover")));
        change(&mut memory, Hot, Releasing, Cause::Peer(PeerCode::Treq), "the peer asked");
        change(&mut memory, Releasing, Standby, Cause::Released, "released");
        assert_eq!(told(&memory), Some((SwitchDirection::Away, "the peer asked")));
    }
}
