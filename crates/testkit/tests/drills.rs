//! The drills of P10: orderly acts on one daemon and then on the other, in both orders, together and some time apart.
//! Exactly one application serves afterwards. `docs/drills.md` has the tables.
#![expect(clippy::unwrap_used, reason = "clippy spares tests, but not their helpers")]

use std::fmt::Write as _;
use std::time::Duration;

use schrittmacher_protocol::Event;
use schrittmacher_simulator::Report;
use schrittmacher_testkit::double::{self, Generation};
use schrittmacher_testkit::pair::{ADDRESSES, Pair};
use schrittmacher_testkit::program::Program;
use schrittmacher_testkit::settings;

const SECOND: Duration = Duration::from_secs(1);

/// Between the first act and the second, in milliseconds.
const APART: [u64; 8] = [0, 100, 300, 1000, 2000, 4000, 7000, 10_000];

/// An orderly act on one daemon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    /// SIGTERM, and no new daemon.
    Stop,
    /// SIGQUIT, and a new daemon a moment later: `systemctl restart`.
    Restart,
    /// SIGHUP.
    Reload,
}

impl Act {
    fn words(self) -> &'static str {
        match self {
            Act::Stop => "stop",
            Act::Restart => "restart",
            Act::Reload => "reload",
        }
    }
}

const ACTS: [Act; 3] = [Act::Stop, Act::Restart, Act::Reload];

/// How long a restart takes.
const AWAY: Duration = Duration::from_millis(200);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Peer {
    Ours,
    V200,
    V182,
}

impl Peer {
    fn words(self) -> &'static str {
        match self {
            Peer::Ours => "one of ours",
            Peer::V200 => "2.0.0",
            Peer::V182 => "1.8.2",
        }
    }
}

/// A pair that has settled, with side 0 hot.
fn settled(peer: Peer) -> Pair {
    settled_with(peer, 0)
}

/// The same with this priority of side 1, if it is ours.
fn settled_with(peer: Peer, priority: i32) -> Pair {
    let ours = |side: usize| {
        let [local, remote] = [ADDRESSES[side], ADDRESSES[1 - side]].map(Into::into);
        Program::ours(schrittmacher_protocol::Settings { local, remote, ..settings([0, priority][side]) })
    };
    let legacy = |generation| {
        let heartbeat_intervall = 2 * SECOND;
        let settings = double::Settings { generation, priority: 0, heartbeat_intervall };
        Program::legacy(settings, ADDRESSES[1].into(), 1)
    };
    let other = match peer {
        Peer::Ours => ours(1),
        Peer::V200 => legacy(Generation::V200),
        Peer::V182 => legacy(Generation::V182),
    };
    let mut pair = Pair::of([ours(0), other], Duration::ZERO, 1);
    pair.start_daemon(0);
    pair.start_app(0, Report::Hot);
    pair.run(5 * SECOND);
    pair.start_daemon(1);
    pair.start_app(1, Report::Standby);
    pair.run(30 * SECOND);
    pair
}

/// An act on a side; an act is over when its daemon runs again, or has ended.
fn begin(pair: &mut Pair, side: usize, act: Act) {
    match act {
        Act::Stop => pair.give(side, Event::Shutdown),
        Act::Restart => pair.leave_daemon(side),
        Act::Reload => pair.give(side, Event::Reloaded),
    }
}

fn end(pair: &mut Pair, side: usize, act: Act) {
    if act == Act::Restart {
        pair.start_daemon(side);
    }
}

/// The sides whose applications serve after both acts.
fn drill(peer: Peer, first: usize, acts: [Act; 2], apart: Duration) -> [bool; 2] {
    let mut pair = settled(peer);
    assert_eq!(pair.serving(), [true, false], "{}", pair.log());
    let sides = [first, 1 - first];
    begin(&mut pair, sides[0], acts[0]);
    if apart < AWAY {
        pair.run(apart);
        begin(&mut pair, sides[1], acts[1]);
        pair.run(AWAY - apart);
        end(&mut pair, sides[0], acts[0]);
        pair.run(apart);
    } else {
        pair.run(AWAY);
        end(&mut pair, sides[0], acts[0]);
        pair.run(apart - AWAY);
        begin(&mut pair, sides[1], acts[1]);
        pair.run(AWAY);
    }
    end(&mut pair, sides[1], acts[1]);
    pair.run(60 * SECOND);
    pair.serving()
}

/// One row for each pair of acts and order, one column for each time between them.
fn table(peer: Peer) -> String {
    let mut text = format!("\nBeside {}:\n\n| first | then |", peer.words());
    APART.iter().for_each(|apart| write!(text, " {} s |", *apart as f64 / 1000.0).unwrap());
    write!(text, "\n|---|---|{}", "---|".repeat(APART.len())).unwrap();
    for acts in ACTS.into_iter().flat_map(|first| ACTS.map(|second| [first, second])) {
        for first in [0, 1] {
            let names = ["A", "B"];
            let [one, other] = acts.map(Act::words);
            write!(text, "\n| {}: {one} | {}: {other} |", names[first], names[1 - first]).unwrap();
            for apart in APART {
                let cell = match drill(peer, first, acts, Duration::from_millis(apart)) {
                    [true, false] => "A",
                    [false, true] => "B",
                    [true, true] => "both",
                    [false, false] => "none",
                };
                write!(text, " {cell} |").unwrap();
            }
        }
    }
    text.push('\n');
    text
}

/// P9, edge-10: neither the greater address nor the greater priority, nor to be up first, stands above an application that
/// serves and has not reported to the new daemon yet.
#[test]
fn restarts_of_two_daemons_stop_no_application_that_serves() {
    for (priority, first) in [(0, 0), (0, 1), (10, 0), (10, 1)] {
        // An application reports every 1.5 s.
        for (phase, apart) in (0..15).flat_map(|phase| APART.map(|apart| (100 * phase, apart))) {
            let (second, apart) = (1 - first, Duration::from_millis(apart));
            let mut pair = settled_with(Peer::Ours, priority);
            pair.run(Duration::from_millis(phase));
            let mut acts = [
                (Duration::ZERO, first, false),
                (AWAY, first, true),
                (apart, second, false),
                (apart + AWAY, second, true),
                (apart + AWAY + 30 * SECOND, second, true),
            ];
            acts.sort();
            let mut now = Duration::ZERO;
            for (at, side, starts) in acts {
                pair.run_while(at - now, |world| world.hosts()[0].nodes[0].app().is_serving());
                let what =
                    format!("B has priority {priority}, side {first} first, {phase} ms, {apart:?} apart");
                assert_eq!(pair.serving(), [true, false], "{what}\n{}", pair.log());
                now = at;
                if starts { pair.start_daemon(side) } else { pair.leave_daemon(side) }
            }
        }
    }
}

#[test]
fn one_side_serves_after_orderly_acts() {
    let tables = [Peer::Ours, Peer::V200, Peer::V182].map(table).concat();
    println!("{tables}");
    assert!(!tables.contains("both") && !tables.contains("none"), "not exactly one serves");
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/drills.md");
    let page = std::fs::read_to_string(path).unwrap();
    let [begin, end] = ["--test drills -->\n", "\n## With real daemons"];
    let (before, rest) = page.split_once(begin).unwrap();
    let (_, after) = rest.split_once(end).unwrap();
    let wanted = format!("{before}{begin}{tables}{end}{after}");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path, wanted).unwrap();
    } else {
        assert!(
            page == wanted,
            "docs/drills.md is out of date: UPDATE_DOCS=1 cargo test -p schrittmacher-testkit --test drills"
        );
    }
}
