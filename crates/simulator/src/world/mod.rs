//! Two hosts and the link between them, and the passing of time.

mod batches;
mod echoes;
mod faults;
mod fences;
mod flight;
mod lost_host;
mod seeking;
mod sending;
mod sets;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::time::Duration;

use schrittmacher_protocol::{Action, Event, LostHost, Notice, Seeker, StateName};
use schrittmacher_wire::Run;

use self::fences::FenceRun;
use crate::batched::{Batched, Whole};
use crate::named::Named;
use crate::pinger::Pinger;
use crate::second_path::{Number, SecondPath};
use crate::signed::{Arrived, Parcel, Signed};
use crate::{Chance, Daemon, Link, Node};

pub use self::fences::FenceDevice;

/// One host.
#[derive(Clone, Debug)]
pub struct Host<D> {
    /// Its resources. They share one daemon process: it starts, stops and is paused for all.
    pub nodes: Vec<Node<D>>,
    paused: bool,
    cut_off: bool,
    /// Whether it is isolated, as far as it looks.
    pinger: Option<Pinger>,
    /// How it fences the other one.
    fence: Option<FenceDevice>,
    fences: u32,
    /// It was fenced, and does not start before this.
    off_until: Duration,
    /// Events that wait in the sockets of a stopped daemon.
    inbox: VecDeque<(usize, Event)>,
    seeker: Seeker,
    lost: LostHost,
    /// The last word of each resource in its state of now.
    words: Vec<Option<Parcel>>,
}

impl<D: Daemon> Host<D> {
    /// The daemon's process is stopped.
    pub fn is_paused(&self) -> bool {
        self.paused
    }

    /// Clients cannot reach it.
    pub fn is_cut_off(&self) -> bool {
        self.cut_off
    }

    fn is_up(&self) -> bool {
        self.nodes.iter().any(Node::is_up)
    }

    fn hears_peer(&self) -> bool {
        self.nodes.iter().any(|node| node.is_up() && node.daemon().hears_peer())
    }
}

/// Looks at a run. It can't change anything.
pub trait Watch<D> {
    /// From `from` to `to` nothing happens.
    fn pass(&mut self, from: Duration, to: Duration, hosts: &[Host<D>; 2], link: &Link);

    /// A daemon has taken a step, and `hosts` are as they are afterwards; its commands have not run yet.
    fn step(&mut self, now: Duration, step: &Step<'_>, hosts: &[Host<D>; 2]);

    /// More happens in one instant than is possible. Time goes on all the same.
    fn stands_still(&mut self, _now: Duration) {}
}

/// A daemon's reaction to one event.
#[derive(Clone, Copy, Debug)]
pub struct Step<'a> {
    /// The host, 0 or 1.
    pub side: usize,
    pub resource: usize,
    /// `None`: it starts.
    pub event: Option<Event>,
    pub before: StateName,
    pub after: StateName,
    pub actions: &'a [Action],
}

/// A run in progress.
#[derive(Debug)]
pub struct World<D, W> {
    now: Duration,
    hosts: [Host<D>; 2],
    /// The link; to be harmed and mended at will.
    pub link: Link,
    second: Option<SecondPath>,
    pub watch: W,
    /// The chance of the link.
    chance: Chance,
    flying: BinaryHeap<Reverse<Flight>>,
    sent: u64,
    /// Authentication, and somebody without the key.
    signed: Option<Signed>,
    /// Daemons that name their runs, and somebody who cannot read them.
    named: Option<Named>,
    /// Daemons of ours that say many resources in one datagram.
    batched: Option<Batched>,
    /// The resources of a host are one set.
    is_set: bool,
    fence_runs: Vec<FenceRun>,
}

/// A datagram on its way.
#[derive(Clone, Copy, Debug)]
struct Flight {
    arrives: Duration,
    /// The order of sending.
    number: u64,
    to: usize,
    is_second: bool,
    /// It takes longer than the link needs.
    late: bool,
    content: Content,
}

#[derive(Clone, Copy, Debug)]
enum Content {
    Plain(Parcel),
    Named(Parcel, Option<Run>),
    Numbered(Parcel, Number),
    /// By its number.
    Signed(usize),
    Whole(Whole),
    /// By its number.
    Batch(usize),
    /// Numbers that its sender does not know, by the number of the list.
    Unknown(usize),
}

/// The most datagrams on the way: two legacy daemons in a storm fill every queue.
const IN_FLIGHT: usize = 100;

/// The most that a socket holds. Applications go on reporting while the daemon is stopped.
const INBOX: usize = 200;

/// A real pair takes fewer steps in one instant.
const AT_ONCE: u32 = 20_000;

impl<D: Daemon, W: Watch<D>> World<D, W> {
    /// Two hosts with the same resources in the same order; no daemon runs yet.
    pub fn new(nodes: [Vec<Node<D>>; 2], link: Link, seed: u64, watch: W) -> World<D, W> {
        World {
            now: Duration::ZERO,
            hosts: nodes.map(|nodes| Host {
                nodes,
                paused: false,
                cut_off: false,
                pinger: None,
                fence: None,
                fences: 0,
                off_until: Duration::ZERO,
                inbox: VecDeque::new(),
                seeker: Seeker::default(),
                lost: LostHost::default(),
                words: Vec::new(),
            }),
            link,
            second: None,
            watch,
            chance: Chance::new(seed ^ 0xfa17),
            flying: BinaryHeap::new(),
            sent: 0,
            signed: None,
            named: None,
            batched: None,
            is_set: false,
            fence_runs: Vec::new(),
        }
    }

