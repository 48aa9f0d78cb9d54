/*
 * The binary interface of soname 3, written down once: what programs have compiled in. A line here is never
 * changed or removed, only added with a new function; else the soname has to rise (docs/adr/0001-soname-3.md).
 *
 * A prototype in the header that differs is a conflicting declaration; a function that is gone is not linked.
 */

#include "check.h"

const char *schrittmacher_strerror(int status);
const char *schrittmacher_client_version(void);
schrittmacher_client *schrittmacher_client_new(void);
void schrittmacher_client_free(schrittmacher_client *client);
int schrittmacher_client_start(schrittmacher_client *client);
int schrittmacher_client_start_polled(schrittmacher_client *client);
int schrittmacher_client_stop(schrittmacher_client *client);
int schrittmacher_client_is_started(const schrittmacher_client *client);
int schrittmacher_client_poll_fd(const schrittmacher_client *client);
int schrittmacher_client_dispatch(schrittmacher_client *client);
int schrittmacher_client_last_errno(const schrittmacher_client *client);
int schrittmacher_client_set_resource_id(schrittmacher_client *client, const char *resource_id);
int schrittmacher_client_get_resource_id(const schrittmacher_client *client, char *buffer, size_t size);
int schrittmacher_client_set_daemon_address(schrittmacher_client *client, const char *address);
int schrittmacher_client_get_daemon_address(const schrittmacher_client *client, char *buffer, size_t size);
int schrittmacher_client_set_port(schrittmacher_client *client, int port);
int schrittmacher_client_get_port(const schrittmacher_client *client);
int schrittmacher_client_set_address_type(schrittmacher_client *client, int address_type);
int schrittmacher_client_get_address_type(const schrittmacher_client *client);
int schrittmacher_client_set_host(schrittmacher_client *client, const char *host);
int schrittmacher_client_get_host(const schrittmacher_client *client, char *buffer, size_t size);
int schrittmacher_client_set_type(schrittmacher_client *client, const char *application_type);
int schrittmacher_client_get_type(const schrittmacher_client *client, char *buffer, size_t size);
int schrittmacher_client_set_pid(schrittmacher_client *client, int pid);
int schrittmacher_client_get_pid(const schrittmacher_client *client);
int schrittmacher_client_set_adminweb_port(schrittmacher_client *client, int port);
int schrittmacher_client_get_adminweb_port(const schrittmacher_client *client);
int schrittmacher_client_set_heartbeat_interval_ms(schrittmacher_client *client, int interval_ms);
int schrittmacher_client_get_heartbeat_interval_ms(const schrittmacher_client *client);
int schrittmacher_client_set_max_transiting_counter(schrittmacher_client *client, int heartbeats);
int schrittmacher_client_get_max_transiting_counter(const schrittmacher_client *client);
int schrittmacher_client_set_failure_reason(schrittmacher_client *client, const char *reason);
int schrittmacher_client_get_failure_reason(const schrittmacher_client *client, char *buffer, size_t size);
int schrittmacher_client_set_go_hot_func(schrittmacher_client *client, schrittmacher_func_ptr func);
schrittmacher_func_ptr schrittmacher_client_get_go_hot_func(const schrittmacher_client *client);
int schrittmacher_client_set_go_standby_func(schrittmacher_client *client, schrittmacher_func_ptr func);
schrittmacher_func_ptr schrittmacher_client_get_go_standby_func(const schrittmacher_client *client);
int schrittmacher_client_set_go_hot_callback(schrittmacher_client *client, schrittmacher_context_func func, void *context);
int schrittmacher_client_set_go_standby_callback(schrittmacher_client *client, schrittmacher_context_func func, void *context);
int schrittmacher_client_set_log_func(schrittmacher_client *client, schrittmacher_log_func func, void *context);
int schrittmacher_client_set_log_level(schrittmacher_client *client, int level);
int schrittmacher_client_get_log_level(const schrittmacher_client *client);
int schrittmacher_client_set_logging_enabled(schrittmacher_client *client, int enabled);
int schrittmacher_client_get_logging_enabled(const schrittmacher_client *client);
int schrittmacher_client_log(schrittmacher_client *client, const char *message);
int schrittmacher_client_set_user_data(schrittmacher_client *client, void *user_data);
void *schrittmacher_client_get_user_data(const schrittmacher_client *client);
int schrittmacher_client_report_active(schrittmacher_client *client, const char *reason);
int schrittmacher_client_report_inactive(schrittmacher_client *client, const char *reason);
int schrittmacher_client_report_unknown(schrittmacher_client *client, const char *reason);
int schrittmacher_client_report_failed(schrittmacher_client *client, const char *reason);
int schrittmacher_client_report_transiting_to_hot(schrittmacher_client *client, const char *reason);
int schrittmacher_client_report_transiting_to_standby(schrittmacher_client *client, const char *reason);
int schrittmacher_client_do_heartbeat(schrittmacher_client *client);
int schrittmacher_client_request_takeover(schrittmacher_client *client);
int schrittmacher_client_request_failover(schrittmacher_client *client);
int schrittmacher_client_get_current_state(const schrittmacher_client *client);
int schrittmacher_client_set_current_state(schrittmacher_client *client, int current_state);
const char *schrittmacher_client_current_state_string(const schrittmacher_client *client);
int schrittmacher_client_get_wanted_state(const schrittmacher_client *client);
int schrittmacher_client_set_wanted_state(schrittmacher_client *client, int wanted_state);
const char *schrittmacher_client_wanted_state_string(const schrittmacher_client *client);
int schrittmacher_client_get_transiting_counter(const schrittmacher_client *client);
int schrittmacher_client_set_transiting_counter(schrittmacher_client *client, int heartbeats);
int schrittmacher_client_signal_go_hot(schrittmacher_client *client);
int schrittmacher_client_signal_go_standby(schrittmacher_client *client);
int schrittmacher_client_notify_signal(schrittmacher_client *client, int signo);
int schrittmacher_client_install_signal_handlers(schrittmacher_client *client);
int schrittmacher_client_heartbeat_hot(schrittmacher_client *client);
int schrittmacher_client_heartbeat_standby(schrittmacher_client *client);
int schrittmacher_client_heartbeat_unknown(schrittmacher_client *client);
int schrittmacher_client_notify_failure(schrittmacher_client *client);
int schrittmacher_client_send_status(schrittmacher_client *client, const char *status);

