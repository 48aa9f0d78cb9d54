//! The moment at which a start command runs.

use std::fs::File;
use std::io::Read;
use std::os::fd::AsFd;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::stat::Mode;

use crate::Side;

/// Nothing that is measured here takes that long.
const PATIENCE: u16 = 10_000;

/// A pipe into which each start command writes the name of its host: the first thing that its shell does.
#[derive(Debug)]
pub struct Starts {
    pipe: File,
}

impl Starts {
    /// Its name is `starts`, in this folder.
    pub fn new(folder: &Path) -> Starts {
        let path = folder.join("starts");
        nix::unistd::mkfifo(&path, Mode::S_IRUSR | Mode::S_IWUSR).unwrap();
        // For writing too, so that it never ends.
        let flags = OFlag::O_RDWR | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
        Starts { pipe: nix::fcntl::open(&path, flags, Mode::empty()).unwrap().into() }
    }

    /// Forgets what has been written.
    pub fn forget(&self) {
        while self.read().is_some() {}
    }

    /// The moment before the event.
    pub fn begin(&self) -> Instant {
        Instant::now()
    }

    /// Waits for the start command of this side; how long after `event` it ran.
    ///
    /// # Panics
    ///
    /// If it never runs.
    pub fn wait(&self, side: Side, event: Instant) -> Duration {
        loop {
            let mut ready = [PollFd::new(self.pipe.as_fd(), PollFlags::POLLIN)];
            let count = poll(&mut ready, PollTimeout::from(PATIENCE)).unwrap();
            let after = event.elapsed();
            assert_ne!(count, 0, "no start command within {PATIENCE} ms");
            if self.read().is_some_and(|names| names.contains(side.name())) {
                return after;
            }
        }
    }

    fn read(&self) -> Option<String> {
        let mut names = [0; 256];
        let length = (&self.pipe).read(&mut names).ok()?;
        Some(String::from_utf8_lossy(&names[..length]).into_owned())
    }
}
