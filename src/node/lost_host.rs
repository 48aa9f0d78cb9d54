//! Resources that find their peers silent tell the others: the whole host is lost (`docs/adr/0110-a-lost-host-at-once.md`).

use schrittmacher_protocol::{Event, Reaction, Time};

use super::Node;

/// Resources that follow in one turn. What was heard until the next one comes before the others.
const PORTION: usize = 1024;

/// The resources that may follow.
#[derive(Debug)]
pub(super) struct Followers {
    /// Since when the host is silent.
    since: Time,
    /// The first one that was not looked at yet.
    next: usize,
}

impl Node {
    /// The peer is heard: its host is not lost.
    pub(super) fn hear_host(&mut self, now: Time) {
        self.lost_host.hear(now);
        self.followers = None;
    }

    /// A resource has taken an event in; `had_left`: its peer had said before that its daemon ends. With it the host may be lost.
    pub(super) fn note_lost(&mut self, index: usize, reaction: &Reaction, had_left: bool) {
        let machine = self.resources[index].protocol.machine();
        if let Some(since) = self.lost_host.note(&reaction.event, had_left, &reaction.actions, machine) {
            let since = self.followers.as_ref().map_or(since, |others| others.since.min(since));
            self.followers = Some(Followers { since, next: 0 });
        }
    }

    /// The resources follow for which the host is silent for long enough: a portion of them.
    pub(super) fn follow_host(&mut self, now: Time) {
        let Some(Followers { since, next }) = self.followers.take() else { return };
        let mut taken = 0;
        for index in next..self.resources.len() {
            self.catch_up(index);
            let protocol = &self.resources[index].protocol;
            if !protocol.machine().follows_host(protocol.settings(), since, now) {
                continue;
            }
            if taken == PORTION {
                self.followers = Some(Followers { since, next: index });
                return;
            }
            self.carry_out_portion(taken, now);
            taken += 1;
            self.give(index, Event::HostSilent(since), now);
        }
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::time::Duration;

    use schrittmacher_protocol::StateName;
    use schrittmacher_testkit::config::resource_with;
    use schrittmacher_wire::{AppCode, PeerCode, PeerMessage, Run};

    use super::*;
    use crate::node::bench::Bench;

    const TENTH: Duration = Duration::from_millis(100);
    const SECOND: Duration = Duration::from_secs(1);

    /// The peer says by this resource that it serves.
    fn hear(bench: &mut Bench, index: usize) {
        let message = PeerMessage {
            code: PeerCode::Hott,
            random: 0,
            resource: &format!("r{index}"),
            reason: None,
            host: None,
            priority: 0,
            heartbeat: Some(SECOND),
            note: None,
            freeze: None,
            run: Some(Run { own: 7, peer: Some(bench.node.run().own) }),
            trip: None,
            number: None,
            promise: None,
            epoch: None,
        };
        let remote = bench.node.core.remote_address;
        bench.node.receive(&message.encode(), (remote, bench.node.core.port).into(), 0, bench.now);
    }

    /// A standby side that heard the first resource of the peer a second ago, the second one 0.3 s later, and the others after that.
    fn standby(resources: usize) -> Bench {
        let resource = |index| {
            resource_with(&format!("r{index}"), |one| (one.heartbeat, one.timeout) = (SECOND, 3 * SECOND))
        };
        let mut bench = Bench::new(&(0..resources).map(resource).collect::<Vec<_>>());
        for tenth in 0..20 {
            let moment = |index: usize| 3 * index.min(2);
            for index in (0..resources).filter(|index| moment(*index) == tenth % 10) {
                bench.says(index, AppCode::Lsby);
                hear(&mut bench, index);
            }
            bench.pass(TENTH);
        }
        assert!(taken(&bench).is_empty());
        bench
    }

    /// The resources that this side takes.
    fn taken(bench: &Bench) -> Vec<usize> {
        (0..bench.node.resources.len()).filter(|index| bench.state(*index) != StateName::Standby).collect()
    }

    fn wait_for(bench: &mut Bench, index: usize) {
        let until = bench.now + 4 * SECOND;
        while bench.state(index) == StateName::Standby {
            assert!(bench.now < until, "it is not taken");
            bench.pass(TENTH);
        }
    }

    #[test]
    fn the_second_of_three_resources_takes_the_third_along() {
        let mut bench = standby(3);
        wait_for(&mut bench, 0);
        assert_eq!(taken(&bench), [0], "alone");
        wait_for(&mut bench, 1);
        assert_eq!(taken(&bench), [0, 1, 2]);
    }

    #[test]
    fn a_host_that_is_heard_by_any_resource_is_not_lost() {
        let mut bench = standby(3);
        wait_for(&mut bench, 0);
        hear(&mut bench, 0);
        wait_for(&mut bench, 1);
        assert_eq!(bench.state(2), StateName::Standby);
        hear(&mut bench, 2);
        bench.pass(SECOND);
        assert_eq!(bench.state(2), StateName::Standby);
    }

    #[test]
    fn more_than_a_portion_follows_in_more_turns_unless_the_host_is_heard_between_them() {
        for is_heard in [false, true] {
            let mut bench = standby(PORTION + 4);
            wait_for(&mut bench, 1);
            assert_eq!(taken(&bench).len(), 2 + PORTION);
            assert_eq!(bench.node.next_deadline(), Some(Time::ZERO), "the next turn comes at once");
            if is_heard {
                hear(&mut bench, PORTION + 3);
            }
            bench.pass(Duration::ZERO);
            let all = if is_heard { 2 + PORTION } else { 4 + PORTION };
            assert_eq!(taken(&bench).len(), all, "is heard: {is_heard}");
        }
    }
}
