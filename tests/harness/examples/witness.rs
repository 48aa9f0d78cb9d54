//! `make check-witness`: pairs beside Debian's etcd in network namespaces. Each cut between the two hosts and the witness, a daemon that
//! stands still, and faults of etcd, under each policy: for how long two commands ran, and none. Then how long a failover takes.
//!
//! The command of `schrittmacher-run` is the service: it writes down when it begins and ends.
#![expect(clippy::print_stdout, reason = "its output is what it is for")]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use nix::sys::signal::Signal;
use schrittmacher_harness::{
    Lan, Namespace, PORT, Pair, Process, RESOURCE, Setup, Side, Tail, program, wait_for,
};
use tempfile::TempDir;

const SIDES: [Side; 2] = [Side::A, Side::B];
/// The service: it ends at once when it is told to.
const SERVICE: &str = "trap 'say ended; exit 0' TERM; say begun; while :; do sleep 0.01; done";
/// How long a cut lasts, and how long the pair may take afterwards.
const CUT: Duration = Duration::from_secs(5);
const AFTERWARDS: Duration = Duration::from_secs(5);
/// Failovers of each kind.
const ROUNDS: usize = 5;
/// The client ports of etcd's members, on the third host.
const MEMBERS: [u16; 3] = [2379, 2479, 2579];
const WITNESS: &str = "10.1.0.9";

/// An etcd on the third host.
struct Etcd {
    folder: TempDir,
    members: Vec<(u16, Option<Process>)>,
    host: Namespace,
}

impl Etcd {
    fn start(number: usize, host: &Namespace) -> Etcd {
        let members = MEMBERS[..number].iter().map(|port| (*port, None)).collect();
        let mut etcd = Etcd { folder: TempDir::new().expect("a folder"), members, host: host.clone() };
        etcd.run();
        etcd
    }

    fn urls(&self) -> String {
        let urls = self.members.iter().map(|(port, _)| format!("http://{WITNESS}:{port}"));
        urls.collect::<Vec<_>>().join(",")
    }

    /// Starts what does not run, with what it knew.
    fn run(&mut self) {
        let name = |port: u16| format!("m{port}={}", peer(port));
        let cluster: Vec<String> = self.members.iter().map(|(port, _)| name(*port)).collect();
        let (folder, host, cluster) = (self.folder.path().to_owned(), self.host.clone(), cluster.join(","));
        for (port, process) in self.members.iter_mut().filter(|(_, process)| process.is_none()) {
            let url = format!("http://{WITNESS}:{port}");
            let mut command = Command::new("etcd");
            command
                .arg("--data-dir")
                .arg(folder.join(port.to_string()))
                .args(["--name", &format!("m{port}")]);
            command.args(["--listen-client-urls", &url, "--advertise-client-urls", &url]);
            command.args(["--listen-peer-urls", &peer(*port), "--initial-advertise-peer-urls", &peer(*port)]);
            command.args(["--initial-cluster", &cluster]);
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            *process = Some(Process::spawn(command, Some(&host)));
        }
        wait_for("etcd to have a leader", Duration::from_secs(5), || self.leader());
    }

    /// The place of the leader among the members.
    fn leader(&self) -> Option<usize> {
        self.members.iter().position(|(port, _)| {
            let status = self.host.run(|| ask(*port)).unwrap_or_default();
            let part = |key: &str| Some(status.split_once(key)?.1.split('"').nth(2)?.to_owned());
            part("\"member_id\"").is_some_and(|own| part("\"leader\"") == Some(own))
        })
    }

    fn kill_leader(&mut self) {
        let leader = self.leader().expect("a leader");
        self.members[leader].1.take().expect("it runs").kill();
    }

    fn kill(&mut self) {
        self.members.iter_mut().filter_map(|(_, process)| process.take()).for_each(|process| process.kill());
    }
}

fn peer(port: u16) -> String {
    format!("http://127.0.0.1:{}", port + 1)
}

fn ask(port: u16) -> Option<String> {
    let mut stream = TcpStream::connect((WITNESS, port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(1))).ok()?;
    write!(stream, "POST /v3/maintenance/status HTTP/1.0\r\nhost: x\r\ncontent-length: 2\r\n\r\n{{}}")
        .ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}

/// Two hosts with the service, and the third one.
struct Scene {
    // First: their commands end before the daemons do.
    wrappers: [Option<Process>; 2],
    said: Tail,
    pair: Pair,
    etcd: Option<Etcd>,
    lan: Lan,
}

/// The times of one scenario.
struct Result {
    two: Duration,
    none: Duration,
    transitions: usize,
}

