/*
 * The binary interface of soname 3: what programs that were compiled with an earlier release's header have in them.
 * A line here is never changed or removed, only added with a new function or number. Otherwise the soname has to rise
 * (docs/adr/0001-soname-3.md, docs/adr/0013-interface-frozen-in-c.md).
 *
 * Included after the real header, it makes each difference an error of the compiler. Included in place of the real
 * header, it makes a test program one that was compiled with an earlier release.
 */

#ifndef ABI_3_H
#define ABI_3_H

#include <stddef.h>

#ifdef SCHRITTMACHERCLIENT_H
#define ABI_3_CONSTANT(name, number) typedef char name##_has_changed[(name) == (number) ? 1 : -1]
#else
#define ABI_3_CONSTANT(name, number) enum { name = number }
typedef unsigned int schrittmacher_log_level;
#endif

ABI_3_CONSTANT(SchrittmacherClientWantedState_none, 0);
ABI_3_CONSTANT(SchrittmacherClientWantedState_hot, 101);
ABI_3_CONSTANT(SchrittmacherClientWantedState_standby, 102);
ABI_3_CONSTANT(SchrittmacherClientCurrentState_none, 0);
ABI_3_CONSTANT(SchrittmacherClientCurrentState_inactive, 200);
ABI_3_CONSTANT(SchrittmacherClientCurrentState_active, 201);
ABI_3_CONSTANT(SchrittmacherClientCurrentState_failed, 202);
ABI_3_CONSTANT(SchrittmacherClientCurrentState_unknown, 203);
ABI_3_CONSTANT(SchrittmacherClientCurrentState_transiting_to_hot, 204);
ABI_3_CONSTANT(SchrittmacherClientCurrentState_transiting_to_standby, 205);
ABI_3_CONSTANT(SCHRITTMACHER_LOG_DEBUG, 0);
ABI_3_CONSTANT(SCHRITTMACHER_LOG_INFO, 1);
ABI_3_CONSTANT(SCHRITTMACHER_LOG_WARNING, 2);
ABI_3_CONSTANT(SCHRITTMACHER_LOG_MINOR, 3);
ABI_3_CONSTANT(SCHRITTMACHER_LOG_MAJOR, 4);
ABI_3_CONSTANT(SCHRITTMACHER_LOG_PANIC, 5);
ABI_3_CONSTANT(SCHRITTMACHER_OK, 0);
ABI_3_CONSTANT(SCHRITTMACHER_ERR_NULL, -1);
ABI_3_CONSTANT(SCHRITTMACHER_ERR_HANDLE, -2);
ABI_3_CONSTANT(SCHRITTMACHER_ERR_INVALID, -3);
ABI_3_CONSTANT(SCHRITTMACHER_ERR_UTF8, -4);
ABI_3_CONSTANT(SCHRITTMACHER_ERR_NO_RESOURCE_ID, -5);
ABI_3_CONSTANT(SCHRITTMACHER_ERR_NOT_STARTED, -6);
ABI_3_CONSTANT(SCHRITTMACHER_ERR_NOT_POLLED, -7);
ABI_3_CONSTANT(SCHRITTMACHER_ERR_ADDRESS, -8);
ABI_3_CONSTANT(SCHRITTMACHER_ERR_NO_DAEMON, -9);
ABI_3_CONSTANT(SCHRITTMACHER_ERR_SYSTEM, -10);
ABI_3_CONSTANT(SCHRITTMACHER_ERR_FORKED, -11);
ABI_3_CONSTANT(SCHRITTMACHER_ERR_INTERNAL, -12);
ABI_3_CONSTANT(SCHRITTMACHER_ERR_TOO_MANY, -13);
#define SCHRITTMACHER_CLIENTS_MAX 1024

#define MESSAGE_LOCAL_HOT SCHRITTMACHER_TEXT_("LHOT")
#define MESSAGE_LOCAL_STANDBY SCHRITTMACHER_TEXT_("LSBY")
#define MESSAGE_LOCAL_UNKNOWN SCHRITTMACHER_TEXT_("LUNK")
#define MESSAGE_LOCAL_FAIL SCHRITTMACHER_TEXT_("LFAI")
#define MESSAGE_LOCAL_TRANSITING_TO_HOT SCHRITTMACHER_TEXT_("L2HT")
#define MESSAGE_LOCAL_TRANSITING_TO_STANDBY SCHRITTMACHER_TEXT_("L2SB")
#define MESSAGE_LOCAL_REQUEST_FAILOVER SCHRITTMACHER_TEXT_("LRFO")
#define MESSAGE_LOCAL_REQUEST_TAKEOVER SCHRITTMACHER_TEXT_("LRTO")
#define SCHRITTMACHER_TEXT_(text) text

