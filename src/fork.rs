//! fork(2) while it is harmless: before the first thread is started.

use std::io;

use nix::unistd::ForkResult;

/// Splits this process in two.
///
/// # Errors
///
/// What the system says; also if there are other threads (Linux tells): none of them would live on in the
/// child, but the locks that they hold would.
pub fn fork() -> io::Result<ForkResult> {
    if !is_single_threaded() {
        return Err(io::Error::other("a process with threads must not fork"));
    }
    // SAFETY: no other thread exists, so the child's copy of memory is one that this thread could also see
    // here.
    Ok(unsafe { nix::unistd::fork() }?)
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
