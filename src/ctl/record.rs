//! `schrittmacherctl record`: the flight record of a daemon, into a file.

use std::path::PathBuf;

use super::options::Daemon;
use super::{Failure, Output};
use crate::exit_code;

/// Fetch the flight record of a daemon
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

pub(super) fn run(_args: &Args, _output: &mut Output<'_>) -> Result<u8, Failure> {
    Err(Failure::new(exit_code::SOFTWARE, &"not there yet"))
}
