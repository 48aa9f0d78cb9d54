//! What a report costs the application: `cargo bench -p schrittmacherclient`.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark")]

use std::net::UdpSocket;
use std::thread;
use std::time::{Duration, Instant};

use schrittmacherclient::{Client, CurrentState};

const REPORTS: usize = 200_000;

fn main() {
    let daemon = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = daemon.local_addr().unwrap();
    // Hears one message, for its bytes, before it only drains.
    let sample = daemon.try_clone().unwrap();
    let client = Client::builder("my-service").port(address.port()).build().unwrap();
    let before = (entries("task"), entries("fd"));
    client.start().unwrap();
    println!("started: {} thread, {} descriptors", entries("task") - before.0, entries("fd") - before.1);

    client.report(CurrentState::Active, Some("all is well")).unwrap();
    let mut message = [0; 2000];
    let length = sample.recv(&mut message).unwrap();
    let message = &message[..length];
    thread::spawn(move || while daemon.recv(&mut [0; 2000]).is_ok() {});
    let bare = UdpSocket::bind("127.0.0.1:0").unwrap();

    // By turns, so that whatever else the machine does meets both.
    let (mut reports, mut sends) = (Vec::with_capacity(REPORTS), Vec::with_capacity(REPORTS));
    for _ in 0..REPORTS {
        // A full receive buffer of the listener is no error; nothing else is expected.
        reports.push(time(|| client.report(CurrentState::Active, Some("all is well")).unwrap()));
        sends.push(time(|| assert_eq!(bare.send_to(message, address).unwrap(), length)));
    }
    let report = show("report", &mut reports);
    let send = show("sendto() of the same bytes", &mut sends);
    println!("a report is {:.2} times a bare sendto(), by the medians", report / send);
}

fn time(act: impl FnOnce()) -> Duration {
    let begin = Instant::now();
    act();
    begin.elapsed()
}

/// Prints a line, and gives the median in microseconds.
fn show(what: &str, times: &mut [Duration]) -> f64 {
    times.sort_unstable();
    let [median, p99, p999] =
        [500, 990, 999].map(|share| times[times.len() * share / 1000].as_secs_f64() * 1e6);
    println!("{what:<27} median {median:6.2} µs   p99 {p99:6.2} µs   p99.9 {p999:6.2} µs");
    median
}

/// How many threads (`task`) or descriptors (`fd`) this process has.
fn entries(what: &str) -> usize {
    std::fs::read_dir(format!("/proc/self/{what}")).map_or(0, Iterator::count)
}
