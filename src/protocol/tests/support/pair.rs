//! A pair of nodes, their applications and the link between them, in virtual time.
//!
//! What must hold at every moment is checked at every step: P4, P5, and where a failed application may be.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;
use std::time::Duration;

use schrittmacher_protocol::{Action, Event, PeerReport, Resource, Settings, StateName, Time};
use schrittmacher_simulation::Chance;
use schrittmacher_wire::PeerCode;

use super::node::{APP_PERIOD, App, AppState, Command, Node};
use super::settings;

/// What the link does to datagrams.
pub struct Link {
    pub latency: Duration,
    /// Added to the latency by chance; more than the gap between two messages reorders them.
    pub jitter: Duration,
    /// Lost and duplicated datagrams, in a thousand.
    pub loss: u32,
    pub duplicates: u32,
}

/// The pair.
pub struct Pair {
    pub now: Time,
    pub nodes: [Node; 2],
    pub link: Link,
    pub chance: Chance,
    flying: BTreeMap<(Time, u64), (usize, PeerReport)>,
    sequence: u64,
    sent: u64,
    started: Time,
    /// Changes of state so far.
    pub changes: u32,
    /// Write down what happens.
    pub logging: bool,
    log: VecDeque<String>,
}

impl Pair {
    /// Two daemons that start now; no application yet.
    pub fn new(a: Settings, b: Settings) -> Pair {
        let node = |settings: Settings, local: [u8; 4], remote: [u8; 4]| {
            Node::new(Settings { local: local.into(), remote: remote.into(), ..settings }, Time::ZERO)
        };
        Pair {
            now: Time::ZERO,
            nodes: [node(a, [10, 0, 0, 1], [10, 0, 0, 2]), node(b, [10, 0, 0, 2], [10, 0, 0, 1])],
            link: Link {
                latency: Duration::from_micros(300),
                jitter: Duration::ZERO,
                loss: 0,
                duplicates: 0,
            },
            chance: Chance::new(0),
            flying: BTreeMap::new(),
            sequence: 0,
            sent: 0,
            started: Time::ZERO,
            changes: 0,
            logging: true,
            log: VecDeque::new(),
        }
    }

    /// A pair that has found its roles.
    pub fn settled() -> Pair {
        Pair::settled_with(settings(0), settings(0))
    }

    /// The same with other settings.
    pub fn settled_with(a: Settings, b: Settings) -> Pair {
        let mut pair = Pair::new(a, b);
        pair.start_app(0, AppState::Unknown);
        pair.start_app(1, AppState::Unknown);
        pair.run(Duration::from_secs(60));
        pair.assert_settled();
        pair
    }

    pub fn start_app(&mut self, node: usize, state: AppState) {
        let app = App { state, hung: false, stubborn: false, beats_at: self.now, switched_at: None };
        self.nodes[node].app = Some(app);
    }

    pub fn app(&mut self, node: usize) -> &mut App {
        self.nodes[node].app.as_mut().expect("the application runs")
    }

    /// The application ends, and the daemon, which watches the process, learns it.
    pub fn kill_app(&mut self, node: usize) {
        if self.nodes[node].app.take().is_some() {
            self.give(node, Event::AppDied);
        }
    }

    pub fn kill_daemon(&mut self, node: usize) {
        self.nodes[node].kill_daemon();
    }

    pub fn start_daemon(&mut self, node: usize) {
        let now = self.now;
        let node = &mut self.nodes[node];
        node.resource = Some(Resource::new(node.settings.clone(), now));
    }

    /// The daemon's process is stopped for a while (S11).
    pub fn pause(&mut self, node: usize, duration: Duration) {
        if self.nodes[node].resource.is_some() {
            self.nodes[node].paused_until = Some(self.now + duration);
        }
    }

    pub fn cut(&mut self) {
        self.nodes.iter_mut().for_each(|node| node.heard = false);
    }

    pub fn heal(&mut self) {
        self.nodes.iter_mut().for_each(|node| node.heard = true);
    }

