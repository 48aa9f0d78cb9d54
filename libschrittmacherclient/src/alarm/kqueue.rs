//! The alarm as a kernel event queue, for FreeBSD and macOS. Written from their manuals; not yet built there.

use std::io;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::event::{EvFlags, EventFilter, FilterFlag, KEvent, Kqueue};

use crate::descriptor::Descriptor;

/// A kernel event queue with one timer in it.
#[derive(Debug)]
pub(crate) struct Alarm(Descriptor<Kqueue>);

impl Alarm {
    /// A new alarm, not set.
    pub fn new() -> io::Result<Alarm> {
        Ok(Alarm(Descriptor::new(Kqueue::new()?)))
    }

    /// Sets the alarm to ring once, after `delay`. It stops ringing.
    pub fn set(&self, delay: Duration) -> io::Result<()> {
        let millis = isize::try_from(delay.as_millis()).unwrap_or(isize::MAX);
        // Deleted first: a ringing timer that is only added again goes on ringing. Nothing to delete is fine.
        let _ = self.change(EvFlags::EV_DELETE, 0);
        self.change(EvFlags::EV_ADD | EvFlags::EV_ONESHOT, millis)
    }

    /// Rings at once. System calls and nothing else: safe in a signal handler, but for `errno`.
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
        self.0.kevent(&[], &mut [], None).is_ok()
    }

    /// Not possible here: a child process does not inherit an event queue, and the number may have another use.
    pub fn renew(&self) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn change(&self, flags: EvFlags, millis: isize) -> io::Result<()> {
        let event = KEvent::new(0, EventFilter::EVFILT_TIMER, flags, FilterFlag::empty(), millis, 0);
        self.0.kevent(&[event], &mut [], None)?;
        Ok(())
    }
}
