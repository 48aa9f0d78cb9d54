//! One thing happens to a settled pair, many times: how long is the service away?

use std::time::Duration;

use schrittmacher_protocol::{Event, Settings, StateName};
use schrittmacher_simulator::{Chance, Daemon, Host, Link, Node, Ours, Report, Step, Watch, World};
use serde::Serialize;

use super::SimulateArgs;

/// A fault of the hot side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scenario {
    /// The application's process ends, and the daemon knows it.
    AppEnds,
    /// The application falls silent; so does one that ends and whose process is not known.
    AppHangs,
    /// The host is gone.
    HostLost,
    /// The operator's failover.
    Failover,
    /// The other side hears nothing for as long as it bears it, and then everything again.
    FalseAlarm,
}

/// A pair that is simulated, with everything but chance.
pub(super) struct Pair<'a> {
    pub settings: &'a [Settings; 2],
    pub args: &'a SimulateArgs,
}

/// The outcome of a scenario, over all runs.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Outcome {
    /// How often it was simulated.
    pub runs: u32,
    /// How long nobody served.
    pub nobody: Spread,
    /// How long both did.
    pub two: Spread,
    /// How long it took until the other side served, or, after a false alarm, one side alone.
    pub done: Spread,
    /// Runs in which that did not happen within the time that it was waited for.
    pub never: u32,
}

/// How times are spread over runs, in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(super) struct Spread {
    pub mean: f64,
    pub median: f64,
    pub p99: f64,
    pub worst: f64,
}

/// Counts the time with nobody and with two serving.
#[derive(Clone, Copy, Debug, Default)]
struct Served {
    nobody: Duration,
    two: Duration,
}

/// The heartbeats of a scenario: some seconds of work.
const HEARTBEATS: u128 = 20_000_000;

/// Fewer runs say nothing.
const LEAST_RUNS: u32 = 10;

const SECOND: Duration = Duration::from_secs(1);

impl Pair<'_> {
    /// Simulates this many times.
    pub fn outcome(&self, scenario: Scenario) -> Outcome {
        let mut chance = Chance::new(self.args.seed);
        let (mut nobody, mut two, mut done) = (Vec::new(), Vec::new(), Vec::new());
        let mut never = 0;
        let runs = self.runs();
        for _ in 0..runs {
            let (served, took) = self.once(scenario, &mut chance);
            nobody.push(served.nobody.as_secs_f64());
            two.push(served.two.as_secs_f64());
            match took {
                Some(took) => done.push(took.as_secs_f64()),
                None => never += 1,
            }
        }
        Outcome { runs, nobody: Spread::of(nobody), two: Spread::of(two), done: Spread::of(done), never }
    }

    /// As many as wanted; fewer if each takes very many heartbeats, as one with an `app-timeout` of an hour does.
    fn runs(&self) -> u32 {
        let beats = 2 * self.patience().as_nanos() / self.shortest_heartbeat().as_nanos().max(1);
        let affordable = u32::try_from(HEARTBEATS / beats.max(1)).unwrap_or(u32::MAX);
        self.args.runs.min(affordable.max(LEAST_RUNS))
    }

    /// A pair of which nothing but chance differs from run to run: when what was started, and with it every phase.
    pub fn start<W: Watch<Ours>>(&self, chance: &mut Chance, watch: W) -> World<Ours, W> {
        let nodes = self.settings.each_ref().map(|settings| {
            let daemon = Ours::new(settings.clone());
            vec![Node::new(daemon, Report::Standby, self.args.switching, self.args.durations())]
        });
        let seed = (u64::from(chance.draw()) << 32) | u64::from(chance.draw());
        let mut world = World::new(nodes, self.args.link(), seed, watch);
        for side in 0..2 {
            world.run_until(world.now() + chance.duration(2 * SECOND));
            world.start_app(side, 0, Report::Standby, self.args.switching);
            world.run_until(world.now() + chance.duration(2 * self.heartbeat()));
            world.start_daemon(side);
        }
        world.run_until_so(world.now() + self.patience(), |world| hot_side(world.hosts()).is_some());
        // The effects of a start come to their end; then any phase.
        world.run_until(world.now() + 10 * self.heartbeat() + self.preempts_after());
        world.run_until(world.now() + chance.duration(2 * self.heartbeat() + 2 * SECOND));
        world
    }

    /// The time after which a side of higher priority takes over, if one of them may.
    fn preempts_after(&self) -> Duration {
        let of = |settings: &Settings| settings.timeout.max(settings.app_timeout) + 2 * self.args.switching;
        let may = self.settings.iter().filter(|settings| settings.preempt);
        may.map(of).max().unwrap_or_default()
    }

    fn once(&self, scenario: Scenario, chance: &mut Chance) -> (Served, Option<Duration>) {
        let mut world = self.start(chance, Served::default());
        let limit = world.now() + 10 * self.patience();
        // With many losses it may be in the middle of something.
        if !world.run_until_so(limit, |world| hot_side(world.hosts()).is_some()) {
            return (Served::default(), None);
        }
        let Some(hot) = hot_side(world.hosts()) else { return (Served::default(), None) };
        world.watch = Served::default();
        let began = world.now();
        strike(&mut world, scenario, hot, self.patience());
        let limit = world.now() + 10 * self.patience();
        let over = match scenario {
            Scenario::FalseAlarm => world.run_until_so(limit, |world| hot_side(world.hosts()).is_some()),
            Scenario::AppEnds | Scenario::AppHangs | Scenario::HostLost | Scenario::Failover => {
                world.run_until_so(limit, |world| serves(&world.hosts()[1 - hot]))
            }
        };
        let took = world.now() - began;
        (world.watch, over.then_some(took))
    }

    /// Of the two sides.
    pub fn shortest_heartbeat(&self) -> Duration {
        self.settings.iter().map(|settings| settings.heartbeat).min().unwrap_or_default()
    }

    fn heartbeat(&self) -> Duration {
        self.settings.iter().map(|settings| settings.heartbeat).max().unwrap_or_default()
    }

    /// Longer than anything that a healthy pair waits for.
    fn patience(&self) -> Duration {
        let of = |settings: &Settings| {
            let longest = settings.timeout.max(settings.app_timeout).max(3 * self.heartbeat());
            settings.startup_delay + 3 * longest + settings.going_standby_timeout
        };
        let longest = self.settings.iter().map(of).max().unwrap_or_default();
        longest + 4 * self.args.commands + 2 * self.args.switching + 10 * self.args.jitter + self.args.latency
    }
}

