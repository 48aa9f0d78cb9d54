//! `--daemonize`: to the background; the command that started us returns when the daemon is ready (C3, D36).
//!
//! By hand, since the crates for it do not wait for the daemon, and the best known one is unmaintained
//! (RUSTSEC-2025-0069).
//!
//! The working directory stays: relative paths in the configuration go on meaning what they say.

use std::fs::File;
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::AsFd;

use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, dup2_stderr, dup2_stdin, dup2_stdout, setsid};

use crate::startup::fork::fork;
use schrittmacher_text::exit_code;

/// Which of the two processes this is.
#[derive(Debug)]
pub enum Side {
    /// The one that was started. The other one is ready, or has failed: end with this status.
    Caller(u8),
    /// The one in the background, without a terminal. Standard error is still the caller's.
    Background(Caller),
}

/// The program that waits until we are ready.
#[derive(Debug)]
pub struct Caller {
    waiting: PipeWriter,
}

/// Goes to the background. To be called before any thread is started.
///
/// # Errors
///
/// The system refuses.
pub fn detach() -> io::Result<Side> {
    let (ready, waiting) = io::pipe()?;
    match fork()? {
        ForkResult::Parent { child } => {
            drop(waiting);
            Ok(Side::Caller(wait(ready, child)))
        }
        ForkResult::Child => {
            drop(ready);
            // No second fork: a session leader gets no terminal by itself, and we open none.
            setsid()?;
            let null = null()?;
            dup2_stdin(null.as_fd())?;
            dup2_stdout(null.as_fd())?;
            Ok(Side::Background(Caller { waiting }))
        }
    }
}

/// Waits until the child is ready, or has ended.
fn wait(mut ready: PipeReader, child: Pid) -> u8 {
    match ready.read_exact(&mut [0]) {
        Ok(()) => exit_code::OK,
        // Nobody has the other end any more.
        Err(_) => waitpid(child, None).map_or(exit_code::OSERR, exit_status),
    }
}

impl Caller {
    /// Lets the caller go. Standard error is closed: it was the caller's, who may wait for that too.
    ///
    /// # Errors
    ///
    /// Standard error can't be closed.
    pub fn release(mut self) -> io::Result<()> {
        close_stderr()?;
        // A caller that was interrupted does not wait any more.
        let _ = self.waiting.write_all(&[0]);
        Ok(())
    }
}

/// Lets go of the caller's terminal, file or pipe.
///
/// # Errors
///
/// There is no /dev/null.
pub fn close_stderr() -> io::Result<()> {
    Ok(dup2_stderr(null()?.as_fd())?)
}

fn null() -> io::Result<File> {
    File::options().read(true).write(true).open("/dev/null")
}

/// The exit status of a process in the place of another one. A signal, from any sender, is a defect of the program.
pub fn exit_status(status: WaitStatus) -> u8 {
    let WaitStatus::Exited(_, code) = status else { return exit_code::SOFTWARE };
    u8::try_from(code).unwrap_or(exit_code::SOFTWARE)
}
