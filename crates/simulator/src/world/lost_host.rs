//! Resources that find their peers silent tell the others of their node, as the daemon does it (`src/node/lost_host.rs`).

use schrittmacher_protocol::{Action, Event, Time};

use super::{Watch, World};
use crate::Daemon;

impl<D: Daemon, W: Watch<D>> World<D, W> {
    /// A resource has taken a step; `left`: its peer had said that its daemon ends.
    pub(super) fn follow_host(
        &mut self,
        side: usize,
        resource: usize,
        event: Option<Event>,
        left: bool,
        actions: &[Action],
    ) {
        let (host, Some(event)) = (&mut self.hosts[side], event) else { return };
        if matches!(event, Event::Peer(_)) {
            host.lost.hear(Time::new(self.now));
        }
        let Some(ours) = host.nodes[resource].daemon().ours() else { return };
        let Some(since) = host.lost.note(&event, left, actions, ours.machine()) else { return };
        for other in 0..self.hosts[side].nodes.len() {
            self.take_step(side, other, Some(Event::HostSilent(since)));
            self.run_commands(side, other);
            self.schedule(side, other);
        }
    }
}
