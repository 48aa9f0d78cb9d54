//! Heartbeats of 3 ms on a busy host: `make bench-hogs`, as root, described in docs/performance.md.
//!
//! A pair at 3 ms x 3 with real-time priority, beside endless shell loops. Nothing fails, so each change of state is a false
//! one. It is no fault of ours if the core gave no time to any process: threads of the greatest real-time priority, one on each
//! core, note when that was so (`watcher.c`). `HOGS=8,32`, `MINUTES=5` for each, `HEARTBEAT=0.003`, `REALTIME=off`, and `PAGES=4`
//! for as many readers of the page that ask without a pause. Figures, not tests.
#![expect(clippy::unwrap_used, reason = "a measurement that can't be made ends the run")]
#![expect(clippy::print_stdout, reason = "the table is what it is for")]

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use schrittmacher_harness::{EndOnDrop, HTTP_PORT, Lateness, Pair, Process, Setup, Side, get};

const SIDES: [Side; 2] = [Side::A, Side::B];

fn main() {
    let setting = |name: &str, default: &str| std::env::var(name).unwrap_or_else(|_| default.to_owned());
    let heartbeat: f64 = setting("HEARTBEAT", "0.003").parse().unwrap();
    let span = Duration::from_secs_f64(setting("MINUTES", "5").parse::<f64>().unwrap() * 60.0);
    let readers = setting("PAGES", "0").parse().unwrap();
    let realtime = setting("REALTIME", "auto");
    let core: &'static str = format!("log-time = ms\nhold-back = 0\nrealtime = {realtime}").leak();
    let setup = Setup { heartbeat, timeout: 3.0 * heartbeat, core, ..Setup::default() };
    println!(
        "\nA pair at {} ms x 3, realtime = {realtime}, {readers} readers of the page, {} s each; lateness of heartbeats in ms:\n",
        heartbeat * 1e3,
        span.as_secs()
    );
    println!(
        "{:>6}{:>8}{:>14}{:>10}{:>14}{:>9}{:>9}{:>11}{:>14}",
        "hogs", "load", "changes", "without", "stalls", "p99", "p99.9", "heartbeats", "pages/s"
    );
    println!("{:>6}{:>8}{:>14}{:>10}{:>14}", "", "", "of state", "a stall", "(longest)");
    for hogs in setting("HOGS", "8,32").split(',') {
        let seen = beside(&setup, hogs.parse().unwrap(), readers, span);
        println!(
            "{hogs:>6}{:>8}{:>14}{:>10}{:>14}{:>9}{:>9}{:>11}{:>14.0}",
            seen.load,
            seen.changes,
            seen.unexplained,
            format!(
                "{} ({:.1})",
                seen.stalls.len(),
                seen.stalls.iter().fold(0.0, |most: f64, stall| most.max(stall.length))
            ),
            seen.lateness[0].0,
            seen.lateness[1].0,
            seen.lateness[0].1,
            seen.pages
        );
    }
}

struct Seen {
    load: String,
    changes: usize,
    unexplained: usize,
    stalls: Vec<Stall>,
    /// Of the hot side, 99 and 99.9 percent: milliseconds, and of how many.
    lateness: [(f64, u64); 2],
    pages: f64,
}

fn beside(setup: &Setup, hogs: usize, readers: usize, span: Duration) -> Seen {
    let folder = tempfile::tempdir().unwrap();
    let watcher = compile(folder.path());
    let mut pair = Pair::new(setup.clone());
    pair.start(Side::A);
    SIDES.iter().for_each(|side| pair[*side].wait_believed());
    let before = Lateness::of(pair[Side::A].address);
    let (end, pages) = (AtomicBool::new(false), AtomicU64::new(0));
    let began = Instant::now();
    let output = folder.path().join("stalls");
    // A change of state is explained by a stall that is longer than the slack: timeout less the two heartbeats on the way.
    let limit = setup.heartbeat * 1e3;
    let mut command = Command::new(watcher);
    command.arg(limit.to_string()).stdout(File::create(&output).unwrap());
    let watching = Process::spawn(command, None);
    let load = thread::scope(|scope| {
        let _end = EndOnDrop(&end);
        for _ in 0..readers {
            scope.spawn(|| {
                while !end.load(Ordering::Relaxed) {
                    let asked = get(pair[Side::A].address, HTTP_PORT, "/");
                    pages.fetch_add(u64::from(asked.is_ok()), Ordering::Relaxed);
                }
            });
        }
        let _hogs: Vec<Process> = (0..hogs).map(|_| hog()).collect();
        thread::sleep(span);
        fs::read_to_string("/proc/loadavg").unwrap()
    });
    drop(watching);
    let elapsed = began.elapsed();
    let after = Lateness::of(pair[Side::A].address);
    let lateness = [0.99, 0.999].map(|share| after.since(&before, share));
    let stalls = Stall::read(&output);
    let changes: Vec<f64> =
        SIDES.iter().flat_map(|side| pair[*side].log.lines()).filter_map(|line| change(&line)).collect();
    let reach = 4.0 * setup.heartbeat * 1e3;
    let is_explained = |change: &f64| stalls.iter().any(|stall| stall.covers(*change, reach));
    // One false take-over has others in its train, until the pair is settled again.
    let settled = 20.0 * setup.heartbeat * 1e3 + 200.0;
    let mut sorted = changes.clone();
    sorted.sort_by(f64::total_cmp);
    let first = |index: usize| index == 0 || sorted[index] - sorted[index - 1] > settled;
    let unexplained =
        (0..sorted.len()).filter(|index| first(*index) && !is_explained(&sorted[*index])).count();
    Seen {
        load: load.split(' ').next().unwrap().to_owned(),
        changes: changes.len(),
        unexplained,
        stalls,
        lateness,
        pages: pages.into_inner() as f64 / elapsed.as_secs_f64(),
    }
}

fn hog() -> Process {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", "while :; do :; done"]).stdin(Stdio::null());
    Process::spawn(command, None)
}

fn compile(folder: &Path) -> std::path::PathBuf {
    let program = folder.join("watcher");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/hogs/watcher.c");
    let compiled =
        Command::new("cc").args(["-O2", "-pthread", "-o"]).arg(&program).arg(source).status().unwrap();
    assert!(compiled.success(), "cc {source}");
    program
}

/// When a line of the log tells of a change of state, in milliseconds of the wall clock.
fn change(line: &str) -> Option<f64> {
    let message = line.split('\t').nth(5)?;
    let (states, _) = message.split_once(": ")?;
    let (from, to) = states.split_once(" -> ")?;
    let time = Timestamp::strptime("%Y-%m-%d %H:%M:%S%.f %z", line.split('\t').next()?).unwrap();
    (from != to).then(|| time.as_millisecond() as f64)
}

/// A gap of a core, in milliseconds.
struct Stall {
    end: f64,
    length: f64,
}

impl Stall {
    fn read(path: &Path) -> Vec<Stall> {
        let text = fs::read_to_string(path).unwrap();
        let stall = |line: &str| {
            let (end, length) = line.split_once(' ')?;
            Some(Stall { end: end.parse().ok()?, length: length.parse().ok()? })
        };
        text.lines().filter_map(stall).collect()
    }

    /// It lay in the time before the change that can have led to it.
    fn covers(&self, change: f64, reach: f64) -> bool {
        self.end - self.length <= change && change <= self.end + reach
    }
}
