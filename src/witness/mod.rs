//! The third vote: leases in etcd, one key for each resource (`docs/adr/0081-a-key-that-stands-still.md`).
//!
//! * `etcd`: its JSON gateway
//! * `standing`: whether a key may be taken
//! * `pace`: how long it takes to answer
//!
//! It has a thread of its own, which may block: it answers each question once, within a third of the promise.

mod etcd;
pub mod pace;
mod standing;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use log::{info, warn};
use mio::Waker;
use schrittmacher_config::{Core, Witness as Endpoints};
use schrittmacher_protocol::{Answer, Time, WitnessOrder};

use self::etcd::{Etcd, Failed, Reply};
use self::standing::{Standing, Step};
use crate::event_loop::clock;
use crate::logging::RateLimited;
use crate::worker::Worker;

/// Questions and orders that may wait.
const WAITING: usize = 1024;
/// A question is answered in this part of its promise.
const PATIENCE: u32 = 3;
/// Another program may write the key: after this number of surprises a question is refused.
const TRIES: u32 = 4;

/// How long an answer is waited for that no resource needs.
const LOOK_PATIENCE: Duration = Duration::from_secs(1);
/// A reason for its silence, or a change of the cluster, is told once in this time.
const WARNING_INTERVAL: Duration = Duration::from_secs(60);

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
pub struct Told {
    /// The answer to this resource's question.
    pub answer: Option<(usize, Answer)>,
    /// Whether the witness answers. `None`: it was not asked.
    pub answers: Option<bool>,
    /// How long it took to answer, from the asking on. `None`: it did not.
    pub took: Option<Duration>,
    /// Its revision, as far as it is known: each lease that is granted has a greater one than all before.
    pub revision: u64,
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

    /// Has it seen whether the witness answers. With too many questions that wait, their answers show that.
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
    /// The cluster that answered last.
    cluster: Option<Cluster>,
    /// Whether its last answer was one; `None` before the first.
    answers: Option<bool>,
    warned: RateLimited<String>,
}

/// A cluster, or a state of it that was not set back.
#[derive(Debug)]
struct Cluster {
    id: String,
    revision: u64,
    /// Since when it answers. The first one of a run is as good as known: the wait of a daemon that starts is as long.
    since: Option<Time>,
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
            answers: None,
            warned: RateLimited::new(WARNING_INTERVAL),
        })
    }

    fn work(&mut self, task: &Task) -> Told {
        let (asked, patience) = match task {
            Task::Job(job) => (job.asked, pace::limit(job.promise)),
            Task::Look(asked) => (*asked, LOOK_PATIENCE),
        };
        let until = asked + patience;
        // One that has waited in our own queue for too long says nothing about the witness.
        let in_time = clock::now() < until;
        match task {
            Task::Job(job) if job.order == WitnessOrder::Ask => {
                let result = in_time.then(|| self.ask(job, until));
                let answer = match &result {
                    Some(Ok(answer)) => *answer,
                    Some(Err(_)) | None => Answer::Unreachable,
                };
                self.told(Some((job.index, answer)), result, asked)
            }
            // What is not given back stays ours until it has stood still: that is safe, and costs the other side time.
            Task::Job(job) => {
                let result = if in_time { self.give_back(job, until) } else { None };
                self.told(None, result, asked)
            }
            Task::Look(_) => {
                let result = in_time.then(|| self.look(until));
                self.told(None, result, asked)
            }
        }
    }

    fn told<T>(
        &mut self,
        answer: Option<(usize, Answer)>,
        result: Option<Result<T, Failed>>,
        asked: Time,
    ) -> Told {
        let answers = self.noted(result);
        let took = (answers == Some(true)).then(|| clock::now().since(asked));
        Told { answer, answers, took, revision: self.cluster.as_ref().map_or(0, |cluster| cluster.revision) }
    }

    /// Whether it answers, if it was asked. Tells of a witness that does not answer, and of one that answers again.
    fn noted<T>(&mut self, result: Option<Result<T, Failed>>) -> Option<bool> {
        let result = result?;
        let before = self.answers.replace(result.is_ok());
        match result {
            Ok(_) if before.is_none() => info!("the witness answers"),
            Ok(_) if before == Some(false) => {
                if let Some(more) = self.warned.pass(String::new(), clock::now()) {
                    info!("the witness answers again{more}");
                }
            }
            Ok(_) => {}
            Err(failed) => {
                let text = failed.to_string();
                if let Some(more) = self.warned.pass(text.clone(), clock::now()) {
                    warn!("the witness does not answer: {text}{more}");
                }
            }
        }
        self.answers
    }

    fn ask(&mut self, job: &Job, until: Time) -> Result<Answer, Failed> {
        let key = self.key(&job.name);
        for _ in 0..TRIES {
            let step = self.standings.entry(job.name.clone()).or_default().step(&self.own, clock::now());
            let reply = match step {
                Step::Take { revision } => {
                    let value = standing::value(&self.own, job.promise);
                    self.etcd.take(&key, revision, &value, until)?
                }
                Step::Look => self.etcd.look(&key, until)?,
            };
            self.saw(&job.name, &reply);
            let next = self.standings[&job.name].step(&self.own, clock::now());
            match step {
                // In a cluster that we did not know the other side may have had it a moment ago.
                Step::Take { .. } if reply.is_taken && !self.is_new_cluster(job.promise) => {
                    return Ok(Answer::Granted(job.asked));
                }
                Step::Take { .. } if reply.is_taken => return Ok(Answer::Refused),
                Step::Look if next == Step::Look => return Ok(Answer::Refused),
                Step::Take { .. } | Step::Look => {}
            }
        }
        Ok(Answer::Refused)
    }

    /// `None` if there is nothing to give back.
    fn give_back(&mut self, job: &Job, until: Time) -> Option<Result<(), Failed>> {
        let revision = self.standings.get(&job.name)?.held_by(&self.own)?;
        let nobody = standing::value("", Duration::ZERO);
        let result = self.etcd.take(&self.key(&job.name), revision, &nobody, until);
        Some(result.map(|reply| self.saw(&job.name, &reply)))
    }

    fn look(&mut self, until: Time) -> Result<(), Failed> {
        let reply = self.etcd.look(&self.folder, until)?;
        self.note_cluster(&reply);
        Ok(())
    }

    fn key(&self, name: &str) -> String {
        format!("{}{name}", self.folder)
    }

    /// Takes note of what a reply shows of a resource's key.
    fn saw(&mut self, name: &str, reply: &Reply) {
        self.note_cluster(reply);
        self.standings.entry(name.to_owned()).or_default().saw(reply, clock::now());
    }

    /// In another cluster, or in one that was set back, nothing that was known of any key counts.
    fn note_cluster(&mut self, reply: &Reply) {
        let Reply { cluster: id, revision, .. } = reply;
        let now = clock::now();
        if let Some(known) = &mut self.cluster
            && known.id == *id
            && known.revision <= *revision
        {
            known.revision = *revision;
            return;
        }
        let is_first = self.cluster.is_none();
        let since = (!is_first).then_some(now);
        self.cluster = Some(Cluster { id: id.clone(), revision: *revision, since });
        self.standings.clear();
        if !is_first && let Some(more) = self.warned.pass(id.clone(), now) {
            warn!(
                "another etcd answers, or it was set back: cluster {id}, revision {revision}; nothing is granted \
                 for one `promise`{more}"
            );
        }
    }

    fn is_new_cluster(&self, promise: Duration) -> bool {
        let since = self.cluster.as_ref().and_then(|cluster| cluster.since);
        since.is_some_and(|since| clock::now() < since + promise)
    }
}
