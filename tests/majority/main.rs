//! Two nodes with `policy = consistent` and a witness, in virtual time: looks for two sides that serve at once.
//!
//! The nodes run the shipped protocol crate, each by a clock of its own. `search.rs` tries every sequence of a few faults,
//! `weather.rs` random ones. `docs/verification.md` has the bounds and the results.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "its output is its purpose")]

use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use schrittmacher_protocol::{OnIsolation, Policy};

mod faults;
mod fence;
mod host;
mod search;
mod weather;
mod world;

use host::Setup;
use weather::Choice;

const USAGE: &str = "\
usage: schrittmacher-majority --search FAULTS    every sequence of up to this number of faults
       schrittmacher-majority --seeds N          random weather, ten minutes a seed
       schrittmacher-majority --teeth            the same with each part of the rule taken out: has to be found
       schrittmacher-majority --seed N [POLICY]  one of them, told step by step; consistent, available or manual, -fence for one
                                                 with a `fence-action`, or by-force: `manual` with each takeover by force";

fn main() -> ExitCode {
    let task = match task() {
        Ok(task) => task,
        Err(error) => {
            eprintln!("{error}\n{USAGE}");
            return ExitCode::from(64);
        }
    };
    let began = Instant::now();
    let kept = match task {
        Task::Search(faults) => search::search(faults),
        Task::Seeds(seeds) => weather::seeds(seeds),
        Task::Teeth => weather::bites(),
        Task::Seed(seed, choice) => weather::tell(seed, choice),
    };
    println!("\n{:.0} s", began.elapsed().as_secs_f64());
    if kept { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

enum Task {
    Search(usize),
    Seeds(u64),
    Seed(u64, Choice),
    Teeth,
}

fn task() -> Result<Task, lexopt::Error> {
    use lexopt::prelude::{Long, Short, Value, ValueExt};
    let mut parser = lexopt::Parser::from_env();
    let argument = parser.next()?.ok_or("nothing to do")?;
    Ok(match argument {
        Long("search") => Task::Search(parser.value()?.parse()?),
        Long("seeds") => Task::Seeds(parser.value()?.parse()?),
        Long("teeth") => Task::Teeth,
        Long("seed") => {
            let seed = parser.value()?.parse()?;
            let choice = match parser.next()? {
                None => Choice::Consistent,
                Some(Value(word)) => Choice::from_word(&word.string()?).ok_or("no such policy")?,
                Some(other) => return Err(other.unexpected()),
            };
            Task::Seed(seed, choice)
        }
        argument @ (Long(_) | Short(_) | Value(_)) => return Err(argument.unexpected()),
    })
}

/// The configuration that is tried: a second, a promise longer than the timeout, and the slowest application that the rule allows.
fn setup(rates: [i64; 3]) -> Setup {
    let heartbeat = Duration::from_secs(1);
    Setup {
        heartbeat,
        policy: Policy::Consistent { promise: 4 * heartbeat },
        // The worst that the rule allows: hot at once, and stopped at the last moment.
        starts: Duration::ZERO,
        stops: heartbeat,
        rates,
        run: true,
        on_isolation: OnIsolation::Keep,
        ping_timeout: heartbeat,
        fence: None,
    }
}

/// Does `count` things, on every core, and gathers what comes of them.
fn on_every_core<T: Send>(count: usize, one: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::new());
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    if at >= count {
                        break;
                    }
                    let result = one(at);
                    done.lock().expect("nobody panics").push(result);
                }
            });
        }
    });
    done.into_inner().expect("nobody panics")
}
