//! The thread that begins processes.
//!
//! Beginning a process takes until that has got the processor and executed its program. Beginning four took up to
//! 118 ms on two cores with a load of 20. No heartbeat may wait for that (T5).
//!
//! A program on a file server that does not answer holds the thread for as long as that lasts. Another thread takes its place then,
//! and lets a shell execute each program, until the first one is back: what hangs holds no other command.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use mio::Waker;
use nix::sys::signal::SigSet;
use schrittmacher_protocol::Time;

use super::earlier::StartCommands;
use super::prepared::{Prepared, Way};
use super::process::ChildProcess;
use crate::kept::StateFolder;

/// Processes that wait to be begun. More would hold descriptors, let timeouts run, and delay a resource that is under
/// way by the beginning of others.
const WAITING: usize = 8;

/// How long a process may take to begin before another thread begins the next ones.
const PATIENCE: Duration = Duration::from_millis(500);

/// A command that has been handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ticket(u64);

/// The loop's end of the thread; the thread ends with it.
#[derive(Debug)]
pub(super) struct Spawner {
    jobs: SyncSender<(Ticket, Job)>,
    results: Receiver<Spawned>,
    threads: Threads,
    tickets: u64,
    /// Each command that has not begun, and its resource.
    waiting: VecDeque<(Ticket, usize)>,
    /// When one was handed over to an idle thread, or when one has begun last.
    since: Time,
    /// It holds a thread.
    hanging: Option<Ticket>,
}

/// A command to be begun.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) resource: usize,
    /// The name of the resource, if a daemon after this one has to know of the command.
    pub(super) note: Option<Arc<str>>,
    pub(super) command: Prepared,
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
        notes: Option<(StateFolder, StartCommands)>,
    ) -> io::Result<Spawner> {
        let notes = Mutex::new(notes);
        Spawner::start_with(waker, move |Job { note, command, .. }, way| {
            let process = command.begin(way);
            if let (Some(name), Ok(process)) = (note, &process)
                && let Some((folder, notes)) = &mut *notes.lock().unwrap_or_else(PoisonError::into_inner)
            {
                notes.note(folder, &name, process.pid());
            }
            process
        })
    }

    fn start_with(
        waker: Arc<Waker>,
        begin: impl Fn(Job, Way) -> io::Result<ChildProcess> + Send + Sync + 'static,
    ) -> io::Result<Spawner> {
        let (jobs, queue) = sync_channel(WAITING);
        let (sender, results) = channel();
        let threads = Threads {
            queue: Arc::new(Mutex::new(queue)),
            results: sender,
            waker,
            begin: Arc::new(begin),
            at_work: Arc::default(),
            hangs: Arc::default(),
        };
        threads.start_next()?;
        let (tickets, waiting, since) = (0, VecDeque::new(), Time::ZERO);
        Ok(Spawner { jobs, results, threads, tickets, waiting, since, hanging: None })
    }

    /// Whether another command may be handed over now. If not, a result will wake the loop.
    pub(super) fn has_room(&self) -> bool {
        self.waiting.len() < WAITING
    }

    /// Hands over a command.
    ///
    /// # Errors
    ///
    /// The thread is gone.
    pub(super) fn give(&mut self, job: Job, now: Time) -> io::Result<Ticket> {
        self.tickets += 1;
        let (ticket, resource) = (Ticket(self.tickets), job.resource);
        self.jobs
            .try_send((ticket, job))
            .map_err(|_| io::Error::other("the thread that begins processes is gone"))?;
        if self.waiting.is_empty() {
            self.since = now;
        }
        self.waiting.push_back((ticket, resource));
        Ok(ticket)
    }

    /// The next result, if there is one.
    pub(super) fn result(&mut self, now: Time) -> Option<Spawned> {
        let result = self.results.try_recv().ok()?;
        self.since = now;
        self.waiting.retain(|(ticket, _)| *ticket != result.ticket);
        if self.hanging.take_if(|hanging| *hanging == result.ticket).is_some() {
            self.threads.hangs.store(false, Ordering::Relaxed);
        }
        Some(result)
    }

    /// When [`Spawner::relieve`] has something to do, if nothing begins.
    pub(super) fn next_deadline(&self) -> Option<Time> {
        (self.hanging.is_none() && !self.waiting.is_empty()).then(|| self.since + PATIENCE)
    }

    /// Has another thread go on if a process has not begun for too long; gives its resource.
    pub(super) fn relieve(&mut self, now: Time) -> Option<usize> {
        self.next_deadline().filter(|due| *due <= now)?;
        self.since = now;
        let (ticket, resource) = *self.waiting.front()?;
        self.threads.hangs.store(true, Ordering::Relaxed);
        if self.threads.start_next().is_err() {
            // It is tried again later.
            self.threads.hangs.store(false, Ordering::Relaxed);
            return None;
        }
        self.hanging = Some(ticket);
        Some(resource)
    }
}

/// The thread that begins processes, and those that it has taken the place of.
struct Threads {
    queue: Arc<Mutex<Receiver<(Ticket, Job)>>>,
    results: Sender<Spawned>,
    waker: Arc<Waker>,
    begin: Arc<Begin>,
    /// The number of the one that goes on.
    at_work: Arc<AtomicU64>,
    /// Another one is held.
    hangs: Arc<AtomicBool>,
}

type Begin = dyn Fn(Job, Way) -> io::Result<ChildProcess> + Send + Sync;

impl fmt::Debug for Threads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Threads").finish_non_exhaustive()
    }
}

