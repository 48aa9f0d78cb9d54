//! Making, starting, stopping, freeing.

use std::ffi::c_int;

use super::call::{act, get, guarded};
use super::handle::{insert, remove, schrittmacher_client};
use super::status::Failure;
use crate::Client;
use crate::settings::Settings;

/// SECTION: Life cycle
/// Makes a client with the default settings. Opens and starts nothing. Free it with
/// schrittmacher_client_free(). NULL if the process has SCHRITTMACHER_CLIENTS_MAX clients already.
#[unsafe(no_mangle)]
pub extern "C" fn schrittmacher_client_new() -> *mut schrittmacher_client {
    guarded(std::ptr::null_mut(), || insert(Client::new(Settings::default())))
}

/// Stops the client and frees it. No function of the application is called for it afterwards, except by other
/// threads that are inside the client just now; a function that calls this goes on to its end. NULL and a
/// client that is freed already are fine. In a child process, by fork(), no thread is waited for.
///
/// What may not happen, here and in schrittmacher_client_stop(): to hold a lock that a running go-hot,
/// go-standby or log function waits for.
#[unsafe(no_mangle)]
pub extern "C" fn schrittmacher_client_free(client: *mut schrittmacher_client) {
    guarded((), || {
        // Neither is an error here: what is no client is not freed, and in a child nothing is stopped.
        let _ = remove(client, |client| drop(client.stop()));
    });
}

/// Opens a socket, and starts a thread that repeats the last report to the daemon every heartbeat interval,
/// for the first time one interval from now. Sends nothing itself: call a report function next. A started
/// client is stopped and started anew.
///
/// The thread has all signals blocked and 256 KiB of stack. It calls the go-hot and go-standby functions for
/// orders that came by schrittmacher_client_notify_signal() or the installed handlers. While such a function
/// runs no heartbeat leaves, so it has to return well within the daemon's patience (app-timeout, 10 s by
/// default): begin the switch there, report the end of it later, from any thread.
///
/// A host name as daemon address is resolved here, which can take the resolver's time.
///
/// In a child process of the one that started the client this takes the client over for the child; it then
/// reports the child's pid. The parent's keeps running there.
///
/// Errors: ADDRESS, SYSTEM. FORKED, if another thread of the parent was inside the client during the fork.
/// After an error the client is stopped and can be started again.
#[unsafe(no_mangle)]
pub extern "C" fn schrittmacher_client_start(client: *mut schrittmacher_client) -> c_int {
    act(client, |client| Ok(client.start()?))
}

/// Like schrittmacher_client_start(), but without a thread: for applications with an event loop of their own.
/// Watch the descriptor schrittmacher_client_poll_fd() for reading, and call schrittmacher_client_dispatch()
/// when it is readable. The heartbeat then proves that the loop is alive.
#[unsafe(no_mangle)]
pub extern "C" fn schrittmacher_client_start_polled(client: *mut schrittmacher_client) -> c_int {
    act(client, |client| Ok(client.start_polled()?))
}

/// Ends the heartbeats and closes the socket. Sends no farewell; the daemon notices the silence. Returns when
/// the thread has ended and with it a function of the application that it was running; called from such a
/// function it returns at once. Fine for a client that is not started.
#[unsafe(no_mangle)]
pub extern "C" fn schrittmacher_client_stop(client: *mut schrittmacher_client) -> c_int {
    act(client, |client| Ok(client.stop()?))
}

/// 1 if the client is started, 0 if not, a negative status code on error.
#[unsafe(no_mangle)]
pub extern "C" fn schrittmacher_client_is_started(client: *const schrittmacher_client) -> c_int {
    get(client, |client| Ok(client.is_started()?.into()))
}

/// The descriptor to watch after schrittmacher_client_start_polled(): readable when
/// schrittmacher_client_dispatch() has something to do. The same until the client is freed. Neither read it
/// nor close it. A negative status code on error: NOT_STARTED before the first start.
#[unsafe(no_mangle)]
pub extern "C" fn schrittmacher_client_poll_fd(client: *const schrittmacher_client) -> c_int {
    get(client, |client| client.poll_fd().ok_or(Failure::Client(crate::Error::NotStarted)))
}

/// Does what there is to do: calls the go-hot or go-standby function for an order that came by signal, sends
/// a heartbeat that is due. Never waits. Calls too many do no harm.
///
/// Errors: NOT_STARTED, NOT_POLLED; those of schrittmacher_client_do_heartbeat() if one was due.
#[unsafe(no_mangle)]
pub extern "C" fn schrittmacher_client_dispatch(client: *mut schrittmacher_client) -> c_int {
    act(client, |client| Ok(client.dispatch()?))
}

/// The errno of what the operating system last refused this client, in any thread: sending a heartbeat, for
/// example. 0 if it refused nothing, or if a message was sent since. A negative status code on error.
#[unsafe(no_mangle)]
pub extern "C" fn schrittmacher_client_last_errno(client: *const schrittmacher_client) -> c_int {
    get(client, |client| Ok(client.last_os_error().and_then(|error| error.raw_os_error()).unwrap_or(0)))
}
