//! Making, starting, stopping, freeing.

use std::ffi::c_int;
use std::ptr;

use super::call::{act, ask, get, guarded, guarded_number};
use super::handle::{insert, remove, schrittmacher_client};
use super::status::{Failure, schrittmacher_status};
use crate::settings::Settings;
use crate::{Client, Error};

/// SECTION: Life cycle
/// Makes a client with the default settings, and stores it in *client. Opens and starts nothing. Free it with
/// schrittmacher_client_free(). On error *client is NULL.
///
/// Errors: NULL, TOO_MANY.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn schrittmacher_client_new(client: *mut *mut schrittmacher_client) -> c_int {
    guarded_number(|| {
        if client.is_null() {
            return Err(Failure::Null);
        }
        let made = insert(Client::new(Settings::default()));
        // SAFETY: not NULL, and it points to a pointer, as the header asks.
        unsafe { client.write(made.unwrap_or(ptr::null_mut())) };
        made.map(|_| schrittmacher_status::SCHRITTMACHER_OK.number()).ok_or(Failure::TooMany)
    })
}

/// Stops the client and frees it. Does nothing for NULL and for a client that is freed already.
///
/// Afterwards no callback is called for this client. In two cases a callback may still run: another thread is inside
/// a call for this client, or the callback itself has called this function.
///
/// The call waits for a callback that runs on the heartbeat thread, as schrittmacher_client_stop() does. Do not hold a
/// lock that a callback needs: both would wait for ever. In a child process by fork() the call does not wait.
#[unsafe(no_mangle)]
pub extern "C" fn schrittmacher_client_free(client: *mut schrittmacher_client) {
    guarded((), || {
        // A pointer that is no client is not freed, and that is no error here.
        let _ = remove(client, Client::close);
    });
}

/// Opens the sockets, and starts the heartbeat thread. The thread repeats the last report every heartbeat interval, the
/// first time one interval from now. This call sends nothing: call a report function next. A started client is
/// stopped first.
///
/// The thread has all signals blocked, and 256 KiB of stack. Callbacks run on it. While one of them runs, no heartbeat
/// leaves, and after app-timeout (10 s by default) the daemon takes the application for dead.
///
/// A host name as daemon address is resolved here, which can take the resolver's time.
///
/// In a child process of the one that started the client, this call takes the client over for the child. It then
/// reports the child's pid. The parent's client goes on in the parent.
///
/// Errors: ADDRESS, SYSTEM. FORKED if another thread of the parent was inside the client during the fork(). After an
/// error the client is stopped, and can be started again.
#[unsafe(no_mangle)]
pub extern "C" fn schrittmacher_client_start(client: *mut schrittmacher_client) -> c_int {
    act(client, |client| Ok(client.start()?))
}

/// Starts the client without a thread, for an application with an event loop of its own. The loop watches the
/// descriptor schrittmacher_client_poll_fd() for reading, and calls schrittmacher_client_dispatch() when it is
/// readable. Callbacks run in that call. The heartbeats then prove that the loop is alive.
///
/// Errors: as schrittmacher_client_start().
#[unsafe(no_mangle)]
pub extern "C" fn schrittmacher_client_start_polled(client: *mut schrittmacher_client) -> c_int {
    act(client, |client| Ok(client.start_polled()?))
}

/// Ends the heartbeats, and closes the sockets. Sends no farewell: the daemon notices the silence. The call returns
/// when the heartbeat thread has ended. Called on that thread, from a callback, it returns at once. It does nothing
/// for a client that is not started.
///
/// Do not hold a lock that a callback needs: both would wait for ever.
///
/// Errors: none of its own. FORKED in a child process means that the client goes on in the parent.
#[unsafe(no_mangle)]
pub extern "C" fn schrittmacher_client_stop(client: *mut schrittmacher_client) -> c_int {
    act(client, |client| Ok(client.stop()?))
}

/// 1 if the client is started, 0 if not, and 0 on error.
#[unsafe(no_mangle)]
pub extern "C" fn schrittmacher_client_is_started(client: *const schrittmacher_client) -> c_int {
    ask(client, |client| Ok(client.is_started()?))
}

/// The descriptor to watch after schrittmacher_client_start_polled(). It is readable when
/// schrittmacher_client_dispatch() has something to do, and stays the same until the client is freed. Neither read
/// it nor close it.
///
/// Errors: NOT_STARTED before the first start.
#[unsafe(no_mangle)]
pub extern "C" fn schrittmacher_client_poll_fd(client: *const schrittmacher_client) -> c_int {
    get(client, |client| client.poll_fd().ok_or(Failure::Client(Error::NotStarted)))
}

/// Does what the heartbeat thread would do now. Carries out an order that came by signal, sends a heartbeat that is
/// due, and tells of a lost daemon. Runs callbacks on this thread. Never waits. A call without need does no harm.
///
/// Errors: NOT_STARTED, NOT_POLLED. If a heartbeat was due, as schrittmacher_client_do_heartbeat().
#[unsafe(no_mangle)]
pub extern "C" fn schrittmacher_client_dispatch(client: *mut schrittmacher_client) -> c_int {
    act(client, |client| Ok(client.dispatch()?))
}

/// The errno of the last system call that failed for this client, in any thread. 0 if none failed, or if a message
/// was sent since.
#[unsafe(no_mangle)]
pub extern "C" fn schrittmacher_client_last_errno(client: *const schrittmacher_client) -> c_int {
    get(client, |client| Ok(client.last_os_error().and_then(|error| error.raw_os_error()).unwrap_or(0)))
}

/// How long the application may still serve, in milliseconds. INT_MAX if there is no limit: it does not serve, another policy, or
/// nothing was said yet. The daemon is asked only if schrittmacher_client_set_right_ended_callback() has set a function.
///
/// Errors: none of its own.
#[unsafe(no_mangle)]
pub extern "C" fn schrittmacher_client_get_right_left_ms(client: *const schrittmacher_client) -> c_int {
    get(client, |client| {
        let left = client.right_left()?.map(|left| c_int::try_from(left.as_millis()).unwrap_or(c_int::MAX));
        Ok(left.unwrap_or(c_int::MAX))
    })
}

/// 1 if the daemon is lost, 0 if not, and 0 on error. See schrittmacher_client_set_daemon_lost_after_ms().
#[unsafe(no_mangle)]
pub extern "C" fn schrittmacher_client_is_daemon_lost(client: *const schrittmacher_client) -> c_int {
    ask(client, |client| Ok(client.is_daemon_lost()?))
}
