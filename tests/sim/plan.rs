//! What a seed stands for: two nodes, a link, and everything that goes wrong with them, fixed in advance, so that
//! different programs can be tried under the same faults.

use std::time::Duration;

use schrittmacher_legacy_double::Report;

use crate::chance::Chance;

/// Resources of a node.
pub const RESOURCES: usize = 3;

/// Faults until here, then everything is mended.
pub const PEACE: Duration = Duration::from_secs(400);

/// Orders that were given before, and a ToHot that never comes to be, have come to their end: from here on the
/// pair has to be settled.
pub const SETTLED: Duration = Duration::from_secs(540);

/// The end: ten minutes.
pub const END: Duration = Duration::from_secs(600);

const SECOND: Duration = Duration::from_secs(1);

/// A seed, read.
pub struct Plan {
    pub nodes: [NodePlan; 2],
    pub latency: Duration,
    /// In order.
    pub faults: Vec<(Duration, Fault)>,
}

/// What is configured on a node.
pub struct NodePlan {
    pub heartbeat: Duration,
    pub priority: i32,
    pub preempt: bool,
    pub startup_delay: Duration,
    /// How long a stop command takes.
    pub stop_takes: Duration,
    /// How long applications need to switch.
    pub switching: [Duration; RESOURCES],
    pub apps: [Report; RESOURCES],
}

/// Something that happens; most of it comes with an end, in `mends`.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    /// What this node sends is lost.
    Cut(usize),
    Heal(usize),
    /// The link loses and doubles so many datagrams of a thousand, and delays them by up to so much.
    Weather {
        loss: u32,
        doubles: u32,
        jitter: Duration,
    },
    KillApp(usize, usize),
    StartApp(usize, usize, Report, Duration),
    HangApp(usize, usize),
    WakeApp(usize, usize),
    FailApp(usize, usize),
    KillDaemon(usize),
    StartDaemon(usize),
    KillHost(usize),
    Pause(usize),
    Resume(usize),
    Failover(usize, usize, bool),
    Takeover(usize, usize),
    Shutdown(usize),
    Reload(usize),
}

impl Fault {
    /// A fault or an order, not somebody's mending.
    pub fn counts(self) -> bool {
        match self {
            Fault::Cut(_)
            | Fault::KillApp(..)
            | Fault::HangApp(..)
            | Fault::FailApp(..)
            | Fault::KillDaemon(_)
            | Fault::KillHost(_)
            | Fault::Pause(_)
            | Fault::Failover(..)
            | Fault::Takeover(..)
            | Fault::Shutdown(_) => true,
            Fault::Weather { loss, doubles, jitter } => loss + doubles > 0 || !jitter.is_zero(),
            Fault::Heal(_)
            | Fault::StartApp(..)
            | Fault::WakeApp(..)
            | Fault::StartDaemon(_)
            | Fault::Resume(_)
            | Fault::Reload(_) => false,
        }
    }
}

impl Plan {
    pub fn new(seed: u64) -> Plan {
        let mut chance = Chance::new(seed);
        let beat = chance.one_of(&[200, 500, 1000, 2000, 2000]);
        let nodes = [0, 1].map(|_| NodePlan::new(&mut chance, beat));
        let latency = SECOND / 10_000 + chance.duration(SECOND / 50);
        let mut faults = Vec::new();
        let mut at = Duration::ZERO;
        loop {
            at += chance.duration(12 * SECOND);
            if at >= PEACE {
                break;
            }
            add_fault(&mut faults, at, &mut chance);
        }
        mend_all(&mut faults, &mut chance);
        // Stable: a mend at the same time as a fault comes after it.
        faults.sort_by_key(|(at, _)| *at);
        Plan { nodes, latency, faults }
    }
}

impl NodePlan {
    fn new(chance: &mut Chance, beat: u64) -> NodePlan {
        let heartbeat = chance.one_of(&[beat, beat, beat, 500]);
        NodePlan {
            heartbeat: Duration::from_millis(heartbeat),
            priority: chance.one_of(&[0, 0, 10, -10]),
            preempt: chance.permille(200),
            startup_delay: chance.one_of(&[Duration::ZERO, Duration::ZERO, 5 * SECOND]),
            stop_takes: chance.one_of(&[Duration::ZERO, SECOND / 5, 2 * SECOND]),
            switching: [0; RESOURCES].map(|_| chance.duration(4 * SECOND)),
            apps: [0; RESOURCES].map(|_| any_report(chance)),
        }
    }
}

