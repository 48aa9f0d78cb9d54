//! The settings, one function each to set and to get.

use std::ffi::{c_char, c_int};
use std::path::Path;
use std::time::Duration;

use libc::size_t;

use super::call::{act, copy_out, get, text};
use super::handle::schrittmacher_client;
use super::status::Failure;
use crate::settings::{
    Pid, Settings, checked_lost_after, checked_name, checked_port, checked_resource_id, checked_run_directory,
};
use crate::{AddressFamily, Client, Error};

/// Changes settings that take effect with the next message.
fn set(
    client: *const schrittmacher_client,
    change: impl FnOnce(&mut Settings) -> Result<(), Failure>,
) -> c_int {
    act(client, |client| client.with_state(|state, _| change(&mut state.reporter.settings))?)
}

/// # Safety
///
/// As [`copy_out`].
unsafe fn get_text(
    client: *const schrittmacher_client,
    buffer: *mut c_char,
    size: size_t,
    read: impl FnOnce(&Settings) -> Option<&str>,
) -> c_int {
    get(client, |client| {
        // SAFETY: the caller's promise.
        client.with_state(|state, _| unsafe { copy_out(read(&state.reporter.settings), buffer, size) })?
    })
}

fn get_number<T: TryInto<c_int>>(
    client: *const schrittmacher_client,
    read: impl FnOnce(&Settings) -> T,
) -> c_int {
    get(client, |client| number(client.with_state(|state, _| read(&state.reporter.settings))?))
}

/// For numbers that were checked to fit when they were set.
pub(super) fn number<T: TryInto<c_int>>(value: T) -> Result<c_int, Failure> {
    value.try_into().map_err(|_| Failure::Invalid)
}

/// SECTION: Settings
/// Sets the resource's name, as in the daemon's configuration: 1 to 255 bytes. Nothing can be sent without it. NULL
/// removes it.
///
/// Errors: INVALID, UTF8.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn schrittmacher_client_set_resource_id(
    client: *mut schrittmacher_client,
    resource_id: *const c_char,
) -> c_int {
    set(client, |settings| {
        // SAFETY: NULL or a string, as the header asks.
        settings.resource_id = checked_resource_id(unsafe { text(resource_id) }?)?;
        Ok(())
    })
}

/// Copies the resource's name; "" if none is set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn schrittmacher_client_get_resource_id(
    client: *const schrittmacher_client,
    buffer: *mut c_char,
    size: size_t,
) -> c_int {
    // SAFETY: a buffer of that size, as the header asks.
    unsafe { get_text(client, buffer, size, |settings| settings.resource_id.as_deref()) }
}

/// Sets the daemon's address: numeric, or a host name. NULL, the default, is loopback: 127.0.0.1, or ::1 with address
/// type 6. A started client uses the new address at once.
///
/// A name is resolved at the start, or here if the client is started, and not again later.
///
/// Errors: UTF8. If the client is started: ADDRESS, SYSTEM, and the client goes on with the old address.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn schrittmacher_client_set_daemon_address(
    client: *mut schrittmacher_client,
    address: *const c_char,
) -> c_int {
    act(client, |client| {
        // SAFETY: NULL or a string, as the header asks.
        let address = unsafe { text(address) }?;
        Ok(client.change_endpoint(|endpoint| endpoint.address = address.map(str::to_owned))?)
    })
}

/// Copies the daemon's address; "" if none is set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn schrittmacher_client_get_daemon_address(
    client: *const schrittmacher_client,
    buffer: *mut c_char,
    size: size_t,
) -> c_int {
    // SAFETY: a buffer of that size, as the header asks.
    unsafe { get_text(client, buffer, size, |settings| settings.endpoint.address.as_deref()) }
}

/// Sets the run-directory of the daemon's configuration, an absolute path. NULL, the default, is /run/schrittmacher. A
/// started client uses it at once.
///
/// The daemon has a Unix socket there. By it the kernel tells the daemon the process and user of each report. Messages
/// go by that socket while it is there, otherwise by UDP.
///
/// Errors: INVALID, UTF8. If the client is started: ADDRESS, SYSTEM, and the client goes on with the old one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn schrittmacher_client_set_run_directory(
    client: *mut schrittmacher_client,
    directory: *const c_char,
) -> c_int {
    act(client, |client| {
        // SAFETY: NULL or a string, as the header asks.
        let directory = checked_run_directory(unsafe { text(directory) }?.map(Path::new))?;
        Ok(client.change_endpoint(|endpoint| endpoint.run_directory.clone_from(&directory))?)
    })
}

/// Copies the run-directory; "" if none is set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn schrittmacher_client_get_run_directory(
    client: *const schrittmacher_client,
    buffer: *mut c_char,
    size: size_t,
) -> c_int {
    // SAFETY: a buffer of that size, as the header asks.
    unsafe { get_text(client, buffer, size, |settings| settings.endpoint.run_directory.as_ref()?.to_str()) }
}

