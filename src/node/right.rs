//! Until when an application may serve (`policy = consistent`): told to those that ask, by the Unix socket.

use std::time::Duration;

use schrittmacher_protocol::{Resource, Time};
use schrittmacher_wire::Right;

use super::Node;
use crate::app_socket::Listener;
use crate::sender::Sender;

/// A right that is longer by less than this part of a promise is no news.
const NEWS: u32 = 16;

/// The application of a resource, if it has asked.
#[derive(Debug, Default)]
pub(super) struct Asker {
    listener: Option<Listener>,
    told: Option<Right>,
}

/// The right of now. `None`: nothing that the application could go by.
fn right(resource: &Resource) -> Option<Right> {
    let (machine, settings) = (resource.machine(), resource.settings());
    if machine.rule(settings).is_none() {
        return Some(Right::Unlimited);
    }
    // A side that serves before it has a word, for an application that was hot already, has the time of its claim.
    let (end, begin) = machine.right(settings).filter(|(end, _)| *end > Time::ZERO)?;
    Some(Right::Until { begin: begin.since_origin(), end: end.since_origin() })
}

impl Node {
    /// The application has reported. One that asks is told from now on, in place of an earlier one. A report that does not ask
    /// changes nothing.
    pub(super) fn note_asker(&mut self, index: usize, asks: bool, sender: &Sender) {
        let Sender::Local(credentials) = sender else { return };
        let asker = &mut self.resources[index].asker;
        if asks {
            *asker = Asker { listener: Some(credentials.listener()), told: None };
        }
        self.tell_right(index);
    }

    /// Tells the application what is new. What it has no room for, it is told the next time.
    pub(super) fn tell_right(&mut self, index: usize) {
        let resource = &mut self.resources[index];
        let Some(listener) = &resource.asker.listener else { return };
        let Some(right) = right(&resource.protocol) else { return };
        let news = resource.config.promise / NEWS;
        if resource.asker.told.is_none_or(|told| is_news(told, right, news)) && listener.tell(&right.encode())
        {
            resource.asker.told = Some(right);
        }
    }
}

fn is_news(told: Right, right: Right, least: Duration) -> bool {
    match (told, right) {
        (Right::Unlimited, Right::Unlimited) => false,
        // One that is shorter than was told is news, too: it is the daemon's own.
        (Right::Until { end: told, .. }, Right::Until { end, .. }) => end.abs_diff(told) >= least,
        (Right::Unlimited, Right::Until { .. }) | (Right::Until { .. }, Right::Unlimited) => true,
    }
}