    /// Both applications and stop commands take this long.
    pub fn slow(&mut self, switching: Duration, stop_takes: Duration) {
        for node in &mut self.nodes {
            (node.switching, node.stop_takes) = (switching, stop_takes);
        }
    }

    /// Gives a daemon an event: now, or when it runs again.
    pub fn give(&mut self, node: usize, event: Event) {
        if self.nodes[node].paused_until.is_some() {
            self.nodes[node].inbox.push(event);
            return;
        }
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            let Some(resource) = &mut self.nodes[node].resource else { return };
            let before = resource.state().name();
            let actions = resource.handle(self.now, event);
            let after = resource.state().name();
            self.changes += u32::from(before != after);
            if self.logging && (before != after || event != Event::Tick) {
                self.note(&format!("node{node} {before} {event:?} -> {after} {actions:?}"));
            }
            for action in actions {
                self.carry_out(node, before, action);
            }
            events.extend(self.nodes[node].run_commands(self.now));
            self.check(node);
        }
    }

    fn carry_out(&mut self, node: usize, before: StateName, action: Action) {
        let me = &mut self.nodes[node];
        match action {
            Action::Send { code, random, extended } => {
                if before == StateName::Releasing && matches!(code, PeerCode::Fovr | PeerCode::Tcnf) {
                    assert!(!me.interface_up && me.busy_until.is_none(), "P5\n{}", self.log());
                }
                self.send(node, code, random, extended);
            }
            Action::Start => me.enqueue(Command::Start),
            Action::Stop => me.enqueue(Command::Stop),
            Action::Activate => {
                me.interface_wanted = true;
                me.enqueue(Command::Activate);
            }
            Action::Deactivate { urgent } => {
                me.interface_wanted = false;
                if urgent {
                    me.deactivate_at_once();
                } else {
                    me.enqueue(Command::Deactivate);
                }
            }
            Action::Barrier => me.enqueue(Command::Barrier),
            Action::Exit => me.kill_daemon(),
            Action::Refuse(_) | Action::Notice(_) => {}
        }
    }

    fn send(&mut self, node: usize, code: PeerCode, random: u32, extended: bool) {
        self.sent += 1;
        let me = &mut self.nodes[node];
        me.count_message(self.now);
        let report = PeerReport {
            code: Some(code),
            priority: me.settings.priority,
            random,
            host: Some(me.settings.local),
            has_type: true,
            period: extended.then_some(me.settings.heartbeat),
        };
        if !me.heard {
            return;
        }
        let copies = match self.chance.below(1000) {
            roll if roll < self.link.loss => 0,
            roll if roll < self.link.loss + self.link.duplicates => 2,
            _ => 1,
        };
        for _ in 0..copies {
            let at = self.now + self.link.latency + self.chance.duration(self.link.jitter);
            self.sequence += 1;
            self.flying.insert((at, self.sequence), (1 - node, report));
        }
    }

    /// What must hold at every moment.
    fn check(&self, node: usize) {
        let node = &self.nodes[node];
        let Some(resource) = &node.resource else { return };
        let (state, failed) = (resource.state().name(), resource.machine().app.failed);
        match state {
            StateName::Unknown | StateName::Hot => assert!(!failed, "P4 in {state}\n{}", self.log()),
            StateName::Standby | StateName::ToStandby | StateName::Failed => {
                assert!(!node.interface_wanted, "P4: interface in {state}\n{}", self.log());
                assert!(!failed || state == StateName::Failed, "P4 in {state}\n{}", self.log());
            }
            StateName::ToHot | StateName::Releasing | StateName::Leaving => {}
        }
    }

    /// Lets time pass.
    pub fn run(&mut self, duration: Duration) {
        let end = self.now + duration;
        let mut turns = 0_u32;
        loop {
            let nodes = self.nodes.iter().filter_map(Node::next);
            let flying = self.flying.keys().next().map(|(at, _)| *at);
            let next = nodes.chain(flying).min().unwrap_or(end).max(self.now);
            if next >= end {
                self.now = end;
                return;
            }
            turns = if next > self.now { 0 } else { turns + 1 };
            assert!(turns < 10_000, "time stands still\n{}", self.log());
            self.now = next;
            self.turn();
        }
    }

    /// Runs until this is so, and says how long that took. Not longer than `limit`.
    pub fn run_until(&mut self, limit: Duration, so: impl Fn(&Pair) -> bool) -> Duration {
        let start = self.now;
        while !so(self) {
            assert!(self.now.since(start) < limit, "not within {limit:?}\n{}", self.log());
            self.run(Duration::from_millis(5));
        }
        self.now.since(start)
    }

    fn turn(&mut self) {
        let now = self.now;
        while let Some(entry) = self.flying.first_entry() {
            if entry.key().0 > now {
                break;
            }
            let (to, report) = entry.remove();
            if self.nodes[1 - to].heard && self.nodes[to].resource.is_some() {
                self.give(to, Event::Peer(report));
            }
        }
        for index in 0..2 {
            self.turn_of(index);
        }
    }

    fn turn_of(&mut self, index: usize) {
        let now = self.now;
        let node = &mut self.nodes[index];
        if let Some(app) = &mut node.app {
            app.switch(now);
            if !app.hung && now >= app.beats_at {
                app.beats_at = now + APP_PERIOD;
                let report = app.report();
                self.give(index, Event::App(Some(report)));
            }
        }
        for event in self.nodes[index].run_commands(now) {
            self.give(index, event);
        }
        let node = &mut self.nodes[index];
        if node.paused_until.is_some_and(|until| now >= until) {
            node.paused_until = None;
            for event in std::mem::take(&mut node.inbox) {
                self.give(index, event);
            }
        }
        let node = &self.nodes[index];
        if node.paused_until.is_none() && node.resource.as_ref().is_some_and(|r| now >= r.next_deadline()) {
            self.give(index, Event::Tick);
        }
    }

    pub fn state(&self, node: usize) -> StateName {
        self.nodes[node].resource.as_ref().expect("the daemon runs").state().name()
    }

    pub fn is_hot(&self, node: usize) -> bool {
        self.nodes[node].resource.as_ref().is_some_and(|r| r.state().name() == StateName::Hot)
    }

    /// The one hot node.
    pub fn hot_node(&self) -> usize {
        let hot: Vec<usize> = (0..2).filter(|node| self.is_hot(*node)).collect();
        assert_eq!(hot.len(), 1, "exactly one hot node, not {hot:?}\n{}", self.log());
        hot[0]
    }

    /// One side hot with its interface up and its application hot; the other standby with neither.
    pub fn assert_settled(&self) {
        let hot = self.hot_node();
        let app = |node: usize| self.nodes[node].app.as_ref().map(|app| app.state);
        assert_eq!(app(hot), Some(AppState::Hot), "{}", self.log());
        assert!(self.nodes[hot].interface_up, "{}", self.log());
        assert_eq!(self.state(1 - hot), StateName::Standby, "{}", self.log());
        assert_eq!(app(1 - hot), Some(AppState::Standby), "{}", self.log());
        assert!(!self.nodes[1 - hot].interface_up, "{}", self.log());
    }

    pub fn sent_per_second(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a rate")]
        let sent = self.sent as f64;
        sent / self.now.since(self.started).as_secs_f64().max(1.0)
    }

    pub fn note(&mut self, text: &str) {
        if self.log.len() == 60 {
            self.log.pop_front();
        }
        self.log.push_back(format!("{:9.3} {text}", self.now.since_origin().as_secs_f64()));
    }

    /// The end of what happened.
    pub fn log(&self) -> String {
        self.log.iter().fold(String::new(), |mut text, line| {
            writeln!(text, "{line}").unwrap();
            text
        })
    }

    /// How many messages with this code a node has sent.
    pub fn count_sent(&self, node: usize, code: PeerCode) -> u64 {
        self.nodes[node].resource.as_ref().map_or(0, |resource| resource.counters().to_peer(code))
    }
}
