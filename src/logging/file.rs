//! The log file. Whatever is wrong with the disk, it costs lines and nothing else.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use jiff::tz::TimeZone;

use super::line::Entry;
use super::retry::Medium;

/// The file's owner writes, its group may read; lines may tell more than everybody needs to know.
const MODE: u32 = 0o640;

/// The sink behind `log-file`.
pub(super) struct LogFile {
    path: PathBuf,
    file: Option<File>,
    /// The last line was written in part; the next one must not continue it.
    torn: bool,
}

impl LogFile {
    /// Nothing is opened yet.
    pub fn new(path: PathBuf) -> LogFile {
        LogFile { path, file: None, torn: false }
    }

    fn open(&mut self) -> io::Result<&mut File> {
        let file = match self.file.take() {
            Some(file) => file,
            None => OpenOptions::new()
                .append(true)
                .create(true)
                .mode(MODE)
                .custom_flags(libc::O_NOCTTY)
                .open(&self.path)?,
        };
        Ok(self.file.insert(file))
    }
}

impl Medium for LogFile {
    fn write_line(&mut self, entry: &Entry) -> io::Result<()> {
        let mut line = entry.file_line(&TimeZone::system());
        if self.torn {
            line.insert(0, '\n');
        }
        let mut rest = line.as_bytes();
        while !rest.is_empty() {
            match self.open()?.write(rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(n) => rest = rest.get(n..).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.torn |= rest.len() < line.len();
                    return Err(error);
                }
            }
        }
        self.torn = false;
        Ok(())
    }

    fn close(&mut self) {
        self.file = None;
    }

    fn name(&self) -> String {
        format!("the log file {}", self.path.display())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use nix::fcntl::OFlag;

    use std::time::Duration;

    use super::super::line::Severity;
    use super::super::retry::Retrying;
    use super::super::writer::{Sink, Writer};
    use super::*;

    struct Nowhere;

    impl Sink for Nowhere {
        fn write(&mut self, _: &Entry) {}
    }

    /// A pipe with a page of room stands for a disk that fills up in the middle of a line.
    #[test]
    fn a_torn_line_is_not_continued_by_the_next() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let complaints = Writer::start("test", 10, Nowhere).unwrap();
        let mut sink = Retrying::new(LogFile::new(path.clone()), complaints.queue(), Duration::ZERO);

        let (reader, writer) = nix::unistd::pipe2(OFlag::O_NONBLOCK).unwrap();
        let mut writer = File::from(writer);
        while writer.write(&[b'.'; 4096]).is_ok() {}
        File::from(reader.try_clone().unwrap()).read_exact(&mut [0; 4096]).unwrap();
        sink.medium.file = Some(writer);
        sink.write(&Entry::of_core(Severity::Info, "x".repeat(4096)));
        sink.write(&Entry::of_core(Severity::Info, "next".into()));

        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<_> = text.lines().map(|line| line.rsplit('\t').next().unwrap()).collect();
        assert_eq!(lines[0], "", "{text}");
        assert!(lines[1].starts_with("1 log lines lost"), "{text}");
        assert_eq!(lines[2..], ["next"]);
    }
}