impl Scene {
    /// One side serves. With `asks` the commands know when their right ends.
    fn open(setup: Setup, etcd: Option<Etcd>, lan: Lan, asks: bool) -> Scene {
        let mut pair = Pair::on(setup, &lan);
        let said = Tail::new(pair.folder().join("said"));
        SIDES.into_iter().for_each(|side| pair.start_daemon(side));
        let mut scene = Scene { wrappers: [None, None], said, pair, etcd, lan };
        SIDES.into_iter().for_each(|side| scene.wrap(side, asks));
        scene.settle();
        // An order waits until the process is known.
        for side in SIDES {
            scene.pair[side].log.wait_in_run(" is the application", Duration::from_secs(2));
        }
        scene
    }

    fn wrap(&mut self, side: Side, asks: bool) {
        let (name, file) = (side.name(), self.said.path().display());
        let script = format!("say() {{ echo {name} $1 $(date +%s%N) >>{file}; }}; {SERVICE}");
        let mut run = Command::new(program("schrittmacher-run"));
        run.args(["--resource", RESOURCE]);
        if asks {
            run.arg("--config").arg(self.pair[side].files.config());
        } else {
            // By UDP the daemon tells nothing.
            let address = self.pair[side].address.to_string();
            run.args(["--daemon", &address, "--port", &(PORT + 1).to_string()]);
        }
        run.args(["--", "/bin/sh", "-c", &script]).stdin(Stdio::null());
        run.stdout(Stdio::null()).stderr(Stdio::null());
        self.wrappers[side.index()] = Some(Process::spawn(run, Some(self.lan.host(side))));
    }

    /// One side serves, and the other one is ready.
    fn settle(&self) -> Side {
        wait_for("one side to serve", Duration::from_secs(20), || {
            SIDES.into_iter().find(|side| {
                self.pair[*side].log.state() == "Hot" && self.pair[side.other()].log.state() == "Standby"
            })
        })
    }

    /// What comes of a fault that lasts for this long.
    fn measure(
        &mut self,
        lasts: Duration,
        begin: impl FnOnce(&mut Scene, Side),
        end: impl FnOnce(&mut Scene, Side),
    ) -> Result {
        let hot = self.settle();
        self.pair.forget();
        let since = now();
        begin(self, hot);
        std::thread::sleep(lasts);
        end(self, hot);
        std::thread::sleep(AFTERWARDS);
        self.settle();
        let (two, none) = times(&self.said.text(), since, now());
        let transitions = SIDES.map(|side| self.pair[side].log.transitions().len()).iter().sum();
        Result { two, none, transitions }
    }

    fn set_link(&self, link: char, up: bool) {
        let plug = |side| if up { self.lan.plug(side) } else { self.lan.unplug(side) };
        match link {
            'p' => self.lan.set_heartbeat_link(up),
            'a' => plug(Side::A),
            _ => plug(Side::B),
        }
    }
}

fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// How long two commands ran, and none, by what they have written down.
fn times(said: &str, from: Duration, to: Duration) -> (Duration, Duration) {
    let mut running = [false; 2];
    let (mut two, mut none, mut last) = (Duration::ZERO, Duration::ZERO, from);
    let mut pass = |running: [bool; 2], at: Duration| {
        let at = at.clamp(last, to);
        match running {
            [true, true] => two += at - last,
            [false, false] => none += at - last,
            [true, false] | [false, true] => {}
        }
        last = at;
    };
    for line in said.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let [side, what, at] = words[..] else { continue };
        pass(running, Duration::from_nanos(at.parse().unwrap_or(0)));
        running[usize::from(side == "b")] = what == "begun";
    }
    pass(running, to);
    (two, none)
}

/// A fault: its name, how long it lasts, its beginning and its end.
type Fault = (&'static str, Duration, fn(&mut Scene, Side), fn(&mut Scene, Side));

/// The links of each cut: `p` between the hosts, `a` and `b` between a host and the witness.
const CUTS: [(&str, &str); 7] = [
    ("the hosts from each other", "p"),
    ("the hot host from the witness", "a"),
    ("the standby host from the witness", "b"),
    ("the hot host from both", "pa"),
    ("the standby host from both", "pb"),
    ("both hosts from the witness", "ab"),
    ("all three from each other", "pab"),
];

const STOP: Fault = (
    "the hot daemon stands still for 30 s",
    Duration::from_secs(30),
    |scene, hot| scene.pair[hot].daemon().signal(Signal::SIGSTOP),
    |scene, hot| scene.pair[hot].daemon().signal(Signal::SIGCONT),
);

const OF_ETCD: [Fault; 2] = [
    (
        "etcd's leader is killed",
        Duration::from_secs(10),
        |scene, _| scene.etcd.iter_mut().for_each(Etcd::kill_leader),
        |scene, _| scene.etcd.iter_mut().for_each(Etcd::run),
    ),
    (
        "etcd is away for a minute",
        Duration::from_secs(60),
        |scene, _| scene.etcd.iter_mut().for_each(Etcd::kill),
        |scene, _| scene.etcd.iter_mut().for_each(Etcd::run),
    ),
];

fn row(policy: &str, fault: &str, Result { two, none, transitions }: &Result) -> String {
    format!("| {policy} | {fault} | {:.2} | {:.2} | {transitions} |", two.as_secs_f64(), none.as_secs_f64())
}

/// A pair under a policy, beside an etcd with this number of members.
fn scene(
    policy: &str,
    members: usize,
    asks: bool,
    heartbeat: f64,
) -> std::result::Result<Scene, &'static str> {
    let lan = Lan::lay()?;
    let etcd = (members > 0).then(|| Etcd::start(members, lan.client()));
    let witness = etcd.as_ref().map(|etcd| format!("witness = etcd {}\n", etcd.urls())).unwrap_or_default();
    let core = format!("{witness}policy = {policy}").leak();
    let (timeout, app_timeout) = (3.0 * heartbeat, 10.0);
    let setup = Setup { heartbeat, timeout, app_timeout, start: None, stop: None, core, ..Setup::default() };
    Ok(Scene::open(setup, etcd, lan, asks))
}

