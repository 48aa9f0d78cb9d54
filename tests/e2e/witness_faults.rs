//! Faults of the witness: each is told once, and decided by the same rule.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use schrittmacher_harness::{Pair, Side, holds_for};

use super::witness::{Etcd, promise, wait_trouble};

const SIDES: [Side; 2] = [Side::A, Side::B];

/// A network on which answers take their time. Its threads end with the program.
struct Slow {
    place: SocketAddr,
    delay_ms: Arc<AtomicU64>,
}

impl Slow {
    fn before(etcd: SocketAddr) -> Slow {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let slow = Slow { place: listener.local_addr().unwrap(), delay_ms: Arc::default() };
        let delay_ms = Arc::clone(&slow.delay_ms);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let Ok(server) = TcpStream::connect(etcd) else { continue };
                let (from_client, to_server) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                let delay_ms = Arc::clone(&delay_ms);
                thread::spawn(move || pass(from_client, to_server, &AtomicU64::new(0)));
                thread::spawn(move || pass(server, client, &delay_ms));
            }
        });
        slow
    }

    fn set(&self, delay: Duration) {
        self.delay_ms.store(u64::try_from(delay.as_millis()).unwrap(), Ordering::Relaxed);
    }
}

/// Passes on what comes, each part after the delay.
fn pass(mut from: TcpStream, mut to: TcpStream, delay_ms: &AtomicU64) {
    let mut part = [0; 65536];
    while let Ok(length) = from.read(&mut part) {
        thread::sleep(Duration::from_millis(delay_ms.load(Ordering::Relaxed)));
        if length == 0 || to.write_all(&part[..length]).is_err() {
            break;
        }
    }
    // The other side of it has gone already.
    let _ = to.shutdown(std::net::Shutdown::Both);
}

fn told(pair: &Pair, side: Side, text: &str) -> usize {
    pair[side].log.lines().iter().filter(|line| line.contains(text)).count()
}

/// Of a question's time, a third of the promise, the answers take more than half; then more than there is.
#[test]
fn an_etcd_that_is_slow_is_told_and_takes_part_as_far_as_it_is_in_time() {
    const NAME: &str = "an_etcd_that_is_slow_is_told_and_takes_part_as_far_as_it_is_in_time";
    let Some(etcd) = Etcd::start(NAME) else { return };
    let slow = Slow::before(etcd.place().parse().unwrap());
    let mut pair = Pair::new(etcd.setup_at(&format!("http://{}", slow.place)));
    pair.start(Side::A);
    for side in SIDES {
        wait_trouble(&pair, side, "witness answers within");
    }
    slow.set(promise() / 5);
    for side in SIDES {
        wait_trouble(&pair, side, "give a longer `promise`, or mend the witness");
        pair[side].log.wait("to answer, and a question has", promise());
    }
    slow.set(2 * promise());
    for side in SIDES {
        wait_trouble(&pair, side, "the witness does not answer");
        assert_eq!(told(&pair, side, "no answer in time"), 1, "{}", pair[side].log.text());
        assert_eq!(told(&pair, side, "to answer, and a question has"), 1);
        assert_eq!(pair[side].log.transitions(), []);
    }
    pair[Side::A].kill();
    pair[Side::B].log.wait("peer is silent", pair.timeout());
    holds_for(promise() + pair.timeout(), || {
        if pair[Side::B].log.state() == "Hot" { Err("hot without a vote".to_owned()) } else { Ok(()) }
    });
    slow.set(Duration::ZERO);
    pair.wait_hot(Side::B, 2 * promise());
}

fn etcdctl(etcd: &Etcd, arguments: &[&str]) -> (bool, String) {
    let mut command = Command::new("etcdctl");
    let output =
        command.env("ETCDCTL_API", "3").args(["--endpoints", &etcd.url]).args(arguments).output().unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    (output.status.success(), said)
}

/// A full etcd answers questions. It may refuse what is written; 3.4 does not in a transaction within another one.
#[test]
fn a_full_etcd_is_told_and_moves_nothing() {
    const NAME: &str = "a_full_etcd_is_told_and_moves_nothing";
    let options = ["--quota-backend-bytes", "200000"].map(str::to_owned);
    let Some(etcd) = Etcd::start_with(NAME, "http", options.into()) else { return };
    let mut pair = Pair::new(etcd.setup());
    pair.start(Side::A);
    let much = "x".repeat(20_000);
    let is_full = (0..50).any(|number| !etcdctl(&etcd, &["put", &format!("fill/{number}"), &much]).0);
    assert!(is_full && etcdctl(&etcd, &["alarm", "list"]).1.contains("NOSPACE"));
    for side in SIDES {
        pair[side].log.wait("the witness tells of an alarm, and may grant nothing: ", 2 * promise());
        wait_trouble(&pair, side, "the witness tells of an alarm");
    }
    pair.stays_for(promise().as_secs_f64());
    for side in SIDES {
        assert_eq!(told(&pair, side, "tells of an alarm"), 1, "{}", pair[side].log.text());
        assert_eq!(pair[side].log.transitions(), []);
    }
    let revision = etcdctl(&etcd, &["get", "none", "--write-out=json"]).1;
    let revision =
        revision.split("\"revision\":").nth(1).unwrap().split([',', '}']).next().unwrap().to_owned();
    for arguments in
        [&["del", "--prefix", "fill/"] as &[_], &["compact", &revision], &["defrag"], &["alarm", "disarm"]]
    {
        etcdctl(&etcd, arguments);
    }
    pair[Side::B].log.wait("the witness tells of no alarm any more", 2 * promise());
    pair[Side::A].kill();
    pair.wait_hot(Side::B, pair.timeout() + promise());
}

/// The same place, another cluster: none of what was known of its keys counts.
#[test]
fn an_etcd_that_has_lost_all_is_told_and_grants_nothing_for_one_promise() {
    const NAME: &str = "an_etcd_that_has_lost_all_is_told_and_grants_nothing_for_one_promise";
    let Some(mut etcd) = Etcd::start(NAME) else { return };
    let mut pair = Pair::new(etcd.setup());
    pair.start(Side::A);
    for side in SIDES {
        wait_trouble(&pair, side, "witness answers within");
    }
    etcd.kill();
    fs::remove_dir_all(etcd.data()).unwrap();
    // Its number comes from this, and from the names of its members.
    etcd.options = ["--initial-cluster-token", "another"].map(str::to_owned).into();
    etcd.run(None);
    for side in SIDES {
        pair[side].log.wait("another etcd answers, or it was set back: cluster", 2 * promise());
    }
    pair[Side::A].kill();
    pair.wait_hot(Side::B, pair.timeout() + 2 * promise());
    assert_eq!(told(&pair, Side::B, "another etcd answers"), 1, "{}", pair[Side::B].log.text());
}
