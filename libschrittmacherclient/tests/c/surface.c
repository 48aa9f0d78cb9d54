/* Every function does what the header says: settings, reports, states, orders, older names. */

#include <poll.h>

#include "check.h"

static void defaults_are_those_of_1_18_0(schrittmacher_client *client)
{
    CHECK(schrittmacher_client_get_port(client) == 7701);
    CHECK(schrittmacher_client_get_address_type(client) == 4);
    CHECK(schrittmacher_client_get_pid(client) == getpid());
    CHECK(schrittmacher_client_get_adminweb_port(client) == 0);
    CHECK(schrittmacher_client_get_heartbeat_interval_ms(client) == 1500);
    CHECK(schrittmacher_client_get_max_transiting_counter(client) == 30);
    CHECK(schrittmacher_client_get_transiting_counter(client) == 0);
    CHECK(schrittmacher_client_get_current_state(client) == 0);
    CHECK(schrittmacher_client_get_wanted_state(client) == 0);
    CHECK(schrittmacher_client_get_log_level(client) == SCHRITTMACHER_LOG_DEBUG);
    CHECK(schrittmacher_client_get_logging_enabled(client) == 0);
    CHECK(schrittmacher_client_get_user_data(client) == NULL);
    CHECK(schrittmacher_client_get_go_hot_func(client) == NULL);
    CHECK(schrittmacher_client_get_go_standby_func(client) == NULL);
    CHECK(schrittmacher_client_get_resource_id(client, NULL, 0) == 0);
    CHECK(schrittmacher_client_get_daemon_address(client, NULL, 0) == 0);
    CHECK(schrittmacher_client_get_run_directory(client, NULL, 0) == 0);
    CHECK(schrittmacher_client_get_host(client, NULL, 0) == 0);
    CHECK(schrittmacher_client_get_type(client, NULL, 0) == 0);
    CHECK(schrittmacher_client_get_failure_reason(client, NULL, 0) == 0);
    CHECK(schrittmacher_client_is_started(client) == 0);
    CHECK(schrittmacher_client_last_errno(client) == 0);
    CHECK(strcmp(schrittmacher_client_current_state_string(client), "unknown current state 0") == 0);
    CHECK(strcmp(schrittmacher_client_wanted_state_string(client), "unknown wanted state 0") == 0);
}

