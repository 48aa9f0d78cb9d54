//! `schrittmacherctl top`, and `status --watch`: the status again and again.

use std::thread;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use schrittmacher_api::{DaemonStatus, STATUS};

use super::options::DaemonArgs;
use super::screen::Screen;
use super::simulate::options::time;
use super::status::{problems_first, table};
use super::{CtlError, Output, ask};
use schrittmacher_text::exit_code;

/// Show the status again and again, problems first, as much as the terminal holds
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  schrittmacherctl top
  schrittmacherctl top --every 200ms
  schrittmacherctl top --json | jq --unbuffered .summary

Ctrl-C ends it. While no daemon answers it says so, and goes on looking. `status --watch` is the same.

Exit status:
  0  the reader of a pipe has gone
  69 with --json: no daemon runs")]
pub(crate) struct TopArgs {
    #[command(flatten)]
    pub daemon: DaemonArgs,

    /// Look each TIME; the daemon gives newer facts ten times a second
    #[arg(short, long, value_name = "TIME", value_parser = time, default_value = "1s")]
    pub every: Duration,

    /// The daemon's answers, one on each line, for programs (docs/http-api.md)
    #[arg(short, long)]
    pub json: bool,
}

/// The least pause: the daemon gives no newer facts sooner.
const PAUSE_MIN: Duration = Duration::from_millis(100);

/// To the top left. Each line is then written over, and its rest is empty: a screen that is emptied first would flicker.
const BEGIN: &str = "\x1b[H";
const END_OF_LINE: &str = "\x1b[K\n";
const END: &str = "\x1b[J";

pub(super) fn run(args: &TopArgs, output: &mut Output<'_>) -> Result<u8, CtlError> {
    if !args.json {
        return watch(&args.daemon, args.every, output);
    }
    while !output.is_broken() {
        let seen = ask::get::<DaemonStatus>(&args.daemon, STATUS)?;
        output.line(&serde_json::to_string(&seen.value).unwrap_or_default());
        output.flush();
        thread::sleep(args.every.max(PAUSE_MIN));
    }
    Ok(exit_code::OK)
}

/// Ends when the reader has gone.
pub(super) fn watch(daemon: &DaemonArgs, pause: Duration, output: &mut Output<'_>) -> Result<u8, CtlError> {
    while !output.is_broken() {
        // It may be another size by now.
        let screen = Screen::of_stdout();
        let now = Timestamp::now();
        let mut text = now.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S\n").to_string();
        match ask::get::<DaemonStatus>(daemon, STATUS) {
            Ok(answer) => {
                let mut status = answer.value;
                problems_first(&mut status);
                // The line with the time, and the one that the cursor is on at the end.
                let room = Screen { height: screen.height.map(|lines| lines.saturating_sub(2)), ..screen };
                text += &table(&status, now, &TimeZone::system(), room);
            }
            Err(error) => text += &format!("{}\n", error.why),
        }
        match screen.height {
            Some(_) => {
                output.text(&format_args!("{BEGIN}{}{END}", text.replace('\n', END_OF_LINE)));
            }
            None => output.text(&text),
        }
        output.flush();
        thread::sleep(pause.max(PAUSE_MIN));
    }
    Ok(exit_code::OK)
}
