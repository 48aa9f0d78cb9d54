//! Resources of a host that share fate.

use schrittmacher_protocol::{Event, Member, Time, guide};

use super::{Watch, World};
use crate::Daemon;

impl<D: Daemon, W: Watch<D>> World<D, W> {
    /// From now on the resources of a host share fate, where the daemons are ours.
    pub fn make_set(&mut self) {
        self.is_set = true;
    }

    /// As the daemon does it (`src/node/set.rs`).
    pub(super) fn guide_set(&mut self, side: usize) {
        let resources = self.hosts[side].nodes.len();
        let members: Option<Vec<Member<'_>>> = (0..resources)
            .map(|resource| {
                let [here, there] =
                    [side, 1 - side].map(|side| self.hosts[side].nodes[resource].daemon().ours());
                let here = here.filter(|_| self.hosts[side].nodes[resource].is_up())?;
                let their_priority = there?.settings().priority;
                Some(Member { machine: here.machine(), settings: here.settings(), their_priority })
            })
            .collect();
        let Some(members) = members else { return };
        let guidance = guide(&members, Time::new(self.now));
        let orders: Vec<(usize, Event)> = members
            .iter()
            .enumerate()
            .flat_map(|(resource, member)| guidance.orders(member).map(move |event| (resource, event)))
            .collect();
        for (resource, event) in orders {
            self.take_step_alone(side, resource, Some(event));
            self.run_commands(side, resource);
            self.schedule(side, resource);
        }
    }
}
