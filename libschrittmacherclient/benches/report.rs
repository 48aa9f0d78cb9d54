//! The cost of a report for the application: `cargo bench -p schrittmacherclient`.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark")]

use std::fs;
use std::net::UdpSocket;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::socket::{
    AddressFamily, Backlog, MsgFlags, SockFlag, SockType, UnixAddr, accept, bind, listen, recv, socket,
};
use schrittmacher_wire::{SocketKind, socket_name};
use schrittmacherclient::{Client, CurrentState};

const REPORTS: usize = 200_000;

fn main() {
    let daemon = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = daemon.local_addr().unwrap();
    // Receives one message for its bytes. Later messages are thrown away.
    let sample = daemon.try_clone().unwrap();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("report-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let network = fs::metadata("/proc/self/ns/net").unwrap().ino();
    let name = socket_name(address, Some(network), SocketKind::App);
    let listener = listening(&folder.join(name));

    let before = (entries("task"), entries("fd"));
    let by_udp = client(address.port(), &folder.join("nothing"));
    println!("started: {} thread, {} descriptors", entries("task") - before.0, entries("fd") - before.1);
    report(&by_udp);
    let mut message = [0; 2000];
    let length = sample.recv(&mut message).unwrap();
    let message = &message[..length];
    let by_unix = client(address.port(), &folder);
    report(&by_unix);
    thread::spawn(move || while daemon.recv(&mut [0; 2000]).is_ok() {});
    thread::spawn(move || {
        let connection = accept(listener.as_raw_fd()).unwrap();
        while recv(connection, &mut [0; 2000], MsgFlags::empty()).is_ok_and(|length| length > 0) {}
    });
    let bare = UdpSocket::bind("127.0.0.1:0").unwrap();

    // In turns, so that other work of the machine slows all of them down alike.
    let mut times: [Vec<Duration>; 3] = std::array::from_fn(|_| Vec::with_capacity(REPORTS));
    for _ in 0..REPORTS {
        // A full receive buffer of the listener is no error.
        times[0].push(time(|| report(&by_udp)));
        times[1].push(time(|| report(&by_unix)));
        times[2].push(time(|| assert_eq!(bare.send_to(message, address).unwrap(), length)));
    }
    fs::remove_dir_all(&folder).unwrap();
    let [udp, unix, send] = &mut times;
    let udp = show("report by UDP", udp);
    let unix = show("report by the Unix socket", unix);
    let send = show("sendto() of the same bytes", send);
    println!(
        "a report is {:.2} times a bare sendto() by UDP, {:.2} times by the Unix socket, by the medians",
        udp / send,
        unix / send
    );
}

fn client(port: u16, run_directory: &Path) -> Client {
    let client = Client::builder("my-service").port(port).run_directory(run_directory).build().unwrap();
    client.start().unwrap();
    client
}

fn report(client: &Client) {
    client.report(CurrentState::Active, Some("all is well")).unwrap();
}

fn listening(path: &Path) -> OwnedFd {
    let listener = socket(AddressFamily::Unix, SockType::SeqPacket, SockFlag::SOCK_CLOEXEC, None).unwrap();
    bind(listener.as_raw_fd(), &UnixAddr::new(path).unwrap()).unwrap();
    listen(&listener, Backlog::new(1).unwrap()).unwrap();
    listener
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
    fs::read_dir(format!("/proc/self/{what}")).map_or(0, Iterator::count)
}
