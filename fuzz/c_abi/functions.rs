//! Every function of the header, by signature.

use std::ffi::{c_char, c_int, c_void};

/// The type that C knows as `schrittmacher_client *`; never followed here.
pub type Handle = *mut c_void;

pub type Order = Option<unsafe extern "C" fn()>;
pub type Callback = Option<unsafe extern "C" fn(Handle, *mut c_void)>;
pub type Log = Option<unsafe extern "C" fn(Handle, c_int, *const c_char, *mut c_void)>;

/// Declares functions of one signature, and a table of them with their names.
macro_rules! functions {
    ($table:ident: $arguments:tt -> $result:ty { $($function:ident)* }) => {
        unsafe extern "C" { $(pub fn $function $arguments -> $result;)* }
        pub static $table: &[(&str, unsafe extern "C" fn $arguments -> $result)] =
            &[$((stringify!($function), $function)),*];
    };
}

// Functions that do something: 0 or a negative status code.
functions!(ACT: (_: Handle) -> c_int {
    schrittmacher_client_start
    schrittmacher_client_start_polled
    schrittmacher_client_stop
    schrittmacher_client_dispatch
    schrittmacher_client_do_heartbeat
    schrittmacher_client_request_takeover
    schrittmacher_client_request_failover
    schrittmacher_client_signal_go_hot
    schrittmacher_client_signal_go_standby
    schrittmacher_client_install_signal_handlers
    schrittmacher_client_heartbeat_hot
    schrittmacher_client_heartbeat_standby
    schrittmacher_client_heartbeat_unknown
    schrittmacher_client_notify_failure
});

functions!(REPORT: (_: Handle, _: *const c_char) -> c_int {
    schrittmacher_client_report_inactive
    schrittmacher_client_report_active
    schrittmacher_client_report_failed
    schrittmacher_client_report_unknown
    schrittmacher_client_report_transiting_to_hot
    schrittmacher_client_report_transiting_to_standby
});

functions!(SET_TEXT: (_: Handle, _: *const c_char) -> c_int {
    schrittmacher_client_set_resource_id
    schrittmacher_client_set_host
    schrittmacher_client_set_type
    schrittmacher_client_set_failure_reason
    schrittmacher_client_set_daemon_address
    schrittmacher_client_set_run_directory
    schrittmacher_client_log
    schrittmacher_client_send_status
});

// In the order of SET_TEXT.
functions!(GET_TEXT: (_: Handle, _: *mut c_char, _: usize) -> c_int {
    schrittmacher_client_get_resource_id
    schrittmacher_client_get_host
    schrittmacher_client_get_type
    schrittmacher_client_get_failure_reason
    schrittmacher_client_get_daemon_address
    schrittmacher_client_get_run_directory
});

functions!(SET_NUMBER: (_: Handle, _: c_int) -> c_int {
    schrittmacher_client_set_port
    schrittmacher_client_set_address_type
    schrittmacher_client_set_pid
    schrittmacher_client_set_adminweb_port
    schrittmacher_client_set_heartbeat_interval_ms
    schrittmacher_client_set_max_transiting_counter
    schrittmacher_client_set_log_level
    schrittmacher_client_set_logging_enabled
    schrittmacher_client_set_daemon_lost_after_ms
    schrittmacher_client_set_current_state
    schrittmacher_client_set_wanted_state
    schrittmacher_client_set_transiting_counter
    schrittmacher_client_notify_signal
});

// In the order of SET_NUMBER, then those that cannot be set.
functions!(GET_NUMBER: (_: Handle) -> c_int {
    schrittmacher_client_get_port
    schrittmacher_client_get_address_type
    schrittmacher_client_get_pid
    schrittmacher_client_get_adminweb_port
    schrittmacher_client_get_heartbeat_interval_ms
    schrittmacher_client_get_max_transiting_counter
    schrittmacher_client_get_log_level
    schrittmacher_client_get_logging_enabled
    schrittmacher_client_get_daemon_lost_after_ms
    schrittmacher_client_get_current_state
    schrittmacher_client_get_wanted_state
    schrittmacher_client_get_transiting_counter
    schrittmacher_client_is_started
    schrittmacher_client_is_daemon_lost
    schrittmacher_client_poll_fd
    schrittmacher_client_last_errno
    schrittmacher_client_get_right_left_ms
});

functions!(GET_STATIC: (_: Handle) -> *const c_char {
    schrittmacher_client_current_state_string
    schrittmacher_client_wanted_state_string
});

functions!(SET_ORDER: (_: Handle, _: Order) -> c_int {
    schrittmacher_client_set_go_hot_func
    schrittmacher_client_set_go_standby_func
});

functions!(GET_ORDER: (_: Handle) -> Order {
    schrittmacher_client_get_go_hot_func
    schrittmacher_client_get_go_standby_func
});

functions!(SET_CALLBACK: (_: Handle, _: Callback, _: *mut c_void) -> c_int {
    schrittmacher_client_set_go_hot_callback
    schrittmacher_client_set_go_standby_callback
    schrittmacher_client_set_heartbeat_callback
    schrittmacher_client_set_daemon_lost_callback
    schrittmacher_client_set_right_ended_callback
});

functions!(SET_LOG: (_: Handle, _: Log, _: *mut c_void) -> c_int { schrittmacher_client_set_log_func });
functions!(SET_POINTER: (_: Handle, _: *mut c_void) -> c_int { schrittmacher_client_set_user_data });
functions!(GET_POINTER: (_: Handle) -> *mut c_void { schrittmacher_client_get_user_data });
functions!(NEW: (_: *mut Handle) -> c_int { schrittmacher_client_new });
functions!(FREE: (_: Handle) -> () { schrittmacher_client_free });
functions!(STRERROR: (_: c_int) -> *const c_char { schrittmacher_strerror });
functions!(VERSION: () -> *const c_char { schrittmacher_client_version });
functions!(VERSION_NUMBER: () -> c_int { schrittmacher_client_version_number });

/// The header has these functions and no others: a new one must be called too.
pub fn check_against_header() {
    fn names<F>(table: &[(&'static str, F)]) -> Vec<&'static str> {
        table.iter().map(|(name, _)| *name).collect()
    }
    let mut called = [
        names(ACT),
        names(REPORT),
        names(SET_TEXT),
        names(GET_TEXT),
        names(SET_NUMBER),
        names(GET_NUMBER),
        names(GET_STATIC),
        names(SET_ORDER),
        names(GET_ORDER),
        names(SET_CALLBACK),
        names(SET_LOG),
        names(SET_POINTER),
        names(GET_POINTER),
        names(NEW),
        names(FREE),
        names(STRERROR),
        names(VERSION),
        names(VERSION_NUMBER),
    ]
    .concat();
    called.sort_unstable();
    let header = include_str!("../../include/schrittmacherclient/schrittmacherclient.h");
    // A declaration begins in the first column, with its type.
    let declarations = header.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_lowercase()));
    let mut declared: Vec<&str> = declarations
        .filter_map(|line| line.split_once('(')?.0.rsplit([' ', '*']).next())
        .filter(|name| name.starts_with("schrittmacher_"))
        .collect();
    declared.sort_unstable();
    assert_eq!(called, declared);
}
