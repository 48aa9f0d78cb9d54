//! The application's functions that the library calls.

use std::ffi::{c_int, c_void};
use std::ptr;
use std::sync::Arc;

use super::call::{act, guarded};
use super::handle::{find, schrittmacher_client};
use crate::callbacks::ClientFn;
use crate::shared::State;
use crate::{Client, WantedState};

/// A callback as the older library had it: it is called for an order, and gets nothing.
pub type schrittmacher_func_ptr = Option<unsafe extern "C" fn()>;

/// A callback: a function of the application that gets the client, and the context that was set with it.
pub type schrittmacher_callback =
    Option<unsafe extern "C" fn(client: *mut schrittmacher_client, context: *mut c_void)>;

/// The values that C set and may read again, and those that the legacy class kept without using them.
#[derive(Default)]
pub(crate) struct Kept {
    go_hot: schrittmacher_func_ptr,
    go_standby: schrittmacher_func_ptr,
    pub(super) logging_enabled: bool,
    user_data: Pointer,
    pub failure_reason: Option<String>,
}

/// A pointer that the library hands back and never follows.
#[derive(Clone, Copy)]
pub(super) struct Pointer(*mut c_void);

// SAFETY: never followed here. The header leaves what it points to to the application.
unsafe impl Send for Pointer {}
// SAFETY: as above.
unsafe impl Sync for Pointer {}

impl Default for Pointer {
    fn default() -> Pointer {
        Pointer(ptr::null_mut())
    }
}

impl Pointer {
    pub fn new(pointer: *mut c_void) -> Pointer {
        Pointer(pointer)
    }

    /// A method, so that a closure takes the whole struct, which may change threads, and not the bare pointer.
    pub fn get(self) -> *mut c_void {
        self.0
    }
}

fn kept_func(state: &mut State, wanted: WantedState) -> &mut schrittmacher_func_ptr {
    match wanted {
        WantedState::Hot => &mut state.kept.go_hot,
        WantedState::Standby => &mut state.kept.go_standby,
    }
}

fn set_func(client: *const schrittmacher_client, wanted: WantedState, func: schrittmacher_func_ptr) -> c_int {
    act(client, |client| {
        let order = func.map(|func| {
            // SAFETY: a C function without parameters, valid until it is replaced, as the header asks.
            let order: Arc<ClientFn> = Arc::new(move |_: &Client| unsafe { func() });
            order
        });
        Ok(client.with_state(|state, _| {
            *state.callbacks.order_slot(wanted) = order;
            *kept_func(state, wanted) = func;
        })?)
    })
}

fn get_func(client: *const schrittmacher_client, wanted: WantedState) -> schrittmacher_func_ptr {
    guarded(None, || find(client).ok()?.with_state(|state, _| *kept_func(state, wanted)).ok()?)
}

fn set_callback(
    handle: *mut schrittmacher_client,
    func: schrittmacher_callback,
    context: *mut c_void,
    store: impl FnOnce(&mut State, Option<Arc<ClientFn>>),
) -> c_int {
    act(handle, |client| {
        let (handle, context) = (Pointer::new(handle.cast()), Pointer::new(context));
        let function = func.map(|func| {
            let function: Arc<ClientFn> = Arc::new(move |_: &Client| {
                // SAFETY: a C function of that type, valid until it is replaced, as the header asks.
                unsafe { func(handle.get().cast(), context.get()) }
            });
            function
        });
        Ok(client.with_state(|state, _| store(state, function))?)
    })
}

fn set_order_callback(
    client: *mut schrittmacher_client,
    wanted: WantedState,
    func: schrittmacher_callback,
    context: *mut c_void,
) -> c_int {
    set_callback(client, func, context, |state, function| {
        *state.callbacks.order_slot(wanted) = function;
        *kept_func(state, wanted) = None;
    })
}

