//! The alarm as a Linux timer descriptor.

use std::io;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};

use crate::descriptor::Descriptor;

/// A timer descriptor.
#[derive(Debug)]
pub(crate) struct Alarm(Descriptor<TimerFd>);

impl Alarm {
    /// A new alarm, not set.
    pub fn new() -> io::Result<Alarm> {
        Ok(Alarm(Descriptor::new(timer()?)))
    }

    /// Sets the alarm to ring once, after `delay`. It stops ringing.
    pub fn set(&self, delay: Duration) -> io::Result<()> {
        // A time of zero would switch the timer off.
        let delay = delay.max(Duration::from_nanos(1));
        Ok(self.0.set(Expiration::OneShot(delay.into()), TimerSetTimeFlags::empty())?)
    }

    /// Rings at once. One system call and nothing else: safe in a signal handler, but for `errno`.
    pub fn ring(&self) {
        // Fails only for a bad descriptor or time, and these are neither.
        let _ = self.set(Duration::ZERO);
    }

    /// Waits until the alarm rings. False if that is not possible: the application closed the descriptor, and its number
    /// may have another use, which would ring always or never.
    pub fn wait(&self) -> bool {
        if !self.is_usable() {
            return false;
        }
        let mut ready = [PollFd::new(self.0.as_fd(), PollFlags::POLLIN)];
        loop {
            match poll(&mut ready, PollTimeout::NONE) {
                Err(Errno::EINTR) => {}
                result => return result.is_ok() && ready[0].revents() == Some(PollFlags::POLLIN),
            }
        }
    }

    /// The descriptor, readable while the alarm rings.
    pub fn descriptor(&self) -> RawFd {
        self.0.as_fd().as_raw_fd()
    }

    /// Whether the descriptor is still ours: the application may have closed it.
    pub fn is_usable(&self) -> bool {
        self.0.get().is_ok()
    }

    /// Makes a new timer under the same number. The application may have closed the descriptor, or this may be a child
    /// process, which shares it with the parent. A number that has another use meanwhile is left alone.
    pub fn renew(&self) -> io::Result<()> {
        match self.0.get() {
            Ok(_) | Err(Errno::EBADF) => {}
            Err(other) => return Err(other.into()),
        }
        let new = timer()?;
        if new.as_fd().as_raw_fd() == self.descriptor() {
            // The number was free, so the new timer got it.
            std::mem::forget(new);
            return Ok(());
        }
        // SAFETY: dup3 touches no memory, and the descriptor that it closes is ours.
        let result = unsafe { libc::dup3(new.as_fd().as_raw_fd(), self.descriptor(), libc::O_CLOEXEC) };
        if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }
}

fn timer() -> io::Result<TimerFd> {
    Ok(TimerFd::new(ClockId::CLOCK_MONOTONIC, TimerFlags::TFD_CLOEXEC | TimerFlags::TFD_NONBLOCK)?)
}