    /// From now on there is a second path, and each message goes by both.
    pub fn add_path(&mut self, link: Link) {
        self.second = Some(SecondPath::new(link, self.hosts[0].nodes.len()));
    }

    /// The second path, to be harmed and mended at will.
    pub fn second_path(&mut self) -> Option<&mut Link> {
        self.second.as_mut().map(|second| &mut second.link)
    }

    /// From now on the daemons sign, and somebody repeats, holds back and changes what they say.
    pub fn sign(&mut self, seed: u64) {
        self.signed = Some(Signed::new(self.hosts[0].nodes.len(), seed));
    }

    /// From now on the daemons name their runs, and somebody who cannot read them sends with the addresses of both.
    pub fn name_runs(&mut self, seed: u64) {
        self.named = Some(Named::new(self.hosts[0].nodes.len(), seed));
    }

    /// From now on the daemons of ours say many resources in one datagram. They go back to single messages when the peer is
    /// another program; if not, a pair whose one side is exchanged fails.
    pub fn batch(&mut self, falls_back: bool) {
        self.batched = Some(Batched::new(falls_back));
    }

    /// Whether nonces and counters may be set back to an earlier state.
    pub fn may_set_back(&mut self, may: bool) {
        if let Some(signed) = &mut self.signed {
            signed.may_set_back(may);
        }
    }

    /// Whether a side has been set back and does not know it: the other side takes none of its messages, or it none of theirs.
    pub fn is_set_back(&self) -> bool {
        self.signed.as_ref().is_some_and(Signed::is_set_back)
    }

    /// The time since the beginning.
    pub fn now(&self) -> Duration {
        self.now
    }

    pub fn hosts(&self) -> &[Host<D>; 2] {
        &self.hosts
    }

    /// Lets time pass until `end`, without the steps that are due then.
    pub fn run_until(&mut self, end: Duration) {
        self.run_until_so(end, |_| false);
    }

