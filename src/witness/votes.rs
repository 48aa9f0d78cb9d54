//! The thread's work: questions for leases, those that wait at once in one transaction.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::PoisonError;
use std::time::Duration;

use log::{error, info, warn};
use schrittmacher_config::{Core, Witness as Settings};
use schrittmacher_protocol::{Answer, Time, WitnessOrder};

use super::etcd::{Etcd, Failed, Header, Reply, Wish};
use super::standing::{self, Standing, Step};
use super::{Job, NewSettings, Task, Told, pace};
use crate::event_loop::clock;
use crate::logging::RateLimited;

/// Questions and orders that may wait, at least.
pub(super) const WAITING: usize = 1024;
/// Questions that are asked at once. etcd takes 128 operations in a transaction, with those of one within it, if no operator has
/// changed that.
pub(super) const LOT: usize = 100;
/// Another program may write the key: after this number of surprises a question is refused.
const TRIES: u32 = 4;
/// A reason for its silence, or a change of the cluster, is told once in this time.
const WARNING_INTERVAL: Duration = Duration::from_secs(60);

/// The thread's own.
pub(super) struct Votes {
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
    /// What was told of its alarms last.
    alarms: Option<String>,
    /// It was told that it says nothing of them.
    hides_alarms: bool,
    warned: RateLimited<String>,
    new_settings: NewSettings,
}

/// A cluster, or a state of it that was not set back.
#[derive(Debug)]
struct Cluster {
    id: String,
    revision: u64,
    /// Since when it answers. The first one of a run is as good as known: the wait of a daemon that starts is as long.
    since: Option<Time>,
}

/// Takes what is known, as soon as it is: a lease that is granted has to be known before the questions after it are asked.
type Tell<'a> = dyn FnMut(Vec<Told>) + 'a;

impl Votes {
    pub fn new(core: &Core, settings: &Settings, new_settings: NewSettings) -> io::Result<Votes> {
        let (local, remote) = (core.local_address, core.remote_address);
        let (low, high) = (local.min(remote), local.max(remote));
        Ok(Votes {
            etcd: Etcd::new(settings)?,
            folder: format!("{}{low}-{high}/", settings.prefix),
            own: local.to_string(),
            standings: BTreeMap::new(),
            cluster: None,
            answers: None,
            alarms: None,
            hides_alarms: false,
            warned: RateLimited::new(WARNING_INTERVAL),
            new_settings,
        })
    }

    /// Tells what is known by each of these.
    pub fn work(&mut self, tasks: Vec<Task>, tell: &mut Tell<'_>) {
        self.take_settings();
        // The shortest promises first, since none of their questions shall wait for a more patient one.
        let mut jobs: BTreeMap<Duration, Vec<Job>> = BTreeMap::new();
        let mut looks = Vec::new();
        for task in tasks {
            match task {
                Task::Job(job) => jobs.entry(job.promise).or_default().push(job),
                Task::Look { asked, patience } => looks.push((asked, patience)),
            }
        }
        for (promise, jobs) in jobs {
            self.in_order(promise, jobs, tell);
        }
        for (asked, patience) in looks {
            tell(vec![self.look(asked, patience)]);
        }
    }

    fn take_settings(&mut self) {
        let new = self.new_settings.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(new) = new else { return };
        match self.etcd.configure(&new) {
            Ok(()) => info!("the witness is asked with the new files and user from now on"),
            // They were looked at with the configuration.
            Err(why) => error!("the witness is asked as before: {why}"),
        }
        // What goes wrong with these is told at once.
        self.warned = RateLimited::new(WARNING_INTERVAL);
        self.hides_alarms = false;
    }

    /// One question or order of a resource after the other.
    fn in_order(&mut self, promise: Duration, mut jobs: Vec<Job>, tell: &mut Tell<'_>) {
        while !jobs.is_empty() {
            let mut names = BTreeSet::new();
            let second = jobs.iter().position(|job| !names.insert(job.name.as_str()));
            let later = jobs.split_off(second.unwrap_or(jobs.len()));
            self.answer(promise, jobs, tell);
            jobs = later;
        }
    }

