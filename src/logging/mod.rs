//! Logging that never makes the caller wait (T5).
//!
//! A record becomes one entry, which is put into a bounded queue for each place; a thread for each writes. The file, syslog
//! and stderr have a thread each, so a log file on a hung disk does not silence the journal. An entry that does not fit into
//! a queue is dropped, counted and reported (C4).
//!
//! Log with the macros of [`log`]: `info!(target: name, …)` for a resource, plain `info!(…)` for everything
//! else. Text from outside may be logged as it is; it is escaped when it is written.

mod budget;
mod file;
mod level;
mod line;
mod rate_limit;
mod retry;
mod stderr;
mod syslog;
mod writer;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, TryLockError};
use std::time::{Duration, Instant, SystemTime};

use log::{Level, LevelFilter, Log, Metadata, Record, SetLoggerError};

use self::budget::LineBudgets;
use self::file::LogFile;
use self::line::{Entry, Severity};
use self::retry::Retrying;
use self::syslog::{LocalSyslog, SyslogServer};
use self::writer::Writer;
use schrittmacher_config::{Facility, LogTime};
use schrittmacher_protocol::Time;

use schrittmacher_text::beginning;

pub use self::level::{LogLevel, OTHER_LEVEL_MAX, level_name, level_named};
pub use self::rate_limit::RateLimited;
use self::rate_limit::Suppressed;

/// How many lines a sink may lag behind. A lost peer makes a thousand resources talk at once.
const QUEUE_LINES: usize = 4096;

/// A message longer than this is cut: nobody outside shall be able to fill the queue's memory.
const MESSAGE_BYTES_MAX: usize = 4096;

/// How long the end of the program waits for its last lines.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(1);

/// The section of lines that belong to no resource.
const CORE: &str = "core";

/// The daemon's logger; cheap to clone, all clones are the same logger.
#[derive(Clone)]
pub struct Logging {
    sinks: Arc<Sinks>,
}

/// Lines that were not written since the start.
#[derive(Clone, Debug, Default)]
pub struct LostLines {
    places: Vec<(&'static str, Arc<AtomicU64>)>,
    left_out: Arc<AtomicU64>,
}

impl LostLines {
    /// Each place with the number of lines for which there was no room, or which it did not take.
    pub fn by_place(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.places.iter().map(|(place, count)| (*place, count.load(Ordering::Relaxed)))
    }

    /// Lines above the limit of their resource, in all places.
    pub fn left_out(&self) -> u64 {
        self.left_out.load(Ordering::Relaxed)
    }
}

struct Sinks {
    level: LogLevel,
    /// Never held while anything else is done, and never waited for.
    budgets: Mutex<LineBudgets>,
    /// Lines for which they left no room.
    left_out: Arc<AtomicU64>,
    started: Instant,
    /// The log file and syslog, as far as they are wanted.
    others: Vec<Writer>,
    stderr: Writer,
}

impl Sinks {
    fn new(level: LogLevel, others: Vec<Writer>, stderr: Writer) -> Sinks {
        Sinks {
            level,
            budgets: Mutex::default(),
            left_out: Arc::default(),
            started: Instant::now(),
            others,
            stderr,
        }
    }
}

impl Logging {
    /// Starts the writer threads; nothing is logged before [`install`](Self::install).
    ///
    /// `level` is the least severe level that is written. Besides stderr there are `file`, the log file, and syslog, if there is
    /// a `facility`: at `server`, or else the local one. `time` is for the file. Both are opened by their threads. One that cannot be written is reported
    /// on stderr and tried again for each line, at most once a second. It never stops the daemon (unlike the legacy program's
    /// file, without which it exited).
    ///
    /// # Errors
    ///
    /// A thread cannot be started.
    pub fn start(
        level: LevelFilter,
        file: Option<PathBuf>,
        facility: Option<Facility>,
        server: Option<SocketAddr>,
        time: LogTime,
    ) -> io::Result<Logging> {
        let stderr = Writer::start("log-stderr", QUEUE_LINES, stderr::Stderr::new())?;
        let mut others = Vec::new();
        if let Some(path) = file {
            let sink = Retrying::new(LogFile::new(path, time), stderr.queue(), retry::PAUSE);
            others.push(Writer::start("log-file", QUEUE_LINES, sink)?);
        }
        match (facility, server) {
            (Some(facility), Some(server)) => {
                let sink = Retrying::new(SyslogServer::new(server, facility), stderr.queue(), retry::PAUSE);
                others.push(Writer::start("log-syslog", QUEUE_LINES, sink)?);
            }
            (Some(facility), None) => {
                let sink = Retrying::new(
                    LocalSyslog::new(syslog::SOCKET.into(), facility),
                    stderr.queue(),
                    retry::PAUSE,
                );
                others.push(Writer::start("log-syslog", QUEUE_LINES, sink)?);
            }
            (None, _) => {}
        }
        let level = LogLevel::new(level);
        Ok(Logging { sinks: Arc::new(Sinks::new(level, others, stderr)) })
    }

