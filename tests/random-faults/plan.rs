//! The meaning of a seed: two nodes, a link, and all faults, fixed in advance. So different programs can be tried under
//! the same faults.
//!
//! Ten minutes are a few rounds of faults and calm. In a calm everything works but, now and then, one application. Then
//! the promises about a settled pair are checked.

use std::time::Duration;

use schrittmacher_simulator::{Chance, Disorder, Disorders, Durations, Report};

use crate::faults::{Fault, Happening, Mark, add_fault};

/// Resources of a node.
pub const RESOURCES: usize = 3;

/// The end: ten minutes. Then daemons end in good order (P10).
pub const END: Duration = SECOND.saturating_mul(600);

/// How long the faults of a round go on.
const STORM: [Duration; 2] = [SECOND.saturating_mul(40), SECOND.saturating_mul(120)];

/// Orders that were given before the calm have come to their end: a daemon that was told to end is started again.
pub const ORDERS_OVER: Duration = SECOND.saturating_mul(50);

/// P2: from then on a pair has to be settled within so long.
pub const SETTLES: Duration = SECOND.saturating_mul(30);

/// How long it is watched for a change without a cause.
const WATCHED: [Duration; 2] = [SECOND.saturating_mul(10), SECOND.saturating_mul(40)];

const SECOND: Duration = Duration::from_secs(1);

/// The most that lies between the ends of both daemons, and how long after it all is over.
const APART: Duration = SECOND.saturating_mul(20);
const ALL_IS_OVER: Duration = SECOND.saturating_mul(100);

/// Makes other chances of a seed.
const BROKEN_FILES: u64 = 0x66_696c_6573;

/// The longest that an application takes to switch, if nothing is wrong with it.
pub const SWITCHING: Duration = SECOND.saturating_mul(4);

/// A seed, read.
pub struct Plan {
    pub nodes: [NodePlan; 2],
    pub latency: Duration,
    /// In order.
    pub agenda: Vec<(Duration, Happening)>,
}

/// The configuration of a node.
pub struct NodePlan {
    pub heartbeat: Duration,
    pub priority: i32,
    pub preempt: bool,
    /// How long a side that fails again is held back, and at most.
    pub hold_back: [Duration; 2],
    pub startup_delay: Duration,
    pub durations: Durations,
    /// How long applications need to switch.
    pub switching: [Duration; RESOURCES],
    pub apps: [Report; RESOURCES],
}

impl Plan {
    pub fn new(seed: u64) -> Plan {
        let mut chance = Chance::new(seed);
        let beat = chance.one_of(&[200, 500, 1000, 2000, 2000]);
        let nodes = [0, 1].map(|_| NodePlan::new(&mut chance, beat));
        let latency = SECOND / 10_000 + chance.duration(SECOND / 50);
        let mut agenda = vec![start_daemon(0, 0), start_daemon(0, 1)];
        // It takes the role now and then, with or without an address.
        let preempts = nodes.iter().any(|node| node.preempt);
        let mut now = Duration::ZERO;
        while now < END {
            now = add_round(&mut agenda, now, preempts, &mut chance);
        }
        // A takeover that is under way when both end may leave nobody.
        if !preempts {
            add_ends(&mut agenda, now, &mut chance);
        }
        // By chances of their own, so that a seed has the same other faults in every pair.
        add_broken_files(&mut agenda, &mut Chance::new(seed ^ BROKEN_FILES));
        // Stable: a mend at the same time as a fault comes after it.
        agenda.sort_by_key(|(at, _)| *at);
        Plan { nodes, latency, agenda }
    }
}

impl NodePlan {
    fn new(chance: &mut Chance, beat: u64) -> NodePlan {
        let takes =
            |chance: &mut Chance| chance.one_of(&[Duration::ZERO, SECOND / 50, SECOND / 5, 2 * SECOND]);
        let heartbeat = chance.one_of(&[beat, beat, beat, 500]);
        NodePlan {
            heartbeat: Duration::from_millis(heartbeat),
            priority: chance.one_of(&[0, 0, 10, -10]),
            preempt: chance.permille(200),
            hold_back: [chance.one_of(&[Duration::ZERO, SECOND / 2, SECOND]), 4 * SECOND],
            startup_delay: chance.one_of(&[Duration::ZERO, Duration::ZERO, 5 * SECOND]),
            durations: Durations {
                activate: takes(chance),
                start: takes(chance),
                stop: takes(chance),
                deactivate: takes(chance),
            },
            switching: [0; RESOURCES].map(|_| chance.duration(SWITCHING)),
            apps: [0; RESOURCES].map(|_| any_report(chance)),
        }
    }
}

/// The first report of an application.
pub fn any_report(chance: &mut Chance) -> Report {
    chance.one_of(&[Report::Unknown, Report::Standby, Report::Hot])
}

fn start_daemon(at: u64, side: usize) -> (Duration, Happening) {
    (Duration::from_secs(at), Happening::Fault(Fault::StartDaemon(side)))
}

