//! What a pair costs that has nothing to do: one service at 1 s, on both sides, ours and keepalived by turns.

use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use schrittmacher_harness::Lan;

use super::{Pace, System, keepalived, ours};

/// How long each is looked at. `SECONDS=5` is a quick look.
const SPAN: u64 = 20;

/// What the daemon of one side takes: percent of a core, and memory (PSS) of all its processes in MiB.
#[derive(Clone, Copy)]
struct Cost {
    share: f64,
    mebibytes: f64,
}

/// Prints both.
pub fn report(runs: usize) {
    let span = std::env::var("SECONDS").ok().and_then(|seconds| seconds.parse().ok()).unwrap_or(SPAN);
    let span = Duration::from_secs(span);
    let pace = Pace { period: 1000, count: 3 };
    println!(
        "\nOne service at 1 s that is settled, all processes of a side, over {} s, by turns:\n",
        span.as_secs()
    );
    println!("{:<44}{:>22}{:>22}{:>22}", "", "% of a core, hot", "standby", "PSS in MiB, hot");
    for _ in 0..runs {
        let rows = [
            (
                "ours, built-in address",
                measure(span, |lan| Some(ours::start(lan, pace, Some(ours::BUILT_IN)))),
            ),
            ("keepalived", measure(span, |lan| keepalived::start(lan, pace))),
        ];
        for (name, costs) in rows {
            let Some([hot, standby]) = costs else { continue };
            println!("{name:<44}{:>22.3}{:>22.3}{:>22.1}", hot.share, standby.share, hot.mebibytes);
        }
    }
}

fn measure<S: System>(span: Duration, start: impl FnOnce(&Lan) -> Option<S>) -> Option<[Cost; 2]> {
    let lan = Lan::lay().unwrap();
    let system = start(&lan)?;
    let hot = system.settled();
    // What belongs to the start is over.
    thread::sleep(Duration::from_secs(3));
    let processes = [hot, hot.other()].map(|side| with_children(system.daemon(side)));
    let before = processes.each_ref().map(|processes| cpu_time(processes));
    let began = Instant::now();
    thread::sleep(span);
    let elapsed = began.elapsed();
    let cost = |side: usize| Cost {
        share: (cpu_time(&processes[side]) - before[side]).div_duration_f64(elapsed) * 100.0,
        mebibytes: processes[side].iter().map(|pid| mebibytes(*pid)).sum(),
    };
    Some([cost(0), cost(1)])
}

/// A process and those it has begun.
fn with_children(pid: u32) -> Vec<u32> {
    let mut all = vec![pid];
    let mut next = 0;
    while let Some(pid) = all.get(next) {
        for thread in threads(*pid) {
            let children = fs::read_to_string(thread.join("children")).unwrap_or_default();
            all.extend(children.split_whitespace().filter_map(|child| child.parse::<u32>().ok()));
        }
        next += 1;
    }
    all
}

fn threads(pid: u32) -> Vec<PathBuf> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten();
    threads.flatten().map(|thread| thread.path()).collect()
}

/// Of all their threads. The scheduler's own account: clock ticks would be far too coarse.
fn cpu_time(processes: &[u32]) -> Duration {
    let accounts = processes.iter().flat_map(|pid| threads(*pid)).filter_map(|thread| {
        let account = fs::read_to_string(thread.join("schedstat")).ok()?;
        account.split(' ').next()?.parse::<u64>().ok()
    });
    Duration::from_nanos(accounts.sum())
}

fn mebibytes(pid: u32) -> f64 {
    let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse::<f64>().unwrap_or_default() / 1024.0
}