    /// Tells what comes of jobs of different resources.
    fn answer(&mut self, promise: Duration, jobs: Vec<Job>, tell: &mut Tell<'_>) {
        let patience = pace::limit(promise);
        let now = clock::now();
        // One that has waited in our own queue for too long says nothing about the witness.
        let (in_time, late): (Vec<Job>, Vec<Job>) =
            jobs.into_iter().partition(|job| now < job.asked + patience);
        self.tell_all(&late, Answer::Unreachable, None, tell);
        self.exchange(in_time, patience, tell);
    }

    fn tell_all(&self, jobs: &[Job], answer: Answer, answers: Option<bool>, tell: &mut Tell<'_>) {
        if !jobs.is_empty() {
            tell(jobs.iter().map(|job| self.told(job, answer, answers)).collect());
        }
    }

    fn told(&self, job: &Job, answer: Answer, answers: Option<bool>) -> Told {
        let took = (answers == Some(true)).then(|| clock::now().since(job.asked));
        let answer = (job.order == WitnessOrder::Ask).then_some((job.index, answer));
        Told { answer, answers, took, alarm: None, revision: self.revision() }
    }

    fn revision(&self) -> u64 {
        self.cluster.as_ref().map_or(0, |cluster| cluster.revision)
    }

    /// Whether it answers. Tells of a witness that does not answer, and of one that answers again.
    fn noted(&mut self, result: Result<(), &Failed>) -> Option<bool> {
        let before = self.answers.replace(result.is_ok());
        match result {
            Ok(()) if before.is_none() => info!("the witness answers"),
            Ok(()) if before == Some(false) => {
                if let Some(more) = self.warned.pass(String::new(), clock::now()) {
                    info!("the witness answers again{more}");
                }
            }
            Ok(()) => {}
            Err(failed) => {
                let text = failed.to_string();
                if let Some(more) = self.warned.pass(text.clone(), clock::now()) {
                    warn!("the witness does not answer: {text}{more}");
                }
            }
        }
        self.answers
    }

    /// Asks for all jobs at once, and again for those whose key was not as it was known.
    fn exchange(&mut self, jobs: Vec<Job>, patience: Duration, tell: &mut Tell<'_>) {
        let (mut open, mut tries) = (jobs, 0);
        while tries < TRIES {
            let (mut wanted, mut wishes, mut without) = (Vec::new(), Vec::new(), Vec::new());
            for job in open {
                match self.wish(&job) {
                    Some(wish) => {
                        wanted.push(job);
                        wishes.push(wish);
                    }
                    None => without.push(job),
                }
            }
            self.tell_all(&without, Answer::Refused, None, tell);
            open = wanted;
            // No question waits for the sake of a newer one.
            let Some(oldest) = open.iter().map(|job| job.asked).min() else { return };
            let (until, begin) = (oldest + patience, clock::now());
            let (header, replies) = match self.etcd.exchange(&self.folder, &wishes, until) {
                Ok(answered) => answered,
                // What is not given back stays ours until it has stood still: that is safe, and costs the other side time.
                Err(failed) => {
                    open = self.without_answer(&failed, open, patience, until.since(begin), tell);
                    continue;
                }
            };
            tries += 1;
            self.note_cluster(&header);
            let answers = self.noted(Ok(()));
            let (mut told, mut undecided) = (Vec::new(), Vec::new());
            for ((job, wish), reply) in open.into_iter().zip(&wishes).zip(&replies) {
                match self.decide(&job, wish, reply) {
                    Some(answer) => told.push(self.told(&job, answer, answers)),
                    None => undecided.push(job),
                }
            }
            if !told.is_empty() {
                tell(told);
            }
            open = undecided;
        }
        self.tell_all(&open, Answer::Refused, Some(true), tell);
    }

