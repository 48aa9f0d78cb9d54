//! A node that starts nothing by itself: it keeps a service, and begins none (edge-11, edge-13).

use log::{info, warn};
use schrittmacher_config::Alone;
use schrittmacher_protocol::Time;

use super::Node;
use super::promises::PromiseMemory;

/// Why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// The configuration file is broken, and the last good configuration is in force instead.
    BrokenFile,
    /// The peer has never been heard, and `alone = wait`.
    UnknownPeer,
}

impl Hold {
    /// As a part of a sentence.
    pub const fn as_str(self) -> &'static str {
        match self {
            Hold::BrokenFile => "the configuration file is broken",
            Hold::UnknownPeer => "the peer has never been heard (`alone = wait`)",
        }
    }
}

/// The knowledge of a starting node about its peer, its configuration file and an earlier run.
#[derive(Clone, Debug)]
pub struct Memory {
    /// The configuration is not that of the file: the file is broken.
    pub file_is_broken: bool,
    /// This peer was heard before.
    pub peer_is_known: bool,
    /// What an earlier run may have promised.
    pub promises: PromiseMemory,
}

impl Node {
    /// Why no resource goes hot whose application is not hot already.
    pub fn hold(&self) -> Option<Hold> {
        if self.memory.file_is_broken {
            Some(Hold::BrokenFile)
        } else if self.core.alone == Alone::Wait && !self.memory.peer_is_known {
            Some(Hold::UnknownPeer)
        } else {
            None
        }
    }

    /// Says at the start what holds the node back.
    pub(super) fn tell_hold(&self) {
        if self.hold() == Some(Hold::UnknownPeer) {
            warn!(
                "the peer {} port {} has never been heard: until it is, a resource goes hot only if its application is \
                 hot already (`alone = wait`). To start one all the same: schrittmacherctl takeover NAME --force",
                self.core.remote_address, self.core.port
            );
        }
    }

    /// The peer says something.
    pub(super) fn meet_peer(&mut self, now: Time) {
        self.has_heard_peer = true;
        self.note_peer_host(now);
        if !self.memory.peer_is_known {
            info!("the peer {} is heard for the first time", self.core.remote_address);
            self.memory.peer_is_known = true;
            self.met_peer = true;
            self.apply_hold(now);
        }
    }

    /// Whether the peer was heard for the first time since this was asked last.
    pub fn take_met_peer(&mut self) -> bool {
        std::mem::take(&mut self.met_peer)
    }

    /// A good configuration is in force.
    pub(super) fn file_is_good(&mut self, now: Time) {
        if std::mem::take(&mut self.memory.file_is_broken) {
            info!("the configuration file is good again: resources go hot as they may");
        }
        self.apply_hold(now);
    }

    fn apply_hold(&mut self, now: Time) {
        self.news.note(true);
        for index in 0..self.resources.len() {
            self.apply_hold_to(index, now);
        }
        self.share_settings();
    }

    /// A resource is held with its node, and while its address is elsewhere.
    pub(super) fn apply_hold_to(&mut self, index: usize, now: Time) {
        self.rouse(index);
        let held = self.hold().is_some() || self.resources[index].elsewhere.holds();
        self.resources[index].set_held(held, now);
        self.reschedule(index);
    }

    /// A takeover by force ends the hold of this resource. Without force the state machine refuses it.
    pub(super) fn end_hold(&mut self, index: usize, now: Time) {
        let resource = &mut self.resources[index];
        resource.elsewhere.overrule();
        if resource.is_held() {
            info!(target: &resource.config.name, "takeover by force: it is held back no longer");
            resource.set_held(false, now);
            self.reschedule(index);
        }
    }
}
