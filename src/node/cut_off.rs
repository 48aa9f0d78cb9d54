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
        let machine = self.protocol.machine();
        let delay = self.config.shared.as_ref()?.track?.delay;
        if machine.state.name() != StateName::Hot || !machine.peer.is_ours() {
            return None;
        }
        if !reaches_peer {
            // It takes over when it has heard nothing for its timeout, and not sooner. A shorter interruption costs nothing.
            let longest = self.config.timeout.saturating_sub(self.config.heartbeat);
            return (longest > delay).then_some(longest);
        }
        let cost = self.took.filter(|_| was_steady && machine.hands_over_well())?;
        (cost < delay).then_some(cost)
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
}

#[cfg(test)]
mod tests {
    use schrittmacher_config::{SharedAddress, Track};
    use schrittmacher_protocol::{Event, PeerReport};
    use schrittmacher_testkit::config::{core, resource};
    use schrittmacher_wire::{AppCode, Note, PeerCode};

    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// Hot beside a standby of ours; it took this long to become hot.
    fn hot(took: Option<Duration>) -> ManagedResource {
        let shared = SharedAddress {
            track: Some(Track { delay: 500 * MS, is_default: true }),
            ..SharedAddress::new("eth0", vec![])
        };
        let config = schrittmacher_config::Resource {
            shared: Some(shared),
            heartbeat: 500 * MS,
            timeout: 2000 * MS,
            ..resource("smsc")
        };
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
        assert_eq!(hot(Some(7 * MS)).patience(false, true), Some(1500 * MS));
        let mut standby = hot(Some(7 * MS));
        hear(&mut standby, PeerCode::Hott, None);
        standby.protocol.handle(Time::ZERO, Event::Failover { force: true });
        standby.protocol.handle(Time::ZERO, Event::Released);
        assert_ne!(standby.protocol.machine().state.name(), StateName::Hot);
        assert_eq!(standby.patience(false, true), None, "one that takes over must know it before");
    }
}
