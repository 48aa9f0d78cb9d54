//! A process by file descriptor: it names that process for ever, and never a later one with its number.

use std::io;

use nix::sys::signal::Signal;

use crate::app_socket::Credentials;

/// A reference to one process (Linux 5.3 and later).
#[derive(Debug)]
pub(super) struct Pidfd {
    #[cfg(target_os = "linux")]
    fd: std::os::fd::OwnedFd,
    /// There are none on this system.
    #[cfg(not(target_os = "linux"))]
    none: std::convert::Infallible,
}

#[cfg(target_os = "linux")]
mod linux {
    use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};
    use std::ptr;

    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

    use super::{Credentials, Pidfd, Signal, io};

    impl Pidfd {
        /// The process that has this number now.
        ///
        /// # Errors
        ///
        /// `ESRCH` or `EINVAL`: there is none. Anything else: the system can't or won't.
        pub(in crate::app_process) fn open(pid: u32) -> io::Result<Pidfd> {
            let pid = libc::pid_t::try_from(pid).map_err(|_| io::Error::from_raw_os_error(libc::ESRCH))?;
            // SAFETY: takes no pointer; libc has no function for it.
            let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
            let fd = RawFd::try_from(fd).ok().filter(|fd| *fd >= 0).ok_or_else(io::Error::last_os_error)?;
            // SAFETY: a descriptor that the system has just made for us (close-on-exec) and nobody else knows.
            Ok(Pidfd { fd: unsafe { OwnedFd::from_raw_fd(fd) } })
        }

        /// The process that has sent a message, by the word of the kernel.
        ///
        /// # Errors
        ///
        /// As [`Pidfd::open`].
        pub(in crate::app_process) fn of_sender(sender: &Credentials) -> io::Result<Pidfd> {
            match sender.pidfd() {
                Ok(fd) => Ok(Pidfd { fd }),
                // Before Linux 6.5 another process may have the number by now. Its user tells, when the claim is proven.
                Err(error) if error.raw_os_error() == Some(libc::ENOPROTOOPT) => Pidfd::open(sender.pid),
                Err(_) => Err(io::Error::from_raw_os_error(libc::ESRCH)),
            }
        }

        /// Whether the process has ended; one that nobody has waited for has ended, too.
        pub(in crate::app_process) fn has_ended(&self) -> bool {
            let mut fds = [PollFd::new(self.fd.as_fd(), PollFlags::POLLIN)];
            poll(&mut fds, PollTimeout::ZERO).is_ok_and(|ready| ready > 0)
        }

        /// Sends a signal to this process and no other.
        ///
        /// # Errors
        ///
        /// It has ended, or we may not.
        pub(in crate::app_process) fn send(&self, signal: Signal) -> io::Result<()> {
            let no_info = ptr::null::<libc::siginfo_t>();
            // SAFETY: a null siginfo is allowed and means what kill(2) sends; libc has no function for it.
            let result = unsafe {
                libc::syscall(
                    libc::SYS_pidfd_send_signal,
                    self.fd.as_raw_fd(),
                    signal as libc::c_int,
                    no_info,
                    0,
                )
            };
            if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
        }
    }

    impl AsRawFd for Pidfd {
        fn as_raw_fd(&self) -> RawFd {
            self.fd.as_raw_fd()
        }
    }
}

/// Without pidfd a number can mean another process by the time it is used, so none is believed. The heartbeat timeout alone
/// tells that an application has died, and orders need a `start-action` and `stop-action`.
#[cfg(not(target_os = "linux"))]
mod elsewhere {
    use std::os::fd::{AsRawFd, RawFd};

    use super::{Credentials, Pidfd, Signal, io};

    impl Pidfd {
        pub(in crate::app_process) fn of_sender(_sender: &Credentials) -> io::Result<Pidfd> {
            Err(io::ErrorKind::Unsupported.into())
        }

        pub(in crate::app_process) fn open(_pid: u32) -> io::Result<Pidfd> {
            Err(io::ErrorKind::Unsupported.into())
        }

        pub(in crate::app_process) fn has_ended(&self) -> bool {
            match self.none {}
        }

        pub(in crate::app_process) fn send(&self, _signal: Signal) -> io::Result<()> {
            match self.none {}
        }
    }

    impl AsRawFd for Pidfd {
        fn as_raw_fd(&self) -> RawFd {
            match self.none {}
        }
    }
}