/// Faults, then calm. Returns its end; the last round's is that of the seed.
fn add_round(
    agenda: &mut Vec<(Duration, Happening)>,
    from: Duration,
    preempts: bool,
    chance: &mut Chance,
) -> Duration {
    let between = |chance: &mut Chance, [least, most]: [Duration; 2]| least + chance.duration(most - least);
    let fixed = ORDERS_OVER + SETTLES;
    let mut storm = between(chance, STORM);
    let mut watch = between(chance, WATCHED);
    let left = (END - from).saturating_sub(storm + fixed + watch);
    if left < STORM[1] + fixed + WATCHED[1] {
        // Not enough for another round.
        watch = WATCHED[1];
        storm = END - from - fixed - watch;
    }
    let calm = from + storm;
    let settled = calm + fixed;
    let watched = settled + watch;

    let mut faults = Vec::new();
    let mut at = from;
    loop {
        at += chance.duration(8 * SECOND);
        if at >= calm {
            break;
        }
        add_fault(&mut faults, at, chance);
    }
    faults.retain(|(at, _)| *at < calm);
    mend_all(&mut faults, calm, preempts, chance);
    agenda.extend(faults.into_iter().map(|(at, fault)| (at, Happening::Fault(fault))));
    let marks = [(calm + ORDERS_OVER, Mark::Calm), (settled, Mark::Settled), (watched, Mark::Over)];
    agenda.extend(marks.map(|(at, mark)| (at, Happening::Mark(mark))));
    watched
}

/// In half of the rounds one side has a broken file, until the calm or through it.
fn add_broken_files(agenda: &mut Vec<(Duration, Happening)>, chance: &mut Chance) {
    let marked = |wanted: Mark| {
        let is_wanted = move |(_, happening): &&(_, Happening)| matches!(happening, Happening::Mark(mark) if *mark == wanted);
        agenda.iter().filter(is_wanted).map(|(at, _)| *at)
    };
    let rounds: Vec<[Duration; 2]> =
        marked(Mark::Calm).zip(marked(Mark::Over)).map(|(calm, over)| [calm - ORDERS_OVER, over]).collect();
    for [calm, over] in rounds {
        let side = usize::from(chance.permille(500));
        let from = calm.saturating_sub(chance.duration(STORM[0]));
        let until = chance.one_of(&[calm, over]);
        if chance.permille(500) {
            let faults = [(from, Fault::BreakFile(side)), (until, Fault::MendFile(side))];
            agenda.extend(faults.map(|(at, fault)| (at, Happening::Fault(fault))));
        }
    }
}

/// Everything works, on both sides. Operators order many failovers in a row. Then one daemon or both are told to end.
fn add_ends(agenda: &mut Vec<(Duration, Happening)>, from: Duration, chance: &mut Chance) {
    for (side, resource) in (0..2).flat_map(|side| (0..RESOURCES).map(move |resource| (side, resource))) {
        let start = Fault::StartApp(side, resource, any_report(chance), chance.duration(SWITCHING));
        let commands = Fault::Commands(side, resource, Disorders::default());
        agenda.extend([start, commands].map(|fault| (from, Happening::Fault(fault))));
    }
    let orders = (0..RESOURCES).map(Fault::Failovers);
    agenda.extend(orders.map(|orders| (from + SETTLES, Happening::Fault(orders))));
    let from = from + 2 * SETTLES;
    agenda.push((from - SETTLES / 2, Happening::Mark(Mark::Ends)));
    let first = usize::from(chance.permille(500));
    let longest = chance.one_of(&[SECOND / 10, SECOND, 5 * SECOND, APART]);
    let apart = chance.duration(longest);
    let mut end = |side, at| agenda.push((at, Happening::Fault(Fault::Shutdown(side))));
    end(first, from);
    if chance.permille(800) {
        end(1 - first, from + apart);
    }
    agenda.push((from + APART + ALL_IS_OVER, Happening::Mark(Mark::Ended)));
}

/// Link, daemons, applications and commands work again, but perhaps one application or one address. And a daemon that an operator's order
/// ended is started once more.
fn mend_all(faults: &mut Vec<(Duration, Fault)>, at: Duration, preempts: bool, chance: &mut Chance) {
    for side in 0..2 {
        // A clock that was set back is set right, and the wait for the old time ends.
        let back = faults.iter().filter_map(|(_, fault)| {
            if let Fault::Clock(node, by, true) = *fault { (node == side).then_some(by) } else { None }
        });
        let back = back.sum();
        faults.push((at, Fault::Clock(side, back, false)));
        faults.extend([
            (at, Fault::Heal(side)),
            (at, Fault::GoodWeather(side)),
            (at, Fault::Reconnect(side)),
            (at, Fault::Resume(side)),
            (at, Fault::StartDaemon(side)),
            (at + ORDERS_OVER, Fault::StartDaemon(side)),
        ]);
        for resource in 0..RESOURCES {
            faults.push((at, Fault::WakeApp(side, resource)));
            let start = Fault::StartApp(side, resource, any_report(chance), chance.duration(SWITCHING));
            faults.push((at, start));
        }
    }
    if chance.permille(200) {
        faults.push((at, Fault::CutOff(usize::from(chance.permille(500)))));
    }
    for resource in 0..RESOURCES {
        faults.push((at, Fault::Thaw(resource)));
        let side = usize::from(chance.permille(500));
        let mut activate = Disorder::None;
        if chance.permille(150) {
            let fault = chance.one_of(&[Fault::KillApp(side, resource), Fault::FailApp(side, resource)]);
            faults.push((at, fault));
        } else if chance.permille(100) && !preempts {
            activate = chance.one_of(&[Disorder::Fails, Disorder::Hangs]);
        }
        let disorders = Disorders { activate, ..Disorders::default() };
        let commands = |side, disorders| (at, Fault::Commands(side, resource, disorders));
        faults.extend([commands(side, disorders), commands(1 - side, Disorders::default())]);
    }
}
