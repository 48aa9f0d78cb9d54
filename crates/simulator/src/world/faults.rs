//! Faults and orders: what the caller of a world does to it.

use std::time::Duration;

use schrittmacher_protocol::{AppFailure, Event};

use super::World;
use crate::{Daemon, Node, Report, Watch};

impl<D: Daemon, W: Watch<D>> World<D, W> {
    /// The daemon starts, unless it runs, or its host was fenced a moment ago.
    pub fn start_daemon(&mut self, side: usize) {
        if self.now < self.hosts[side].off_until {
            return;
        }
        if !self.hosts[side].is_up() {
            self.hosts[side].forget_seeking();
        }
        if let Some(signed) = self.signed.as_mut().filter(|_| !self.hosts[side].is_up()) {
            signed.start(side);
        }
        if let Some(named) = self.named.as_mut().filter(|_| !self.hosts[side].is_up()) {
            named.start(side);
        }
        if let Some(batched) = self.batched.as_mut().filter(|_| !self.hosts[side].is_up()) {
            batched.start(side);
        }
        if let Some(second) = self.second.as_mut().filter(|_| !self.hosts[side].is_up()) {
            second.start(side);
        }
        self.start_pinger(side);
        for resource in 0..self.hosts[side].nodes.len() {
            if !self.hosts[side].nodes[resource].is_up() {
                self.hosts[side].nodes[resource].begin();
                self.take_step(side, resource, None);
                let left_hot = self.hosts[side].nodes[resource].take_left_hot(self.now);
                if let Some(ago) = left_hot {
                    self.take_step(side, resource, Some(Event::LeftHot(ago)));
                }
                if self.hosts[side].cut_off {
                    self.take_step(side, resource, Some(Event::CutOff));
                }
                self.run_commands(side, resource);
                self.schedule(side, resource);
            }
        }
    }

    /// The daemon dies. Its application stays, and so does the interface.
    pub fn kill_daemon(&mut self, side: usize) {
        self.lose_fence_answers(side);
        let host = &mut self.hosts[side];
        host.paused = false;
        host.inbox.clear();
        for node in &mut host.nodes {
            node.die();
            node.schedule(false);
        }
    }

    /// The daemon ends for a restart (SIGQUIT): as if it died, but the next one knows what it has left hot.
    pub fn leave_daemon(&mut self, side: usize) {
        let now = self.now;
        self.hosts[side].nodes.iter_mut().for_each(|node| node.leave(now));
        self.kill_daemon(side);
    }

    /// The host is gone, and everything on it.
    pub fn power_off(&mut self, side: usize) {
        self.kill_daemon(side);
        for node in &mut self.hosts[side].nodes {
            node.power_off();
            node.schedule(false);
        }
    }

    /// The daemon's process is stopped (SIGSTOP), if there is one.
    pub fn pause_daemon(&mut self, side: usize) {
        let host = &mut self.hosts[side];
        host.paused = host.is_up();
        let paused = host.paused;
        host.nodes.iter_mut().for_each(|node| node.schedule(paused));
    }

    /// It goes on. Events from the sockets come before the clock.
    pub fn resume_daemon(&mut self, side: usize) {
        self.hosts[side].paused = false;
        while let Some((resource, event)) = self.hosts[side].inbox.pop_front() {
            self.give(side, resource, event);
        }
        self.tell_cut_off(side);
        self.hosts[side].nodes.iter_mut().for_each(|node| node.schedule(false));
    }

    /// The interface of the service has no connection any more, or has it again.
    pub fn set_cut_off(&mut self, side: usize, cut_off: bool) {
        self.hosts[side].cut_off = cut_off;
        // A stopped daemon finds out when it goes on.
        if !self.hosts[side].paused {
            self.tell_cut_off(side);
        }
    }

    fn tell_cut_off(&mut self, side: usize) {
        let event = if self.hosts[side].cut_off { Event::CutOff } else { Event::Reconnected };
        for resource in 0..self.hosts[side].nodes.len() {
            self.give(side, resource, event);
        }
    }

    /// The application's process ends, and its daemon knows it (A3).
    pub fn kill_app(&mut self, side: usize, resource: usize) {
        let node = &mut self.hosts[side].nodes[resource];
        if node.app().is_alive() {
            node.app_mut().kill();
            self.give(side, resource, Event::AppFailed(AppFailure::Ended));
            self.schedule(side, resource);
        }
    }

    /// A new application process that takes `switching` to follow an order.
    pub fn start_app(&mut self, side: usize, resource: usize, report: Report, switching: Duration) {
        self.hosts[side].nodes[resource].start_app(self.now, report, switching);
        self.schedule(side, resource);
    }

    /// Anything else that happens to one node.
    pub fn change(&mut self, side: usize, resource: usize, change: impl FnOnce(Duration, &mut Node<D>)) {
        change(self.now, &mut self.hosts[side].nodes[resource]);
        self.schedule(side, resource);
    }
}
