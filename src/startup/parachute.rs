//! `--parachute`: a supervisor that starts a dead daemon again, where no service manager does it (C3).
//!
//! The supervisor is a process with one thread and nothing to do but wait for signals:
//!
//! | what happens | what it does |
//! |---|---|
//! | SIGTERM, SIGINT, SIGQUIT, SIGHUP | passes it on; after the first three it ends with the daemon |
//! | the daemon ends with status 0 | ends |
//! | the first daemon ends before it was ready | ends with the same status: the start has failed |
//! | the daemon ends with a status that no new start mends (`HOPELESS`) | ends with the same status |
//! | anything else | starts it again at once; if it keeps living for less than `STABLE`, after 1, 2, 4 … 30 s |
//!
//! However often it has crashed, it is started again: a late daemon is better than none. (The legacy program
//! waited 5 or 30 s each time, in which the other side took over.)
//!
//! The daemon goes on alone if somebody kills the supervisor.

use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::time::{Duration, Instant};

use nix::sys::signal::{SigSet, SigmaskHow, Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, alarm, setpgid};

use crate::startup::background::{close_stderr, exit_status};
use crate::startup::fork::{default_sigchld, fork};
use schrittmacher_text::exit_code;

/// A wrong command line, configuration or permission.
const HOPELESS: [u8; 4] = [exit_code::USAGE, exit_code::NOINPUT, exit_code::NOPERM, exit_code::CONFIG];

/// A daemon that lived for so long is started again at once.
const STABLE: Duration = Duration::from_secs(10);

/// The longest pause between two starts, in seconds.
const PAUSE_MAX: u32 = 30;

/// Which of the two processes this is.
#[derive(Debug)]
pub enum Role {
    /// The supervisor: there is nothing left to supervise, end with this status.
    Supervisor(u8),
    /// The daemon.
    Daemon(Child),
}

/// The link between the supervisor and its daemon.
#[derive(Debug)]
pub struct Child {
    ready: PipeWriter,
    /// Why the daemon before this one had to be replaced.
    pub predecessor: Option<String>,
}

impl Child {
    /// Tells the supervisor that the start has succeeded.
    pub fn ready(&mut self) {
        // A supervisor that is gone does not care.
        let _ = self.ready.write_all(&[0]);
    }
}

/// Splits off the daemon and supervises it. To be called before any thread is started. `in_background`:
/// standard error is left to the daemon.
///
/// # Errors
///
/// The system refuses.
pub fn supervise(in_background: bool) -> io::Result<Role> {
    default_sigchld()?;
    let signals = SigSet::from_iter([
        Signal::SIGTERM,
        Signal::SIGINT,
        Signal::SIGQUIT,
        Signal::SIGHUP,
        Signal::SIGCHLD,
        Signal::SIGALRM,
    ]);
    let inherited = signals.thread_swap_mask(SigmaskHow::SIG_BLOCK)?;

    let mut supervisor = Supervisor::default();
    loop {
        if matches!(supervisor.state, Supervision::Start) {
            match split() {
                Ok(Split::Daemon(ready)) => {
                    // A Ctrl-C at the terminal is for the supervisor alone, or it would count twice.
                    setpgid(Pid::from_raw(0), Pid::from_raw(0))?;
                    inherited.thread_set_mask()?;
                    return Ok(Role::Daemon(Child { ready, predecessor: supervisor.predecessor }));
                }
                Ok(Split::Supervisor(daemon)) => supervisor.state = Supervision::Runs(daemon),
                Err(error) if supervisor.record.starts == 0 => return Err(error),
                // Too many processes, or no memory: that may pass.
                Err(_) => supervisor.pause(PAUSE_MAX),
            }
            if in_background && supervisor.record.starts == 0 {
                close_stderr()?;
            }
            supervisor.record.starts += 1;
        }
        if let Some(status) = supervisor.take(signals.wait()?) {
            return Ok(Role::Supervisor(status));
        }
    }
}

enum Split {
    Supervisor(Daemon),
    Daemon(PipeWriter),
}

fn split() -> io::Result<Split> {
    let (ready, writer) = io::pipe()?;
    Ok(match fork()? {
        ForkResult::Parent { child } => {
            Split::Supervisor(Daemon { pid: child, began: Instant::now(), ready })
        }
        ForkResult::Child => Split::Daemon(writer),
    })
}

/// A daemon that has not been waited for.
#[derive(Debug)]
struct Daemon {
    pid: Pid,
    began: Instant,
    ready: PipeReader,
}

impl Daemon {
    /// How it ended, if it has.
    fn ended(&mut self) -> Option<DaemonEnd> {
        let status = waitpid(self.pid, Some(WaitPidFlag::WNOHANG)).ok()?;
        if !matches!(status, WaitStatus::Exited(..) | WaitStatus::Signaled(..)) {
            return None;
        }
        // Nobody has the other end any more, so this does not block.
        let was_ready = self.ready.read(&mut [0]).is_ok_and(|bytes| bytes > 0);
        Some(DaemonEnd { status, was_ready, lived: self.began.elapsed() })
    }
}

#[derive(Debug, Default)]
struct Supervisor {
    state: Supervision,
    record: Record,
    predecessor: Option<String>,
}

