//! Searches every behaviour of a pair of nodes for one that breaks a promise.
//!
//! The nodes run the shipped protocol crate and, for a legacy peer, the interpreter of the recorded tables.
//! What is free, what is bounded and why stands in `docs/protocol.md` under "How it is checked".

use std::process::ExitCode;
use std::time::Instant;

mod app;
mod graph;
mod host;
mod local;
mod pair;
mod pairing;
mod relative;
mod search;
mod trace;
mod verdict;

use pairing::{Pairing, Version};
use trace::Then;

/// What the command line asks for.
struct Options {
    faults: u8,
    limit: usize,
    grain: u8,
    pairings: Vec<Pairing>,
}

fn main() -> ExitCode {
    let options = match options() {
        Ok(options) => options,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(64);
        }
    };
    for pairing in &options.pairings {
        run(*pairing, &options);
    }
    ExitCode::SUCCESS
}

fn options() -> Result<Options, lexopt::Error> {
    use lexopt::prelude::*;
    let mut options =
        Options { faults: 1, limit: search::MOST_STATES, grain: 2, pairings: pairing::promised() };
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("faults") => options.faults = parser.value()?.parse()?,
            Long("grain") => options.grain = parser.value()?.parse()?,
            Long("limit") => options.limit = parser.value()?.parse()?,
            Long("pair") => {
                let part = |parser: &mut lexopt::Parser| -> Result<Version, lexopt::Error> {
                    let text = parser.value()?.string()?;
                    Version::from_words(&text).ok_or_else(|| format!("no version {text}").into())
                };
                let versions = [part(&mut parser)?, part(&mut parser)?];
                let priority = parser.value()?.parse()?;
                options.pairings = vec![Pairing { versions, priority }];
            }
            _ => return Err(argument.unexpected()),
        }
    }
    Ok(options)
}

fn run(pairing: Pairing, options: &Options) {
    let began = Instant::now();
    let mut pair = pairing.pair(options.grain);
    let starts = pairing.starts(&mut pair, options.faults);
    let found = search::search(&mut pair, &starts, options.limit);
    let searched = began.elapsed();
    let verdict = verdict::judge(&pair, &found, pairing.rules());
    println!(
        "{} faults {}: {} states ({} with faults), {} steps, hosts {} {}, {:.1?} + {:.1?}",
        pairing.words(),
        options.faults,
        found.len(),
        found.with_faults,
        found.step_count(),
        pair.sides[0].len(),
        pair.sides[1].len(),
        searched,
        began.elapsed() - searched
    );
    println!(
        "unsettled {} excused {} settles {} both {:?} surv {} undecided {} loss {} F {:?} T {:?} storms {} msgs {:?} broken {} overflows {}",
        verdict.unsettled,
        verdict.excused,
        verdict.settles_within,
        verdict.both_hot,
        verdict.survivors,
        verdict.undecided,
        verdict.disturbed_by_loss,
        verdict.failovers.map(|o| (o.given, o.failed)),
        verdict.takeovers.map(|o| (o.given, o.failed)),
        verdict.storms,
        verdict.most_messages,
        found.broken_count,
        found.overflows
    );
    let winner = pairing.rules().winner;
    let settled = &verdict.settled;
    let wrong = |at: usize| settled[at].is_some_and(|side| side != winner);
    let not_settled = |at: usize| settled[at].is_none();
    let mut tell = |what: &str, at: Option<usize>, then: &Then| {
        if let Some(at) = at {
            println!("{what}:\n{}", trace::tell(&mut pair, &found, at, then));
        }
    };
    tell("P2", verdict.first_unsettled, &Then::Cycle(&not_settled));
    tell("P1", verdict.first_undecided, &Then::Until(&wrong));
    tell("P3", verdict.first_disturbed, &Then::Nothing);
    tell("overflow", found.overflowed.map(|o| o.0 as usize), &Then::Nothing);
    tell("P6", verdict.storm, &Then::Cycle(&|_| true));
    if std::env::var("BUSY").is_ok() {
        for way in &verdict.busy_ways {
            tell("busy", way.first().copied(), &Then::Along(way));
        }
    }
    for side in 0..2 {
        tell("failover", verdict.failovers[side].first, &Then::Until(&|at| settled[at] == Some(side as u8)));
        tell(
            "takeover",
            verdict.takeovers[side].first,
            &Then::Until(&|at| settled[at] == Some(1 - side as u8)),
        );
    }
    for (from, label, what) in &found.broken {
        println!(
            "{what} {}\n{}",
            trace::words(&pair, &found.state(*from as usize), *label),
            trace::tell(&mut pair, &found, *from as usize, &Then::Nothing)
        );
    }
}
