//! Two hosts and the link between them, and the passing of time.

use std::cmp::{Ordering, Reverse};
use std::collections::{BinaryHeap, VecDeque};
use std::time::Duration;

use schrittmacher_protocol::{Action, Event, PeerReport, StateName};

use crate::{Chance, Daemon, Link, Node, Report};

/// One host.
#[derive(Clone, Debug)]
pub struct Host<D> {
    /// Its resources. They share one daemon process: it starts, stops and is paused for all.
    pub nodes: Vec<Node<D>>,
    paused: bool,
    /// What waits in the sockets of a daemon that is stopped.
    inbox: VecDeque<(usize, Event)>,
}

impl<D> Host<D> {
    /// The daemon's process is stopped.
    pub fn is_paused(&self) -> bool {
        self.paused
    }
}

/// Looks at a run. It can't change anything.
pub trait Watch<D> {
    /// From `from` to `to` nothing happens.
    fn pass(&mut self, from: Duration, to: Duration, hosts: &[Host<D>; 2], link: &Link);

    /// A daemon has taken a step, and `hosts` are as they are afterwards; its commands have not run yet.
    fn step(&mut self, now: Duration, step: &Step<'_>, hosts: &[Host<D>; 2]);

    /// More happens in one instant than can be true: time goes on all the same.
    fn stands_still(&mut self, _now: Duration) {}
}

/// What a daemon did about one event.
#[derive(Clone, Copy, Debug)]
pub struct Step<'a> {
    /// The host, 0 or 1.
    pub side: usize,
    /// The resource.
    pub resource: usize,
    /// `None`: it starts.
    pub event: Option<Event>,
    /// The state before.
    pub before: StateName,
    /// The state now.
    pub after: StateName,
    /// What it wants done.
    pub actions: &'a [Action],
}

/// A run in progress.
#[derive(Debug)]
pub struct World<D, W> {
    now: Duration,
    hosts: [Host<D>; 2],
    /// The link; to be harmed and mended at will.
    pub link: Link,
    /// Who looks on.
    pub watch: W,
    /// What the link does.
    chance: Chance,
    /// What daemons draw.
    draws: Chance,
    flying: BinaryHeap<Reverse<Flight>>,
    sent: u64,
}

/// A datagram on its way.
#[derive(Clone, Copy, Debug)]
struct Flight {
    arrives: Duration,
    /// The order of sending.
    number: u64,
    to: usize,
    resource: usize,
    report: PeerReport,
}

/// The most datagrams on the way: two legacy daemons in a storm fill every queue.
const IN_FLIGHT: usize = 100;

/// Applications go on reporting while the daemon is stopped; a socket holds so many.
const INBOX: usize = 200;

/// More steps than this in one instant are none of a real pair.
const AT_ONCE: u32 = 20_000;

impl<D: Daemon, W: Watch<D>> World<D, W> {
    /// Two hosts with the same resources in the same order; no daemon runs yet.
    pub fn new(nodes: [Vec<Node<D>>; 2], link: Link, seed: u64, watch: W) -> World<D, W> {
        World {
            now: Duration::ZERO,
            hosts: nodes.map(|nodes| Host { nodes, paused: false, inbox: VecDeque::new() }),
            link,
            watch,
            chance: Chance::new(seed ^ 0xfa17),
            draws: Chance::new(seed ^ 0xd1ce),
            flying: BinaryHeap::new(),
            sent: 0,
        }
    }

    /// The time since the beginning.
    pub fn now(&self) -> Duration {
        self.now
    }

    /// The hosts.
    pub fn hosts(&self) -> &[Host<D>; 2] {
        &self.hosts
    }

    /// Lets time pass until `end`; what is due then is not done yet.
    pub fn run_until(&mut self, end: Duration) {
        self.run_until_so(end, |_| false);
    }

    /// Lets time pass until it is so, but not beyond `end`. True if it is so.
    pub fn run_until_so(&mut self, end: Duration, so: impl Fn(&[Host<D>; 2]) -> bool) -> bool {
        let mut at_once = 0_u32;
        while !so(&self.hosts) {
            let nodes = self.hosts.iter().flat_map(|host| &host.nodes);
            let timers = nodes.map(Node::next).min().unwrap_or(Duration::MAX);
            let arrival = self.flying.peek().map_or(Duration::MAX, |Reverse(flight)| flight.arrives);
            let next = timers.min(arrival).max(self.now);
            at_once = if next > self.now { 0 } else { at_once + 1 };
            if at_once > AT_ONCE {
                self.watch.stands_still(self.now);
            }
            if next >= end || at_once > AT_ONCE {
                self.go_to(end);
                return false;
            }
            self.go_to(next);
            if arrival <= next {
                self.arrive();
            } else {
                self.turn();
            }
        }
        true
    }

    fn go_to(&mut self, next: Duration) {
        if next > self.now {
            self.watch.pass(self.now, next, &self.hosts, &self.link);
            self.now = next;
        }
    }

    fn arrive(&mut self) {
        let Some(Reverse(flight)) = self.flying.pop() else { return };
        if !self.link.directions[1 - flight.to].cut {
            self.give(flight.to, flight.resource, Event::Peer(flight.report));
        }
    }

    /// What is due on the nodes.
    fn turn(&mut self) {
        for side in 0..2 {
            for resource in 0..self.hosts[side].nodes.len() {
                if self.hosts[side].nodes[resource].next() <= self.now {
                    self.turn_node(side, resource);
                }
            }
        }
    }