static void numbers_keep_to_their_ranges(schrittmacher_client *client)
{
#define RANGE(name, least, most) \
    do { \
        CHECK_STATUS(SCHRITTMACHER_ERR_INVALID, schrittmacher_client_set_##name(client, (least) - 1)); \
        CHECK_OK(schrittmacher_client_set_##name(client, most)); \
        CHECK(schrittmacher_client_get_##name(client) == (most)); \
        if ((most) < 0x7fffffff) { \
            CHECK_STATUS(SCHRITTMACHER_ERR_INVALID, schrittmacher_client_set_##name(client, (int)((most) + 1U))); \
        } \
        CHECK(schrittmacher_client_get_##name(client) == (most)); \
        CHECK_OK(schrittmacher_client_set_##name(client, least)); \
        CHECK(schrittmacher_client_get_##name(client) == (least)); \
    } while (0)

    RANGE(port, 1, 65535);
    RANGE(adminweb_port, 0, 65535);
    RANGE(pid, 0, 0x7fffffff);
    RANGE(heartbeat_interval_ms, 10, 10000);
    RANGE(max_transiting_counter, 0, 0x7fffffff);
    RANGE(transiting_counter, 0, 0x7fffffff);
    RANGE(log_level, SCHRITTMACHER_LOG_DEBUG, SCHRITTMACHER_LOG_PANIC);
    CHECK_STATUS(SCHRITTMACHER_ERR_INVALID, schrittmacher_client_set_address_type(client, 5));
    CHECK_OK(schrittmacher_client_set_address_type(client, 6));
    CHECK(schrittmacher_client_get_address_type(client) == 6);
    CHECK_OK(schrittmacher_client_set_logging_enabled(client, 7));
    CHECK(schrittmacher_client_get_logging_enabled(client) == 1);
    CHECK_OK(schrittmacher_client_set_user_data(client, &client));
    CHECK(schrittmacher_client_get_user_data(client) == &client);
}

static void texts_are_copied_checked_and_cut(schrittmacher_client *client)
{
    char long_text[257];
    char buffer[8];

    memset(long_text, 'x', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';

#define TEXT(name) \
    do { \
        char text[] = "h\xc3\xa4uschen"; \
        CHECK_OK(schrittmacher_client_set_##name(client, text)); \
        text[0] = 'X'; \
        CHECK(schrittmacher_client_get_##name(client, buffer, sizeof buffer) == 9); \
        CHECK(strcmp(buffer, "h\xc3\xa4usch") == 0); \
        CHECK(schrittmacher_client_get_##name(client, buffer, 3) == 9); \
        CHECK(strcmp(buffer, "h") == 0); /* not half a character */ \
        CHECK(schrittmacher_client_get_##name(client, buffer, 1) == 9 && buffer[0] == '\0'); \
        CHECK_STATUS(SCHRITTMACHER_ERR_NULL, schrittmacher_client_get_##name(client, NULL, 8)); \
        CHECK_STATUS(SCHRITTMACHER_ERR_UTF8, schrittmacher_client_set_##name(client, "\xff")); \
        CHECK(schrittmacher_client_get_##name(client, NULL, 0) == 9); \
        CHECK_OK(schrittmacher_client_set_##name(client, NULL)); \
        CHECK(schrittmacher_client_get_##name(client, buffer, sizeof buffer) == 0 && buffer[0] == '\0'); \
    } while (0)

    TEXT(resource_id);
    TEXT(daemon_address);
    TEXT(host);
    TEXT(type);
    TEXT(failure_reason);
    CHECK_STATUS(SCHRITTMACHER_ERR_INVALID, schrittmacher_client_set_resource_id(client, ""));
    CHECK_STATUS(SCHRITTMACHER_ERR_INVALID, schrittmacher_client_set_resource_id(client, long_text));
    CHECK_STATUS(SCHRITTMACHER_ERR_INVALID, schrittmacher_client_set_host(client, long_text));
    CHECK_STATUS(SCHRITTMACHER_ERR_INVALID, schrittmacher_client_set_type(client, long_text));
}

static void reports_are_heard(struct fake_daemon d)
{
    schrittmacher_client *client = client_new(d);
    char all[200];

    CHECK_STATUS(SCHRITTMACHER_ERR_NOT_STARTED, schrittmacher_client_report_active(client, NULL));
    CHECK_OK(schrittmacher_client_start_polled(client)); /* no heartbeats in between */
    CHECK(schrittmacher_client_is_started(client) == 1);

#define REPORT(name, state, text, code) \
    do { \
        CHECK_OK(schrittmacher_client_report_##name(client, "why")); \
        CHECK(strstr(daemon_hear(d), "\"status\": \"" code "\"") != NULL); \
        CHECK(schrittmacher_client_get_current_state(client) == SchrittmacherClientCurrentState_##state); \
        CHECK(strcmp(schrittmacher_client_current_state_string(client), text) == 0); \
        CHECK_OK(schrittmacher_client_do_heartbeat(client)); \
        CHECK(strstr(daemon_hear(d), "\"reason\": \"why\"") != NULL); \
        CHECK_OK(schrittmacher_client_report_##name(client, NULL)); \
        CHECK(strstr(daemon_hear(d), "reason") == NULL); \
        CHECK_STATUS(SCHRITTMACHER_ERR_UTF8, schrittmacher_client_report_##name(client, "\xc3")); \
    } while (0)

    REPORT(active, active, "active", MESSAGE_LOCAL_HOT);
    REPORT(inactive, inactive, "inactive", MESSAGE_LOCAL_STANDBY);
    REPORT(unknown, unknown, "unknown", MESSAGE_LOCAL_UNKNOWN);
    REPORT(failed, failed, "failed", MESSAGE_LOCAL_FAIL);
    REPORT(transiting_to_hot, transiting_to_hot, "transiting-to-hot", MESSAGE_LOCAL_TRANSITING_TO_HOT);
    CHECK(schrittmacher_client_get_transiting_counter(client) == 3);
    REPORT(transiting_to_standby, transiting_to_standby, "transiting-to-standby",
           MESSAGE_LOCAL_TRANSITING_TO_STANDBY);

    CHECK_OK(schrittmacher_client_request_takeover(client));
    CHECK(strstr(daemon_hear(d), MESSAGE_LOCAL_REQUEST_TAKEOVER) != NULL);
    CHECK_OK(schrittmacher_client_request_failover(client));
    CHECK(strstr(daemon_hear(d), "\"reason\": \"user-requested\"") != NULL);

    CHECK_OK(schrittmacher_client_set_host(client, "h1"));
    CHECK_OK(schrittmacher_client_set_type(client, "smsc"));
    CHECK_OK(schrittmacher_client_set_adminweb_port(client, 8080));
    CHECK_OK(schrittmacher_client_set_pid(client, 4711));
    CHECK_OK(schrittmacher_client_report_active(client, NULL));
    snprintf(all, sizeof all, "%s",
             "{\n  \"host\": \"h1\",\n  \"resource\": \"r1\",\n  \"status\": \"LHOT\",\n  \"pid\": 4711,\n"
             "  \"adminweb-port\": 8080,\n  \"priority\": 0,\n  \"random\": 0,\n  \"type\": \"smsc\"\n}");
    CHECK(strcmp(daemon_hear(d), all) == 0);

    CHECK_OK(schrittmacher_client_set_resource_id(client, NULL));
    CHECK_STATUS(SCHRITTMACHER_ERR_NO_RESOURCE_ID, schrittmacher_client_report_active(client, NULL));
    schrittmacher_client_free(client);
}

static void older_names_work(struct fake_daemon d)
{
    schrittmacher_client *client = client_new(d);

    CHECK_OK(schrittmacher_client_start_polled(client)); /* no heartbeats in between */
#define OLD(call, code, state) \
    do { \
        CHECK_OK(call); \
        CHECK(strstr(daemon_hear(d), code) != NULL); \
        CHECK(schrittmacher_client_get_current_state(client) == SchrittmacherClientCurrentState_##state); \
    } while (0)
    OLD(schrittmacher_client_heartbeat_hot(client), "LHOT", active);
    OLD(schrittmacher_client_heartbeat_standby(client), "LSBY", inactive);
    OLD(schrittmacher_client_heartbeat_unknown(client), "LUNK", unknown);
    OLD(schrittmacher_client_notify_failure(client), "LFAI", failed);
    OLD(schrittmacher_client_send_status(client, MESSAGE_LOCAL_HOT), "LHOT", active);
    OLD(schrittmacher_client_send_status(client, MESSAGE_LOCAL_STANDBY), "LSBY", inactive);
    OLD(schrittmacher_client_send_status(client, MESSAGE_LOCAL_REQUEST_FAILOVER), "LRFO", inactive);
    OLD(schrittmacher_client_send_status(client, MESSAGE_LOCAL_REQUEST_TAKEOVER), "LRTO", inactive);
    CHECK_STATUS(SCHRITTMACHER_ERR_INVALID, schrittmacher_client_send_status(client, "HOTT"));
    CHECK_STATUS(SCHRITTMACHER_ERR_NULL, schrittmacher_client_send_status(client, NULL));
    schrittmacher_client_free(client);
}

static int hot_calls;

static void go_hot(void)
{
    hot_calls++;
}

static void count(schrittmacher_client *client, void *context)
{
    CHECK(schrittmacher_client_is_started(client) == 0);
    ++*(int *)context;
}

static void orders_call_the_functions(struct fake_daemon d)
{
    schrittmacher_client *client = client_new(d);
    int standby_calls = 0;

    CHECK_OK(schrittmacher_client_set_go_hot_func(client, go_hot));
    CHECK(schrittmacher_client_get_go_hot_func(client) == go_hot);
    CHECK_OK(schrittmacher_client_set_go_standby_callback(client, count, &standby_calls));
    CHECK_OK(schrittmacher_client_signal_go_hot(client));
    CHECK_OK(schrittmacher_client_signal_go_hot(client));
    CHECK(hot_calls == 1);
    CHECK(schrittmacher_client_get_wanted_state(client) == SchrittmacherClientWantedState_hot);
    CHECK(strcmp(schrittmacher_client_wanted_state_string(client), "hot") == 0);
    CHECK_OK(schrittmacher_client_signal_go_standby(client));
    CHECK(standby_calls == 1);
    CHECK(strcmp(schrittmacher_client_wanted_state_string(client), "standby") == 0);

    /* The context of one replaces the plain function of the other, and the other way round. */
    CHECK_OK(schrittmacher_client_set_go_hot_callback(client, count, &standby_calls));
    CHECK(schrittmacher_client_get_go_hot_func(client) == NULL);
    CHECK_OK(schrittmacher_client_signal_go_hot(client));
    CHECK(hot_calls == 1 && standby_calls == 2);

    CHECK_OK(schrittmacher_client_set_current_state(client, SchrittmacherClientCurrentState_active));
    CHECK_OK(schrittmacher_client_signal_go_hot(client));
    CHECK(standby_calls == 2);
    CHECK_STATUS(SCHRITTMACHER_ERR_INVALID, schrittmacher_client_set_current_state(client, 206));
    CHECK_OK(schrittmacher_client_set_wanted_state(client, SchrittmacherClientWantedState_hot));
    CHECK_STATUS(SCHRITTMACHER_ERR_INVALID, schrittmacher_client_set_wanted_state(client, 103));
    CHECK_OK(schrittmacher_client_set_wanted_state(client, 0));
    CHECK_OK(schrittmacher_client_set_current_state(client, 0));
    schrittmacher_client_free(client);
}

static char logged[200];

static void keep_log(schrittmacher_client *client, schrittmacher_log_level level, const char *message, void *context)
{
    CHECK(client != NULL && context == &logged);
    snprintf(logged, sizeof logged, "%d %s", (int)level, message);
}

static void the_log_function_gets_messages(struct fake_daemon d)
{
    schrittmacher_client *client = client_new(d);
    int calls = 0;

    CHECK_OK(schrittmacher_client_set_log_func(client, keep_log, &logged));
    CHECK_OK(schrittmacher_client_log(client, "not enabled"));
    CHECK(logged[0] == '\0');
    CHECK_OK(schrittmacher_client_set_logging_enabled(client, 1));
    CHECK_OK(schrittmacher_client_log(client, "my own"));
    CHECK(strcmp(logged, "1 my own") == 0);
    CHECK_STATUS(SCHRITTMACHER_ERR_NULL, schrittmacher_client_log(client, NULL));
    CHECK_OK(schrittmacher_client_set_log_level(client, SCHRITTMACHER_LOG_MAJOR));
    CHECK_OK(schrittmacher_client_log(client, "not important enough"));
    /* An application without functions asks for the wanted state, and so nothing is wrong. */
    CHECK_OK(schrittmacher_client_signal_go_standby(client));
    CHECK(strcmp(logged, "1 my own") == 0);
    CHECK_OK(schrittmacher_client_set_go_standby_callback(client, count, &calls));
    CHECK_OK(schrittmacher_client_signal_go_hot(client));
    CHECK(strcmp(logged, "4 there is no go-hot function") == 0);
    CHECK_OK(schrittmacher_client_set_log_func(client, NULL, NULL));
    CHECK_OK(schrittmacher_client_signal_go_standby(client));
    CHECK(strcmp(logged, "4 there is no go-hot function") == 0);
    schrittmacher_client_free(client);
}

static void a_started_client_goes_over_to_another_daemon(struct fake_daemon d)
{
    schrittmacher_client *client = client_new(d);
    struct fake_daemon other = daemon_new();

    CHECK_OK(schrittmacher_client_start(client));
    CHECK_OK(schrittmacher_client_report_active(client, NULL));
    daemon_hear(d);
    CHECK_OK(schrittmacher_client_set_port(client, other.port));
    daemon_hear(other);
    CHECK_OK(schrittmacher_client_set_daemon_address(client, "127.0.0.1"));
    daemon_drain(other);
    daemon_hear(other);
    CHECK_STATUS(SCHRITTMACHER_ERR_INVALID, schrittmacher_client_set_run_directory(client, "run"));
    CHECK_OK(schrittmacher_client_set_run_directory(client, "/nowhere"));
    CHECK(schrittmacher_client_get_run_directory(client, NULL, 0) == (int)strlen("/nowhere"));
    CHECK_OK(schrittmacher_client_set_run_directory(client, NULL));
    CHECK(schrittmacher_client_get_run_directory(client, NULL, 0) == 0);
    daemon_drain(other);
    daemon_hear(other);
    schrittmacher_client_free(client);
    daemon_drain(d);
    close(other.socket);
}

static int beats;

static void every_second_heartbeat(schrittmacher_client *client, void *context)
{
    CHECK(context == &beats);
    if (beats++ % 2 == 1) {
        schrittmacher_client_do_heartbeat(client);
    }
}

static void the_heartbeat_callback_decides(struct fake_daemon d)
{
    schrittmacher_client *client = client_new(d);

    CHECK_OK(schrittmacher_client_set_heartbeat_callback(client, every_second_heartbeat, &beats));
    CHECK_OK(schrittmacher_client_start(client));
    CHECK_OK(schrittmacher_client_report_active(client, NULL));
    daemon_hear(d);
    daemon_hear(d);
    daemon_hear(d);
    CHECK_OK(schrittmacher_client_stop(client));
    daemon_drain(d);
    CHECK(beats >= 4);
    CHECK_OK(schrittmacher_client_set_heartbeat_callback(client, NULL, NULL));
    CHECK_OK(schrittmacher_client_start(client));
    daemon_hear(d);
    schrittmacher_client_free(client);
    daemon_drain(d);
}

static int losses;

static void count_loss(schrittmacher_client *client, void *context)
{
    CHECK(context == &losses);
    CHECK(schrittmacher_client_is_daemon_lost(client) == 1);
    losses++;
}

static void a_lost_daemon_is_told(void)
{
    struct fake_daemon d = daemon_new();
    schrittmacher_client *client = client_new(d);
    struct pollfd ready;

    CHECK(schrittmacher_client_get_daemon_lost_after_ms(client) == 0);
    CHECK_OK(schrittmacher_client_set_daemon_lost_callback(client, count_loss, &losses));
    CHECK_OK(schrittmacher_client_set_daemon_lost_after_ms(client, 50));
    CHECK(schrittmacher_client_get_daemon_lost_after_ms(client) == 50);
    CHECK_OK(schrittmacher_client_start_polled(client));
    CHECK_OK(schrittmacher_client_report_active(client, NULL));
    CHECK(schrittmacher_client_is_daemon_lost(client) == 0);
    close(d.socket);
    ready.fd = schrittmacher_client_poll_fd(client);
    ready.events = POLLIN;
    while (losses == 0) {
        CHECK(poll(&ready, 1, -1) == 1);
        CHECK_STATUS(SCHRITTMACHER_ERR_NO_DAEMON, schrittmacher_client_dispatch(client));
    }
    schrittmacher_client_free(client);
}

int main(void)
{
    struct fake_daemon d = daemon_new();
    schrittmacher_client *client;

    begin();
    CHECK_OK(schrittmacher_client_new(&client));
#ifdef SCHRITTMACHERCLIENT_VERSION /* not so if compiled with an earlier header */
    CHECK(strcmp(schrittmacher_client_version(), SCHRITTMACHERCLIENT_VERSION) == 0);
    CHECK(schrittmacher_client_version_number() == SCHRITTMACHERCLIENT_VERSION_NUMBER);
#endif
    defaults_are_those_of_1_18_0(client);
    numbers_keep_to_their_ranges(client);
    texts_are_copied_checked_and_cut(client);
    schrittmacher_client_free(client);
    reports_are_heard(d);
    older_names_work(d);
    orders_call_the_functions(d);
    the_log_function_gets_messages(d);
    a_started_client_goes_over_to_another_daemon(d);
    the_heartbeat_callback_decides(d);
    a_lost_daemon_is_told();
    puts("ok");
    return 0;
}
