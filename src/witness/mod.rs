//! The third vote: leases in etcd, one key for each resource (`docs/adr/0081-a-key-that-stands-still.md`).
//!
//! | module | what it does |
//! |---|---|
//! | `pace` | how long it takes to answer |
//! | `votes` | the thread's work: questions for leases, many at once |
//! | `standing` | whether a key may be taken |
//! | `etcd` | its JSON gateway |
//! | `tls` | the connection, its certificates and what is wrong with them |
//! | `file` | what a configuration has to do with it: files that cannot be used, and the answer that `--check` shows |
//!
//! It has a thread of its own, which may block: it answers each question once, within a third of the promise, and as soon as it can.
//! A question that has waited behind others for longer is not sent, and counts as one without an answer.
//! All but `pace` needs the feature `witness`; without it a configuration with a witness is refused.

#[cfg(feature = "witness")]
mod etcd;
mod file;
pub mod pace;
#[cfg(feature = "witness")]
mod standing;
#[cfg(test)]
#[cfg(feature = "witness")]
mod tests;
#[cfg(feature = "witness")]
mod tls;
#[cfg(feature = "witness")]
mod votes;

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use mio::Waker;
use schrittmacher_config::{Config, Core, Witness as Settings};
use schrittmacher_protocol::{Answer, Time, WitnessOrder};

pub use self::file::{ask, usable};
use crate::worker::Worker;

/// A question is answered in this part of its promise.
const PATIENCE: u32 = 3;
/// An answer that no resource needs is waited for at least and at most so long: questions wait behind it.
const LOOK_PATIENCE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(5));

/// A question or an order of one resource.
#[derive(Debug)]
#[cfg_attr(not(feature = "witness"), expect(dead_code, reason = "there is no thread that reads it"))]
struct Job {
    index: usize,
    name: String,
    order: WitnessOrder,
    asked: Time,
    promise: Duration,
}

#[derive(Debug)]
#[cfg_attr(not(feature = "witness"), expect(dead_code, reason = "there is no thread that reads it"))]
enum Task {
    Job(Job),
    /// See whether it answers.
    Look {
        asked: Time,
        patience: Duration,
    },
}

/// What is known by a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    /// The answer to this resource's question.
    pub answer: Option<(usize, Answer)>,
    /// Whether the witness answers. `None`: it was not asked.
    pub answers: Option<bool>,
    /// How long it took to answer, from the asking on. `None`: it did not.
    pub took: Option<Duration>,
    /// Whether it tells of an alarm, like a full disk. `None`: it was not asked, or did not say.
    pub alarm: Option<bool>,
    /// Its revision, as far as it is known: each lease that is granted has a greater one than all of its resource before.
    pub revision: u64,
}

/// Other settings that the thread has not taken yet.
type NewSettings = Arc<Mutex<Option<Settings>>>;

/// The event loop's end of the thread.
#[derive(Debug)]
pub struct Witness {
    worker: Worker<Task, Told>,
    settings: Settings,
    new_settings: NewSettings,
}

impl Witness {
    /// Starts the thread, if there is a witness.
    ///
    /// # Errors
    ///
    /// The thread cannot be started, or its files cannot be used.
    pub fn start(config: &Config, waker: Arc<Waker>) -> io::Result<Option<Witness>> {
        let Some(settings) = config.core.witness.clone() else { return Ok(None) };
        let new_settings = NewSettings::default();
        let worker = start(config, &settings, Arc::clone(&new_settings), waker)?;
        Ok(Some(Witness { worker, settings, new_settings }))
    }

    /// Takes other files and another user. True if there are such.
    pub fn configure(&mut self, core: &Core) -> bool {
        let Some(settings) = core.witness.as_ref().filter(|settings| **settings != self.settings) else {
            return false;
        };
        self.settings = settings.clone();
        *self.new_settings.lock().unwrap_or_else(PoisonError::into_inner) = Some(settings.clone());
        true
    }

    /// Hands a question or an order on. False if too many wait.
    pub fn tell(
        &self,
        index: usize,
        name: &str,
        order: WitnessOrder,
        asked: Time,
        promise: Duration,
    ) -> bool {
        self.worker.give(Task::Job(Job { index, name: name.to_owned(), order, asked, promise })).is_ok()
    }

    /// Has it seen whether the witness answers. With too many questions that wait, their answers show that.
    pub fn look(&self, now: Time, longest_promise: Duration) {
        let patience = look_patience(longest_promise);
        let _: Result<(), Task> = self.worker.give(Task::Look { asked: now, patience });
    }

    /// The next thing that is known.
    pub fn told(&self) -> Option<Told> {
        self.worker.outcome()
    }
}

/// As long as the most patient question would wait, within bounds.
fn look_patience(longest_promise: Duration) -> Duration {
    pace::limit(longest_promise).clamp(LOOK_PATIENCE.0, LOOK_PATIENCE.1)
}

#[cfg(feature = "witness")]
fn start(
    config: &Config,
    settings: &Settings,
    new_settings: NewSettings,
    waker: Arc<Waker>,
) -> io::Result<Worker<Task, Told>> {
    let mut votes = votes::Votes::new(&config.core, settings, new_settings)?;
    // Each resource has one question at most, and an order before it.
    let waiting = votes::WAITING.max(2 * config.resources.len());
    Worker::start_in_lots("witness", waiting, votes::LOT, waker, move |tasks, tell| votes.work(tasks, tell))
}

#[cfg(not(feature = "witness"))]
fn start(_: &Config, _: &Settings, _: NewSettings, _: Arc<Waker>) -> io::Result<Worker<Task, Told>> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "this program was built without the feature `witness`"))
}