fn any_report(chance: &mut Chance) -> Report {
    chance.one_of(&[Report::Unknown, Report::Standby, Report::Hot])
}

/// One thing goes wrong, or somebody wants something; and when it is over.
fn add_fault(faults: &mut Vec<(Duration, Fault)>, at: Duration, chance: &mut Chance) {
    let node = usize::from(chance.permille(500));
    let resource = chance.below(u32::try_from(RESOURCES).unwrap_or(1)) as usize;
    let longest = chance.one_of(&[SECOND, 5 * SECOND, 20 * SECOND, 60 * SECOND]);
    let over = at + chance.duration(longest);
    let start_app = |chance: &mut Chance| {
        Fault::StartApp(node, resource, any_report(chance), chance.duration(4 * SECOND))
    };
    match chance.below(18) {
        0 => faults.extend(
            [0, 1]
                .map(|side| (at, Fault::Cut(side)))
                .into_iter()
                .chain([0, 1].map(|side| (over, Fault::Heal(side)))),
        ),
        1 => faults.extend([(at, Fault::Cut(node)), (over, Fault::Heal(node))]),
        2 | 3 => {
            let (loss, doubles) = (chance.below(400), chance.below(200));
            faults.push((at, Fault::Weather { loss, doubles, jitter: chance.duration(3 * SECOND) }));
            faults.push((over, Fault::Weather { loss: 0, doubles: 0, jitter: Duration::ZERO }));
        }
        4 | 5 => faults.extend([(at, Fault::KillApp(node, resource)), (over, start_app(chance))]),
        6 => faults.extend([(at, Fault::HangApp(node, resource)), (over, Fault::WakeApp(node, resource))]),
        7 => faults.extend([(at, Fault::FailApp(node, resource)), (over, start_app(chance))]),
        8 | 9 => faults.extend([(at, Fault::KillDaemon(node)), (over, Fault::StartDaemon(node))]),
        10 => {
            faults.extend([(at, Fault::KillHost(node)), (over, Fault::StartDaemon(node))]);
            for resource in 0..RESOURCES {
                let start = Fault::StartApp(node, resource, any_report(chance), chance.duration(4 * SECOND));
                faults.push((over + chance.duration(5 * SECOND), start));
            }
        }
        11 => faults.extend([(at, Fault::Pause(node)), (over, Fault::Resume(node))]),
        12 => faults.push((at, Fault::Failover(node, resource, chance.permille(300)))),
        13 => faults.push((at, Fault::Takeover(node, resource))),
        14 => faults.extend([(at, Fault::Shutdown(node)), (at + 15 * SECOND, Fault::StartDaemon(node))]),
        15 => faults.push((at, Fault::Reload(node))),
        // Two orders in the same instant.
        16 => {
            for node in 0..2 {
                let orders = [Fault::Takeover(node, resource), Fault::Failover(node, resource, false)];
                faults.push((at, chance.one_of(&orders)));
            }
        }
        // A daemon that crashes while the link is cut.
        _ => {
            faults.extend([0, 1].map(|side| (at, Fault::Cut(side))));
            faults.extend([(at, Fault::KillDaemon(node)), (over, Fault::StartDaemon(node))]);
            let healed = over + chance.duration(longest);
            faults.extend([0, 1].map(|side| (healed, Fault::Heal(side))));
        }
    }
}

/// Link, daemons and applications work again; and a daemon that an operator's order ended is started once more.
fn mend_all(faults: &mut Vec<(Duration, Fault)>, chance: &mut Chance) {
    faults.retain(|(at, _)| *at < PEACE);
    faults.push((PEACE, Fault::Weather { loss: 0, doubles: 0, jitter: Duration::ZERO }));
    for node in 0..2 {
        faults.extend([
            (PEACE, Fault::Heal(node)),
            (PEACE, Fault::Resume(node)),
            (PEACE, Fault::StartDaemon(node)),
        ]);
        faults.push((PEACE + 12 * SECOND, Fault::StartDaemon(node)));
        for resource in 0..RESOURCES {
            faults.push((PEACE, Fault::WakeApp(node, resource)));
            let start = Fault::StartApp(node, resource, any_report(chance), chance.duration(4 * SECOND));
            faults.push((PEACE, start));
        }
    }
}