/// Sets the daemon's port for applications: the port of its configuration plus one. 1 to 65535, default 7701. A
/// started client uses the new port at once.
///
/// Errors: INVALID. If the client is started: ADDRESS, SYSTEM, and the client goes on with the old port.
#[unsafe(no_mangle)]
pub extern "C" fn schrittmacher_client_set_port(client: *mut schrittmacher_client, port: c_int) -> c_int {
    act(client, |client| {
        let port = checked_port(u16::try_from(port).map_err(|_| Failure::Invalid)?)?;
        Ok(client.change_endpoint(|endpoint| endpoint.port = port)?)
    })
}

/// The daemon's port, or a negative status code.
#[unsafe(no_mangle)]
pub extern "C" fn schrittmacher_client_get_port(client: *const schrittmacher_client) -> c_int {
    get_number(client, |settings| settings.endpoint.port)
}

/// Sets which internet protocol to use if the daemon's address is a host name or NULL: 4 (default) or 6. A started
/// client uses it at once.
///
/// Errors: INVALID. If the client is started: ADDRESS, SYSTEM, and the client goes on as before.
#[unsafe(no_mangle)]
pub extern "C" fn schrittmacher_client_set_address_type(
    client: *mut schrittmacher_client,
    address_type: c_int,
) -> c_int {
    act(client, |client| {
        let family = match address_type {
            4 => AddressFamily::V4,
            6 => AddressFamily::V6,
            _ => return Err(Failure::Invalid),
        };
        Ok(client.change_endpoint(|endpoint| endpoint.family = family)?)
    })
}

/// 4 or 6, or a negative status code.
#[unsafe(no_mangle)]
pub extern "C" fn schrittmacher_client_get_address_type(client: *const schrittmacher_client) -> c_int {
    get_number(client, |settings| match settings.endpoint.family {
        AddressFamily::V4 => 4,
        AddressFamily::V6 => 6,
    })
}

/// Sets the name of this host, at most 255 bytes. NULL, the default: not sent.
///
/// Errors: INVALID, UTF8.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn schrittmacher_client_set_host(
    client: *mut schrittmacher_client,
    host: *const c_char,
) -> c_int {
    set(client, |settings| {
        // SAFETY: NULL or a string, as the header asks.
        settings.host = checked_name(unsafe { text(host) }?)?;
        Ok(())
    })
}

/// Copies the name of this host; "" if none is set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn schrittmacher_client_get_host(
    client: *const schrittmacher_client,
    buffer: *mut c_char,
    size: size_t,
) -> c_int {
    // SAFETY: a buffer of that size, as the header asks.
    unsafe { get_text(client, buffer, size, |settings| settings.host.as_deref()) }
}

/// Sets what kind of application this is, at most 255 bytes. NULL, the default: not sent.
///
/// Errors: INVALID, UTF8.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn schrittmacher_client_set_type(
    client: *mut schrittmacher_client,
    application_type: *const c_char,
) -> c_int {
    set(client, |settings| {
        // SAFETY: NULL or a string, as the header asks.
        settings.kind = checked_name(unsafe { text(application_type) }?)?;
        Ok(())
    })
}

/// Copies the kind of application; "" if none is set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn schrittmacher_client_get_type(
    client: *const schrittmacher_client,
    buffer: *mut c_char,
    size: size_t,
) -> c_int {
    // SAFETY: a buffer of that size, as the header asks.
    unsafe { get_text(client, buffer, size, |settings| settings.kind.as_deref()) }
}

/// Sets the process that the daemon watches and signals. Default: the process that uses the client, also after a
/// fork(). With 0, messages name no process, and the daemon neither watches nor signals one.
///
/// Errors: INVALID if negative.
#[unsafe(no_mangle)]
pub extern "C" fn schrittmacher_client_set_pid(client: *mut schrittmacher_client, pid: c_int) -> c_int {
    set(client, |settings| {
        settings.pid = match u32::try_from(pid).map_err(|_| Failure::Invalid)? {
            0 => Pid::Absent,
            pid => Pid::Fixed(pid),
        };
        Ok(())
    })
}

/// The process that messages name, 0 for none, or a negative status code.
#[unsafe(no_mangle)]
pub extern "C" fn schrittmacher_client_get_pid(client: *const schrittmacher_client) -> c_int {
    get_number(client, |settings| settings.pid.number().unwrap_or(0))
}

/// Sets the port of the application's own administration page, which the daemon's page links to. 0, the default: not
/// sent.
///
/// Errors: INVALID if not 0 to 65535.
#[unsafe(no_mangle)]
pub extern "C" fn schrittmacher_client_set_adminweb_port(
    client: *mut schrittmacher_client,
    port: c_int,
) -> c_int {
    set(client, |settings| {
        settings.adminweb_port = u16::try_from(port).map_err(|_| Failure::Invalid)?;
        Ok(())
    })
}

