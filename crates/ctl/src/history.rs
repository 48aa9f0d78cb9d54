//! `schrittmacherctl history`: what happened to the resources, over restarts of the daemon.

use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use schrittmacher_api::{HISTORY, HistoryAnswer, HistoryEntry};

use super::options::DaemonArgs;
use super::simulate::options::time;
use super::{CtlError, Output, ask};
use schrittmacher_text::{Escaped, exit_code};

/// Show what happened to the resources, also before the daemon's last start
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  schrittmacherctl history smsc-1 --since 24h

The daemon keeps some ten thousand entries in state-directory. `explain` has more of the last few
switches: commands, reasons, and the peer's states.")]
pub(crate) struct HistoryArgs {
    #[command(flatten)]
    pub daemon: DaemonArgs,

    /// The entries in JSON, one object on each line
    #[arg(short, long)]
    pub json: bool,

    /// Only the last TIME, like 30m, 24h or 7d
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub since: Option<Duration>,

    /// Only these resources
    #[arg(value_name = "RESOURCE")]
    pub resources: Vec<String>,
}

pub(super) fn run(args: &HistoryArgs, output: &mut Output<'_>) -> Result<u8, CtlError> {
    let answer = ask::get::<HistoryAnswer>(&args.daemon, HISTORY)?.value;
    let first = args.since.and_then(|since| {
        Timestamp::now().checked_sub(SignedDuration::try_from(since).unwrap_or(SignedDuration::MAX)).ok()
    });
    let zone = TimeZone::system();
    for entry in &answer.entries {
        let when: Option<Timestamp> = entry.time.parse().ok();
        let is_new = first.is_none_or(|first| when.is_none_or(|when| when >= first));
        let is_meant = args.resources.is_empty() || args.resources.contains(&entry.resource);
        if is_new && is_meant {
            if args.json {
                output.line(&serde_json::to_string(entry).unwrap_or_default());
            } else {
                output.line(&line(entry, when, &zone));
            }
        }
    }
    Ok(exit_code::OK)
}

fn line(entry: &HistoryEntry, when: Option<Timestamp>, zone: &TimeZone) -> String {
    let when = when.map_or_else(
        || Escaped(&entry.time).to_string(),
        |when| when.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S%.3f").to_string(),
    );
    let by = entry.by.as_deref().map(|by| format!(" (by {})", Escaped(by))).unwrap_or_default();
    format!("{when}  {}  {}{by}", Escaped(&entry.resource), Escaped(&entry.text))
}
