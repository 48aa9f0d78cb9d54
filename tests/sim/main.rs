//! Simulates pairs of nodes under random faults, in virtual time. A seed is ten minutes: what goes wrong in them is
//! fixed by the seed, and every pair of programs is tried under the same faults.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "its output is its purpose")]

use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

mod chance;
mod node;
mod plan;
mod tally;
mod world;

use node::Version;
use plan::{Plan, RESOURCES};
use tally::{HEADER, Tally};
use world::World;

/// The pairs, and whether promises are made for them.
const PAIRS: [([Version; 2], &str, bool); 5] = [
    ([Version::Ours, Version::Ours], "ours × ours", true),
    ([Version::Ours, Version::V200], "ours × 2.0.0", true),
    ([Version::Ours, Version::V182], "ours × 1.8.2", true),
    ([Version::V200, Version::V200], "2.0.0 × 2.0.0", false),
    ([Version::V182, Version::V182], "1.8.2 × 1.8.2", false),
];

/// The legacy against itself is slow to simulate, because of its storms: every so many seeds.
const COMPARED: u64 = 1;

/// The most failing seeds of a pair that are named.
const NAMED: usize = 10;

#[derive(Default)]
struct Sum {
    tally: Tally,
    broken: u64,
    first: Vec<(u64, String)>,
}

fn main() -> ExitCode {
    match options() {
        Ok((_, Some(seed))) => replay(seed),
        Ok((seeds, None)) => many(seeds),
        Err(error) => {
            eprintln!("{error}\nusage: schrittmacher-sim [--seeds N | --seed N]");
            ExitCode::from(64)
        }
    }
}

fn options() -> Result<(u64, Option<u64>), lexopt::Error> {
    use lexopt::prelude::{Long, Short, Value, ValueExt};
    let (mut seeds, mut seed) = (500, None);
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("seeds") => seeds = parser.value()?.parse()?,
            Long("seed") => seed = Some(parser.value()?.parse()?),
            Short(_) | Long(_) | Value(_) => return Err(argument.unexpected()),
        }
    }
    Ok((seeds, seed))
}

fn many(seeds: u64) -> ExitCode {
    let began = Instant::now();
    let sums: Mutex<[Sum; PAIRS.len()]> = Mutex::default();
    let next = AtomicU64::new(0);
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds {
                        break;
                    }
                    one_seed(seed, &sums);
                }
            });
        }
    });
    let sums = sums.into_inner().expect("nobody panics");
    println!(
        "{seeds} seeds of ten minutes with {RESOURCES} resources, {:.0} s\n\n{HEADER}",
        began.elapsed().as_secs_f64()
    );
    let mut kept = true;
    for ((_, pair, _), sum) in PAIRS.iter().zip(&sums) {
        println!("{}", sum.tally.line(pair, sum.broken, RESOURCES));
    }
    for ((_, pair, promised), sum) in PAIRS.iter().zip(&sums) {
        for (seed, what) in sum.first.iter().filter(|_| *promised) {
            kept = false;
            println!("\nBROKEN: {pair}, `make sim SEED={seed}`:\n{what}");
        }
    }
    if kept { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn one_seed(seed: u64, sums: &Mutex<[Sum; PAIRS.len()]>) {
    let plan = Plan::new(seed);
    for (at, (versions, _, promised)) in PAIRS.iter().enumerate() {
        if !promised && !seed.is_multiple_of(COMPARED) {
            continue;
        }
        let mut world = World::new(&plan, seed, *versions, false);
        world.run(&plan);
        let sum = &mut sums.lock().expect("nobody panics")[at];
        sum.tally += world.tally;
        if !world.broken.is_empty() {
            sum.broken += 1;
            sum.first.push((seed, world.broken.join("\n")));
            sum.first.sort_unstable();
            sum.first.truncate(NAMED);
        }
    }
}

/// What happened in one seed, for every pair that promises are made for.
fn replay(seed: u64) -> ExitCode {
    let plan = Plan::new(seed);
    for (side, node) in plan.nodes.iter().enumerate() {
        println!(
            "{}: heartbeat {:?}, priority {}, preempt {}, startup-delay {:?}, stop takes {:?}, switching {:?}",
            ["A", "B"][side],
            node.heartbeat,
            node.priority,
            node.preempt,
            node.startup_delay,
            node.stop_takes,
            node.switching
        );
    }
    let mut kept = true;
    for (versions, pair, _) in PAIRS.iter().filter(|(_, _, promised)| *promised) {
        let mut world = World::new(&plan, seed, *versions, true);
        world.run(&plan);
        println!("\n== {pair}");
        world.timeline().iter().for_each(|line| println!("{line}"));
        println!("{}", if world.broken.is_empty() { "no promise broken" } else { "BROKEN" });
        kept &= world.broken.is_empty();
    }
    if kept { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
