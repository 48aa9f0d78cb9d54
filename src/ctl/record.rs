//! `schrittmacherctl record`: the flight record of a daemon, into a file.

use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;

use super::options::Daemon;
use super::{Failure, Output, daemon};
use crate::exit_code;

/// Fetch the flight record of a daemon, to keep it or to send it to somebody
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    pub daemon: Daemon,

    /// Write it into FILE instead of to standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// Only these resources
    #[arg(value_name = "RESOURCE")]
    pub resources: Vec<String>,
}

/// Copies what the daemon sends as it is: a later version may read more of it than this one.
pub(super) fn run(args: &Args, output: &mut Output<'_>) -> Result<u8, Failure> {
    let answer = daemon::record(&args.daemon, &args.resources)?;
    match &args.output {
        None => copy(answer, output)?,
        Some(path) => {
            let cannot = |error: io::Error| {
                Failure::new(exit_code::CANTCREAT, &format_args!("can't write {}: {error}", path.display()))
            };
            let mut file = Output::new(File::create(path).map_err(cannot)?);
            copy(answer, &mut file)?;
            file.finish()?;
        }
    }
    Ok(exit_code::OK)
}

fn copy(mut from: impl Read, to: &mut Output<'_>) -> Result<(), Failure> {
    let mut buffer = vec![0; 1 << 16];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(length) => to.bytes(&buffer[..length]),
            Err(error) => {
                let why = format!("the daemon's answer breaks off: {error}");
                return Err(Failure::new(exit_code::UNAVAILABLE, &why));
            }
        }
    }
}
