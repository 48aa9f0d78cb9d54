//! What a command prints: its end is kept for the log, the rest is read and forgotten.

use std::collections::VecDeque;
use std::io::{self, PipeReader, Read};
use std::os::fd::{AsRawFd, RawFd};

use nix::fcntl::{FcntlArg, OFlag, fcntl};

/// How many bytes are kept: the last ones, for that is where errors are.
pub(super) const KEPT: usize = 4096;

/// The reading end of a command's stdout and stderr.
#[derive(Debug)]
pub(super) struct Output {
    reader: PipeReader,
    kept: VecDeque<u8>,
    total: u64,
}

/// Whether there may be more to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rest {
    /// At once.
    More,
    /// When the pipe is readable again.
    Later,
    /// Never: no process has the other end any more.
    Closed,
}

impl Output {
    /// Takes over the reading end of a pipe; reading it never blocks from now on.
    pub(super) fn new(reader: PipeReader) -> io::Result<Output> {
        fcntl(&reader, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        Ok(Output { reader, kept: VecDeque::new(), total: 0 })
    }

    pub(super) fn fd(&self) -> RawFd {
        self.reader.as_raw_fd()
    }

    /// Reads once, at most as much as `buffer` holds.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> Rest {
        match self.reader.read(buffer) {
            Ok(0) => Rest::Closed,
            Ok(count) => {
                self.keep(&buffer[..count]);
                Rest::More
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Rest::More,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Rest::Later,
            Err(_) => Rest::Closed,
        }
    }

    fn keep(&mut self, bytes: &[u8]) {
        self.total += bytes.len() as u64;
        let last = &bytes[bytes.len().saturating_sub(KEPT)..];
        let surplus = (self.kept.len() + last.len()).saturating_sub(KEPT);
        self.kept.drain(..surplus);
        self.kept.extend(last);
    }

    /// What was printed so far, and how many bytes that was in all; forgets both.
    pub(super) fn take(&mut self) -> (String, u64) {
        let kept: Vec<u8> = std::mem::take(&mut self.kept).into();
        (String::from_utf8_lossy(&kept).into_owned(), std::mem::take(&mut self.total))
    }
}

/// A command's output as part of one line: no control character, no line of its own.
pub(super) fn one_line(output: &str) -> String {
    let lines = output.lines().map(str::trim_end).filter(|line| !line.is_empty());
    let line = lines.collect::<Vec<_>>().join(" | ");
    line.chars().map(|char| if char.is_control() { '\u{fffd}' } else { char }).collect()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn the_end_is_kept() {
        let (reader, mut writer) = io::pipe().expect("a pipe");
        let mut output = Output::new(reader).expect("an output");
        let mut buffer = vec![0; 10_000];
        assert_eq!(output.read(&mut buffer), Rest::Later);
        for part in [&b"a".repeat(5000)[..], b"bcd", b"efg"] {
            writer.write_all(part).expect("room in the pipe");
            assert_eq!(output.read(&mut buffer), Rest::More);
        }
        let (text, total) = output.take();
        assert_eq!(total, 5006);
        assert_eq!(text.len(), KEPT);
        assert!(text.ends_with("aabcdefg"), "{text}");
        drop(writer);
        assert_eq!(output.read(&mut buffer), Rest::Closed);
    }

    #[test]
    fn output_cannot_forge_log_lines() {
        assert_eq!(one_line("\n one\r\n\ntwo\u{1b}[2J\n"), " one | two\u{fffd}[2J");
    }
}
