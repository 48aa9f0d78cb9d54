//! How long a client behind a bridge is without the service's address: `make bench-outage`, as root, described in
//! docs/performance.md.
//!
//! Each row is an event; ours and keepalived take turns in one run. The client asks the address for an echo every
//! 2 ms; the figure is the longest time without an answer. Figures, not tests.
#![expect(clippy::unwrap_used, reason = "a measurement that can't be made ends the run")]
#![expect(clippy::print_stdout, reason = "the table is what it is for")]

mod idle;
mod keepalived;
mod ours;

use std::time::{Duration, Instant};

use schrittmacher_harness::{Lan, Namespace, Probe, Side};

/// How often each event is measured. `RUNS=3` takes seven minutes, five with `COMMANDS=no`, without the pair that uses commands.
/// `ROW=planned` measures the events alone whose name contains this: four minutes each. `ROW=idle` measures what a settled pair
/// takes, and no event.
const RUNS: usize = 10;
/// The address of the service.
pub const SERVICE: &str = "10.1.0.100";

/// A fault of the hot host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Incident {
    /// Its application is killed.
    AppKilled,
    /// It is without power.
    HostLost,
    /// An operator switches.
    Failover,
    /// Its daemon is asked to end.
    DaemonStopped,
    /// The daemons could not hear each other, and now can again: both were hot.
    PartitionHealed,
    /// The same, and the time for which both have the address afterwards. It is no outage.
    TwoHot,
    /// Its cable to the clients is pulled; the daemons still hear each other.
    CablePulled,
}

/// The pace of the heartbeats.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Milliseconds between two.
    pub period: u64,
    /// How many may be lost.
    pub count: u64,
}

/// A pair on a LAN.
pub trait System {
    /// Waits until it is settled; says which side is hot.
    fn settled(&self) -> Side;
    /// Has something happen to the hot side. `false`: it has no such thing.
    fn strike(&mut self, incident: Incident, lan: &Lan, hot: Side) -> bool;
    /// The process of the daemon of this side.
    fn daemon(&self, side: Side) -> u32;
}

