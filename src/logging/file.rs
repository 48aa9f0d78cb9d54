//! The log file. A bad disk costs lines and nothing else.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;
use nix::fcntl::OFlag;

use super::line::Entry;
use super::retry::Medium;
use crate::own_file;
use schrittmacher_config::LogTime;

/// The file's owner writes, its group may read; lines may tell more than everybody needs to know.
const MODE: u32 = 0o640;

/// The sink behind `log-file`.
pub(super) struct LogFile {
    path: PathBuf,
    time: LogTime,
    file: Option<File>,
    /// The last line was written in part; the next one must not continue it.
    torn: bool,
}

impl LogFile {
    /// Nothing is opened yet.
    pub fn new(path: PathBuf, time: LogTime) -> LogFile {
        LogFile { path, time, file: None, torn: false }
    }

    fn open(&mut self) -> io::Result<&mut File> {
        let file = match self.file.take() {
            Some(file) if !is_renamed(&file, &self.path) => file,
            Some(_) | None => {
                own_file::open(&self.path, OFlag::O_WRONLY | OFlag::O_APPEND | OFlag::O_CREAT, MODE)?
            }
        };
        Ok(self.file.insert(file))
    }
}

/// Whether log rotation has moved the file away, or removed it (edge-21). Two system calls for each line; this thread may take its time.
fn is_renamed(file: &File, path: &Path) -> bool {
    match (file.metadata(), std::fs::metadata(path)) {
        (Ok(ours), Ok(named)) => (ours.dev(), ours.ino()) != (named.dev(), named.ino()),
        (_, Err(error)) => error.kind() == io::ErrorKind::NotFound,
        (Err(_), Ok(_)) => false,
    }
}

impl Medium for LogFile {
    fn write_line(&mut self, entry: &Entry) -> io::Result<()> {
        let mut line = entry.file_line(&TimeZone::system(), self.time);
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
    use std::fs::OpenOptions;
    use std::io::Read;
    use std::os::unix::fs::OpenOptionsExt;

    use std::time::Duration;

    use super::super::line::Severity;
    use super::super::retry::Retrying;
    use super::super::writer::{Sink, Writer};
    use super::*;

    struct Nowhere;

    impl Sink for Nowhere {
        fn write(&mut self, _: &Entry) -> bool {
            true
        }
    }

    /// A pipe with a page of room stands for a disk that fills up in the middle of a line.
    #[test]
    fn a_torn_line_is_not_continued_by_the_next() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let complaints = Writer::start("test", 10, Nowhere).unwrap();
        let mut sink =
            Retrying::new(LogFile::new(path.clone(), LogTime::Seconds), complaints.queue(), Duration::ZERO);

        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let open = |options: &mut OpenOptions| options.custom_flags(libc::O_NONBLOCK).open(&path).unwrap();
        let mut reader = open(OpenOptions::new().read(true));
        let mut writer = open(OpenOptions::new().write(true));
        while writer.write(&[b'.'; 4096]).is_ok() {}
        reader.read_exact(&mut [0; 4096]).unwrap();
        sink.medium.file = Some(writer);
        sink.write(&Entry::of_core(Severity::Info, "x".repeat(4096)));
        std::fs::remove_file(&path).unwrap();
        sink.write(&Entry::of_core(Severity::Info, "next".into()));

        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<_> = text.lines().map(|line| line.rsplit('\t').next().unwrap()).collect();
        assert_eq!(lines[0], "", "{text}");
        assert!(lines[1].starts_with("1 log lines lost"), "{text}");
        assert_eq!(lines[2..], ["next"]);
    }
}
