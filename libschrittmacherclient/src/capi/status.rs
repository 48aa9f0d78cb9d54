//! Status codes.

use std::ffi::{CStr, c_char, c_int};

use crate::Error;

/// The result of a call: 0, or a negative code. Functions return it as int, since many return a number too.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum schrittmacher_status {
    /// Done.
    SCHRITTMACHER_OK = 0,
    /// A pointer is NULL and must not be.
    SCHRITTMACHER_ERR_NULL = -1,
    /// The handle is no client: it was never made, or is freed.
    SCHRITTMACHER_ERR_HANDLE = -2,
    /// An argument is out of its range, or a text is too long.
    SCHRITTMACHER_ERR_INVALID = -3,
    /// A text is not UTF-8.
    SCHRITTMACHER_ERR_UTF8 = -4,
    /// No resource id is set.
    SCHRITTMACHER_ERR_NO_RESOURCE_ID = -5,
    /// The client is not started. A reported state is kept, and the first heartbeat sends it.
    SCHRITTMACHER_ERR_NOT_STARTED = -6,
    /// The client runs its own thread, so there is nothing to dispatch.
    SCHRITTMACHER_ERR_NOT_POLLED = -7,
    /// The daemon address cannot be resolved.
    SCHRITTMACHER_ERR_ADDRESS = -8,
    /// No daemon is listening. The heartbeats go on trying. Noticed only with a daemon on loopback.
    SCHRITTMACHER_ERR_NO_DAEMON = -9,
    /// The operating system refused something: see schrittmacher_client_last_errno().
    SCHRITTMACHER_ERR_SYSTEM = -10,
    /// A parent process has started this client. Start it in this process, or free it.
    SCHRITTMACHER_ERR_FORKED = -11,
    /// The library caught an internal error. The client sends nothing more, so that the daemon notices.
    SCHRITTMACHER_ERR_INTERNAL = -12,
    /// The process has SCHRITTMACHER_CLIENTS_MAX clients already.
    SCHRITTMACHER_ERR_TOO_MANY = -13,
}

use schrittmacher_status as Status;

impl Status {
    const ALL: [Status; 14] = [
        Status::SCHRITTMACHER_OK,
        Status::SCHRITTMACHER_ERR_NULL,
        Status::SCHRITTMACHER_ERR_HANDLE,
        Status::SCHRITTMACHER_ERR_INVALID,
        Status::SCHRITTMACHER_ERR_UTF8,
        Status::SCHRITTMACHER_ERR_NO_RESOURCE_ID,
        Status::SCHRITTMACHER_ERR_NOT_STARTED,
        Status::SCHRITTMACHER_ERR_NOT_POLLED,
        Status::SCHRITTMACHER_ERR_ADDRESS,
        Status::SCHRITTMACHER_ERR_NO_DAEMON,
        Status::SCHRITTMACHER_ERR_SYSTEM,
        Status::SCHRITTMACHER_ERR_FORKED,
        Status::SCHRITTMACHER_ERR_INTERNAL,
        Status::SCHRITTMACHER_ERR_TOO_MANY,
    ];

    /// The number that C gets.
    pub const fn number(self) -> c_int {
        self as c_int
    }

    const fn text(self) -> &'static CStr {
        match self {
            Status::SCHRITTMACHER_OK => c"done",
            Status::SCHRITTMACHER_ERR_NULL => c"a pointer is NULL",
            Status::SCHRITTMACHER_ERR_HANDLE => c"not a client, or freed",
            Status::SCHRITTMACHER_ERR_INVALID => c"an argument is out of range",
            Status::SCHRITTMACHER_ERR_UTF8 => c"a text is not UTF-8",
            Status::SCHRITTMACHER_ERR_NO_RESOURCE_ID => c"no resource id is set",
            Status::SCHRITTMACHER_ERR_NOT_STARTED => c"the client is not started",
            Status::SCHRITTMACHER_ERR_NOT_POLLED => c"the client runs its own thread",
            Status::SCHRITTMACHER_ERR_ADDRESS => c"the daemon address cannot be resolved",
            Status::SCHRITTMACHER_ERR_NO_DAEMON => c"no daemon is listening",
            Status::SCHRITTMACHER_ERR_SYSTEM => c"a system call failed",
            Status::SCHRITTMACHER_ERR_FORKED => c"the client was started by another process",
            Status::SCHRITTMACHER_ERR_INTERNAL => c"internal error",
            Status::SCHRITTMACHER_ERR_TOO_MANY => c"the process has too many clients",
        }
    }
}

