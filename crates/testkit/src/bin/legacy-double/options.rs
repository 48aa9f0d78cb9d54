//! The command line of the double.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use schrittmacher_simulator::{Era, Report};
use schrittmacher_testkit::double::{Config, Generation, Settings};

/// How it is called.
pub const USAGE: &str = "\
usage: schrittmacher-legacy-double --local ADDRESS --remote ADDRESS [OPTION VALUE]...
  --generation 2.0.0|1.8.2         which daemon (2.0.0)
  --port N                         the peer port; 2.0.0 takes port + 1 too (7700)
  --resource NAME                  (r1); may be given again, and all other options are for each
  --priority N                     (0)
  --heartbeat-intervall SECONDS    (2)
  --start-action COMMAND           also --stop-action, --interface-activate, --interface-deactivate:
                                   run as that daemon runs them (none: the order is only printed)
  --app unknown|standby|hot        play the application too, and how it starts
  --era 1.8|1.15                   of the application (that of the daemon)
  --switching SECONDS              how long the application takes (0)
  --seed N                         of the random numbers (1)
  --lifetime SECONDS               then it ends by itself (600)
It prints STATE, ORDER and APP lines (of a further resource with its name) and takes lines on standard input: failover, takeover,
app fail|hang|resume|kill, app start unknown|standby|hot. It ends when that ends.";

/// The wishes of the command line.
#[derive(Clone, Debug)]
pub struct Options {
    /// Of each resource, but for its name.
    pub config: Config,
    pub resources: Vec<String>,
    pub port: u16,
    /// start, stop, activate, deactivate.
    pub commands: [Option<String>; 4],
    pub app: Option<Report>,
    pub era: Era,
    pub switching: Duration,
    pub seed: u64,
    pub lifetime: Duration,
}

impl Options {
    /// Reads the arguments.
    pub fn from_args(mut args: impl Iterator<Item = String>) -> Result<Options, String> {
        let nowhere = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        let settings = Settings {
            generation: Generation::V200,
            priority: 0,
            heartbeat_intervall: Duration::from_secs(2),
        };
        let mut options = Options {
            config: Config { settings, resource: String::new(), local: nowhere, remote: nowhere },
            resources: Vec::new(),
            port: 7700,
            commands: [const { None }; 4],
            app: None,
            era: Era::V115,
            switching: Duration::ZERO,
            seed: 1,
            lifetime: Duration::from_secs(600),
        };
        let mut era = None;
        while let Some(name) = args.next() {
            if name == "--help" {
                return Err(String::new());
            }
            let value = args.next().ok_or(format!("{name} needs a value"))?;
            let wrong = || format!("{name} can't be {value}");
            match name.as_str() {
                "--generation" => {
                    options.config.settings.generation = generation(&value).ok_or_else(wrong)?;
                }
                "--local" => options.config.local = value.parse().map_err(|_| wrong())?,
                "--remote" => options.config.remote = value.parse().map_err(|_| wrong())?,
                "--port" => {
                    options.port = value.parse().ok().filter(|port| *port < u16::MAX).ok_or_else(wrong)?;
                }
                "--resource" => options.resources.push(value),
                "--priority" => options.config.settings.priority = value.parse().map_err(|_| wrong())?,
                "--heartbeat-intervall" => {
                    options.config.settings.heartbeat_intervall = seconds(&value).ok_or_else(wrong)?;
                }
                "--start-action" => options.commands[0] = Some(value),
                "--stop-action" => options.commands[1] = Some(value),
                "--interface-activate" => options.commands[2] = Some(value),
                "--interface-deactivate" => options.commands[3] = Some(value),
                "--app" => options.app = Some(report(&value).ok_or_else(wrong)?),
                "--era" if value == "1.8" => era = Some(Era::V18),
                "--era" if value == "1.15" => era = Some(Era::V115),
                "--switching" => options.switching = seconds(&value).ok_or_else(wrong)?,
                "--seed" => options.seed = value.parse().map_err(|_| wrong())?,
                "--lifetime" => options.lifetime = seconds(&value).ok_or_else(wrong)?,
                "--era" => return Err(wrong()),
                _ => return Err(format!("unknown option {name}")),
            }
        }
        if options.config.local == nowhere || options.config.remote == nowhere {
            return Err("--local and --remote are needed".to_owned());
        }
        if options.resources.is_empty() {
            options.resources.push("r1".to_owned());
        }
        options.era = era.unwrap_or(match options.config.settings.generation {
            Generation::V182 => Era::V18,
            Generation::V200 => Era::V115,
        });
        Ok(options)
    }
}

/// A report by its name.
pub fn report(text: &str) -> Option<Report> {
    match text {
        "unknown" => Some(Report::Unknown),
        "standby" => Some(Report::Standby),
        "hot" => Some(Report::Hot),
        _ => None,
    }
}

fn generation(text: &str) -> Option<Generation> {
    match text {
        "2.0.0" => Some(Generation::V200),
        "1.8.2" => Some(Generation::V182),
        _ => None,
    }
}

fn seconds(text: &str) -> Option<Duration> {
    text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
}