/// SECTION: Callbacks
/// Sets the function that makes the application hot, or NULL for none. The function gets the client and `context`.
/// The context is the application's, and has to last as long as the function may be called.
///
/// Thread: for an order by schrittmacher_client_signal_go_hot(), the one that calls it. For an order by signal, the
/// heartbeat thread, or the one that calls schrittmacher_client_dispatch(). Heartbeats wait while the function runs.
/// So let it begin the switch and return, and report when the switch is done, from any thread.
///
/// This holds for each callback: nothing is locked while it runs. It may call everything, schrittmacher_client_free()
/// included. The heartbeat thread runs one callback at a time. A call on another thread can run one beside it: an order
/// by schrittmacher_client_signal_go_hot() or _go_standby(), and any call that logs. A thread that was about to call it may do so once after it was replaced. It must return normally: neither
/// longjmp() nor an exception may leave it.
#[unsafe(no_mangle)]
pub extern "C" fn schrittmacher_client_set_go_hot_callback(
    client: *mut schrittmacher_client,
    func: schrittmacher_callback,
    context: *mut c_void,
) -> c_int {
    set_order_callback(client, WantedState::Hot, func, context)
}

/// Sets the function that makes the application standby; see schrittmacher_client_set_go_hot_callback(). It runs on
/// the same thread.
#[unsafe(no_mangle)]
pub extern "C" fn schrittmacher_client_set_go_standby_callback(
    client: *mut schrittmacher_client,
    func: schrittmacher_callback,
    context: *mut c_void,
) -> c_int {
    set_order_callback(client, WantedState::Standby, func, context)
}

/// Sets the go-hot function as the older library had it, without client and context. It replaces one that was set
/// with schrittmacher_client_set_go_hot_callback(), and runs on the same thread.
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

/// Sets the go-standby function as the older library had it; see schrittmacher_client_set_go_hot_func(). It runs on
/// the same thread.
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

/// Sets a function that is called in place of each heartbeat that is due, or NULL for none. It sends the heartbeat
/// with schrittmacher_client_do_heartbeat(), or leaves it out. An application that finds itself stuck falls silent
/// this way, and the daemon fails over.
///
/// Thread: the heartbeat thread, or the one that calls schrittmacher_client_dispatch().
#[unsafe(no_mangle)]
pub extern "C" fn schrittmacher_client_set_heartbeat_callback(
    client: *mut schrittmacher_client,
    func: schrittmacher_callback,
    context: *mut c_void,
) -> c_int {
    set_callback(client, func, context, |state, function| state.callbacks.heartbeat = function)
}

/// Sets a function that is called once each time the daemon is lost, or NULL for none. It needs
/// schrittmacher_client_set_daemon_lost_after_ms(), which says what lost means.
///
/// Thread: the heartbeat thread, or the one that calls schrittmacher_client_dispatch().
#[unsafe(no_mangle)]
pub extern "C" fn schrittmacher_client_set_daemon_lost_callback(
    client: *mut schrittmacher_client,
    func: schrittmacher_callback,
    context: *mut c_void,
) -> c_int {
    set_callback(client, func, context, |state, function| state.callbacks.daemon_lost = function)
}

/// Sets a function that is called once each time the right to serve ends, or NULL for none. The application has to stop at
/// once, within schrittmacher_client_get_right_left_ms().
///
/// Under policy = consistent the daemon may serve only as long as the peer or the witness has promised, and says until when. It
/// orders the application to stop by itself. A daemon that is stopped or has died cannot, and the other side takes over.
/// Needs the daemon's Unix socket. A process that is stopped itself is told when it goes on.
///
/// Thread: the heartbeat thread, or the one that calls schrittmacher_client_dispatch().
#[unsafe(no_mangle)]
pub extern "C" fn schrittmacher_client_set_right_ended_callback(
    client: *mut schrittmacher_client,
    func: schrittmacher_callback,
    context: *mut c_void,
) -> c_int {
    set_callback(client, func, context, |state, function| {
        state.reporter.asks_right = function.is_some();
        state.callbacks.right_ended = function;
    })
}

/// Keeps a pointer for the application. The library does nothing with it.
#[unsafe(no_mangle)]
pub extern "C" fn schrittmacher_client_set_user_data(
    client: *mut schrittmacher_client,
    user_data: *mut c_void,
) -> c_int {
    act(client, |client| Ok(client.with_state(|state, _| state.kept.user_data = Pointer::new(user_data))?))
}

/// The kept pointer; NULL if none is set, and on error.
#[unsafe(no_mangle)]
pub extern "C" fn schrittmacher_client_get_user_data(client: *const schrittmacher_client) -> *mut c_void {
    let found = || find(client).ok()?.with_state(|state, _| state.kept.user_data).ok();
    guarded(ptr::null_mut(), || found().unwrap_or_default().get())
}
