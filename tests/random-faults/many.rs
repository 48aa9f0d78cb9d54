//! Many seeds, on all cores.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::book::Book;
use crate::lan::Outages;
use crate::plan::{Plan, RESOURCES};
use crate::program::Version;
use crate::run::run;
use crate::table;
use crate::tally::Tally;

/// A pair of programs.
pub struct Pair {
    pub versions: [Version; 2],
    /// P1 to P6 are promised for it, and P11 if both are ours.
    pub promised: bool,
}

/// Every pair that is tried under the same faults.
pub const PAIRS: [Pair; 14] = [
    Pair { versions: [Version::Ours, Version::Ours], promised: true },
    Pair { versions: [Version::Ours, Version::V200], promised: true },
    Pair { versions: [Version::Ours, Version::V182], promised: true },
    Pair { versions: [Version::OursPatient, Version::OursPatient], promised: true },
    Pair { versions: [Version::OursSigned, Version::OursSigned], promised: true },
    Pair { versions: [Version::OursForged, Version::OursForged], promised: true },
    Pair { versions: [Version::OursSet, Version::OursSet], promised: true },
    Pair { versions: [Version::OursFlapping, Version::OursFlapping], promised: true },
    Pair { versions: [Version::OursTwoPaths, Version::OursTwoPaths], promised: true },
    Pair { versions: [Version::OursBatched, Version::OursBatched], promised: true },
    Pair { versions: [Version::OursIsolated, Version::OursIsolated], promised: true },
    Pair { versions: [Version::OursManual, Version::OursManual], promised: true },
    Pair { versions: [Version::V200, Version::V200], promised: false },
    Pair { versions: [Version::V182, Version::V182], promised: false },
];

/// The most failing seeds of a pair that are named.
const NAMED: usize = 10;

impl Pair {
    pub fn name(&self) -> String {
        match self.versions {
            [Version::OursPatient, _] => "ours × ours, heartbeat 2 s, timeout 10 s".to_owned(),
            [Version::OursSigned, _] => "ours × ours, signed, with an attacker who has no key".to_owned(),
            [Version::OursForged, _] => "ours × ours, no key, with an attacker who cannot read".to_owned(),
            [Version::OursSet, _] => "ours × ours, a set".to_owned(),
            [Version::OursFlapping, _] => "ours × ours, an application that ends when it is hot".to_owned(),
            [Version::OursTwoPaths, _] => "ours × ours, two paths".to_owned(),
            [Version::OursBatched, _] => "ours × ours, many resources in one datagram".to_owned(),
            [Version::OursIsolated, _] => "ours × ours, hosts that are isolated".to_owned(),
            [Version::OursManual, _] => "ours × ours, manual, takeovers by force".to_owned(),
            versions => versions.map(Version::as_str).join(" × "),
        }
    }
}

/// The results of many seeds.
pub struct Found {
    pub seeds: u64,
    pub took: Duration,
    /// As [`PAIRS`].
    pub sums: [Sum; PAIRS.len()],
}

/// The results of one pair.
#[derive(Default)]
pub struct Sum {
    pub seeds: u64,
    pub total: Tally,
    /// Of one seed, each for itself.
    pub worst_nobody: Duration,
    pub worst_two: Duration,
    pub settled_after: Duration,
    pub most_messages: [u32; 2],
    /// With the built-in address, and with commands.
    pub outages: [Outages; 2],
    pub broken: u64,
    /// Failing seeds, with what broke.
    pub first: Vec<(u64, String)>,
}

/// Tries these seeds.
pub fn try_seeds(seeds: Range<u64>) -> Found {
    let began = Instant::now();
    let next = AtomicU64::new(seeds.start);
    let workers = thread::available_parallelism().map_or(1, usize::from);
    let mut sums: [Sum; PAIRS.len()] = Default::default();
    thread::scope(|scope| {
        let handles: Vec<_> = (0..workers).map(|_| scope.spawn(|| work(seeds.end, &next))).collect();
        for handle in handles {
            match handle.join() {
                Ok(part) => sums.iter_mut().zip(part).for_each(|(sum, part)| sum.add(part)),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
    });
    Found { seeds: seeds.end - seeds.start, took: began.elapsed(), sums }
}

fn work(end: u64, next: &AtomicU64) -> [Sum; PAIRS.len()] {
    let mut sums: [Sum; PAIRS.len()] = Default::default();
    loop {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        if seed >= end {
            return sums;
        }
        let plan = Plan::new(seed);
        for (pair, sum) in PAIRS.iter().zip(&mut sums) {
            sum.add(Sum::of(seed, run(&plan, seed, pair.versions, false)));
        }
    }
}

impl Sum {
    fn of(seed: u64, book: Book) -> Sum {
        let outages = book.outages();
        let Book { promises, tally, .. } = book;
        let broken: Vec<String> =
            promises.broken.iter().map(|(at, what)| format!("{:>9.3} s  {what}", at.as_secs_f64())).collect();
        Sum {
            seeds: 1,
            total: tally,
            worst_nobody: tally.nobody.all,
            worst_two: tally.two.all,
            settled_after: promises.settled_after,
            most_messages: promises.most_messages,
            outages,
            broken: u64::from(!broken.is_empty()),
            first: if broken.is_empty() { Vec::new() } else { vec![(seed, broken.join("\n"))] },
        }
    }

    fn add(&mut self, other: Sum) {
        self.seeds += other.seeds;
        self.total += other.total;
        self.worst_nobody = self.worst_nobody.max(other.worst_nobody);
        self.worst_two = self.worst_two.max(other.worst_two);
        self.settled_after = self.settled_after.max(other.settled_after);
        for (most, part) in self.most_messages.iter_mut().zip(other.most_messages) {
            *most = (*most).max(part);
        }
        self.outages.iter_mut().zip(other.outages).for_each(|(sum, part)| *sum += part);
        self.broken += other.broken;
        self.first.extend(other.first);
        self.first.sort_unstable();
        self.first.truncate(NAMED);
    }
}

impl Found {
    pub fn all_kept(&self) -> bool {
        PAIRS.iter().zip(&self.sums).all(|(pair, sum)| !pair.promised || sum.broken == 0)
    }

    /// The table, and every promise that was broken.
    pub fn report(&self) -> String {
        let mut text = format!(
            "{} seeds of ten minutes with {RESOURCES} resources, {:.0} s\n\n{}",
            self.seeds,
            self.took.as_secs_f64(),
            table::table(self)
        );
        for (pair, sum) in PAIRS.iter().zip(&self.sums).filter(|(pair, _)| pair.promised) {
            for (seed, what) in &sum.first {
                text += &format!("\nBROKEN: {}, `make sim SEED={seed}`:\n{what}\n", pair.name());
            }
        }
        text
    }
}
