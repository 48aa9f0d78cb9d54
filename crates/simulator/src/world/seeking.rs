//! What a side that serves and hears nobody says beside its heartbeats, as the daemon does it (`src/node/seeking.rs`).

use std::time::Duration;

use schrittmacher_protocol::{LostHost, Seeker, Time};

use schrittmacher_wire::PeerCode;

use super::{Host, World};
use crate::signed::Parcel;
use crate::{Daemon, Watch};

impl<D: Daemon> Host<D> {
    /// The heartbeat of a resource that looks for its peer.
    fn seeking(&self, resource: usize) -> Option<Duration> {
        let node = &self.nodes[resource];
        let ours = node.daemon().ours().filter(|ours| node.is_up() && ours.machine().seeks())?;
        Some(ours.settings().heartbeat)
    }

    /// The daemon starts.
    pub(super) fn forget_seeking(&mut self) {
        (self.seeker, self.words, self.lost) = (Seeker::default(), Vec::new(), LostHost::default());
    }
}

impl<D: Daemon, W: Watch<D>> World<D, W> {
    pub(super) fn next_seek(&self) -> Duration {
        let running = self.hosts.iter().filter(|host| !host.is_paused() && host.is_up());
        let due = running.filter_map(|host| host.seeker.due());
        due.min().map_or(Duration::MAX, Time::since_origin)
    }

    pub(super) fn seek(&mut self) {
        let now = Time::new(self.now);
        for side in 0..2 {
            let host = &mut self.hosts[side];
            let mut seeker = std::mem::take(&mut host.seeker);
            let turn =
                if host.paused { None } else { seeker.turn(now, host.nodes.len(), |at| host.seeking(at)) };
            host.seeker = seeker;
            if let Some(resource) = turn {
                self.say_again(side, resource);
            }
        }
    }

    pub(super) fn note_word(&mut self, side: usize, parcel: Parcel) {
        let words = &mut self.hosts[side].words;
        if words.len() <= parcel.0 {
            words.resize(parcel.0 + 1, None);
        }
        words[parcel.0] = Some(parcel);
    }

    /// A daemon has taken a step.
    pub(super) fn note_seeking(&mut self, side: usize, resource: usize) {
        let host = &mut self.hosts[side];
        if let Some(ours) = host.nodes[resource].daemon().ours() {
            host.seeker.note(ours.machine(), ours.settings().heartbeat, Time::new(self.now));
        }
    }

    /// A resource has looked for its peer, and hears it. It says so at once, and so do the others that look for it.
    pub(super) fn end_seeking(&mut self, side: usize, heard: usize) {
        self.say_again(side, heard);
        let now = Time::new(self.now);
        let host = &mut self.hosts[side];
        let Some(ours) = host.nodes[heard].daemon().ours() else { return };
        if !host.seeker.is_answered(ours.settings().heartbeat, now) {
            return;
        }
        let others = (0..host.nodes.len()).filter(|at| *at != heard && host.seeking(*at).is_some());
        for resource in others.collect::<Vec<_>>() {
            self.say_again(side, resource);
        }
    }

    fn say_again(&mut self, side: usize, resource: usize) {
        let word = self.hosts[side].words.get(resource).copied().flatten();
        if let Some(parcel) = word.filter(|(_, report)| report.code == Some(PeerCode::Hott)) {
            self.send(side, parcel);
        }
    }
}
