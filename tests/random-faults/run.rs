//! One run: a plan's faults, done to a pair.

use std::time::Duration;

use schrittmacher_protocol::{Event, Settings, StateName};
use schrittmacher_simulator::{App, Daemon, Durations, Link, Node, Report, World};
use schrittmacher_testkit::program::Program;

use crate::book::{Book, is_hot};
use crate::faults::{Fault, Happening, Mark, Weather};
use crate::isolation;
use crate::plan::{END, Plan, RESOURCES, SWITCHING};
use crate::program::{Version, settings};
use crate::promises::COMMANDS;

/// A run in progress.
pub struct Run<'a> {
    pub plan: &'a Plan,
    pub versions: [Version; 2],
    pub world: World<Program, Book>,
    /// Since when the application that flaps is hot, by side.
    hot_since: [Option<Duration>; 2],
    /// Faults of a link with two paths, so far.
    link_faults: u32,
    pub seed: u64,
    /// What is ordered now are the ends of the run.
    is_at_the_ends: bool,
}

/// The resource whose application flaps, and how long it is hot.
pub const FLAPPING: usize = 0;
const HOT_FOR: Duration = Duration::from_secs(1);
/// How often it is looked at.
const LOOK: Duration = Duration::from_millis(200);

/// How many failovers are ordered in a row, and how long each may take: the limit on messages may delay its last word by a
/// twelfth of a second (P6), the link by some tens of milliseconds.
const FAILOVERS: u32 = 30;
const FOLLOWS: Duration = Duration::from_millis(250);

/// The first words of a daemon that ends are lost for so long: longer than it says them as a whole, and shorter than any
/// `timeout` less a heartbeat.
const FAREWELL_LOST: Duration = Duration::from_millis(320);
/// A daemon that ends says so every tenth of a second, its peer may have to ask what that means, and is answered.
const FAREWELL_HEARD: Duration = Duration::from_millis(500);

/// A fault of a link that concerns both paths.
pub const BOTH: u32 = 0;

/// A run with this number of broken promises ends.
const ENOUGH: usize = 5;

/// Tries a pair; what was found is in the book.
pub fn run(plan: &Plan, seed: u64, versions: [Version; 2], with_timeline: bool) -> Book {
    let mut run = begin(plan, seed, versions, with_timeline);
    for (at, happening) in &plan.agenda {
        run.until(*at);
        match *happening {
            Happening::Fault(fault) => run.strike(fault),
            Happening::Mark(mark) => run.mark(mark),
        }
        if run.world.watch.promises.broken.len() > ENOUGH {
            return run.world.watch;
        }
        // Isolations come instead of the ends.
        if run.is_isolated() && *at >= END {
            break;
        }
    }
    if run.is_isolated() {
        run.isolate_some();
    }
    run.world.watch
}

fn begin(plan: &Plan, seed: u64, versions: [Version; 2], with_timeline: bool) -> Run<'_> {
    let nodes = [0, 1].map(|side| {
        let node = &plan.nodes[side];
        let node = |resource: usize| {
            let own_seed = (seed * 2 + side as u64) * RESOURCES as u64 + resource as u64;
            // Two that step down have the same times.
            let heartbeat =
                if versions[0] == Version::OursIsolated { plan.nodes[0].heartbeat } else { node.heartbeat };
            let program = versions[side].program(node, heartbeat, side, own_seed);
            Node::new(program, node.apps[resource], node.switching[resource], node.durations)
        };
        (0..RESOURCES).map(node).collect()
    });
    let mut world = World::new(nodes, Link::new(plan.latency), seed, Book::new(seed, with_timeline));
    if versions[0] == Version::OursSigned {
        world.sign(seed);
    }
    if versions[0] == Version::OursForged {
        world.name_runs(seed);
    }
    if versions[0] == Version::OursBatched {
        world.batch(true);
    }
    if versions[0] == Version::OursSet {
        world.make_set();
        world.watch.promises.is_set = true;
    }
    if versions[0] == Version::OursTwoPaths {
        // Copies overtake each other.
        world.add_path(Link::new(3 * plan.latency));
    }
    if versions[0] == Version::OursIsolated {
        isolation::ping(&mut world, plan, seed);
    }
    world.watch.promises.flaps = versions[0] == Version::OursFlapping;
    Run { plan, versions, world, hot_since: [None; 2], link_faults: 0, seed, is_at_the_ends: false }
}

