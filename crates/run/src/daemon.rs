//! Where the daemon listens.

use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};

use schrittmacher_config::{Config, LoadError, find, load};
use schrittmacher_wire::RUN_DIRECTORY;

use crate::options::Options;
use crate::say;

/// The default of the legacy client library.
const PORT: u16 = 7701;

/// Where the daemon listens to applications.
#[derive(Debug, PartialEq, Eq)]
pub struct Daemon {
    pub address: String,
    pub port: u16,
    /// Where it has its Unix socket for applications.
    pub run_directory: PathBuf,
    /// How we know, for people.
    pub origin: String,
    /// The file by which the daemon says that it has left its applications alone on purpose, if we know it.
    pub left_alone: Option<PathBuf>,
}

/// The file that was named cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{why}")]
pub struct Unusable {
    pub exit_code: u8,
    why: String,
}

impl Daemon {
    /// From the options; what they leave open from the daemon's configuration; if there is none, the defaults.
    pub fn find(options: &Options) -> Result<Daemon, Unusable> {
        if let (Some(address), Some(port), None) = (&options.daemon, options.port, &options.config) {
            let origin = "as the options say".to_owned();
            let (address, run_directory) = (address.clone(), RUN_DIRECTORY.into());
            return Ok(Daemon { address, port, run_directory, origin, left_alone: None });
        }
        let found = configuration(options)?;
        if let Some((path, config)) = &found {
            warn_of_unknown_resource(path, config, &options.resource);
        }
        let origin = match &found {
            Some((path, _)) => format!("as {} and the options say", path.display()),
            None => "which is the default where --config, --daemon and --port say nothing".to_owned(),
        };
        let config = found.map(|(_, config)| config);
        let run_directory =
            config.as_ref().map_or(RUN_DIRECTORY.into(), |config| config.core.run_directory.clone());
        let left_alone = config.as_ref().map(|config| config.core.left_alone_file());
        let address = options.daemon.clone().unwrap_or_else(|| app_address(config.as_ref()).to_string());
        let port = options.port.unwrap_or_else(|| config.map_or(PORT, |config| config.core.port + 1));
        Ok(Daemon { address, port, run_directory, origin, left_alone })
    }

    /// The file by which the daemon says so, if it has ended and left its applications alone on purpose.
    pub fn has_left_alone(&self) -> Option<&Path> {
        self.left_alone.as_deref().filter(|path| path.exists())
    }
}

/// The daemon listens on the loopback address, and in its place on its own one if that is a loopback address (A4).
fn app_address(config: Option<&Config>) -> IpAddr {
    let local = config.map(|config| config.core.local_address);
    local.filter(IpAddr::is_loopback).unwrap_or(Ipv4Addr::LOCALHOST.into())
}

/// A file that was named has to be right. One that was found helps if it can be read.
fn configuration(options: &Options) -> Result<Option<(PathBuf, Config)>, Unusable> {
    let Some(path) = options.config.clone().or_else(|| find().ok()) else { return Ok(None) };
    match load(&path) {
        Ok(loaded) => Ok(Some((path, loaded.config))),
        Err(error) if options.config.is_some() => Err(unusable(&error)),
        Err(error) => {
            let error = unusable(&error);
            say(format_args!("{error}; what the options do not say is the default: 127.0.0.1, port {PORT}"));
            Ok(None)
        }
    }
}

fn unusable(error: &LoadError) -> Unusable {
    let text = error.to_string();
    let first = text.lines().next().unwrap_or_default();
    Unusable { exit_code: error.exit_code(), why: format!("the daemon's configuration: {first}") }
}

fn warn_of_unknown_resource(path: &Path, config: &Config, name: &str) {
    let mut names = config.resources.iter().map(|resource| &*resource.name);
    if !names.clone().any(|known| known == name) {
        let (path, known) = (path.display(), names.by_ref().collect::<Vec<_>>().join(", "));
        say(format_args!(
            "{path} has no resource {name:?}, so the daemon will order nothing; it has: {known}"
        ));
    }
}
