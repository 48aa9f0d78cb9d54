//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::Parser;
use clap::builder::RangedU64ValueParser;
use nix::sys::signal::Signal;

/// Broken by hand: clap's own wrapping asks the terminal and costs another dependency.
const ABOUT: &str = "\
Makes COMMAND an application of schrittmacher: starts it when this host becomes hot,
stops it when this host becomes standby, and reports its end as a failure, so that the
other host takes over.";

const AFTER: &str = "\
Examples:
  schrittmacher-run --resource cache -- redis-server --dir /var/lib/redis
  schrittmacher-run --resource web --stop-signal QUIT \\
      --check 'curl -fs -o /dev/null http://127.0.0.1/' -- nginx -g 'daemon off;'

Signals:
  SIGUSR1                 become hot
  SIGUSR2                 become standby
  SIGTERM, SIGINT, SIGHUP stop the command, then report a failure, so that the other host
                          takes over, then end. To switch without a failure, order the
                          failover at the daemon first

Exit status:
  0   ended by a signal          71  the system refused something at the start, or the
  64  wrong command line             daemon's address cannot be resolved
  66  no such file: --config     78  the file of --config is wrong";

/// What the command line asks for.
#[derive(Debug, Parser)]
// The unit has options of its own, and those of the operator come after them.
#[command(name = "schrittmacher-run", version, about = ABOUT, after_help = AFTER, args_override_self = true)]
pub struct Options {
    /// The resource's name in the daemon's configuration
    #[arg(long, value_name = "NAME", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub resource: String,

    /// The daemon's configuration file, which says where it listens. Default: the file that the daemon itself looks
    /// for; if that cannot be read, 127.0.0.1 and 7701
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// The daemon's address, in place of the one that the configuration gives
    #[arg(long, value_name = "ADDRESS")]
    pub daemon: Option<String>,

    /// The daemon's port for applications, in place of `port` of the configuration plus one
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    pub port: Option<u16>,

    /// A command for sh(1) whose exit status is 0 while all is well. A command that was just started is hot when it
    /// has passed its first check; later one check that fails is a failure. What it writes to its standard output is
    /// not shown, its errors are
    #[arg(long, value_name = "COMMAND")]
    pub check: Option<OsString>,

    /// Seconds between two checks, and the longest that one may take
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = seconds(1))]
    pub check_interval: Duration,

    /// The signal that stops the command, by name or number: TERM, INT, QUIT, 15 …
    #[arg(long, value_name = "SIGNAL", default_value = "TERM", value_parser = signal)]
    pub stop_signal: Signal,

    /// Seconds from the stop signal to SIGKILL
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = seconds(0))]
    pub stop_timeout: Duration,

    /// Seconds until a failed command may be started again; 0 for never
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds(0))]
    pub recover_after: Duration,

    /// Stop the command when the daemon was there and has not listened for this many seconds, since the other host
    /// takes over. Default: the command goes on
    #[arg(long, value_name = "SECONDS", value_parser = seconds(1))]
    pub daemon_lost: Option<Duration>,

    /// The command and its arguments. It has to stay in the foreground
    #[arg(value_name = "COMMAND", required = true, trailing_var_arg = true)]
    pub command: Vec<OsString>,
}

/// Whole seconds up to a day.
fn seconds(least: u64) -> impl clap::builder::TypedValueParser<Value = Duration> {
    use clap::builder::TypedValueParser;
    RangedU64ValueParser::<u64>::new().range(least..=86_400).map(Duration::from_secs)
}

