//! `schrittmacherctl`: the operator's command.

mod ask;
mod check;
mod check_peer;
mod compare;
mod completion;
mod convert;
mod daemon;
mod describe;
mod explain;
mod freeze;
mod history;
mod init;
mod keygen;
mod logs;
mod merge;
mod options;
mod order;
mod output;
mod record;
mod reload;
mod replay;
mod screen;
mod simulate;
mod source;
mod status;
mod story;
mod timeline;
mod top;
mod wait;

use std::fmt::Display;
use std::io;
use std::process::ExitCode;

use clap::Parser;

use schrittmacher_config::caller;
use schrittmacher_text::exit_code;

use self::options::{Command, CommandLine};
use self::order::Target;
use self::output::Output;

fn main() -> ExitCode {
    ExitCode::from(run())
}

/// The whole program; returns its exit status.
fn run() -> u8 {
    if caller::is_setuid() {
        Output::new(io::stderr()).text(&format_args!("schrittmacherctl: {}\n", caller::NO_SETUID));
        return exit_code::NOPERM;
    }
    let args = match CommandLine::try_parse() {
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
    let result = execute(&args.command, &mut output);
    match result.and_then(|status| output.finish().map(|()| status)) {
        Ok(status) => status,
        Err(failure) => {
            Output::new(io::stderr()).text(&format_args!("schrittmacherctl: {}\n", failure.why));
            failure.exit_code
        }
    }
}

/// Each command returns the exit status, or why it could not do its work.
fn execute(command: &Command, output: &mut Output<'_>) -> Result<u8, CtlError> {
    match command {
        Command::Status(args) => status::run(args, output),
        Command::Top(args) => top::run(args, output),
        Command::Failover(args) => order::run(args, Target::Failover, output),
        Command::Takeover(args) => order::run(args, Target::Takeover, output),
        Command::Freeze(args) => freeze::freeze(args, output),
        Command::Thaw(args) => freeze::thaw(args, output),
        Command::History(args) => history::run(args, output),
        Command::Logs(args) => logs::run(args, output),
        Command::Check(args) => check::run(args, output),
        Command::Reload(args) => reload::run(args, output),
        Command::Record(args) => record::run(args, output),
        Command::Replay(args) => replay::run(args, output),
        Command::Explain(args) => explain::run(args, output),
        Command::Convert(args) => convert::run(args, output),
        Command::Init(args) => init::run(args, output),
        Command::Keygen(args) => keygen::run(args, output),
        Command::Completion(args) => {
            completion::run(args, output);
            Ok(exit_code::OK)
        }
        Command::Simulate(args) => {
            let text = simulate::run(args).map_err(|error| CtlError::new(error.exit_code(), &error))?;
            output.text(&text);
            Ok(exit_code::OK)
        }
    }
}

/// Why a command could not do its work.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct CtlError {
    /// See [`exit_code`].
    pub exit_code: u8,
    /// A sentence without its full stop.
    pub why: String,
}

impl CtlError {
    pub fn new(exit_code: u8, why: &dyn Display) -> CtlError {
        CtlError { exit_code, why: why.to_string() }
    }
}
