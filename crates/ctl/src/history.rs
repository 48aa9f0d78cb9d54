//! `schrittmacherctl history`: what happened to the resources, over restarts of the daemon.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use schrittmacher_api::{HISTORY, HistoryAnswer, HistoryEntry};

use super::options::DaemonArgs;
use super::simulate::options::time;
use super::{CtlError, Output, ask};
use schrittmacher_text::{Escaped, exit_code};

/// Show what happened to the resources, also before the daemon's last start
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  schrittmacherctl history smsc-1 --since 24h
  schrittmacherctl history --since yesterday

The daemon keeps some ten thousand entries in state-directory. `explain` has more of the last few
switches: commands, reasons, and the peer's states.

Exit status:
  0  shown, be it nothing    66 no entry has such a resource
  69 no daemon runs")]
pub(crate) struct HistoryArgs {
    #[command(flatten)]
    pub daemon: DaemonArgs,

    /// The entries in JSON, one object on each line
    #[arg(short, long)]
    pub json: bool,

    /// Only what came after TIME: 30m, 24h or 7d ago, today, yesterday, 2026-11-28 or "2026-11-28 14:00"
    #[arg(long, value_name = "TIME", value_parser = since)]
    pub since: Option<Timestamp>,

    /// Only these resources
    #[arg(value_name = "RESOURCE")]
    pub resources: Vec<String>,
}

pub(super) fn run(args: &HistoryArgs, output: &mut Output<'_>) -> Result<u8, CtlError> {
    let answer = ask::get::<HistoryAnswer>(&args.daemon, HISTORY)?.value;
    let zone = TimeZone::system();
    for entry in &answer.entries {
        let when: Option<Timestamp> = entry.time.parse().ok();
        let is_new = args.since.is_none_or(|first| when.is_none_or(|when| when >= first));
        let is_meant = args.resources.is_empty() || args.resources.contains(&entry.resource);
        if is_new && is_meant {
            if args.json {
                output.line(&serde_json::to_string(entry).unwrap_or_default());
            } else {
                output.line(&line(entry, when, &zone));
            }
        }
    }
    unknown(&args.resources, &answer.entries).map_or(Ok(exit_code::OK), Err)
}

/// A name that occurs nowhere is a typing error. A resource that was removed has its entries still.
fn unknown(wanted: &[String], entries: &[HistoryEntry]) -> Option<CtlError> {
    let name = wanted.iter().find(|name| !entries.iter().any(|entry| entry.resource == **name))?;
    let why = format!("the history has no entry for a resource '{}'", Escaped(name));
    Some(CtlError::new(exit_code::NOINPUT, &why))
}

/// A moment in the past.
fn since(text: &str) -> Result<Timestamp, String> {
    since_at(text, &Zoned::now())
}

fn since_at(text: &str, now: &Zoned) -> Result<Timestamp, String> {
    let moment = match text {
        "today" => now.start_of_day(),
        "yesterday" => now.yesterday().and_then(|day| day.start_of_day()),
        _ => match text.parse::<DateTime>() {
            Ok(moment) => moment.to_zoned(now.time_zone().clone()),
            Err(_) => {
                let ago = time(text).map_err(|why| format!("{why}; or today, yesterday, a date"))?;
                now.checked_sub(ago)
            }
        },
    };
    moment.map(|moment| moment.timestamp()).map_err(|error| error.to_string())
}

fn line(entry: &HistoryEntry, when: Option<Timestamp>, zone: &TimeZone) -> String {
    let when = when.map_or_else(
        || Escaped(&entry.time).to_string(),
        |when| when.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S%.3f").to_string(),
    );
    let by = entry.by.as_deref().map(|by| format!(" (by {})", Escaped(by))).unwrap_or_default();
    format!("{when}  {}  {}{by}", Escaped(&entry.resource), Escaped(&entry.text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_without_an_entry_is_a_mistake() {
        let entry = serde_json::json!({
            "time": "2026-11-29T06:30:00Z", "resource": "smsc", "kind": "service", "text": "hot here"
        });
        let entries = [serde_json::from_value::<HistoryEntry>(entry).unwrap()];
        let unknown = |name: &str| unknown(&[name.to_owned()], &entries).map(|error| error.why);
        assert_eq!(unknown("smsc"), None);
        assert!(unknown("smcs").unwrap().contains("no entry for a resource 'smcs'"));
    }

    #[test]
    fn a_moment_is_a_time_ago_a_day_or_a_date() {
        let now: Zoned = "2026-11-29T06:30:00+01:00[Europe/Berlin]".parse().unwrap();
        let moment = |text: &str| since_at(text, &now).map(|moment| moment.to_string());
        for (text, expected) in [
            ("90m", "2026-11-29T04:00:00Z"),
            ("today", "2026-11-28T23:00:00Z"),
            ("yesterday", "2026-11-27T23:00:00Z"),
            ("2026-11-20", "2026-11-19T23:00:00Z"),
            ("2026-07-01 14:00", "2026-07-01T12:00:00Z"),
        ] {
            assert_eq!(moment(text).unwrap(), expected, "{text}");
        }
        assert!(moment("last night").unwrap_err().ends_with("or today, yesterday, a date"));
        // Before the beginning of all calendars.
        assert!(moment("366000000d").is_err());
    }
}