    /// Makes this the logger of the [`log`] macros.
    ///
    /// # Errors
    ///
    /// The process has a logger already.
    pub fn install(&self) -> Result<(), SetLoggerError> {
        log::set_boxed_logger(Box::new(self.clone()))?;
        self.sinks.level.tell_macros();
        Ok(())
    }

    /// Changes the least severe level that is written. For the logger that is installed.
    pub fn set_level(&self, level: LevelFilter) {
        self.sinks.level.configure(level);
        self.sinks.level.tell_macros();
    }

    /// The level, to be looked at and to be changed for some time.
    pub fn level(&self) -> LogLevel {
        self.sinks.level.clone()
    }

    fn pass(&self, section: &str, level: Level) -> Option<Suppressed> {
        let now = Time::new(self.sinks.started.elapsed());
        let passed = match self.sinks.budgets.try_lock() {
            Ok(mut budgets) => budgets.pass(section, level, now),
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner().pass(section, level, now),
            // Another thread logs at this moment, and may have lost its processor to others: no heartbeat waits for that.
            // The line is written and not counted.
            Err(TryLockError::WouldBlock) => Some(Suppressed(0)),
        };
        if passed.is_none() {
            self.sinks.left_out.fetch_add(1, Ordering::Relaxed);
        }
        passed
    }

    /// Counts the lines that are not written.
    pub fn lost(&self) -> LostLines {
        let writers = self.sinks.others.iter().chain([&self.sinks.stderr]);
        LostLines {
            places: writers.map(|writer| (writer.place, writer.lost())).collect(),
            left_out: Arc::clone(&self.sinks.left_out),
        }
    }

    /// Waits, 1 s at most, until stderr has every line logged so far.
    pub fn drain_stderr(&self) {
        self.sinks.stderr.drain(SHUTDOWN_LIMIT);
    }

    /// Writes what is still queued and ends the writer threads; returns after 1 s at the latest.
    pub fn shutdown(&self) {
        self.finish();
    }

    /// Logs why the process is about to abort and waits, 1 s at most, until that is written.
    ///
    /// For the panic hook: works from any thread, the writer threads included, and with full queues.
    pub fn last_words(&self, message: &str) {
        let entry = Arc::new(Entry {
            at: SystemTime::now(),
            severity: Severity::Panic,
            section: CORE.into(),
            message: beginning(message.to_owned(), MESSAGE_BYTES_MAX),
        });
        for other in &self.sinks.others {
            other.push(Arc::clone(&entry));
        }
        let queued = self.sinks.stderr.push(Arc::clone(&entry));
        let written = self.finish();
        if !(queued && written) {
            stderr::write_at_once(&entry);
        }
    }

    /// Ends stderr last, as the others may still complain there. Tells whether stderr got everything.
    fn finish(&self) -> bool {
        let deadline = Instant::now() + SHUTDOWN_LIMIT;
        let others = &self.sinks.others;
        let share = SHUTDOWN_LIMIT / u32::try_from(others.len() + 1).unwrap_or(u32::MAX);
        for other in others {
            other.finish(share);
        }
        self.sinks.stderr.finish(deadline.saturating_duration_since(Instant::now()))
    }
}

impl Log for Logging {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= self.sinks.level.now()
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) || !is_ours(record) {
            return;
        }
        let section = section(record);
        let Some(suppressed) = self.pass(section, record.level()) else { return };
        let mut message = beginning(record.args().to_string(), MESSAGE_BYTES_MAX);
        message += &suppressed.to_string();
        let severity = record.level().into();
        let entry = Arc::new(Entry { at: SystemTime::now(), severity, section: section.into(), message });
        for other in &self.sinks.others {
            other.push(Arc::clone(&entry));
        }
        self.sinks.stderr.push(entry);
    }

    /// Does nothing: waiting for a disk is what this logger exists to avoid. See [`Logging::shutdown`].
    fn flush(&self) {}
}

/// A time as the log file shows it.
pub fn time(at: SystemTime) -> String {
    line::local_time(at, &jiff::tz::TimeZone::system(), "%Y-%m-%d %H:%M:%S %z")
}

/// Libraries log their own insides, and would name unknown sections.
fn is_ours(record: &Record<'_>) -> bool {
    record.module_path().is_none_or(|path| path.starts_with(env!("CARGO_PKG_NAME")))
}

/// A record without an explicit target has its module's path as target.
fn section<'a>(record: &'a Record<'_>) -> &'a str {
    if record.module_path() == Some(record.target()) { CORE } else { record.target() }
}

#[cfg(test)]
mod tests;
