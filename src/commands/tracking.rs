//! Whether clients can reach this host by the interface of a resource's address, and for how long they cannot.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::time::Duration;

use schrittmacher_address::LinkState;
use schrittmacher_config::{SharedAddress, Track};
use schrittmacher_protocol::Time;

use crate::deadlines::Deadlines;

/// A link that was interrupted this short a time ago bounces: it is waited for.
const STEADY: Duration = Duration::from_secs(60);

/// The interfaces that matter, and the resources that they matter to.
#[derive(Debug, Default)]
pub(super) struct Tracking {
    /// As they were reported last; one that was not reported yet counts as working.
    links: HashMap<String, ReportedLink>,
    resources: BTreeMap<usize, Tracked>,
    /// When the interruption of each counts.
    due: Deadlines,
}

#[derive(Debug)]
struct ReportedLink {
    state: LinkState,
    /// The ends of the peer link on another cable, with a connection.
    ways: Vec<IpAddr>,
}

#[derive(Debug)]
struct Tracked {
    interface: String,
    /// Links bounce: a shorter interruption does not count.
    track: Track,
    is_cut_off: bool,
    /// The last change to or from an interruption.
    interrupted: Option<Time>,
}

/// An interruption that counts, where `track-delay` is not written.
#[derive(Debug, PartialEq, Eq)]
pub struct Interruption<'a> {
    pub began: Time,
    /// The ends of the peer link that have a connection now.
    pub ways: &'a [IpAddr],
}

