//! `schrittmacherctl replay`: a flight record, fed through the state machine of this program.

use std::path::PathBuf;

use super::source::Source;
use super::timeline::{Detail, Timeline};
use super::{Failure, Output};
use crate::exit_code;

/// Read a flight record, feed it through this program, and say whether that does the same
#[derive(clap::Args)]
pub(crate) struct Args {
    /// What `schrittmacherctl record` wrote; `-` is standard input
    #[arg(value_name = "FILE")]
    pub file: PathBuf,

    /// Only this resource; may be repeated
    #[arg(short, long, value_name = "NAME")]
    pub resource: Vec<String>,

    /// Each heartbeat on a line of its own
    #[arg(short = 'A', long)]
    pub all: bool,

    /// No more than the differences and the result
    #[arg(short, long, conflicts_with = "all")]
    pub quiet: bool,
}

pub(super) fn run(args: &Args, output: &mut Output<'_>) -> Result<u8, Failure> {
    let mut source = Source::open(&args.file)?;
    let detail = if args.quiet { Detail::Differences } else { Detail::new(args.all) };
    let mut timeline = Timeline::new(source.header(), detail);
    let mut missing = args.resource.clone();
    while let Some(resource) = source.next()? {
        if args.resource.is_empty() || args.resource.contains(&resource.resource) {
            missing.retain(|name| *name != resource.resource);
            timeline.show(&resource, output);
        }
    }
    if let Some(name) = missing.first() {
        return Err(source.missing(name));
    }
    output.line(timeline.tally());
    Ok(if timeline.tally().is_same() { exit_code::OK } else { exit_code::DIFFERENT })
}
