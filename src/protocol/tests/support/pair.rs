//! A pair of nodes, their applications and the link between them, in virtual time.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;
use std::time::Duration;

use schrittmacher_protocol::{Action, Event, PeerReport, Resource, Settings, StateName, Time};
use schrittmacher_wire::{AppCode, PeerCode};

use super::settings;

/// What an application reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AppState {
    Unknown,
    Standby,
    Hot,
    ToHot,
    ToStandby,
}

impl AppState {
    fn report(self) -> AppCode {
        match self {
            AppState::Unknown => AppCode::Lunk,
            AppState::Standby => AppCode::Lsby,
            AppState::Hot => AppCode::Lhot,
            AppState::ToHot => AppCode::L2ht,
            AppState::ToStandby => AppCode::L2sb,
        }
    }
}

/// One node.
struct Node {
    settings: Settings,
    resource: Option<Resource>,
    app: Option<AppState>,
    app_beats_at: Time,
    switched_at: Option<Time>,
    interface_up: bool,
    /// Whether the peer hears the node.
    heard: bool,
}

/// Something under way.
#[derive(Clone, Debug)]
enum Delivery {
    Datagram { to: usize, report: PeerReport },
}

/// The pair.
pub struct Pair {
    pub now: Time,
    nodes: [Node; 2],
    queue: BTreeMap<(Time, u64), Delivery>,
    sequence: u64,
    sent: u64,
    started: Time,
    latency: Duration,
    /// How long an application takes to switch.
    pub switching: Duration,
    log: String,
}

const APP_PERIOD: Duration = Duration::from_millis(1500);

impl Pair {
    /// Two daemons that start now; no application yet.
    pub fn new(a: Settings, mut b: Settings) -> Pair {
        let node = |settings: Settings, address: [u8; 4], remote: [u8; 4]| {
            let settings = Settings { local: address.into(), remote: remote.into(), ..settings };
            Node {
                resource: Some(Resource::new(settings.clone(), Time::ZERO)),
                settings,
                app: None,
                app_beats_at: Time::ZERO,
                switched_at: None,
                interface_up: false,
                heard: true,
            }
        };
        b.remote = a.local;
        Pair {
            now: Time::ZERO,
            nodes: [node(a, [10, 0, 0, 1], [10, 0, 0, 2]), node(b, [10, 0, 0, 2], [10, 0, 0, 1])],
            queue: BTreeMap::new(),
            sequence: 0,
            sent: 0,
            started: Time::ZERO,
            latency: Duration::from_micros(300),
            switching: Duration::ZERO,
            log: String::new(),
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
        let now = self.now;
        let node = &mut self.nodes[node];
        node.app = Some(state);
        node.switched_at = None;
        node.app_beats_at = now;
    }

    /// The application ends, and the daemon, which watches the process, learns it.
    pub fn kill_app(&mut self, node: usize) {
        self.nodes[node].app = None;
        self.nodes[node].switched_at = None;
        self.give(node, Event::AppDied);
    }

    pub fn kill_daemon(&mut self, node: usize) {
        self.nodes[node].resource = None;
    }

    pub fn start_daemon(&mut self, node: usize) {
        let now = self.now;
        let node = &mut self.nodes[node];
        node.resource = Some(Resource::new(node.settings.clone(), now));
    }

    pub fn cut(&mut self) {
        self.nodes.iter_mut().for_each(|node| node.heard = false);
    }

    pub fn heal(&mut self) {
        self.nodes.iter_mut().for_each(|node| node.heard = true);
    }

    /// Gives a node an event now.
    pub fn give(&mut self, node: usize, event: Event) {
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            let Some(resource) = &mut self.nodes[node].resource else { return };
            let before = resource.state().name();
            let actions = resource.handle(self.now, event);
            let after = resource.state().name();
            if before != after || event != Event::Tick {
                writeln!(
                    self.log,
                    "{:9.3} node{node} {before} {event:?} -> {after} {actions:?}",
                    self.now.since_origin().as_secs_f64()
                )
                .unwrap();
            }
            for action in actions {
                self.carry_out(node, action, &mut events);
            }
        }
    }

