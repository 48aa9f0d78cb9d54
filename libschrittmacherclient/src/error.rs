//! Errors of the client.

use std::io;

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A value is out of its setting's range. The text names the setting and the range.
    #[error("{0}")]
    Invalid(&'static str),
    /// A message needs a resource id, and none is set. (The legacy library threw `INV_RES_ID`.)
    #[error("no resource id is set")]
    NoResourceId,
    /// The client is not started. A reported state is kept, and the first heartbeat sends it.
    #[error("the client is not started")]
    NotStarted,
    /// [`dispatch`](crate::Client::dispatch) was called, but the client runs a thread of its own.
    #[error("the client runs its own thread")]
    NotPolled,
    /// The daemon's address is neither a numeric address nor a name that can be resolved.
    #[error("daemon address {0:?} cannot be resolved")]
    Address(String),
    /// No daemon is listening. That is noticed only with a daemon on loopback.
    #[error("no daemon is listening")]
    NoDaemon,
    /// The operating system refused something.
    #[error("cannot {action}")]
    System {
        /// The action that failed.
        action: &'static str,
        /// The system's error.
        source: io::Error,
    },
    /// A parent process has started the client, and this is a child by `fork`. [`start`](crate::Client::start) takes the
    /// client over for this process.
    #[error("the client was started by another process")]
    Forked,
    /// The library caught an internal error (a panic) earlier. The client sends nothing more, so that the daemon
    /// notices.
    #[error("the client is broken by an internal error")]
    Broken,
}

impl Error {
    /// For `map_err` on a system call that tried this action.
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
