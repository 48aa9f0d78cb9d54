//! The work of a thread of its own: reading `/proc` and pid files can take long, and nothing may delay a heartbeat (T5).

use std::path::Path;
use std::sync::Arc;

use super::doubt::Doubt;
use super::pid_file::{self, Named};
use super::proof::{self, Claimant};
use super::sockets::{Sockets, SocketsOnce};

/// Tasks that wait; what comes beyond is asked again with the application's next message.
pub(super) const WAITING: usize = 64;

/// Something to find out about the application of one resource.
#[derive(Debug)]
pub(super) enum Task {
    /// May the claimant name this process?
    Prove {
        resource: usize,
        ticket: u64,
        claimant: Claimant,
        pid: u32,
        /// The believed process that lives and reports.
        incumbent: Option<u32>,
    },
    /// Which process does the file name?
    PidFileRead { resource: usize, path: Arc<Path> },
}

/// A result.
#[derive(Debug)]
pub(super) enum Finding {
    Proof {
        resource: usize,
        ticket: u64,
        /// The claimant's user.
        result: Result<u32, Doubt>,
        /// It may take the place of the incumbent.
        is_successor: bool,
    },
    PidFileRead {
        resource: usize,
        result: Result<Named, (u32, Doubt)>,
    },
}

/// Finds out what these ask; may take long. All of them came before the sockets of the host are looked at, once for all.
pub(super) fn find(tasks: Vec<Task>, tell: &mut dyn FnMut(Vec<Finding>)) {
    let sockets = Sockets::once();
    for task in tasks {
        tell(vec![find_one(task, &sockets)]);
    }
}

fn find_one(task: Task, sockets: &SocketsOnce) -> Finding {
    match task {
        Task::Prove { resource, ticket, claimant, pid, incumbent } => {
            let result = proof::may_name(claimant, pid, sockets);
            let is_successor = incumbent.is_some_and(|incumbent| proof::is_successor(pid, incumbent));
            Finding::Proof { resource, ticket, result, is_successor }
        }
        Task::PidFileRead { resource, path } => {
            Finding::PidFileRead { resource, result: pid_file::process_of(&path) }
        }
    }
}
