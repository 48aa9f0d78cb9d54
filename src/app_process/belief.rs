//! The facts about the application's process of one resource.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use log::{debug, warn};
use schrittmacher_protocol::Time;
use schrittmacher_wire::AppCode;

use super::candidates::{Candidates, Claim};
use super::doubt::{Doubt, Refused, Warnings};
use super::look::Sight;
use super::pid_file;
use super::pidfd::Pidfd;
use super::task::{Finding, Task};
use crate::sender::Sender;
use crate::worker::Worker;

/// How often a pid file is read at most while no process is believed.
const PID_FILE_PAUSE: Duration = Duration::from_secs(1);
/// And while its process lives: it may name another one already.
const PID_FILE_PAUSE_BELIEVED: Duration = Duration::from_secs(10);

/// How often two processes that contradict each other are told.
const CONTRADICTION_PAUSE: Duration = Duration::from_secs(3600);

#[derive(Debug)]
pub(super) struct AppProcess {
    pub(super) name: Arc<str>,
    pid_file: Option<Arc<Path>>,
    /// The owner of that file, once it was read.
    pub(super) pid_file_owner: Option<u32>,
    /// How long the believed process must be silent before another living one takes its place.
    patience: Duration,
    pub(super) believed: Option<Believed>,
    pub(super) candidates: Candidates,
    pub(super) refused: Option<Refused>,
    warnings: Warnings,
    pub(super) pid_file_due: Time,
    pub(super) pid_file_pending: bool,
    /// When the operator was told that two processes contradict each other.
    contradiction: Option<Time>,
    /// When the operator was told that two users claim the resource.
    rivalry: Option<Time>,
}

/// Which users may displace which, while no `app-user` says it (door-4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    /// Anybody.
    Any,
    /// The owner of `pid-file`.
    PidFileOwner,
    Root,
}

#[derive(Debug)]
pub(super) struct Believed {
    pub(super) pid: u32,
    /// The user who has named it.
    pub(super) user: u32,
    pub(super) process: Pidfd,
    pub(super) sight: Sight,
    pub(super) heard: Time,
    /// It was named by the pid file, not by messages.
    pub(super) by_file: bool,
    /// Its last report.
    pub(super) said: Option<AppCode>,
    /// How often in a row it has seemed that a signal would end it.
    looks: usize,
    /// The operator was told that a signal would end it.
    pub(super) told_unhandled: bool,
}

/// When a process is looked at again that seems not to take its signal. It may only have been woken from sigwait(3), for a moment.
const LOOK_AGAIN: [Duration; 4] = [
    Duration::from_millis(1),
    Duration::from_millis(4),
    Duration::from_millis(16),
    Duration::from_millis(64),
];

impl Believed {
    pub(super) fn new(pid: u32, user: u32, process: Pidfd, by_file: bool, now: Time) -> Believed {
        let sight = Sight::of(pid);
        Believed {
            pid,
            user,
            process,
            sight,
            heard: now,
            by_file,
            said: None,
            looks: 0,
            told_unhandled: false,
        }
    }

    /// Keeps open what it is looked at by.
    pub(super) fn keep_sight(&mut self) {
        let sight = Sight::kept(self.pid);
        // The number was not another process's by then if this one lives.
        if !self.process.has_ended() {
            self.sight = sight;
        }
    }

    /// It seems that a signal would end it. Gives the pause before the next look, if there is to be one.
    pub(super) fn seems_unhandled(&mut self) -> Option<Duration> {
        let pause = LOOK_AGAIN.get(self.looks).copied().filter(|_| !self.told_unhandled);
        self.looks = if pause.is_some() { self.looks + 1 } else { 0 };
        pause
    }

    /// There is an order that it was not looked at for.
    pub(super) fn look_anew(&mut self) {
        self.looks = 0;
    }

    /// It takes its signals.
    pub(super) fn was_signalled(&mut self) {
        (self.looks, self.told_unhandled) = (0, false);
    }
}

impl AppProcess {
    pub(super) fn new(resource: &schrittmacher_config::Resource) -> AppProcess {
        AppProcess {
            name: Arc::clone(&resource.name),
            pid_file: resource.pid_file.as_deref().map(Arc::from),
            pid_file_owner: None,
            patience: resource.app_timeout / 2,
            believed: None,
            candidates: Candidates::default(),
            refused: None,
            warnings: Warnings::default(),
            pid_file_due: Time::ZERO,
            pid_file_pending: false,
            contradiction: None,
            rivalry: None,
        }
    }

    /// Takes a changed configuration; the believed process stays.
    pub(super) fn configure(&mut self, resource: &schrittmacher_config::Resource) {
        if self.pid_file.as_deref() != resource.pid_file.as_deref() {
            self.pid_file_owner = None;
        }
        self.pid_file = resource.pid_file.as_deref().map(Arc::from);
        self.patience = resource.app_timeout / 2;
    }

    /// Whether a living process is believed that has been heard lately.
    pub(super) fn is_taken(&self, now: Time) -> bool {
        self.believed.as_ref().is_some_and(|believed| {
            now.since(believed.heard) < self.patience && !believed.process.has_ended()
        })
    }

