//! The daemon's orders to the application.

use std::ffi::c_int;

use super::call::{act, guarded_number};
use super::handle::{peek, schrittmacher_client};
use super::status::schrittmacher_status;

/// SECTION: Orders
/// Carries out the daemon's order to become hot, on this thread. Sets the wanted state. Unless the application is hot
/// or on its way, it also sets the current state to transiting_to_hot, and calls the go-hot function before it
/// returns. Sends nothing: the next heartbeat says "on the way". Signal handlers call
/// schrittmacher_client_notify_signal() instead.
#[unsafe(no_mangle)]
pub extern "C" fn schrittmacher_client_signal_go_hot(client: *mut schrittmacher_client) -> c_int {
    act(client, |client| Ok(client.signal_go_hot()?))
}

/// Carries out the daemon's order to become standby; see schrittmacher_client_signal_go_hot().
#[unsafe(no_mangle)]
pub extern "C" fn schrittmacher_client_signal_go_standby(client: *mut schrittmacher_client) -> c_int {
    act(client, |client| Ok(client.signal_go_standby()?))
}

/// Hands a signal over and returns at once. It is for the application's own handlers of SIGUSR1 (become hot) and
/// SIGUSR2 (become standby). The heartbeat thread carries out the order, or the next schrittmacher_client_dispatch(),
/// as schrittmacher_client_signal_go_hot() and _go_standby() do. If several orders wait, the last one counts. Before
/// the start an order waits for it.
///
/// Async-signal-safe, even if the client was freed meanwhile.
///
/// Errors: INVALID for another signal.
#[unsafe(no_mangle)]
pub extern "C" fn schrittmacher_client_notify_signal(
    client: *mut schrittmacher_client,
    signo: c_int,
) -> c_int {
    guarded_number(|| {
        peek(client, |client| client.notify_signal(signo))??;
        Ok(schrittmacher_status::SCHRITTMACHER_OK.number())
    })
}

/// Installs handlers for SIGUSR1 and SIGUSR2. They do what schrittmacher_client_notify_signal() does, and then call
/// the handlers that were there before. They run on the alternate signal stack of a thread that has one. A second
/// call changes nothing. The library installs no handler without this call.
///
/// A signal goes to the process and does not say for which resource it is. If several clients of a process have
/// installed handlers, each of them takes every order. So a process reports for one resource, or its resources are
/// ordered by start-action and stop-action instead.
///
/// The handlers act for this client until it is freed. Afterwards they only call the earlier handlers. A later
/// sigaction() or signal() of the application for these signals removes them: make this call after it.
///
/// Errors: SYSTEM.
#[unsafe(no_mangle)]
pub extern "C" fn schrittmacher_client_install_signal_handlers(client: *mut schrittmacher_client) -> c_int {
    act(client, |client| Ok(client.install_signal_handlers()?))
}
