//! Floods at the peer's port of the hot side: whether anything switches, and how late its heartbeats are.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::sched::{CpuSet, sched_setaffinity};
use nix::time::{ClockId, clock_gettime};
use nix::unistd::Pid;
use schrittmacher_harness::{Lan, Lateness, Namespace, PORT, Pair, Setup, Side};

use crate::daemon::{KEY_LINE, add_resources, write_key};

const SPAN: Duration = Duration::from_secs(20);
/// With the service itself: enough heartbeats for one in a thousand.
const RESOURCES: usize = 99;

struct Flood {
    what: &'static str,
    /// Of the pair's files.
    core: &'static str,
    from_peer: bool,
    datagram: Vec<u8>,
    /// Datagrams a second that are wanted.
    rate: u32,
}

pub fn report() {
    let floods = [
        Flood {
            what: "garbage, 100 bytes, from a stranger",
            core: "",
            from_peer: false,
            datagram: (0..100_u8).map(|n| n.wrapping_mul(37)).collect(),
            rate: 400_000,
        },
        Flood {
            what: "unsigned, 150 bytes, peer's address, enforce",
            core: KEY_LINE,
            from_peer: true,
            datagram: unsigned(),
            rate: 400_000,
        },
        Flood {
            what: "nested, 1,400 bytes, peer's address, enforce",
            core: KEY_LINE,
            from_peer: true,
            datagram: nested(),
            rate: 200_000,
        },
        Flood {
            what: "nested, 1,400 bytes, peer's address, no key",
            core: "",
            from_peer: true,
            datagram: nested(),
            rate: 200_000,
        },
    ];
    println!(
        "\nFloods of {} s at the hot side; 100 resources, heartbeat 0.1 s, timeout 0.3 s. How late 99.9 % of its heartbeats \
         are at most (a bound of the histogram), idle and in the flood\n",
        SPAN.as_secs()
    );
    println!("The sender has one core; \"could\" is how many a second it would send with all of it.\n");
    println!(
        "{:<46}{:>10}{:>10}{:>10}{:>10}{:>10}",
        "", "a second", "could", "idle ms", "flood ms", "switches"
    );
    floods.iter().for_each(measure);
}

fn measure(flood: &Flood) {
    let lan = Lan::lay().unwrap();
    // The service stays where it is, unless the flood moves it.
    let setup =
        Setup { heartbeat: 0.1, timeout: 0.3, core: flood.core, priority: [1, 0], ..Setup::default() };
    let mut pair = Pair::on(setup, &lan);
    write_key(&pair);
    add_resources(&pair, RESOURCES);
    pair.start(Side::A);
    thread::sleep(Duration::from_secs(2));
    let before = switches(&pair);
    let (idle, _) = lateness(&pair, &lan, || thread::sleep(SPAN));
    let (from, to) = if flood.from_peer {
        (lan.host(Side::B), SocketAddr::new(pair[Side::A].address, PORT))
    } else {
        // By the LAN of the clients: the host takes it for its other address, too.
        lan.client().ip("route add 10.9.0.1 via 10.1.0.1");
        (lan.client(), SocketAddr::new(pair[Side::A].address, PORT))
    };
    let source = flood.from_peer.then_some(pair[Side::B].address);
    let (mut sent, mut could) = (0.0, 0.0);
    let (flooded, _) = lateness(&pair, &lan, || (sent, could) = send(from, source, to, flood));
    println!(
        "{:<46}{sent:>10.0}{could:>10.0}{idle:>10.1}{flooded:>10.1}{:>10}",
        flood.what,
        switches(&pair) - before
    );
    pair.journal.forget();
}

/// 99.9 % of the hot side's heartbeats meanwhile, in milliseconds, and their number.
fn lateness(pair: &Pair, lan: &Lan, act: impl FnOnce()) -> (f64, u64) {
    let ask = || lan.host(Side::A).run(|| Lateness::of(pair[Side::A].address));
    let before = ask();
    act();
    ask().since(&before, 0.999)
}

/// Changes of state of the service on both sides.
fn switches(pair: &Pair) -> usize {
    let count = |side: Side| {
        let text = std::fs::read_to_string(pair[side].files.log()).unwrap();
        text.lines().filter(|line| line.contains("service") && line.contains(" -> ")).count()
    };
    count(Side::A) + count(Side::B)
}

/// Sends for as long as it lasts: how many datagrams a second have left, and how many would with a whole core. The receiver's
/// socket filter runs in the time of the sender.
fn send(from: &Namespace, source: Option<IpAddr>, to: SocketAddr, flood: &Flood) -> (f64, f64) {
    let end = AtomicBool::new(false);
    let began = Instant::now();
    let (sent, busy) = thread::scope(|scope| {
        let sender = scope.spawn(|| {
            from.run(|| {
                let socket = UdpSocket::bind((source.unwrap_or([0, 0, 0, 0].into()), 0)).unwrap();
                pin_to_last_core();
                let sent = pour(&socket, to, flood, &end);
                (sent, clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).unwrap())
            })
        });
        thread::sleep(SPAN);
        end.store(true, Ordering::Relaxed);
        sender.join().unwrap()
    });
    (sent as f64 / began.elapsed().as_secs_f64(), sent as f64 / Duration::from(busy).as_secs_f64())
}

/// The others are the daemons'.
fn pin_to_last_core() {
    let mut cores = CpuSet::new();
    let last = thread::available_parallelism().map_or(0, |cores| cores.get() - 1);
    // Where only some cores are this program's the last one may not be: it stays free then.
    if cores.set(last).is_ok() {
        let _ = sched_setaffinity(Pid::from_raw(0), &cores);
    }
}

/// One call of the kernel sends many: it cuts them (`UDP_SEGMENT`).
fn pour(socket: &UdpSocket, to: SocketAddr, flood: &Flood, end: &AtomicBool) -> u64 {
    let length = flood.datagram.len();
    let many = (65_000 / length).min(64);
    let size = libc::c_int::try_from(length).unwrap();
    // SAFETY: the pointer is to an int of this size, which the kernel copies.
    let set = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_UDP,
            libc::UDP_SEGMENT,
            (&raw const size).cast(),
            u32::try_from(size_of_val(&size)).unwrap(),
        )
    };
    assert_eq!(set, 0, "UDP_SEGMENT: {}", std::io::Error::last_os_error());
    let batch = flood.datagram.repeat(many);
    let pause = Duration::from_secs_f64(many as f64 / f64::from(flood.rate));
    let (mut due, mut sent) = (Instant::now(), 0);
    while !end.load(Ordering::Relaxed) {
        // An answer of a closed port is no hindrance.
        if socket.send_to(&batch, to).is_ok() {
            sent += many as u64;
        }
        due += pause;
        let now = Instant::now();
        match due.checked_duration_since(now) {
            Some(early) if early > Duration::from_micros(200) => thread::sleep(early),
            Some(_) => {}
            // It does not catch up what it could not do.
            None => due = now,
        }
    }
    sent
}

fn unsigned() -> Vec<u8> {
    let mut text = "{\n  \"status\": \"FAIL\",\n  \"resource-id\": \"service\",\n  \"reason\": \"".to_owned();
    text += &"x".repeat(150 - text.len() - 3);
    text += "\"\n}";
    text.into_bytes()
}

fn nested() -> Vec<u8> {
    let depth = 230;
    let mut text = "{\"a\":".repeat(depth) + "1" + &"}".repeat(depth);
    text += &" ".repeat(1400 - text.len());
    text.into_bytes()
}