#[derive(Debug, Default)]
enum Supervision {
    #[default]
    Start,
    Runs(Daemon),
    /// Until SIGALRM.
    Pause,
}

impl Supervisor {
    /// Takes a signal; gives the status to end with, if it is time for that.
    fn take(&mut self, signal: Signal) -> Option<u8> {
        match (&mut self.state, signal) {
            (Supervision::Runs(daemon), Signal::SIGCHLD) => {
                let end = daemon.ended()?;
                self.predecessor = Some(describe(end.status));
                match self.record.after(&end) {
                    NextStep::End(status) => return Some(status),
                    NextStep::StartAfter(0) => self.state = Supervision::Start,
                    NextStep::StartAfter(seconds) => self.pause(seconds),
                }
            }
            (Supervision::Pause, Signal::SIGALRM) => self.state = Supervision::Start,
            (_, Signal::SIGCHLD | Signal::SIGALRM) => {}
            (Supervision::Runs(daemon), order) => {
                self.record.ending |= order != Signal::SIGHUP;
                // It has not been waited for, so the number is its own.
                let _ = kill(daemon.pid, order);
            }
            (Supervision::Start | Supervision::Pause, Signal::SIGHUP) => {}
            (Supervision::Start | Supervision::Pause, _) => return Some(exit_code::OK),
        }
        None
    }

    fn pause(&mut self, seconds: u32) {
        alarm::set(seconds);
        self.state = Supervision::Pause;
    }
}

/// The end of a daemon.
#[derive(Clone, Copy, Debug)]
struct DaemonEnd {
    status: WaitStatus,
    was_ready: bool,
    lived: Duration,
}

/// The consequence of an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NextStep {
    End(u8),
    /// Seconds.
    StartAfter(u32),
}

/// The daemons so far.
#[derive(Debug, Default)]
struct Record {
    starts: u64,
    /// One of them was ready.
    has_run: bool,
    /// How many in a row, up to now, lived too short.
    early_ends: u32,
    /// It has been told to end.
    ending: bool,
}

impl Record {
    fn after(&mut self, end: &DaemonEnd) -> NextStep {
        self.has_run |= end.was_ready;
        let status = exit_status(end.status);
        if self.ending || status == exit_code::OK || !self.has_run || HOPELESS.contains(&status) {
            return NextStep::End(status);
        }
        if end.lived >= STABLE {
            self.early_ends = 0;
        }
        let pause = match self.early_ends {
            0 => 0,
            again => 1_u32.checked_shl(again - 1).unwrap_or(PAUSE_MAX).min(PAUSE_MAX),
        };
        self.early_ends += 1;
        NextStep::StartAfter(pause)
    }
}

fn describe(status: WaitStatus) -> String {
    let how = if let WaitStatus::Signaled(_, signal, _) = status {
        format!("was ended by {signal}")
    } else {
        format!("ended with status {}", exit_status(status))
    };
    let pid = status.pid().map(|pid| format!(", process {pid},")).unwrap_or_default();
    format!("the daemon{pid} {how}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const PID: Pid = Pid::from_raw(1);

    fn exited(code: u8) -> DaemonEnd {
        DaemonEnd {
            status: WaitStatus::Exited(PID, code.into()),
            was_ready: true,
            lived: Duration::from_secs(1),
        }
    }

    fn killed() -> DaemonEnd {
        DaemonEnd { status: WaitStatus::Signaled(PID, Signal::SIGSEGV, true), ..exited(0) }
    }

    fn running() -> Record {
        Record { has_run: true, ..Record::default() }
    }

    #[test]
    fn a_daemon_that_dies_is_back_at_once_and_one_that_dies_all_the_time_ever_later() {
        let mut record = Record::default();
        let pauses: Vec<_> = (0..40).map(|_| record.after(&killed())).collect();
        let expected = [0, 1, 2, 4, 8, 16, 30, 30].map(NextStep::StartAfter);
        assert_eq!(pauses[..8], expected);
        assert!(pauses[8..].iter().all(|pause| *pause == NextStep::StartAfter(PAUSE_MAX)));
        let stable = DaemonEnd { lived: STABLE, ..killed() };
        assert_eq!(record.after(&stable), NextStep::StartAfter(0));
        assert_eq!(record.after(&killed()), NextStep::StartAfter(1));
    }

    #[test]
    fn a_start_that_fails_is_reported_but_a_later_one_is_tried_again() {
        let failed = DaemonEnd { was_ready: false, ..exited(exit_code::OSERR) };
        assert_eq!(Record::default().after(&failed), NextStep::End(exit_code::OSERR));
        assert_eq!(running().after(&failed), NextStep::StartAfter(0));
        let crashed = DaemonEnd { was_ready: false, ..killed() };
        assert_eq!(Record::default().after(&crashed), NextStep::End(exit_code::SOFTWARE));
    }

    #[test]
    fn an_end_that_was_wanted_or_is_hopeless_is_the_end() {
        assert_eq!(running().after(&exited(exit_code::OK)), NextStep::End(exit_code::OK));
        assert_eq!(running().after(&exited(exit_code::CONFIG)), NextStep::End(exit_code::CONFIG));
        let mut ending = Record { ending: true, ..running() };
        assert_eq!(ending.after(&killed()), NextStep::End(exit_code::SOFTWARE));
    }
}
