//! The surroundings of the daemon, if its options ask for them: the background, the pid file, the supervisor (C3).

pub mod background;
pub mod configuration;
pub mod console;
pub mod daemon;
pub mod descriptors;
mod fork;
pub mod kept_sockets;
pub mod notify;
pub mod options;
pub mod parachute;
pub mod pidfile;
mod process_one;
mod realtime;
mod rights;

use std::io;

use self::background::{Caller, Side};
use self::console::complain;
use self::kept_sockets::KeptSockets;
use self::options::Options;
use self::parachute::Role;
use self::pidfile::{PidFile, PidFileError};
use crate::logging::Logging;
use schrittmacher_text::exit_code;

/// Goes to the background, takes the pid file and leaves a supervisor behind, as far as that is wanted. Then starts the
/// daemon and returns the exit status of this process. No thread may have been started yet.
pub fn launch(options: &Options, daemon: impl FnOnce(Waiters, KeptSockets) -> u8) -> u8 {
    if options.daemonize
        && let Err(error) = descriptors::close_inherited()
    {
        return complain(&format!("can't close what the caller has open: {error}"), exit_code::OSERR);
    }
    match process_one::split() {
        Ok(None) => {}
        Ok(Some(status)) => return status,
        Err(error) => return complain(&format!("can't split off from process 1: {error}"), exit_code::OSERR),
    }
    // Before the pid file is opened.
    let kept_sockets = KeptSockets::take();
    let mut waiters = Waiters::default();
    if options.daemonize {
        match background::detach() {
            Ok(Side::Caller(status)) => return status,
            Ok(Side::Background(caller)) => waiters.caller = Some(caller),
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
                waiters.supervisor = Some(child);
                // The pid file is the supervisor's.
                return daemon(waiters, kept_sockets);
            }
            Err(error) => complain(&format!("can't start the daemon's process: {error}"), exit_code::OSERR),
        }
    } else {
        daemon(waiters, kept_sockets)
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
pub struct Waiters {
    /// The program that started us with `--daemonize`.
    caller: Option<Caller>,
    /// The process of `--parachute`.
    supervisor: Option<parachute::Child>,
}

impl Waiters {
    /// Whether the caller's standard error goes away when the start is complete.
    pub fn in_background(&self) -> bool {
        self.caller.is_some()
    }

    /// Why the daemon before this one had to be replaced, if there was one.
    pub fn predecessor(&self) -> Option<&str> {
        self.supervisor.as_ref()?.predecessor.as_deref()
    }

    /// The daemon is ready. Lines logged before this still reach the caller.
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
