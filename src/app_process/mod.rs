//! The process of the application: which one it is, and when it ends (A3, D42).
//!
//! A number in a datagram is a claim. It becomes the believed process of its resource when
//!
//! * (a) the process lives when the message arrives (a pidfd is opened at once, so that it stays this process),
//! * (b) the sender may name it, `proof::may_name`: by the application socket the kernel says that the process itself has sent
//!   the message; by UDP the process has to have the socket that the message came from,
//! * (c) the same number has come twice, at least one second apart, in the life of one process.
//!
//! Before that it is used for nothing, and one warning says why. The message counts as life of the application all the same.
//! For an application that sends no pid, `pid-file` can name the process: `pid_file::process_of`.
//!
//! A believed process is watched by its pidfd, and signals go through the pidfd. So neither can hit another process that has
//! the number later. It is believed until it ends, or until another proven one takes its place. That happens only if it has
//! been silent for half of `app-timeout`. So two living processes of one application that both report do not push each other
//! out. Root displaces everybody, and the owner of the pid file everybody but root, so that a user who is faster keeps none
//! of them out (door-4).
//!
//! | question | module |
//! |---|---|
//! | what is known of the process of one resource | `belief` |
//! | which pids are claimed, and when each is looked at | `candidates` |
//! | may the sender name this process | `proof`, `sockets` |
//! | which process does the pid file name | `pid_file` |
//! | why is a process not believed | `doubt` |
//! | would a signal end it | `look` |
//!
//! `task` is what its thread asks the system; `pidfd` is the handle on a process.
//!
//! Without pidfd (other systems, Linux before 5.3) no process is ever believed. The silence of the application is the only
//! sign of its death, and it gets its orders by `start-action` and `stop-action`.

mod belief;
mod candidates;
mod doubt;
mod look;
mod pid_file;
mod pidfd;
mod proof;
mod sockets;
mod task;
#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests;

use std::io;
use std::os::fd::AsRawFd;
use std::sync::Arc;

use log::{debug, info, warn};
use mio::unix::SourceFd;
use mio::{Interest, Registry, Waker};
use nix::sys::signal::Signal;
use schrittmacher_protocol::Time;
use schrittmacher_wire::AppCode;

use self::belief::{AppProcess, Believed, Rank};
use self::candidates::{Claim, Hearing};
use self::doubt::Doubt;
use self::pid_file::Named;
use self::pidfd::Pidfd;
use self::proof::Claimant;
pub use self::proof::began;
use self::task::{Finding, Task, WAITING, find};
use crate::deadlines::Deadlines;
use crate::sender::Sender;
use crate::token::Source;
use crate::worker::Worker;

/// Resources whose processes are looked at by files that are kept open, the first ones: each costs some 8 KiB of the kernel's memory.
const KEPT: usize = 2048;

/// The application processes of all resources.
#[derive(Debug)]
pub struct AppProcesses {
    registry: Registry,
    worker: Worker<Task, Finding>,
    supported: bool,
    resources: Vec<AppProcess>,
    /// Resources of which a process is believed since this was asked last.
    newly_known: Vec<usize>,
    /// When a process is looked at again that has seemed not to take its signal.
    looks: Deadlines,
}

/// Why a signal was not sent.
#[derive(Debug, thiserror::Error)]
pub enum SignalError {
    /// No process of the application is believed.
    #[error("no process of the application is known")]
    NoProcess,
    /// The signal would end the process, as it seems. It is looked at again: [`AppProcesses::take_ready`].
    #[error("process {pid} does not seem to take the signal")]
    LookAgain {
        /// The believed process.
        pid: u32,
    },
    /// The signal would end the process.
    #[error("process {pid} has no handler for the signal")]
    NoHandler {
        /// The believed process.
        pid: u32,
    },
    /// The process has ended, or we may not signal it.
    #[error("process {pid}: {error}")]
    System {
        /// The believed process.
        pid: u32,
        /// The system's error.
        error: io::Error,
    },
}

