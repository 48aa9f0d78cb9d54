//! `schrittmacherctl replay`: a flight record, fed through the state machine of this program.

use std::path::PathBuf;

use super::{Failure, Output};
use crate::exit_code;

/// Read a flight record, feed it through this program, and compare
#[derive(clap::Args)]
pub(crate) struct Args {
    /// What `schrittmacherctl record` wrote; `-` is standard input
    pub file: PathBuf,

    /// Only this resource; may be repeated
    #[arg(short, long, value_name = "NAME")]
    pub resource: Vec<String>,

    /// Only compare; print differences and the result
    #[arg(short, long)]
    pub quiet: bool,
}

pub(super) fn run(_args: &Args, _output: &mut Output<'_>) -> Result<u8, Failure> {
    Err(Failure::new(exit_code::SOFTWARE, &"not there yet"))
}
