//! A host that is lost is lost for all its resources.
//!
//! Each resource counts the silence of its peer from the last heartbeat that it has heard, and these are spread over a heartbeat. So
//! the first of many finds its peer silent up to a heartbeat before the last. When two have, the others need not wait if the
//! whole host is silent: they follow in the same moment. `docs/adr/0110-a-lost-host-at-once.md` has the reasons.

use crate::peer::Generation;
use crate::step::Step;
use crate::{Action, Event, Machine, Notice, Settings, Time};

/// What a node knows of the silence of its peer's host.
#[derive(Clone, Debug, Default)]
pub struct LostHost {
    /// When a resource heard its peer last.
    heard: Time,
    /// When the heartbeat was due that the last resource to find its peer silent has missed first.
    missed: Option<Time>,
}

impl LostHost {
    /// A resource has heard its peer.
    pub fn hear(&mut self, now: Time) {
        self.heard = now;
    }

    /// A resource has taken this event in, with these actions; `had_left`: its peer had said before that its daemon ends. If it has
    /// found its peer silent by its own timeout, and another one has in this silence, the host is silent since the time that is
    /// returned, for [`Event::HostSilent`]. A single one may be silent for a reason of its own.
    pub fn note(
        &mut self,
        event: &Event,
        had_left: bool,
        actions: &[Action],
        machine: &Machine,
    ) -> Option<Time> {
        let is_found = *event == Event::Tick && actions.contains(&Action::Notice(Notice::PeerLost));
        if is_found && !had_left { self.find(machine) } else { None }
    }

    /// That is for a peer of ours.
    fn find(&mut self, machine: &Machine) -> Option<Time> {
        let Generation::Ours { period } = machine.peer.generation else { return None };
        let missed = machine.peer.heard + period;
        let before = self.missed.replace(missed);
        before.filter(|before| self.heard < *before + period).map(|_| missed.max(self.heard))
    }
}

impl Machine {
    /// Whether the peer counts as lost with its host, which is silent since then. That is `timeout` less the heartbeat which
    /// did not come: no less than the last to find it silent has waited since.
    pub fn follows_host(&self, settings: &Settings, since: Time, now: Time) -> bool {
        let Generation::Ours { period } = self.peer.generation else { return false };
        let enough = self.peer.timeout(settings).saturating_sub(period);
        let due = (since.max(self.peer_counts_from()) + enough).max(self.starting_until);
        self.peer.alive && !self.catching_up && now >= due
    }
}

impl Step<'_> {
    /// Other resources of this node have found its host silent.
    pub(crate) fn follow_host(&mut self, since: Time) {
        if self.machine.follows_host(self.settings, since, self.now) {
            self.lose_peer();
        }
    }
}
