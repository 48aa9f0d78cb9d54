//! A resource that finds its peer silent tells the others of its node, as the daemon does it (`src/node/lost_host.rs`).

use schrittmacher_protocol::{Action, Event, Notice};

use super::{Watch, World};
use crate::Daemon;

impl<D: Daemon, W: Watch<D>> World<D, W> {
    pub(super) fn follow_host(
        &mut self,
        side: usize,
        first: usize,
        event: Option<Event>,
        actions: &[Action],
    ) {
        let is_found = event == Some(Event::Tick) && actions.contains(&Action::Notice(Notice::PeerLost));
        let nodes = &self.hosts[side].nodes;
        let machines = nodes.iter().filter(|node| node.is_up()).filter_map(|node| node.daemon().ours());
        let machines = machines.map(|ours| ours.machine());
        let machine = nodes[first].daemon().ours().map(|ours| ours.machine());
        let since = machine.filter(|_| is_found).and_then(|first| first.host_silent_since(machines));
        let Some(since) = since else { return };
        for other in 0..self.hosts[side].nodes.len() {
            self.take_step(side, other, Some(Event::HostSilent(since)));
            self.run_commands(side, other);
            self.schedule(side, other);
        }
    }
}
