//! What is counted and measured since the daemon's start, for `/metrics`: plain values that the main thread owns.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use schrittmacher_protocol::{StateName, Transition};
use schrittmacher_text::wording;
use schrittmacher_wire::{AppCode, PeerCode};

use crate::commands::{CommandKind, CommandOutcome};

/// Upper ends of the buckets of how late a heartbeat is, in seconds.
const LATENESS: [f64; BUCKETS] =
    [0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0];
/// The same of a time without service.
const OUTAGE: [f64; BUCKETS] =
    [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0];
const BUCKETS: usize = 14;

/// How often a value was in which range.
#[derive(Clone, Debug, PartialEq)]
pub struct Histogram {
    bounds: &'static [f64; BUCKETS],
    counts: [u64; BUCKETS],
    /// All values, also those above the greatest bound.
    pub count: u64,
    /// Their sum, in seconds.
    pub sum: f64,
}

impl Histogram {
    fn new(bounds: &'static [f64; BUCKETS]) -> Histogram {
        Histogram { bounds, counts: [0; BUCKETS], count: 0, sum: 0.0 }
    }

    /// Takes a value in.
    pub fn observe(&mut self, value: Duration) {
        let seconds = value.as_secs_f64();
        self.count += 1;
        self.sum += seconds;
        if let Some(bucket) = self.bounds.iter().position(|bound| seconds <= *bound) {
            self.counts[bucket] += 1;
        }
    }

    /// Each bound, and how many values are not above it.
    pub fn buckets(&self) -> impl Iterator<Item = (f64, u64)> {
        let mut sum = 0;
        self.bounds.iter().zip(&self.counts).map(move |(bound, count)| {
            sum += count;
            (*bound, sum)
        })
    }
}

/// The figures of the whole node.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeFigures {
    /// The configuration in force is the last good one, because the file is broken.
    pub file_is_broken: bool,
    /// A hash of the configuration in force.
    pub configuration: String,
    /// When the configuration in force was put in force by a reload; `None`: it is that of the start.
    pub configured_at: Option<SystemTime>,
    /// The last reload was refused.
    pub reload_failed: bool,
    /// Reloads that are in force, and those that were refused.
    pub reloads: [u64; 2],
    /// How late each heartbeat was sent.
    pub lateness: Histogram,
    /// How often and how long the event loop was late.
    pub stalls: Episodes,
    /// How long no side was hot, whenever one is again: in planned switches, and in others.
    pub outages: [Histogram; 2],
    /// Datagrams that were refused, by their reason.
    pub refused: [u64; Unwelcome::ALL.len()],
    /// Orders of operators, by their name and outcome.
    pub orders: BTreeMap<(&'static str, &'static str), u64>,
    /// Runs of `fence-action` by what they have shown: that the peer's host is off, nothing, or what nobody waited for.
    pub fences: [u64; 3],
}

impl Default for NodeFigures {
    fn default() -> NodeFigures {
        NodeFigures {
            file_is_broken: false,
            configuration: String::new(),
            configured_at: None,
            reload_failed: false,
            reloads: [0; 2],
            lateness: Histogram::new(&LATENESS),
            stalls: Episodes::default(),
            outages: [Histogram::new(&OUTAGE), Histogram::new(&OUTAGE)],
            refused: [0; Unwelcome::ALL.len()],
            orders: BTreeMap::new(),
            fences: [0; 3],
        }
    }
}

impl NodeFigures {
    /// The configuration with this hash was put in force; `None`: one was refused.
    pub fn reloaded(&mut self, hash: Option<String>) {
        let in_force = hash.is_some();
        if let Some(hash) = hash {
            self.configuration = hash;
            self.configured_at = Some(SystemTime::now());
        }
        self.reload_failed = !in_force;
        self.reloads[usize::from(!in_force)] += 1;
    }

    /// The event loop has turned this much too late.
    pub fn stalled(&mut self, late: Duration) {
        self.stalls.times += 1;
        self.stalls.lasted += late;
    }

    /// A `fence-action` has ended, with all its repetitions.
    pub fn fenced(&mut self, is_confirmed: bool, is_in_vain: bool) {
        let place = match (is_in_vain, is_confirmed) {
            (true, _) => 2,
            (false, confirmed) => usize::from(!confirmed),
        };
        self.fences[place] += 1;
    }

    /// An operator's order has had this outcome. Both are words of this program, never of the network.
    pub fn ordered(&mut self, order: &'static str, outcome: &'static str) {
        *self.orders.entry((order, outcome)).or_default() += 1;
    }
}

/// The reasons for which a datagram or a report is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unwelcome {
    /// Its source is neither the peer nor an application's.
    Source,
    /// It can't be read.
    Garbage,
    /// It names no resource of this node.
    UnknownResource,
    /// The peer's signature is missing or wrong.
    NotAuthentic,
    /// It has no signature, and does not name the run of this daemon.
    AnotherRun,
    /// A peer that speaks as an application, or the reverse.
    WrongDirection,
    /// Its sender is not the `app-user`.
    Unentitled,
    /// Another process has sent it than the one that made the connection.
    Impostor,
    /// The resource has a `check-command`.
    Checked,
}

