//! `schrittmacherctl explain`: what happened lately, from the daemon itself.

use std::path::PathBuf;

use jiff::tz::TimeZone;

use super::options::DaemonArgs;
use super::source::Source;
use super::timeline::Timeline;
use super::{CtlError, Output, ask, merge, story};
use schrittmacher_text::exit_code;

/// Ask the daemon what happened to its resources, and why
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  schrittmacherctl explain smsc-1 | tail -20
  schrittmacherctl explain smsc-1 --record host-a.record --record host-b.record

Each line is something that happened: a change of this side's state with its reason, a new state of the
peer, a command with its result, an order. The daemon keeps the last 48 of each resource. --messages shows
what the state machine was told and did instead, as `replay` does.

Of several records each line names its host, and has the time of that host's clock.")]
pub(crate) struct ExplainArgs {
    #[command(flatten)]
    pub daemon: DaemonArgs,

    /// The messages of the protocol, and what was done about each; repeated ones are counted
    #[arg(short, long)]
    pub messages: bool,

    /// The same with each heartbeat on a line of its own
    #[arg(short = 'A', long)]
    pub all: bool,

    /// The facts in JSON, one object on each line
    #[arg(short, long, conflicts_with_all = ["messages", "all"])]
    pub json: bool,

    /// Read this file instead of asking a daemon; given twice, with the records of both hosts: one story of both sides
    #[arg(short, long = "record", value_name = "FILE", conflicts_with_all = ["config", "socket", "address"])]
    pub records: Vec<PathBuf>,

    /// Only these resources
    #[arg(value_name = "RESOURCE")]
    pub resources: Vec<String>,
}

pub(super) fn run(args: &ExplainArgs, output: &mut Output<'_>) -> Result<u8, CtlError> {
    let mut sources = match &args.records[..] {
        [] => vec![Source::new("the daemon's answer".into(), ask::record(&args.daemon, &args.resources)?)?],
        files => files.iter().map(|file| Source::open(file)).collect::<Result<Vec<_>, _>>()?,
    };
    if args.json || sources.len() > 1 && !(args.messages || args.all) {
        return merge::show(sources, &args.resources, args.json, output);
    }
    for source in &mut sources {
        let zone = TimeZone::system();
        let header = source.header().clone();
        let mut timeline = Timeline::new(&header, zone.clone(), args.all);
        while let Some(resource) = source.next()? {
            if !args.resources.is_empty() && !args.resources.contains(&resource.resource) {
                continue;
            }
            if args.messages || args.all {
                timeline.show(&resource, output);
            } else {
                story::show(&resource, &header, &zone, output);
            }
        }
    }
    Ok(exit_code::OK)
}
