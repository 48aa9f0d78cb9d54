//! The third vote: leases in etcd, one key for each resource (`docs/adr/0081-a-key-that-stands-still.md`).
//!
//! * `etcd`: its JSON gateway
//! * `standing`: whether a key may be taken
//!
//! It has a thread of its own, which may block: it answers each question once, within a third of the promise.

mod etcd;
mod standing;

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use log::{info, warn};
use mio::Waker;
use schrittmacher_config::{Core, Witness as Endpoints};
use schrittmacher_protocol::{Answer, Time, WitnessOrder};

use self::etcd::{Etcd, Failed};
use self::standing::{Standing, Step};
use crate::event_loop::clock;
use crate::worker::Worker;

/// Questions and orders that may wait.
const WAITING: usize = 1024;
/// A question is answered in this part of its promise.
const PATIENCE: u32 = 3;
/// Another program may write the key: after this number of surprises a question is refused.
const TRIES: u32 = 4;

/// How long an answer is waited for that no resource needs.
const LOOK_PATIENCE: Duration = Duration::from_secs(1);

/// A question or an order of one resource.
#[derive(Debug)]
struct Job {
    index: usize,
    name: String,
    order: WitnessOrder,
    asked: Time,
    promise: Duration,
}

#[derive(Debug)]
enum Task {
    Job(Job),
    /// See whether it answers.
    Look(Time),
}

/// What is known by a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// The answer to this resource's question.
    Answer(usize, Answer),
    /// Whether the witness answers.
    Answers(bool),
}

/// The event loop's end of the thread.
#[derive(Debug)]
pub struct Witness {
    worker: Worker<Task, Told>,
}

impl Witness {
    /// Starts the thread, if there is a witness.
    ///
    /// # Errors
    ///
    /// The thread cannot be started.
    pub fn start(core: &Core, waker: Arc<Waker>) -> io::Result<Option<Witness>> {
        let Some(endpoints) = &core.witness else { return Ok(None) };
        let mut votes = Votes::new(core.local_address, core.remote_address, endpoints)?;
        let worker = Worker::start("witness", WAITING, waker, move |task| votes.work(&task))?;
        Ok(Some(Witness { worker }))
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

    /// Has it seen whether the witness answers. Too many questions that wait show that, too.
    pub fn look(&self, now: Time) {
        let _: Result<(), Task> = self.worker.give(Task::Look(now));
    }

    /// The next thing that is known.
    pub fn told(&self) -> Option<Told> {
        self.worker.outcome()
    }
}

/// The thread's own.
struct Votes {
    etcd: Etcd,
    /// Of this pair: both addresses, the lesser one first.
    folder: String,
    /// This host in a key.
    own: String,
    standings: BTreeMap<String, Standing>,
    /// The cluster that answered last, and since when.
    cluster: Option<(String, Time)>,
    revision: u64,
    /// The operator was told that it does not answer.
    told: Option<String>,
    /// It has answered.
    is_known: bool,
}

impl Votes {
    fn new(local: IpAddr, remote: IpAddr, witness: &Endpoints) -> io::Result<Votes> {
        let (low, high) = (local.min(remote), local.max(remote));
        Ok(Votes {
            etcd: Etcd::new(witness.endpoints.clone())?,
            folder: format!("schrittmacher/{low}-{high}/"),
            own: local.to_string(),
            standings: BTreeMap::new(),
            cluster: None,
            revision: 0,
            told: None,
            is_known: false,
        })
    }

    fn work(&mut self, task: &Task) -> Told {
        match task {
            Task::Job(job) if job.order == WitnessOrder::Ask => {
                let result = self.ask(job, job.asked + job.promise / PATIENCE);
                Told::Answer(job.index, self.noted(result).unwrap_or(Answer::Unreachable))
            }
            // It stays ours until it has stood still: that is safe, and costs the other side time.
            Task::Job(job) => {
                let result = self.give_back(job, clock::now() + job.promise / PATIENCE);
                // Without a request it is as it was.
                let is_missed = self.told.is_some();
                Told::Answers(match result {
                    Ok(false) => !is_missed,
                    asked => self.noted(asked).is_some(),
                })
            }
            Task::Look(asked) => {
                let result = self.etcd.look(&self.folder, *asked + LOOK_PATIENCE);
                Told::Answers(self.noted(result).is_some())
            }
        }
    }

