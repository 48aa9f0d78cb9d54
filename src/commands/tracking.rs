//! Whether clients can reach this host by the interface of a resource's address, and for how long they cannot.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use schrittmacher_address::LinkState;
use schrittmacher_config::SharedAddress;
use schrittmacher_protocol::Time;

use crate::deadlines::Deadlines;

/// The interfaces that matter, and the resources that they matter to.
#[derive(Debug, Default)]
pub(super) struct Tracking {
    /// As they were reported last; one that was not reported yet counts as working.
    links: HashMap<String, LinkState>,
    resources: BTreeMap<usize, Tracked>,
    /// When the interruption of each counts.
    due: Deadlines,
}

#[derive(Debug)]
struct Tracked {
    interface: String,
    /// Links bounce: a shorter interruption does not count.
    delay: Duration,
    is_cut_off: bool,
}

/// A change that has lasted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TrackedChange {
    pub resource: usize,
    /// Why clients cannot reach it; `None`: they can again.
    pub cut_off: Option<String>,
}

impl Tracking {
    /// The resource is gone.
    pub fn forget(&mut self, resource: usize) {
        self.resources.remove(&resource);
        self.due.set(resource, None);
    }

    /// Takes the configuration of a resource. Returns what has changed by that alone.
    pub fn configure(
        &mut self,
        resource: usize,
        shared: Option<&SharedAddress>,
        now: Time,
    ) -> Option<TrackedChange> {
        let wanted = shared.and_then(|shared| Some((shared.interface.clone(), shared.track?)));
        let before = self.resources.remove(&resource);
        self.due.set(resource, None);
        let was_cut_off = before.is_some_and(|tracked| tracked.is_cut_off);
        let Some((interface, delay)) = wanted else {
            return was_cut_off.then_some(TrackedChange { resource, cut_off: None });
        };
        let tracked = Tracked { interface, delay, is_cut_off: was_cut_off };
        let state = self.links.get(&tracked.interface).copied();
        self.resources.insert(resource, tracked);
        self.look(resource, state.unwrap_or(LinkState::Up), now)
    }

    /// Takes the state of an interface.
    pub fn link(&mut self, interface: &str, state: LinkState, now: Time) -> Vec<TrackedChange> {
        self.links.insert(interface.to_owned(), state);
        let meant = self.resources.iter().filter(|(_, tracked)| tracked.interface == interface);
        let meant: Vec<usize> = meant.map(|(resource, _)| *resource).collect();
        meant.into_iter().filter_map(|resource| self.look(resource, state, now)).collect()
    }

    fn look(&mut self, resource: usize, state: LinkState, now: Time) -> Option<TrackedChange> {
        let tracked = self.resources.get_mut(&resource)?;
        if state != LinkState::Up {
            if !tracked.is_cut_off && self.due.get(resource).is_none() {
                self.due.set(resource, Some(now + tracked.delay));
            }
            return None;
        }
        self.due.set(resource, None);
        std::mem::take(&mut tracked.is_cut_off).then_some(TrackedChange { resource, cut_off: None })
    }

    /// The interruptions that have lasted for too long.
    pub fn due(&mut self, now: Time) -> Vec<TrackedChange> {
        let mut changes = Vec::new();
        for resource in self.due.due(now) {
            self.due.set(resource, None);
            let Some(tracked) = self.resources.get_mut(&resource) else { continue };
            tracked.is_cut_off = true;
            let state = self.links.get(&tracked.interface).copied().unwrap_or(LinkState::Up);
            let cut_off = Some(format!("interface {} {state}", tracked.interface));
            changes.push(TrackedChange { resource, cut_off });
        }
        changes
    }

    pub fn next_deadline(&self) -> Option<Time> {
        self.due.first()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DELAY: Duration = Duration::from_millis(100);

    fn at(ms: u64) -> Time {
        Time::new(Duration::from_millis(ms))
    }

    fn on(interface: &str, track: Option<Duration>) -> SharedAddress {
        SharedAddress { track, ..SharedAddress::new(interface, vec![]) }
    }

    fn cut_off(resource: usize, why: &str) -> TrackedChange {
        TrackedChange { resource, cut_off: Some(why.to_owned()) }
    }

    #[test]
    fn a_removed_resource_is_not_tracked_and_begins_anew_when_it_is_taken_up_again() {
        let mut tracking = Tracking::default();
        let shared = on("eth0", Some(DELAY));
        for is_cut_off in [false, true] {
            tracking.configure(0, Some(&shared), at(0));
            tracking.link("eth0", LinkState::NoCarrier, at(0));
            if is_cut_off {
                assert_eq!(tracking.due(at(100)).len(), 1);
            }
            tracking.forget(0);
            assert_eq!((tracking.due(at(1000)), tracking.next_deadline()), (vec![], None));
            assert_eq!(tracking.configure(0, Some(&shared), at(2000)), None, "it has no past");
            assert_eq!(
                tracking.due(at(2100)),
                [cut_off(0, "interface eth0 has no carrier")],
                "but the link is down"
            );
            tracking.forget(0);
            assert_eq!(tracking.link("eth0", LinkState::Up, at(3000)), []);
        }
    }

    #[test]
    fn an_interruption_counts_when_it_lasts_and_its_end_at_once() {
        let mut tracking = Tracking::default();
        for (resource, shared) in [(0, on("eth0", Some(DELAY))), (1, on("eth1", Some(DELAY)))] {
            assert_eq!(tracking.configure(resource, Some(&shared), at(0)), None);
        }
        assert_eq!(tracking.configure(2, Some(&on("eth0", None)), at(0)), None, "`track-interface = no`");
        assert_eq!(tracking.link("eth0", LinkState::NoCarrier, at(1000)), []);
        assert_eq!(tracking.link("eth0", LinkState::Down, at(1050)), [], "it goes on");
        assert_eq!(tracking.next_deadline(), Some(at(1100)));
        assert_eq!(tracking.due(at(1099)), []);
        assert_eq!(tracking.link("eth0", LinkState::Up, at(1099)), [], "it was short");
        assert_eq!(tracking.due(at(2000)), []);

        tracking.link("eth0", LinkState::NoCarrier, at(3000));
        assert_eq!(tracking.due(at(3100)), [cut_off(0, "interface eth0 has no carrier")]);
        assert_eq!((tracking.due(at(9000)), tracking.next_deadline()), (vec![], None), "told once");
        let back = TrackedChange { resource: 0, cut_off: None };
        assert_eq!(tracking.link("eth0", LinkState::Up, at(9000)), std::slice::from_ref(&back));
        assert_eq!(tracking.link("eth0", LinkState::Up, at(9001)), []);

        tracking.link("eth0", LinkState::Missing, at(10_000));
        assert_eq!(tracking.due(at(10_100)), [cut_off(0, "interface eth0 is missing")]);
        assert_eq!(
            tracking.configure(0, Some(&on("eth0", None)), at(10_200)),
            Some(back.clone()),
            "a reload"
        );
        tracking.configure(0, Some(&on("eth0", Some(DELAY))), at(10_300));
        assert_eq!(tracking.due(at(10_400)), [cut_off(0, "interface eth0 is missing")]);
        assert_eq!(tracking.configure(0, Some(&on("eth1", Some(DELAY))), at(10_500)), Some(back));
    }
}