/// The port of the application's administration page, 0 for none, or a negative status code.
#[unsafe(no_mangle)]
pub extern "C" fn schrittmacher_client_get_adminweb_port(client: *const schrittmacher_client) -> c_int {
    get_number(client, |settings| settings.adminweb_port)
}

/// Sets the time between heartbeats: 10 to 10000 ms, default 1500. A started client counts it from now.
///
/// Errors: INVALID.
#[unsafe(no_mangle)]
pub extern "C" fn schrittmacher_client_set_heartbeat_interval_ms(
    client: *mut schrittmacher_client,
    interval_ms: c_int,
) -> c_int {
    act(client, |client: &Client| {
        let interval_ms = u64::try_from(interval_ms).map_err(|_| Failure::Invalid)?;
        Ok(client.change_interval(Duration::from_millis(interval_ms))?)
    })
}

/// The time between heartbeats in milliseconds, or a negative status code.
#[unsafe(no_mangle)]
pub extern "C" fn schrittmacher_client_get_heartbeat_interval_ms(
    client: *const schrittmacher_client,
) -> c_int {
    get_number(client, |settings| settings.heartbeat_interval.as_millis())
}

/// Sets for how long messages must be refused before the daemon is lost: 1 to 86400000 ms. 0, the default, is off.
///
/// The daemon is lost if it was there, and since then has refused every message for this time. The peer's daemon takes
/// over when it no longer hears the lost one. An application that goes on serving then serves beside the other host's.
/// So it should stop serving when the daemon is lost. Choose a time longer than the daemon's restart takes, and
/// shorter than the peer's timeout.
///
/// A daemon may also end on purpose and leave the application alone. It says so by a file, left-alone in its folder in
/// state-directory. The library does not look for the file: the callback may.
///
/// A refusal is noticed with a daemon on loopback, which is the default, and with one that had a Unix socket. The
/// callback that tells of a lost daemon is set with schrittmacher_client_set_daemon_lost_callback().
///
/// Errors: INVALID.
#[unsafe(no_mangle)]
pub extern "C" fn schrittmacher_client_set_daemon_lost_after_ms(
    client: *mut schrittmacher_client,
    after_ms: c_int,
) -> c_int {
    set(client, |settings| {
        settings.daemon_lost_after = match u64::try_from(after_ms).map_err(|_| Failure::Invalid)? {
            0 => None,
            after_ms => Some(checked_lost_after(Duration::from_millis(after_ms))?),
        };
        Ok(())
    })
}

/// That time in milliseconds, 0 for off, or a negative status code.
#[unsafe(no_mangle)]
pub extern "C" fn schrittmacher_client_get_daemon_lost_after_ms(
    client: *const schrittmacher_client,
) -> c_int {
    get_number(client, |settings| settings.daemon_lost_after.unwrap_or_default().as_millis())
}

/// Sets how many heartbeats in a row may say "on the way". With one more the application has failed. 0 or more,
/// default 30: about 45 s with the default interval.
///
/// Errors: INVALID if negative.
#[unsafe(no_mangle)]
pub extern "C" fn schrittmacher_client_set_max_transiting_counter(
    client: *mut schrittmacher_client,
    heartbeats: c_int,
) -> c_int {
    set(client, |settings| {
        settings.max_transiting_counter = u32::try_from(heartbeats).map_err(|_| Failure::Invalid)?;
        Ok(())
    })
}

/// The number of heartbeats in a row that may say "on the way", or a negative status code.
#[unsafe(no_mangle)]
pub extern "C" fn schrittmacher_client_get_max_transiting_counter(
    client: *const schrittmacher_client,
) -> c_int {
    get_number(client, |settings| settings.max_transiting_counter)
}

/// Keeps a text for the application, up to 1399 bytes, as the older library did. It is never sent: for the daemon,
/// give the reason to schrittmacher_client_report_failed(). NULL removes it.
///
/// Errors: INVALID, UTF8.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn schrittmacher_client_set_failure_reason(
    client: *mut schrittmacher_client,
    reason: *const c_char,
) -> c_int {
    act(client, |client| {
        // SAFETY: NULL or a string, as the header asks.
        let reason = unsafe { text(reason) }?.map(str::to_owned);
        if reason.as_deref().is_some_and(|reason| reason.len() > schrittmacher_wire::MAX_DATAGRAM) {
            return Err(Error::Invalid("the text is too long").into());
        }
        Ok(client.with_state(|state, _| state.kept.failure_reason = reason)?)
    })
}

/// Copies the kept text; "" if there is none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn schrittmacher_client_get_failure_reason(
    client: *const schrittmacher_client,
    buffer: *mut c_char,
    size: size_t,
) -> c_int {
    get(client, |client| {
        client.with_state(|state, _| {
            // SAFETY: a buffer of that size, as the header asks.
            unsafe { copy_out(state.kept.failure_reason.as_deref(), buffer, size) }
        })?
    })
}
