//! Why a process is not believed to be the application's.

use std::fmt;
use std::mem::{Discriminant, discriminant};
use std::time::Duration;

use schrittmacher_protocol::Time;

/// The reason why a pid is used for nothing; its messages count all the same (A3).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Doubt {
    /// A3 (a): an application that forked after it learnt its number, for example.
    #[error("there is no such process")]
    Dead,
    /// Nobody's application: a signal would end the daemon or the machine.
    #[error(
        "that is the daemon itself or process 1, or the sender is in a container with process numbers of its own; \
         `pid-file` can name the process"
    )]
    Reserved,
    /// A3 (b).
    #[error("it belongs to user {process}, but the message came from a socket of user {sender}")]
    OtherUser {
        /// Real user id of the process.
        process: u32,
        /// User id of the socket.
        sender: u32,
    },
    /// Without the socket nobody knows who has sent the message.
    #[error("the sender's socket is not here: closed already, or in a container with a network of its own")]
    NoSocket,
    /// The socket is known, and the process does not have it.
    #[error(
        "another process has sent the message, or the sender is in a container with process numbers of its own; \
         `pid-file` can name the process"
    )]
    OtherSender,
    /// The file that `pid-file` names can't be used.
    #[error("pid-file: {0}")]
    PidFileRead(String),
    /// The system refused to tell.
    #[error("{0}")]
    System(String),
}

/// A claim that was not believed; the pid is 0 if a pid file names none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) pid: u32,
    pub(super) doubt: Doubt,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pid {
            0 => write!(f, "the application's process is not known: {}", self.doubt),
            pid => write!(f, "process {pid} is not believed to be the application: {}", self.doubt),
        }
    }
}

/// How long no other pid is warned about for the same reason. A reporter that starts anew for every message has a new pid in
/// each.
const QUIET: Duration = Duration::from_secs(3600);
/// How many warnings are remembered.
const REMEMBERED: usize = 16;

/// The warnings given for one resource.
#[derive(Debug, Default)]
pub(super) struct Warnings {
    given: Vec<(u32, Discriminant<Doubt>, Time)>,
}

impl Warnings {
    /// Whether this is worth a warning: once for a pid and reason, and once an hour for a reason.
    pub(super) fn is_news(&mut self, pid: u32, doubt: &Doubt, now: Time) -> bool {
        let reason = discriminant(doubt);
        let known = |(other, given, at): &(u32, Discriminant<Doubt>, Time)| {
            *given == reason && (*other == pid || now.since(*at) < QUIET)
        };
        if self.given.iter().any(known) {
            return false;
        }
        if self.given.len() == REMEMBERED {
            self.given.remove(0);
        }
        self.given.push((pid, reason, now));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_warning_for_a_pid_and_reason() {
        let mut warnings = Warnings::default();
        let at = |seconds| Time::new(Duration::from_secs(seconds));
        assert!(warnings.is_news(1, &Doubt::Dead, at(0)));
        assert!(!warnings.is_news(1, &Doubt::Dead, at(9999)));
        assert!(warnings.is_news(1, &Doubt::NoSocket, at(1)));
        assert!(!warnings.is_news(2, &Doubt::NoSocket, at(3600)));
        assert!(warnings.is_news(2, &Doubt::NoSocket, at(3601)));
        for pid in 0..100_000 {
            warnings.is_news(pid, &Doubt::OtherSender, at(10_000 * u64::from(pid)));
        }
        assert_eq!(warnings.given.len(), REMEMBERED);
    }
}
