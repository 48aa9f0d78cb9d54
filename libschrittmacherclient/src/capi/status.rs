//! Status codes.

use std::ffi::{CStr, c_char, c_int};

use crate::Error;

/// Done.
pub const SCHRITTMACHER_OK: c_int = 0;
/// A pointer is NULL that must not be.
pub const SCHRITTMACHER_ERR_NULL: c_int = 1;
/// The client is not one: never made, or freed.
pub const SCHRITTMACHER_ERR_HANDLE: c_int = 2;
/// An argument is out of its range, or a text is too long.
pub const SCHRITTMACHER_ERR_INVALID: c_int = 3;
/// A text is not UTF-8.
pub const SCHRITTMACHER_ERR_UTF8: c_int = 4;
/// No resource id is set.
pub const SCHRITTMACHER_ERR_NO_RESOURCE_ID: c_int = 5;
/// The client is not started. A reported state is kept and sent by the first heartbeat.
pub const SCHRITTMACHER_ERR_NOT_STARTED: c_int = 6;
/// The client runs its own thread, so there is nothing to dispatch.
pub const SCHRITTMACHER_ERR_NOT_POLLED: c_int = 7;
/// The daemon address cannot be resolved.
pub const SCHRITTMACHER_ERR_ADDRESS: c_int = 8;
/// Sent, but nobody listens there. The heartbeats go on. Noticed with a daemon on loopback only.
pub const SCHRITTMACHER_ERR_NO_DAEMON: c_int = 9;
/// The operating system refused something: see schrittmacher_client_last_errno().
pub const SCHRITTMACHER_ERR_SYSTEM: c_int = 10;
/// The client was started by the process that forked this one: start it here, or free it.
pub const SCHRITTMACHER_ERR_FORKED: c_int = 11;
/// An internal error was caught. The client is silent from now on, so that the daemon notices.
pub const SCHRITTMACHER_ERR_INTERNAL: c_int = 12;

/// Why a call failed.
#[derive(Debug)]
pub(super) enum Failure {
    Null,
    Handle,
    Invalid,
    Utf8,
    Client(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::Client(error)
    }
}

impl Failure {
    pub fn status(&self) -> c_int {
        match self {
            Failure::Null => SCHRITTMACHER_ERR_NULL,
            Failure::Handle => SCHRITTMACHER_ERR_HANDLE,
            Failure::Utf8 => SCHRITTMACHER_ERR_UTF8,
            Failure::Invalid | Failure::Client(Error::Invalid(_)) => SCHRITTMACHER_ERR_INVALID,
            Failure::Client(Error::NoResourceId) => SCHRITTMACHER_ERR_NO_RESOURCE_ID,
            Failure::Client(Error::NotStarted) => SCHRITTMACHER_ERR_NOT_STARTED,
            Failure::Client(Error::NotPolled) => SCHRITTMACHER_ERR_NOT_POLLED,
            Failure::Client(Error::Address(_)) => SCHRITTMACHER_ERR_ADDRESS,
            Failure::Client(Error::NoDaemon) => SCHRITTMACHER_ERR_NO_DAEMON,
            Failure::Client(Error::System { .. }) => SCHRITTMACHER_ERR_SYSTEM,
            Failure::Client(Error::Forked) => SCHRITTMACHER_ERR_FORKED,
            Failure::Client(Error::Broken) => SCHRITTMACHER_ERR_INTERNAL,
        }
    }
}

fn text_of(status: c_int) -> &'static CStr {
    match status.saturating_abs() {
        SCHRITTMACHER_OK => c"done",
        SCHRITTMACHER_ERR_NULL => c"a pointer is NULL",
        SCHRITTMACHER_ERR_HANDLE => c"not a client, or freed",
        SCHRITTMACHER_ERR_INVALID => c"an argument is out of range",
        SCHRITTMACHER_ERR_UTF8 => c"a text is not UTF-8",
        SCHRITTMACHER_ERR_NO_RESOURCE_ID => c"no resource id is set",
        SCHRITTMACHER_ERR_NOT_STARTED => c"the client is not started",
        SCHRITTMACHER_ERR_NOT_POLLED => c"the client runs its own thread",
        SCHRITTMACHER_ERR_ADDRESS => c"the daemon address cannot be resolved",
        SCHRITTMACHER_ERR_NO_DAEMON => c"no daemon is listening",
        SCHRITTMACHER_ERR_SYSTEM => c"a system call failed",
        SCHRITTMACHER_ERR_FORKED => c"the client was started by another process",
        SCHRITTMACHER_ERR_INTERNAL => c"internal error",
        _ => c"unknown status",
    }
}

/// SECTION: Errors and version
/// The text for a status code, in English. Takes the negative numbers of the get functions too. Never NULL;
/// the text is static. May be called from anywhere, signal handlers included.
#[unsafe(no_mangle)]
pub extern "C" fn schrittmacher_strerror(status: c_int) -> *const c_char {
    text_of(status).as_ptr()
}

/// The library's version, for example "3.0.0". Never NULL; the text is static. May differ from
/// SCHRITTMACHERCLIENT_VERSION, which is the version of the header that the program was compiled with.
#[unsafe(no_mangle)]
pub extern "C" fn schrittmacher_client_version() -> *const c_char {
    const VERSION: &CStr =
        match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
            Ok(version) => version,
            Err(_) => c"",
        };
    VERSION.as_ptr()
}
