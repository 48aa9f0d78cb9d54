//! What a daemon says: the form that it has in this pair, and its way over the link.

use std::cmp::Reverse;

use super::{Content, Flight, IN_FLIGHT, Watch, World};
use crate::Daemon;
use crate::signed::Parcel;

impl<D: Daemon, W: Watch<D>> World<D, W> {
    /// A word of before a change of state is not said again.
    pub(super) fn forget_word(&mut self, side: usize, resource: usize) {
        if let Some(word) = self.hosts[side].words.get_mut(resource) {
            *word = None;
        }
        if let Some(signed) = &mut self.signed {
            signed.forget_word(side, resource);
        }
        if let Some(named) = &mut self.named {
            named.forget_word(side, resource);
        }
        if let Some(batched) = &mut self.batched {
            batched.forget_word(side, resource);
        }
        if let Some(second) = &mut self.second {
            second.forget_word(side, resource);
        }
    }

    pub(super) fn send(&mut self, side: usize, parcel: Parcel) {
        if let Some(number) = self.second.as_mut().and_then(|second| second.number(side, parcel)) {
            return self.launch(side, &[parcel.0], Content::Numbered(parcel, number));
        }
        let content = match (&mut self.signed, &mut self.named, &mut self.batched) {
            (Some(signed), ..) => Content::Signed(signed.send(side, parcel, self.now)),
            (None, Some(named), _) => Content::Named(parcel, named.send(side, parcel)),
            (None, None, Some(batched)) => Content::Whole(batched.whole(side, parcel)),
            (None, None, None) => Content::Plain(parcel),
        };
        self.launch(side, &[parcel.0], content);
    }

    pub(super) fn launch(&mut self, side: usize, resources: &[usize], content: Content) {
        self.launch_by(false, side, resources, content);
        if matches!(content, Content::Numbered(..)) {
            self.launch_by(true, side, resources, content);
        }
    }

    fn launch_by(&mut self, is_second: bool, side: usize, resources: &[usize], content: Content) {
        let direction = match &mut self.second {
            Some(second) if is_second => &mut second.link.directions[side],
            _ => &mut self.link.directions[side],
        };
        let latency = direction.latency;
        for delay in direction.delays(resources, &mut self.chance) {
            if self.flying.len() < IN_FLIGHT {
                self.sent += 1;
                let (arrives, late, to) = (self.now + delay, delay > latency, 1 - side);
                self.flying.push(Reverse(Flight {
                    arrives,
                    number: self.sent,
                    to,
                    is_second,
                    late,
                    content,
                }));
            }
        }
    }
}
