//! What a pair costs that protects many resources: `make bench-many`, as root, described in docs/performance.md.
//!
//! A hot and a standby daemon on loopback addresses of a network namespace of their own, and an application for each
//! resource on either side. Each reports every 1.5 s, evenly spread. Beside them a bare loop that takes the reports of one
//! side and does nothing. Figures, not tests.
#![expect(clippy::unwrap_used, reason = "a measurement that can't be made ends the run")]
#![expect(clippy::print_stdout, reason = "the table is what it is for")]

mod bare;

use std::fmt::Write;
use std::fs;
use std::net::UdpSocket;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::sched::{CloneFlags, unshare};
use schrittmacher_harness::{EndOnDrop, PORT, Process, cpu_time, mebibytes, program, report};

/// Between two reports of one application.
const PERIOD: Duration = Duration::from_millis(1500);
/// How long a pair may take until nothing changes any more.
const SETTLED: Duration = Duration::from_secs(12);
/// How long each is looked at. `SECONDS=5` is a quick look.
const SPAN: u64 = 20;
const HOT: &str = "127.0.0.2";
const STANDBY: &str = "127.0.0.3";
const BARE: &str = "127.0.0.4";

fn main() {
    if let Err(error) = unshare(CloneFlags::CLONE_NEWNET) {
        return println!("SKIPPED: many: no network namespace ({error}); it needs root");
    }
    assert!(Command::new("ip").args(["link", "set", "lo", "up"]).status().unwrap().success());
    let setting = |name: &str, default: &str| std::env::var(name).unwrap_or_else(|_| default.to_owned());
    let heartbeat = setting("HEARTBEAT", "1");
    let span = Duration::from_secs(setting("SECONDS", &SPAN.to_string()).parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let program = bare::compile(folder.path());
    println!(
        "\nHeartbeat {heartbeat} s; percent of a core over {} s; datagrams a second of one daemon; PSS in MiB. *Bare* takes the \
         reports of one side with epoll and recvmmsg in C, and does nothing; × is how often the hot side takes this.\n",
        span.as_secs()
    );
    println!(
        "{:>9} {:>7} {:>7} {:>6} {:>8} {:>10} {:>8} {:>8}",
        "resources", "bare", "hot", "×", "standby", "datagrams", "hot MiB", "standby"
    );
    let mut growth = Vec::new();
    for resources in setting("RESOURCES", "1,10,100,1000").split(',') {
        let resources = resources.parse().unwrap();
        let bare = beside_applications(resources, &[(BARE, "LHOT")], |_| bare::share(&program, BARE, span));
        let (hot, standby, datagrams) = pair(resources, &heartbeat, span);
        println!(
            "{resources:>9} {bare:>7.3} {:>7.3} {:>6.2} {:>8.3} {datagrams:>10.0} {:>8.1} {:>8.1}",
            hot.share,
            hot.share / bare,
            standby.share,
            hot.mebibytes,
            standby.mebibytes
        );
        growth.push((resources, hot));
    }
    for pair in growth.windows(2) {
        let [(few, before), (many, after)] = pair else { continue };
        let exponent = |before: f64, after: f64| (after / before).ln() / (*many as f64 / *few as f64).ln();
        println!(
            "from {few} to {many}: the time of a core grows with the exponent {:.2}, the memory with {:.2}",
            exponent(before.share, after.share),
            exponent(before.mebibytes, after.mebibytes)
        );
    }
    if setting("FLOOD", "no") != "no" {
        flooded(&program, span);
    }
}

/// As many reports as one thread can send, to the bare loop and to a hot daemon with 1,000 resources.
fn flooded(program: &Path, span: Duration) {
    const RESOURCES: usize = 1000;
    let bare = beside_flood(BARE, RESOURCES, || bare::cost(program, BARE, span));
    let folder = tempfile::tempdir().unwrap();
    let daemons = [(HOT, STANDBY), (STANDBY, HOT)]
        .map(|(local, remote)| start(folder.path(), local, remote, RESOURCES, "1"));
    let ours = beside_applications(RESOURCES, &[(HOT, "LHOT"), (STANDBY, "LSBY")], |_| {
        thread::sleep(SETTLED);
        beside_flood(HOT, RESOURCES, || {
            let (before, first) = (cpu_time(daemons[0].pid()), datagrams("InDatagrams"));
            thread::sleep(span);
            (cpu_time(daemons[0].pid()) - before, datagrams("InDatagrams") - first)
        })
    });
    println!("\nAs many reports as one thread can send, {RESOURCES} resources:");
    let each = |(time, taken): (Duration, u64)| time.as_secs_f64() * 1e9 / taken as f64;
    for (name, cost) in [("bare", bare), ("hot", ours)] {
        let rate = cost.1 as f64 / span.as_secs_f64();
        println!("  {name:<6}{rate:>9.0} a second, {:.0} ns of a core for each", each(cost));
    }
    println!("  for the time of one: {:.2} of what the bare loop takes", each(bare) / each(ours));
}

fn beside_flood<T>(address: &str, resources: usize, what: impl FnOnce() -> T) -> T {
    let end = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let socket = UdpSocket::bind((address, 0)).unwrap();
            socket.connect((address, PORT + 1)).unwrap();
            let reports: Vec<String> =
                (0..resources).map(|number| report("LHOT", &format!("resource-{number}"))).collect();
            while !end.load(Ordering::Relaxed) {
                for text in &reports {
                    let _ = socket.send(text.as_bytes());
                }
            }
        });
        let _end = EndOnDrop(&end);
        what()
    })
}

