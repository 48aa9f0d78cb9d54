//! `schrittmacherctl logs`: which lines the daemon writes, and another level for some time.

use std::time::Duration;

use schrittmacher_api::{LOG, LogAnswer};

use super::options::DaemonArgs;
use super::simulate::options::time;
use super::{CtlError, Output, ask};
use schrittmacher_text::{exit_code, span};

/// Show which lines the daemon logs, or have it log more or fewer for some time
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  schrittmacherctl logs
  schrittmacherctl logs --level debug --for 5m
  schrittmacherctl logs --level info        back, if `log-level` is info

Debug tells each message and what was done about it. The other level ends by itself. A restart ends it
too, a reload does not. The lines are where they always are: in the journal, `log-file` and syslog.

Exit status:
  0  shown, or changed
  69 no daemon runs")]
pub(crate) struct LogsArgs {
    #[command(flatten)]
    pub daemon: DaemonArgs,

    /// The least severe level that is logged from now on
    #[arg(short, long, value_name = "LEVEL", value_parser = ["debug", "info", "warning", "major"])]
    pub level: Option<String>,

    /// For how long, like 30s or 2h; at most a day
    #[arg(long = "for", value_name = "TIME", value_parser = length, default_value = "10m", requires = "level")]
    pub length: Duration,

    /// The daemon's answer, for programs (docs/http-api.md)
    #[arg(short, long)]
    pub json: bool,
}

const LENGTH_MAX: Duration = Duration::from_secs(24 * 3600);

fn length(text: &str) -> Result<Duration, String> {
    let length = time(text)?;
    if length.is_zero() || length > LENGTH_MAX {
        return Err("another level holds for a day at most, and not for no time".to_owned());
    }
    Ok(length)
}

pub(super) fn run(args: &LogsArgs, output: &mut Output<'_>) -> Result<u8, CtlError> {
    let answer: ask::JsonAnswer<LogAnswer> = match &args.level {
        None => ask::get(&args.daemon, LOG)?,
        Some(level) => {
            let seconds = args.length.as_secs_f64();
            ask::post(&args.daemon, &format!("{LOG}?level={level}&seconds={seconds}"))?
        }
    };
    if args.json {
        output.text(&answer.text);
    } else {
        output.text(&told(&answer.value));
    }
    Ok(exit_code::OK)
}

fn told(answer: &LogAnswer) -> String {
    let LogAnswer { level, configured_level, seconds_left, places, left_out_lines } = answer;
    let mut text = match seconds_left {
        Some(seconds) => {
            let left = span(Duration::try_from_secs_f64(*seconds).unwrap_or_default());
            format!("level {level} for another {left}, then {configured_level} again (`log-level`)\n")
        }
        None => format!("level {level} (`log-level`)\n"),
    };
    for place in places {
        let lost = match place.lost_lines {
            0 => String::new(),
            lines => format!(": {lines} lines LOST since the start"),
        };
        text += &format!("to {}{lost}\n", place.place);
    }
    if *left_out_lines > 0 {
        text += &format!("{left_out_lines} lines above the limit of their resource were left out\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use schrittmacher_api::LogPlace;

    use super::*;

    #[test]
    fn what_is_not_as_usual_is_said() {
        let place = |place: &str, lost_lines| LogPlace { place: place.into(), lost_lines };
        let usual = LogAnswer {
            level: "info".into(),
            configured_level: "info".into(),
            seconds_left: None,
            places: vec![place("stderr", 0)],
            left_out_lines: 0,
        };
        assert_eq!(told(&usual), "level info (`log-level`)\nto stderr\n");
        let other = LogAnswer {
            level: "debug".into(),
            seconds_left: Some(300.0),
            places: vec![place("stderr", 0), place("file", 12)],
            left_out_lines: 7,
            ..usual
        };
        assert_eq!(
            told(&other),
            "level debug for another 5 min, then info again (`log-level`)\nto stderr\n\
             to file: 12 lines LOST since the start\n7 lines above the limit of their resource were left out\n"
        );
    }

    #[test]
    fn another_level_has_an_end() {
        assert!(length("1d").is_ok());
        for text in ["0", "25h", "long"] {
            assert!(length(text).is_err(), "{text}");
        }
    }
}
