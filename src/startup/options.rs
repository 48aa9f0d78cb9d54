//! The command line (C3).

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Parser;
use schrittmacher_config::NoConfigFile;
use schrittmacher_text::exit_code;
use thiserror::Error;

/// The wishes of the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The configuration file, as it was named; `None`: look for it, see [`schrittmacher_config::find`].
    pub config_file: Option<PathBuf>,
    /// Be the daemon, or only look at the configuration.
    pub mode: Mode,
    /// `--daemonize`: go to the background.
    pub daemonize: bool,
    /// `--pidfile`.
    pub pid_file: Option<PathBuf>,
    /// `--make-pidfile`: make the pid file if it does not exist.
    pub make_pid_file: bool,
    /// `--parachute`: supervise the daemon.
    pub parachute: bool,
}

/// The use of the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Run the daemon.
    Run,
    /// `--check`: print what was understood, and end.
    Check {
        /// `--json`: as JSON.
        json: bool,
    },
}

/// The program ends before it has begun. As text: what to print, with its line feed.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum Early {
    /// `--help` or `--version` was asked for: text for standard output, success.
    #[error("{0}")]
    Answer(String),
    /// The command line is wrong: text for standard error.
    #[error("{0}")]
    Usage(String),
    /// No configuration file was named and none found: text for standard error.
    #[error("error: {0}; name one: schrittmacher FILE\n")]
    NoConfig(#[from] NoConfigFile),
}

impl Early {
    /// The exit status that goes with it.
    pub fn exit_code(&self) -> u8 {
        match self {
            Early::Answer(_) => exit_code::OK,
            Early::Usage(_) => exit_code::USAGE,
            Early::NoConfig(_) => exit_code::NOINPUT,
        }
    }
}

const EXAMPLES: &str = "\
Examples:
  schrittmacher --check my.conf    is the file right, and what was understood?
  schrittmacher my.conf            run in the foreground; log lines go to standard error

Files:
  /etc/schrittmacher/schrittmacher.conf, /etc/schrittmacher/schrittmacher.toml,
  ./schrittmacher.conf, ./schrittmacher.toml
                                   looked for in this order if no file is named

Signals:
  SIGTERM, SIGINT  hand over to the other node if it can take over, then end; twice: end at once
  SIGQUIT          end at once; the application and its address stay as they are (with policy = consistent: as SIGTERM)
  SIGHUP           read the configuration again
  With --parachute the supervisor takes them.

Exit status:
  0   all is well            70  a defect of the program
  64  wrong command line     71  the system refused a thread, a socket or the like
  66  no configuration file  73  a file cannot be created
  78  wrong configuration    77  a permission is missing";

/// Broken by hand: clap's own wrapping asks the terminal and costs another dependency.
const ABOUT: &str = "\
schrittmacher keeps one of two hosts hot: it watches the application on this host,
agrees with the daemon on the other host which of the two is active, and switches
over when that one fails.";

#[derive(Parser)]
#[command(name = "schrittmacher", version, about = ABOUT, after_help = EXAMPLES)]
struct Args {
    /// The configuration file
    #[arg(value_name = "FILE", conflicts_with = "config_file")]
    file: Option<PathBuf>,

    /// The configuration file, as start scripts of the older program name it
    #[arg(long, value_name = "FILE")]
    config_file: Option<PathBuf>,

    /// Check the configuration, print what was understood, and end
    #[arg(long)]
    check: bool,

    /// With --check: print it as JSON
    #[arg(long, requires = "check")]
    json: bool,

    /// Go to the background; return when the daemon is ready, or with its exit status if it can't start
    #[arg(long)]
    daemonize: bool,

    /// Write the process number into FILE and keep it locked, so that a second daemon with this file refuses
    /// to start. With --parachute it is the supervisor's number. Without --make-pidfile FILE has to be there
    /// already
    #[arg(long, value_name = "FILE")]
    pidfile: Option<PathBuf>,

    /// Make the file of --pidfile, and remove it at the end
    #[arg(long)]
    make_pidfile: bool,

    /// Supervise the daemon with a second process that starts it again when it dies. Not needed under a
    /// service manager
    #[arg(long)]
    parachute: bool,
}