    /// Those that are asked again, since the oldest one's time was over and not theirs. They have more time than the `last` try had:
    /// with less, the tries would become short and many.
    fn without_answer(
        &mut self,
        failed: &Failed,
        open: Vec<Job>,
        patience: Duration,
        last: Duration,
        tell: &mut Tell<'_>,
    ) -> Vec<Job> {
        let now = clock::now();
        let (again, over): (Vec<Job>, Vec<Job>) = open
            .into_iter()
            .partition(|job| matches!(failed, Failed::Late) && (job.asked + patience).since(now) > last);
        let answers = self.noted(Err(failed));
        self.tell_all(&over, Answer::Unreachable, answers, tell);
        again
    }

    /// What etcd is asked for a job's sake. `None`: there is nothing to give back.
    fn wish(&mut self, job: &Job) -> Option<Wish> {
        let key = self.key(&job.name);
        let write = match job.order {
            WitnessOrder::Ask => {
                let standing = self.standings.entry(job.name.clone()).or_default();
                match standing.step(&self.own, clock::now()) {
                    Step::Take { revision } => Some((revision, standing::value(&self.own, job.promise))),
                    Step::Look => None,
                }
            }
            WitnessOrder::GiveBack => {
                let revision = self.standings.get(&job.name)?.held_by(&self.own)?;
                Some((revision, standing::value("", Duration::ZERO)))
            }
        };
        Some(Wish { key, write })
    }

    /// Takes note of the reply, and decides. `None`: the question has to be asked in another way.
    fn decide(&mut self, job: &Job, wish: &Wish, reply: &Reply) -> Option<Answer> {
        let now = clock::now();
        let standing = self.standings.entry(job.name.clone()).or_default();
        standing.saw(reply, now);
        let next = standing.step(&self.own, now);
        let takes = wish.write.is_some();
        if job.order == WitnessOrder::GiveBack {
            return Some(Answer::Refused);
        }
        match takes {
            // In a cluster that we did not know the other side may have had it a moment ago.
            true if reply.is_taken && !self.is_new_cluster(job.promise) => Some(Answer::Granted(job.asked)),
            true if reply.is_taken => Some(Answer::Refused),
            false if next == Step::Look => Some(Answer::Refused),
            true | false => None,
        }
    }

    fn look(&mut self, asked: Time, patience: Duration) -> Told {
        let until = asked + patience;
        let (mut answers, mut alarm) = (None, None);
        if clock::now() < until {
            let result = self.first_answer(until).map(|header| self.note_cluster(&header));
            answers = self.noted(result.as_ref().copied());
        }
        let took = (answers == Some(true)).then(|| clock::now().since(asked));
        if answers == Some(true) {
            alarm = self.note_alarms(until);
        }
        Told { answer: None, answers, took, alarm, revision: self.revision() }
    }

    /// Whether there is one, if it says so. Each is told once, and so is a refusal: some let none but an administrator ask.
    fn note_alarms(&mut self, until: Time) -> Option<bool> {
        let alarms = match self.etcd.alarms(until) {
            Ok(alarms) => alarms,
            Err(refused @ Failed::Refused(..)) if !std::mem::replace(&mut self.hides_alarms, true) => {
                warn!(
                    "the witness does not say whether there is an alarm, like a full disk: {refused}; one is not shown here, though \
                     it may grant nothing then: look with `etcdctl alarm list`"
                );
                return None;
            }
            Err(_) => return None,
        };
        if alarms != self.alarms {
            match &alarms {
                Some(alarms) => warn!("the witness tells of an alarm, and may grant nothing: {alarms}"),
                None => info!("the witness tells of no alarm any more"),
            }
            self.alarms.clone_from(&alarms);
        }
        Some(alarms.is_some())
    }

    /// Whether it answers at all.
    pub fn first_answer(&mut self, until: Time) -> Result<Header, Failed> {
        self.etcd.exchange(&self.folder, &[], until).map(|(header, _)| header)
    }

    fn key(&self, name: &str) -> String {
        format!("{}{name}", self.folder)
    }

    /// In another cluster, or in one that was set back, nothing that was known of any key counts.
    fn note_cluster(&mut self, Header { cluster: id, revision }: &Header) {
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
