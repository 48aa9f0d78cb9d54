//! The last switch of one resource, as operators are told of it, and how long planned ones take.

use std::time::Duration;

use schrittmacher_api::SwitchDirection;
use schrittmacher_protocol::{Cause, Orderer, StateName, Time, Transition};
use schrittmacher_wire::PeerCode;

use crate::admin::Target;
use crate::admin::snapshot::{PlannedTimes, Switch};

/// How long an order is the cause of a hand-over by the peer: the longest release is not longer.
const ORDER_AGE: Duration = Duration::from_secs(60);

/// Remembers the last change of this node to or from hot, and what it began with. Of thousands of resources few have all of it.
#[derive(Debug, Default)]
pub struct SwitchMemory {
    last: Option<Box<Switch>>,
    planned: PlannedTimes,
    /// An order that may not have begun.
    order: Option<Box<Order>>,
    /// What this node began to go hot with, until it is.
    going_hot: Option<Box<Beginning>>,
    /// When this side began to release the service.
    releasing: Option<Time>,
    /// This process had stood still when the last switch came: it does not know how long no side was hot.
    has_lost_time: bool,
}

/// An operator's order.
#[derive(Debug)]
struct Order {
    at: Time,
    target: Target,
    by: String,
}

/// The first step of a switch.
#[derive(Debug)]
struct Beginning {
    cause: String,
    by: Option<String>,
    is_planned: bool,
}

impl SwitchMemory {
    /// The last switch, if there was one since the daemon's start.
    pub fn last(&self) -> Option<&Switch> {
        self.last.as_deref()
    }

    /// How long planned switches took.
    pub fn planned(&self) -> PlannedTimes {
        self.planned
    }

    /// An operator gives an order. A failover begins at once. With a takeover the peer's confirmation begins it, or its hand-over
    /// if the release took longer than the request was open.
    pub fn ordered(&mut self, target: Target, by: &str, now: Time) {
        self.order = Some(Box::new(Order { at: now, target, by: by.to_owned() }));
    }

    /// That order is refused.
    pub fn refused(&mut self) {
        self.order = None;
    }

    /// Takes note of a change of state. `why` is the cause as a sentence.
    pub fn changed(&mut self, change: &Transition, why: &str, now: Time) {
        let (before, after) = (change.from, change.to);
        match (before, after) {
            (_, StateName::Releasing) => self.releasing = Some(now),
            (StateName::Releasing, _) => {
                self.planned.release = self.releasing.take().map(|since| now.since(since));
            }
            (_, _) => {}
        }
        let step = self.beginning(change.cause, why, now);
        if !matches!(after, StateName::Standby | StateName::ToStandby) {
            self.order = None;
        }
        // Of the way to hot the first step counts: the last one is only the application's confirmation.
        let (direction, Beginning { cause, by, is_planned }) = match (before, after) {
            (_, StateName::ToHot) => {
                if self.going_hot.is_none() {
                    self.going_hot = Some(Box::new(step));
                }
                return;
            }
            (StateName::Hot, after) if after != StateName::Hot => {
                self.going_hot = None;
                (SwitchDirection::Away, step)
            }
            (before, StateName::Hot) if before != StateName::Hot => {
                (SwitchDirection::Here, self.going_hot.take().map_or(step, |began| *began))
            }
            _ => {
                self.going_hot = None;
                return;
            }
        };
        self.has_lost_time = change.cause == Cause::Resumed;
        self.last = Some(Box::new(Switch { at: now, direction, cause, by, is_planned, outage: None }));
    }

    /// A side is hot again, after none was for this time. Returns whether that was a planned switch; `None` if this side was away
    /// meanwhile.
    pub fn outage(&mut self, lasted: Duration, now: Time) -> Option<bool> {
        // An outage that began and ended on the other side is not the last switch's.
        let Some(last) = self.last.as_mut().filter(|last| now.since(last.at) <= lasted) else {
            return Some(false);
        };
        if self.has_lost_time {
            return None;
        }
        last.outage = Some(lasted);
        if last.is_planned {
            match last.direction {
                SwitchDirection::Here => self.planned.here = Some(lasted),
                SwitchDirection::Away => self.planned.away = Some(lasted),
            }
        }
        Some(last.is_planned)
    }

