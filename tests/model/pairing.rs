//! The two programs of a pair, and their settings.

use std::net::IpAddr;
use std::time::Duration;

use schrittmacher_protocol::{FenceRule, OnIsolation, PeerReport, Policy, Settings};
use schrittmacher_testkit::double as legacy;

use crate::ablation::{DRAWN, Rule, Without};
use crate::app::{App, Habit, Role};
use crate::host::{Host, Input, Kind, Program};
use crate::local::Side;
use crate::pair::{Pair, State};
use crate::verdict::Rules;

/// A program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    Ours,
    V200,
    V182,
}

/// A pair; side A is ours unless both are legacy.
#[derive(Clone, Copy, Debug)]
pub struct Pairing {
    pub versions: [Version; 2],
    /// Of A; B has 0.
    pub priority: i32,
    pub variant: Variant,
    /// The part that is taken out of ours.
    pub without: Option<Without>,
}

/// The difference from the other pairings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variant {
    Usual,
    /// A has `preempt = yes`.
    Preempt,
    /// B, ours too, has half as many heartbeats.
    SlowHeartbeat,
    /// The address of A may become one that cannot be brought up.
    NoAddress,
    /// An operator may freeze either side, and thaw it.
    Freeze,
    /// Clients may lose the way to A.
    CutOff,
    /// A release may fail: the address stays (edge-5).
    NoRelease,
    /// A starts nothing (edge-11).
    Held,
    /// Both look whether they are isolated, and step down.
    Isolation,
    /// Both have `policy = manual`.
    Manual,
    /// And a `fence-action`.
    Fence,
}

impl Variant {
    /// Without a fault it is the same as the usual one.
    pub fn is_a_fault(self) -> bool {
        matches!(
            self,
            Variant::NoAddress | Variant::CutOff | Variant::Isolation | Variant::Manual | Variant::Fence
        )
    }
}

/// Every pairing that a promise is made for.
pub fn promised() -> Vec<Pairing> {
    use Variant::{CutOff, Freeze, Held, NoAddress, Preempt, SlowHeartbeat, Usual};
    use Version::{Ours, V182, V200};
    let pairing = |peer, priority, variant| Pairing::new([Ours, peer], priority, variant);
    let usual = [Ours, V200, V182]
        .into_iter()
        .flat_map(|peer| [0, 1, -1].map(|priority| pairing(peer, priority, Usual)));
    let preempting = [Ours, V200, V182].map(|peer| pairing(peer, 1, Preempt));
    let without_address = [Ours, V200, V182].map(|peer| pairing(peer, 0, NoAddress));
    usual
        .chain(preempting)
        .chain([pairing(Ours, 0, SlowHeartbeat)])
        .chain(without_address)
        .chain([pairing(Ours, 1, Freeze), pairing(Ours, 0, CutOff)])
        .chain([1, -1].map(|priority| pairing(Ours, priority, Held)))
        .collect()
}

/// Orders out of a settled pair, and how many, whose release may fail.
pub fn failed_releases() -> [(Pairing, Input, u8); 3] {
    let pairing = Pairing::new([Version::Ours; 2], 0, Variant::NoRelease);
    [Input::Failover, Input::Takeover, Input::Shutdown].map(|act| (pairing, act, 2))
}

/// Isolations of either host, or of both, targets that come and go: `acts` of them, out of a settled pair.
pub fn isolations(acts: u8) -> Vec<(Pairing, Input, u8)> {
    let pairing = |priority| Pairing::new([Version::Ours; 2], priority, Variant::Isolation);
    [0, 1, -1].map(|priority| (pairing(priority), Input::Isolated, acts)).to_vec()
}

/// Each part of the timing of an isolation, taken out.
pub fn isolations_without() -> Vec<(Pairing, Input, u8)> {
    let usual = Pairing::new([Version::Ours; 2], 0, Variant::Isolation);
    [Rule::StepDown, Rule::EvidenceInTime, Rule::TimeToStop]
        .map(|rule| (Pairing { without: Some(Without::Rule(rule)), ..usual }, Input::Isolated, 1))
        .to_vec()
}

/// Cuts, crashes and takeovers by force or not: two of them out of a settled pair.
pub fn takeovers_by_force() -> Vec<(Pairing, Input, u8)> {
    let pairing = |priority| Pairing::new([Version::Ours; 2], priority, Variant::Manual);
    [0, 1].map(|priority| (pairing(priority), Input::TakeoverByForce, 2)).to_vec()
}

/// Daemons and hosts that die or stop, and a cut link: `acts` of them, out of a settled pair with a `fence-action`.
pub fn fences(acts: u8) -> Vec<(Pairing, Input, u8)> {
    let pairing = |priority| Pairing::new([Version::Ours; 2], priority, Variant::Fence);
    [0, 1].map(|priority| (pairing(priority), Input::HostDies, acts)).to_vec()
}

