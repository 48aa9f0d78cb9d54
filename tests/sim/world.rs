//! One run: two nodes with their resources, the link, and a plan's faults, in virtual time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use schrittmacher_legacy_double as legacy;
use schrittmacher_protocol::{Event, PeerReport, Settings};
use schrittmacher_wire::PeerCode;

use crate::chance::Chance;
use crate::node::{Done, Message, Node, Program, Version};
use crate::plan::{END, Fault, NodePlan, PEACE, Plan, RESOURCES, SETTLED};
use crate::tally::Tally;

/// A run in progress.
pub struct World {
    versions: [Version; 2],
    now: Duration,
    /// Resources by node.
    nodes: [[Node; RESOURCES]; 2],
    /// Whether the daemon's process is stopped, and what waits in its sockets.
    paused: [bool; 2],
    inbox: [Vec<(usize, Event)>; 2],
    link: Link,
    chance: Chance,
    draws: Chance,
    /// (arrival, order of sending, receiver, resource, what)
    flying: BinaryHeap<Reverse<(Duration, u64, Datagram)>>,
    sent: u64,
    /// Since when the link is whole and both daemons run undisturbed.
    calm_since: Duration,
    /// How long two hot daemons may meet (P1).
    both_hot: Duration,
    both_hot_since: [Option<Duration>; RESOURCES],
    pub tally: Tally,
    pub broken: Vec<String>,
    /// Changes of state when the pair had to be settled.
    settled: Option<(u32, [Option<usize>; RESOURCES])>,
    timeline: Option<Vec<String>>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Datagram {
    to: usize,
    resource: usize,
    code: PeerCode,
    random: u32,
    extended: bool,
}

struct Link {
    latency: Duration,
    cut: [bool; 2],
    loss: u32,
    doubles: u32,
    jitter: Duration,
}

/// The most datagrams on the way.
const IN_FLIGHT: usize = 100;

/// Most applications queue their reports for as long as the daemon is stopped; a socket holds so many.
const INBOX: usize = 200;

impl World {
    pub fn new(plan: &Plan, seed: u64, versions: [Version; 2], timeline: bool) -> World {
        let nodes = [0, 1].map(|side| {
            std::array::from_fn(|resource| {
                let node = &plan.nodes[side];
                let program = program(&plan.nodes, side, versions[side]);
                Node::new(program, node.apps[resource], node.switching[resource], node.stop_takes)
            })
        });
        let slowest = plan.nodes.iter().map(|node| node.heartbeat).max().unwrap_or_default();
        let legacy = versions.iter().any(|version| *version != Version::Ours);
        let beat = if legacy { slowest.max(Duration::from_secs(2)) } else { slowest };
        World {
            versions,
            now: Duration::ZERO,
            nodes,
            paused: [false; 2],
            inbox: [Vec::new(), Vec::new()],
            link: Link {
                latency: plan.latency,
                cut: [false; 2],
                loss: 0,
                doubles: 0,
                jitter: Duration::ZERO,
            },
            chance: Chance::new(seed ^ 0xfa17),
            draws: Chance::new(seed ^ 0xd1ce),
            flying: BinaryHeap::new(),
            sent: 0,
            calm_since: Duration::ZERO,
            both_hot: 2 * beat + Duration::from_secs(1),
            both_hot_since: [None; RESOURCES],
            tally: Tally::default(),
            broken: Vec::new(),
            settled: None,
            timeline: timeline.then(Vec::new),
        }
    }

    /// Runs to the end of the plan.
    pub fn run(&mut self, plan: &Plan) {
        let starts = [0, 1].map(|node| (Duration::ZERO, Fault::StartDaemon(node)));
        let marks = [SETTLED, END].map(|at| (at, None));
        let faults = starts.iter().chain(&plan.faults).map(|(at, fault)| (*at, Some(*fault)));
        let mut agenda: Vec<(Duration, Option<Fault>)> = faults.chain(marks).collect();
        agenda.sort_by_key(|(at, _)| *at);
        for (at, fault) in agenda {
            self.pass(at);
            match fault {
                Some(fault) => self.strike(fault),
                None if at == SETTLED => self.settled = Some((self.changes(), self.expect_settled())),
                None => self.expect_unchanged(),
            }
            if self.broken.len() > 5 {
                break;
            }
        }
        self.tally.most_messages =
            [0, 1].map(|side| self.nodes[side].iter().map(|node| node.most_sent).max().unwrap_or(0));
    }