/// Why a call failed.
#[derive(Debug)]
pub(super) enum Failure {
    Null,
    Handle,
    Invalid,
    Utf8,
    TooMany,
    Client(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::Client(error)
    }
}

impl Failure {
    /// The negative number that C gets.
    pub fn number(&self) -> c_int {
        self.status().number()
    }

    fn status(&self) -> Status {
        match self {
            Failure::Null => Status::SCHRITTMACHER_ERR_NULL,
            Failure::Handle => Status::SCHRITTMACHER_ERR_HANDLE,
            Failure::Utf8 => Status::SCHRITTMACHER_ERR_UTF8,
            Failure::TooMany => Status::SCHRITTMACHER_ERR_TOO_MANY,
            Failure::Invalid | Failure::Client(Error::Invalid(_)) => Status::SCHRITTMACHER_ERR_INVALID,
            Failure::Client(Error::NoResourceId) => Status::SCHRITTMACHER_ERR_NO_RESOURCE_ID,
            Failure::Client(Error::NotStarted) => Status::SCHRITTMACHER_ERR_NOT_STARTED,
            Failure::Client(Error::NotPolled) => Status::SCHRITTMACHER_ERR_NOT_POLLED,
            Failure::Client(Error::Address(_)) => Status::SCHRITTMACHER_ERR_ADDRESS,
            Failure::Client(Error::NoDaemon) => Status::SCHRITTMACHER_ERR_NO_DAEMON,
            Failure::Client(Error::System { .. }) => Status::SCHRITTMACHER_ERR_SYSTEM,
            Failure::Client(Error::Forked) => Status::SCHRITTMACHER_ERR_FORKED,
            Failure::Client(Error::Broken) => Status::SCHRITTMACHER_ERR_INTERNAL,
        }
    }
}

/// SECTION: Errors and version
/// The text for a status code, in English. Never NULL; the text is static. May be called from everywhere, signal
/// handlers included.
#[unsafe(no_mangle)]
pub extern "C" fn schrittmacher_strerror(status: c_int) -> *const c_char {
    let known = Status::ALL.into_iter().find(|known| known.number() == status);
    known.map_or(c"unknown status", Status::text).as_ptr()
}

/// The library's version as text, for example "3.0.0". Never NULL; the text is static.
#[unsafe(no_mangle)]
pub extern "C" fn schrittmacher_client_version() -> *const c_char {
    const VERSION: &CStr =
        match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
            Ok(version) => version,
            Err(_) => c"",
        };
    VERSION.as_ptr()
}

/// The library's version as a number: 3.1.2 is 30102. It is at least the SCHRITTMACHERCLIENT_VERSION_NUMBER of the
/// header that the program was compiled with, unless the installed library is too old for the program.
#[unsafe(no_mangle)]
pub extern "C" fn schrittmacher_client_version_number() -> c_int {
    const NUMBER: c_int = digits(env!("CARGO_PKG_VERSION_MAJOR")) * 10_000
        + digits(env!("CARGO_PKG_VERSION_MINOR")) * 100
        + digits(env!("CARGO_PKG_VERSION_PATCH"));
    NUMBER
}

const fn digits(text: &str) -> c_int {
    match c_int::from_str_radix(text, 10) {
        Ok(number) => number,
        Err(_) => panic!("a version consists of numbers"),
    }
}
