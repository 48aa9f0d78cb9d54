//! The quality of a configuration, before it is used: the time of a failover, the rate of failovers without a cause, and the
//! availability, at a chosen loss and latency.
//!
//! Two whole nodes of ours are simulated ([`schrittmacher_simulator`]), with the values of the real file, many times with
//! different phases. Events too rare to be seen this way are computed, and marked so.

mod alarms;
mod availability;
pub(crate) mod options;
mod report;
mod scenario;
#[cfg(test)]
mod tests;

use std::path::Path;

use thiserror::Error;

use schrittmacher_config::settings;
use schrittmacher_config::{Config, LoadError};
use schrittmacher_text::exit_code;

use schrittmacher_protocol::Settings;

pub use self::options::SimulateArgs;

use self::report::{Report, ResourceReport};

/// Why nothing could be said.
#[derive(Debug, Error)]
pub enum SimulateError {
    /// A file cannot be read or used.
    #[error("{0}")]
    Config(#[from] LoadError),
    /// The two files are not those of a pair.
    #[error("{0}")]
    NoPair(String),
}

impl SimulateError {
    /// The exit status that goes with it.
    pub fn exit_code(&self) -> u8 {
        match self {
            SimulateError::Config(error) => error.exit_code(),
            SimulateError::NoPair(_) => exit_code::CONFIG,
        }
    }
}

/// Simulates every resource of the file. Returns what is to be printed.
///
/// # Errors
/// A file cannot be used, or the two have no resource in common.
pub fn run(args: &SimulateArgs) -> Result<String, SimulateError> {
    let ours = schrittmacher_config::load(&args.file)?.config;
    let theirs =
        args.peer.as_deref().map(schrittmacher_config::load).transpose()?.map(|loaded| loaded.config);
    let pairs = pairs(&ours, theirs.as_ref(), args.peer.as_deref())?;
    let mut resources: Vec<ResourceReport> = Vec::new();
    let mut known: Vec<([Settings; 2], usize)> = Vec::new();
    for (name, pair) in pairs {
        // A thousand resources are as a rule configured alike.
        let same = known.iter().find(|(settings, _)| *settings == pair).map(|(_, at)| *at);
        match same {
            Some(at) => resources[at].names.push(name),
            None => {
                known.push((pair.clone(), resources.len()));
                resources.push(ResourceReport::new(name, &pair, args));
            }
        }
    }
    Ok(Report { args, resources }.render())
}

/// Both sides' settings of each resource, by name.
fn pairs(
    ours: &Config,
    theirs: Option<&Config>,
    peer: Option<&Path>,
) -> Result<Vec<(String, [Settings; 2])>, SimulateError> {
    let pair = |resource: &schrittmacher_config::Resource| {
        let mine = settings(&ours.core, resource);
        let other = match theirs {
            None => Settings { local: mine.remote, remote: mine.local, ..mine },
            Some(config) => {
                let same = config.resources.iter().find(|other| other.name == resource.name)?;
                settings(&config.core, same)
            }
        };
        Some((resource.name.to_string(), [mine, other]))
    };
    let pairs: Vec<_> = ours.resources.iter().filter_map(pair).collect();
    if let (Some(theirs), Some(peer)) = (theirs, peer) {
        if theirs.core.local_address != ours.core.remote_address {
            return Err(SimulateError::NoPair(format!(
                "{}: local-address is {}, but the other file's remote-address is {}",
                peer.display(),
                theirs.core.local_address,
                ours.core.remote_address
            )));
        }
        if pairs.is_empty() {
            return Err(SimulateError::NoPair(format!("{}: none of the same resources", peer.display())));
        }
    }
    Ok(pairs)
}
