//! `schrittmacherctl explain`: what happened lately, from the daemon itself.

use jiff::tz::TimeZone;

use super::options::Daemon;
use super::source::Source;
use super::timeline::Timeline;
use super::{Failure, Output, daemon};
use crate::exit_code;

/// Ask the daemon what happened to its resources, and why
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    pub daemon: Daemon,

    /// Each heartbeat on a line of its own
    #[arg(short = 'A', long)]
    pub all: bool,

    /// Only these resources
    #[arg(value_name = "RESOURCE")]
    pub resources: Vec<String>,
}

pub(super) fn run(args: &Args, output: &mut Output<'_>) -> Result<u8, Failure> {
    let answer = daemon::record(&args.daemon, &args.resources)?;
    let mut source = Source::new("the daemon's answer".into(), answer)?;
    let mut timeline = Timeline::new(source.header(), TimeZone::system(), args.all);
    while let Some(resource) = source.next()? {
        timeline.show(&resource, output);
    }
    Ok(exit_code::OK)
}