/// What one daemon takes: percent of a core, and memory (PSS).
struct Cost {
    share: f64,
    mebibytes: f64,
}

fn pair(resources: usize, heartbeat: &str, span: Duration) -> (Cost, Cost, f64) {
    let folder = tempfile::tempdir().unwrap();
    let daemons = [(HOT, STANDBY), (STANDBY, HOT)]
        .map(|(local, remote)| start(folder.path(), local, remote, resources, heartbeat));
    beside_applications(resources, &[(HOT, "LHOT"), (STANDBY, "LSBY")], |reports| {
        thread::sleep(SETTLED);
        let counted = || datagrams("OutDatagrams") - reports.load(Ordering::Relaxed);
        let (before, began, first) =
            (daemons.each_ref().map(|daemon| cpu_time(daemon.pid())), Instant::now(), counted());
        thread::sleep(span);
        let elapsed = began.elapsed();
        let rate = (counted() - first) as f64 / elapsed.as_secs_f64() / 2.0;
        let cost = |side: usize| Cost {
            share: (cpu_time(daemons[side].pid()) - before[side]).div_duration_f64(elapsed) * 100.0,
            mebibytes: mebibytes(daemons[side].pid()),
        };
        (cost(0), cost(1), rate)
    })
}

fn start(folder: &Path, local: &str, remote: &str, resources: usize, heartbeat: &str) -> Process {
    let state = folder.join(local);
    let mut text = format!(
        "group = core\nlocal-address = {local}\nremote-address = {remote}\nport = {PORT}\nsecurity = legacy\n\
         heartbeat = {heartbeat}\nstate-directory = {0}\nrun-directory = {0}\n{1}\n",
        state.display(),
        std::env::var("CORE").unwrap_or_default()
    );
    for number in 0..resources {
        let _ = writeln!(text, "group = resource\nname = resource-{number}\n");
    }
    let file = folder.join(format!("{local}.conf"));
    fs::write(&file, text).unwrap();
    let daemon = std::env::var_os("DAEMON").map_or_else(|| program("schrittmacher"), Into::into);
    let mut command = Command::new(daemon);
    command.arg(file).stdout(Stdio::null()).stderr(Stdio::null());
    Process::spawn(command, None)
}

/// Runs `what` while an application for each resource reports this word to each of these addresses. It is told how many
/// reports there were.
fn beside_applications<T>(resources: usize, words: &[(&str, &str)], what: impl FnOnce(&AtomicU64) -> T) -> T {
    let (end, count) = (AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|scope| {
        for (address, word) in words {
            scope.spawn(|| {
                let socket = UdpSocket::bind((*address, 0)).unwrap();
                let mut due = Instant::now();
                'all: loop {
                    for number in 0..resources {
                        thread::sleep(due.saturating_duration_since(Instant::now()));
                        if end.load(Ordering::Relaxed) {
                            break 'all;
                        }
                        let text = report(word, &format!("resource-{number}"));
                        let _ = socket.send_to(text.as_bytes(), (*address, PORT + 1));
                        count.fetch_add(1, Ordering::Relaxed);
                        due += PERIOD / u32::try_from(resources).unwrap();
                    }
                }
            });
        }
        let _end = EndOnDrop(&end);
        what(&count)
    })
}

/// How many there were in this network namespace: `OutDatagrams` were sent, `InDatagrams` were read.
fn datagrams(which: &str) -> u64 {
    let text = fs::read_to_string("/proc/thread-self/net/snmp").unwrap();
    let mut lines = text.lines().filter_map(|line| line.strip_prefix("Udp: "));
    let (names, numbers) = (lines.next().unwrap(), lines.next().unwrap());
    let place = names.split(' ').position(|name| name == which).unwrap();
    numbers.split(' ').nth(place).unwrap().parse().unwrap()
}