typedef void (*function)(void);

static const function functions[] = {
    (function)schrittmacher_strerror,
    (function)schrittmacher_client_version,
    (function)schrittmacher_client_new,
    (function)schrittmacher_client_free,
    (function)schrittmacher_client_start,
    (function)schrittmacher_client_start_polled,
    (function)schrittmacher_client_stop,
    (function)schrittmacher_client_is_started,
    (function)schrittmacher_client_poll_fd,
    (function)schrittmacher_client_dispatch,
    (function)schrittmacher_client_last_errno,
    (function)schrittmacher_client_set_resource_id,
    (function)schrittmacher_client_get_resource_id,
    (function)schrittmacher_client_set_daemon_address,
    (function)schrittmacher_client_get_daemon_address,
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
    (function)schrittmacher_client_set_max_transiting_counter,
    (function)schrittmacher_client_get_max_transiting_counter,
    (function)schrittmacher_client_set_failure_reason,
    (function)schrittmacher_client_get_failure_reason,
    (function)schrittmacher_client_set_go_hot_func,
    (function)schrittmacher_client_get_go_hot_func,
    (function)schrittmacher_client_set_go_standby_func,
    (function)schrittmacher_client_get_go_standby_func,
    (function)schrittmacher_client_set_go_hot_callback,
    (function)schrittmacher_client_set_go_standby_callback,
    (function)schrittmacher_client_set_log_func,
    (function)schrittmacher_client_set_log_level,
    (function)schrittmacher_client_get_log_level,
    (function)schrittmacher_client_set_logging_enabled,
    (function)schrittmacher_client_get_logging_enabled,
    (function)schrittmacher_client_log,
    (function)schrittmacher_client_set_user_data,
    (function)schrittmacher_client_get_user_data,
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