/// Without a part of that.
pub fn fences_without() -> Vec<(Pairing, Input, u8)> {
    let usual = Pairing::new([Version::Ours; 2], 0, Variant::Fence);
    [Rule::Fence, Rule::TrueFence]
        .map(|rule| (Pairing { without: Some(Without::Rule(rule)), ..usual }, Input::HostDies, 1))
        .to_vec()
}

const HEARTBEAT: Duration = Duration::from_secs(2);

/// In seconds: half of what the other side waits for, which is a timeout less a heartbeat.
const PING_TIMEOUT: u8 = 2;

/// The pause does not matter under `manual`.
const FENCE: FenceRule = FenceRule { delay: HEARTBEAT, pause: HEARTBEAT };

/// An application switches within its second, or needs longer than a heartbeat.
const TAKES: &[u8] = &[0, 3];

impl Pairing {
    pub fn new(versions: [Version; 2], priority: i32, variant: Variant) -> Pairing {
        Pairing { versions, priority, variant, without: None }
    }

    pub fn words(self) -> String {
        let [a, b] = self.versions.map(Version::words);
        let priority = match self.priority {
            0 => "equal",
            1.. => "higher",
            _ => "lower",
        };
        let variant = match self.variant {
            Variant::Usual => "",
            Variant::Preempt => ", preempt",
            Variant::SlowHeartbeat => ", 2 s × 4 s",
            Variant::Freeze => ", frozen at times",
            Variant::NoAddress => ", A may lose its address",
            Variant::CutOff => ", A may lose its clients",
            Variant::NoRelease => ", releases may fail",
            Variant::Held => ", A starts nothing",
            Variant::Isolation => ", step-down",
            Variant::Manual => ", manual",
            Variant::Fence => ", manual, fence",
        };
        format!("{a} × {b}, {priority}{variant}")
    }

    /// Whether this side runs our program.
    pub fn is_ours(self, side: usize) -> bool {
        self.versions[side] == Version::Ours
    }

    /// The heartbeat of the slower side, in seconds.
    pub fn slower_heartbeat(self) -> u16 {
        let slower = self.heartbeat(0).max(self.heartbeat(1));
        u16::try_from(slower.as_secs()).unwrap_or(u16::MAX)
    }

    /// Whether this is the one for which P8 is shown.
    pub fn shows_partition(self) -> bool {
        let usual = self.variant == Variant::Usual && self.without.is_none();
        usual && self.versions == [Version::Ours; 2] && self.priority == 0
    }

    pub fn pair(self, grain: u8) -> Pair {
        Pair {
            sides: [0, 1].map(|side| Side::new(self.kind(side, grain))),
            grain,
            lost_after: [0, 1].map(|side| self.lost_after(side)),
            acts: None,
            promises_p9: self.versions == [Version::Ours; 2],
            fences: self.variant == Variant::Fence,
            fence_lies: self.lacks(Rule::TrueFence),
        }
    }

    fn kind(self, side: usize, grain: u8) -> Kind {
        let priorities = [self.priority, 0];
        let addresses = [IpAddr::from([10, 0, 0, 2]), IpAddr::from([10, 0, 0, 1])];
        let (own, other) = (self.versions[side], self.versions[1 - side]);
        let program = match own {
            Version::Ours => Program::Ours(Settings {
                heartbeat: self.heartbeat(side),
                timeout: 3 * self.heartbeat(side),
                app_timeout: 3 * HEARTBEAT,
                going_hot_timeout: 4 * HEARTBEAT,
                going_standby_timeout: 3 * HEARTBEAT,
                startup_delay: Duration::ZERO,
                hold_back: Duration::ZERO,
                hold_back_max: 2 * HEARTBEAT,
                priority: priorities[side],
                preempt: side == 0 && self.variant == Variant::Preempt,
                local: addresses[side],
                remote: addresses[1 - side],
                held: side == 0 && self.variant == Variant::Held,
                extensions: true,
                policy: self.policy(),
                on_isolation: self.on_isolation(),
                fence: (self.variant == Variant::Fence && !self.lacks(Rule::Fence)).then_some(FENCE),
            }),
            Version::V200 => Program::Legacy(self.legacy(legacy::Generation::V200, side)),
            Version::V182 => Program::Legacy(self.legacy(legacy::Generation::V182, side)),
        };
        Kind {
            program,
            habit: if own == Version::V182 { Habit::Old } else { Habit::New },
            grain,
            // The sooner the other side serves, the worse it is. What is stopped is so within its second.
            takes: if self.variant == Variant::Isolation && !self.lacks(Rule::TimeToStop) {
                &[0]
            } else {
                TAKES
            },
            // All that a legacy node draws is smaller than ours, so one value is all values (1.3).
            draws: match (other, self.without) {
                (Version::Ours, Some(Without::Rule(Rule::ConstantRandom))) => &[DRAWN - 2, DRAWN],
                (Version::Ours, _) => &[1],
                (Version::V200 | Version::V182, _) => &[1, 2],
            },
            without: self.without.filter(|_| own == Version::Ours),
            freezes: self.variant == Variant::Freeze,
            loses_address: side == 0 && self.variant == Variant::NoAddress,
            loses_clients: side == 0 && self.variant == Variant::CutOff,
            keeps_address: self.variant == Variant::NoRelease,
            restarts: false,
            pings: (self.variant == Variant::Isolation).then_some(if self.lacks(Rule::EvidenceInTime) {
                2 * PING_TIMEOUT
            } else {
                PING_TIMEOUT
            }),
            peer: PeerReport {
                code: None,
                priority: priorities[1 - side],
                random: 0,
                host: (other != Version::V182).then_some(addresses[1 - side]),
                has_type: other != Version::V182,
                period: (other == Version::Ours).then(|| self.heartbeat(1 - side)),
                note: None,
                promise: None,
                epoch: None,
            },
        }
    }

