//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use lexopt::prelude::{Long, Short, Value, ValueExt};
use schrittmacherclient::CurrentState;

/// The text of `--help`.
pub const USAGE: &str = "\
Usage: schrittmacher-testapp --resource NAME [OPTION...]

  --resource NAME       the resource's name in the daemon's configuration
  --daemon ADDRESS      the daemon's address (default 127.0.0.1)
  --port PORT           the daemon's port for applications (default 7701)
  --run-directory PATH  where the daemon's Unix sockets are (default /run/schrittmacher)
  --start-as STATE      first report: unknown (default), standby or hot
  --switch-time MS      how long going hot or standby takes (default 0)
  --heartbeat MS        heartbeat interval (default 1500)
  --lose-first-signal   ignore the first SIGUSR1
  --no-pid              report no pid
  --pid N               report this pid
  --fork-after-init     go on in a child process, and report the pid of the dead parent
  --one-shot            send one report and exit
  --fail-after MS       report failure this long after the start

On standard input, one a line: hot standby unknown fail takeover failover quit
On standard output, one a line: READY pid, STATE state, SIGNAL USR1|USR2, LOST USR1, REQUEST what, ERROR text
";

/// The wishes of the command line.
pub struct Options {
    pub resource: String,
    pub daemon: Option<String>,
    pub port: u16,
    pub run_directory: Option<PathBuf>,
    pub start_as: CurrentState,
    pub switch_time: Duration,
    pub heartbeat: Option<Duration>,
    pub lose_first_signal: bool,
    pub pid: ReportedPid,
    pub one_shot: bool,
    pub fail_after: Option<Duration>,
}

/// Which process the reports name.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum ReportedPid {
    Own,
    None,
    Other(u32),
    /// The parent, which exits.
    DeadParent,
}

impl Options {
    /// Reads the command line; none if it asks for help.
    pub fn parse() -> Result<Option<Options>, lexopt::Error> {
        let mut options = Options {
            resource: String::new(),
            daemon: None,
            port: 7701,
            run_directory: None,
            start_as: CurrentState::Unknown,
            switch_time: Duration::ZERO,
            heartbeat: None,
            lose_first_signal: false,
            pid: ReportedPid::Own,
            one_shot: false,
            fail_after: None,
        };
        let mut parser = lexopt::Parser::from_env();
        while let Some(argument) = parser.next()? {
            match argument {
                Long("resource") => options.resource = parser.value()?.string()?,
                Long("daemon") => options.daemon = Some(parser.value()?.string()?),
                Long("port") => options.port = parser.value()?.parse()?,
                Long("run-directory") => options.run_directory = Some(parser.value()?.into()),
                Long("start-as") => options.start_as = parser.value()?.parse_with(state)?,
                Long("switch-time") => options.switch_time = parser.value()?.parse_with(millis)?,
                Long("heartbeat") => options.heartbeat = Some(parser.value()?.parse_with(millis)?),
                Long("lose-first-signal") => options.lose_first_signal = true,
                Long("no-pid") => options.pid = ReportedPid::None,
                Long("pid") => options.pid = ReportedPid::Other(parser.value()?.parse()?),
                Long("fork-after-init") => options.pid = ReportedPid::DeadParent,
                Long("one-shot") => options.one_shot = true,
                Long("fail-after") => options.fail_after = Some(parser.value()?.parse_with(millis)?),
                Long("help") => return Ok(None),
                Long(_) | Short(_) | Value(_) => return Err(argument.unexpected()),
            }
        }
        if options.resource.is_empty() { Err("--resource is missing".into()) } else { Ok(Some(options)) }
    }
}

/// A state by the name that this program gives it.
pub fn state(name: &str) -> Result<CurrentState, String> {
    match name {
        "unknown" => Ok(CurrentState::Unknown),
        "standby" => Ok(CurrentState::Inactive),
        "hot" => Ok(CurrentState::Active),
        "fail" => Ok(CurrentState::Failed),
        _ => Err(format!("no such state: {name}")),
    }
}

fn millis(text: &str) -> Result<Duration, std::num::ParseIntError> {
    text.parse().map(Duration::from_millis)
}
