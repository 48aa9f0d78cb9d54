//! Hosts that are isolated: they reach neither the peer nor a target (`ping-address`, `on-isolation = step-down`).
//!
//! The faults of a seed take targets away as well. After them come isolations in good order, of which is promised that the
//! isolated side has stopped before the other one serves (`docs/adr/0096-evidence-of-isolation.md`).

use std::time::Duration;

use schrittmacher_protocol::StateName;
use schrittmacher_simulator::{Chance, Daemon, Durations, Host, Link, Node, World};
use schrittmacher_testkit::program::Program;

use crate::book::{Book, is_hot};
use crate::plan::{Plan, RESOURCES, SETTLES};
use crate::program::Version;
use crate::promises::{has_address, is_ready};
use crate::run::{BOTH, Run};

/// Isolations of a seed.
const ISOLATIONS: u32 = 6;
/// Makes other chances of a seed.
const CHANCES: u64 = 0x69_736f_6c61;

/// What the other side waits for at least: its timeout, less the heartbeat that it may have heard last.
fn waits(plan: &Plan) -> Duration {
    2 * plan.nodes[0].heartbeat
}

/// Both sides look whether they are isolated; in every second seed there are two paths between them.
pub fn ping(world: &mut World<Program, Book>, plan: &Plan, seed: u64) {
    let mut chance = Chance::new(seed ^ CHANCES);
    let ping_timeout = waits(plan) / 2;
    for side in 0..2 {
        world.ping(side, ping_timeout, chance.duration(ping_timeout));
    }
    if seed.is_multiple_of(2) {
        world.add_path(Link::new(3 * plan.latency));
    }
}

impl Run<'_> {
    pub fn is_isolated(&self) -> bool {
        self.versions[0] == Version::OursIsolated
    }

    /// One isolation after the other: of either side or of both, from any moment on, with any order of the ends.
    pub fn isolate_some(&mut self) {
        let mut chance = Chance::new(self.seed ^ CHANCES ^ 1);
        let waits = waits(self.plan);
        // A quarter of the time is for stopping: command and application together.
        let quick = Durations { stop: waits / 20, deactivate: waits / 20, ..Durations::default() };
        (0..RESOURCES).for_each(|resource| self.set_pace(resource, [(quick, waits / 20); 2]));
        (0..2).for_each(|side| self.set_reaches(side, true));
        // A heartbeat that the calm has lost a moment ago would be the last one before the cut, for which nothing is promised.
        self.pass(2 * waits);
        for _ in 0..ISOLATIONS {
            if !self.settle() {
                return;
            }
            self.pass(chance.duration(2 * waits));
            let first = chance.index(2);
            self.set_isolated(first, true);
            let both = chance.permille(300);
            if both {
                self.pass(chance.duration(2 * waits));
                self.set_reaches(1 - first, false);
            }
            self.pass(4 * waits);
            if !both {
                self.expect_the_other(first);
            }
            self.pass(chance.duration(2 * waits));
            self.join(first, &mut chance);
        }
    }

    fn set_reaches(&mut self, side: usize, reaches: bool) {
        let what = format!("targets of {}: {}", ["A", "B"][side], if reaches { "answer" } else { "silent" });
        self.world.watch.note(self.world.now(), &what);
        self.world.set_reaches(side, reaches);
    }

    fn set_cut(&mut self, cut: bool) {
        self.world.watch.note(self.world.now(), if cut { "every path is cut" } else { "every path works" });
        self.on_paths(BOTH, |path| path.set_cut(cut));
    }

    fn set_isolated(&mut self, side: usize, isolated: bool) {
        self.set_reaches(side, !isolated);
        self.set_cut(isolated);
    }

    /// The network is back: all at once, the targets first, or the peer first. The neighbours find each other within half a timeout.
    fn join(&mut self, first: usize, chance: &mut Chance) {
        let between = chance.duration(self.plan.nodes[0].heartbeat * 3 / 2);
        match chance.below(3) {
            0 => self.set_isolated(first, false),
            1 => {
                self.set_reaches(first, true);
                self.pass(between);
                self.set_isolated(first, false);
            }
            _ => {
                self.set_cut(false);
                self.pass(between);
                self.set_isolated(first, false);
            }
        }
        self.pass(between);
        (0..2).for_each(|side| self.set_reaches(side, true));
    }

    /// Lets time pass; at no moment both may serve.
    fn pass(&mut self, time: Duration) {
        let end = self.world.now() + time;
        if self.world.run_until_so(end, |world| both_serve(world).is_some()) {
            let resource = both_serve(&self.world).unwrap_or_default();
            let now = self.world.now();
            let what = format!("isolation: both serve, resource {resource}");
            self.world.watch.promises.breaks(now, &what);
            self.world.run_until(end);
        }
    }

    /// What could serve beside an isolated host does.
    fn expect_the_other(&mut self, isolated: usize) {
        let hosts = self.world.hosts();
        let idle = (0..RESOURCES).find(|resource| {
            is_ready(&hosts[1 - isolated], *resource) && !is_hot(&hosts[1 - isolated].nodes[*resource])
        });
        if let Some(resource) = idle {
            let now = self.world.now();
            let what = format!("isolation: the other side does not serve, resource {resource}");
            self.world.watch.promises.breaks(now, &what);
        }
    }

    /// Waits until each resource that both sides could serve is served by one, and all hear their peer: a network that is back for
    /// less than a heartbeat is not back. False: not in time.
    fn settle(&mut self) -> bool {
        let end = self.world.now() + SETTLES;
        let settles = self.world.run_until_so(end, is_settled);
        if !settles {
            self.world.watch.promises.breaks(end, "isolation: the pair does not settle after it (P2)");
        }
        settles
    }
}

fn is_settled(world: &World<Program, Book>) -> bool {
    let hosts = world.hosts();
    let hear = |host: &Host<Program>| host.nodes.iter().all(|node| node.daemon().hears_peer());
    let is_served = |resource: usize| {
        [(0, 1), (1, 0)].iter().any(|(hot, other)| {
            let [hot, other] = [hot, other].map(|side| &hosts[*side].nodes[resource]);
            let rests = other.app().is_standby() && other.daemon().state() == StateName::Standby;
            is_hot(hot) && hot.app().is_serving() && rests
        })
    };
    let could_both = |resource: &usize| hosts.iter().all(|host| is_ready(host, *resource));
    hosts.iter().all(hear) && (0..RESOURCES).filter(could_both).all(is_served)
}

/// A side whose address does not come up gives up the role without waiting for its application.
fn both_serve(world: &World<Program, Book>) -> Option<usize> {
    let all = |so: &dyn Fn(&Node<Program>) -> bool, resource: usize| {
        world.hosts().iter().all(|host| so(&host.nodes[resource]))
    };
    (0..RESOURCES)
        .find(|resource| all(&|node| node.app().is_serving(), *resource) && all(&has_address, *resource))
}
