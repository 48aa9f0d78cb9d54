//! `schrittmacherctl replay`: a flight record, fed through the state machine of this program.

use std::fmt;
use std::path::PathBuf;

use jiff::tz::TimeZone;

use super::compare::compare;
use super::source::Source;
use super::timeline::Timeline;
use super::{CtlError, Output};
use schrittmacher_record::ResourceRecord;
use schrittmacher_text::exit_code;

/// Read a flight record, feed it through this program, and say whether that does the same
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  schrittmacherctl replay host-a.record --resource smsc-1")]
pub(crate) struct ReplayArgs {
    /// The output of `schrittmacherctl record`; `-` is standard input
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

pub(super) fn run(args: &ReplayArgs, output: &mut Output<'_>) -> Result<u8, CtlError> {
    let mut source = Source::open(&args.file)?;
    let mut timeline = Timeline::new(source.header(), TimeZone::system(), args.all);
    let mut tally = Tally::default();
    let mut missing = args.resource.clone();
    while let Some(record) = source.next()? {
        let name = &record.resource;
        if !args.resource.is_empty() && !args.resource.contains(name) {
            continue;
        }
        missing.retain(|missing| missing != name);
        if !args.quiet {
            timeline.show(&record, output);
        }
        let differences = compare(&record);
        differences.iter().for_each(|difference| timeline.difference(name, difference, output));
        tally.add(&record, differences.len());
    }
    if let Some(name) = missing.first() {
        return Err(source.missing(name));
    }
    output.line(&tally);
    Ok(if tally.differences == 0 { exit_code::OK } else { exit_code::DIFFERENT })
}

/// The counts of a replay.
#[derive(Default)]
struct Tally {
    resources: usize,
    inputs: usize,
    changes: usize,
    differences: usize,
}

impl Tally {
    fn add(&mut self, record: &ResourceRecord, differences: usize) {
        self.resources += 1;
        self.differences += differences;
        for (_, reaction) in record.segments.iter().flat_map(|segment| segment.inputs()) {
            self.inputs += 1;
            self.changes += reaction.transitions.iter().filter(|step| step.is_change()).count();
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Tally { resources, inputs, changes, differences } = self;
        write!(
            f,
            "{resources} resource(s), {inputs} inputs, {changes} changes of state: this program does "
        )?;
        match differences {
            0 => write!(f, "the same"),
            _ => write!(f, "something else, in {differences} place(s)"),
        }
    }
}
