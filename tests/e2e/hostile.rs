//! No disk, command, flood or signal delays a heartbeat (T5). And the rules about senders (D41).

use std::fs;
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use schrittmacher_harness::{AT_ONCE, PORT, Pair, RESOURCE, Setup, Side, skip, wait_for};

/// Short, so that a delayed heartbeat shows.
const TIMEOUT: f64 = 2.0;

fn setup() -> Setup {
    Setup { timeout: TIMEOUT, ..Setup::default() }
}

/// With this fault at `a`, no state changes for two timeouts, and `a` still obeys.
fn goes_on(pair: &mut Pair) {
    let threads =
        |pair: &Pair| fs::read_dir(format!("/proc/{}/task", pair[Side::A].daemon().pid())).unwrap().count();
    let before = threads(pair);
    pair.stays_for(2.0 * TIMEOUT);
    assert!(threads(pair) <= before, "threads pile up (D34)");
    assert_eq!(pair[Side::B].log.transitions(), []);
    assert!(!pair[Side::B].log.has("peer is silent"), "{}", pair[Side::B].log.text());
    pair[Side::A].page(&format!("?failover={RESOURCE}"));
    pair.settles(Side::B, Duration::ZERO);
}

#[test]
fn a_log_file_on_a_full_disk() {
    let mut pair = Pair::new(Setup { log_file: Some("/dev/full"), ..setup() });
    pair.start(Side::A);
    goes_on(&mut pair);
    assert!(pair[Side::A].stderr.has("/dev/full"), "not reported: {}", pair[Side::A].stderr.text());
}

/// On a disk that gets full, in the middle of a line perhaps, and has room again: what was lost is counted.
#[test]
fn a_log_file_on_a_disk_that_fills_up() {
    let allowed = Command::new("unshare").args(["--mount", "true"]).output();
    if !allowed.is_ok_and(|output| output.status.success()) {
        return skip("a_log_file_on_a_disk_that_fills_up", "only root may mount a small disk");
    }
    let core = "log-level = debug";
    let mut pair = Pair::new(Setup { log_file: Some("{folder}/disk/log"), core, ..setup() });
    let folder = pair.folder().join("disk");
    fs::create_dir(&folder).unwrap();
    // In a namespace of its own, so that the disk goes away with the daemon.
    let mount = format!("mount -t tmpfs -o size=64k none {} && exec \"$@\"", folder.display());
    pair[Side::A].starter = vec!["unshare", "--mount", "sh", "-c", mount.leak(), "sh"];
    pair.start(Side::A);
    let seen = format!("/proc/{}/root{}", pair[Side::A].daemon().pid(), folder.display());
    let (log, filler) = (Path::new(&seen).join("log"), Path::new(&seen).join("filler"));
    let full = fs::write(&filler, vec![0; 1 << 20]).unwrap_err();
    assert_eq!(full.kind(), ErrorKind::StorageFull);
    pair[Side::A].stderr.wait("lines get lost: No space left on device", Duration::from_secs(4));
    goes_on(&mut pair);

    fs::remove_file(filler).unwrap();
    wait_for("the loss in the log", Duration::from_secs(1), || {
        fs::read_to_string(&log).unwrap().contains("log lines lost").then_some(())
    });
    pair[Side::A].page(&format!("?takeover={RESOURCE}"));
    pair.settles(Side::A, Duration::ZERO);
    let text = fs::read_to_string(&log).unwrap();
    let after = text.split("log lines lost").nth(1).unwrap();
    assert!(after.contains("transiting_to_hot -> Hot"), "{text}");
    // No line is glued to a torn one: every line has its time and its columns.
    let broken: Vec<_> = text.lines().filter(|line| line.matches('\t').count() != 5).collect();
    assert!(broken.len() <= 1, "{broken:?}");
}

#[test]
fn a_log_file_that_blocks() {
    let mut pair = Pair::new(Setup { log_file: Some("{folder}/fifo"), ..setup() });
    mkfifo(&pair.folder().join("fifo"), Mode::S_IRUSR | Mode::S_IWUSR).unwrap();
    pair.start(Side::A);
    goes_on(&mut pair);
}

#[test]
fn a_command_that_hangs() {
    let start = Some("{note}; kill -10 `cat {pid-file}`; exec sleep 30");
    let mut pair = Pair::new(Setup { start, resource: "action-timeout = 6", ..setup() });
    pair.start(Side::A);
    goes_on(&mut pair);
}

