//! The thread that begins processes.
//!
//! Beginning a process takes until that has got the processor and executed its program. Beginning four took up to
//! 118 ms on two cores with a load of 20. No heartbeat may wait for that (T5).

use std::io;
use std::process::Command;
use std::sync::Arc;

use mio::Waker;
use nix::sys::signal::SigSet;

use super::earlier::StartCommands;
use super::process::{ChildProcess, become_user};
use crate::kept::StateFolder;
use crate::worker::Worker;

/// Processes that wait to be begun. More would hold descriptors, let timeouts run, and delay a resource that is under
/// way by the beginning of others.
const WAITING: usize = 8;

/// A command that has been handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ticket(u64);

/// The loop's end of the thread; the thread ends with it.
#[derive(Debug)]
pub(super) struct Spawner {
    worker: Worker<(Ticket, Job), Spawned>,
    tickets: u64,
    waiting: usize,
}

/// A command to be begun.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) resource: usize,
    /// The name of the resource, if a daemon after this one has to know of the command.
    pub(super) note: Option<String>,
    /// The user that runs it, if it is not the daemon's own.
    pub(super) user: Option<String>,
    pub(super) command: Command,
}

/// The outcome of a command that was handed over.
#[derive(Debug)]
pub(super) struct Spawned {
    pub(super) resource: usize,
    pub(super) ticket: Ticket,
    pub(super) process: io::Result<ChildProcess>,
}

impl Spawner {
    /// Starts the thread; `waker` tells the loop that something has become of a command.
    /// `notes`: where start commands are noted.
    pub(super) fn start(
        waker: Arc<Waker>,
        mut notes: Option<(StateFolder, StartCommands)>,
    ) -> io::Result<Spawner> {
        let worker = Worker::start("spawner", WAITING, waker, move |(ticket, job)| {
            let Job { resource, note, user, mut command } = job;
            // A command inherits the mask of the thread that begins it, and not every shell clears it. Handlers become
            // the default by exec, and std resets SIGPIPE, the one signal that is ignored.
            let _: nix::Result<()> = SigSet::empty().thread_set_mask();
            // Our copy of the pipe's writing end is closed with `command`, before the loop looks for the pipe's end.
            let changed = user.map_or(Ok(()), |user| become_user(&mut command, &user));
            let process = changed.and_then(|()| ChildProcess::spawn(&mut command));
            if let (Some((folder, notes)), Some(name), Ok(process)) = (&mut notes, note, &process) {
                notes.note(folder, &name, process.pid());
            }
            Spawned { resource, ticket, process }
        })?;
        Ok(Spawner { worker, tickets: 0, waiting: 0 })
    }

    /// Whether another command may be handed over now. If not, a result will wake the loop.
    pub(super) fn has_room(&self) -> bool {
        self.waiting < WAITING
    }

    /// Hands over a command.
    ///
    /// # Errors
    ///
    /// The thread is gone.
    pub(super) fn give(&mut self, job: Job) -> io::Result<Ticket> {
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        self.worker
            .give((ticket, job))
            .map_err(|_| io::Error::other("the thread that begins processes is gone"))?;
        self.waiting += 1;
        Ok(ticket)
    }

    /// The next result, if there is one.
    pub(super) fn result(&mut self) -> Option<Spawned> {
        let result = self.worker.outcome()?;
        self.waiting = self.waiting.saturating_sub(1);
        Some(result)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::CommandExt;

    use mio::{Events, Poll, Token};
    use nix::sys::signal::Signal;

    use super::*;

    #[test]
    fn no_signal_is_blocked_or_ignored() {
        let mut blocked = SigSet::empty();
        blocked.add(Signal::SIGTERM);
        blocked.thread_block().expect("a mask");
        let mut poll = Poll::new().expect("a poll");
        let waker = Arc::new(Waker::new(poll.registry(), Token(1)).expect("a waker"));
        let mut spawner = Spawner::start(waker, None).expect("a thread");
        let (reader, writer) = io::pipe().expect("a pipe");
        let mut grep = Command::new("grep");
        grep.args(["-E", "Sig(Blk|Ign)", "/proc/self/status"]).stdout(writer).process_group(0);
        let job = Job { resource: 5, note: None, user: None, command: grep };
        let ticket = spawner.give(job).expect("a job");

        let mut events = Events::with_capacity(1);
        while events.is_empty() {
            // Interrupted or not, the waker comes.
            let _ = poll.poll(&mut events, None);
        }
        let mut spawned = spawner.result().expect("a result");
        assert_eq!((spawned.resource, spawned.ticket), (5, ticket));
        let text = io::read_to_string(reader).expect("a text");
        let words: Vec<&str> = text.split_whitespace().collect();
        assert_eq!(words[..2], ["SigBlk:", "0000000000000000"]);
        let ignored = u64::from_str_radix(words[3], 16).expect("a mask");
        assert_eq!(ignored & 1 << (Signal::SIGPIPE as u32 - 1), 0, "{text}");
        let process = spawned.process.as_mut().expect("grep");
        while process.try_wait().expect("a child").is_none() {
            std::thread::yield_now();
        }
    }
}