    /// Lets time pass until `end`.
    fn pass(&mut self, end: Duration) {
        let mut at_once = 0_u32;
        loop {
            let timers = self.nodes.iter().flatten().map(|node| node.next).min().unwrap_or(Duration::MAX);
            let arrival = self.flying.peek().map_or(Duration::MAX, |Reverse((at, _, _))| *at);
            let next = timers.min(arrival).max(self.now);
            if next >= end {
                return self.go_to(end);
            }
            at_once = if next > self.now { 0 } else { at_once + 1 };
            if at_once > 20_000 {
                // The legacy can: a storm at the speed of the link, which has no latency then.
                self.breaks("P6: time stands still");
                return self.go_to(end);
            }
            self.go_to(next);
            if arrival <= next {
                self.arrive();
            } else {
                self.turn();
            }
        }
    }

    fn go_to(&mut self, next: Duration) {
        let passed = next.saturating_sub(self.now);
        if !passed.is_zero() {
            for resource in 0..RESOURCES {
                let serving = (0..2).filter(|side| self.nodes[*side][resource].serves()).count();
                self.tally.serving[serving] += passed;
            }
            self.now = next;
        }
        for resource in 0..RESOURCES {
            self.watch_two_hot(resource);
        }
    }

    /// P1, all the time.
    fn watch_two_hot(&mut self, resource: usize) {
        let both = self.nodes.iter().all(|side| side[resource].is_hot());
        let since = &mut self.both_hot_since[resource];
        if !both {
            *since = None;
            return;
        }
        let since = (*since.get_or_insert(self.now)).max(self.calm_since);
        if self.is_calm() && self.now.saturating_sub(since) > self.both_hot {
            self.breaks(&format!("P1: both hot for more than {:?}, resource {resource}", self.both_hot));
            self.calm_since = self.now;
        }
    }

    fn is_calm(&self) -> bool {
        let Link { cut, loss, jitter, .. } = &self.link;
        *cut == [false; 2] && *loss == 0 && jitter.is_zero() && self.paused == [false; 2]
    }

    fn arrive(&mut self) {
        let Some(Reverse((_, _, datagram))) = self.flying.pop() else { return };
        let Datagram { to, resource, code, random, extended } = datagram;
        if self.link.cut[1 - to] {
            return;
        }
        let from = &self.nodes[1 - to][resource];
        let classic = self.versions[1 - to] == Version::V182;
        let report = PeerReport {
            code: Some(code),
            priority: from.priority(),
            random,
            host: (!classic).then_some(address(1 - to)),
            has_type: !classic,
            period: from.period().filter(|_| extended),
        };
        self.give(to, resource, Event::Peer(report));
    }

    /// What is due on the nodes.
    fn turn(&mut self) {
        let now = self.now;
        for side in 0..2 {
            for resource in 0..RESOURCES {
                if self.nodes[side][resource].next > now {
                    continue;
                }
                let node = &mut self.nodes[side][resource];
                let mut events = node.app_turn(now);
                events.extend(node.run_commands(now));
                for event in events {
                    self.give(side, resource, event);
                }
                if !self.paused[side] && self.nodes[side][resource].timer_is_due(now) {
                    self.give(side, resource, Event::Tick);
                }
                let paused = self.paused[side];
                self.nodes[side][resource].reckon(paused);
            }
        }
    }

    /// Gives a daemon an event: now, or when it runs again.
    fn give(&mut self, side: usize, resource: usize, event: Event) {
        if self.paused[side] {
            if self.inbox[side].len() < INBOX {
                self.inbox[side].push((resource, event));
            }
            return;
        }
        let draws = &mut self.draws;
        let done = self.nodes[side][resource].give(self.now, event, &mut || draws.draw());
        self.after(side, resource, Some(event), done);
    }

