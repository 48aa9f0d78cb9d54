//! A pair in virtual time that a test plays with: daemons, applications and the link, of one resource.
//!
//! P4 and P5 are checked at every step.

use std::time::Duration;

use schrittmacher_protocol::{Event, Resource, Settings, StateName};
use schrittmacher_simulator::{App, Daemon, Direction, Durations, Link, Node, Report, World};
use schrittmacher_wire::PeerCode;

use crate::measured::Ordered;
use crate::program::Program;
use crate::settings;
use crate::story::Story;

/// The time of a datagram on its way.
pub const LATENCY: Duration = Duration::from_micros(300);

/// The pair.
pub struct Pair {
    pub world: World<Program, Story>,
    /// How long applications that are started take to switch.
    switching: Duration,
    /// When a daemon that was stopped goes on.
    paused_until: [Option<Duration>; 2],
}

impl Pair {
    /// Two hosts on which nothing runs yet.
    pub fn of(programs: [Program; 2], switching: Duration, seed: u64) -> Pair {
        let nodes = programs.map(|program| {
            let mut node = Node::new(program, Report::Unknown, switching, Durations::default());
            node.app_mut().kill();
            vec![node]
        });
        let world = World::new(nodes, Link::new(LATENCY), seed, Story::default());
        Pair { world, switching, paused_until: [None; 2] }
    }

    /// Two daemons of ours that start now; no application yet.
    pub fn new(a: Settings, b: Settings) -> Pair {
        Pair::seeded(a, b, 0)
    }

    /// The same with another seed of what the link does.
    pub fn seeded(a: Settings, b: Settings, seed: u64) -> Pair {
        let ours = |settings: Settings, side: usize| {
            let [local, remote] = [ADDRESSES[side], ADDRESSES[1 - side]].map(Into::into);
            Program::ours(Settings { local, remote, ..settings })
        };
        let mut pair = Pair::of([ours(a, 0), ours(b, 1)], Duration::ZERO, seed);
        (0..2).for_each(|side| pair.start_daemon(side));
        pair
    }

    /// A pair of ours that has found its roles.
    pub fn settled() -> Pair {
        Pair::settled_with(settings(0), settings(0))
    }

    /// The same with other settings.
    pub fn settled_with(a: Settings, b: Settings) -> Pair {
        Pair::new(a, b).settle()
    }

    /// Starts both applications, and lets the pair find its roles.
    #[must_use]
    pub fn settle(mut self) -> Pair {
        (0..2).for_each(|side| self.start_app(side, Report::Unknown));
        self.run(Duration::from_secs(60));
        self.assert_settled();
        self
    }

    pub fn now(&self) -> Duration {
        self.world.now()
    }

    /// Writes down what the test does.
    pub fn note(&mut self, text: impl Into<String>) {
        let now = self.now();
        self.world.watch.note(now, text.into());
    }

    /// The end of what happened.
    pub fn log(&self) -> &Story {
        &self.world.watch
    }
}

/// Of side 0 and side 1.
pub const ADDRESSES: [[u8; 4]; 2] = [[10, 0, 0, 1], [10, 0, 0, 2]];

/// Faults and orders.
impl Pair {
    pub fn start_daemon(&mut self, side: usize) {
        self.note(format!("host{side}: daemon starts"));
        self.world.start_daemon(side);
    }

    pub fn kill_daemon(&mut self, side: usize) {
        self.note(format!("host{side}: daemon killed"));
        self.paused_until[side] = None;
        self.world.kill_daemon(side);
    }

    /// The daemon ends for a restart, and leaves everything as it is.
    pub fn leave_daemon(&mut self, side: usize) {
        self.note(format!("host{side}: daemon ends for a restart"));
        self.paused_until[side] = None;
        self.world.leave_daemon(side);
    }

    pub fn start_app(&mut self, side: usize, report: Report) {
        self.note(format!("host{side}: application starts, {report:?}"));
        self.world.start_app(side, 0, report, self.switching);
    }

    /// The application ends, and a daemon that watches the process knows it.
    pub fn kill_app(&mut self, side: usize) {
        self.note(format!("host{side}: application killed"));
        self.world.kill_app(side, 0);
    }

    /// Anything else that happens to an application.
    pub fn change_app(&mut self, side: usize, change: impl FnOnce(&mut App, Duration)) {
        self.world.change(side, 0, |now, node| change(node.app_mut(), now));
    }

    /// Gives a daemon an event: now, or when it runs again.
    pub fn give(&mut self, side: usize, event: Event) {
        self.note(format!("host{side}: {event:?}"));
        self.world.give(side, 0, event);
    }

    /// The daemon's process is stopped for a while (S11).
    pub fn pause(&mut self, side: usize, duration: Duration) {
        self.note(format!("host{side}: daemon stopped for {duration:?}"));
        self.world.pause_daemon(side);
        self.paused_until[side] = self.world.hosts()[side].is_paused().then(|| self.now() + duration);
    }

    /// A daemon that was stopped goes on now.
    pub fn resume(&mut self, side: usize) {
        self.paused_until[side] = None;
        self.world.resume_daemon(side);
    }

