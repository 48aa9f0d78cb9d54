//! What a report costs the application: `cargo bench -p schrittmacherclient`.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark")]

use std::net::UdpSocket;
use std::thread;
use std::time::{Duration, Instant};

use schrittmacherclient::{Client, CurrentState};

const REPORTS: usize = 200_000;

fn main() {
    let daemon = UdpSocket::bind("127.0.0.1:0").unwrap();
    let client = Client::builder("my-service").port(daemon.local_addr().unwrap().port()).build().unwrap();
    let before = (entries("task"), entries("fd"));
    client.start().unwrap();
    println!("started: {} thread, {} descriptors", entries("task") - before.0, entries("fd") - before.1);
    thread::spawn(move || while daemon.recv(&mut [0; 2000]).is_ok() {});

    let mut times: Vec<Duration> = (0..REPORTS)
        .map(|_| {
            let begin = Instant::now();
            // A full receive buffer of the listener is no error; nothing else is expected.
            client.report(CurrentState::Active, Some("all is well")).unwrap();
            begin.elapsed()
        })
        .collect();
    times.sort_unstable();
    println!("report to a daemon on loopback, {REPORTS} times:");
    for (name, share) in [("median", 0.5), ("p99", 0.99), ("p99.9", 0.999)] {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
        let index = (REPORTS as f64 * share) as usize;
        println!("  {name:<7} {:6.2} µs", times[index].as_secs_f64() * 1e6);
    }
}

/// How many threads (`task`) or descriptors (`fd`) this process has.
fn entries(what: &str) -> usize {
    std::fs::read_dir(format!("/proc/self/{what}")).map_or(0, Iterator::count)
}