    /// Lets time pass until `so` holds, but not beyond `end`. True if it holds.
    pub fn run_until_so(&mut self, end: Duration, mut so: impl FnMut(&World<D, W>) -> bool) -> bool {
        let mut at_once = 0_u32;
        while !so(self) {
            let nodes = self.hosts.iter().flat_map(|host| &host.nodes);
            let timers = nodes.map(Node::next).min().unwrap_or(Duration::MAX);
            let arrival = self.flying.peek().map_or(Duration::MAX, |Reverse(flight)| flight.arrives);
            let acts = [self.signed.as_ref().map(Signed::next), self.named.as_ref().map(Named::next)];
            let act = acts.into_iter().flatten().min().unwrap_or(Duration::MAX);
            let echo = self.next_echo();
            let fence = self.next_fence();
            let seek = self.next_seek();
            let next = timers.min(arrival).min(act).min(echo).min(fence).min(seek).max(self.now);
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
            } else if act <= next {
                self.be_attacked();
            } else if echo <= next {
                self.send_echoes();
            } else if fence <= next {
                self.run_fences();
            } else if seek <= next {
                self.seek();
            } else {
                self.turn();
            }
        }
        true
    }

    fn go_to(&mut self, next: Duration) {
        if next > self.now {
            for side in 0..2 {
                let signed = self.signed.as_ref().map(|signed| signed.believes(1 - side));
                let named = self.named.as_ref().map(|named| named.believes(1 - side));
                self.link.directions[side].believed = signed.or(named).unwrap_or(true);
            }
            let joined = self.second.as_ref().map(|second| self.link.joined(&second.link));
            self.watch.pass(self.now, next, &self.hosts, joined.as_ref().unwrap_or(&self.link));
            self.now = next;
        }
    }

    fn arrive(&mut self) {
        let Some(Reverse(flight)) = self.flying.pop() else { return };
        let (to, now) = (flight.to, self.now);
        let direction = match &mut self.second {
            Some(second) if flight.is_second => &mut second.link.directions[1 - to],
            _ => &mut self.link.directions[1 - to],
        };
        if direction.cut {
            return;
        }
        if flight.late {
            direction.late = now;
        }
        let hears_peer = self.hosts[to].hears_peer();
        let arrived = match flight.content {
            Content::Plain((resource, report)) => return self.give(to, resource, Event::Peer(report)),
            Content::Signed(_) | Content::Named(..) | Content::Numbered(..) if !self.hosts[to].is_up() => {
                return;
            }
            Content::Signed(number) => self.signed.as_mut().map(|signed| signed.arrive(to, number, now)),
            Content::Numbered(parcel, number) => {
                self.second.as_mut().map(|second| second.arrive(to, parcel, number, hears_peer, now))
            }
            Content::Named(parcel, run) => {
                self.named.as_mut().map(|named| named.arrive(to, parcel, run, hears_peer, now))
            }
            Content::Whole(_) | Content::Batch(_) | Content::Unknown(_) => {
                return self.arrive_batched(to, flight.content);
            }
        };
        if let Some(arrived) = arrived {
            self.take(to, arrived);
        }
    }

    /// Somebody has a datagram arrive at a side, also over a link that is cut.
    fn be_attacked(&mut self) {
        let hear_peer = self.hosts.each_ref().map(Host::hears_peer);
        let act = match (&mut self.signed, &mut self.named) {
            (Some(signed), _) => signed.act(self.now),
            (None, Some(named)) => named.act(hear_peer, self.now),
            (None, None) => None,
        };
        let Some((side, arrived)) = act else { return };
        if self.hosts[side].is_up() {
            self.take(side, arrived);
        }
    }

    fn take(&mut self, side: usize, arrived: Arrived) {
        if let Some(number) = arrived.answer {
            // Of no resource: the losses of each are counted.
            self.launch(side, &[self.hosts[side].nodes.len()], Content::Signed(number));
        }
        for parcel in arrived.repeated {
            self.send(side, parcel);
        }
        if let Some((resource, report)) = arrived.message {
            self.give(side, resource, Event::Peer(report));
        }
    }

    /// Takes the steps that are due on the nodes.
    fn turn(&mut self) {
        for side in 0..2 {
            for resource in 0..self.hosts[side].nodes.len() {
                if self.hosts[side].nodes[resource].next() <= self.now {
                    self.turn_node(side, resource);
                }
            }
            let batch = self.batched.as_mut().and_then(|batched| batched.flush(side));
            if let Some((list, resources)) = batch {
                self.launch(side, &resources, Content::Batch(list));
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
        self.schedule(side, resource);
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
        if matches!(event, Event::Peer(_) | Event::App(_)) {
            self.overhear(side, resource);
        }
        self.take_step(side, resource, Some(event));
        self.run_commands(side, resource);
        self.schedule(side, resource);
    }

    /// The other resources of a daemon share its sockets.
    fn overhear(&mut self, side: usize, receiver: usize) {
        let now = self.now;
        for (resource, node) in self.hosts[side].nodes.iter_mut().enumerate() {
            if resource != receiver && node.is_up() {
                node.daemon_mut().overhear(now);
                node.schedule(false);
            }
        }
    }

    fn run_commands(&mut self, side: usize, resource: usize) {
        while let Some(event) = self.hosts[side].nodes[resource].run_commands(self.now) {
            self.take_step(side, resource, Some(event));
        }
    }

    fn schedule(&mut self, side: usize, resource: usize) {
        let Host { nodes, paused, .. } = &mut self.hosts[side];
        nodes[resource].schedule(*paused);
    }

    fn take_step(&mut self, side: usize, resource: usize, event: Option<Event>) {
        let machine = self.hosts[side].nodes[resource].daemon().ours().map(|ours| ours.machine());
        let left = machine.is_some_and(|machine| machine.peer.leaving);
        let actions = self.take_step_alone(side, resource, event);
        if self.is_set {
            self.guide_set(side);
        }
        self.follow_host(side, resource, event, left, &actions);
    }

    fn take_step_alone(&mut self, side: usize, resource: usize, event: Option<Event>) -> Vec<Action> {
        let node = &mut self.hosts[side].nodes[resource];
        if !node.is_up() {
            return Vec::new();
        }
        let before = node.daemon().state();
        let sought = node.daemon().ours().is_some_and(|ours| ours.machine().seeks());
        let actions = match event {
            Some(event) => node.daemon_mut().handle(self.now, event),
            None => node.daemon_mut().start(self.now),
        };
        if before != self.hosts[side].nodes[resource].daemon().state() {
            self.forget_word(side, resource);
        }
        for action in &actions {
            match action {
                Action::Send { code, random, extended, note, promise: _, epoch } => {
                    let daemon = self.hosts[side].nodes[resource].daemon();
                    let parcel = (resource, daemon.datagram(*code, *random, *extended, *note, *epoch));
                    let occasion = batches::occasion(event, &actions, before == daemon.state());
                    self.note_word(side, parcel);
                    self.say(side, parcel, occasion);
                }
                Action::Exit => self.hosts[side].nodes[resource].exit(self.now),
                Action::Command(command) => {
                    self.hosts[side].nodes[resource].commands_mut().order(*command);
                }
                Action::Notice(Notice::Paused) => {
                    if let Some(signed) = &mut self.signed {
                        signed.paused(side, self.now);
                    }
                }
                Action::Fence(asked) => self.fence(side, resource, *asked),
                Action::Refuse(_) | Action::Notice(_) | Action::Witness(_) => {}
            }
        }
        self.note_seeking(side, resource);
        if sought && matches!(event, Some(Event::Peer(_))) {
            self.end_seeking(side, resource);
        }
        let after = self.hosts[side].nodes[resource].daemon().state();
        let step = Step { side, resource, event, before, after, actions: &actions };
        self.watch.step(self.now, &step, &self.hosts);
        actions
    }
}
