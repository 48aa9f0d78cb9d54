//! The process of the application: which one it is, and when it ends (A3, D42).
//!
//! A number in a datagram is a claim. It becomes the believed process of its resource when
//!
//! * (a) the process lives when the message arrives (a pidfd is opened at once, so that it stays this process),
//! * (b) the sender may name it: `proof::may_name`,
//! * (c) the same number has come twice, at least one second apart, in the life of one process.
//!
//! Until then it is used for nothing, and one warning says why; the message counts as life of the application
//! all the same. For an application that sends no pid, `pid-file` can name the process: `pid_file::process_of`.
//!
//! A believed process is watched by its pidfd, and signals go through the pidfd, so neither can hit another
//! process that has the number later. It is believed until it ends, or until another proven one takes its
//! place; that happens only if it has not been heard for half of `app-timeout`, so that two living processes
//! of one application that both report don't push each other out.
//!
//! Without pidfd (other systems, Linux before 5.3) no process is ever believed: the silence of the
//! application is the only sign of its death, and it is signalled by its `start-action` and `stop-action`.

mod belief;
mod candidates;
mod doubt;
mod pid_file;
mod pidfd;
mod proof;
mod sockets;
#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests;
mod worker;

use std::io;
use std::net::SocketAddr;
use std::ops::Range;
use std::os::fd::AsRawFd;
use std::sync::Arc;

use log::{debug, info, warn};
use mio::unix::SourceFd;
use mio::{Interest, Registry, Token, Waker};
use nix::sys::signal::Signal;
use schrittmacher_protocol::Time;

use self::belief::{Believed, Resource};
use self::candidates::Heard;
pub use self::doubt::Doubt;
use self::pidfd::Pidfd;
use self::worker::{Finding, Task, Worker};
use crate::config;

/// The application processes of all resources.
#[derive(Debug)]
pub struct AppProcesses {
    registry: Registry,
    first_token: usize,
    worker: Worker,
    supported: bool,
    resources: Vec<Resource>,
}

/// Why a signal was not sent.
#[derive(Debug, thiserror::Error)]
pub enum SignalError {
    /// No process of the application is believed.
    #[error("no process of the application is known")]
    NoProcess,
    /// The process has ended, or we may not signal it.
    #[error("process {pid}: {error}")]
    System {
        /// The believed process.
        pid: u32,
        /// What the system says.
        error: io::Error,
    },
}

