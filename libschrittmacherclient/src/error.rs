//! What can go wrong.

use std::io;

/// Why a call did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A setting was given a value that it cannot have. The text names the setting and its range.
    #[error("{0}")]
    Invalid(&'static str),
    /// A message needs a resource id, and none is set. (The legacy library threw `INV_RES_ID`.)
    #[error("no resource id is set")]
    NoResourceId,
    /// The client is not started. A state reported nevertheless is kept, and sent by the first heartbeat.
    #[error("the client is not started")]
    NotStarted,
    /// [`dispatch`](crate::Client::dispatch) was called, but the client runs a thread of its own.
    #[error("the client runs its own thread")]
    NotPolled,
    /// The daemon's address is neither a numeric address nor a name that can be resolved.
    #[error("daemon address {0:?} cannot be resolved")]
    Address(String),
    /// The message was sent, but nobody listens at the daemon's port. Only a loopback daemon is noticed
    /// missing.
    #[error("no daemon is listening")]
    NoDaemon,
    /// The operating system refused something.
    #[error("cannot {action}")]
    System {
        /// What was tried.
        action: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// This process is a child (by `fork`) of the one that started the client. Only
    /// [`start`](crate::Client::start) helps: it takes the client over for this process.
    #[error("the client was started by another process")]
    Forked,
    /// An internal error (a panic) was caught earlier. The client sends nothing any more, so that the daemon
    /// notices.
    #[error("the client is broken by an internal error")]
    Broken,
}

impl Error {
    /// For `map_err` on a system call: says what was tried.
    pub(crate) fn system<E: Into<io::Error>>(action: &'static str) -> impl FnOnce(E) -> Error {
        move |source| Error::System { action, source: source.into() }
    }

    /// The operating system's number of the error, if it has one.
    pub(crate) fn os_code(&self) -> Option<i32> {
        match self {
            Error::System { source, .. } => source.raw_os_error(),
            Error::NoDaemon => Some(libc::ECONNREFUSED),
            Error::Invalid(_)
            | Error::NoResourceId
            | Error::NotStarted
            | Error::NotPolled
            | Error::Address(_)
            | Error::Forked
            | Error::Broken => None,
        }
    }
}
