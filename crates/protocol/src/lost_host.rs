//! A host that is lost is lost for all its resources.
//!
//! Each resource counts the silence of its peer from the last heartbeat that it has heard, and these are spread over a heartbeat. So
//! the first of many finds its peer silent up to a heartbeat before the last. When it does, the others need not wait if the
//! whole host is silent: they follow in the same moment. `docs/adr/0110-a-lost-host-at-once.md` has the reasons.

use crate::peer::Generation;
use crate::step::Step;
use crate::{Machine, Settings, Time};

impl Machine {
    /// Since when the peer's host has been silent, if it is ours: a heartbeat of this resource did not come then, and none of its
    /// `neighbours`, which are all resources of the node, has heard one since. To be asked of a resource that has just
    /// found its peer silent ([`Notice::PeerLost`](crate::Notice::PeerLost)), and given to the others as
    /// [`Event::HostSilent`](crate::Event::HostSilent).
    pub fn host_silent_since<'a>(&self, neighbours: impl Iterator<Item = &'a Machine>) -> Option<Time> {
        let Generation::Ours { period } = self.peer.generation else { return None };
        let missed = self.peer.heard + period;
        Some(neighbours.fold(missed, |since, neighbour| since.max(neighbour.peer.heard)))
    }

    /// Whether the peer counts as lost with its host, which is silent since then. That is `timeout` less the heartbeat which
    /// did not come: no less than the first to find it silent has waited since.
    pub fn follows_host(&self, settings: &Settings, since: Time, now: Time) -> bool {
        let Generation::Ours { period } = self.peer.generation else { return false };
        let enough = self.peer.timeout(settings).saturating_sub(period);
        let due = (since.max(self.peer_counts_from()) + enough).max(self.starting_until);
        self.peer.alive && !self.catching_up && now >= due
    }
}

impl Step<'_> {
    /// Another resource of this node has found its peer silent.
    pub(crate) fn follow_host(&mut self, since: Time) {
        if self.machine.follows_host(self.settings, since, self.now) {
            self.lose_peer();
        }
    }
}