impl AppProcesses {
    /// Watches the processes of these resources with `registry`. `waker` is woken when
    /// [`AppProcesses::on_worker_result`] has to be called.
    ///
    /// # Errors
    ///
    /// The worker's thread can't be started.
    pub fn new(
        resources: &[schrittmacher_config::Resource],
        registry: Registry,
        waker: Arc<Waker>,
    ) -> io::Result<AppProcesses> {
        let supported = Pidfd::open(std::process::id());
        if let Err(error) = &supported {
            info!(
                "this system gives no pidfd ({error}): processes of applications are neither watched nor signalled"
            );
        }
        Ok(AppProcesses {
            registry,
            worker: Worker::start_in_lots("app-process", WAITING, WAITING, waker, find)?,
            supported: supported.is_ok(),
            resources: resources.iter().map(AppProcess::new).collect(),
            newly_known: Vec::new(),
            looks: Deadlines::default(),
        })
    }

    /// Takes the changed configuration of a resource, or that of one more resource, whose index is the next one.
    pub fn configure(&mut self, index: usize, resource: &schrittmacher_config::Resource) {
        match self.resources.get_mut(index) {
            Some(state) => state.configure(resource),
            None => self.resources.push(AppProcess::new(resource)),
        }
    }

    /// Stops watching the process of a resource that is no more, and believes none any more.
    pub fn forget(&mut self, index: usize) {
        let Some(state) = self.resources.get_mut(index) else { return };
        state.candidates.forget();
        state.pid_file_pending = false;
        state.refused = None;
        if let Some(believed) = state.believed.take() {
            unwatch(&self.registry, &believed.process);
        }
    }

    /// Takes a message of the application, from an address that may send such messages (A2). Never blocks. Says whether its report
    /// counts: that of a second process may not.
    pub fn heard(
        &mut self,
        resource: usize,
        code: Option<AppCode>,
        pid: Option<u32>,
        sender: &Sender,
        now: Time,
    ) -> bool {
        let Some(state) = self.resources.get_mut(resource).filter(|_| self.supported) else { return true };
        let Some(pid) = pid else {
            self.look(resource, now);
            return true;
        };
        if let Some(believed) = state.believed.as_mut().filter(|believed| believed.pid == pid) {
            believed.heard = now;
            believed.said = code.or(believed.said);
            return true;
        }
        let claim = Claim { pid, user: sender.user() };
        let counts = code.is_none_or(|code| state.lets_count(code, claim, now));
        if let Some(code) = code {
            state.note_contradiction(pid, code, counts, now);
        }
        self.observe(resource, code, claim, sender, now);
        counts
    }

    /// A process that is not the believed one has reported: it may become that.
    fn observe(&mut self, resource: usize, code: Option<AppCode>, claim: Claim, sender: &Sender, now: Time) {
        let (state, pid) = (&mut self.resources[resource], claim.pid);
        state.note_rivalry(claim, now);
        let incumbent = state.incumbent(now);
        let claimant = Claimant::from(sender);
        match state.candidates.heard(claim, now) {
            Hearing::Nothing => {}
            Hearing::New => state.add_candidate(claim, sender, now),
            Hearing::Due { ticket } => {
                // While the believed process reports, only one that says hot can be its successor; one of a user above need not be.
                let succeeds = code == Some(AppCode::Lhot);
                let may_outrank = |(_, user)| match claim.user {
                    Some(_) => state.rank(claim.user) > state.rank(Some(user)),
                    None => state.rank(Some(user)) < Rank::Root,
                };
                if !succeeds && incumbent.is_some_and(|incumbent| !may_outrank(incumbent)) {
                    return state.look_at_owner(resource, now, &self.worker);
                }
                let incumbent = incumbent.filter(|_| succeeds).map(|(pid, _)| pid);
                if self.worker.give(Task::Prove { resource, ticket, claimant, pid, incumbent }).is_ok() {
                    state.candidates.begin(ticket);
                }
            }
        }
    }

