//! The echoes of both hosts (`ping-address`).

use std::time::Duration;

use schrittmacher_protocol::Event;

use super::World;
use crate::pinger::Pinger;
use crate::{Daemon, Watch};

impl<D: Daemon, W: Watch<D>> World<D, W> {
    /// From now on this side looks whether it is isolated; its first echoes leave at `first`.
    pub fn ping(&mut self, side: usize, ping_timeout: Duration, first: Duration) {
        self.hosts[side].pinger = Some(Pinger::new(ping_timeout, first));
    }

    /// Whether this side reaches its targets.
    pub fn set_reaches(&mut self, side: usize, reaches: bool) {
        if let Some(pinger) = &mut self.hosts[side].pinger {
            pinger.reaches = reaches;
        }
    }

    pub(super) fn start_pinger(&mut self, side: usize) {
        let (now, is_up) = (self.now, self.hosts[side].is_up());
        if let Some(pinger) = self.hosts[side].pinger.as_mut().filter(|_| !is_up) {
            pinger.start(now);
        }
    }

    /// A daemon that does not run sends none.
    pub(super) fn next_echo(&self) -> Duration {
        let sending = self.hosts.iter().filter(|host| host.is_up() && !host.paused);
        sending.filter_map(|host| host.pinger.as_ref().map(Pinger::next)).min().unwrap_or(Duration::MAX)
    }

    pub(super) fn send_echoes(&mut self) {
        for side in 0..2 {
            let (host, now) = (&mut self.hosts[side], self.now);
            if !host.is_up() || host.paused {
                continue;
            }
            let due = host.pinger.as_mut().filter(|pinger| pinger.next() <= now);
            if let Some(isolated) = due.and_then(|pinger| pinger.round(now)) {
                for resource in 0..self.hosts[side].nodes.len() {
                    self.give(side, resource, Event::Isolated(isolated));
                }
            }
        }
    }
}