    fn beginning(&self, cause: Cause, why: &str, now: Time) -> Beginning {
        let order = self.order.as_deref().filter(|order| now.since(order.at) < ORDER_AGE);
        let (why, by) = match (cause, order) {
            (
                Cause::Peer(PeerCode::Tcnf | PeerCode::Fovr),
                Some(Order { target: Target::ThisSide, by, .. }),
            ) => ("an operator ordered a takeover", Some(by)),
            (
                Cause::Failover { by: Orderer::Operator, .. } | Cause::Takeover { by: Orderer::Operator },
                Some(order),
            ) => (why, Some(&order.by)),
            (_, _) => (why, None),
        };
        Beginning { cause: why.to_owned(), by: by.cloned(), is_planned: is_planned(cause) }
    }
}

/// The service was handed over in order, and nothing had failed.
fn is_planned(cause: Cause) -> bool {
    match cause {
        Cause::Failover { .. }
        | Cause::Takeover { .. }
        | Cause::Shutdown
        | Cause::Peer(PeerCode::Fovr | PeerCode::Tcnf | PeerCode::Treq) => true,
        Cause::Peer(_)
        | Cause::App(_)
        | Cause::Tick
        | Cause::AppSilent
        | Cause::PeerSilent
        | Cause::AppFailed(_)
        | Cause::Released
        | Cause::Resumed
        | Cause::StartBegan
        | Cause::ActivateFailed
        | Cause::CutOff
        | Cause::NoMajority
        | Cause::Isolated
        | Cause::Reconnected => false,
    }
}

#[cfg(test)]
mod tests {
    use schrittmacher_protocol::StateName::{Failed, Hot, Releasing, Standby, ToHot};
    use schrittmacher_protocol::{AppFailure, AppReport};

    use super::*;

    const HOT: Cause = Cause::App(AppReport::Lhot);

    fn told(memory: &SwitchMemory) -> Option<(SwitchDirection, &str)> {
        memory.last().map(|switch| (switch.direction, switch.cause.as_str()))
    }

    fn at(ms: u64) -> Time {
        Time::new(Duration::from_millis(ms))
    }

    fn change(memory: &mut SwitchMemory, from: StateName, to: StateName, cause: Cause, why: &str) {
        change_at(memory, 0, from, to, cause, why);
    }

    fn change_at(
        memory: &mut SwitchMemory,
        ms: u64,
        from: StateName,
        to: StateName,
        cause: Cause,
        why: &str,
    ) {
        memory.changed(&Transition { cause, from, to }, why, at(ms));
    }

    #[test]
    fn a_switch_is_told_by_what_it_began_with() {
        let mut memory = SwitchMemory::default();
        assert_eq!(told(&memory), None);
        change(&mut memory, Standby, ToHot, Cause::PeerSilent, "the peer is silent");
        assert_eq!(told(&memory), None, "not hot yet");
        change(&mut memory, ToHot, Hot, HOT, "the application is hot");
        assert_eq!(told(&memory), Some((SwitchDirection::Here, "the peer is silent")));
        change(&mut memory, Hot, Failed, Cause::AppFailed(AppFailure::Ended), "it died");
        assert_eq!(told(&memory), Some((SwitchDirection::Away, "it died")));
    }

    /// A release that takes longer than the request is open ends in a hand-over.
    #[test]
    fn an_order_is_the_cause_of_a_late_hand_over_and_an_old_one_is_not() {
        for (age, cause) in [(59, "an operator ordered a takeover"), (61, "the peer handed over")] {
            let mut memory = SwitchMemory::default();
            memory.ordered(Target::ThisSide, "root", Time::ZERO);
            let begins = Transition { cause: Cause::Peer(PeerCode::Fovr), from: Standby, to: ToHot };
            memory.changed(&begins, "the peer handed over", at(age * 1000));
            change(&mut memory, ToHot, Hot, HOT, "the application is hot");
            assert_eq!(told(&memory), Some((SwitchDirection::Here, cause)));
        }
    }

