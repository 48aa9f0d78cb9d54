//! What monitoring costs: `make bench-admin`, described in docs/performance.md. Figures, not tests.
//!
//! First the answers of a daemon with 1,000 and with 10,000 resources: time, bytes, memory. Then ten resources, and each route asked a
//! thousand times a second: how late heartbeats come, as the peer sees it, beside idle times before and after.
#![expect(clippy::unwrap_used, reason = "a measurement that can't be made ends the run")]
#![expect(clippy::print_stdout, reason = "the table is what it is for")]

mod daemon;
mod load;
mod peer;

use std::env;
use std::thread;
use std::time::{Duration, Instant};

use daemon::Daemon;
use load::Request;
use peer::Peer;
use schrittmacher_harness::{cpu_time, mebibytes};

const RATE: u32 = 1000;
/// Of the ten resources.
const HEARTBEAT: Duration = Duration::from_millis(20);
/// Of the many.
const CALM: Duration = Duration::from_secs(2);

const HTML: &str = "Accept: text/html\r\n";

/// Every route that needs no right to change anything.
const ROUTES: [Request; 18] = [
    Request { what: "page for people", line: "GET /", header: HTML },
    Request { what: "table", line: "GET /table", header: "" },
    Request { what: "metrics", line: "GET /metrics", header: "" },
    Request { what: "status", line: "GET /api/v1/status", header: "" },
    Request { what: "one resource", line: "GET /api/v1/resources/r0", header: "" },
    Request { what: "history", line: "GET /api/v1/history", header: "" },
    Request { what: "history for people", line: "GET /history", header: HTML },
    Request { what: "question", line: "GET /confirm?failover=r0", header: HTML },
    Request {
        what: "order, dry run",
        line: "POST /api/v1/resources/r0/failover?dry-run=yes",
        header: "Content-Length: 0\r\n",
    },
    Request { what: "flight record", line: "GET /record", header: "" },
    Request { what: "healthz", line: "GET /healthz", header: "" },
    Request { what: "ready", line: "GET /ready", header: "" },
    Request { what: "hot", line: "GET /hot/r0", header: "" },
    Request { what: "style", line: "GET /style.css", header: "" },
    Request { what: "script", line: "GET /script.js", header: "" },
    Request { what: "HEAD of the table", line: "HEAD /", header: "" },
    Request { what: "no such page", line: "GET /nothing", header: "" },
    Request {
        what: "freeze of nothing",
        line: "POST /api/v1/resources/x/thaw",
        header: "Content-Length: 0\r\n",
    },
];

fn main() {
    let number =
        |name: &str, usual: u64| env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual);
    let (seconds, rounds) = (number("SECONDS", 5), number("ROUNDS", 2));
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!("\nload {}\n", load.split(' ').next().unwrap_or("unknown"));
    if env::var_os("SIZES").is_none_or(|wanted| wanted != "no") {
        [1000, 10_000].into_iter().for_each(sizes);
    }
    lateness(Duration::from_secs(seconds), rounds);
}

fn sizes(count: usize) {
    let daemon = Daemon::start(count, CALM);
    let _peer = Peer::start(&daemon, count, CALM);
    println!("{count} resources: PSS {:.1} MiB settled", mebibytes(daemon.pid()));
    for request in ROUTES.iter().filter(|one| {
        ["page for people", "table", "metrics", "status", "one resource", "ready"].contains(&one.what)
    }) {
        let mut times = Vec::new();
        let mut bytes = 0;
        for _ in 0..7 {
            // An answer is kept for 100 ms.
            thread::sleep(Duration::from_millis(250));
            let began = Instant::now();
            bytes = request.ask(daemon.page()).unwrap().len();
            times.push(began.elapsed());
        }
        times.sort();
        let [median, worst] = [times[3], times[6]].map(|time| time.as_secs_f64() * 1e3);
        println!(
            "  {:<18}{median:>8.1} ms, {worst:>8.1} at most{:>10.3} MB",
            request.what,
            bytes as f64 / 1e6
        );
    }
    println!("  PSS {:.1} MiB after these answers\n", mebibytes(daemon.pid()));
}

/// Idle, load, idle, load …: what is common to both is not the load's.
fn lateness(span: Duration, rounds: u64) {
    let daemon = Daemon::start(10, HEARTBEAT);
    let peer = Peer::start(&daemon, 10, HEARTBEAT);
    println!(
        "ten resources, heartbeat {} ms; {rounds} times {} s idle and {} s with {RATE} requests a second:",
        HEARTBEAT.as_millis(),
        span.as_secs(),
        span.as_secs()
    );
    println!("how much later than the heartbeat's period a message comes to the peer, in ms\n");
    println!(
        "{:<20}{:>9}{:>8}  idle:{:>6}{:>7}{:>7}  load:{:>6}{:>7}{:>7}{:>9}",
        "route", "answers/s", "core", "p99", "p99.9", "max", "p99", "p99.9", "max", "p99.9 +"
    );
    let only = env::var("ROUTE").ok();
    let mut worst = (0.0, "");
    for request in ROUTES.iter().filter(|one| only.as_ref().is_none_or(|only| one.what == only)) {
        let (mut idle, mut busy) = (Vec::new(), Vec::new());
        let (mut answers, mut used) = (0, Duration::ZERO);
        for _ in 0..rounds {
            peer.forget();
            thread::sleep(span);
            idle.extend(peer.take());
            let before = cpu_time(daemon.pid());
            answers += load::run(request, daemon.page(), RATE, span);
            busy.extend(peer.take());
            used += cpu_time(daemon.pid()) - before;
        }
        let whole = span.as_secs_f64() * rounds as f64;
        let (idle, busy) = (figures(&mut idle), figures(&mut busy));
        let more = busy[1] - idle[1];
        if more > worst.0 {
            worst = (more, request.what);
        }
        println!(
            "{:<20}{:>9.0}{:>7.1}%       {:>6.2}{:>7.2}{:>7.2}       {:>6.2}{:>7.2}{:>7.2}{more:>9.2}",
            request.what,
            answers as f64 / whole,
            used.as_secs_f64() / whole * 100.0,
            idle[0],
            idle[1],
            idle[2],
            busy[0],
            busy[1],
            busy[2],
        );
    }
    println!("\ngreatest difference of p99.9: {:.2} ms ({}); the goal is 1", worst.0, worst.1);
}

/// p99, p99.9 and the greatest, in milliseconds.
fn figures(gaps: &mut [Duration]) -> [f64; 3] {
    gaps.sort();
    let at = |thousandths: usize| gaps[(gaps.len() * thousandths / 1000).min(gaps.len() - 1)];
    [at(990), at(999), at(1000)].map(|gap| gap.as_secs_f64() * 1e3)
}
