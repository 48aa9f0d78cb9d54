//! Pairs with many resources, and what a daemon of them says of itself.

use std::fmt::Write as _;
use std::fs::{self, Permissions};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use schrittmacher_harness::{HTTP_PORT, Namespace, Pair, Side};

/// The line of a pair with a key; [`write_key`] makes it.
pub const KEY_LINE: &str = "auth-key-file = {folder}/peer.key";

pub fn write_key(pair: &Pair) {
    let path = pair.folder().join("peer.key");
    fs::write(&path, format!("00000001 {}00000001\n", "0123456789abcdef".repeat(4))).unwrap();
    fs::set_permissions(path, Permissions::from_mode(0o600)).unwrap();
}

/// Adds resources without applications to both files: they only send their heartbeats.
pub fn add_resources(pair: &Pair, count: usize) {
    let mut groups = String::new();
    (0..count).for_each(|number| write!(groups, "\ngroup = resource\nname = r{number}\n").unwrap());
    for side in [Side::A, Side::B] {
        let path = pair[side].files.config();
        let text = fs::read_to_string(&path).unwrap() + &groups;
        fs::write(path, text).unwrap();
    }
}

/// Of all its threads, by the scheduler's own account.
pub fn cpu_time(pid: u32) -> Duration {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let nanos = threads.map(|thread| {
        let account = fs::read_to_string(thread.unwrap().path().join("schedstat")).unwrap();
        account.split(' ').next().unwrap().parse::<u64>().unwrap()
    });
    Duration::from_nanos(nanos.sum())
}

/// How late heartbeats were: how many up to each bound, in seconds.
#[derive(Clone, Debug)]
pub struct Lateness(Vec<(f64, u64)>);

impl Lateness {
    /// Asks the daemon at this side.
    pub fn of(pair: &Pair, side: Side, place: &Namespace) -> Lateness {
        let page = (pair[side].address, HTTP_PORT);
        let text = place.run(|| {
            let mut door = TcpStream::connect(page).unwrap();
            write!(door, "GET /metrics HTTP/1.0\r\n\r\n").unwrap();
            let mut text = String::new();
            door.read_to_string(&mut text).unwrap();
            text
        });
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