/// Reads the command line; `args` begins with the program's name, as [`std::env::args_os`] does.
///
/// # Errors
///
/// Everything that ends the program at once, `--help` and `--version` included.
pub fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Options, Early> {
    let args = Args::try_parse_from(args).map_err(|error| {
        let text = error.to_string();
        if error.use_stderr() { Early::Usage(text) } else { Early::Answer(text) }
    })?;
    Ok(Options {
        config_file: args.file.or(args.config_file),
        mode: if args.check { Mode::Check { json: args.json } } else { Mode::Run },
        daemonize: args.daemonize,
        pid_file: args.pidfile,
        make_pid_file: args.make_pidfile,
        parachute: args.parachute,
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use clap::CommandFactory;

    use super::*;
    use schrittmacher_testkit::man;

    fn parsed(args: &[&str]) -> Result<Options, Early> {
        parse(std::iter::once("schrittmacher").chain(args.iter().copied()).map(OsString::from))
    }

    fn usage_error(args: &[&str]) -> String {
        let error = parsed(args).unwrap_err();
        assert_eq!(error.exit_code(), exit_code::USAGE, "{error}");
        error.to_string()
    }

    #[test]
    fn the_definition_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn a_file_may_be_named_in_both_ways() {
        let none = Options {
            config_file: None,
            mode: Mode::Run,
            daemonize: false,
            pid_file: None,
            make_pid_file: false,
            parachute: false,
        };
        let expected = Options { config_file: Some("x.conf".into()), ..none.clone() };
        assert_eq!(parsed(&["x.conf"]), Ok(expected.clone()));
        assert_eq!(parsed(&["--config-file", "x.conf"]), Ok(expected.clone()));
        assert_eq!(parsed(&["--config-file=x.conf"]), Ok(expected));
        assert_eq!(parsed(&[]), Ok(none));
        usage_error(&["x.conf", "--config-file", "y.conf"]);
        usage_error(&["x.conf", "y.conf"]);
    }

    #[test]
    fn check_and_json() {
        let mode = |args: &[&str]| parsed(args).unwrap().mode;
        assert_eq!(mode(&["--check", "x.conf"]), Mode::Check { json: false });
        assert_eq!(mode(&["--check", "--json", "x.conf"]), Mode::Check { json: true });
        usage_error(&["--json", "x.conf"]);
    }

    #[test]
    fn version_is_success_and_the_real_one() {
        let answer = parsed(&["--version"]).unwrap_err();
        assert_eq!(answer, Early::Answer(format!("schrittmacher {}\n", env!("CARGO_PKG_VERSION"))));
        assert_eq!(answer.exit_code(), exit_code::OK);
    }

    #[test]
    fn help_names_what_works() {
        let answer = parsed(&["--help"]).unwrap_err();
        assert_eq!(answer.exit_code(), exit_code::OK);
        let help = answer.to_string();
        for word in
            ["--config-file <FILE>", "--check", "--json", "--version", "SIGTERM", "SIGQUIT", "78", "Examples"]
                .into_iter()
                .chain(["--daemonize", "--pidfile <FILE>", "--make-pidfile", "--parachute"])
        {
            assert!(help.contains(word), "{word}:\n{help}");
        }
    }

    /// As start scripts of the legacy program have them (D36).
    #[test]
    fn the_options_of_the_manual_are_known() {
        let options = parsed(&[
            "--config-file",
            "x.conf",
            "--daemonize",
            "--make-pidfile",
            "--pidfile",
            "/run/x.pid",
            "--parachute",
        ])
        .unwrap();
        assert!(options.daemonize && options.make_pid_file && options.parachute);
        assert_eq!(options.pid_file.as_deref(), Some(Path::new("/run/x.pid")));
    }

    #[test]
    fn a_mistyped_option_gets_a_hint() {
        let error = usage_error(&["--config-fiel", "x.conf"]);
        assert!(error.contains("--config-file"), "{error}");
        assert!(error.contains("--help"), "{error}");
    }

    /// The options, then what `--help` says after them, a section for each of its paragraphs.
    #[test]
    fn manual_page() {
        let mut page =
            man::begin("schrittmacher", "8", "System Administration", "keeps one of two hosts hot");
        let generated = clap_mangen::Man::new(Args::command());
        generated.render_synopsis_section(&mut page).unwrap();
        generated.render_description_section(&mut page).unwrap();
        generated.render_options_section(&mut page).unwrap();
        man::end(page, "schrittmacher.8", EXAMPLES, "`schrittmacher.conf`(5), `schrittmacherctl`(8)");
    }
}
