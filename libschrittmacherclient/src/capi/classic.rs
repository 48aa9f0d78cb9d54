//! The method names of client library 1.7 to 1.14.

use std::ffi::{c_char, c_int};

use schrittmacher_wire::AppCode;

use super::call::{act, text};
use super::handle::schrittmacher_client;
use super::status::Failure;
use crate::{Client, CurrentState};

fn report(client: *const schrittmacher_client, state: CurrentState) -> c_int {
    act(client, |client| Ok(client.report(state, None)?))
}

/// SECTION: Names of older versions
/// Older name of schrittmacher_client_report_active() without a reason.
#[unsafe(no_mangle)]
pub extern "C" fn schrittmacher_client_heartbeat_hot(client: *mut schrittmacher_client) -> c_int {
    report(client, CurrentState::Active)
}

/// Older name of schrittmacher_client_report_inactive() without a reason.
#[unsafe(no_mangle)]
pub extern "C" fn schrittmacher_client_heartbeat_standby(client: *mut schrittmacher_client) -> c_int {
    report(client, CurrentState::Inactive)
}

/// Older name of schrittmacher_client_report_unknown() without a reason.
#[unsafe(no_mangle)]
pub extern "C" fn schrittmacher_client_heartbeat_unknown(client: *mut schrittmacher_client) -> c_int {
    report(client, CurrentState::Unknown)
}

/// Older name of schrittmacher_client_report_failed() without a reason.
#[unsafe(no_mangle)]
pub extern "C" fn schrittmacher_client_notify_failure(client: *mut schrittmacher_client) -> c_int {
    report(client, CurrentState::Failed)
}

/// Reports the state that a MESSAGE_LOCAL_... text stands for, without a reason. For the two texts of requests it
/// requests the failover or takeover.
///
/// Errors: NULL. INVALID for another text. As the report functions.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn schrittmacher_client_send_status(
    client: *mut schrittmacher_client,
    status: *const c_char,
) -> c_int {
    act(client, |client| {
        // SAFETY: NULL or a string, as the header asks.
        let status = unsafe { text(status) }?.ok_or(Failure::Null)?;
        send(client, AppCode::from_text(status).ok_or(Failure::Invalid)?)
    })
}

fn send(client: &Client, code: AppCode) -> Result<(), Failure> {
    Ok(match (CurrentState::from_code(code), code) {
        (Some(state), _) => client.report(state, None),
        (None, AppCode::Lrto) => client.request_takeover(),
        (None, _) => client.request_failover(),
    }?)
}
