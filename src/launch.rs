//! What stands around the daemon if its options ask for it: the background, the pid file, the supervisor
//! (C3).

use std::io;
use std::path::Path;

use crate::daemon::{self, complain};
use crate::daemonize::{self, Caller, Side};
use crate::exit_code;
use crate::logging::Logging;
use crate::options::Options;
use crate::parachute::{self, Role};
use crate::pidfile::{PidFile, PidFileError};

/// Goes to the background, takes the pid file and leaves a supervisor behind, as far as that is wanted; then
/// starts the daemon; returns the exit status of this process. No thread may have been started yet.
pub fn launch(options: &Options, path: &Path) -> u8 {
    let mut waiting = Waiting::default();
    if options.daemonize {
        match daemonize::detach() {
            Ok(Side::Caller(status)) => return status,
            Ok(Side::Background(caller)) => waiting.caller = Some(caller),
            Err(error) => return complain(&format!("can't go to the background: {error}"), exit_code::OSERR),
        }
    }
    let pid_file = match take_pid_file(options) {
        Ok(pid_file) => pid_file,
        Err(error) => return complain(&error, exit_code::CANTCREAT),
    };
    let status = if options.parachute {
        match parachute::supervise(options.daemonize) {
            Ok(Role::Supervisor(status)) => status,
            Ok(Role::Daemon(child)) => {
                waiting.supervisor = Some(child);
                // The pid file is the supervisor's.
                return daemon::start(path, waiting);
            }
            Err(error) => complain(&format!("can't start the daemon's process: {error}"), exit_code::OSERR),
        }
    } else {
        daemon::start(path, waiting)
    };
    if let Some(pid_file) = pid_file {
        pid_file.release();
    }
    status
}

/// A start command that the legacy program put up with works here too; that it does nothing is worth a word.
fn take_pid_file(options: &Options) -> Result<Option<PidFile>, PidFileError> {
    let Some(path) = &options.pid_file else {
        if options.make_pid_file {
            complain(&"--make-pidfile does nothing without --pidfile FILE", exit_code::OK);
        }
        return Ok(None);
    };
    let pid_file = PidFile::take(path, options.make_pid_file)?;
    if pid_file.is_none() {
        let path = path.display();
        complain(
            &format!("no pid file: {path} does not exist, and --make-pidfile is not given"),
            exit_code::OK,
        );
    }
    Ok(pid_file)
}

/// Those who wait until the daemon is ready.
#[derive(Debug, Default)]
pub struct Waiting {
    /// Whoever started us with `--daemonize`.
    caller: Option<Caller>,
    /// The process of `--parachute`.
    supervisor: Option<parachute::Child>,
}

impl Waiting {
    /// Whether the caller's standard error goes away when the start is complete.
    pub fn in_background(&self) -> bool {
        self.caller.is_some()
    }

    /// Why the daemon before this one had to be replaced, if there was one.
    pub fn predecessor(&self) -> Option<&str> {
        self.supervisor.as_ref()?.predecessor.as_deref()
    }

    /// The daemon is ready. What was logged until now still reaches the caller.
    ///
    /// # Errors
    ///
    /// The caller's standard error can't be closed.
    pub fn release(self, logging: &Logging) -> io::Result<()> {
        if let Some(mut supervisor) = self.supervisor {
            supervisor.ready();
        }
        if let Some(caller) = self.caller {
            logging.drain_stderr();
            caller.release()?;
        }
        Ok(())
    }
}