    fn heartbeat(self, side: usize) -> Duration {
        if side == 1 && self.variant == Variant::SlowHeartbeat { 2 * HEARTBEAT } else { HEARTBEAT }
    }

    /// In seconds: `timeout` of this side, or three heartbeats of the other one, less one of these.
    fn lost_after(self, side: usize) -> Option<u8> {
        let (own, other) = (self.heartbeat(side), self.heartbeat(1 - side));
        let after = 3 * own.max(other) - other;
        (self.versions == [Version::Ours; 2]).then(|| u8::try_from(after.as_secs()).unwrap_or(u8::MAX))
    }

    /// Without the wait for the fence silence is a reason again.
    fn policy(self) -> Policy {
        match self.variant {
            Variant::Manual => Policy::Manual,
            Variant::Fence if !self.lacks(Rule::Fence) => Policy::Manual,
            _ => Policy::Available,
        }
    }

    fn on_isolation(self) -> OnIsolation {
        let steps_down = self.variant == Variant::Isolation && !self.lacks(Rule::StepDown);
        if steps_down { OnIsolation::StepDown } else { OnIsolation::Keep }
    }

    fn lacks(self, rule: Rule) -> bool {
        self.without == Some(Without::Rule(rule))
    }

    fn legacy(self, generation: legacy::Generation, side: usize) -> legacy::Settings {
        let priority = [self.priority, 0][side];
        // The heartbeat of 2.0.0; in 1.8.2 its patience with the application, which reports every two seconds.
        let heartbeat_intervall = match generation {
            legacy::Generation::V200 => HEARTBEAT,
            legacy::Generation::V182 => 2 * HEARTBEAT,
        };
        legacy::Settings { generation, priority, heartbeat_intervall }
    }

    /// Both daemons down. The applications are just started, or `every` one is anything.
    pub fn starts(self, pair: &mut Pair, budget: u8, every: bool) -> Vec<State> {
        let apps = [App::start(Role::Unknown), App::start(Role::Standby), App::start(Role::Hot), App::Dead];
        let apps = if every { &apps[..] } else { &apps[..1] };
        let mut starts = Vec::new();
        for a in apps {
            for b in apps {
                let hosts = [pair.sides[0].number(Host::new(*a)), pair.sides[1].number(Host::new(*b))];
                let link = [Vec::new(), Vec::new()];
                starts.push(State { hosts, link, held: Vec::new(), cut: [false; 2], silent: [0; 2], budget });
            }
        }
        starts
    }

    pub fn rules(self) -> Rules {
        // At equal priority the greater address wins, and ours against any legacy peer: both are A.
        let winner = u8::from(self.priority < 0);
        let beside_classic = self.versions == [Version::Ours, Version::V182];
        // A legacy node that nobody hears stays hot.
        let unheard = match self.versions {
            [Version::Ours, Version::Ours] => &[0, 1][..],
            [Version::Ours, _] => &[0],
            _ => &[],
        };
        let by_time = self.versions == [Version::Ours; 2] && self.priority == 0;
        let conflict = by_time.then(|| 2 * self.heartbeat(0).max(self.heartbeat(1)));
        let excused_without = match self.variant {
            Variant::Held => Some(1),
            _ => beside_classic.then_some(0),
        };
        Rules { winner, conflict, unheard, excused_without }
    }
}

/// The legacy against itself: what the checker must find fault with.
pub fn legacy_alone() -> Vec<Pairing> {
    [0, 1].map(|priority| Pairing::new([Version::V200; 2], priority, Variant::Usual)).to_vec()
}

impl Version {
    pub fn words(self) -> &'static str {
        match self {
            Version::Ours => "ours",
            Version::V200 => "2.0.0",
            Version::V182 => "1.8.2",
        }
    }

    pub fn from_words(text: &str) -> Option<Version> {
        [Version::Ours, Version::V200, Version::V182].into_iter().find(|version| version.words() == text)
    }
}
