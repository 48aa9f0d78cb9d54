//! How long the pair takes, and what it costs to do nothing: `make bench-switch`, described in docs/performance.md.
//!
//! Real daemons and applications on loopback addresses, one pair after the other, so that nothing else runs.
//! Figures, not tests: a busy machine makes them worse, and nothing fails because of it.
#![expect(clippy::unwrap_used, reason = "a measurement that can't be made ends the run")]
#![expect(clippy::print_stdout, reason = "the table is what it is for")]

mod bare;
mod idle;

use std::time::Duration;

use schrittmacher_harness::{AT_ONCE, Pair, RESOURCE, Setup, Side, Starts};

/// An interface command, which ends before the application starts: a shell that writes the time, and `date` for it.
const NOTED: Option<&str> = Some("{note}");
/// How often each way to switch is measured.
const RUNS: usize = 25;

/// What is measured: its name, how, and the most that the median should be.
type Row = (&'static str, fn() -> Vec<Duration>, &'static str);

const ROWS: [Row; 6] = [
    ("nothing but pidfd, datagram and /bin/sh", || bare::samples(RUNS), ""),
    ("application killed, heartbeat 1 s", application_killed, "10"),
    ("hot host lost, heartbeat 10 ms, timeout 30 ms", || host_lost(0.01, NOTED), "35"),
    ("hot host lost, heartbeat 3 ms, timeout 9 ms", || host_lost(0.003, NOTED), ""),
    ("hot host lost, 3 ms, without an interface command", || host_lost(0.003, None), "11"),
    ("planned failover, no commands on the old side", failover, "5"),
];

/// `ROW=3 ms` measures the rows alone whose name contains this.
fn main() {
    let wanted = std::env::var("ROW").unwrap_or_default();
    // `cargo bench` hands `--bench` over, which is of no interest.
    println!("\n{RUNS} runs each, times in milliseconds, on {}:\n", machine());
    row("from the event to the other side's start command", ["min", "median", "max"], "target");
    for (name, measure, target) in ROWS.iter().filter(|(name, ..)| name.contains(&wanted)) {
        report(name, &measure(), target);
    }
    if wanted.is_empty() {
        idle::report();
    }
}

/// Kernel, cores and how busy it is.
fn machine() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let load = read("/proc/loadavg");
    format!(
        "{cores} cores, Linux {}, load {}",
        read("/proc/sys/kernel/osrelease").trim(),
        load.split(' ').next().unwrap_or("unknown")
    )
}

fn report(what: &str, samples: &[Duration], target: &str) {
    let ms =
        |sample: Option<&Duration>| format!("{:.1}", sample.map_or(f64::NAN, |it| it.as_secs_f64() * 1e3));
    let median = format!("{:.1}", median(samples));
    row(what, [&ms(samples.iter().min()), &median, &ms(samples.iter().max())], target);
}

/// A line of the table, under 80 columns.
fn row(what: &str, [min, median, max]: [&str; 3], target: &str) {
    println!("{what:<49}{min:>7}{median:>8}{max:>7}{target:>8}");
}

/// In milliseconds.
fn median(samples: &[Duration]) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort();
    sorted[sorted.len() / 2].as_secs_f64() * 1e3
}

/// A pair in which every start command tells us that it runs. An application is stopped by signal, so that the
/// old side has nothing to wait for.
fn setup(heartbeat: f64, timeout: f64) -> Setup {
    let start = Some("echo {host} >{folder}/starts; kill -10 `cat {pid-file}`");
    // An application that is killed again and again would be held back.
    Setup { heartbeat, timeout, start, stop: None, core: "hold-back = 0", ..Setup::default() }
}

/// The believed process of the hot application ends; its daemon knows by pidfd, at any heartbeat.
fn application_killed() -> Vec<Duration> {
    let mut pair = Pair::new(setup(1.0, 60.0));
    let starts = Starts::new(pair.folder());
    pair.start(Side::A);
    for side in [Side::A, Side::B] {
        pair[side].wait_believed();
    }
    let mut hot = Side::A;
    let mut one = || {
        let other = hot.other();
        pair[hot].wait_believed();
        starts.forget();
        let killed = starts.begin();
        pair[hot].app().process.signal(nix::sys::signal::Signal::SIGKILL);
        let sample = starts.wait(other, killed);
        pair.wait_hot(other, AT_ONCE);
        pair[hot].start_app("--start-as standby");
        pair.wait_settled(other, AT_ONCE);
        pair.forget();
        hot = other;
        // More than some switches in a second meet the limit on messages (P6), which spaces them: that would be measured.
        std::thread::sleep(Duration::from_secs(1));
        sample
    };
    (0..RUNS).map(|_| one()).collect()
}

/// Daemon and application of the hot side end together; the other side knows by silence.
fn host_lost(heartbeat: f64, interface: Option<&'static str>) -> Vec<Duration> {
    let setup = setup(heartbeat, 3.0 * heartbeat);
    let mut pair = Pair::new(Setup { activate: interface, deactivate: interface, ..setup });
    let starts = Starts::new(pair.folder());
    pair.start(Side::A);
    for side in [Side::A, Side::B] {
        pair[side].wait_believed();
    }
    let mut hot = Side::A;
    let mut one = || {
        let other = hot.other();
        pair.wait_settled(hot, AT_ONCE);
        starts.forget();
        let killed = starts.begin();
        pair[hot].daemon().signal(nix::sys::signal::Signal::SIGKILL);
        pair[hot].app().process.signal(nix::sys::signal::Signal::SIGKILL);
        let sample = starts.wait(other, killed);
        pair.wait_hot(other, AT_ONCE);
        pair[hot].start_app("--start-as standby");
        pair.start_daemon(hot);
        pair.wait_settled(other, AT_ONCE);
        // In the moment of its start a side waits for the first report of its application.
        pair[hot].wait_believed();
        hot = other;
        sample
    };
    (0..RUNS).map(|_| one()).collect()
}

/// An operator's order at the hot side's page.
fn failover() -> Vec<Duration> {
    let mut pair = Pair::new(setup(1.0, 60.0));
    let starts = Starts::new(pair.folder());
    pair.start(Side::A);
    for side in [Side::A, Side::B] {
        pair[side].wait_believed();
    }
    let mut hot = Side::A;
    let mut one = || {
        let other = hot.other();
        pair[hot].wait_believed();
        pair[other].wait_believed();
        starts.forget();
        let ordered = starts.begin();
        pair[hot].page(&format!("?failover={RESOURCE}"));
        let sample = starts.wait(other, ordered);
        pair.wait_settled(other, AT_ONCE);
        hot = other;
        sample
    };
    (0..RUNS).map(|_| one()).collect()
}
