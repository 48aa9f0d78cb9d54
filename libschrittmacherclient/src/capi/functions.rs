//! The application's functions, and what the library keeps for them.

use std::ffi::{CString, c_char, c_int, c_void};
use std::ptr;
use std::sync::Arc;

use super::call::{act, get, guarded, text};
use super::handle::{find, schrittmacher_client};
use super::status::Failure;
use crate::client::{Client, OrderFn};
use crate::shared::State;
use crate::{LogLevel, WantedState};

/// A function of the application, called on an order of the daemon.
pub type schrittmacher_func_ptr = Option<unsafe extern "C" fn()>;

/// The same with the client and a pointer of the application's.
pub type schrittmacher_context_func =
    Option<unsafe extern "C" fn(client: *mut schrittmacher_client, context: *mut c_void)>;

/// A function that takes a message for the log: a SCHRITTMACHER_LOG_... level and a text without newline,
/// which is gone after the call.
pub type schrittmacher_log_func =
    Option<unsafe extern "C" fn(context: *mut c_void, level: c_int, message: *const c_char)>;

/// What C set and may want to read again, and what the legacy class kept without using it.
#[derive(Default)]
pub(crate) struct Functions {
    go_hot: schrittmacher_func_ptr,
    go_standby: schrittmacher_func_ptr,
    logging_enabled: bool,
    user_data: Pointer,
    pub failure_reason: Option<String>,
}

/// A pointer that the library hands back and never follows.
#[derive(Clone, Copy)]
struct Pointer(*mut c_void);

// SAFETY: never followed here; what it points to is the application's affair, as the header says.
unsafe impl Send for Pointer {}
// SAFETY: as above.
unsafe impl Sync for Pointer {}

impl Default for Pointer {
    fn default() -> Pointer {
        Pointer(ptr::null_mut())
    }
}

impl Pointer {
    /// A method, so that closures take the whole struct, which may change threads, and not the bare pointer.
    fn get(self) -> *mut c_void {
        self.0
    }
}

/// The two orders have the same functions; this is the slot of one.
fn slot(state: &mut State, wanted: WantedState) -> (&mut Option<Arc<OrderFn>>, &mut schrittmacher_func_ptr) {
    match wanted {
        WantedState::Hot => (&mut state.go_hot, &mut state.functions.go_hot),
        WantedState::Standby => (&mut state.go_standby, &mut state.functions.go_standby),
    }
}

fn set_func(client: *const schrittmacher_client, wanted: WantedState, func: schrittmacher_func_ptr) -> c_int {
    act(client, |client| {
        let order = func.map(|func| {
            // SAFETY: a C function without parameters, valid until it is replaced, as the header asks.
            let order: Arc<OrderFn> = Arc::new(move |_: &Client| unsafe { func() });
            order
        });
        replace(client, wanted, order, func)
    })
}

fn set_callback(
    handle: *mut schrittmacher_client,
    wanted: WantedState,
    func: schrittmacher_context_func,
    context: *mut c_void,
) -> c_int {
    act(handle, |client| {
        let (handle, context) = (Pointer(handle.cast()), Pointer(context));
        let order = func.map(|func| {
            let order: Arc<OrderFn> = Arc::new(move |_: &Client| {
                // SAFETY: a C function of that type, valid until it is replaced, as the header asks.
                unsafe { func(handle.get().cast(), context.get()) }
            });
            order
        });
        replace(client, wanted, order, None)
    })
}

fn replace(
    client: &Client,
    wanted: WantedState,
    order: Option<Arc<OrderFn>>,
    func: schrittmacher_func_ptr,
) -> Result<(), Failure> {
    Ok(client.with_state(|state, _| {
        let (order_slot, func_slot) = slot(state, wanted);
        *order_slot = order;
        *func_slot = func;
    })?)
}

fn get_func(client: *const schrittmacher_client, wanted: WantedState) -> schrittmacher_func_ptr {
    guarded(None, || find(client).ok()?.with_state(|state, _| *slot(state, wanted).1).ok()?)
}

/// SECTION: The application's functions
/// Sets the function that makes the application hot; NULL for none. It replaces one that was set with
/// schrittmacher_client_set_go_hot_callback().
///
/// A function is called with nothing locked: it may call everything, schrittmacher_client_free() included. It
/// may still be called once more after it was replaced, by a thread that was just about to. It must return
/// normally: neither longjmp() nor an exception may leave it.
#[unsafe(no_mangle)]
pub extern "C" fn schrittmacher_client_set_go_hot_func(
    client: *mut schrittmacher_client,
    func: schrittmacher_func_ptr,
) -> c_int {
    set_func(client, WantedState::Hot, func)
}

