//! The application's reports to the daemon.

use std::ffi::{c_char, c_int};

use super::call::{act, get, guarded, text};
use super::handle::{find, schrittmacher_client};
use super::settings::number;
use super::status::Failure;
use crate::{CurrentState, WantedState};

/// # Safety
///
/// `reason` is NULL or a string.
unsafe fn report(client: *const schrittmacher_client, state: CurrentState, reason: *const c_char) -> c_int {
    act(client, |client| {
        // SAFETY: the caller's promise.
        let reason = unsafe { text(reason) }?;
        Ok(client.report(state, reason)?)
    })
}

/// SECTION: Reports
/// Reports that the application is hot: it does the work. The message leaves at once, on this thread. Every heartbeat
/// repeats it, until another report or an order changes the current state. `reason` is a text for the operator, NULL
/// for none; of a long one about the first 1 KiB is sent. The call takes a few microseconds, and never waits.
///
/// Errors, here and in the other report functions: UTF8, and nothing is changed. NOT_STARTED, NO_RESOURCE_ID,
/// NO_DAEMON, SYSTEM: the state is kept, and the heartbeats go on trying.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn schrittmacher_client_report_active(
    client: *mut schrittmacher_client,
    reason: *const c_char,
) -> c_int {
    // SAFETY: NULL or a string, as the header asks.
    unsafe { report(client, CurrentState::Active, reason) }
}

/// Reports that the application is standby: healthy, and leaving the work to the other host.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn schrittmacher_client_report_inactive(
    client: *mut schrittmacher_client,
    reason: *const c_char,
) -> c_int {
    // SAFETY: NULL or a string, as the header asks.
    unsafe { report(client, CurrentState::Inactive, reason) }
}

/// Reports that the application has no state yet: the daemon decides. This is the usual first report.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn schrittmacher_client_report_unknown(
    client: *mut schrittmacher_client,
    reason: *const c_char,
) -> c_int {
    // SAFETY: NULL or a string, as the header asks.
    unsafe { report(client, CurrentState::Unknown, reason) }
}

/// Reports that the application cannot work. If it was hot, the other host takes over.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn schrittmacher_client_report_failed(
    client: *mut schrittmacher_client,
    reason: *const c_char,
) -> c_int {
    // SAFETY: NULL or a string, as the header asks.
    unsafe { report(client, CurrentState::Failed, reason) }
}

/// Reports that the application is on its way to hot.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn schrittmacher_client_report_transiting_to_hot(
    client: *mut schrittmacher_client,
    reason: *const c_char,
) -> c_int {
    // SAFETY: NULL or a string, as the header asks.
    unsafe { report(client, CurrentState::TransitingToHot, reason) }
}

/// Reports that the application is on its way to standby.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn schrittmacher_client_report_transiting_to_standby(
    client: *mut schrittmacher_client,
    reason: *const c_char,
) -> c_int {
    // SAFETY: NULL or a string, as the header asks.
    unsafe { report(client, CurrentState::TransitingToStandby, reason) }
}

/// Sends a heartbeat now, besides the regular ones. Before the first report it sends nothing.
///
/// Errors: as the report functions.
#[unsafe(no_mangle)]
pub extern "C" fn schrittmacher_client_do_heartbeat(client: *mut schrittmacher_client) -> c_int {
    act(client, |client| Ok(client.do_heartbeat()?))
}

/// Asks the daemon to make this host hot. One message, with the reason "user-requested".
///
/// Errors: as the report functions; a request that is not sent is not repeated.
#[unsafe(no_mangle)]
pub extern "C" fn schrittmacher_client_request_takeover(client: *mut schrittmacher_client) -> c_int {
    act(client, |client| Ok(client.request_takeover()?))
}

/// Asks the daemon to make the other host hot. One message, with the reason "user-requested".
///
/// Errors: as schrittmacher_client_request_takeover().
#[unsafe(no_mangle)]
pub extern "C" fn schrittmacher_client_request_failover(client: *mut schrittmacher_client) -> c_int {
    act(client, |client| Ok(client.request_failover()?))
}