/// `TERM`, `SIGTERM`, `term` or `15`.
fn signal(text: &str) -> Result<Signal, String> {
    let upper = text.to_ascii_uppercase();
    let name = if upper.starts_with("SIG") { upper } else { format!("SIG{upper}") };
    let by_number = || Signal::try_from(text.parse::<i32>().ok()?).ok();
    Signal::from_str(&name)
        .ok()
        .or_else(by_number)
        .filter(|signal| !matches!(signal, Signal::SIGSTOP | Signal::SIGCONT))
        .ok_or_else(|| "not the name or number of a signal that can stop a command; see kill -l".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;
    use roff::Roff;
    use schrittmacher_testkit::man;

    use super::*;

    fn parsed(args: &[&str]) -> Result<Options, clap::Error> {
        Options::try_parse_from([&["schrittmacher-run"], args].concat())
    }

    #[test]
    fn the_definition_is_consistent() {
        Options::command().debug_assert();
    }

    /// As in `schrittmacher-run@.service`, whose OPTIONS come after its own.
    #[test]
    fn the_last_one_of_an_option_counts() {
        let words =
            ["schrittmacher-run", "--resource=r", "--daemon-lost", "3", "--daemon-lost", "1", "--", "true"];
        let options = Options::try_parse_from(words).unwrap();
        assert_eq!(options.daemon_lost, Some(Duration::from_secs(1)));
    }

    #[test]
    fn the_command_may_follow_with_and_without_two_dashes() {
        for words in [
            &["--resource", "r1", "--", "sleep", "-x", "--check"][..],
            &["--resource=r1", "sleep", "-x", "--check"],
        ] {
            let options = parsed(words).unwrap();
            assert_eq!(options.command, ["sleep", "-x", "--check"]);
            assert!(options.check.is_none());
        }
        for wrong in [&["--resource", "r1"][..], &["sleep"], &["--resource", "", "sleep"]] {
            assert!(parsed(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn values_out_of_range_are_refused() {
        let with = |option: &str, value: &str| parsed(&["--resource", "r1", option, value, "sleep"]);
        assert_eq!(with("--check-interval", "86400").unwrap().check_interval, Duration::from_secs(86_400));
        assert!(with("--stop-timeout", "0").unwrap().stop_timeout.is_zero());
        for (option, value) in [
            ("--check-interval", "0"),
            ("--check-interval", "1.5"),
            ("--stop-timeout", "86401"),
            ("--recover-after", "-1"),
            ("--daemon-lost", "0"),
            ("--port", "0"),
            ("--port", "65536"),
        ] {
            assert!(with(option, value).is_err(), "{option} {value}");
        }
    }

    #[test]
    fn a_signal_has_names_and_a_number() {
        for text in ["QUIT", "SIGQUIT", "quit", "3"] {
            assert_eq!(signal(text), Ok(Signal::SIGQUIT), "{text}");
        }
        for text in ["STOP", "SIGCONT", "0", "-3", "99", "RTMIN", ""] {
            assert!(signal(text).is_err(), "{text}");
        }
    }

    /// The options, what `--help` says after them, and the prose that only the manual has.
    #[test]
    fn manual_page() {
        let about = "makes any command an application of schrittmacher(8)";
        let mut page = man::begin("schrittmacher-run", "1", "User Commands", about);
        let generated = clap_mangen::Man::new(Options::command());
        generated.render_synopsis_section(&mut page).unwrap();
        let (description, notes) = include_str!("manual.txt").split_once("\nChecks\n").unwrap();
        page.extend(prose(description).into_bytes());
        generated.render_options_section(&mut page).unwrap();
        page.extend(prose(&format!("Checks\n{notes}")).into_bytes());
        man::end(page, "schrittmacher-run.1", AFTER, "`schrittmacher`(8), `schrittmacher.conf`(5)");
    }

    /// Paragraphs. A short one without a full stop is a title, an indented one stays as it is.
    fn prose(text: &str) -> String {
        let mut page = Roff::new();
        let mut after_title = false;
        for paragraph in text.trim().split("\n\n") {
            if paragraph.starts_with("    ") {
                man::verbatim(&mut page, paragraph);
            } else if paragraph.len() < 40 && !paragraph.contains('.') {
                man::section(&mut page, &paragraph.to_uppercase());
                after_title = true;
                continue;
            } else {
                if !after_title {
                    page.control("PP", []);
                }
                page.text(man::inlines(paragraph));
            }
            after_title = false;
        }
        page.render()
    }
}
