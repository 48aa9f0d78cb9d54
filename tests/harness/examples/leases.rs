//! `make bench-leases`: how long it takes until the last of many resources has its lease, after the death of the hot host. Each
//! program in `DAEMONS` is measured, in turns, beside Debian's etcd with one member on loopback, in a network namespace of its own.
#![expect(clippy::print_stdout, reason = "the table is what it is for")]
#![expect(clippy::unwrap_used, reason = "a measurement that can't be made ends the run")]

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::net::{TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::sched::{CloneFlags, unshare};
use schrittmacher_harness::{EndOnDrop, PORT, Process, program, report, wait_for};

const HOT: &str = "127.0.0.2";
const STANDBY: &str = "127.0.0.3";
const ETCD: &str = "127.0.0.9:2379";
/// Between two reports of one application.
const PERIOD: Duration = Duration::from_millis(1500);
/// After a start the hot side gives leases back that it needed until its peer was heard.
const SETTLED: Duration = Duration::from_secs(10);
/// After this time what is missing counts as missing.
const LONGEST: Duration = Duration::from_secs(60);

fn main() {
    if let Err(error) = unshare(CloneFlags::CLONE_NEWNET) {
        return println!("SKIPPED: leases: no network namespace ({error}); it needs root");
    }
    if Command::new("etcd").arg("--version").stdout(Stdio::null()).status().is_err() {
        return println!("SKIPPED: leases: no etcd; as root: apt-get install etcd-server");
    }
    assert!(Command::new("ip").args(["link", "set", "lo", "up"]).status().unwrap().success());
    let setting = |name: &str, default: &str| std::env::var(name).unwrap_or_else(|_| default.to_owned());
    let daemons = setting("DAEMONS", &program("schrittmacher").display().to_string());
    let daemons: Vec<PathBuf> = daemons.split(',').map(PathBuf::from).collect();
    let (rounds, promise) = (setting("ROUNDS", "3").parse().unwrap(), setting("PROMISE", "12"));
    println!(
        "From the death of the hot daemon, in ms, `promise` {promise} s; {rounds} rounds, in their order\n"
    );
    println!("| resources | daemon | first lease | last lease |\n|---|---|---|---|");
    for resources in setting("RESOURCES", "200,1000").split(',') {
        let resources = resources.parse().unwrap();
        let mut rows = vec![(Vec::new(), Vec::new()); daemons.len()];
        for _ in 0..rounds {
            for (daemon, (first, last)) in daemons.iter().zip(&mut rows) {
                let times = measure(daemon, resources, &promise);
                first.push(times.0);
                last.push(times.1);
            }
        }
        for (daemon, (first, last)) in daemons.iter().zip(rows) {
            let name = daemon.file_name().unwrap().display();
            println!("| {resources} | {name} | {} | {} |", first.join(", "), last.join(", "));
        }
    }
}

/// When the first resource has its lease, and when the last one has it.
fn measure(daemon: &Path, resources: usize, promise: &str) -> (String, String) {
    let folder = tempfile::tempdir().unwrap();
    let _etcd = etcd(folder.path());
    let words = [(HOT, "LHOT"), (STANDBY, "LSBY")];
    beside_applications(resources, &words, || {
        let start = |local, remote| start(daemon, folder.path(), local, remote, resources, promise);
        let log =
            |local: &str| fs::read_to_string(folder.path().join(format!("{local}.log"))).unwrap_or_default();
        let has = |local: &str, text: &str| log(local).matches(text).count();
        // Its applications are hot before there is another side that could ask for the role.
        let hot = start(HOT, STANDBY);
        wait_for("all to be hot on one side", LONGEST, || (has(HOT, "-> Hot") >= resources).then_some(()));
        let standby = start(STANDBY, HOT);
        wait_for("all to be protected", LONGEST, || {
            (has(STANDBY, "protected: one side is hot") >= resources).then_some(())
        });
        thread::sleep(SETTLED);
        let before = log(STANDBY).lines().count();
        // One whose application does not follow gives the role up, and takes it again.
        let granted = || {
            let log = log(STANDBY);
            let lines = log.lines().skip(before).filter(|line| line.contains("-> transiting_to_hot: "));
            lines.filter_map(|line| line.split('\t').nth(2)).collect::<BTreeSet<_>>().len()
        };
        hot.kill();
        let killed = Instant::now();
        let (mut first, mut last) = (None, None);
        let mut count = 0;
        while last.is_none() && killed.elapsed() < LONGEST {
            count = granted();
            let now = killed.elapsed().as_millis().to_string();
            if count > 0 {
                first.get_or_insert(now.clone());
            }
            last = (count >= resources).then_some(now);
            thread::sleep(Duration::from_millis(10));
        }
        drop(standby);
        let missing = || format!("{count} of {resources} within {} s", LONGEST.as_secs());
        (first.unwrap_or_else(missing), last.unwrap_or_else(missing))
    })
}

fn etcd(folder: &Path) -> Process {
    let url = format!("http://{ETCD}");
    let mut command = Command::new("etcd");
    command.arg("--data-dir").arg(folder.join("etcd"));
    command.args(["--listen-client-urls", &url, "--advertise-client-urls", &url]);
    command.args(["--listen-peer-urls", "http://127.0.0.1:0"]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let process = Process::spawn(command, None);
    wait_for("etcd to listen", Duration::from_secs(5), || TcpStream::connect(ETCD).ok());
    process
}

fn start(
    daemon: &Path,
    folder: &Path,
    local: &str,
    remote: &str,
    resources: usize,
    promise: &str,
) -> Process {
    let state = folder.join(local);
    let mut text = format!(
        "group = core\nlocal-address = {local}\nremote-address = {remote}\nport = {PORT}\nsecurity = legacy\nheartbeat = 2\n\
         state-directory = {0}\nrun-directory = {0}\nlog-file = {0}.log\nwitness = etcd http://{ETCD}\npolicy = consistent\n\
         promise = {promise}\ngoing-hot-timeout = 300\n",
        state.display()
    );
    for number in 0..resources {
        let _ = writeln!(text, "group = resource\nname = resource-{number}\n");
    }
    let file = folder.join(format!("{local}.conf"));
    fs::write(&file, text).unwrap();
    let mut command = Command::new(daemon);
    command.arg(file).stdout(Stdio::null()).stderr(Stdio::null());
    Process::spawn(command, None)
}

/// Runs `what` while an application for each resource reports this word to each of these addresses.
fn beside_applications<T>(resources: usize, words: &[(&str, &str)], what: impl FnOnce() -> T) -> T {
    let end = AtomicBool::new(false);
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
                        // A daemon that has died takes nothing.
                        let _ = socket.send_to(text.as_bytes(), (*address, PORT + 1));
                        due += PERIOD / u32::try_from(resources).unwrap();
                    }
                }
            });
        }
        let _end = EndOnDrop(&end);
        what()
    })
}