    fn turn_node(&mut self, side: usize, resource: usize) {
        while let Some(report) = self.hosts[side].nodes[resource].report(self.now) {
            self.give(side, resource, report);
        }
        if !self.hosts[side].paused {
            self.run_commands(side, resource);
            let node = &self.hosts[side].nodes[resource];
            if node.is_up() && node.daemon().next_deadline() <= self.now {
                self.give(side, resource, Event::Tick);
            }
        }
        self.reckon(side, resource);
    }

    /// Gives a daemon an event: now, or when it runs again.
    pub fn give(&mut self, side: usize, resource: usize, event: Event) {
        let host = &mut self.hosts[side];
        if host.paused {
            if host.inbox.len() < INBOX {
                host.inbox.push_back((resource, event));
            }
            return;
        }
        self.take_step(side, resource, Some(event));
        self.run_commands(side, resource);
        self.reckon(side, resource);
    }

    fn run_commands(&mut self, side: usize, resource: usize) {
        while let Some(event) = self.hosts[side].nodes[resource].run_commands(self.now) {
            self.take_step(side, resource, Some(event));
        }
    }

    fn reckon(&mut self, side: usize, resource: usize) {
        let Host { nodes, paused, .. } = &mut self.hosts[side];
        nodes[resource].reckon(*paused);
    }

    fn take_step(&mut self, side: usize, resource: usize, event: Option<Event>) {
        let node = &mut self.hosts[side].nodes[resource];
        if !node.is_up() {
            return;
        }
        let before = node.daemon().state();
        let actions = match event {
            Some(event) => node.daemon_mut().handle(self.now, event, &mut self.draws),
            None => node.daemon_mut().start(self.now, &mut self.draws),
        };
        for action in &actions {
            match action {
                Action::Send { code, random, extended } => {
                    let report =
                        self.hosts[side].nodes[resource].daemon().datagram(*code, *random, *extended);
                    self.send(side, resource, report);
                }
                Action::Exit => self.hosts[side].nodes[resource].set_up(false),
                Action::Activate
                | Action::Start
                | Action::Stop
                | Action::Deactivate { .. }
                | Action::Barrier => self.hosts[side].nodes[resource].commands_mut().order(*action),
                Action::Refuse(_) | Action::Notice(_) => {}
            }
        }
        let after = self.hosts[side].nodes[resource].daemon().state();
        let step = Step { side, resource, event, before, after, actions: &actions };
        self.watch.step(self.now, &step, &self.hosts);
    }

    fn send(&mut self, side: usize, resource: usize, report: PeerReport) {
        for delay in self.link.directions[side].delays(resource, &mut self.chance) {
            if self.flying.len() < IN_FLIGHT {
                self.sent += 1;
                let arrives = self.now + delay;
                self.flying.push(Reverse(Flight {
                    arrives,
                    number: self.sent,
                    to: 1 - side,
                    resource,
                    report,
                }));
            }
        }
    }
}

/// What happens to the hosts.
impl<D: Daemon, W: Watch<D>> World<D, W> {
    /// The daemon starts, unless it runs.
    pub fn start_daemon(&mut self, side: usize) {
        for resource in 0..self.hosts[side].nodes.len() {
            if !self.hosts[side].nodes[resource].is_up() {
                self.hosts[side].nodes[resource].set_up(true);
                self.take_step(side, resource, None);
                self.run_commands(side, resource);
                self.reckon(side, resource);
            }
        }
    }

    /// The daemon dies. Its application stays, and so does the interface.
    pub fn kill_daemon(&mut self, side: usize) {
        let host = &mut self.hosts[side];
        host.paused = false;
        host.inbox.clear();
        for node in &mut host.nodes {
            node.set_up(false);
            node.reckon(false);
        }
    }

    /// The host is gone, and everything on it.
    pub fn power_off(&mut self, side: usize) {
        self.kill_daemon(side);
        for node in &mut self.hosts[side].nodes {
            node.power_off();
            node.reckon(false);
        }
    }

    /// The daemon's process is stopped (SIGSTOP), if there is one.
    pub fn pause_daemon(&mut self, side: usize) {
        let host = &mut self.hosts[side];
        host.paused = host.nodes.iter().any(Node::is_up);
        let paused = host.paused;
        host.nodes.iter_mut().for_each(|node| node.reckon(paused));
    }

    /// It goes on. What waits in the sockets comes before the clock.
    pub fn resume_daemon(&mut self, side: usize) {
        self.hosts[side].paused = false;
        while let Some((resource, event)) = self.hosts[side].inbox.pop_front() {
            self.give(side, resource, event);
        }
        self.hosts[side].nodes.iter_mut().for_each(|node| node.reckon(false));
    }

    /// The application's process ends, and its daemon knows it (A3).
    pub fn kill_app(&mut self, side: usize, resource: usize) {
        let node = &mut self.hosts[side].nodes[resource];
        if node.app().is_alive() {
            node.app_mut().kill();
            self.give(side, resource, Event::AppDied);
            self.reckon(side, resource);
        }
    }

    /// A new application process that takes `switching` to follow an order.
    pub fn start_app(&mut self, side: usize, resource: usize, report: Report, switching: Duration) {
        self.hosts[side].nodes[resource].start_app(self.now, report, switching);
        self.reckon(side, resource);
    }

    /// Anything else that happens to one node.
    pub fn change(&mut self, side: usize, resource: usize, change: impl FnOnce(Duration, &mut Node<D>)) {
        change(self.now, &mut self.hosts[side].nodes[resource]);
        self.reckon(side, resource);
    }
}

impl Ord for Flight {
    fn cmp(&self, other: &Flight) -> Ordering {
        (self.arrives, self.number).cmp(&(other.arrives, other.number))
    }
}

impl PartialOrd for Flight {
    fn partial_cmp(&self, other: &Flight) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Flight {
    fn eq(&self, other: &Flight) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Flight {}
