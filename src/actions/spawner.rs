//! The thread that begins processes.
//!
//! Whoever begins a process waits until that has got the processor and executed its program: beginning four
//! took up to 118 ms on two cores with a load of 20. No heartbeat may wait for that (T5).

use std::io;
use std::process::Command;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use mio::Waker;
use nix::sys::signal::SigSet;

use super::child::Process;

/// Processes that wait to be begun; more would only hold descriptors and let timeouts run.
const WAITING: usize = 16;

/// A command that has been handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ticket(u64);

/// The loop's end of the thread; the thread ends with it.
#[derive(Debug)]
pub(super) struct Spawner {
    jobs: Sender<Job>,
    results: Receiver<Spawned>,
    tickets: u64,
    waiting: usize,
}

#[derive(Debug)]
struct Job {
    resource: usize,
    ticket: Ticket,
    command: Command,
}

/// What became of a command that was handed over.
#[derive(Debug)]
pub(super) struct Spawned {
    pub(super) resource: usize,
    pub(super) ticket: Ticket,
    pub(super) process: io::Result<Process>,
}

impl Spawner {
    /// Starts the thread; `waker` tells the loop that something has become of a command.
    pub(super) fn start(waker: Arc<Waker>) -> io::Result<Spawner> {
        let (jobs, queue) = channel::<Job>();
        let (sender, results) = channel();
        let work = move || {
            // A command inherits the mask of the thread that begins it, and not every shell clears it.
            // Handlers become the default by exec, and std resets SIGPIPE, the one signal that is ignored.
            let _ = SigSet::empty().thread_set_mask();
            for Job { resource, ticket, mut command } in queue {
                let process = Process::spawn(&mut command);
                // Our copy of the pipe's writing end must be closed before anybody looks for the pipe's end.
                drop(command);
                if sender.send(Spawned { resource, ticket, process }).is_err() {
                    return;
                }
                let _ = waker.wake();
            }
        };
        thread::Builder::new().name("spawner".to_owned()).spawn(work)?;
        Ok(Spawner { jobs, results, tickets: 0, waiting: 0 })
    }

    /// Whether another command may be handed over now. If not, a result will wake the loop.
    pub(super) fn has_room(&self) -> bool {
        self.waiting < WAITING
    }

    /// Hands over a command of `resource`.
    ///
    /// # Errors
    ///
    /// The thread is gone.
    pub(super) fn give(&mut self, resource: usize, command: Command) -> io::Result<Ticket> {
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        let job = Job { resource, ticket, command };
        self.jobs.send(job).map_err(|_| io::Error::other("the thread that begins processes is gone"))?;
        self.waiting += 1;
        Ok(ticket)
    }

    /// The next result, if there is one.
    pub(super) fn result(&mut self) -> Option<Spawned> {
        let result = self.results.try_recv().ok()?;
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
        let mut spawner = Spawner::start(waker).expect("a thread");
        let (reader, writer) = io::pipe().expect("a pipe");
        let mut grep = Command::new("grep");
        grep.args(["-E", "Sig(Blk|Ign)", "/proc/self/status"]).stdout(writer).process_group(0);
        let ticket = spawner.give(5, grep).expect("a job");

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
            thread::yield_now();
        }
    }
}