    fn after(&mut self, side: usize, resource: usize, event: Option<Event>, done: Done) {
        if self.timeline.is_some() && (done.changed.is_some() || !done.actions.is_empty()) {
            self.tell(side, resource, event, &done);
        }
        if let Some((_, after)) = &done.changed
            && after == "Hot"
        {
            self.tally.switches += 1;
        }
        for what in done.broken {
            self.breaks(&format!("{} resource {resource}: {what}", name(side)));
        }
        for message in done.messages {
            self.send(side, resource, message);
        }
        let paused = self.paused[side];
        self.nodes[side][resource].reckon(paused);
    }

    fn send(&mut self, side: usize, resource: usize, message: Message) {
        self.tally.messages += 1;
        if self.link.cut[side] {
            return;
        }
        let copies = match self.chance.below(1000) {
            roll if roll < self.link.loss => 0,
            roll if roll < self.link.loss + self.link.doubles => 2,
            _ => 1,
        };
        let Message { code, random, extended } = message;
        // Two legacy daemons in a storm fill every queue.
        let copies = if self.flying.len() < IN_FLIGHT { copies } else { 0 };
        for _ in 0..copies {
            let at = self.now + self.link.latency + self.chance.duration(self.link.jitter);
            self.sent += 1;
            let datagram = Datagram { to: 1 - side, resource, code, random, extended };
            self.flying.push(Reverse((at, self.sent, datagram)));
        }
    }

    // ----- faults -------------------------------------------------------------------------------------

    fn strike(&mut self, fault: Fault) {
        if self.now < PEACE && fault.counts() {
            self.tally.faults += 1;
        }
        if let Some(timeline) = &mut self.timeline {
            timeline.push(format!("{:>9.3} s  -- {fault:?}", self.now.as_secs_f64()));
        }
        let now = self.now;
        match fault {
            Fault::Cut(side) => self.link.cut[side] = true,
            Fault::Heal(side) => self.link.cut[side] = false,
            Fault::Weather { loss, doubles, jitter } => {
                (self.link.loss, self.link.doubles, self.link.jitter) = (loss, doubles, jitter);
            }
            Fault::KillApp(side, resource) => {
                let node = &mut self.nodes[side][resource];
                if node.app().is_alive() {
                    node.app().kill();
                    self.give(side, resource, Event::AppDied);
                }
            }
            Fault::StartApp(side, resource, report, switching) => {
                self.nodes[side][resource].start_app(now, report, switching);
            }
            Fault::HangApp(side, resource) => {
                if self.nodes[side][resource].app().is_fit() {
                    self.nodes[side][resource].app().hang();
                }
            }
            Fault::WakeApp(side, resource) => self.nodes[side][resource].app().resume(now),
            Fault::FailApp(side, resource) => {
                if self.nodes[side][resource].app().is_fit() {
                    self.nodes[side][resource].app().fail(now);
                }
            }
            Fault::KillDaemon(side) => self.kill_daemon(side),
            Fault::StartDaemon(side) => self.start_daemon(side),
            Fault::KillHost(side) => {
                self.kill_daemon(side);
                self.nodes[side].iter_mut().for_each(Node::power_off);
            }
            Fault::Pause(side) => self.paused[side] = self.nodes[side].iter().any(Node::is_up),
            Fault::Resume(side) => self.resume(side),
            Fault::Failover(side, resource, force) => self.give(side, resource, Event::Failover { force }),
            Fault::Takeover(side, resource) => self.give(side, resource, Event::Takeover),
            Fault::Shutdown(side) if self.versions[side] == Version::Ours => {
                (0..RESOURCES).for_each(|resource| self.give(side, resource, Event::Shutdown));
            }
            // A legacy daemon just ends (D2).
            Fault::Shutdown(side) => self.kill_daemon(side),
            Fault::Reload(side) => {
                (0..RESOURCES).for_each(|resource| self.give(side, resource, Event::Reloaded));
            }
        }
        self.calm_since = now;
        for side in 0..2 {
            let paused = self.paused[side];
            self.nodes[side].iter_mut().for_each(|node| node.reckon(paused));
        }
    }

    fn kill_daemon(&mut self, side: usize) {
        self.paused[side] = false;
        self.inbox[side].clear();
        self.nodes[side].iter_mut().for_each(Node::kill_daemon);
    }

