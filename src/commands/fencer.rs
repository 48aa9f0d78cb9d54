//! Runs of `fence-action`: each in a thread of its own, with its time limit and its repetitions.
//!
//! A run belongs to the peer's host and not to a resource: those with the same command share one. So it is in no queue of a
//! resource, and waits for none of its commands.

use std::fmt;
use std::io;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use log::{info, warn};
use mio::Waker;
use nix::sys::signal::SigSet;
use schrittmacher_config::FenceAction;
use schrittmacher_text::beginning;

use super::output::{Output, one_line};
use super::process::ChildProcess;

/// The pause before a command is run again.
const PAUSE: Duration = Duration::from_secs(1);

/// How long a command may take to end at SIGTERM, and at SIGKILL.
const GRACE: Duration = Duration::from_secs(1);

/// The pauses between two looks at a command that runs.
const LOOKS: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(20));

/// Commands that hang in the kernel, on a lost file server say, before no further one begins.
const STUCK_MAX: usize = 4;

/// How much of a command's output is told, in bytes.
const WORDS: usize = 300;

/// The event loop's end of the threads.
#[derive(Debug)]
pub struct Fencer {
    waker: Arc<Waker>,
    sender: Sender<FenceEnd>,
    ends: Receiver<FenceEnd>,
    begun: u64,
    /// Commands that not even SIGKILL has ended, each with its thread.
    stuck: Arc<AtomicUsize>,
}

/// A run that is under way.
#[derive(Debug)]
pub struct FenceTicket {
    number: u64,
    is_wanted: Arc<AtomicBool>,
}

/// The end of a run.
#[derive(Debug)]
pub struct FenceEnd {
    number: u64,
    /// Exit status 0 in time: the peer's host is off.
    pub is_confirmed: bool,
    /// How often the command has run.
    pub attempts: u32,
    /// From the beginning of the first one on.
    pub took: Duration,
    /// What the last one has shown.
    pub last: String,
}

/// A sentence.
impl fmt::Display for FenceEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let FenceEnd { is_confirmed, attempts, took, last, .. } = self;
        let seconds = took.as_secs_f64();
        let what = if *is_confirmed { "has confirmed that the peer's host is off" } else { "has failed" };
        write!(f, "fence-action {what}, in run {attempts}, after {seconds:.3} s: {last}")
    }
}

impl FenceTicket {
    /// Whether this is the end of this run.
    pub fn is_of(&self, end: &FenceEnd) -> bool {
        self.number == end.number
    }

    /// Nobody waits for it any more: the command that runs is let end, and not run again.
    pub fn give_up(&self) {
        self.is_wanted.store(false, Ordering::Relaxed);
    }
}

impl Fencer {
    /// `waker` tells the loop of the end of a run.
    pub fn new(waker: Arc<Waker>) -> Fencer {
        let (sender, ends) = channel();
        Fencer { waker, sender, ends, begun: 0, stuck: Arc::default() }
    }

    /// Begins a run. `command` has its text, its environment and its limits; `name` is that of the resource which asks.
    ///
    /// # Errors
    ///
    /// There is no thread left, or too many runs hang for ever.
    pub fn begin(&mut self, name: &str, fence: &FenceAction, command: Command) -> io::Result<FenceTicket> {
        if self.stuck.load(Ordering::Relaxed) >= STUCK_MAX {
            return Err(io::Error::other("earlier runs hang, and not even SIGKILL has ended them"));
        }
        self.begun += 1;
        let is_wanted = Arc::new(AtomicBool::new(true));
        let ticket = FenceTicket { number: self.begun, is_wanted: Arc::clone(&is_wanted) };
        let (sender, waker, stuck) = (self.sender.clone(), Arc::clone(&self.waker), Arc::clone(&self.stuck));
        let mut run = Run {
            number: self.begun,
            name: name.to_owned(),
            fence: fence.clone(),
            command,
            is_wanted,
            stuck: None,
        };
        thread::Builder::new().name("fence".to_owned()).spawn(move || {
            // Commands inherit the mask of this thread.
            let _: nix::Result<()> = SigSet::empty().thread_set_mask();
            let end = run.run();
            if run.stuck.is_some() {
                stuck.fetch_add(1, Ordering::Relaxed);
            }
            // The loop is gone if it does not listen.
            if sender.send(end).is_ok() {
                let _: io::Result<()> = waker.wake();
            }
            if let Some(mut process) = run.stuck {
                process.wait();
                stuck.fetch_sub(1, Ordering::Relaxed);
            }
        })?;
        Ok(ticket)
    }

    /// The next run that has ended, if there is one.
    pub fn end(&self) -> Option<FenceEnd> {
        self.ends.try_recv().ok()
    }
}

struct Run {
    number: u64,
    name: String,
    fence: FenceAction,
    command: Command,
    is_wanted: Arc<AtomicBool>,
    /// Not even SIGKILL has ended it.
    stuck: Option<ChildProcess>,
}

impl Run {
    fn run(&mut self) -> FenceEnd {
        let began = Instant::now();
        let mut attempts = 0;
        let (is_confirmed, last) = loop {
            attempts += 1;
            let (is_confirmed, last) = self.attempt(attempts);
            let is_last = is_confirmed || attempts > self.fence.retries || self.stuck.is_some();
            if is_last || !self.waits() {
                break (is_confirmed, last);
            }
            warn!(target: &self.name, "fence-action has confirmed nothing ({last}), and is run again");
        };
        FenceEnd { number: self.number, is_confirmed, attempts, took: began.elapsed(), last }
    }

