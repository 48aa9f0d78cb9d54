//! A pair of which either host runs one of ours or a legacy daemon, and may change it.

use std::ops::{Deref, DerefMut};
use std::time::Duration;

use schrittmacher_protocol::{Event, Generation as Verdict, Settings, StateName};
use schrittmacher_simulator::Report;
use schrittmacher_testkit::double::{self, Generation};
use schrittmacher_testkit::pair::{ADDRESSES, Pair};
use schrittmacher_testkit::program;
use schrittmacher_testkit::settings;

/// The program of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    Ours,
    Legacy(Generation),
}

pub const V200: Program = Program::Legacy(Generation::V200);
pub const V182: Program = Program::Legacy(Generation::V182);

/// Messages of one host in one second from which on a run goes no further.
pub const STORM: usize = 200;

/// A pair is settled if the same side has served for this time.
const STABLE: Duration = Duration::from_secs(25);

/// A pair, and what is configured on it.
pub struct World {
    pair: Pair,
    programs: [Program; 2],
    priorities: [i32; 2],
    /// Of our daemons.
    heartbeat: Duration,
    seed: u64,
    /// Shift of the two hosts' clocks, for scenarios that start them themselves.
    pub phase: Duration,
}

impl World {
    pub fn new(programs: [Program; 2], priorities: [i32; 2], switching: Duration, seed: u64) -> World {
        World::with_heartbeat(Duration::from_secs(2), programs, priorities, switching, seed)
    }

    pub fn with_heartbeat(
        heartbeat: Duration,
        programs: [Program; 2],
        priorities: [i32; 2],
        switching: Duration,
        seed: u64,
    ) -> World {
        let configured = [0, 1].map(|host| configure(programs[host], host, priorities, heartbeat, seed));
        let pair = Pair::of(configured, switching, seed);
        World { pair, programs, priorities, heartbeat, seed, phase: Duration::ZERO }
    }

    pub fn start(&mut self, host: usize, report: Report) {
        self.start_app(host, report);
        self.start_daemon(host);
    }

    /// The daemon is stopped, and another program is started in its place a second later.
    pub fn replace(&mut self, host: usize, program: Program) {
        self.kill_daemon(host);
        self.run(1.0);
        self.programs[host] = program;
        let daemon = configure(program, host, self.priorities, self.heartbeat, self.seed);
        self.world.change(host, 0, |_, node| *node.daemon_mut() = daemon);
        self.start_daemon(host);
    }

    pub fn failover(&mut self, host: usize) {
        self.give(host, Event::Failover { force: false });
    }

    pub fn takeover(&mut self, host: usize) {
        self.give(host, Event::Takeover { force: false });
    }

    /// SIGTERM. A legacy daemon just ends.
    pub fn terminate(&mut self, host: usize) {
        self.give(host, Event::Shutdown);
    }

    /// From here on time with nobody and with both serving counts, and changes of state.
    pub fn measure(&mut self) {
        self.world.watch.measured.begin();
    }

    pub fn program(&self, host: usize) -> Program {
        self.programs[host]
    }

    /// Whether our daemon takes its peer for one of ours, if it runs.
    pub fn takes_peer_for_ours(&self, host: usize) -> bool {
        self.is_up(host) && matches!(self.resource(host).machine().peer.generation, Verdict::Ours { .. })
    }

    /// Exactly one serves, under a hot daemon; the other side is not hot; and it has been so for a while.
    pub fn is_settled(&self) -> bool {
        let serving = self.serving();
        let hot = usize::from(serving[1]);
        let rests = !self.is_up(1 - hot) || !matches!(self.state(1 - hot), StateName::Hot | StateName::ToHot);
        serving[0] != serving[1]
            && self.is_hot(hot)
            && rests
            && self.now() - self.log().stable_since >= STABLE
    }

    pub fn is_stormy(&self) -> bool {
        is_stormy(self.world.watch.measured.busiest)
    }

    /// Lets time pass; stops early in a storm.
    pub fn run(&mut self, seconds: f64) {
        let time = Duration::from_secs_f64(seconds);
        self.pair.run_while(time, |world| !is_stormy(world.watch.measured.busiest));
    }
}

fn is_stormy(busiest: [usize; 2]) -> bool {
    busiest.iter().any(|count| *count >= STORM)
}

fn configure(
    program: Program,
    host: usize,
    priorities: [i32; 2],
    heartbeat: Duration,
    seed: u64,
) -> program::Program {
    let (local, priority) = (ADDRESSES[host].into(), priorities[host]);
    match program {
        Program::Ours => program::Program::ours(Settings {
            heartbeat,
            timeout: heartbeat * 3,
            app_timeout: Duration::from_secs(10).max(heartbeat * 5),
            local,
            remote: ADDRESSES[1 - host].into(),
            ..settings(priority)
        }),
        Program::Legacy(generation) => {
            let heartbeat_intervall = Duration::from_secs(2);
            let settings = double::Settings { generation, priority, heartbeat_intervall };
            program::Program::legacy(settings, local, seed * 2 + host as u64)
        }
    }
}

impl Deref for World {
    type Target = Pair;

    fn deref(&self) -> &Pair {
        &self.pair
    }
}

impl DerefMut for World {
    fn deref_mut(&mut self) -> &mut Pair {
        &mut self.pair
    }
}
