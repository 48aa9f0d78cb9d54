//! The application's log function.

use std::ffi::{CString, c_char, c_int, c_void};
use std::sync::Arc;

use super::call::{act, ask, get, text};
use super::callbacks::Pointer;
use super::handle::schrittmacher_client;
use super::status::Failure;
use crate::LogLevel;
use crate::log::LogFn;

/// The header has an enum of this name.
pub type schrittmacher_log_level = c_int;

/// A callback that takes a message for the log. The message has no newline, and is gone after the call.
pub type schrittmacher_log_func = Option<
    unsafe extern "C" fn(
        client: *mut schrittmacher_client,
        level: schrittmacher_log_level,
        message: *const c_char,
        context: *mut c_void,
    ),
>;

/// SECTION: Log
/// Sets the function that gets this client's messages for the log; NULL, the default, for none.
///
/// Thread: the one that the message comes from. That is often the heartbeat thread, otherwise the one that calls the
/// library.
#[unsafe(no_mangle)]
pub extern "C" fn schrittmacher_client_set_log_func(
    client: *mut schrittmacher_client,
    func: schrittmacher_log_func,
    context: *mut c_void,
) -> c_int {
    let (handle, context) = (Pointer::new(client.cast()), Pointer::new(context));
    act(client, |client| {
        let log = func.map(|func| {
            let log: Arc<LogFn> = Arc::new(move |level: LogLevel, message: &str| {
                // A message can quote the application's own text, and so a NUL is possible.
                let message = CString::new(message.replace('\0', " ")).unwrap_or_default();
                // SAFETY: a C function of that type, valid until it is replaced, as the header asks.
                unsafe { func(handle.get().cast(), level as c_int, message.as_ptr(), context.get()) }
            });
            log
        });
        Ok(client.with_state(|state, _| state.log.function = log)?)
    })
}

/// Sets the least important level that the log function gets: SCHRITTMACHER_LOG_DEBUG (default) to
/// SCHRITTMACHER_LOG_PANIC.
///
/// Errors: INVALID.
#[unsafe(no_mangle)]
pub extern "C" fn schrittmacher_client_set_log_level(
    client: *mut schrittmacher_client,
    level: c_int,
) -> c_int {
    act(client, |client| {
        let least = LogLevel::from_number(level).ok_or(Failure::Invalid)?;
        Ok(client.with_state(|state, _| state.log.least = least)?)
    })
}

/// The least important level that the log function gets, or a negative status code.
#[unsafe(no_mangle)]
pub extern "C" fn schrittmacher_client_get_log_level(client: *const schrittmacher_client) -> c_int {
    get(client, |client| Ok(client.with_state(|state, _| state.log.least as c_int)?))
}

/// Sets whether schrittmacher_client_log() passes its texts on: 0 for no (default), anything else for yes. The
/// library's own messages do not depend on it.
#[unsafe(no_mangle)]
pub extern "C" fn schrittmacher_client_set_logging_enabled(
    client: *mut schrittmacher_client,
    enabled: c_int,
) -> c_int {
    act(client, |client| Ok(client.with_state(|state, _| state.kept.logging_enabled = enabled != 0)?))
}

/// 1 if schrittmacher_client_log() passes its texts on, 0 if not, and 0 on error.
#[unsafe(no_mangle)]
pub extern "C" fn schrittmacher_client_get_logging_enabled(client: *const schrittmacher_client) -> c_int {
    ask(client, |client| Ok(client.with_state(|state, _| state.kept.logging_enabled)?))
}

/// Passes a text of the application to its log function, with the level SCHRITTMACHER_LOG_INFO, if logging is
/// enabled.
///
/// Errors: NULL, UTF8.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn schrittmacher_client_log(
    client: *mut schrittmacher_client,
    message: *const c_char,
) -> c_int {
    act(client, |client| {
        // SAFETY: NULL or a string, as the header asks.
        let message = unsafe { text(message) }?.ok_or(Failure::Null)?;
        Ok(client.with_state(|state, journal| {
            if state.kept.logging_enabled {
                journal.note(LogLevel::Info, || message.to_owned());
            }
        })?)
    })
}