    /// Whether another attempt is wanted after the pause.
    fn waits(&self) -> bool {
        let until = Instant::now() + PAUSE;
        while self.is_wanted.load(Ordering::Relaxed) && Instant::now() < until {
            thread::sleep(LOOKS.1);
        }
        self.is_wanted.load(Ordering::Relaxed)
    }

    fn attempt(&mut self, number: u32) -> (bool, String) {
        self.command.env("ATTEMPT", number.to_string());
        let began = self.begin();
        let (mut process, mut output) = match began {
            Ok(begun) => begun,
            Err(error) => return (false, format!("can't begin: {error}")),
        };
        info!(
            target: &self.name,
            "fence-action begins as process {}: {}",
            process.pid(),
            one_line(&self.fence.command)
        );
        let (limit, started) = (self.fence.timeout, Instant::now());
        let ending = match output.await_end(&mut process, limit) {
            Some(Ok(status)) => {
                // This process may have stood still meanwhile.
                let is_confirmed = status.success() && started.elapsed() <= limit + LOOKS.1;
                let words = beginning(one_line(&output.take()), WORDS);
                let separator = if words.is_empty() { "" } else { ": " };
                return (is_confirmed, format!("{status}{separator}{words}"));
            }
            Some(Err(error)) => format!("can't be waited for: {error}"),
            None => format!("it has run for its `fence-timeout` of {} s", limit.as_secs_f64()),
        };
        process.terminate();
        if output.await_end(&mut process, GRACE).is_none() {
            process.kill();
            if output.await_end(&mut process, GRACE).is_none() {
                self.stuck = Some(process);
            }
        }
        let words = beginning(one_line(&output.take()), WORDS);
        (false, if words.is_empty() { ending } else { format!("{ending}: {words}") })
    }

    fn begin(&mut self) -> io::Result<(ChildProcess, Output)> {
        let (reader, writer) = io::pipe()?;
        let output = Output::new(reader)?;
        self.command.stdout(writer.try_clone()?).stderr(writer);
        let process = ChildProcess::spawn(&mut self.command);
        // Our copies of the pipe's writing end are closed.
        self.command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
        Ok((process?, output))
    }
}

impl Output {
    /// Waits at most this long for the end of a command, and reads what it prints.
    fn await_end(
        &mut self,
        process: &mut ChildProcess,
        limit: Duration,
    ) -> Option<io::Result<std::process::ExitStatus>> {
        let until = Instant::now() + limit;
        let (mut pause, longest) = LOOKS;
        let mut buffer = [0; 4096];
        loop {
            let end = process.try_wait().transpose();
            self.read_all(&mut buffer);
            if end.is_some() || Instant::now() >= until {
                return end;
            }
            thread::sleep(pause.min(until.saturating_duration_since(Instant::now())));
            pause = (pause * 2).min(longest);
        }
    }
}

#[cfg(test)]
mod tests {
    use mio::{Poll, Token};

    use super::*;
    use crate::commands::prepared::shell;

    fn run(command: &str, timeout: u64, retries: u32) -> FenceEnd {
        let (mut fencer, _poll) = fencer();
        let fence =
            FenceAction { command: command.to_owned(), timeout: Duration::from_millis(timeout), retries };
        let ticket = fencer.begin("r", &fence, shell(command)).unwrap();
        let end = fencer.ends.recv_timeout(Duration::from_secs(60)).unwrap();
        assert!(ticket.is_of(&end));
        end
    }

    fn fencer() -> (Fencer, Poll) {
        let poll = Poll::new().unwrap();
        let waker = Arc::new(Waker::new(poll.registry(), Token(0)).unwrap());
        (Fencer::new(waker), poll)
    }

    #[test]
    fn exit_status_zero_alone_confirms() {
        let end = run("echo off", 60_000, 2);
        assert!(end.is_confirmed && end.attempts == 1 && end.last.ends_with(": off"), "{end}");
        let end = run("echo no answer >&2; exit 1", 60_000, 1);
        assert!(!end.is_confirmed && end.attempts == 2 && end.last.ends_with(": no answer"), "{end}");
        let end = run("kill -9 $$", 60_000, 0);
        assert!(!end.is_confirmed && end.attempts == 1, "{end}");
    }

    #[test]
    fn a_later_attempt_may_confirm() {
        let end = run("test $ATTEMPT = 2", 60_000, 5);
        assert!(end.is_confirmed && end.attempts == 2, "{end}");
    }

    #[test]
    fn a_command_that_hangs_is_ended_and_confirms_nothing_even_if_it_says_so_then() {
        let end = run("trap 'exit 0' TERM; echo asking; sleep 60 & wait", 200, 0);
        assert!(!end.is_confirmed && end.last.contains("`fence-timeout` of 0.2 s: asking"), "{end}");
        let end = run("trap '' TERM; while :; do sleep 60; done", 100, 0);
        assert!(!end.is_confirmed && end.took < Duration::from_secs(30), "{end}");
    }

    #[test]
    fn nothing_is_tried_again_for_nobody() {
        let (mut fencer, _poll) = fencer();
        let fence =
            FenceAction { command: "false".to_owned(), timeout: Duration::from_secs(60), retries: 100 };
        fencer.begin("r", &fence, shell("false")).unwrap().give_up();
        let end = fencer.ends.recv_timeout(Duration::from_secs(60)).unwrap();
        assert!(!end.is_confirmed && end.attempts <= 2, "{end}");
    }
}