impl Unwelcome {
    /// Every reason, with its word.
    pub const ALL: [(Unwelcome, &str); 9] = [
        (Unwelcome::Source, "source"),
        (Unwelcome::Garbage, "garbage"),
        (Unwelcome::UnknownResource, "unknown-resource"),
        (Unwelcome::NotAuthentic, "not-authentic"),
        (Unwelcome::AnotherRun, "another-run"),
        (Unwelcome::WrongDirection, "wrong-direction"),
        (Unwelcome::Unentitled, "not-entitled"),
        (Unwelcome::Impostor, "other-process"),
        (Unwelcome::Checked, "has-check-command"),
    ];
}

/// The figures of one resource.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResourceFigures {
    /// Messages of the peer, by their code.
    pub peer_received: [u64; 10],
    /// Messages of the application, by their code.
    pub app_received: [u64; 8],
    /// Messages to the peer, by their code.
    pub sent: [u64; 10],
    /// Orders to start and to stop the application.
    pub orders: [u64; 2],
    /// Changes of state that have occurred: from, to, and the word of the cause.
    /// Few: a list is a tenth of a map.
    pub transitions: Vec<((StateName, StateName, &'static str), u64)>,
    /// The kinds of commands that have ended: most resources have none.
    pub commands: Vec<CommandFigures>,
    /// Whether its address is up, if it has one that this daemon brings up.
    pub address_up: Option<bool>,
    /// How often its address was gone, and was put back.
    pub put_back: u64,
    /// The end of its application is noticed at once.
    pub watched: bool,
    /// It starts nothing by itself: the peer is unknown, or the file is broken.
    pub held: bool,
    /// How often both sides were hot, and how long in all.
    pub both_hot: Episodes,
    /// The same of no side.
    pub nobody_hot: Episodes,
}

/// The commands of one kind that have ended.
#[derive(Clone, Debug, PartialEq)]
pub struct CommandFigures {
    pub kind: CommandKind,
    /// Those that have ended well, and those that have not.
    pub ended: [u64; 2],
    /// How long they ran in all.
    pub time: Duration,
    /// It failed when it was tried last.
    pub failing: bool,
}

/// How often something was, and how long in all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Episodes {
    pub times: u64,
    pub lasted: Duration,
}

impl ResourceFigures {
    /// The peer has said this.
    pub fn heard_peer(&mut self, code: PeerCode) {
        self.peer_received[code as usize] += 1;
    }

    /// The application has said this.
    pub fn heard_app(&mut self, code: AppCode) {
        self.app_received[code as usize] += 1;
    }

    /// The peer was told this.
    pub fn said(&mut self, code: PeerCode) {
        self.sent[code as usize] += 1;
    }

    /// The application is to start, or to stop.
    pub fn ordered(&mut self, start: bool) {
        self.orders[usize::from(!start)] += 1;
    }

    /// The state has changed.
    pub fn changed(&mut self, change: &Transition) {
        let place = (change.from, change.to, wording::cause_word(change.cause));
        match self.transitions.iter_mut().find(|(known, _)| *known == place) {
            Some((_, count)) => *count += 1,
            None => {
                self.transitions.reserve_exact(1);
                self.transitions.push((place, 1));
            }
        }
    }

    /// A command has ended.
    pub fn command_ended(&mut self, outcome: &CommandOutcome) {
        let failed = outcome.failures > 0;
        let place = self.commands.iter().position(|of| of.kind == outcome.kind).unwrap_or_else(|| {
            let none =
                CommandFigures { kind: outcome.kind, ended: [0, 0], time: Duration::ZERO, failing: false };
            self.commands.push(none);
            self.commands.len() - 1
        });
        let of_kind = &mut self.commands[place];
        of_kind.ended[usize::from(failed)] += 1;
        of_kind.time += outcome.duration;
        match outcome.kind {
            CommandKind::Activate => self.address_up = Some(!failed),
            CommandKind::Deactivate if !failed => self.address_up = Some(false),
            CommandKind::Deactivate
            | CommandKind::Start
            | CommandKind::Stop
            | CommandKind::Announce
            | CommandKind::Check => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_has_everything_below_its_bound() {
        let mut histogram = Histogram::new(&LATENESS);
        for micros in [50, 100, 101, 30_000, 90_000_000] {
            histogram.observe(Duration::from_micros(micros));
        }
        let below = |bound: f64| histogram.buckets().find(|(end, _)| *end == bound).unwrap().1;
        assert_eq!((below(0.0001), below(0.0002), below(0.02), below(5.0)), (2, 3, 3, 4));
        assert_eq!(histogram.count, 5);
        assert!((histogram.sum - 90.030_251).abs() < 1e-9, "{}", histogram.sum);
    }

    /// The places in the arrays are those of the declarations.
    #[test]
    fn every_word_has_its_place() {
        assert_eq!((PeerCode::ALL.len(), AppCode::ALL.len()), (10, 8));
        for (place, (reason, _)) in Unwelcome::ALL.iter().enumerate() {
            assert_eq!(*reason as usize, place);
        }
        for (place, state) in StateName::ALL.iter().enumerate() {
            assert_eq!(*state as usize, place);
        }
        for (place, kind) in CommandKind::ALL.iter().enumerate() {
            assert_eq!(*kind as usize, place);
        }
    }
}