impl Threads {
    /// Starts a thread that goes on instead of the last one, which ends when it is back.
    fn start_next(&self) -> io::Result<()> {
        let (queue, results) = (Arc::clone(&self.queue), self.results.clone());
        let (waker, begin) = (Arc::clone(&self.waker), Arc::clone(&self.begin));
        let (at_work, hangs) = (Arc::clone(&self.at_work), Arc::clone(&self.hangs));
        let number = at_work.fetch_add(1, Ordering::Relaxed) + 1;
        let thread = thread::Builder::new().name("spawner".to_owned()).spawn(move || {
            // A command inherits the mask of the thread that begins it, and not every shell clears it. Handlers become
            // the default by exec, and std resets SIGPIPE, the one signal that is ignored.
            let _: nix::Result<()> = SigSet::empty().thread_set_mask();
            while at_work.load(Ordering::Relaxed) == number {
                let next = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
                let Ok((ticket, job)) = next else { return };
                let resource = job.resource;
                let way = if hangs.load(Ordering::Relaxed) { Way::Shell } else { Way::Shortest };
                let process = begin(job, way);
                // The loop is gone if it does not listen.
                if results.send(Spawned { resource, ticket, process }).is_err() {
                    return;
                }
                // A waker that fails is asked again by the next result.
                let _: io::Result<()> = waker.wake();
            }
        });
        thread.map(drop).inspect_err(|_| self.at_work.store(number - 1, Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use std::io::PipeReader;

    use mio::{Events, Poll, Token};
    use nix::sys::signal::Signal;
    use schrittmacher_testkit::config::{core, resource_with};

    use super::super::configured::Commands;
    use super::super::{CommandKind, Facts};
    use super::*;

    fn job(resource: usize, text: &str) -> (Job, PipeReader) {
        let (reader, output) = io::pipe().expect("a pipe");
        let values = resource_with("r", |r| r.start_action = Some(text.to_owned()));
        let commands = Commands::of(&core(), &values);
        let (order, facts) = (CommandKind::Start, Facts::default());
        let command = Prepared { commands, order, pid: None, facts, output };
        (Job { resource, note: None, command }, reader)
    }

    fn waker() -> (Poll, Arc<Waker>) {
        let poll = Poll::new().expect("a poll");
        let waker = Arc::new(Waker::new(poll.registry(), Token(1)).expect("a waker"));
        (poll, waker)
    }

    /// The next result.
    fn wait(poll: &mut Poll, spawner: &mut Spawner) -> Spawned {
        let mut events = Events::with_capacity(1);
        loop {
            if let Some(spawned) = spawner.result(Time::ZERO) {
                return spawned;
            }
            // Interrupted or not, the waker comes.
            let _ = poll.poll(&mut events, None);
        }
    }

    /// They hung for as long as the file server was away, all that came after the first.
    #[test]
    fn while_a_program_does_not_begin_others_do() {
        let (mut poll, waker) = waker();
        let ((release, held), (enter, entered)) = (channel::<()>(), channel());
        let held = Mutex::new(held);
        let begin = move |job: Job, way| {
            // None of these processes is needed.
            if job.resource == 0 {
                enter.send(()).expect("a receiver");
                held.lock().expect("a receiver").recv().expect("the file server");
            }
            Err(io::Error::other(format!("{way:?}")))
        };
        let way = |spawned: &Spawned| spawned.process.as_ref().expect_err("a way").to_string();
        let mut spawner = Spawner::start_with(waker, begin).expect("a thread");
        let begun = Time::new(Duration::from_secs(9));
        assert_eq!(spawner.next_deadline(), None);
        for resource in 0..3 {
            spawner.give(job(resource, "true").0, begun).expect("a place");
        }
        assert_eq!(spawner.next_deadline(), Some(begun + PATIENCE));
        entered.recv().expect("a thread");
        assert_eq!(spawner.relieve(begun), None);
        assert_eq!(spawner.relieve(begun + PATIENCE), Some(0));
        assert_eq!(spawner.next_deadline(), None, "a shell never holds it");
        for resource in 1..3 {
            let spawned = wait(&mut poll, &mut spawner);
            assert_eq!((spawned.resource, &*way(&spawned)), (resource, "Shell"));
        }
        release.send(()).expect("a thread");
        let spawned = wait(&mut poll, &mut spawner);
        assert_eq!((spawned.resource, &*way(&spawned)), (0, "Shortest"));
        spawner.give(job(3, "true").0, begun).expect("a place");
        let spawned = wait(&mut poll, &mut spawner);
        assert_eq!((spawned.resource, &*way(&spawned)), (3, "Shortest"));
    }

    /// Begun by a shell and without one.
    #[test]
    fn no_signal_is_blocked_or_ignored() {
        let mut blocked = SigSet::empty();
        blocked.add(Signal::SIGTERM);
        blocked.thread_block().expect("a mask");
        for text in ["grep Sig '/proc/self/status'", "/bin/grep Sig /proc/self/status"] {
            let (mut poll, waker) = waker();
            let mut spawner = Spawner::start(waker, None).expect("a thread");
            let (job, reader) = job(5, text);
            let ticket = spawner.give(job, Time::ZERO).expect("a job");
            let mut spawned = wait(&mut poll, &mut spawner);
            assert_eq!((spawned.resource, spawned.ticket), (5, ticket));
            let text = io::read_to_string(reader).expect("a text");
            let mask = |name: &str| {
                let mask = text.lines().find_map(|line| line.strip_prefix(name)).expect(name);
                u64::from_str_radix(mask.trim(), 16).expect("a mask")
            };
            assert_eq!(mask("SigBlk:"), 0, "{text}");
            assert_eq!(mask("SigIgn:") & 1 << (Signal::SIGPIPE as u32 - 1), 0, "{text}");
            let process = spawned.process.as_mut().expect("grep");
            while process.try_wait().expect("a child").is_none() {
                thread::yield_now();
            }
        }
    }
}