    /// The application is alive and names no process: `pid-file` may.
    pub fn look(&mut self, resource: usize, now: Time) {
        let Some(state) = self.resources.get_mut(resource).filter(|_| self.supported) else { return };
        if let Some(believed) = state.believed.as_mut().filter(|believed| believed.by_file) {
            believed.heard = now;
        }
        state.read_pid_file(resource, now, &self.worker);
    }

    /// Takes the waker's token: what the worker has found out. Changes what [`AppProcesses::believed`] says.
    pub fn on_worker_result(&mut self, now: Time) {
        while let Some(finding) = self.worker.outcome() {
            match finding {
                Finding::Proof { resource, ticket, result, is_successor } => {
                    self.on_proof(resource, ticket, result, is_successor, now);
                }
                Finding::PidFileRead { resource, result } => self.on_pid_file(resource, result, now),
            }
        }
    }

    /// Takes the poll's report on the process of a resource; says whether the believed one has ended
    /// (`AppFailure::Ended`).
    pub fn on_pidfd(&mut self, resource: usize) -> bool {
        let Some(state) = self.resources.get_mut(resource) else { return false };
        // The report may be about a process that was replaced in the same turn.
        let Some(dead) = state.believed.take_if(|believed| believed.process.has_ended()) else {
            return false;
        };
        unwatch(&self.registry, &dead.process);
        // The pid file is allowed to name the next one at once.
        state.pid_file_due = Time::ZERO;
        info!(target: &state.name, "process {} of the application has ended", dead.pid);
        true
    }

    /// The process of a resource gets another order than the one it was looked at for last, or the same one anew.
    pub fn look_anew(&mut self, resource: usize) {
        if let Some(believed) = self.resources.get_mut(resource).and_then(|state| state.believed.as_mut()) {
            believed.look_anew();
        }
    }

    /// Sends SIGUSR1 or SIGUSR2 to the believed process (X4). Logs what it does. An order for a process that is
    /// not known has the pid file read, so that a repeated one finds it.
    ///
    /// # Errors
    ///
    /// Nothing was sent.
    pub fn signal(&mut self, resource: usize, signal: Signal, now: Time) -> Result<(), SignalError> {
        let state = self.resources.get_mut(resource).ok_or(SignalError::NoProcess)?;
        let Some(believed) = &mut state.believed else {
            debug!(target: &state.name, "{signal} is not sent: no process of the application is known");
            if self.supported {
                state.read_pid_file(resource, now, &self.worker);
            }
            return Err(SignalError::NoProcess);
        };
        let pid = believed.pid;
        // An application that has not set up its handlers yet, or a wrong `pid-file`, would be killed (door-3).
        if believed.sight.is_ended_by(signal) {
            if let Some(pause) = believed.seems_unhandled() {
                self.looks.set(resource, Some(now + pause));
                return Err(SignalError::LookAgain { pid });
            }
            if !std::mem::replace(&mut believed.told_unhandled, true) {
                warn!(
                    target: &state.name,
                    "{signal} is not sent to process {pid}: it has no handler and would be ended by it; give it one, or \
                     set `start-action` and `stop-action`"
                );
            }
            return Err(SignalError::NoHandler { pid });
        }
        match believed.process.send(signal) {
            Ok(()) => {
                believed.was_signalled();
                info!(target: &state.name, "{signal} sent to process {pid}");
            }
            Err(error) => {
                warn!(target: &state.name, "{signal} can't be sent to process {pid}: {error}");
                return Err(SignalError::System { pid, error });
            }
        }
        Ok(())
    }

