//! How long a hot side waits for an interface that has lost its connection, where `track-delay` is not written.
//!
//! A wait is worth as much as it saves: the hand-over (`docs/adr/0103-patience-with-a-link.md`).

use std::net::IpAddr;
use std::time::Duration;

use schrittmacher_protocol::{StateName, Time};

use super::Node;
use super::resource::ManagedResource;

impl ManagedResource {
    /// How long this side waits for its interface; `None`: as long as the configuration says. `reaches_peer`: the peer hears
    /// us by another cable.
    fn patience(&self, reaches_peer: bool, was_steady: bool) -> Option<Duration> {
        let delay = self.config.shared.as_ref()?.track?.delay;
        let cost =
            self.took.filter(|_| reaches_peer && was_steady && self.protocol.machine().hands_over_well())?;
        (cost < delay).then_some(cost)
    }

    /// That wait is over. When to ask again, if this side waits on.
    fn more_patience(&self, reaches_peer: bool, began: Time, now: Time) -> Option<Time> {
        let machine = self.protocol.machine();
        let delay = self.config.shared.as_ref()?.track?.delay;
        if reaches_peer || machine.state.name() != StateName::Hot || !machine.peer.is_ours() {
            return None;
        }
        // The peer takes over when it has heard nothing for its timeout, and not sooner. A shorter interruption costs nothing.
        let last = began + self.config.timeout.saturating_sub(self.config.heartbeat);
        (now < last).then(|| last.min(now + delay))
    }
}

impl Node {
    /// The interface of a resource has lost its connection. `ways`: the ends of the peer link that have one.
    pub(super) fn interface_lost(&mut self, index: usize, ways: &[IpAddr], was_steady: bool, now: Time) {
        let reaches_peer = self.paths.work(ways);
        if let Some(patience) = self.resources[index].patience(reaches_peer, was_steady) {
            self.executor.set_patience(index, now + patience);
        }
    }

    /// Whether this side goes on waiting for an interface whose interruption was to count now. It is asked again and again: the
    /// peer may be reached by another cable that comes back first.
    pub(super) fn waits_longer(&mut self, index: usize, now: Time) -> bool {
        let Some(interruption) = self.executor.interruption(index) else { return false };
        let reaches_peer = self.paths.work(interruption.ways);
        let until = self.resources[index].more_patience(reaches_peer, interruption.began, now);
        until.inspect(|until| self.executor.put_off(index, *until)).is_some()
    }
}

#[cfg(test)]
mod tests {
    use schrittmacher_config::{SharedAddress, Track};
    use schrittmacher_protocol::{Event, PeerReport};
    use schrittmacher_testkit::config::{core, resource_with};
    use schrittmacher_wire::{AppCode, Note, PeerCode};

    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// Hot beside a standby of ours; it took this long to become hot.
    fn hot(took: Option<Duration>) -> ManagedResource {
        let shared = SharedAddress {
            track: Some(Track { delay: 500 * MS, is_default: true }),
            ..SharedAddress::new("eth0", vec![])
        };
        let config = resource_with("smsc", |smsc| {
            smsc.shared = Some(shared);
            smsc.heartbeat = 500 * MS;
            smsc.timeout = 2000 * MS;
        });
        let mut managed = ManagedResource::new(&core(), config, None, Time::ZERO);
        hear(&mut managed, PeerCode::Fail, None);
        managed.protocol.handle(Time::ZERO, Event::App(Some(AppCode::Lsby)));
        managed.protocol.handle(Time::ZERO, Event::App(Some(AppCode::Lhot)));
        hear(&mut managed, PeerCode::Stby, None);
        assert_eq!(managed.protocol.machine().state.name(), StateName::Hot);
        managed.took = took;
        managed
    }

    fn hear(managed: &mut ManagedResource, code: PeerCode, note: Option<Note>) {
        let report = PeerReport {
            code: Some(code),
            priority: 0,
            random: 0,
            host: None,
            has_type: true,
            period: Some(500 * MS),
            note,
            promise: None,
            epoch: None,
        };
        managed.protocol.handle(Time::ZERO, Event::Peer(report));
    }

    /// It waited for a heartbeat whatever a hand-over costs.
    #[test]
    fn a_hot_side_waits_for_its_link_as_long_as_a_hand_over_takes() {
        assert_eq!(hot(Some(7 * MS)).patience(true, true), Some(7 * MS));
        assert_eq!(hot(Some(800 * MS)).patience(true, true), None, "one heartbeat, as without this");
        assert_eq!(hot(None).patience(true, true), None, "what it costs is not known");
        assert_eq!(hot(Some(7 * MS)).patience(true, false), None, "it bounces");
    }

    #[test]
    fn a_hot_side_whose_peer_is_not_ready_does_not_hurry() {
        for (code, note) in [
            (PeerCode::Fail, None),
            (PeerCode::Unk, None),
            (PeerCode::Stby, Some(Note::CutOff)),
            (PeerCode::Stby, Some(Note::Held)),
            (PeerCode::Stby, Some(Note::Leaving)),
        ] {
            let mut managed = hot(Some(7 * MS));
            hear(&mut managed, code, note);
            assert_eq!(managed.patience(true, true), None, "{code} {note:?}");
        }
        let mut frozen = hot(Some(7 * MS));
        frozen.protocol.handle(Time::ZERO, Event::Freeze(true));
        assert_eq!(frozen.patience(true, true), None);
        let mut silent = hot(Some(7 * MS));
        silent.protocol.handle(Time::new(2100 * MS), Event::Tick);
        assert_eq!(silent.patience(true, true), None);
    }

    /// It stopped after a heartbeat, and so made a switch out of an interruption that the other side had not noticed.
    #[test]
    fn a_hot_side_with_one_cable_waits_until_the_other_side_would_take_over() {
        let at = |ms: u32| Time::new(ms * MS);
        let hot_side = hot(Some(7 * MS));
        assert_eq!(hot_side.patience(false, true), None, "as long as the configuration says, to begin with");
        let more = |reaches_peer, ms| hot_side.more_patience(reaches_peer, at(1000), at(ms));
        assert_eq!(more(false, 1500), Some(at(2000)), "and then it asks again");
        assert_eq!(more(false, 2300), Some(at(2500)), "1500 ms in all");
        assert_eq!(more(false, 2500), None);
        let mut standby = hot(Some(7 * MS));
        hear(&mut standby, PeerCode::Hott, None);
        standby.protocol.handle(Time::ZERO, Event::Failover { force: true });
        standby.protocol.handle(Time::ZERO, Event::Released);
        assert_ne!(standby.protocol.machine().state.name(), StateName::Hot);
        assert_eq!(
            standby.more_patience(false, at(1000), at(1500)),
            None,
            "one that takes over must know it before"
        );
    }

    /// It decided once: with another cable that came back first it kept the role without a carrier all the same.
    #[test]
    fn a_hot_side_waits_no_longer_when_it_reaches_the_peer_by_another_cable() {
        let hot = hot(Some(7 * MS));
        let (began, now) = (Time::new(1000 * MS), Time::new(1500 * MS));
        assert!(hot.more_patience(false, began, now).is_some());
        assert_eq!(hot.more_patience(true, began, now), None);
    }
}
