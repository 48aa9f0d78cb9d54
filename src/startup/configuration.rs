//! The configuration that a start uses: the file's or, if that is broken, the last good one (edge-11).

use std::io;
use std::path::Path;
use std::time::SystemTime;

use log::error;
use schrittmacher_config::{LoadError, Loaded};

use super::console::{complain, print};
use crate::kept::{self, LastGood, NoCopy};
use crate::logging;
use crate::{units, witness};

/// Reads the configuration. One that needs what this program was built without is refused.
///
/// # Errors
///
/// It cannot be used, with every reason.
pub fn load(path: &Path) -> Result<Loaded, LoadError> {
    schrittmacher_config::load(path).and_then(units::usable).and_then(witness::usable)
}

/// The configuration that the daemon starts with.
pub struct FirstConfiguration {
    pub loaded: Loaded,
    /// The error of the file and the age of the last good configuration, if that is used instead.
    pub instead: Option<(LoadError, SystemTime)>,
}

impl FirstConfiguration {
    /// Reads the file or, if that is broken, the last good configuration (edge-11). An error is an exit status, and has
    /// been told.
    pub fn read(path: &Path) -> Result<FirstConfiguration, u8> {
        let error = match load(path) {
            Ok(loaded) => return Ok(FirstConfiguration { loaded, instead: None }),
            Err(error) => error,
        };
        match kept::last_good(path) {
            Ok(LastGood { loaded, since }) => {
                Ok(FirstConfiguration { loaded, instead: Some((error, since)) })
            }
            Err(no_copy) => {
                print(&mut io::stderr(), &schrittmacher_config::failure(&error));
                let status = error.exit_code();
                Err(match no_copy {
                    NoCopy::Missing => status,
                    NoCopy::Weaker => {
                        let why =
                            "the last good configuration is not used: the file may ask for more security";
                        complain(&why, status)
                    }
                })
            }
        }
    }

    /// Says everywhere in the log that the file is broken.
    pub fn tell(&self, path: &Path) {
        let Some((error, since)) = &self.instead else { return };
        for line in schrittmacher_config::failure(error).lines().filter(|line| !line.is_empty()) {
            error!("{line}");
        }
        error!(
            "{} is broken: going on with the configuration that was in force since {}. No resource goes hot whose \
             application is not hot already, until the file is corrected and read again (schrittmacherctl reload)",
            path.display(),
            logging::time(*since),
        );
    }
}