    fn carry_out(&mut self, node: usize, action: Action, events: &mut VecDeque<Event>) {
        let (now, switching, latency) = (self.now, self.switching, self.latency);
        let me = &mut self.nodes[node];
        match action {
            Action::Send { code, random, extended } => {
                self.sent += 1;
                if me.heard {
                    let report = PeerReport {
                        code: Some(code),
                        priority: me.settings.priority,
                        random,
                        host: Some(me.settings.local),
                        has_type: true,
                        period: extended.then_some(me.settings.heartbeat),
                    };
                    self.sequence += 1;
                    self.queue
                        .insert((now + latency, self.sequence), Delivery::Datagram { to: 1 - node, report });
                }
            }
            Action::Start => {
                if let Some(app) = &mut me.app
                    && !matches!(app, AppState::Hot | AppState::ToHot)
                {
                    *app = AppState::ToHot;
                    me.switched_at = Some(now + switching);
                }
                events.push_back(Event::StartBegan);
            }
            Action::Stop => {
                if let Some(app) = &mut me.app
                    && !matches!(app, AppState::Standby | AppState::ToStandby)
                {
                    *app = AppState::ToStandby;
                    me.switched_at = Some(now + switching);
                }
            }
            Action::Activate => me.interface_up = true,
            Action::Deactivate { .. } => me.interface_up = false,
            Action::Barrier => events.push_back(Event::Released),
            Action::Exit => me.resource = None,
            Action::Refuse(_) | Action::Notice(_) => {}
        }
    }

    /// Lets time pass.
    pub fn run(&mut self, duration: Duration) {
        let end = self.now + duration;
        loop {
            let mut next = end;
            for node in &self.nodes {
                if let Some(resource) = &node.resource {
                    next = next.min(resource.next_deadline());
                }
                if node.app.is_some() {
                    next = next.min(node.app_beats_at);
                    if let Some(at) = node.switched_at {
                        next = next.min(at);
                    }
                }
            }
            if let Some((key, _)) = self.queue.first_key_value() {
                next = next.min(key.0);
            }
            self.now = self.now.max(next);
            if self.now >= end {
                return;
            }
            self.turn();
        }
    }

    fn turn(&mut self) {
        let now = self.now;
        while let Some(entry) = self.queue.first_entry() {
            if entry.key().0 > now {
                break;
            }
            match entry.remove() {
                Delivery::Datagram { to, report } => {
                    if self.nodes[1 - to].heard {
                        self.give(to, Event::Peer(report));
                    }
                }
            }
        }
        for index in 0..2 {
            let node = &mut self.nodes[index];
            if let (Some(app), Some(at)) = (node.app, node.switched_at)
                && now >= at
            {
                node.app = Some(if app == AppState::ToHot { AppState::Hot } else { AppState::Standby });
                node.switched_at = None;
                node.app_beats_at = now;
            }
            if let Some(app) = node.app
                && now >= node.app_beats_at
            {
                node.app_beats_at = now + APP_PERIOD;
                self.give(index, Event::App(Some(app.report())));
            }
            if self.nodes[index].resource.as_ref().is_some_and(|resource| now >= resource.next_deadline()) {
                self.give(index, Event::Tick);
            }
        }
    }

    pub fn state(&self, node: usize) -> StateName {
        self.nodes[node].resource.as_ref().expect("the daemon runs").state().name()
    }

    /// The one hot node.
    pub fn hot_node(&self) -> usize {
        let hot: Vec<usize> = (0..2)
            .filter(|node| {
                self.nodes[*node].resource.as_ref().is_some_and(|r| r.state().name() == StateName::Hot)
            })
            .collect();
        assert_eq!(hot.len(), 1, "exactly one hot node, not {hot:?}\n{}", self.log());
        hot[0]
    }

    /// One side hot with its interface up and its application hot; the other standby with neither.
    pub fn assert_settled(&self) {
        let hot = self.hot_node();
        assert_eq!(self.nodes[hot].app, Some(AppState::Hot), "{}", self.log());
        assert!(self.nodes[hot].interface_up, "{}", self.log());
        assert_eq!(self.state(1 - hot), StateName::Standby, "{}", self.log());
        assert_eq!(self.nodes[1 - hot].app, Some(AppState::Standby), "{}", self.log());
        assert!(!self.nodes[1 - hot].interface_up, "{}", self.log());
    }

    pub fn sent_per_second(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a rate")]
        let sent = self.sent as f64;
        sent / self.now.since(self.started).as_secs_f64().max(1.0)
    }

    /// The end of what happened.
    pub fn log(&self) -> String {
        let lines: Vec<&str> = self.log.lines().collect();
        lines[lines.len().saturating_sub(60)..].join("\n")
    }

    /// How many messages with this code a node has sent.
    pub fn count_sent(&self, node: usize, code: PeerCode) -> u64 {
        self.nodes[node].resource.as_ref().map_or(0, |resource| resource.counters().to_peer(code))
    }
}
