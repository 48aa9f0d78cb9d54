//! The thread that reads `/proc` and pid files: both can take long, and nothing may delay a heartbeat (T5).

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
use std::thread;

use mio::Waker;

use super::doubt::Doubt;
use super::pid_file;
use super::pidfd::Pidfd;
use super::proof;

/// Tasks that wait; what comes beyond is asked again with the application's next message.
const WAITING: usize = 64;

/// Something to find out about the application of one resource.
#[derive(Debug)]
pub(super) enum Task {
    /// May whoever sent from `source` name this process?
    Prove { resource: usize, ticket: u64, source: SocketAddr, pid: u32 },
    /// Which process does the file name?
    PidFile { resource: usize, path: Arc<Path> },
}

/// What was found out.
#[derive(Debug)]
pub(super) enum Finding {
    Proof { resource: usize, ticket: u64, result: Result<(), Doubt> },
    PidFile { resource: usize, result: Result<(u32, Pidfd), (u32, Doubt)> },
}

/// The loop's end of the thread; the thread ends with it.
#[derive(Debug)]
pub(super) struct Worker {
    tasks: SyncSender<Task>,
    findings: Receiver<Finding>,
}

impl Worker {
    /// Starts the thread; `waker` tells the loop that there is a finding.
    pub(super) fn spawn(waker: Arc<Waker>) -> io::Result<Worker> {
        let (tasks, queue) = sync_channel(WAITING);
        let (results, findings) = channel();
        let work = move || {
            for task in queue {
                // The loop is gone if it does not listen; a waker that fails is asked again by the next finding.
                if results.send(find(task)).is_err() {
                    return;
                }
                let _ = waker.wake();
            }
        };
        thread::Builder::new().name("app-process".to_owned()).spawn(work)?;
        Ok(Worker { tasks, findings })
    }

    /// Hands over a task; `false` = not now.
    pub(super) fn give(&self, task: Task) -> bool {
        self.tasks.try_send(task).is_ok()
    }

    /// The next finding, if there is one.
    pub(super) fn finding(&self) -> Option<Finding> {
        self.findings.try_recv().ok()
    }
}

fn find(task: Task) -> Finding {
    match task {
        Task::Prove { resource, ticket, source, pid } => {
            Finding::Proof { resource, ticket, result: proof::may_name(source, pid) }
        }
        Task::PidFile { resource, path } => {
            Finding::PidFile { resource, result: pid_file::process_of(&path) }
        }
    }
}
