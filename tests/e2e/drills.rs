//! The drills of P10 with real daemons: orderly acts on one daemon and then on the other, in both orders, together
//! and some time apart, with a good file and a broken one, beside one of ours and beside the older daemons. Exactly one
//! application serves afterwards.
//!
//! `crates/testkit/tests/drills.rs` does the same in virtual time. `make drills` runs every pair of acts here, and writes
//! `docs/drills.md`.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Write as _;
use std::panic;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use schrittmacher_harness::{Generation, LEGACY_HEARTBEAT, LOOK, Mixed, Setup, Side};

/// An orderly act on one daemon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    /// SIGTERM, and no new daemon.
    Stop,
    /// SIGQUIT, and a new daemon: `systemctl restart`. An older daemon knows no SIGQUIT, and gets SIGTERM.
    Restart,
    /// The same with a broken file.
    RestartBroken,
    /// SIGHUP: `systemctl reload`.
    Reload,
    ReloadBroken,
}

const ACTS: [Act; 5] = [Act::Stop, Act::Restart, Act::RestartBroken, Act::Reload, Act::ReloadBroken];

/// Of an older daemon: it ends without a word, and reads no file again.
const LEGACY_ACTS: [Act; 2] = [Act::Stop, Act::Restart];

impl Act {
    fn words(self) -> &'static str {
        match self {
            Act::Stop => "stop",
            Act::Restart => "restart",
            Act::RestartBroken => "restart, broken file",
            Act::Reload => "reload",
            Act::ReloadBroken => "reload, broken file",
        }
    }
}

/// The daemon on side B.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Peer {
    Ours,
    Legacy(Generation),
}

impl Peer {
    fn words(self) -> &'static str {
        match self {
            Peer::Ours => "one of ours",
            Peer::Legacy(Generation::Modern) => "2.0.0",
            Peer::Legacy(Generation::Classic) => "1.8.2",
        }
    }

    fn acts(self) -> &'static [Act] {
        match self {
            Peer::Ours => &ACTS,
            Peer::Legacy(_) => &LEGACY_ACTS,
        }
    }

    /// How long nothing may change any more before the end counts as reached: the silence of an older daemon, and of ours
    /// beside it, counts later.
    fn calm(self) -> Duration {
        Duration::from_secs(match self {
            Peer::Ours => 2,
            Peer::Legacy(_) => 13,
        })
    }
}

/// The acts on both daemons, in order. Side A is hot before.
#[derive(Clone, Copy, Debug)]
struct Drill {
    peer: Peer,
    first: Side,
    acts: [Act; 2],
    /// Milliseconds.
    apart: u64,
}

/// From here on the first act is over before the second begins.
const OVER: Duration = Duration::from_millis(500);

/// The longest that a pair may take until one side serves and the end counts as reached.
const PATIENCE: Duration = Duration::from_secs(40);

impl Drill {
    fn is_legacy(self, side: Side) -> bool {
        side == Side::B && self.peer != Peer::Ours
    }

    fn start(self) -> Mixed {
        let setup = Setup { heartbeat: 0.1, timeout: 1.0, ..Setup::default() };
        let Peer::Legacy(generation) = self.peer else {
            let mut pair = Mixed::new(setup, Generation::Modern);
            // It is hot from the beginning: on a busy machine the other side would win a conflict.
            pair.start_with(Side::A, "--start-as hot", "");
            pair[Side::A].wait_believed();
            pair[Side::B].wait_believed();
            return pair;
        };
        let mut pair = Mixed::new(setup, generation);
        pair[Side::A].start_app("--start-as hot");
        pair.start_daemon(Side::A);
        pair.wait_hot(Side::A, 3 * LEGACY_HEARTBEAT);
        pair.start_legacy(None);
        pair.start_legacy_app(Side::B, "--start-as standby");
        pair.wait_settled(Side::A, 2 * LEGACY_HEARTBEAT);
        pair[Side::A].wait_believed();
        pair
    }

    fn begin(self, pair: &mut Mixed, side: Side, act: Act) {
        if self.is_legacy(side) {
            return pair.terminate_legacy(side);
        }
        if matches!(act, Act::RestartBroken | Act::ReloadBroken) {
            let file = pair.folder().join(format!("{}.conf", side.name()));
            File::options()
                .append(true)
                .open(file)
                .unwrap()
                .write_all(b"\ntimeout = soon\nnonsense\n")
                .unwrap();
        }
        pair[side].daemon().signal(match act {
            Act::Stop => Signal::SIGTERM,
            Act::Restart | Act::RestartBroken => Signal::SIGQUIT,
            Act::Reload | Act::ReloadBroken => Signal::SIGHUP,
        });
    }

    fn end(self, pair: &mut Mixed, side: Side, act: Act) {
        if !matches!(act, Act::Restart | Act::RestartBroken) {
            return;
        }
        if self.is_legacy(side) {
            return pair.start_legacy(None);
        }
        pair[side].daemon().wait_exit(Duration::from_secs(1));
        pair.start_daemon(side);
    }

