//! fork(2) while it is harmless: before the first thread is started.

use std::io;

use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use nix::unistd::ForkResult;

/// Splits this process in two.
///
/// # Errors
///
/// The system's error; also if there are other threads (Linux tells). None of them would live on in the child, but the locks
/// that they hold would.
pub fn fork() -> io::Result<ForkResult> {
    if !is_single_threaded() {
        return Err(io::Error::other("a process with threads must not fork"));
    }
    // SAFETY: no other thread exists, so the child's copy of memory is one that this thread could also see
    // here.
    Ok(unsafe { nix::unistd::fork() }?)
}

/// Makes sure that the end of a child is told: the program that started us may have had SIGCHLD ignored.
///
/// # Errors
///
/// The system refuses.
pub fn default_sigchld() -> io::Result<()> {
    let default = SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty());
    // SAFETY: no handler is installed.
    unsafe { sigaction(Signal::SIGCHLD, &default) }?;
    Ok(())
}

/// Without /proc the order in `daemon.rs` has to be trusted.
fn is_single_threaded() -> bool {
    std::fs::read_dir("/proc/self/task").map_or(true, |threads| threads.count() == 1)
}

#[cfg(test)]
mod tests {
    /// The test program runs its tests in threads.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_process_with_threads_does_not_fork() {
        assert!(super::fork().is_err());
    }
}