typedef struct schrittmacher_client schrittmacher_client;
typedef void (*schrittmacher_func_ptr)(void);
typedef void (*schrittmacher_callback)(schrittmacher_client *client, void *context);
typedef void (*schrittmacher_log_func)(schrittmacher_client *client, schrittmacher_log_level level, const char *message, void *context);

const char *schrittmacher_strerror(int status);
const char *schrittmacher_client_version(void);
int schrittmacher_client_version_number(void);
int schrittmacher_client_new(schrittmacher_client **client);
void schrittmacher_client_free(schrittmacher_client *client);
int schrittmacher_client_start(schrittmacher_client *client);
int schrittmacher_client_start_polled(schrittmacher_client *client);
int schrittmacher_client_stop(schrittmacher_client *client);
int schrittmacher_client_is_started(const schrittmacher_client *client);
int schrittmacher_client_poll_fd(const schrittmacher_client *client);
int schrittmacher_client_dispatch(schrittmacher_client *client);
int schrittmacher_client_last_errno(const schrittmacher_client *client);
int schrittmacher_client_is_daemon_lost(const schrittmacher_client *client);
int schrittmacher_client_set_resource_id(schrittmacher_client *client, const char *resource_id);
int schrittmacher_client_get_resource_id(const schrittmacher_client *client, char *buffer, size_t size);
int schrittmacher_client_set_daemon_address(schrittmacher_client *client, const char *address);
int schrittmacher_client_get_daemon_address(const schrittmacher_client *client, char *buffer, size_t size);
int schrittmacher_client_set_run_directory(schrittmacher_client *client, const char *directory);
int schrittmacher_client_get_run_directory(const schrittmacher_client *client, char *buffer, size_t size);
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
int schrittmacher_client_set_daemon_lost_after_ms(schrittmacher_client *client, int after_ms);
int schrittmacher_client_get_daemon_lost_after_ms(const schrittmacher_client *client);
int schrittmacher_client_set_max_transiting_counter(schrittmacher_client *client, int heartbeats);
int schrittmacher_client_get_max_transiting_counter(const schrittmacher_client *client);
int schrittmacher_client_set_failure_reason(schrittmacher_client *client, const char *reason);
int schrittmacher_client_get_failure_reason(const schrittmacher_client *client, char *buffer, size_t size);
int schrittmacher_client_set_go_hot_callback(schrittmacher_client *client, schrittmacher_callback func, void *context);
int schrittmacher_client_set_go_standby_callback(schrittmacher_client *client, schrittmacher_callback func, void *context);
int schrittmacher_client_set_go_hot_func(schrittmacher_client *client, schrittmacher_func_ptr func);
schrittmacher_func_ptr schrittmacher_client_get_go_hot_func(const schrittmacher_client *client);
int schrittmacher_client_set_go_standby_func(schrittmacher_client *client, schrittmacher_func_ptr func);
schrittmacher_func_ptr schrittmacher_client_get_go_standby_func(const schrittmacher_client *client);
int schrittmacher_client_set_heartbeat_callback(schrittmacher_client *client, schrittmacher_callback func, void *context);
int schrittmacher_client_set_daemon_lost_callback(schrittmacher_client *client, schrittmacher_callback func, void *context);
int schrittmacher_client_set_user_data(schrittmacher_client *client, void *user_data);
void *schrittmacher_client_get_user_data(const schrittmacher_client *client);
int schrittmacher_client_set_log_func(schrittmacher_client *client, schrittmacher_log_func func, void *context);
int schrittmacher_client_set_log_level(schrittmacher_client *client, int level);
int schrittmacher_client_get_log_level(const schrittmacher_client *client);
int schrittmacher_client_set_logging_enabled(schrittmacher_client *client, int enabled);
int schrittmacher_client_get_logging_enabled(const schrittmacher_client *client);
int schrittmacher_client_log(schrittmacher_client *client, const char *message);
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

#endif