/// SECTION: States
/// The current state: what the application reported last, or "on the way" since an order. A
/// SchrittmacherClientCurrentState, _none before the first report or order, or a negative status code.
#[unsafe(no_mangle)]
pub extern "C" fn schrittmacher_client_get_current_state(client: *const schrittmacher_client) -> c_int {
    get(client, |client| Ok(client.current_state()?.map_or(0, CurrentState::number)))
}

/// Sets the current state, a SchrittmacherClientCurrentState. Sends nothing: the next heartbeat does. With _none the
/// heartbeats are silent again.
///
/// Errors: INVALID.
#[unsafe(no_mangle)]
pub extern "C" fn schrittmacher_client_set_current_state(
    client: *mut schrittmacher_client,
    current_state: c_int,
) -> c_int {
    act(client, |client| {
        let current = match current_state {
            0 => None,
            number => Some(CurrentState::from_number(number).ok_or(Failure::Invalid)?),
        };
        Ok(client.with_state(|state, _| state.reporter.current = current)?)
    })
}

/// The current state as text: "active", "inactive", "failed", "unknown", "transiting-to-hot",
/// "transiting-to-standby"; "unknown current state 0" before the first report or order, and on error. Never
/// NULL; the text is static.
#[unsafe(no_mangle)]
pub extern "C" fn schrittmacher_client_current_state_string(
    client: *const schrittmacher_client,
) -> *const c_char {
    let current = guarded(None, || find(client).ok()?.current_state().ok()?);
    match current {
        Some(CurrentState::Inactive) => c"inactive",
        Some(CurrentState::Active) => c"active",
        Some(CurrentState::Failed) => c"failed",
        Some(CurrentState::Unknown) => c"unknown",
        Some(CurrentState::TransitingToHot) => c"transiting-to-hot",
        Some(CurrentState::TransitingToStandby) => c"transiting-to-standby",
        None => c"unknown current state 0",
    }
    .as_ptr()
}

/// The wanted state: what the daemon last ordered. A SchrittmacherClientWantedState, _none before the first order, or a
/// negative status code. An application without callbacks asks for it; see the top of this file.
#[unsafe(no_mangle)]
pub extern "C" fn schrittmacher_client_get_wanted_state(client: *const schrittmacher_client) -> c_int {
    get(client, |client| Ok(client.wanted_state()?.map_or(0, WantedState::number)))
}

/// Sets the wanted state, a SchrittmacherClientWantedState, and does nothing else. To give an order, call schrittmacher_client_signal_go_hot().
///
/// Errors: INVALID.
#[unsafe(no_mangle)]
pub extern "C" fn schrittmacher_client_set_wanted_state(
    client: *mut schrittmacher_client,
    wanted_state: c_int,
) -> c_int {
    act(client, |client| {
        let wanted = match wanted_state {
            0 => None,
            number => Some(WantedState::from_number(number).ok_or(Failure::Invalid)?),
        };
        Ok(client.with_state(|state, _| state.reporter.wanted = wanted)?)
    })
}

/// The wanted state as text: "hot", "standby"; "unknown wanted state 0" before the first order, and on error.
/// Never NULL; the text is static.
#[unsafe(no_mangle)]
pub extern "C" fn schrittmacher_client_wanted_state_string(
    client: *const schrittmacher_client,
) -> *const c_char {
    let wanted = guarded(None, || find(client).ok()?.wanted_state().ok()?);
    match wanted {
        Some(WantedState::Hot) => c"hot",
        Some(WantedState::Standby) => c"standby",
        None => c"unknown wanted state 0",
    }
    .as_ptr()
}

/// The number of heartbeats and reports in a row that have said "on the way", or a negative status code.
#[unsafe(no_mangle)]
pub extern "C" fn schrittmacher_client_get_transiting_counter(client: *const schrittmacher_client) -> c_int {
    get(client, |client| number(client.with_state(|state, _| state.reporter.transiting_counter)?))
}

/// Sets that number. 0 gives a long switch more time.
///
/// Errors: INVALID if negative.
#[unsafe(no_mangle)]
pub extern "C" fn schrittmacher_client_set_transiting_counter(
    client: *mut schrittmacher_client,
    heartbeats: c_int,
) -> c_int {
    act(client, |client| {
        let heartbeats = u32::try_from(heartbeats).map_err(|_| Failure::Invalid)?;
        Ok(client.with_state(|state, _| state.reporter.transiting_counter = heartbeats)?)
    })
}