    #[test]
    fn an_order_is_the_cause_and_not_the_peers_confirmation() {
        let mut memory = SwitchMemory::default();
        memory.ordered(Target::ThisSide, "root", Time::ZERO);
        change(&mut memory, Standby, ToHot, Cause::Peer(PeerCode::Tcnf), "the peer left the role");
        change(&mut memory, ToHot, Hot, HOT, "the application is hot");
        assert_eq!(told(&memory), Some((SwitchDirection::Here, "an operator ordered a takeover")));
        assert_eq!(memory.last().unwrap().by.as_deref(), Some("root"));
        change(&mut memory, Hot, Releasing, Cause::Peer(PeerCode::Treq), "the peer asked");
        change(&mut memory, Releasing, Standby, Cause::Released, "released");
        assert_eq!(told(&memory), Some((SwitchDirection::Away, "the peer asked")));
        assert_eq!(memory.last().unwrap().by, None, "the order was another one's");
    }

    #[test]
    fn a_refused_order_is_no_cause_of_what_comes_later() {
        let mut memory = SwitchMemory::default();
        memory.ordered(Target::ThisSide, "root", Time::ZERO);
        memory.refused();
        change(&mut memory, Standby, ToHot, Cause::Peer(PeerCode::Fovr), "the peer handed over");
        change(&mut memory, ToHot, Hot, HOT, "the application is hot");
        assert_eq!(told(&memory), Some((SwitchDirection::Here, "the peer handed over")));
        assert_eq!(memory.last().unwrap().by, None);
    }

    #[test]
    fn a_planned_switch_says_what_the_next_one_will_take_and_a_failure_does_not() {
        let mut memory = SwitchMemory::default();
        let ordered = Cause::Failover { by: Orderer::Operator, force: false };
        memory.ordered(Target::OtherSide, "root", at(1000));
        change_at(&mut memory, 1000, Hot, Releasing, ordered, "an operator ordered a failover");
        change_at(&mut memory, 1300, Releasing, Standby, Cause::Released, "released");
        assert_eq!(memory.last().unwrap().outage, None, "it is not over");
        assert_eq!(memory.outage(Duration::from_millis(400), at(1400)), Some(true));
        let times = PlannedTimes {
            release: Some(Duration::from_millis(300)),
            away: Some(Duration::from_millis(400)),
            here: None,
        };
        assert_eq!(memory.planned(), times);
        let last = memory.last().unwrap();
        assert_eq!((last.by.as_deref(), last.outage), (Some("root"), times.away));

        // The other side ends and comes back, and this one does nothing.
        assert_eq!(memory.outage(Duration::from_secs(1), at(9000)), Some(false));
        assert_eq!(memory.last().unwrap().outage, times.away);

        change_at(&mut memory, 10_000, Standby, ToHot, Cause::PeerSilent, "the peer is silent");
        change_at(&mut memory, 12_000, ToHot, Hot, HOT, "the application is hot");
        assert_eq!(memory.outage(Duration::from_secs(2), at(12_000)), Some(false));
        assert_eq!(memory.last().unwrap().outage, Some(Duration::from_secs(2)));
        assert_eq!(memory.planned(), times);
    }

    #[test]
    fn a_side_that_stood_still_does_not_say_how_long_no_side_was_hot() {
        let mut memory = SwitchMemory::default();
        change_at(&mut memory, 9000, Hot, Standby, Cause::Resumed, "this process was stopped");
        assert_eq!(memory.outage(Duration::ZERO, at(9000)), None);
        assert_eq!(memory.last().unwrap().outage, None);
    }
}
