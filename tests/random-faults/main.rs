//! Simulates pairs of nodes under random faults, in virtual time. A seed is ten minutes and fixes all faults in them.
//! Every pair of programs is tried under the same faults.

use std::io::{self, Write};
use std::ops::Range;
use std::path::PathBuf;
use std::process::ExitCode;

mod book;
mod epochs;
mod faults;
mod isolation;
mod lan;
mod many;
mod neighbour;
mod plan;
mod program;
mod promises;
mod replay;
mod run;
mod sets;
mod table;
mod tally;
mod timeline;

/// The task.
enum Task {
    /// Try these seeds; write the table into this page as well.
    Many(Range<u64>, Option<PathBuf>),
    /// Tell what happens in one.
    Replay(u64),
}

fn main() -> ExitCode {
    let task = match options() {
        Ok(task) => task,
        Err(error) => {
            let usage = "usage: schrittmacher-random-faults [--seeds N [--from N] [--page FILE] | --seed N]";
            let _ = writeln!(io::stderr(), "{error}\n{usage}");
            return ExitCode::from(64);
        }
    };
    let (text, kept) = match task {
        Task::Many(seeds, page) => {
            let found = many::try_seeds(seeds);
            if let Some(Err(error)) = page.map(|page| table::write_into(&page, &found)) {
                let _ = writeln!(io::stderr(), "error: {error}");
                return ExitCode::from(73);
            }
            (found.report(), found.all_kept())
        }
        Task::Replay(seed) => replay::replay(seed),
    };
    // A reader who has seen enough and closes the pipe is no error.
    let _ = io::stdout().write_all(text.as_bytes());
    if kept { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn options() -> Result<Task, lexopt::Error> {
    use lexopt::prelude::{Long, Short, Value, ValueExt};
    let (mut seeds, mut from, mut seed, mut page) = (500, 0_u64, None, None);
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("seeds") => seeds = parser.value()?.parse()?,
            Long("from") => from = parser.value()?.parse()?,
            Long("seed") => seed = Some(parser.value()?.parse()?),
            Long("page") => page = Some(parser.value()?.into()),
            Short(_) | Long(_) | Value(_) => return Err(argument.unexpected()),
        }
    }
    Ok(seed.map_or(Task::Many(from..from.saturating_add(seeds), page), Task::Replay))
}