    /// Nothing that this side says arrives any more.
    pub fn mute(&mut self, side: usize) {
        self.note(format!("host{side}: cut off"));
        self.world.link.directions[side].cut = true;
    }

    /// Nothing arrives any more.
    pub fn cut(&mut self) {
        (0..2).for_each(|side| self.mute(side));
    }

    /// Everything arrives again.
    pub fn heal(&mut self) {
        self.note("the link is back");
        self.world.link.set_cut(false);
    }

    /// Changes what the link does in both directions.
    pub fn weather(&mut self, change: impl Fn(&mut Direction)) {
        self.world.link.directions.iter_mut().for_each(change);
    }

    /// Both applications, those to be started as well, and both stop commands take this long.
    pub fn slow(&mut self, switching: Duration, stop: Duration) {
        self.switching = switching;
        for side in 0..2 {
            self.world.change(side, 0, |_, node| {
                node.app_mut().set_switching(switching);
                node.commands_mut().set_durations(Durations { stop, ..Durations::default() });
            });
        }
    }

    /// Lets time pass.
    pub fn run(&mut self, duration: Duration) {
        self.run_while(duration, |_| true);
    }

    /// Lets time pass as long as this is so.
    pub fn run_while(&mut self, duration: Duration, so: impl Fn(&World<Program, Story>) -> bool) {
        let end = self.now() + duration;
        loop {
            let wake = self.paused_until.iter().flatten().min().map_or(end, |wake| end.min(*wake));
            if self.world.run_until_so(wake, |world| !so(world)) {
                return;
            }
            for side in 0..2 {
                if self.paused_until[side].take_if(|until| *until <= wake).is_some() {
                    self.world.resume_daemon(side);
                }
            }
            if wake == end {
                return;
            }
        }
    }

    /// Runs until this is so, and returns how long that took. Not longer than `limit`.
    pub fn run_until(&mut self, limit: Duration, so: impl Fn(&Pair) -> bool) -> Duration {
        let start = self.now();
        while !so(self) {
            assert!(self.now() - start < limit, "not within {limit:?}\n{}", self.log());
            self.run(Duration::from_millis(5));
        }
        self.now() - start
    }

    /// Runs until both serve, by application or by address, or for this long. Whether they do.
    pub fn run_watched(&mut self, duration: Duration) -> bool {
        let end = self.now() + duration;
        while self.now() < end && !self.both_serve() {
            self.run(Duration::from_millis(5));
        }
        self.both_serve()
    }
}

/// Its state.
impl Pair {
    pub fn node(&self, side: usize) -> &Node<Program> {
        &self.world.hosts()[side].nodes[0]
    }

    pub fn app(&self, side: usize) -> &App {
        self.node(side).app()
    }

    pub fn is_up(&self, side: usize) -> bool {
        self.node(side).is_up()
    }

    pub fn interface_is_up(&self, side: usize) -> bool {
        self.node(side).commands().interface_is_up()
    }

    /// The resource of one of ours.
    pub fn resource(&self, side: usize) -> &Resource {
        self.node(side).daemon().resource().expect("one of ours")
    }

    pub fn state(&self, side: usize) -> StateName {
        assert!(self.is_up(side), "no daemon\n{}", self.log());
        self.node(side).daemon().state()
    }

    pub fn is_hot(&self, side: usize) -> bool {
        self.is_up(side) && self.state(side) == StateName::Hot
    }

    /// The one hot side.
    pub fn hot_side(&self) -> usize {
        let hot: Vec<usize> = (0..2).filter(|side| self.is_hot(*side)).collect();
        assert_eq!(hot.len(), 1, "exactly one hot side, not {hot:?}\n{}", self.log());
        hot[0]
    }

    /// The sides whose applications serve.
    pub fn serving(&self) -> [bool; 2] {
        [0, 1].map(|side| self.app(side).is_serving())
    }

    /// Both applications serve, or both sides have the address.
    pub fn both_serve(&self) -> bool {
        self.serving() == [true; 2] || (self.interface_is_up(0) && self.interface_is_up(1))
    }

    /// One side is hot with its interface up and its application hot; the other is standby with neither.
    pub fn assert_settled(&self) {
        let hot = self.hot_side();
        let log = self.log();
        assert!(self.app(hot).is_serving() && self.interface_is_up(hot), "{log}");
        assert_eq!(self.state(1 - hot), StateName::Standby, "{log}");
        assert!(self.app(1 - hot).is_standby() && !self.interface_is_up(1 - hot), "{log}");
    }

    /// Changes of state so far.
    pub fn changes(&self) -> u32 {
        self.world.watch.measured.changes.iter().sum()
    }

    pub fn sent_per_second(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a rate")]
        let sent = self.world.watch.measured.sent.iter().sum::<u64>() as f64;
        sent / self.now().as_secs_f64().max(1.0)
    }

    /// How many messages with this code a side has sent.
    pub fn count_sent(&self, side: usize, code: PeerCode) -> u64 {
        self.ordered(side).sent(code)
    }

    /// What a side has ordered its application, and sent.
    pub fn ordered(&self, side: usize) -> Ordered {
        self.world.watch.measured.ordered(side, 0)
    }
}