    /// The side that serves after both acts.
    fn run(self) -> &'static str {
        let Drill { first, acts, .. } = self;
        let (second, apart) = (first.other(), Duration::from_millis(self.apart));
        let mut pair = self.start();
        self.begin(&mut pair, first, acts[0]);
        if apart >= OVER {
            self.end(&mut pair, first, acts[0]);
        }
        // The distance in time is what the drill is about.
        thread::sleep(apart);
        self.begin(&mut pair, second, acts[1]);
        if apart < OVER {
            self.end(&mut pair, first, acts[0]);
        }
        self.end(&mut pair, second, acts[1]);
        let began = Instant::now();
        let mut since = Instant::now();
        let mut before = serving(&pair);
        loop {
            let now = serving(&pair);
            if now != before {
                (before, since) = (now, Instant::now());
            }
            let one = now[0] != now[1];
            if (one && since.elapsed() > self.peer.calm()) || began.elapsed() > PATIENCE {
                return match now {
                    [true, false] => "A",
                    [false, true] => "B",
                    [true, true] => "both",
                    [false, false] => "none",
                };
            }
            thread::sleep(LOOK);
        }
    }

    fn words(self) -> String {
        let [one, other] = if self.first == Side::A { ["A", "B"] } else { ["B", "A"] };
        format!(
            "| {} | {one}: {} | {other}: {} |",
            self.peer.words(),
            self.acts[0].words(),
            self.acts[1].words()
        )
    }
}

/// The sides whose applications are hot.
fn serving(pair: &Mixed) -> [bool; 2] {
    [Side::A, Side::B].map(|side| pair[side].app().state().is_some_and(|state| state == "hot"))
}

/// Runs the drills, several at once, and returns which side serves after each. They wait most of the time.
fn run(drills: &[Drill]) -> Vec<&'static str> {
    let next = AtomicUsize::new(0);
    let mut ends: Vec<(usize, &'static str)> = thread::scope(|scope| {
        let work = || {
            let mut done = Vec::new();
            while let index = next.fetch_add(1, Ordering::Relaxed)
                && let Some(drill) = drills.get(index)
            {
                // One that could not be played, on a busy machine, does not end the others.
                let end = (0..2).find_map(|_| panic::catch_unwind(|| drill.run()).ok());
                done.push((index, end.unwrap_or("not played")));
            }
            done
        };
        let workers: Vec<_> = (0..6).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    ends.sort_unstable();
    ends.into_iter().map(|(_, who)| who).collect()
}

fn one_side_serves(drills: &[Drill]) {
    for (drill, who) in drills.iter().zip(run(drills)) {
        assert!(who == "A" || who == "B", "{drill:?}: {who}");
    }
}

#[test]
fn one_side_serves_after_orderly_acts() {
    let acts = [
        [Act::Restart, Act::Restart],
        [Act::Restart, Act::RestartBroken],
        [Act::RestartBroken, Act::RestartBroken],
        [Act::Stop, Act::Stop],
        [Act::ReloadBroken, Act::Restart],
        [Act::Stop, Act::RestartBroken],
    ];
    let drill = |first, acts, apart| Drill { peer: Peer::Ours, first, acts, apart };
    let drills: Vec<_> =
        acts.into_iter().flat_map(|acts| [drill(Side::A, acts, 0), drill(Side::B, acts, 100)]).collect();
    one_side_serves(&drills);
}

#[test]
fn one_side_serves_after_orderly_acts_beside_an_older_daemon() {
    let drills: Vec<_> = [Generation::Modern, Generation::Classic]
        .into_iter()
        .flat_map(|generation| {
            let drill = |first, acts, apart| Drill { peer: Peer::Legacy(generation), first, acts, apart };
            [
                drill(Side::A, [Act::Stop, Act::Stop], 0),
                drill(Side::A, [Act::Stop, Act::Restart], 100),
                drill(Side::B, [Act::Restart, Act::RestartBroken], 100),
            ]
        })
        .collect();
    one_side_serves(&drills);
}

/// Everything, in the order of the table.
fn all(aparts: &[u64]) -> Vec<Drill> {
    let peers = [Peer::Ours, Peer::Legacy(Generation::Modern), Peer::Legacy(Generation::Classic)];
    let mut drills = Vec::new();
    for peer in peers {
        for (of_a, of_b) in
            ACTS.into_iter().flat_map(|of_a| peer.acts().iter().map(move |of_b| (of_a, *of_b)))
        {
            for (first, acts) in [(Side::A, [of_a, of_b]), (Side::B, [of_b, of_a])] {
                drills.extend(aparts.iter().map(|apart| Drill { peer, first, acts, apart: *apart }));
            }
        }
    }
    drills
}

#[test]
#[ignore = "half an hour: make drills"]
fn every_pair_of_acts() {
    let aparts = std::env::var("APART").map_or(vec![0, 100, 1000, 5000, 10_000], |apart| {
        apart.split(',').map(|apart| apart.parse().expect("milliseconds")).collect()
    });
    let drills = all(&aparts);
    let ends = run(&drills);
    let mut table = String::from("| beside | first | then |");
    aparts.iter().for_each(|apart| write!(table, " {} s |", *apart as f64 / 1000.0).unwrap());
    table += "\n|---|---|---|";
    table += &"---|".repeat(aparts.len());
    for (row, ends) in drills.chunks(aparts.len()).zip(ends.chunks(aparts.len())) {
        write!(table, "\n{} {} |", row[0].words(), ends.join(" | ")).unwrap();
    }
    println!("{table}");
    if let Ok(page) = std::env::var("PAGE") {
        let text = fs::read_to_string(&page).unwrap();
        let mark = "<!-- Written by make drills -->\n";
        let (before, _) = text.split_once(mark).unwrap();
        let before = before.replace(" No full run has been written down yet.", "");
        fs::write(page, format!("{before}{mark}\n{table}\n")).unwrap();
    }
    assert!(ends.iter().all(|who| matches!(*who, "A" | "B")), "not exactly one serves");
}