/// A change that matters to a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TrackedChange {
    /// An interruption begins, and `track-delay` is not written. It counts later, unless it is found that it should be sooner.
    Interrupted {
        resource: usize,
        /// The ends of the peer link that still have a connection.
        ways: Vec<IpAddr>,
        /// It has worked for some time before.
        was_steady: bool,
    },
    /// An interruption has lasted: clients cannot reach this host, for this reason.
    CutOff { resource: usize, why: String },
    /// The reason has changed.
    StillCutOff { resource: usize, why: String },
    /// They can again.
    Reconnected { resource: usize },
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
        let is_same = |tracked: &Tracked| {
            wanted
                .as_ref()
                .is_some_and(|(interface, track)| (interface, track) == (&tracked.interface, &tracked.track))
        };
        // An interruption goes on as it has begun.
        if !before.as_ref().is_some_and(is_same) {
            self.due.set(resource, None);
        }
        let was_cut_off = before.as_ref().is_some_and(|tracked| tracked.is_cut_off);
        let Some((interface, track)) = wanted else {
            return was_cut_off.then_some(TrackedChange::Reconnected { resource });
        };
        let interrupted = before.and_then(|tracked| tracked.interrupted);
        let tracked = Tracked { interface, track, is_cut_off: was_cut_off, interrupted };
        let state = state(&self.links, &tracked.interface);
        self.resources.insert(resource, tracked);
        // A reload and a start are no moment for haste.
        let change = self.look(resource, state, &[], now);
        change.filter(|change| !matches!(change, TrackedChange::Interrupted { .. }))
    }

    /// Takes the state of an interface, and the ends of the peer link that still have a connection.
    pub fn link(
        &mut self,
        interface: &str,
        state: LinkState,
        ways: &[IpAddr],
        now: Time,
    ) -> Vec<TrackedChange> {
        let before = self.links.insert(interface.to_owned(), ReportedLink { state, ways: ways.to_vec() });
        // Each resource of a configuration has it reported.
        if before.is_some_and(|before| before.state == state && before.ways == ways) {
            return Vec::new();
        }
        let meant = self.resources.iter().filter(|(_, tracked)| tracked.interface == interface);
        let meant: Vec<usize> = meant.map(|(resource, _)| *resource).collect();
        meant.into_iter().filter_map(|resource| self.look(resource, state, ways, now)).collect()
    }

    fn look(
        &mut self,
        resource: usize,
        state: LinkState,
        ways: &[IpAddr],
        now: Time,
    ) -> Option<TrackedChange> {
        let tracked = self.resources.get_mut(&resource)?;
        if state == LinkState::Up {
            if tracked.is_cut_off || self.due.get(resource).is_some() {
                tracked.interrupted = Some(now);
            }
            self.due.set(resource, None);
            return std::mem::take(&mut tracked.is_cut_off)
                .then_some(TrackedChange::Reconnected { resource });
        }
        if tracked.is_cut_off {
            return Some(TrackedChange::StillCutOff { resource, why: why(&tracked.interface, state) });
        }
        if self.due.get(resource).is_some() {
            return None;
        }
        self.due.set(resource, Some(now + tracked.track.delay));
        let before = tracked.interrupted.replace(now);
        let was_steady = before.is_none_or(|before| now.since(before) >= STEADY);
        let interrupted = TrackedChange::Interrupted { resource, ways: ways.to_vec(), was_steady };
        tracked.track.is_default.then_some(interrupted)
    }

    /// The interruption that has begun counts at this time, if it goes on.
    pub fn set_due(&mut self, resource: usize, at: Time) {
        if self.due.get(resource).is_some() {
            self.due.set(resource, Some(at));
        }
    }

    /// The interruption of a resource that has just become [`TrackedChange::CutOff`], if it may be waited for.
    pub fn interruption(&self, resource: usize) -> Option<Interruption<'_>> {
        let tracked =
            self.resources.get(&resource).filter(|tracked| tracked.is_cut_off && tracked.track.is_default)?;
        let ways = self.links.get(&tracked.interface).map_or(&[][..], |link| &link.ways);
        Some(Interruption { began: tracked.interrupted?, ways })
    }

    /// What has just become [`TrackedChange::CutOff`] does not count before this time, if it goes on.
    pub fn put_off(&mut self, resource: usize, until: Time) {
        let Some(tracked) = self.resources.get_mut(&resource) else { return };
        if std::mem::take(&mut tracked.is_cut_off) {
            self.due.set(resource, Some(until));
        }
    }

    /// The interface of a resource was missing when its address was wanted there: no delay is waited for, and nothing else.
    pub fn lacks_interface(&mut self, resource: usize) -> Option<TrackedChange> {
        let tracked = self.resources.get_mut(&resource).filter(|tracked| !tracked.is_cut_off)?;
        self.due.set(resource, None);
        tracked.is_cut_off = true;
        tracked.interrupted = None;
        Some(TrackedChange::CutOff { resource, why: why(&tracked.interface, LinkState::Missing) })
    }

    /// The interruptions that have lasted for too long.
    pub fn due(&mut self, now: Time) -> Vec<TrackedChange> {
        let mut changes = Vec::new();
        for resource in self.due.due(now) {
            self.due.set(resource, None);
            let Some(tracked) = self.resources.get_mut(&resource) else { continue };
            tracked.is_cut_off = true;
            let why = why(&tracked.interface, state(&self.links, &tracked.interface));
            changes.push(TrackedChange::CutOff { resource, why });
        }
        changes
    }

    pub fn next_deadline(&self) -> Option<Time> {
        self.due.first()
    }
}

/// As it was reported last; before that it counts as working.
fn state(links: &HashMap<String, ReportedLink>, interface: &str) -> LinkState {
    links.get(interface).map_or(LinkState::Up, |link| link.state)
}

