//! The log file. Whatever is wrong with the disk, it costs lines and nothing else.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;

use super::line::{Entry, Severity};
use super::writer::{Queue, Sink};

/// How long after a failure the file is left alone.
pub(super) const RETRY: Duration = Duration::from_secs(1);

/// The file's owner writes, its group may read; lines may tell more than everybody needs to know.
const MODE: u32 = 0o640;

/// The sink behind `log-file`.
pub(super) struct LogFile {
    path: PathBuf,
    file: Option<File>,
    /// Where failures are told: the file is no place for them.
    complaints: Queue,
    retry: Duration,
    trouble: Option<Trouble>,
    /// The last line was written in part; the next one must not continue it.
    torn: bool,
}

/// A file that cannot be written.
struct Trouble {
    error: io::Error,
    last_try: Instant,
    lost: u64,
}

impl LogFile {
    /// Nothing is opened yet: opening can hang, and that is the writer thread's business.
    pub fn new(path: PathBuf, complaints: Queue, retry: Duration) -> LogFile {
        LogFile { path, file: None, complaints, retry, trouble: None, torn: false }
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

    /// After a failure the file is opened anew: the disk may be mounted again, the handle stale.
    fn fail(&mut self, error: io::Error) {
        self.file = None;
        let last_try = Instant::now();
        match &mut self.trouble {
            Some(trouble) => {
                trouble.lost += 1;
                trouble.last_try = last_try;
                trouble.error = error;
            }
            None => {
                let path = self.path.display();
                self.complain(format!("cannot write the log file {path}, lines get lost: {error}"));
                self.trouble = Some(Trouble { error, last_try, lost: 1 });
            }
        }
    }

    /// Closes the gap in the file with a line that tells how wide it is.
    fn recover(&mut self, trouble: &Trouble) -> io::Result<()> {
        let Trouble { error, lost, .. } = trouble;
        self.write_line(&Entry::of_core(Severity::Warning, format!("{lost} log lines lost: {error}")))?;
        let path = self.path.display();
        self.complain(format!("the log file {path} is written again, {lost} log lines lost"));
        Ok(())
    }

    fn complain(&self, message: String) {
        self.complaints.push(Arc::new(Entry::of_core(Severity::Warning, message)));
    }
}

impl Sink for LogFile {
    fn write(&mut self, entry: &Entry) {
        if let Some(trouble) = &mut self.trouble
            && trouble.last_try.elapsed() < self.retry
        {
            trouble.lost += 1;
            return;
        }
        let result = match self.trouble.take() {
            Some(trouble) => match self.recover(&trouble) {
                Ok(()) => self.write_line(entry),
                Err(error) => {
                    self.trouble = Some(trouble);
                    Err(error)
                }
            },
            None => self.write_line(entry),
        };
        if let Err(error) = result {
            self.fail(error);
        }
    }

    fn reopen(&mut self) {
        self.file = None;
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use nix::fcntl::OFlag;

    use super::super::line::Entry;
    use super::super::writer::Writer;
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
        let mut sink = LogFile::new(path.clone(), complaints.queue(), Duration::ZERO);

        let (reader, writer) = nix::unistd::pipe2(OFlag::O_NONBLOCK).unwrap();
        let mut writer = File::from(writer);
        while writer.write(&[b'.'; 4096]).is_ok() {}
        File::from(reader.try_clone().unwrap()).read_exact(&mut [0; 4096]).unwrap();
        sink.file = Some(writer);
        sink.write(&Entry::of_core(Severity::Info, "x".repeat(4096)));
        sink.write(&Entry::of_core(Severity::Info, "next".into()));

        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<_> = text.lines().map(|line| line.rsplit('\t').next().unwrap()).collect();
        assert_eq!(lines[0], "", "{text}");
        assert!(lines[1].starts_with("1 log lines lost"), "{text}");
        assert_eq!(lines[2..], ["next"]);
    }
}
