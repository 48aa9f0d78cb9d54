//! The daemon as process 1 of a container (edge-16).
//!
//! A process whose parent has ended becomes a child of process 1. Process 1 has to wait for it, or it stays a zombie for ever.
//! Processes that commands leave behind end like that. The daemon waits for its own children only. So process 1 is a process
//! beside it that does nothing else: it takes in the dead and passes signals on.

use std::io;

use nix::errno::Errno;
use nix::sys::signal::{SigSet, SigmaskHow, Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, getpid, setpgid};

use super::background::exit_status;
use super::fork::{default_sigchld, fork};

/// The signals with a meaning to the daemon.
const PASSED_ON: [Signal; 6] =
    [Signal::SIGTERM, Signal::SIGINT, Signal::SIGQUIT, Signal::SIGHUP, Signal::SIGUSR1, Signal::SIGUSR2];

/// Splits off the daemon, if this is process 1. `Some` is the status with which process 1 ends: the daemon has ended. To be
/// called before any thread is started.
///
/// # Errors
///
/// The system refuses.
pub fn split() -> io::Result<Option<u8>> {
    if getpid() != Pid::from_raw(1) {
        return Ok(None);
    }
    default_sigchld()?;
    // Without a handler the kernel delivers nothing to process 1, but what is blocked waits to be taken.
    let signals = SigSet::from_iter(PASSED_ON.into_iter().chain([Signal::SIGCHLD]));
    let inherited = signals.thread_swap_mask(SigmaskHow::SIG_BLOCK)?;
    match fork()? {
        ForkResult::Child => {
            // A Ctrl-C at the terminal is for process 1 alone, or it would count twice.
            setpgid(Pid::from_raw(0), Pid::from_raw(0))?;
            inherited.thread_set_mask()?;
            Ok(None)
        }
        ForkResult::Parent { child } => serve(child, signals).map(Some),
    }
}

fn serve(daemon: Pid, signals: SigSet) -> io::Result<u8> {
    loop {
        let signal = signals.wait()?;
        if signal != Signal::SIGCHLD {
            // A daemon that has not been waited for keeps its number.
            let _ = kill(daemon, signal);
        } else if let Some(status) = take_in_the_dead(daemon) {
            return Ok(status);
        }
    }
}

/// Waits for every child that has ended; gives the daemon's status, if it is among them.
fn take_in_the_dead(daemon: Pid) -> Option<u8> {
    let mut end = None;
    loop {
        match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::StillAlive) | Err(Errno::ECHILD) => return end,
            Ok(status @ (WaitStatus::Exited(pid, _) | WaitStatus::Signaled(pid, _, _))) if pid == daemon => {
                end = Some(exit_status(status));
            }
            Ok(_) | Err(_) => {}
        }
    }
}
