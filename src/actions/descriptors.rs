//! Descriptors that the daemon was started with (D28).

use std::fs;
use std::io;
use std::os::fd::RawFd;

/// Marks every open descriptor above 2 close-on-exec; called once, before any thread is started.
///
/// What the daemon opens itself is close-on-exec anyway, but a descriptor that a shell or a service manager
/// leaked into it would go on to every command.
///
/// # Errors
///
/// `/dev/fd` can't be read.
pub fn close_on_exec_all() -> io::Result<()> {
    for entry in fs::read_dir("/dev/fd")? {
        let Some(fd) = entry?.file_name().to_str().and_then(|name| name.parse::<RawFd>().ok()) else {
            continue;
        };
        if fd > 2 {
            // SAFETY: F_SETFD takes no pointer and does not close anything; a number that is no descriptor any
            // more, like the one of this very directory, is refused by the system.
            unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) };
        }
    }
    Ok(())
}