    fn start_daemon(&mut self, side: usize) {
        for resource in 0..RESOURCES {
            let draws = &mut self.draws;
            let done = self.nodes[side][resource].start_daemon(self.now, &mut || draws.draw());
            self.after(side, resource, None, done);
        }
    }

    /// What waits in the sockets comes before the clock.
    fn resume(&mut self, side: usize) {
        self.paused[side] = false;
        for (resource, event) in std::mem::take(&mut self.inbox[side]) {
            self.give(side, resource, event);
        }
    }

    // ----- what must be so at the end -----------------------------------------------------------------

    fn changes(&self) -> u32 {
        self.nodes.iter().flatten().map(|node| node.changes).sum()
    }

    /// P2: one side is hot, the other standby, everywhere.
    fn expect_settled(&mut self) -> [Option<usize>; RESOURCES] {
        std::array::from_fn(|resource| {
            let [a, b] = [0, 1].map(|side| &self.nodes[side][resource]);
            let hot = |node: &Node| node.is_hot() && node.serves() && node.interface_is_up();
            let standby = |node: &Node| node.is_standby() && node.app_is_standby();
            let found = match (hot(a) && standby(b), hot(b) && standby(a)) {
                (true, _) => Some(0),
                (_, true) => Some(1),
                _ => None,
            };
            if found.is_none() {
                let states = [a.state(), b.state()];
                self.breaks(&format!("P2: resource {resource} is {} and {}", states[0], states[1]));
            }
            found
        })
    }

    /// P3: and nothing changes any more.
    fn expect_unchanged(&mut self) {
        let changes = self.changes();
        if self.settled.as_ref().is_some_and(|(before, _)| *before != changes) {
            self.breaks("P3: a settled pair changes without a cause");
        }
    }

    fn breaks(&mut self, what: &str) {
        let line = format!("{:>9.3} s  {what}", self.now.as_secs_f64());
        if let Some(timeline) = &mut self.timeline {
            timeline.push(format!("{line}  <== BROKEN"));
        }
        self.broken.push(line);
    }

    fn tell(&mut self, side: usize, resource: usize, event: Option<Event>, done: &Done) {
        let cause = match event {
            Some(Event::Peer(report)) => format!("peer says {}", report.code.map_or("?", PeerCode::as_str)),
            Some(Event::App(Some(code))) => format!("application says {code}"),
            Some(Event::Tick) => "time".to_owned(),
            Some(other) => format!("{other:?}"),
            None => "starts".to_owned(),
        };
        let change = done.changed.as_ref().map_or_else(String::new, |(from, to)| format!("{from} -> {to}  "));
        let says: Vec<&str> = done.messages.iter().map(|message| message.code.as_str()).collect();
        let line = format!(
            "{:>9.3} s  {}{resource}  {cause:<24} {change}{} {}",
            self.now.as_secs_f64(),
            name(side),
            if says.is_empty() { String::new() } else { format!("says {}", says.join(" ")) },
            done.actions.join(", "),
        );
        if let Some(timeline) = &mut self.timeline {
            timeline.push(line);
        }
    }

    /// What happened, line by line.
    pub fn timeline(&self) -> &[String] {
        self.timeline.as_deref().unwrap_or_default()
    }
}

fn name(side: usize) -> &'static str {
    ["A", "B"][side]
}

fn address(side: usize) -> std::net::IpAddr {
    [[10, 0, 0, 1], [10, 0, 0, 2]][side].into()
}

fn program(nodes: &[NodePlan; 2], side: usize, version: Version) -> Program {
    let node = &nodes[side];
    let generation = match version {
        Version::Ours => {
            return Program::Ours(Settings {
                heartbeat: node.heartbeat,
                timeout: 3 * node.heartbeat,
                app_timeout: Duration::from_secs(10),
                going_hot_timeout: Duration::from_secs(20),
                going_standby_timeout: Duration::from_secs(6),
                startup_delay: node.startup_delay,
                priority: node.priority,
                preempt: node.preempt,
                local: address(side),
                remote: address(1 - side),
                extensions: true,
            });
        }
        Version::V200 => legacy::Generation::V200,
        Version::V182 => legacy::Generation::V182,
    };
    let heartbeat_intervall = Duration::from_secs(2);
    Program::Legacy(legacy::Settings { generation, priority: node.priority, heartbeat_intervall })
}
