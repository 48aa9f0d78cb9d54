//! The log file of a daemon.

use std::path::PathBuf;
use std::time::Duration;

use crate::{Tail, wait_for};

/// A log in the legacy's line format, and what the transitions in it tell. Where that is no ordinary file, the
/// same lines as they come on standard error.
#[derive(Debug)]
pub struct Log {
    tail: Tail,
    resource: &'static str,
    /// Lines of earlier runs of the daemon.
    earlier: usize,
    /// Lines that the test knows already.
    known: usize,
}

/// A change of state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transition {
    /// The state before, in the legacy's words.
    pub from: String,
    /// The state after.
    pub to: String,
    /// Why.
    pub cause: String,
}

impl Log {
    /// A log that will be written there.
    pub fn new(path: PathBuf, resource: &'static str) -> Log {
        Log { tail: Tail::new(path), resource, earlier: 0, known: 0 }
    }

    /// Everything in it, for people.
    pub fn text(&self) -> String {
        self.tail.text()
    }

    /// The daemon is about to start anew.
    pub fn begin_run(&mut self) {
        self.earlier = self.tail.lines().len();
        self.known = self.earlier;
    }

    /// Forgets what has happened until now, except in what state the daemon is.
    pub fn forget(&mut self) {
        self.known = self.tail.lines().len();
    }

    /// The lines since [`Log::forget`].
    pub fn lines(&self) -> Vec<String> {
        self.tail.lines().split_off(self.known)
    }

    /// Whether one of them contains `text`.
    pub fn has(&self, text: &str) -> bool {
        self.lines().iter().any(|line| line.contains(text))
    }

    /// Waits for a line that contains `text`, since [`Log::forget`].
    pub fn wait(&self, text: &str, expected: Duration) -> String {
        wait_for(&format!("a log line with {text:?}"), expected, || {
            self.lines().into_iter().find(|line| line.contains(text))
        })
    }

    /// The same, since the daemon began.
    pub fn wait_in_run(&self, text: &str, expected: Duration) -> String {
        wait_for(&format!("a log line with {text:?}"), expected, || {
            self.tail.lines().into_iter().skip(self.earlier).find(|line| line.contains(text))
        })
    }

    /// The changes of state since [`Log::forget`].
    pub fn transitions(&self) -> Vec<Transition> {
        self.parse(self.known)
    }

    /// In what state the daemon is.
    pub fn state(&self) -> String {
        self.parse(self.earlier).pop().map_or_else(|| "Unknown".to_owned(), |last| last.to)
    }

    /// Waits until the daemon is in a state.
    pub fn wait_state(&self, state: &str, expected: Duration) {
        let what = format!("{} to be {state}", self.tail.path().display());
        wait_for(&what, expected, || (self.state() == state).then_some(()));
    }

    fn parse(&self, from: usize) -> Vec<Transition> {
        self.tail.lines().iter().skip(from).filter_map(|line| self.transition(line)).collect()
    }

    /// `time LEVEL section subsection name message`, divided by tabs. On standard error without the columns
    /// that never change, and divided by blanks.
    fn transition(&self, line: &str) -> Option<Transition> {
        let (section, message) = if line.contains('\t') {
            let mut fields = line.splitn(6, '\t');
            (fields.nth(2)?, fields.nth(2)?)
        } else {
            line.splitn(5, ' ').nth(4)?.split_once(": ")?
        };
        let (states, cause) = message.split_once(": ")?;
        let (from, to) = states.split_once(" -> ")?;
        let transition = Transition { from: from.to_owned(), to: to.to_owned(), cause: cause.to_owned() };
        (section == self.resource && from != to).then_some(transition)
    }
}