fn table(policy: &str, members: usize) -> std::result::Result<Vec<String>, &'static str> {
    let mut rows = Vec::new();
    let name = match members {
        0 => format!("`{policy}`"),
        _ => format!("`{policy}`, etcd × {members}"),
    };
    let mut scene = scene(policy, members, true, 0.3)?;
    for (fault, links) in CUTS {
        let hot_first = |scene: &Scene, hot: Side, up: bool| {
            for link in links.chars() {
                let other = if link == 'a' { 'b' } else { 'a' };
                scene.set_link(if link == 'p' || hot == Side::A { link } else { other }, up);
            }
        };
        let begin = |scene: &mut Scene, hot| hot_first(scene, hot, false);
        let result = scene.measure(CUT, begin, |scene, hot| hot_first(scene, hot, true));
        rows.push(row(&name, fault, &result));
    }
    let faults = OF_ETCD.iter().filter(|_| members > 0).chain([&STOP]);
    for (fault, lasts, begin, end) in faults {
        rows.push(row(&name, fault, &scene.measure(*lasts, begin, end)));
    }
    drop(scene);
    let mut scene = self::scene(policy, members, false, 0.3)?;
    let (_, lasts, begin, end) = STOP;
    rows.push(row(&name, "the same, and the application does not ask", &scene.measure(lasts, begin, end)));
    Ok(rows)
}

/// The time from the death of the hot host to the start of the command on the other one.
fn failover(policy: &str, members: usize, heartbeat: f64) -> std::result::Result<Duration, &'static str> {
    let mut scene = scene(policy, members, true, heartbeat)?;
    let hot = scene.settle();
    scene.said.skip();
    let killed = Instant::now();
    scene.pair[hot].daemon().signal(Signal::SIGKILL);
    scene.wrappers[hot.index()].take().expect("it runs").kill();
    scene.said.wait(&format!("{} begun", hot.other().name()), Duration::from_secs(10));
    Ok(killed.elapsed())
}

/// The failovers alone, if that is asked for.
fn run(failovers_alone: bool) -> std::result::Result<(), &'static str> {
    if !failovers_alone {
        tables()?;
    }
    failovers()
}

fn tables() -> std::result::Result<(), &'static str> {
    println!("| policy | fault | two serve (s) | none serves (s) | transitions |\n|---|---|---|---|---|");
    let pairs = [("available", 0), ("manual", 0), ("consistent", 1), ("consistent", 3)];
    // Each has a network of its own.
    let tables = std::thread::scope(|scope| {
        let tables = pairs.map(|(policy, members)| scope.spawn(move || table(policy, members)));
        tables.map(|table| table.join().unwrap_or(Err("a pair did not settle: see above")))
    });
    for rows in tables {
        rows?.iter().for_each(|row| println!("{row}"));
    }
    Ok(())
}

fn failovers() -> std::result::Result<(), &'static str> {
    println!("\n| heartbeat | without a witness: median, longest (ms) | with one (ms) |\n|---|---|---|");
    for heartbeat in [0.1, 1.0] {
        let mut times = [Vec::new(), Vec::new()];
        for _ in 0..ROUNDS {
            for (times, (policy, members)) in times.iter_mut().zip([("available", 0), ("consistent", 1)]) {
                times.push(failover(policy, members, heartbeat)?.as_millis());
            }
        }
        let shown = times.map(|mut times| {
            times.sort_unstable();
            format!("{}, {}", times[times.len() / 2], times[times.len() - 1])
        });
        println!("| {heartbeat} s × 3 | {} | {} |", shown[0], shown[1]);
    }
    Ok(())
}

fn main() -> ExitCode {
    let has_etcd = Command::new("etcd").arg("--version").stdout(Stdio::null()).status().is_ok();
    let result = if has_etcd {
        run(std::env::args().nth(1).as_deref() == Some("failovers"))
    } else {
        Err("no etcd; as root: apt-get install etcd-server")
    };
    if let Err(why) = result {
        println!("SKIPPED: check-witness: {why}");
    }
    ExitCode::SUCCESS
}