    /// Whether a report of another process than the believed one counts. It does not while that one reports: it knows its own state
    /// (`docs/adr/0090-a-second-process.md`).
    pub(super) fn lets_count(&self, code: AppCode, claim: Claim, now: Time) -> bool {
        let Some(believed) = self.believed.as_ref().filter(|_| self.is_taken(now)) else { return true };
        match code {
            // Orders are no reports.
            AppCode::Lrfo | AppCode::Lrto => true,
            // The service runs there, too; it may be the successor.
            AppCode::Lhot => true,
            // By UDP nobody knows who says it. A program that watches the application may.
            AppCode::Lfai if claim.user.is_none() => true,
            AppCode::Lunk | AppCode::Lsby | AppCode::L2ht | AppCode::L2sb | AppCode::Lfai => {
                // What `pid-file` names has others report for it.
                believed.by_file || self.outranks(claim.user, believed.user)
            }
        }
    }

    /// Two processes that report different states are told once an hour: only one of them can be the application.
    pub(super) fn note_contradiction(&mut self, pid: u32, code: AppCode, counts: bool, now: Time) {
        let Some(believed) = self.believed.as_ref().filter(|_| self.is_taken(now)) else { return };
        let Some(said) = believed.said.filter(|said| *said != code) else { return };
        if self.contradiction.is_some_and(|told| now.since(told) < CONTRADICTION_PAUSE) {
            return;
        }
        let what_counts = if counts { "both count" } else { "the first is the application, and counts" };
        warn!(
            target: &self.name,
            "two processes report for this resource: {} says {said}, {pid} says {code}; {what_counts}, so end one of them",
            believed.pid
        );
        self.contradiction = Some(now);
    }

    /// Whether a user has to give way to this one, as far as he is known.
    fn outranks(&self, user: Option<u32>, holder: u32) -> bool {
        user.is_some() && self.rank(user) > self.rank(Some(holder))
    }

    /// The process that is believed and reports, and its user.
    pub(super) fn incumbent(&self, now: Time) -> Option<(u32, u32)> {
        self.believed.as_ref().filter(|_| self.is_taken(now)).map(|believed| (believed.pid, believed.user))
    }

    /// The rank of a user; that of one who is not known yet is the lowest.
    pub(super) fn rank(&self, user: Option<u32>) -> Rank {
        rank(self.pid_file_owner, user)
    }

    /// Two users who claim one resource are told once an hour: one of them may be an intruder.
    pub(super) fn note_rivalry(&mut self, claim: Claim, now: Time) {
        let (Some((incumbent, holder)), Some(user)) = (self.incumbent(now), claim.user) else { return };
        if holder == user || self.rivalry.is_some_and(|told| now.since(told) < CONTRADICTION_PAUSE) {
            return;
        }
        warn!(
            target: &self.name,
            "two users report for this resource: user {holder} with process {incumbent}, and user {user} with process {}; \
             `app-user` says whose application it is",
            claim.pid
        );
        self.rivalry = Some(now);
    }

    pub(super) fn add_candidate(&mut self, claim: Claim, sender: &Sender, now: Time) {
        let pid = claim.pid;
        let process = match sender {
            _ if pid <= 1 || pid == std::process::id() => Err(Doubt::Reserved),
            Sender::Udp(_) => pid_file::open(pid),
            Sender::Local(credentials) if credentials.pid != pid => Err(Doubt::OtherSender),
            Sender::Local(credentials) => pid_file::living(Pidfd::of_sender(credentials)),
        };
        let owner = self.pid_file_owner;
        match process {
            Ok(process) => self.candidates.add(claim, process, |user| rank(owner, user), now),
            Err(doubt) => self.refuse(pid, doubt, now),
        }
    }

    pub(super) fn read_pid_file(&mut self, resource: usize, now: Time, worker: &Worker<Task, Finding>) {
        let Some(path) = self.pid_file.clone().filter(|_| !self.pid_file_pending && self.pid_file_due <= now)
        else {
            return;
        };
        self.pid_file_pending = worker.give(Task::PidFileRead { resource, path }).is_ok();
        let believed = self.believed.is_some();
        self.pid_file_due = now + if believed { PID_FILE_PAUSE_BELIEVED } else { PID_FILE_PAUSE };
    }

    /// Who owns the pid file may matter: he is above the others.
    pub(super) fn look_at_owner(&mut self, resource: usize, now: Time, worker: &Worker<Task, Finding>) {
        if self.pid_file_owner.is_none() {
            self.read_pid_file(resource, now, worker);
        }
    }

    pub(super) fn refuse(&mut self, pid: u32, doubt: Doubt, now: Time) {
        let is_news = self.warnings.is_news(pid, &doubt, now);
        let refused = Refused { pid, doubt };
        if is_news {
            warn!(
                target: &self.name,
                "{refused}; it is neither watched nor signalled, its messages count all the same"
            );
        } else {
            debug!(target: &self.name, "{refused}");
        }
        self.refused = Some(refused);
    }
}

fn rank(pid_file_owner: Option<u32>, user: Option<u32>) -> Rank {
    match user {
        Some(0) => Rank::Root,
        Some(_) if user == pid_file_owner => Rank::PidFileOwner,
        Some(_) | None => Rank::Any,
    }
}