fn strike(world: &mut World<Ours, Served>, scenario: Scenario, hot: usize, patience: Duration) {
    match scenario {
        Scenario::AppEnds => world.kill_app(hot, 0),
        Scenario::AppHangs => world.change(hot, 0, |_, node| node.app_mut().hang()),
        Scenario::HostLost => world.power_off(hot),
        Scenario::Failover => world.give(hot, 0, Event::Failover { force: false }),
        Scenario::FalseAlarm => {
            world.link.directions[hot].cut = true;
            world.run_until_so(world.now() + patience, |world| {
                matches!(world.hosts()[1 - hot].nodes[0].daemon().state(), StateName::ToHot | StateName::Hot)
            });
            world.link.directions[hot].cut = false;
        }
    }
}

/// The side that serves, if the other one is quiet.
fn hot_side(hosts: &[Host<Ours>; 2]) -> Option<usize> {
    let states = hosts.each_ref().map(|host| host.nodes[0].daemon().state());
    let quiet = |side: usize| states[side] == StateName::Standby && hosts[side].nodes[0].app().is_standby();
    (0..2).find(|side| states[*side] == StateName::Hot && serves(&hosts[*side]) && quiet(1 - side))
}

/// The application is hot, and its address is there.
pub(super) fn serves(host: &Host<Ours>) -> bool {
    let node = &host.nodes[0];
    node.app().is_serving() && node.commands().interface_is_up()
}

impl Watch<Ours> for Served {
    fn pass(&mut self, from: Duration, to: Duration, hosts: &[Host<Ours>; 2], _: &Link) {
        match hosts.iter().filter(|host| serves(host)).count() {
            0 => self.nobody += to - from,
            1 => {}
            _ => self.two += to - from,
        }
    }

    fn step(&mut self, _: Duration, _: &Step<'_>, _: &[Host<Ours>; 2]) {}
}

impl Spread {
    fn of(mut times: Vec<f64>) -> Spread {
        times.sort_by(f64::total_cmp);
        let Some(worst) = times.last().copied() else { return Spread::default() };
        let at = |permille: usize| times[(times.len() * permille / 1000).min(times.len() - 1)];
        #[expect(clippy::cast_precision_loss, reason = "a million runs at most")]
        let mean = times.iter().sum::<f64>() / times.len() as f64;
        Spread { mean, median: at(500), p99: at(990), worst }
    }
}
