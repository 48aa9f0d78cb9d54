/*
 * Holds the header and the library against the frozen interface of soname 3: a number or prototype that differs does not
 * compile, and a function that is gone does not link.
 */

#include "check.h"

#include "abi_3/schrittmacherclient/schrittmacherclient.h"

typedef void (*function)(void);

static const function functions[] = {
    (function)schrittmacher_strerror,
    (function)schrittmacher_client_version,
    (function)schrittmacher_client_version_number,
    (function)schrittmacher_client_new,
    (function)schrittmacher_client_free,
    (function)schrittmacher_client_start,
    (function)schrittmacher_client_start_polled,
    (function)schrittmacher_client_stop,
    (function)schrittmacher_client_is_started,
    (function)schrittmacher_client_poll_fd,
    (function)schrittmacher_client_dispatch,
    (function)schrittmacher_client_last_errno,
    (function)schrittmacher_client_is_daemon_lost,
    (function)schrittmacher_client_set_resource_id,
    (function)schrittmacher_client_get_resource_id,
    (function)schrittmacher_client_set_daemon_address,
    (function)schrittmacher_client_get_daemon_address,
    (function)schrittmacher_client_set_run_directory,
    (function)schrittmacher_client_get_run_directory,
    (function)schrittmacher_client_set_port,
    (function)schrittmacher_client_get_port,
    (function)schrittmacher_client_set_address_type,
    (function)schrittmacher_client_get_address_type,
    (function)schrittmacher_client_set_host,
    (function)schrittmacher_client_get_host,
    (function)schrittmacher_client_set_type,
    (function)schrittmacher_client_get_type,
    (function)schrittmacher_client_set_pid,
    (function)schrittmacher_client_get_pid,
    (function)schrittmacher_client_set_adminweb_port,
    (function)schrittmacher_client_get_adminweb_port,
    (function)schrittmacher_client_set_heartbeat_interval_ms,
    (function)schrittmacher_client_get_heartbeat_interval_ms,
    (function)schrittmacher_client_set_daemon_lost_after_ms,
    (function)schrittmacher_client_get_daemon_lost_after_ms,
    (function)schrittmacher_client_set_max_transiting_counter,
    (function)schrittmacher_client_get_max_transiting_counter,
    (function)schrittmacher_client_set_failure_reason,
    (function)schrittmacher_client_get_failure_reason,
    (function)schrittmacher_client_set_go_hot_callback,
    (function)schrittmacher_client_set_go_standby_callback,
    (function)schrittmacher_client_set_go_hot_func,
    (function)schrittmacher_client_get_go_hot_func,
    (function)schrittmacher_client_set_go_standby_func,
    (function)schrittmacher_client_get_go_standby_func,
    (function)schrittmacher_client_set_heartbeat_callback,
    (function)schrittmacher_client_set_daemon_lost_callback,
    (function)schrittmacher_client_set_user_data,
    (function)schrittmacher_client_get_user_data,
    (function)schrittmacher_client_set_log_func,
    (function)schrittmacher_client_set_log_level,
    (function)schrittmacher_client_get_log_level,
    (function)schrittmacher_client_set_logging_enabled,
    (function)schrittmacher_client_get_logging_enabled,
    (function)schrittmacher_client_log,
    (function)schrittmacher_client_report_active,
    (function)schrittmacher_client_report_inactive,
    (function)schrittmacher_client_report_unknown,
    (function)schrittmacher_client_report_failed,
    (function)schrittmacher_client_report_transiting_to_hot,
    (function)schrittmacher_client_report_transiting_to_standby,
    (function)schrittmacher_client_do_heartbeat,
    (function)schrittmacher_client_request_takeover,
    (function)schrittmacher_client_request_failover,
    (function)schrittmacher_client_get_current_state,
    (function)schrittmacher_client_set_current_state,
    (function)schrittmacher_client_current_state_string,
    (function)schrittmacher_client_get_wanted_state,
    (function)schrittmacher_client_set_wanted_state,
    (function)schrittmacher_client_wanted_state_string,
    (function)schrittmacher_client_get_transiting_counter,
    (function)schrittmacher_client_set_transiting_counter,
    (function)schrittmacher_client_signal_go_hot,
    (function)schrittmacher_client_signal_go_standby,
    (function)schrittmacher_client_notify_signal,
    (function)schrittmacher_client_install_signal_handlers,
    (function)schrittmacher_client_heartbeat_hot,
    (function)schrittmacher_client_heartbeat_standby,
    (function)schrittmacher_client_heartbeat_unknown,
    (function)schrittmacher_client_notify_failure,
    (function)schrittmacher_client_send_status,
};

int main(void)
{
    size_t i;

    for (i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        CHECK(functions[i] != NULL);
    }
    puts("ok");
    return 0;
}
