//! How often a standby takes over although the hot side works: what was lost looks like a dead peer.

use std::time::Duration;

use schrittmacher_protocol::{Settings, StateName};
use schrittmacher_simulator::{Chance, Host, Link, Ours, Step, Watch};
use serde::Serialize;

use super::scenario::{Pair, serves};

/// Switches without a cause.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Alarms {
    /// How many there were in the simulation.
    pub seen: u32,
    /// Of how many hours.
    pub hours: f64,
    /// How many there are in a year; see `basis`.
    pub a_year: f64,
    pub basis: Basis,
    /// The number of heartbeats in a row that have to be lost.
    pub in_a_row: u32,
    /// How long nobody, and how long both served because of one, in seconds. Only what was seen.
    pub nobody: f64,
    /// See `nobody`.
    pub two: f64,
}

/// The origin of a rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Basis {
    /// As many as were seen.
    Seen,
    /// An upper bound: one for each time that `in_a_row` heartbeats are lost.
    Computed,
    /// An upper bound: a higher rate would have been seen (95 %).
    Unseen,
    /// None: nothing is lost, and nothing is late.
    Perfect,
}

/// The seconds of a year.
pub(super) const YEAR: f64 = 365.25 * 86_400.0;

/// Fewer are no rate.
const ENOUGH: u32 = 20;

/// The simulation ends when it has seen this number.
const PLENTY: u32 = 200;

/// It ends after this number of heartbeats in any case: some tenths of a second of work.
const HEARTBEATS: u32 = 400_000;

/// Counts on a pair to which nothing happens but what the link does.
#[derive(Default)]
struct Count {
    alarms: u32,
    nobody: Duration,
    two: Duration,
}

impl Pair<'_> {
    pub fn alarms(&self) -> Alarms {
        let mut world = self.start(&mut Chance::new(self.args.seed), Count::default());
        world.watch = Count::default();
        let began = world.now();
        let heartbeat = self.shortest_heartbeat();
        let perfect = self.args.losses().is_none() && self.args.jitter.is_zero();
        // With nothing lost and nothing late each heartbeat is as the one before.
        let heartbeats = if perfect { HEARTBEATS / 1000 } else { HEARTBEATS };
        let end = began + heartbeats * heartbeat;
        while world.now() < end && world.watch.alarms < PLENTY {
            world.run_until((world.now() + 1000 * heartbeat).min(end));
        }
        let Count { alarms, nobody, two } = world.watch;
        let seconds = (world.now() - began).as_secs_f64();
        let in_a_row = self.in_a_row();
        let seen = f64::from(alarms) / seconds * YEAR;
        let (a_year, basis) = match alarms {
            _ if perfect => (0.0, Basis::Perfect),
            ENOUGH.. => (seen, Basis::Seen),
            _ => self.bound(alarms, seconds),
        };
        let each = |time: Duration| time.as_secs_f64() / f64::from(alarms.max(1));
        let hours = seconds / 3600.0;
        Alarms { seen: alarms, hours, a_year, basis, in_a_row, nobody: each(nobody), two: each(two) }
    }

    /// The heartbeats that have to be lost in a row at least, on the more impatient side. One that is due when
    /// the patience ends may be late, and counts as lost.
    pub fn in_a_row(&self) -> u32 {
        (0..2).map(|listens| patience(self.settings, listens)).min().unwrap_or(1)
    }

    /// The rate that is not exceeded.
    fn bound(&self, seen: u32, seconds: f64) -> (f64, Basis) {
        // Three for none is the usual bound; it grows a little faster than what was seen.
        let unseen = f64::from(3 * seen + 3) / seconds * YEAR;
        // Datagrams so late that heartbeats are missed are in no formula: only the simulation sees them.
        let late = self.args.jitter * 5 > self.shortest_heartbeat();
        let computed = (0..2).map(|listens| {
            let heartbeats = YEAR / self.settings[1 - listens].heartbeat.as_secs_f64();
            heartbeats * self.args.losses().run_begins(patience(self.settings, listens))
        });
        let computed = computed.fold(0.0, f64::max);
        if late || unseen < computed { (unseen, Basis::Unseen) } else { (computed, Basis::Computed) }
    }
}

/// Heartbeats that fall into the patience of the listening side.
fn patience(settings: &[Settings; 2], listens: usize) -> u32 {
    let period = settings[1 - listens].heartbeat;
    let timeout = settings[listens].timeout.max(3 * period);
    let whole = timeout.as_nanos().div_ceil(period.as_nanos().max(1));
    u32::try_from(whole).unwrap_or(u32::MAX).saturating_sub(1).max(1)
}

impl Watch<Ours> for Count {
    fn pass(&mut self, from: Duration, to: Duration, hosts: &[Host<Ours>; 2], _: &Link) {
        match hosts.iter().filter(|host| serves(host)).count() {
            0 => self.nobody += to - from,
            1 => {}
            _ => self.two += to - from,
        }
    }

    fn step(&mut self, _: Duration, step: &Step<'_>, _: &[Host<Ours>; 2]) {
        self.alarms += u32::from(step.before != StateName::ToHot && step.after == StateName::ToHot);
    }
}
