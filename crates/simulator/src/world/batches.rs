//! Many resources in one datagram.

use schrittmacher_protocol::{Action, Event};
use schrittmacher_wire::times_as_a_whole;

use super::{Content, Watch, World};
use crate::Daemon;
use crate::batched::{Heard, Occasion};
use crate::signed::Parcel;

/// As the daemon sees it (`src/node/batching.rs`).
pub(super) fn occasion(event: Option<Event>, actions: &[Action], is_unchanged: bool) -> Occasion {
    let sends = actions.iter().filter(|action| matches!(action, Action::Send { .. })).count();
    match event {
        Some(Event::Tick) if sends == 1 => Occasion::Heartbeat,
        Some(Event::App(_)) if is_unchanged => Occasion::Report,
        _ => Occasion::News,
    }
}

impl<D: Daemon, W: Watch<D>> World<D, W> {
    pub(super) fn say(&mut self, side: usize, parcel: Parcel, occasion: Occasion) {
        let ours = self.hosts[side].nodes[parcel.0].daemon().ours();
        let known = ours.filter(|ours| ours.machine().peer.is_ours() && ours.machine().peer.alive);
        let times = known.map(|ours| times_as_a_whole(ours.settings().heartbeat, ours.settings().timeout));
        match &mut self.batched {
            None => self.send(side, parcel),
            Some(batched) => {
                if let Some(whole) = batched.say(side, parcel, occasion, times, self.now) {
                    self.launch(side, &[parcel.0], Content::Whole(whole));
                }
            }
        }
    }

    pub(super) fn arrive_batched(&mut self, to: usize, content: Content) {
        let (now, resources) = (self.now, self.hosts[to].nodes.len());
        let hears_peer = self.hosts[to].hears_peer();
        let Some(batched) = self.batched.as_mut().filter(|_| self.hosts[to].is_up()) else { return };
        let is_ours = self.hosts[to].nodes[0].daemon().ours().is_some();
        let Heard { messages, unknown, repeated } = match content {
            Content::Whole(whole) if !is_ours => Heard { messages: vec![whole.parcel], ..Heard::default() },
            // They are nothing to a legacy daemon, apart from being datagrams (D30).
            Content::Batch(_) | Content::Unknown(_) if !is_ours => return self.overhear(to, resources),
            Content::Whole(whole) => batched.arrive(to, whole, hears_peer, now),
            Content::Batch(list) => batched.arrive_batch(to, list, hears_peer, now),
            Content::Unknown(list) => batched.arrive_unknown(to, list, hears_peer, now),
            Content::Plain(_) | Content::Named(..) | Content::Numbered(..) | Content::Signed(_) => return,
        };
        if let Some(list) = unknown {
            // Of no resource.
            self.launch(to, &[resources], Content::Unknown(list));
        }
        for parcel in repeated {
            self.send(to, parcel);
        }
        for (resource, report) in messages {
            self.give(to, resource, Event::Peer(report));
        }
    }
}
