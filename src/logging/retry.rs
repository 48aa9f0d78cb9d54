//! A place for lines that cannot be written: it loses lines, counts them, and tries again (C4).

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::line::{Entry, Severity};
use super::writer::{LineQueue, Sink};

/// How long after a failure a place is left alone.
pub(super) const PAUSE: Duration = Duration::from_secs(1);

/// A place for lines.
pub(super) trait Medium: Send + 'static {
    /// Writes one line, and opens the place first if it is not open. Waits for no reader that has stopped
    /// reading for more than a moment.
    fn write_line(&mut self, entry: &Entry) -> io::Result<()>;

    /// Has the place opened anew before the next line.
    fn close(&mut self);

    /// As in "cannot write …".
    fn name(&self) -> String;
}

/// The sink that writes to a medium.
pub(super) struct Retrying<M> {
    pub(super) medium: M,
    /// Where failures are told: the medium is no place for them.
    complaints: LineQueue,
    pause: Duration,
    outage: Option<Outage>,
}

/// A medium that cannot be written.
struct Outage {
    error: io::Error,
    last_try: Instant,
    lost: u64,
}

impl<M: Medium> Retrying<M> {
    /// Nothing is opened yet: opening can hang, and that is the writer thread's business.
    pub fn new(medium: M, complaints: LineQueue, pause: Duration) -> Retrying<M> {
        Retrying { medium, complaints, pause, outage: None }
    }

    /// After a failure the medium is opened anew: the disk may be mounted again, the handle stale.
    fn fail(&mut self, error: io::Error) {
        self.medium.close();
        let last_try = Instant::now();
        match &mut self.outage {
            Some(outage) => {
                outage.lost += 1;
                outage.last_try = last_try;
                outage.error = error;
            }
            None => {
                self.complain(format!("cannot write {}, lines get lost: {error}", self.medium.name()));
                self.outage = Some(Outage { error, last_try, lost: 1 });
            }
        }
    }

    /// Closes the gap in the medium with a line that tells how wide it is.
    fn recover(&mut self, outage: &Outage) -> io::Result<()> {
        let Outage { error, lost, .. } = outage;
        let gap = Entry::of_core(Severity::Warning, format!("{lost} log lines lost: {error}"));
        self.medium.write_line(&gap)?;
        self.complain(format!("{} is written again, {lost} log lines lost", self.medium.name()));
        Ok(())
    }

    fn complain(&self, message: String) {
        self.complaints.push(Arc::new(Entry::of_core(Severity::Warning, message)));
    }
}

impl<M: Medium> Sink for Retrying<M> {
    fn write(&mut self, entry: &Entry) -> bool {
        if let Some(outage) = &mut self.outage
            && outage.last_try.elapsed() < self.pause
        {
            outage.lost += 1;
            return false;
        }
        let result = match self.outage.take() {
            Some(outage) => match self.recover(&outage) {
                Ok(()) => self.medium.write_line(entry),
                Err(error) => {
                    self.outage = Some(outage);
                    Err(error)
                }
            },
            None => self.medium.write_line(entry),
        };
        match result {
            Ok(()) => true,
            Err(error) => {
                self.fail(error);
                false
            }
        }
    }
}
