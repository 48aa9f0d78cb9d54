//! A resource that finds its peer silent tells the others: the whole host may be lost (`docs/adr/0110-a-lost-host-at-once.md`).

use schrittmacher_protocol::{Event, Time};

use super::Node;

impl Node {
    /// Resources have found their peers silent in this turn. The others follow if nothing of the host was heard.
    pub(super) fn follow_host(&mut self, now: Time) {
        let Some(first) = self.found_silent.take() else { return };
        let machines = self.resources.iter().filter(|resource| !resource.life.has_ended());
        let machines = machines.map(|resource| resource.protocol.machine());
        let machine = self.resources[first].protocol.machine();
        let Some(since) = machine.host_silent_since(machines) else { return };
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
