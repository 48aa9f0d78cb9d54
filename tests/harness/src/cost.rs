//! What a process costs, and how late a daemon's heartbeats were: for the benches.

use std::fs;
use std::net::IpAddr;
use std::time::Duration;

use crate::HTTP_PORT;
use crate::http::get;

/// The time of a core that all its threads have taken: the scheduler's own account, since clock ticks would be far too coarse. A
/// thread that ends meanwhile has taken next to nothing.
pub fn cpu_time(pid: u32) -> Duration {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten();
    let nanoseconds = threads.filter_map(|thread| {
        let account = fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
        account.split(' ').next()?.parse::<u64>().ok()
    });
    Duration::from_nanos(nanoseconds.sum())
}

/// A process and those it has begun, as far as they run.
pub fn with_children(pid: u32) -> Vec<u32> {
    let mut all = vec![pid];
    let mut next = 0;
    while let Some(pid) = all.get(next) {
        let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten();
        for thread in threads.flatten() {
            let children = fs::read_to_string(thread.path().join("children")).unwrap_or_default();
            all.extend(children.split_whitespace().filter_map(|child| child.parse::<u32>().ok()));
        }
        next += 1;
    }
    all
}

/// Its memory: what it has alone, and its share of what it has in common with others (PSS), in MiB.
pub fn mebibytes(pid: u32) -> f64 {
    let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse().map_or(f64::NAN, |kib: f64| kib / 1024.0)
}

/// How late heartbeats were: how many up to each bound, in seconds.
#[derive(Clone, Debug)]
pub struct Lateness(Vec<(f64, u64)>);

impl Lateness {
    /// Asks the daemon at this address, which this thread has to reach.
    pub fn of(daemon: IpAddr) -> Lateness {
        let text = get(daemon, HTTP_PORT, "/metrics?detail=node").unwrap();
        let bucket = |line: &str| {
            let rest = line.strip_prefix("schrittmacher_heartbeat_lateness_seconds_bucket{le=\"")?;
            let (bound, count) = rest.split_once("\"} ")?;
            Some((bound.replace("+Inf", "inf").parse().ok()?, count.trim().parse().ok()?))
        };
        Lateness(text.lines().filter_map(bucket).collect())
    }

    /// The least bound that this share of the heartbeats since `before` has kept, in milliseconds, and how many there were.
    pub fn since(&self, before: &Lateness, share: f64) -> (f64, u64) {
        let counts = self.0.iter().zip(&before.0).map(|((bound, now), (_, then))| (*bound, now - then));
        let counts: Vec<(f64, u64)> = counts.collect();
        let all = counts.last().unwrap().1;
        let enough = |count: u64| count as f64 >= share * all as f64;
        let bound = counts.iter().find(|(_, count)| enough(*count)).unwrap().0;
        (bound * 1e3, all)
    }
}