    /// Tells of a witness that does not answer, once, and of one that answers again.
    fn noted<T>(&mut self, result: Result<T, Failed>) -> Option<T> {
        match result {
            Ok(answer) => {
                let was_missed = self.told.take().is_some();
                if !std::mem::replace(&mut self.is_known, true) {
                    info!("the witness answers");
                } else if was_missed {
                    info!("the witness answers again");
                }
                Some(answer)
            }
            Err(failed) => {
                let text = failed.to_string();
                if self.told.as_ref() != Some(&text) {
                    warn!("the witness does not answer: {text}");
                    self.told = Some(text);
                }
                None
            }
        }
    }

    fn ask(&mut self, job: &Job, until: Time) -> Result<Answer, Failed> {
        let key = format!("{}{}", self.folder, job.name);
        for _ in 0..TRIES {
            let standing = self.standings.entry(job.name.clone()).or_default();
            let step = standing.step(&self.own, clock::now());
            let reply = match step {
                Step::Take { revision } => {
                    let value = standing::value(&self.own, job.promise);
                    self.etcd.take(&key, revision, &value, until)?
                }
                Step::Look => self.etcd.look(&key, until)?,
            };
            let is_new = self.note_cluster(&reply.cluster, reply.revision, job.promise);
            let now = clock::now();
            let standing = self.standings.entry(job.name.clone()).or_default();
            if is_new {
                *standing = Standing::default();
            }
            standing.saw(&reply, now);
            match step {
                // A key in a cluster that we do not know may have been ours to lose a moment ago.
                Step::Take { .. } if reply.is_taken && !self.is_new_cluster(now, job.promise) => {
                    return Ok(Answer::Granted(job.asked));
                }
                Step::Take { .. } if reply.is_taken => return Ok(Answer::Refused),
                Step::Take { .. } => {}
                Step::Look if self.standings[&job.name].step(&self.own, now) == Step::Look => {
                    return Ok(Answer::Refused);
                }
                Step::Look => {}
            }
        }
        Ok(Answer::Refused)
    }

    /// False if there is nothing to give back.
    fn give_back(&mut self, job: &Job, until: Time) -> Result<bool, Failed> {
        let key = format!("{}{}", self.folder, job.name);
        let Some(standing) = self.standings.get_mut(&job.name) else { return Ok(false) };
        let Some(revision) = standing.held_by(&self.own) else { return Ok(false) };
        let reply = self.etcd.take(&key, revision, &standing::value("", Duration::ZERO), until)?;
        standing.saw(&reply, clock::now());
        Ok(true)
    }

    /// Whether another cluster answers, or one that was set back: what was known of keys does not count there.
    fn note_cluster(&mut self, cluster: &str, revision: u64, promise: Duration) -> bool {
        let now = clock::now();
        let is_same =
            self.cluster.as_ref().is_some_and(|(known, _)| known == cluster) && revision >= self.revision;
        if !is_same {
            // The first one of a run is as good as known: the wait of a daemon that starts is as long.
            let since = if self.cluster.is_some() {
                warn!(
                    "another etcd answers, cluster {cluster} at revision {revision}: nothing is granted for {} s",
                    promise.as_secs_f64()
                );
                now
            } else {
                Time::ZERO
            };
            self.cluster = Some((cluster.to_owned(), since));
        }
        self.revision = revision;
        !is_same
    }

    fn is_new_cluster(&self, now: Time, promise: Duration) -> bool {
        self.cluster.as_ref().is_some_and(|(_, since)| *since != Time::ZERO && now < *since + promise)
    }
}