    /// The resources whose process may take an order that it could not be given: it is known since this was asked last, or is to
    /// be looked at again by now.
    pub fn take_ready(&mut self, now: Time) -> Vec<usize> {
        let mut ready = std::mem::take(&mut self.newly_known);
        for resource in self.looks.due(now) {
            self.looks.set(resource, None);
            ready.push(resource);
        }
        ready
    }

    /// When [`AppProcesses::take_ready`] has something although nothing happens.
    pub fn next_deadline(&self) -> Option<Time> {
        self.looks.first()
    }

    /// The believed process of a resource.
    pub fn believed(&self, resource: usize) -> Option<u32> {
        Some(self.resources.get(resource)?.believed.as_ref()?.pid)
    }

    /// Why the pid that was claimed last is not believed, as a sentence; `None` once a process is.
    pub fn doubt(&self, resource: usize) -> Option<String> {
        self.resources.get(resource)?.refused.as_ref().map(ToString::to_string)
    }

    fn on_proof(
        &mut self,
        resource: usize,
        ticket: u64,
        result: Result<u32, Doubt>,
        is_successor: bool,
        now: Time,
    ) {
        let state = &mut self.resources[resource];
        let user = match result {
            Ok(user) => user,
            Err(doubt) => {
                if let Some(claim) = state.candidates.fail(ticket, now) {
                    state.refuse(claim.pid, doubt, now);
                }
                return;
            }
        };
        let outranks = |(_, holder)| state.rank(Some(user)) > state.rank(Some(holder));
        if state.incumbent(now).is_some_and(|incumbent| !is_successor && !outranks(incumbent)) {
            if let Some(claim) = state.candidates.fail(ticket, now) {
                state.note_rivalry(Claim { user: Some(user), ..claim }, now);
                state.look_at_owner(resource, now, &self.worker);
            }
        } else if let Some(candidate) = state.candidates.take(ticket) {
            state.note_rivalry(Claim { user: Some(user), ..candidate.claim }, now);
            let believed = Believed::new(candidate.claim.pid, user, candidate.process, false, now);
            self.believe(resource, believed, now);
        }
    }

    fn on_pid_file(&mut self, resource: usize, result: Result<Named, (u32, Doubt)>, now: Time) {
        let state = &mut self.resources[resource];
        if !std::mem::take(&mut state.pid_file_pending) {
            // The resource was removed meanwhile.
            return;
        }
        match result {
            Err((pid, doubt)) => state.refuse(pid, doubt, now),
            Ok(Named { pid, process, owner }) => {
                state.pid_file_owner = Some(owner);
                let outranks = |holder| state.rank(Some(owner)) > state.rank(Some(holder));
                match &state.believed {
                    Some(believed) if believed.pid == pid && !believed.process.has_ended() => {}
                    Some(believed)
                        if !believed.by_file && state.is_taken(now) && !outranks(believed.user) => {}
                    _ => self.believe(resource, Believed::new(pid, owner, process, true, now), now),
                }
            }
        }
    }

    fn believe(&mut self, resource: usize, mut believed: Believed, now: Time) {
        if resource < KEPT {
            believed.keep_sight();
        }
        let state = &mut self.resources[resource];
        if let Some(old) = state.believed.take() {
            unwatch(&self.registry, &old.process);
        }
        let token = Source::Process(resource).into();
        match self.registry.register(&mut SourceFd(&believed.process.as_raw_fd()), token, Interest::READABLE)
        {
            Ok(()) => {
                info!(target: &state.name, "process {} is the application", believed.pid);
                state.refused = None;
                state.believed = Some(believed);
                self.newly_known.push(resource);
            }
            Err(error) => {
                state.refuse(believed.pid, Doubt::System(format!("can't be watched: {error}")), now);
            }
        }
    }
}

fn unwatch(registry: &Registry, process: &Pidfd) {
    // Can only fail if the kernel has forgotten the descriptor already.
    let _ = registry.deregister(&mut SourceFd(&process.as_raw_fd()));
}
