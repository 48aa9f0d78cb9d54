//! A side that serves and does not hear the other one says so beside its heartbeats (`docs/adr/0093-looking-for-a-silent-peer.md`).

use std::time::Duration;

use schrittmacher_protocol::Time;
use schrittmacher_wire::PeerCode;

use super::Node;

impl Node {
    /// The heartbeat of a resource that looks for its peer.
    fn seeking(&self, index: usize) -> Option<Duration> {
        let resource = &self.resources[index];
        let seeks = !resource.life.has_ended() && resource.protocol.machine().seeks();
        seeks.then_some(resource.config.heartbeat)
    }

    /// An event has been handled.
    pub(super) fn note_seeking(&mut self, index: usize, now: Time) {
        let resource = &self.resources[index];
        self.seeker.note(resource.protocol.machine(), resource.config.heartbeat, now);
    }

    /// One of them says it once more, if it is time.
    pub(super) fn seek(&mut self, now: Time) {
        let mut seeker = std::mem::take(&mut self.seeker);
        let turn = seeker.turn(now, self.resources.len(), |index| self.seeking(index));
        self.seeker = seeker;
        if let Some(index) = turn {
            self.say_hot_again(index, now);
        }
    }

    /// A resource has looked for its peer, and hears it. It says so at once, and so do the others that look for it: the peer
    /// may have heard nothing yet.
    pub(super) fn end_seeking(&mut self, heard: usize, now: Time) {
        self.say_hot_again(heard, now);
        if self.seeker.is_answered(self.resources[heard].config.heartbeat, now) {
            for index in 0..self.resources.len() {
                if index != heard && self.seeking(index).is_some() {
                    self.say_hot_again(index, now);
                }
            }
        }
    }

    /// Unless it has said something else since.
    fn say_hot_again(&mut self, index: usize, now: Time) {
        if self.resources[index].last_word.is_some_and(|word| word.code == PeerCode::Hott) {
            self.repeat_last_word(index, now);
        }
    }
}
