//! The cost of a daemon that only sends its heartbeat.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use crate::row;
use schrittmacher_harness::{Pair, Setup, Side};

const SPAN: Duration = Duration::from_secs(30);

/// Measures a hot daemon with one resource at one second, its page open and its application alive, and prints.
pub fn report() {
    let mut pair = Pair::new(Setup { heartbeat: 1.0, timeout: 3.0, ..Setup::default() });
    pair.start_with(Side::A, "--heartbeat 1500", "--heartbeat 1500");
    pair[Side::A].wait_believed();
    let daemon = pair[Side::A].daemon().pid();
    let (before, began) = (cpu_time(daemon), Instant::now());
    thread::sleep(SPAN);
    let share = (cpu_time(daemon) - before).as_secs_f64() / began.elapsed().as_secs_f64();
    println!();
    row("an idle daemon, one resource, heartbeat 1 s", ["", "", ""], "target");
    let share = format!("{:.3}", share * 100.0);
    row(&format!("percent of a core, over {} s", SPAN.as_secs()), ["", &share, ""], "0.1");
    row("MiB of memory (PSS)", ["", &format!("{:.1}", pss_kib(daemon) / 1024.0), ""], "6");
}

/// Of all its threads. The scheduler's own account: clock ticks would be far too coarse.
fn cpu_time(pid: u32) -> Duration {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let nanos = threads.map(|thread| {
        let account = fs::read_to_string(thread.unwrap().path().join("schedstat")).unwrap();
        account.split(' ').next().unwrap().parse::<u64>().unwrap()
    });
    Duration::from_nanos(nanos.sum())
}

fn pss_kib(pid: u32) -> f64 {
    let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap();
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