impl AppProcesses {
    /// Watches the processes of these resources with `registry`; the pidfds get the tokens from `first_token`
    /// on, one for each resource. `waker` is woken when [`AppProcesses::on_worker_result`] has to be called.
    ///
    /// # Errors
    ///
    /// The worker's thread can't be started.
    pub fn new(
        resources: &[config::Resource],
        registry: Registry,
        first_token: usize,
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
            first_token,
            worker: Worker::spawn(waker)?,
            supported: supported.is_ok(),
            resources: resources.iter().map(Resource::new).collect(),
        })
    }

    /// The tokens that belong to these processes.
    pub fn tokens(&self) -> Range<usize> {
        self.first_token..self.first_token + self.resources.len()
    }

    /// Takes the changed configuration of a resource, or that of one more resource, whose index is the next one.
    pub fn configure(&mut self, index: usize, resource: &config::Resource) {
        match self.resources.get_mut(index) {
            Some(state) => state.configure(resource),
            None => self.resources.push(Resource::new(resource)),
        }
    }

    /// Stops watching the process of a resource that is no more.
    pub fn forget(&mut self, index: usize) {
        let Some(state) = self.resources.get_mut(index) else { return };
        if let Some(believed) = state.believed.take() {
            unwatch(&self.registry, &believed.process);
        }
    }

    /// Takes a message of the application, from an address that may send such messages (A2). Never blocks.
    pub fn heard(&mut self, resource: usize, pid: Option<u32>, source: SocketAddr, now: Time) {
        let Some(state) = self.resources.get_mut(resource).filter(|_| self.supported) else { return };
        let Some(pid) = pid else {
            if let Some(believed) = state.believed.as_mut().filter(|believed| believed.by_file) {
                believed.heard = now;
            }
            return state.read_pid_file(resource, now, &self.worker);
        };
        if let Some(believed) = state.believed.as_mut().filter(|believed| believed.pid == pid) {
            believed.heard = now;
            return;
        }
        match state.candidates.heard(pid, now) {
            Heard::Nothing => {}
            Heard::New => state.add_candidate(pid, now),
            Heard::Due { .. } if state.is_taken(now) => {}
            Heard::Due { ticket } => {
                if self.worker.give(Task::Prove { resource, ticket, source, pid }) {
                    state.candidates.begin(ticket);
                }
            }
        }
    }

    /// Takes the waker's token: what the worker has found out. Changes what [`AppProcesses::believed`] says.
    pub fn on_worker_result(&mut self, now: Time) {
        while let Some(finding) = self.worker.finding() {
            match finding {
                Finding::Proof { resource, ticket, result } => self.on_proof(resource, ticket, result, now),
                Finding::PidFile { resource, result } => self.on_pid_file(resource, result, now),
            }
        }
    }

    /// Takes the poll's report on one of [`AppProcesses::tokens`]; gives the resource whose believed process has
    /// ended (`Event::AppDied`).
    pub fn on_pidfd(&mut self, token: Token) -> Option<usize> {
        let resource = token.0.checked_sub(self.first_token)?;
        let state = self.resources.get_mut(resource)?;
        // The report may be about a process that was replaced in the same turn.
        let dead = state.believed.take_if(|believed| believed.process.has_ended())?;
        unwatch(&self.registry, &dead.process);
        // The pid file is allowed to name the next one at once.
        state.pid_file_due = Time::ZERO;
        info!(target: &state.name, "process {} of the application has ended", dead.pid);
        Some(resource)
    }

    /// Sends SIGUSR1 or SIGUSR2 to the believed process (X4). Logs what it does. An order for a process that is
    /// not known has the pid file read, so that a repeated one finds it.
    ///
    /// # Errors
    ///
    /// Nothing was sent.
    pub fn signal(&mut self, resource: usize, signal: Signal, now: Time) -> Result<(), SignalError> {
        let state = self.resources.get_mut(resource).ok_or(SignalError::NoProcess)?;
        let Some(believed) = &state.believed else {
            debug!(target: &state.name, "{signal} is not sent: no process of the application is known");
            if self.supported {
                state.read_pid_file(resource, now, &self.worker);
            }
            return Err(SignalError::NoProcess);
        };
        let pid = believed.pid;
        match believed.process.send(signal) {
            Ok(()) => info!(target: &state.name, "{signal} sent to process {pid}"),
            Err(error) => {
                warn!(target: &state.name, "{signal} can't be sent to process {pid}: {error}");
                return Err(SignalError::System { pid, error });
            }
        }
        Ok(())
    }

    /// The believed process of a resource.
    pub fn believed(&self, resource: usize) -> Option<u32> {
        Some(self.resources.get(resource)?.believed.as_ref()?.pid)
    }

    /// Why the last pid that was claimed and refused is not believed; the pid is 0 if a pid file names none.
    pub fn doubt(&self, resource: usize) -> Option<&(u32, Doubt)> {
        self.resources.get(resource)?.doubt.as_ref()
    }

    fn on_proof(&mut self, resource: usize, ticket: u64, result: Result<(), Doubt>, now: Time) {
        let state = &mut self.resources[resource];
        if let Err(doubt) = result {
            if let Some(pid) = state.candidates.fail(ticket, now) {
                state.refuse(pid, doubt, now);
            }
        } else if state.is_taken(now) {
            // The old one was heard in the meantime.
            state.candidates.fail(ticket, now);
        } else if let Some(candidate) = state.candidates.take(ticket) {
            let believed =
                Believed { pid: candidate.pid, process: candidate.process, heard: now, by_file: false };
            self.believe(resource, believed, now);
        }
    }

    fn on_pid_file(&mut self, resource: usize, result: Result<(u32, Pidfd), (u32, Doubt)>, now: Time) {
        let state = &mut self.resources[resource];
        state.pid_file_pending = false;
        match result {
            Err((pid, doubt)) => state.refuse(pid, doubt, now),
            Ok((pid, process)) => match &state.believed {
                Some(believed) if believed.pid == pid && !believed.process.has_ended() => {}
                Some(believed) if !believed.by_file && state.is_taken(now) => {}
                _ => self.believe(resource, Believed { pid, process, heard: now, by_file: true }, now),
            },
        }
    }

    fn believe(&mut self, resource: usize, believed: Believed, now: Time) {
        let state = &mut self.resources[resource];
        if let Some(old) = state.believed.take() {
            unwatch(&self.registry, &old.process);
        }
        let token = Token(self.first_token + resource);
        match self.registry.register(&mut SourceFd(&believed.process.as_raw_fd()), token, Interest::READABLE)
        {
            Ok(()) => {
                info!(target: &state.name, "process {} is the application", believed.pid);
                state.doubt = None;
                state.believed = Some(believed);
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
