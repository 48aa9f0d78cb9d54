//! How commands ended: for the log, the status page and the node, which decides what a failure means (X3, D27).

use std::fmt;
use std::process::ExitStatus;
use std::time::Duration;

use schrittmacher_text::beginning;
use schrittmacher_units::JobFailure;

use super::CommandKind;
use super::output::one_line;
use super::queue::Verdict;

/// How much of a command's output goes into a sentence, in bytes.
const WORDS: usize = 300;

/// The end of one command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandOutcome {
    /// Its task.
    pub kind: CommandKind,
    /// How it ended.
    pub ending: Ending,
    /// How long it ran.
    pub duration: Duration,
    /// The last 4 KiB of its stdout and stderr; invalid UTF-8 is replaced.
    pub output: String,
    /// How many commands of this kind have failed in a row, this one included; 0 after a success.
    pub failures: u32,
}

impl CommandOutcome {
    /// Whether something is wrong. A refused `deactivate` at the start is not: there was nothing to take down. A check
    /// that says "does not run" is not either.
    pub fn is_trouble(&self) -> bool {
        let is_answer = self.kind == CommandKind::Check && self.ending.verdict() == Verdict::Refused;
        self.failures > 0 && (!is_answer || self.ending.is_not_executable())
    }

    /// The end of the command's output, as part of one line; may be empty.
    pub fn last_words(&self) -> String {
        beginning(one_line(&self.output), WORDS)
    }
}

/// A sentence: `activate has failed after 0.012 s, exit status: 2: RTNETLINK answers: File exists`.
impl fmt::Display for CommandOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let CommandOutcome { kind, ending, duration, .. } = self;
        let seconds = duration.as_secs_f64();
        match ending {
            Ending::Exited(_) if *kind == CommandKind::Check => write!(f, "check: {ending}")?,
            Ending::Exited(status) if status.success() => write!(f, "{kind} has ended after {seconds:.3} s")?,
            Ending::AddressDone | Ending::UnitDone => write!(f, "{kind} has ended after {seconds:.3} s")?,
            Ending::Unit(failure) => write!(f, "{kind} has failed: {}", failure.why())?,
            Ending::HereAlready(_) => write!(f, "{kind} has ended after {seconds:.3} s, {ending}")?,
            Ending::System(error) | Ending::Address(error) => write!(f, "{kind} has failed: {error}")?,
            Ending::TimedOut(limit) => {
                let key = kind.timeout_key();
                write!(f, "{kind} has failed, terminated after its `{key}` of {} s", limit.as_secs_f64())?;
            }
            Ending::Exited(_) | Ending::Overtaken | Ending::Stuck => {
                write!(f, "{kind} has failed after {seconds:.3} s, {ending}")?;
            }
        }
        match self.last_words() {
            words if words.is_empty() => Ok(()),
            words => write!(f, ": {words}"),
        }
    }
}

/// How a command ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// By itself, with this status.
    Exited(ExitStatus),
    /// It was refused with this status, and the address is here: from before a restart, or because it could not be taken down.
    HereAlready(ExitStatus),
    /// It was terminated when this time was over, its `action-timeout`.
    TimedOut(Duration),
    /// It was terminated because a more urgent order could not wait for it.
    Overtaken,
    /// Not even SIGKILL ended it.
    Stuck,
    /// It could not be begun or not be waited for; the system's words.
    System(String),
    /// The built-in address is as it should be, and there is no command beside it.
    AddressDone,
    /// The built-in address is not as it should be; which one, and why.
    Address(String),
    /// The unit of systemd has obeyed.
    UnitDone,
    /// It has not.
    Unit(JobFailure),
}

impl Ending {
    /// Whether the command has done what it was to do.
    pub fn is_success(&self) -> bool {
        match self {
            Ending::Exited(status) => status.success(),
            Ending::AddressDone | Ending::UnitDone | Ending::HereAlready(_) => true,
            Ending::TimedOut(_)
            | Ending::Overtaken
            | Ending::Stuck
            | Ending::System(_)
            | Ending::Address(_)
            | Ending::Unit(_) => false,
        }
    }

    /// The same in the words of the queue.
    pub(super) fn verdict(&self) -> Verdict {
        match self {
            Ending::AddressDone | Ending::UnitDone | Ending::HereAlready(_) => Verdict::Success,
            Ending::Exited(status) if status.success() => Verdict::Success,
            Ending::Exited(status) if status.code().is_some() => Verdict::Refused,
            Ending::Exited(_)
            | Ending::TimedOut(_)
            | Ending::Overtaken
            | Ending::Stuck
            | Ending::System(_)
            | Ending::Address(_)
            | Ending::Unit(_) => Verdict::Broken,
        }
    }

    /// Why a unit of systemd has not obeyed. If systemd could not be reached, nobody knows whether it has.
    pub(super) fn unit_failure(&self) -> Option<&str> {
        let Ending::Unit(failure) = self else { return None };
        let is_known = matches!(failure, JobFailure::Failed(_) | JobFailure::Refused(_));
        is_known.then(|| failure.why())
    }

    /// Another attempt will end the same way.
    pub fn is_final(&self) -> bool {
        self.is_not_executable() || matches!(self, Ending::Unit(JobFailure::Refused(_)))
    }

    /// The shell could not find the program (127) or not execute it (126): the next attempt will end the same way.
    pub fn is_not_executable(&self) -> bool {
        matches!(self, Ending::Exited(status) if matches!(status.code(), Some(126 | 127)))
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ending::Exited(status) if status.code() == Some(126) => write!(f, "{status} (not executable)"),
            Ending::Exited(status) if status.code() == Some(127) => write!(f, "{status} (not found)"),
            Ending::Exited(status) => write!(f, "{status}"),
            Ending::TimedOut(limit) => {
                write!(f, "terminated after its time of {} s", limit.as_secs_f64())
            }
            Ending::Overtaken => f.write_str("terminated to make way for a more urgent command"),
            Ending::Stuck => f.write_str("not ended by SIGKILL, given up"),
            Ending::AddressDone | Ending::UnitDone => f.write_str("done"),
            Ending::Unit(failure) => f.write_str(failure.why()),
            Ending::HereAlready(status) => {
                write!(f, "{status}; the address is here already, so that is no failure")
            }
            Ending::System(error) | Ending::Address(error) => f.write_str(error),
        }
    }
}
