//! Resources that find their peers silent tell the others: the whole host is lost (`docs/adr/0110-a-lost-host-at-once.md`).

use schrittmacher_protocol::{Event, Time};

use super::Node;

impl Node {
    /// The peer's host was found silent in this turn. The resources for which that is long enough follow.
    pub(super) fn follow_host(&mut self, now: Time) {
        let Some(since) = self.host_silent_since.take() else { return };
        self.catch_up_all();
        let mut followers = 0;
        for index in 0..self.resources.len() {
            let protocol = &self.resources[index].protocol;
            if protocol.machine().follows_host(protocol.settings(), since, now) {
                self.carry_out_portion(followers, now);
                followers += 1;
                self.give(index, Event::HostSilent(since), now);
            }
        }
    }
}
