//! What the daemon orders the application to do.

use std::ffi::c_int;

use super::call::{act, guarded};
use super::handle::{peek, schrittmacher_client};
use super::status::{SCHRITTMACHER_ERR_INTERNAL, SCHRITTMACHER_OK};

/// SECTION: Orders
/// Carries out the daemon's order to become hot, on this thread: sets the wanted state, and unless the
/// application is hot or on its way, sets the current state to transiting_to_hot and calls the go-hot
/// function before it returns. Sends nothing: the next heartbeat says "on the way". Not for signal handlers:
/// those call schrittmacher_client_notify_signal().
#[unsafe(no_mangle)]
pub extern "C" fn schrittmacher_client_signal_go_hot(client: *mut schrittmacher_client) -> c_int {
    act(client, |client| Ok(client.signal_go_hot()?))
}

/// Carries out the daemon's order to become standby; see schrittmacher_client_signal_go_hot().
#[unsafe(no_mangle)]
pub extern "C" fn schrittmacher_client_signal_go_standby(client: *mut schrittmacher_client) -> c_int {
    act(client, |client| Ok(client.signal_go_standby()?))
}

/// For the application's own handlers of SIGUSR1 (become hot) and SIGUSR2 (become standby): hands the signal
/// over and returns at once. The heartbeat thread carries out the order, as
/// schrittmacher_client_signal_go_hot() and _go_standby() do, or the next schrittmacher_client_dispatch(). If
/// several wait, the last one counts; before the start they wait for it.
///
/// Async-signal-safe, and fine even if the client was freed meanwhile.
///
/// Errors: INVALID for another signal.
#[unsafe(no_mangle)]
pub extern "C" fn schrittmacher_client_notify_signal(
    client: *mut schrittmacher_client,
    signo: c_int,
) -> c_int {
    let notify = || match peek(client, |client| client.notify_signal(signo)) {
        Ok(Ok(())) => SCHRITTMACHER_OK,
        Ok(Err(error)) => super::status::Failure::Client(error).status(),
        Err(failure) => failure.status(),
    };
    guarded(SCHRITTMACHER_ERR_INTERNAL, notify)
}

/// Installs handlers for SIGUSR1 and SIGUSR2 that do what schrittmacher_client_notify_signal() does and then
/// call the handlers that were there before. The library never does so unasked. A second call changes nothing.
///
/// They act for this client until it is freed; afterwards they only call the earlier handlers. A later
/// sigaction() or signal() for these signals by the application removes them without a trace: call this after
/// it.
///
/// Errors: SYSTEM.
#[unsafe(no_mangle)]
pub extern "C" fn schrittmacher_client_install_signal_handlers(client: *mut schrittmacher_client) -> c_int {
    act(client, |client| Ok(client.install_signal_handlers()?))
}
