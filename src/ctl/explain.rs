//! `schrittmacherctl explain`: what happened lately, from the daemon itself.

use super::options::Daemon;
use super::{Failure, Output};
use crate::exit_code;

/// Ask the daemon what happened to its resources, and why
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    pub daemon: Daemon,

    /// Only these resources
    #[arg(value_name = "RESOURCE")]
    pub resources: Vec<String>,
}

pub(super) fn run(_args: &Args, _output: &mut Output<'_>) -> Result<u8, Failure> {
    Err(Failure::new(exit_code::SOFTWARE, &"not there yet"))
}