/// The function that was set with schrittmacher_client_set_go_hot_func(); NULL if none, and on error.
#[unsafe(no_mangle)]
pub extern "C" fn schrittmacher_client_get_go_hot_func(
    client: *const schrittmacher_client,
) -> schrittmacher_func_ptr {
    get_func(client, WantedState::Hot)
}

/// Sets the function that makes the application standby; see schrittmacher_client_set_go_hot_func().
#[unsafe(no_mangle)]
pub extern "C" fn schrittmacher_client_set_go_standby_func(
    client: *mut schrittmacher_client,
    func: schrittmacher_func_ptr,
) -> c_int {
    set_func(client, WantedState::Standby, func)
}

/// The function that was set with schrittmacher_client_set_go_standby_func(); NULL if none, and on error.
#[unsafe(no_mangle)]
pub extern "C" fn schrittmacher_client_get_go_standby_func(
    client: *const schrittmacher_client,
) -> schrittmacher_func_ptr {
    get_func(client, WantedState::Standby)
}

/// Like schrittmacher_client_set_go_hot_func(), for a function that gets the client and `context`. The
/// context is the application's: it has to last as long as the function may be called.
#[unsafe(no_mangle)]
pub extern "C" fn schrittmacher_client_set_go_hot_callback(
    client: *mut schrittmacher_client,
    func: schrittmacher_context_func,
    context: *mut c_void,
) -> c_int {
    set_callback(client, WantedState::Hot, func, context)
}

/// Like schrittmacher_client_set_go_hot_callback(), for standby.
#[unsafe(no_mangle)]
pub extern "C" fn schrittmacher_client_set_go_standby_callback(
    client: *mut schrittmacher_client,
    func: schrittmacher_context_func,
    context: *mut c_void,
) -> c_int {
    set_callback(client, WantedState::Standby, func, context)
}

/// Sets the function that takes this client's messages for the log; NULL, the default, for none. It is called
/// on the thread that has something to tell, often the heartbeat thread; otherwise as
/// schrittmacher_client_set_go_hot_func().
#[unsafe(no_mangle)]
pub extern "C" fn schrittmacher_client_set_log_func(
    client: *mut schrittmacher_client,
    func: schrittmacher_log_func,
    context: *mut c_void,
) -> c_int {
    act(client, |client| {
        let context = Pointer(context);
        let log = func.map(|func| {
            let log: Arc<crate::log::LogFn> = Arc::new(move |level: LogLevel, message: &str| {
                // A message can quote the application's own text, and so a NUL is possible.
                let message = CString::new(message.replace('\0', " ")).unwrap_or_default();
                // SAFETY: a C function of that type, valid until it is replaced, as the header asks.
                unsafe { func(context.get(), level as c_int, message.as_ptr()) }
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

/// Sets whether schrittmacher_client_log() passes its texts on: 0 for no (default), anything else for yes.
/// The library's own messages do not depend on it.
#[unsafe(no_mangle)]
pub extern "C" fn schrittmacher_client_set_logging_enabled(
    client: *mut schrittmacher_client,
    enabled: c_int,
) -> c_int {
    act(client, |client| Ok(client.with_state(|state, _| state.functions.logging_enabled = enabled != 0)?))
}

/// 1 if schrittmacher_client_log() passes its texts on, 0 if not, or a negative status code.
#[unsafe(no_mangle)]
pub extern "C" fn schrittmacher_client_get_logging_enabled(client: *const schrittmacher_client) -> c_int {
    get(client, |client| Ok(client.with_state(|state, _| state.functions.logging_enabled.into())?))
}

/// Passes a text of the application's to its log function, with the level SCHRITTMACHER_LOG_INFO, if logging
/// is enabled.
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
            if state.functions.logging_enabled {
                journal.note(LogLevel::Info, || message.to_owned());
            }
        })?)
    })
}

/// Keeps a pointer for the application. The library does nothing with it.
#[unsafe(no_mangle)]
pub extern "C" fn schrittmacher_client_set_user_data(
    client: *mut schrittmacher_client,
    user_data: *mut c_void,
) -> c_int {
    act(client, |client| Ok(client.with_state(|state, _| state.functions.user_data = Pointer(user_data))?))
}

/// The kept pointer; NULL if none is set, and on error.
#[unsafe(no_mangle)]
pub extern "C" fn schrittmacher_client_get_user_data(client: *const schrittmacher_client) -> *mut c_void {
    let found = || find(client).ok()?.with_state(|state, _| state.functions.user_data).ok();
    guarded(ptr::null_mut(), || found().unwrap_or_default().get())
}
