//! Standard error: the journal under systemd, else a terminal or whatever the operator made of it.

use std::io::Write;
use std::os::fd::AsFd;

use jiff::tz::TimeZone;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::stat::fstat;

use super::line::Entry;
use super::writer::Sink;

/// The sink that always exists.
pub(super) struct Stderr {
    is_journal: bool,
}

impl Stderr {
    /// Finds out who reads stderr.
    pub fn new() -> Stderr {
        Stderr { is_journal: stderr_is_journal() }
    }
}

impl Sink for Stderr {
    fn write(&mut self, entry: &Entry) -> bool {
        // There is nowhere left to complain.
        std::io::stderr().lock().write_all(text(entry, self.is_journal).as_bytes()).is_ok()
    }
}

/// Writes past the queue, for a process about to abort; gives up on a reader that has stopped reading.
pub(super) fn write_at_once(entry: &Entry) {
    let stderr = std::io::stderr();
    let mut ready = [PollFd::new(stderr.as_fd(), PollFlags::POLLOUT)];
    if matches!(poll(&mut ready, PollTimeout::from(100_u8)), Ok(1)) {
        let line = text(entry, stderr_is_journal());
        // Not through std's handle: its lock may be held by the very thread that hangs in a write.
        let _: nix::Result<usize> = nix::unistd::write(stderr.as_fd(), line.as_bytes());
    }
}

fn text(entry: &Entry, is_journal: bool) -> String {
    if is_journal { entry.journal_line() } else { entry.terminal_line(&TimeZone::system()) }
}

/// `JOURNAL_STREAM` is inherited by every child; only if it names our own stderr is the journal reading.
fn stderr_is_journal() -> bool {
    let Ok(named) = std::env::var("JOURNAL_STREAM") else { return false };
    fstat(std::io::stderr().as_fd()).is_ok_and(|ours| named == format!("{}:{}", ours.st_dev, ours.st_ino))
}