fn why(interface: &str, state: LinkState) -> String {
    format!("interface {interface} {state}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const DELAY: Duration = Duration::from_millis(100);

    fn at(ms: u64) -> Time {
        Time::new(Duration::from_millis(ms))
    }

    fn on(interface: &str, track: Option<Duration>) -> SharedAddress {
        let track = track.map(|delay| Track { delay, is_default: false });
        SharedAddress { track, ..SharedAddress::new(interface, vec![]) }
    }

    fn cut_off(resource: usize, why: &str) -> TrackedChange {
        TrackedChange::CutOff { resource, why: why.to_owned() }
    }

    #[test]
    fn a_removed_resource_is_not_tracked_and_begins_anew_when_it_is_taken_up_again() {
        let mut tracking = Tracking::default();
        let shared = on("eth0", Some(DELAY));
        for is_cut_off in [false, true] {
            tracking.configure(0, Some(&shared), at(0));
            tracking.link("eth0", LinkState::NoCarrier, &[], at(0));
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
            assert_eq!(tracking.link("eth0", LinkState::Up, &[], at(3000)), []);
        }
    }

    #[test]
    fn an_interruption_counts_when_it_lasts_and_its_end_at_once() {
        let mut tracking = Tracking::default();
        for (resource, shared) in [(0, on("eth0", Some(DELAY))), (1, on("eth1", Some(DELAY)))] {
            assert_eq!(tracking.configure(resource, Some(&shared), at(0)), None);
        }
        assert_eq!(tracking.configure(2, Some(&on("eth0", None)), at(0)), None, "`track-interface = no`");
        assert_eq!(tracking.link("eth0", LinkState::NoCarrier, &[], at(1000)), []);
        assert_eq!(tracking.link("eth0", LinkState::Down, &[], at(1050)), [], "it goes on");
        assert_eq!(tracking.next_deadline(), Some(at(1100)));
        assert_eq!(tracking.due(at(1099)), []);
        assert_eq!(tracking.link("eth0", LinkState::Up, &[], at(1099)), [], "it was short");
        assert_eq!(tracking.due(at(2000)), []);

        tracking.link("eth0", LinkState::NoCarrier, &[], at(3000));
        assert_eq!(tracking.due(at(3100)), [cut_off(0, "interface eth0 has no carrier")]);
        assert_eq!((tracking.due(at(9000)), tracking.next_deadline()), (vec![], None), "told once");
        let back = TrackedChange::Reconnected { resource: 0 };
        assert_eq!(tracking.link("eth0", LinkState::Up, &[], at(9000)), std::slice::from_ref(&back));
        assert_eq!(tracking.link("eth0", LinkState::Up, &[], at(9001)), []);

        tracking.link("eth0", LinkState::Missing, &[], at(10_000));
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

    /// Without the key somebody else decides; who has decided for longer, or for less, is obeyed.
    #[test]
    fn an_interruption_of_a_link_that_was_steady_may_count_sooner() {
        let way = IpAddr::from([10, 9, 0, 1]);
        let interrupted = |ways: &[IpAddr], was_steady| {
            [TrackedChange::Interrupted { resource: 0, ways: ways.to_vec(), was_steady }]
        };
        let mut tracking = Tracking::default();
        assert_eq!(tracking.configure(0, Some(&by_default()), at(0)), None);
        assert_eq!(tracking.link("eth0", LinkState::NoCarrier, &[way], at(1000)), interrupted(&[way], true));
        assert_eq!(tracking.next_deadline(), Some(at(1100)));
        tracking.set_due(0, at(1003));
        assert_eq!(tracking.due(at(1003)), [cut_off(0, "interface eth0 has no carrier")]);
        tracking.set_due(0, at(1004));
        assert_eq!(tracking.next_deadline(), None, "it counts already");
        tracking.link("eth0", LinkState::Up, &[way], at(2000));
        tracking.set_due(0, at(2000));
        assert_eq!(tracking.next_deadline(), None, "it is over");
        assert_eq!(tracking.link("eth0", LinkState::Down, &[], at(60_999)), interrupted(&[], false));
        tracking.link("eth0", LinkState::Up, &[], at(61_000));
        assert_eq!(tracking.link("eth0", LinkState::Down, &[], at(121_000)), interrupted(&[], true));
    }

    fn by_default() -> SharedAddress {
        SharedAddress {
            track: Some(Track { delay: DELAY, is_default: true }),
            ..SharedAddress::new("eth0", vec![])
        }
    }

    /// How long it is waited for was decided once, and another cable that came back meanwhile changed nothing.
    #[test]
    fn an_interruption_that_counts_may_be_put_off_and_what_is_known_of_other_cables_is_new() {
        let mut tracking = Tracking::default();
        tracking.configure(0, Some(&by_default()), at(0));
        tracking.link("eth0", LinkState::NoCarrier, &[], at(1000));
        assert_eq!(tracking.interruption(0), None, "it does not count yet");
        let counts = [cut_off(0, "interface eth0 has no carrier")];
        assert_eq!(tracking.due(at(1100)), counts);
        assert_eq!(tracking.interruption(0), Some(Interruption { began: at(1000), ways: &[] }));
        tracking.put_off(0, at(1200));
        assert_eq!((tracking.interruption(0), tracking.next_deadline()), (None, Some(at(1200))));
        let way = IpAddr::from([10, 9, 0, 1]);
        assert_eq!(tracking.link("eth0", LinkState::NoCarrier, &[way], at(1150)), [], "it goes on");
        assert_eq!(tracking.due(at(1200)), counts);
        assert_eq!(tracking.interruption(0), Some(Interruption { began: at(1000), ways: &[way] }));

        tracking.put_off(0, at(1300));
        assert_eq!(tracking.link("eth0", LinkState::Up, &[way], at(1250)), [], "nobody was told");
        assert_eq!((tracking.due(at(1300)), tracking.next_deadline()), (vec![], None));
        tracking.put_off(0, at(1400));
        assert_eq!(tracking.next_deadline(), None, "it is over");

        tracking.configure(0, Some(&on("eth0", Some(DELAY))), at(2000));
        tracking.link("eth0", LinkState::NoCarrier, &[], at(2000));
        assert_eq!(
            (tracking.due(at(2100)), tracking.interruption(0)),
            (counts.to_vec(), None),
            "the key counts"
        );
    }

    /// A reload made a heartbeat out of a long wait, and could do so to a short one.
    #[test]
    fn an_interruption_goes_on_over_a_reload_that_changes_nothing_of_it() {
        let mut tracking = Tracking::default();
        tracking.configure(0, Some(&by_default()), at(0));
        tracking.link("eth0", LinkState::NoCarrier, &[], at(1000));
        tracking.due(at(1100));
        tracking.put_off(0, at(1500));
        assert_eq!(tracking.configure(0, Some(&by_default()), at(1450)), None);
        assert_eq!(tracking.next_deadline(), Some(at(1500)));
        tracking.due(at(1500));
        assert_eq!(tracking.interruption(0), Some(Interruption { began: at(1000), ways: &[] }));

        tracking.put_off(0, at(1600));
        tracking.configure(0, Some(&on("eth1", Some(DELAY))), at(1550));
        assert_eq!(tracking.next_deadline(), None, "another interface works");
    }

    /// A side whose address could not be added was held back for minutes, also when the interface was back.
    #[test]
    fn an_interface_that_is_missing_when_it_is_needed_counts_at_once_until_it_is_back() {
        let mut tracking = Tracking::default();
        let shared =
            SharedAddress { track: Some(Track { delay: DELAY, is_default: true }), ..on("eth0", None) };
        tracking.configure(0, Some(&shared), at(0));
        tracking.link("eth0", LinkState::Missing, &[], at(1000));
        assert_eq!(tracking.lacks_interface(0), Some(cut_off(0, "interface eth0 is missing")));
        assert_eq!(tracking.interruption(0), None, "nothing is waited for");
        assert_eq!((tracking.lacks_interface(0), tracking.due(at(1100))), (None, vec![]), "it is told");
        assert_eq!(
            tracking.link("eth0", LinkState::Up, &[], at(1200)),
            [TrackedChange::Reconnected { resource: 0 }]
        );
        tracking.configure(0, Some(&on("eth0", None)), at(2000));
        assert_eq!(tracking.lacks_interface(0), None, "`track-interface = no`");
    }

    /// The reason that people see was that of the beginning.
    #[test]
    fn a_reason_that_changes_while_the_interruption_lasts_is_told() {
        let mut tracking = Tracking::default();
        tracking.configure(0, Some(&on("eth0", Some(DELAY))), at(0));
        tracking.link("eth0", LinkState::NoCarrier, &[], at(0));
        assert_eq!(tracking.due(at(100)), [cut_off(0, "interface eth0 has no carrier")]);
        let why = "interface eth0 is missing".to_owned();
        assert_eq!(
            tracking.link("eth0", LinkState::Missing, &[], at(200)),
            [TrackedChange::StillCutOff { resource: 0, why }]
        );
    }
}