#[test]
fn a_command_that_prints_a_gigabyte() {
    let start =
        Some("{note}; kill -10 `cat {pid-file}`; head -c 1000000000 /dev/zero; touch {pid-file}.printed");
    let mut pair = Pair::new(Setup { start, resource: "action-timeout = 600", ..setup() });
    pair.start(Side::A);
    let printed = pair[Side::A].files.pid_file().with_extension("pid.printed");
    wait_for("the gigabyte", Duration::from_secs(10), || printed.exists().then_some(()));
    let status = fs::read_to_string(format!("/proc/{}/status", pair[Side::A].daemon().pid())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak_kib: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(peak_kib < 100_000, "the daemon kept what the command printed: {peak_kib} KiB");
    goes_on(&mut pair);
}

#[test]
fn a_flood_of_garbage() {
    let mut pair = Pair::new(setup());
    pair.start(Side::A);
    let lines_before = pair[Side::A].log.text().lines().count();
    let (target, peer) = (pair[Side::A].address, pair[Side::B].address);
    let end = Instant::now() + Duration::from_secs_f64(2.0 * TIMEOUT);
    thread::scope(|scope| {
        scope.spawn(|| flood(target, target, end));
        scope.spawn(|| flood(peer, target, end));
        pair.stays_for(2.0 * TIMEOUT);
    });
    assert!(pair[Side::A].log.text().lines().count() < lines_before + 100, "the flood filled the log");
    goes_on(&mut pair);
}

/// D20: a signal that interrupts a wait made 2.0.0 deaf for ever. And SIGHUP opens the log file anew (C4).
#[test]
fn signals_that_end_nothing() {
    let mut pair = Pair::new(setup());
    pair.start(Side::A);
    let (log, rotated) = (pair[Side::A].files.log(), pair.folder().join("rotated"));
    fs::rename(&log, &rotated).unwrap();
    for signal in [
        Signal::SIGHUP,
        Signal::SIGCHLD,
        Signal::SIGCONT,
        Signal::SIGPIPE,
        // An order for the application, misdirected; the legacy daemon died of it.
        Signal::SIGUSR1,
        Signal::SIGUSR2,
        Signal::SIGHUP,
    ] {
        pair[Side::A].daemon().signal(signal);
    }
    wait_for("the new log file", AT_ONCE, || log.exists().then_some(()));
    goes_on(&mut pair);
    assert!(!fs::read_to_string(&rotated).unwrap().contains("failover ordered"), "the old file goes on");
}

/// D41 and, at the first port, D37: the source of a datagram decides which codes it may have.
#[test]
fn who_may_say_what() {
    let mut pair = Pair::new(setup());
    pair.start_daemon(Side::A);
    // What came before its start was complete would not be looked at.
    pair[Side::A].wait_page();
    let (us, peer) = (pair[Side::A].address, pair[Side::B].address);
    let say = |from: IpAddr, port: u16, status: &str| {
        let socket = UdpSocket::bind(SocketAddr::new(from, 0)).unwrap();
        let message = format!(r#"{{"resource":"{RESOURCE}","status":"{status}","type":"schrittmacher"}}"#);
        socket.send_to(message.as_bytes(), (us, port)).unwrap();
    };
    // Each of these would make it Standby or hot.
    say(peer, PORT, "LSBY");
    say(us, PORT, "FAIL");
    say(us, PORT + 1, "HOTT");
    say(peer, PORT + 1, "LSBY");
    say(peer, PORT + 1, "HOTT");
    for refused in
        ["which only an application may say", "which only the peer may say", "at the applications' port"]
    {
        pair[Side::A].log.wait(refused, AT_ONCE);
    }
    assert_eq!(pair[Side::A].log.transitions(), []);

    say("127.0.0.1".parse().unwrap(), PORT, "LSBY");
    pair[Side::A].log.wait_state("Standby", AT_ONCE);
    say(peer, PORT, "FAIL");
    pair[Side::A].log.wait_state("transiting_to_hot", AT_ONCE);
}

/// Sends forbidden messages from this address to both ports. These are a peer's codes as an application, an
/// application's codes as the peer (D41), and codes that no program sends.
fn flood(from: IpAddr, to: IpAddr, end: Instant) {
    let socket = UdpSocket::bind(SocketAddr::new(from, 0)).unwrap();
    let status = |code: &str| {
        let random = 4_294_967_295_u32;
        format!(r#"{{"resource":"{RESOURCE}","status":"{code}","priority":999,"random":{random},"pid":1}}"#)
    };
    let mut garbage: Vec<Vec<u8>> = vec![
        b"{".to_vec(),
        vec![b'['; 60_000],
        (0..=255).collect(),
        Vec::new(),
        br#"{"resource":"nobody's","status":"LHOT"}"#.to_vec(),
        // The dearest to read of all that fits: 9 ms in a release build.
        format!(r#"{{"resource":"{RESOURCE}","status":[{}0]}}"#, r#"{"":0},"#.repeat(4600)).into(),
        format!(r#"{{"resource":"{RESOURCE}","status":{{"a":[1,2]}},"priority":null}}"#).into(),
    ];
    let forbidden: &[&str] =
        if from == to { &["TREQ", "FAIL", "TREJ", "HOTT"] } else { &["LFAI", "LRFO", "LSBY"] };
    garbage.extend(forbidden.iter().map(|code| status(code).into_bytes()));
    for datagrams in garbage.chunks(2).cycle() {
        if Instant::now() >= end {
            return;
        }
        for datagram in datagrams {
            for port in [PORT, PORT + 1] {
                for _ in 0..20 {
                    // A full buffer is what this is about.
                    let _ = socket.send_to(datagram, (to, port));
                }
            }
        }
        // The other tests want some of the machine, too.
        thread::sleep(Duration::from_millis(1));
    }
}
