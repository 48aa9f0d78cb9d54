//! What is known of the application's process of one resource.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use log::{debug, warn};
use schrittmacher_protocol::Time;

use super::candidates::Candidates;
use super::doubt::{Doubt, Warnings};
use super::pid_file;
use super::pidfd::Pidfd;
use super::worker::{Task, Worker};
use crate::config;

/// How often a pid file is read at most while no process is believed.
const PID_FILE_PAUSE: Duration = Duration::from_secs(1);
/// And while its process lives: it may name another one already.
const PID_FILE_PAUSE_BELIEVED: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(super) struct Resource {
    pub(super) name: String,
    pid_file: Option<Arc<Path>>,
    /// How long the believed process must be silent before another living one takes its place.
    patience: Duration,
    pub(super) believed: Option<Believed>,
    pub(super) candidates: Candidates,
    pub(super) doubt: Option<(u32, Doubt)>,
    warnings: Warnings,
    pub(super) pid_file_due: Time,
    pub(super) pid_file_pending: bool,
}

#[derive(Debug)]
pub(super) struct Believed {
    pub(super) pid: u32,
    pub(super) process: Pidfd,
    pub(super) heard: Time,
    /// It was named by the pid file, not by messages.
    pub(super) by_file: bool,
}

impl Resource {
    pub(super) fn new(resource: &config::Resource) -> Resource {
        Resource {
            name: resource.name.clone(),
            pid_file: resource.pid_file.as_deref().map(Arc::from),
            patience: resource.app_timeout / 2,
            believed: None,
            candidates: Candidates::default(),
            doubt: None,
            warnings: Warnings::default(),
            pid_file_due: Time::ZERO,
            pid_file_pending: false,
        }
    }

    /// Takes a changed configuration; whoever is believed stays so.
    pub(super) fn configure(&mut self, resource: &config::Resource) {
        self.pid_file = resource.pid_file.as_deref().map(Arc::from);
        self.patience = resource.app_timeout / 2;
    }

    /// Whether a living process is believed that has been heard lately.
    pub(super) fn is_taken(&self, now: Time) -> bool {
        self.believed.as_ref().is_some_and(|believed| {
            now.since(believed.heard) < self.patience && !believed.process.has_ended()
        })
    }

    pub(super) fn add_candidate(&mut self, pid: u32, now: Time) {
        let process =
            if pid <= 1 || pid == std::process::id() { Err(Doubt::Reserved) } else { pid_file::open(pid) };
        match process {
            Ok(process) => self.candidates.add(pid, process, now),
            Err(doubt) => self.refuse(pid, doubt, now),
        }
    }

    pub(super) fn read_pid_file(&mut self, resource: usize, now: Time, worker: &Worker) {
        let Some(path) = self.pid_file.clone().filter(|_| !self.pid_file_pending && self.pid_file_due <= now)
        else {
            return;
        };
        self.pid_file_pending = worker.give(Task::PidFile { resource, path });
        let believed = self.believed.is_some();
        self.pid_file_due = now + if believed { PID_FILE_PAUSE_BELIEVED } else { PID_FILE_PAUSE };
    }

    pub(super) fn refuse(&mut self, pid: u32, doubt: Doubt, now: Time) {
        let what = match pid {
            0 => "no process is known".to_owned(),
            pid => format!("process {pid} is not believed"),
        };
        if self.warnings.is_news(pid, &doubt, now) {
            warn!(
                target: &self.name,
                "{what} to be the application's, so it is neither watched nor signalled; messages count all the \
                 same: {doubt}"
            );
        } else {
            debug!(target: &self.name, "{what} to be the application's: {doubt}");
        }
        self.doubt = Some((pid, doubt));
    }
}