impl Run<'_> {
    fn until(&mut self, at: Duration) {
        if self.versions[0] == Version::OursFlapping {
            while self.world.now() + LOOK < at.min(END) {
                self.world.run_until(self.world.now() + LOOK);
                (0..2).for_each(|side| self.flap(side));
            }
        }
        self.world.run_until(at);
    }

    /// The application ends if it has been hot for long enough, and is started again at once.
    fn flap(&mut self, side: usize) {
        let now = self.world.now();
        let node = &self.world.hosts()[side].nodes[FLAPPING];
        let is_hot = is_hot(node) && node.app().is_serving();
        let since = self.hot_since[side].filter(|_| is_hot);
        let ends = since.is_some_and(|since| now - since >= HOT_FOR);
        self.hot_since[side] = since.or(is_hot.then_some(now)).filter(|_| !ends);
        if ends {
            self.world.kill_app(side, FLAPPING);
            let switching = self.plan.nodes[side].switching[FLAPPING];
            self.world.start_app(side, FLAPPING, Report::Standby, switching);
        }
    }

    fn mark(&mut self, mark: Mark) {
        let now = self.world.now();
        self.world.may_set_back(mark == Mark::Over);
        // While no target answers, one lost heartbeat of the peer is enough to step down.
        if mark == Mark::Calm && self.is_isolated() {
            (0..2).for_each(|side| self.world.set_reaches(side, true));
        }
        let hosts = self.world.hosts();
        let heartbeats = hosts.each_ref().map(|host| host.nodes[0].daemon().heartbeat());
        match mark {
            // A host that was set back is no orderly end, and a recording may be believed after it (ADR 25).
            Mark::Ends => self.is_at_the_ends = true,
            Mark::Calm | Mark::Over => (0..2).for_each(|side| self.good_weather(side)),
            Mark::Ended => {
                let serves = |resource: usize| {
                    hosts.iter().filter(|host| host.nodes[resource].app().is_serving()).count()
                };
                let serving = std::array::from_fn(serves);
                self.world.watch.promises.ended(now, serving);
            }
            Mark::Settled => {
                for side in 0..2 {
                    self.weather(side, Weather::harmless(heartbeats[0].min(heartbeats[1])));
                }
            }
        }
        self.world.watch.marked(now, mark);
    }

    fn strike(&mut self, fault: Fault) {
        self.world.watch.struck(self.world.now(), fault);
        let world = &mut self.world;
        match fault {
            Fault::Cut(side) => {
                self.link_faults += 1;
                self.on_paths(self.link_faults, |path| path.directions[side].cut = true);
            }
            Fault::Heal(side) => self.on_paths(BOTH, |path| path.directions[side].cut = false),
            Fault::Weather(side, weather) => {
                self.link_faults += 1;
                self.weather_on(self.link_faults, side, weather);
            }
            Fault::GoodWeather(side) => self.good_weather(side),
            Fault::KillApp(side, resource) => world.kill_app(side, resource),
            Fault::StartApp(side, resource, report, switching) => {
                let app = world.hosts()[side].nodes[resource].app();
                if !app.is_fit() || app.switching() > SWITCHING {
                    world.kill_app(side, resource);
                    world.start_app(side, resource, report, switching);
                }
            }
            Fault::HangApp(side, resource) => self.if_fit(side, resource, |app, _| app.hang()),
            Fault::WakeApp(side, resource) => {
                world.change(side, resource, |now, node| node.app_mut().resume(now));
            }
            Fault::FailApp(side, resource) => self.if_fit(side, resource, App::fail),
            Fault::SlowApp(side, resource, switching) => {
                self.if_fit(side, resource, |app, _| app.set_switching(switching));
            }
            Fault::Commands(side, resource, disorders) => world.change(side, resource, |_, node| {
                // A legacy daemon never learns how a command has ended.
                if node.daemon().is_ours() {
                    node.commands_mut().set_disorders(disorders);
                }
            }),
            Fault::CutOff(side) | Fault::Reconnect(side) => {
                let cut_off = matches!(fault, Fault::CutOff(_));
                // The targets are behind the same switch, and a legacy daemon does not look.
                if self.versions[0] == Version::OursIsolated {
                    world.set_reaches(side, !cut_off);
                } else if world.hosts()[side].nodes[0].daemon().is_ours() {
                    world.set_cut_off(side, cut_off);
                }
            }
            Fault::KillDaemon(side) => world.kill_daemon(side),
            Fault::StartDaemon(side) => world.start_daemon(side),
            Fault::KillHost(side) => world.power_off(side),
            Fault::Pause(side) => world.pause_daemon(side),
            Fault::Resume(side) => world.resume_daemon(side),
            Fault::Clock(side, by, back) => self.set_clock(side, by, back),
            Fault::Failover(side, resource, force) => self.order(side, resource, Event::Failover { force }),
            Fault::Failovers(resource) => self.order_failovers(resource),
            Fault::Takeover(side, resource) => {
                let force = self.versions[side] == Version::OursManual;
                self.order(side, resource, Event::Takeover { force });
            }
            Fault::Freeze(resource) => {
                (0..2).for_each(|side| self.order(side, resource, Event::Freeze(true)));
            }
            Fault::Thaw(resource) => {
                (0..2).for_each(|side| self.order(side, resource, Event::Freeze(false)));
            }
            Fault::Shutdown(side) => {
                self.give_all(side, Event::Shutdown);
                if self.is_at_the_ends && self.seed.is_multiple_of(2) {
                    self.lose_farewell(side);
                }
            }
            Fault::Reload(side, heartbeat) => self.reload(side, heartbeat),
            Fault::BreakFile(side) => self.hold(side, true),
            Fault::MendFile(side) => self.hold(side, false),
        }
    }

    fn if_fit(&mut self, side: usize, resource: usize, change: impl FnOnce(&mut App, Duration)) {
        if self.world.hosts()[side].nodes[resource].app().is_fit() {
            self.world.change(side, resource, |now, node| change(node.app_mut(), now));
        }
    }

    /// An operator's order to a member of a set reaches all of them.
    fn order(&mut self, side: usize, resource: usize, event: Event) {
        if self.versions[side] == Version::OursSet {
            self.give_all(side, event);
        } else {
            self.world.give(side, resource, event);
        }
    }

    /// As many orders as an impatient operator or a script gives, for two of ours whose commands and applications need no time.
    fn order_failovers(&mut self, resource: usize) {
        if self.versions.iter().any(|version| !version.is_ours()) {
            return;
        }
        let quick = (Durations::default(), Duration::ZERO);
        self.set_pace(resource, [quick; 2]);
        for _ in 0..FAILOVERS {
            let hot = (0..2).find(|side| is_hot(&self.world.hosts()[*side].nodes[resource]));
            let Some(hot) = hot else { break };
            self.order(hot, resource, Event::Failover { force: false });
            let end = self.world.now() + FOLLOWS;
            let mut was_lost = false;
            self.world.run_until_so(end, |world| {
                was_lost |= world.is_set_back() || !world.link.directions[hot].believed;
                is_hot(&world.hosts()[1 - hot].nodes[resource])
            });
            let [refused, followed] =
                [hot, 1 - hot].map(|side| is_hot(&self.world.hosts()[side].nodes[resource]));
            // A side that was set back loses a message until the two have met anew.
            if refused || was_lost {
                break;
            }
            if !followed {
                let what = format!("P2: {FOLLOWS:?} after an order no side is hot, resource {resource}");
                self.world.watch.promises.breaks(end, &what);
            }
        }
        let plan = self.plan;
        self.set_pace(
            resource,
            [0, 1].map(|side| {
                let node = &plan.nodes[side];
                (node.durations, node.switching[resource])
            }),
        );
    }

    /// The first words of a daemon that ends are lost. A peer that is ready takes over promptly all the same (S9), and not only
    /// when the hand-over comes back.
    fn lose_farewell(&mut self, side: usize) {
        let hosts = self.world.hosts();
        let released = |world: &World<Program, Book>| {
            let nodes = &world.hosts()[side].nodes;
            nodes.iter().position(|node| node.is_up() && node.daemon().state() == StateName::Leaving)
        };
        let takes = hosts[side].nodes.iter().map(|node| node.app().switching()).max().unwrap_or_default();
        let end = self.world.now() + COMMANDS + takes;
        if !self.versions.iter().all(|version| version.is_ours())
            || !self.world.run_until_so(end, |world| released(world).is_some())
        {
            return;
        }
        let Some(resource) = released(&self.world) else { return };
        let state = |world: &World<Program, Book>, side: usize| {
            let node = &world.hosts()[side].nodes[resource];
            node.is_up().then(|| node.daemon().state())
        };
        let other = &self.world.hosts()[1 - side].nodes[resource];
        let is_ready = other.app().is_standby() && state(&self.world, 1 - side) == Some(StateName::Standby);
        self.on_paths(BOTH, |path| path.directions[side].cut = true);
        self.world.run_until(self.world.now() + FAREWELL_LOST);
        self.on_paths(BOTH, |path| path.directions[side].cut = false);
        let is_taken = |world: &World<Program, Book>| {
            matches!(state(world, 1 - side), Some(StateName::ToHot | StateName::Hot))
                || state(world, side) != Some(StateName::Leaving)
        };
        let end = self.world.now() + FAREWELL_HEARD;
        if is_ready && !self.world.run_until_so(end, is_taken) {
            let what = format!(
                "S9: {FAREWELL_HEARD:?} after the words were lost no side takes over, resource {resource}"
            );
            self.world.watch.promises.breaks(end, &what);
        }
    }

    pub fn set_pace(&mut self, resource: usize, paces: [(Durations, Duration); 2]) {
        for (side, (durations, switching)) in paces.into_iter().enumerate() {
            self.world.change(side, resource, |_, node| {
                node.commands_mut().set_durations(durations);
                node.app_mut().set_switching(switching);
            });
        }
    }

    fn give_all(&mut self, side: usize, event: Event) {
        (0..RESOURCES).for_each(|resource| self.world.give(side, resource, event));
    }

    /// The first fault concerns the first path, the next one the second, the third one both, and so on. One path alone has all.
    pub fn on_paths(&mut self, fault: u32, change: impl Fn(&mut Link)) {
        if fault % 3 != 2 || self.world.second_path().is_none() {
            change(&mut self.world.link);
        }
        if fault % 3 != 1 {
            self.world.second_path().into_iter().for_each(change);
        }
    }

    fn weather(&mut self, side: usize, weather: Weather) {
        self.weather_on(BOTH, side, weather);
    }

    fn weather_on(&mut self, fault: u32, side: usize, weather: Weather) {
        self.on_paths(fault, |path| {
            let direction = &mut path.directions[side];
            direction.loss = weather.loss;
            direction.doubles = weather.doubles;
            direction.spread = weather.spread;
        });
    }

    fn good_weather(&mut self, side: usize) {
        self.weather(side, Weather::GOOD);
    }

    fn set_clock(&mut self, side: usize, by: Duration, back: bool) {
        for resource in 0..RESOURCES {
            self.world.change(side, resource, |now, node| {
                if node.daemon().goes_by_the_wall_clock() {
                    node.daemon_mut().set_clock(now, by, back);
                    node.app_mut().set_clock(now, by, back);
                }
            });
        }
    }

    /// The file is changed, and read: by a daemon that runs now, else by the next one. One that is stopped would read
    /// it later.
    fn reload(&mut self, side: usize, heartbeat: Duration) {
        // Two that step down have the same times.
        if self.world.hosts()[side].is_paused() || self.is_isolated() {
            return;
        }
        let settings = settings(&self.plan.nodes[side], side, self.versions[side], heartbeat);
        self.set_settings(side, |now| Settings { held: now.held, ..settings.clone() });
        self.give_all(side, Event::Reloaded);
    }

    /// Sets are the ones that have to look at both sides for it.
    fn hold(&mut self, side: usize, held: bool) {
        if self.versions[side] == Version::OursSet {
            self.set_settings(side, |now| Settings { held, ..now.clone() });
        }
    }

    fn set_settings(&mut self, side: usize, change: impl Fn(&Settings) -> Settings) {
        for resource in 0..RESOURCES {
            self.world.change(side, resource, |now, node| {
                if let Program::Ours(ours) = node.daemon_mut() {
                    let settings = change(ours.resource().settings());
                    ours.set_settings(now, settings);
                }
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::many::PAIRS;

    /// The broken promises of the first seeds, and the whole timeline of the first.
    fn found(versions: [Version; 2]) -> (usize, Vec<String>) {
        let books: Vec<Book> = (0..12).map(|seed| run(&Plan::new(seed), seed, versions, seed == 0)).collect();
        let broken = books.iter().filter(|book| !book.promises.broken.is_empty()).count();
        (
            broken,
            books
                .into_iter()
                .find_map(|book| book.timeline)
                .map(|timeline| timeline.lines)
                .unwrap_or_default(),
        )
    }

    #[test]
    fn what_is_known_to_be_broken_is_found_and_ours_is_not() {
        assert!(found([Version::V200, Version::V200]).0 > 0, "its races and storms (D3, D13, D14)");
        for pair in PAIRS.iter().filter(|pair| pair.promised) {
            assert_eq!(found(pair.versions).0, 0, "{}", pair.name());
        }
    }

    #[test]
    fn a_client_is_out_for_long_unless_the_address_is_announced() {
        let ours = [Version::Ours, Version::Ours];
        let outages = (0..12).map(|seed| run(&Plan::new(seed), seed, ours, false).outages());
        let [built_in, commands] =
            outages.fold([Duration::ZERO; 2], |[a, b], [x, y]| [a.max(x.longest), b.max(y.longest)]);
        assert!(built_in > Duration::ZERO && built_in <= Duration::from_secs(1), "P11: {built_in:?}");
        assert!(commands > Duration::from_secs(20), "{commands:?}");
    }

    /// From the start, or from when the pair is settled; in both directions, in one, or in each direction another path.
    #[test]
    fn with_one_of_two_paths_cut_all_the_time_nothing_changes() {
        const SETTLED: Duration = Duration::from_secs(60);
        let cuts: [&[(bool, usize)]; 5] = [
            &[(false, 0), (false, 1)],
            &[(true, 0), (true, 1)],
            &[(false, 0)],
            &[(true, 1)],
            &[(false, 0), (true, 1)],
        ];
        for (seed, cut) in (0..).zip(cuts).flat_map(|(seed, cut)| [(seed, cut), (seed + 5, cut)]) {
            let plan = Plan::new(seed);
            let mut run = begin(&plan, seed, [Version::OursTwoPaths; 2], false);
            let cut_now = |run: &mut Run<'_>| {
                for (is_second, side) in cut {
                    let path =
                        if *is_second { run.world.second_path().unwrap() } else { &mut run.world.link };
                    path.directions[*side].cut = true;
                }
            };
            if seed < 5 {
                cut_now(&mut run);
            }
            (0..2).for_each(|side| run.world.start_daemon(side));
            run.until(SETTLED);
            cut_now(&mut run);
            let states = |run: &Run<'_>| {
                let hosts = run.world.hosts().iter().flat_map(|host| &host.nodes);
                hosts.map(|node| node.daemon().state()).collect::<Vec<_>>()
            };
            let (before, switches) = (states(&run), run.world.watch.tally.switches);
            run.until(END);
            assert_eq!((states(&run), run.world.watch.tally.switches), (before, switches), "{seed}: {cut:?}");
            assert_eq!(run.world.watch.promises.broken, [], "{seed}: {cut:?}");
        }
    }

    #[test]
    fn the_same_seed_is_the_same_run() {
        let (_, first) = found([Version::Ours, Version::V200]);
        assert!(first.len() > 100);
        assert_eq!(found([Version::Ours, Version::V200]).1, first);
    }
}