fn main() {
    if let Err(why) = Lan::lay() {
        return println!("SKIPPED: outage: {why}");
    }
    let runs = std::env::var("RUNS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(RUNS);
    let quick = Pace { period: 10, count: 3 };
    let middle = Pace { period: 100, count: 3 };
    let slow = Pace { period: 100, count: 10 };
    let with_commands = std::env::var("COMMANDS").as_deref() != Ok("no");
    let rows = [
        ("application killed, 100 ms x 3", Incident::AppKilled, middle, ours::BUILT_IN),
        ("host lost, 10 ms x 3", Incident::HostLost, quick, ours::BUILT_IN),
        ("host lost, 100 ms x 3", Incident::HostLost, middle, ours::BUILT_IN),
        ("host lost, 100 ms x 10", Incident::HostLost, slow, ours::BUILT_IN),
        ("planned failover, 100 ms x 3", Incident::Failover, middle, ours::BUILT_IN),
        ("daemon stopped, 100 ms x 3", Incident::DaemonStopped, middle, ours::BUILT_IN),
        ("partition healed, 100 ms x 3", Incident::PartitionHealed, middle, ours::BUILT_IN),
        ("two hot after it, 100 ms x 3", Incident::TwoHot, middle, ours::BUILT_IN),
        ("cable of the hot host pulled, 10 ms x 3", Incident::CablePulled, quick, ours::BUILT_IN),
        ("cable of the hot host pulled, 100 ms x 3", Incident::CablePulled, middle, ours::BUILT_IN),
        ("the same cable, track-delay = 0", Incident::CablePulled, middle, ours::AT_ONCE_CUT_OFF),
    ];
    let wanted = std::env::var("ROW").unwrap_or_default();
    if wanted.is_empty() || wanted == "idle" {
        idle::report(runs.min(3));
        println!();
    }
    println!("Outage that a client sees, in milliseconds, median of {runs} (least to most), by turns:\n");
    println!("{:<44}{:>22}{:>22}{:>22}{:>8}", "", "ours, built-in", "ours, commands", "keepalived", "ratio");
    for (name, incident, pace, lines) in rows.into_iter().filter(|(name, ..)| name.contains(&wanted)) {
        let mut samples: [Vec<Option<Duration>>; 3] = Default::default();
        for _ in 0..runs {
            samples[0].push(measure(incident, |lan| Some(ours::start(lan, pace, Some(lines)))));
            // Commands watch no cable.
            if with_commands && incident != Incident::CablePulled {
                samples[1].push(measure(incident, |lan| Some(ours::start(lan, pace, None))));
            }
            samples[2].push(measure(incident, |lan| keepalived::start(lan, pace)));
        }
        let [ours, commands, keepalived] = samples.map(|samples| Cell::new(&samples));
        let ratio = ours.median().zip(keepalived.median());
        let ratio = ratio.map_or("-".to_owned(), |(ours, theirs)| format!("{:.2}", ours / theirs));
        println!("{name:<44}{:>22}{:>22}{:>22}{ratio:>8}", ours.text(), commands.text(), keepalived.text());
    }
}

/// A host without power: its processes stand still, and in the same moment both of its links are down. A process that was killed
/// first could give the address up with its last word; a link cut first would begin the outage sooner than the silence.
fn lose(hot: Side, lan: &Lan, stop: impl FnOnce()) {
    let scissors = lan.scissors(hot);
    // They have to be ready by then.
    std::thread::sleep(Duration::from_millis(200));
    stop();
    scissors.cut();
}

/// The longest wait for an answer after the event.
const PATIENCE: Duration = Duration::from_secs(12);

fn measure<S: System>(incident: Incident, start: impl FnOnce(&Lan) -> Option<S>) -> Option<Duration> {
    let lan = Lan::lay().unwrap();
    let mut system = start(&lan)?;
    let hot = system.settled();
    let probe = Probe::start(&lan, SERVICE.parse().unwrap());
    probe.wait_answer();
    let begin = Instant::now();
    if !system.strike(incident, &lan, hot) {
        return None;
    }
    if incident == Incident::TwoHot {
        return Some(two_hot(&lan));
    }
    // Until it has answered for a second without a gap, or for as long as anybody would wait.
    let quiet = Duration::from_secs(1);
    while begin.elapsed() < PATIENCE {
        std::thread::sleep(Duration::from_millis(100));
        let settled = Instant::now().checked_sub(quiet).unwrap_or(begin);
        if begin.elapsed() > 2 * quiet && probe.outage(settled) < Duration::from_millis(20) {
            break;
        }
    }
    Some(probe.outage(begin))
}

/// How long both hosts go on having the address.
fn two_hot(lan: &Lan) -> Duration {
    let begin = Instant::now();
    // The table of the namespace of the thread that looks.
    let has_it = |host: &Namespace| {
        host.run(|| std::fs::read_to_string("/proc/thread-self/net/fib_trie").unwrap().contains(SERVICE))
    };
    while lan.hosts().iter().all(has_it) && begin.elapsed() < PATIENCE {
        std::thread::sleep(Duration::from_millis(1));
    }
    begin.elapsed()
}

/// The samples of one system, in milliseconds, in order.
struct Cell(Vec<f64>);

impl Cell {
    fn new(samples: &[Option<Duration>]) -> Cell {
        let mut known: Vec<f64> = samples.iter().flatten().map(|sample| sample.as_secs_f64() * 1e3).collect();
        known.sort_by(f64::total_cmp);
        Cell(known)
    }

    fn median(&self) -> Option<f64> {
        self.0.get(self.0.len() / 2).copied()
    }

    fn text(&self) -> String {
        match (self.0.first(), self.median(), self.0.last()) {
            (Some(least), Some(median), Some(most)) => format!("{median:.0} ({least:.0}-{most:.0})"),
            _ => "-".to_owned(),
        }
    }
}
