//! `schrittmacherctl`: what happened to the resources of a daemon, and why.

mod compare;
mod daemon;
mod describe;
mod explain;
mod options;
mod output;
mod record;
mod replay;
mod source;
mod timeline;

use std::fmt::Display;
use std::io;

use clap::Parser;

use crate::{exit_code, simulate};

use self::options::{Args, Command};
use self::output::Output;

/// The whole program; returns its exit status.
pub fn main() -> u8 {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(early) if early.use_stderr() => {
            Output::new(io::stderr()).text(&early);
            return exit_code::USAGE;
        }
        Err(answer) => {
            Output::new(io::stdout()).text(&answer);
            return exit_code::OK;
        }
    };
    let mut output = Output::new(io::BufWriter::new(io::stdout().lock()));
    let result = run(&args.command, &mut output);
    match result.and_then(|status| output.finish().map(|()| status)) {
        Ok(status) => status,
        Err(failure) => {
            Output::new(io::stderr()).text(&format_args!("schrittmacherctl: {}\n", failure.why));
            failure.exit_code
        }
    }
}

/// Each command returns the exit status, or why it could not do its work.
fn run(command: &Command, output: &mut Output<'_>) -> Result<u8, Failure> {
    match command {
        Command::Record(args) => record::run(args, output),
        Command::Replay(args) => replay::run(args, output),
        Command::Explain(args) => explain::run(args, output),
        Command::Simulate(args) => {
            let text = simulate::run(args).map_err(|error| Failure::new(error.exit_code(), &error))?;
            output.text(&text);
            Ok(exit_code::OK)
        }
    }
}

/// Why a command could not do its work.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// See [`exit_code`].
    pub exit_code: u8,
    /// A sentence without its full stop.
    pub why: String,
}

impl Failure {
    pub fn new(exit_code: u8, why: &dyn Display) -> Failure {
        Failure { exit_code, why: why.to_string() }
    }
}
