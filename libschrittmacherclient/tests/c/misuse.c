/* A program's mistakes give a negative status code: no crash, no hang, no leak. */

#include <fcntl.h>
#include <sys/resource.h>

#include "check.h"

#define OUR_ERRNO 4711

/* Every function with a handle that is none gives `status`. A question gives 0. errno stays. */
static void every_function_refuses(schrittmacher_client *c, int status)
{
    char text[4];

#define ACT(call) \
    do { \
        errno = OUR_ERRNO; \
        CHECK_STATUS(status, call); \
        CHECK(errno == OUR_ERRNO); \
    } while (0)
#define NO(question) \
    do { \
        errno = OUR_ERRNO; \
        CHECK((question) == 0); \
        CHECK(errno == OUR_ERRNO); \
    } while (0)

    ACT(schrittmacher_client_start(c));
    ACT(schrittmacher_client_start_polled(c));
    ACT(schrittmacher_client_stop(c));
    NO(schrittmacher_client_is_started(c));
    NO(schrittmacher_client_is_daemon_lost(c));
    ACT(schrittmacher_client_poll_fd(c));
    ACT(schrittmacher_client_dispatch(c));
    ACT(schrittmacher_client_last_errno(c));
    ACT(schrittmacher_client_set_resource_id(c, "r1"));
    ACT(schrittmacher_client_get_resource_id(c, text, sizeof text));
    ACT(schrittmacher_client_set_daemon_address(c, "127.0.0.1"));
    ACT(schrittmacher_client_get_daemon_address(c, text, sizeof text));
    ACT(schrittmacher_client_set_port(c, 7701));
    ACT(schrittmacher_client_get_port(c));
    ACT(schrittmacher_client_set_address_type(c, 4));
    ACT(schrittmacher_client_get_address_type(c));
    ACT(schrittmacher_client_set_host(c, "h"));
    ACT(schrittmacher_client_get_host(c, text, sizeof text));
    ACT(schrittmacher_client_set_type(c, "t"));
    ACT(schrittmacher_client_get_type(c, text, sizeof text));
    ACT(schrittmacher_client_set_pid(c, 1));
    ACT(schrittmacher_client_get_pid(c));
    ACT(schrittmacher_client_set_adminweb_port(c, 80));
    ACT(schrittmacher_client_get_adminweb_port(c));
    ACT(schrittmacher_client_set_heartbeat_interval_ms(c, 100));
    ACT(schrittmacher_client_get_heartbeat_interval_ms(c));
    ACT(schrittmacher_client_set_max_transiting_counter(c, 1));
    ACT(schrittmacher_client_get_max_transiting_counter(c));
    ACT(schrittmacher_client_set_failure_reason(c, "f"));
    ACT(schrittmacher_client_get_failure_reason(c, text, sizeof text));
    ACT(schrittmacher_client_set_go_hot_func(c, NULL));
    CHECK(schrittmacher_client_get_go_hot_func(c) == NULL);
    ACT(schrittmacher_client_set_go_standby_func(c, NULL));
    CHECK(schrittmacher_client_get_go_standby_func(c) == NULL);
    ACT(schrittmacher_client_set_go_hot_callback(c, NULL, NULL));
    ACT(schrittmacher_client_set_go_standby_callback(c, NULL, NULL));
    ACT(schrittmacher_client_set_heartbeat_callback(c, NULL, NULL));
    ACT(schrittmacher_client_set_daemon_lost_callback(c, NULL, NULL));
    ACT(schrittmacher_client_set_daemon_lost_after_ms(c, 1000));
    ACT(schrittmacher_client_get_daemon_lost_after_ms(c));
    ACT(schrittmacher_client_set_right_ended_callback(c, NULL, NULL));
    ACT(schrittmacher_client_get_right_left_ms(c));
    ACT(schrittmacher_client_set_log_func(c, NULL, NULL));
    ACT(schrittmacher_client_set_log_level(c, 0));
    ACT(schrittmacher_client_get_log_level(c));
    ACT(schrittmacher_client_set_logging_enabled(c, 1));
    NO(schrittmacher_client_get_logging_enabled(c));
    ACT(schrittmacher_client_log(c, "l"));
    ACT(schrittmacher_client_set_user_data(c, text));
    CHECK(schrittmacher_client_get_user_data(c) == NULL);
    ACT(schrittmacher_client_report_active(c, NULL));
    ACT(schrittmacher_client_report_inactive(c, NULL));
    ACT(schrittmacher_client_report_unknown(c, NULL));
    ACT(schrittmacher_client_report_failed(c, NULL));
    ACT(schrittmacher_client_report_transiting_to_hot(c, NULL));
    ACT(schrittmacher_client_report_transiting_to_standby(c, NULL));
    ACT(schrittmacher_client_do_heartbeat(c));
    ACT(schrittmacher_client_request_takeover(c));
    ACT(schrittmacher_client_request_failover(c));
    ACT(schrittmacher_client_get_current_state(c));
    ACT(schrittmacher_client_set_current_state(c, 0));
    CHECK(strcmp(schrittmacher_client_current_state_string(c), "unknown current state 0") == 0);
    ACT(schrittmacher_client_get_wanted_state(c));
    ACT(schrittmacher_client_set_wanted_state(c, 0));
    CHECK(strcmp(schrittmacher_client_wanted_state_string(c), "unknown wanted state 0") == 0);
    ACT(schrittmacher_client_get_transiting_counter(c));
    ACT(schrittmacher_client_set_transiting_counter(c, 0));
    ACT(schrittmacher_client_signal_go_hot(c));
    ACT(schrittmacher_client_signal_go_standby(c));
    ACT(schrittmacher_client_notify_signal(c, SIGUSR1));
    ACT(schrittmacher_client_install_signal_handlers(c));
    ACT(schrittmacher_client_heartbeat_hot(c));
    ACT(schrittmacher_client_heartbeat_standby(c));
    ACT(schrittmacher_client_heartbeat_unknown(c));
    ACT(schrittmacher_client_notify_failure(c));
    ACT(schrittmacher_client_send_status(c, "LHOT"));
    schrittmacher_client_free(c);
}

static void handles_that_are_none_are_refused(struct fake_daemon d)
{
    schrittmacher_client *client = client_new(d);
    char local[sizeof(void *) * 4];

    every_function_refuses(NULL, SCHRITTMACHER_ERR_NULL);
    every_function_refuses((schrittmacher_client *)local, SCHRITTMACHER_ERR_HANDLE);
    every_function_refuses((schrittmacher_client *)((char *)client + 1), SCHRITTMACHER_ERR_HANDLE);
    every_function_refuses((schrittmacher_client *)-1, SCHRITTMACHER_ERR_HANDLE);
    CHECK_OK(schrittmacher_client_start(client));
    CHECK_OK(schrittmacher_client_install_signal_handlers(client));
    schrittmacher_client_free(client);
    every_function_refuses(client, SCHRITTMACHER_ERR_HANDLE);
    /* The handlers stay harmless. */
    raise(SIGUSR1);
}

static void too_many_clients_are_refused(void)
{
    static schrittmacher_client *clients[SCHRITTMACHER_CLIENTS_MAX];
    schrittmacher_client *one_more;
    size_t i;

    for (i = 0; i < SCHRITTMACHER_CLIENTS_MAX; i++) {
        CHECK_OK(schrittmacher_client_new(&clients[i]));
        CHECK(clients[i] != NULL);
    }
    one_more = clients[0];
    CHECK_STATUS(SCHRITTMACHER_ERR_TOO_MANY, schrittmacher_client_new(&one_more));
    CHECK(one_more == NULL);
    CHECK_STATUS(SCHRITTMACHER_ERR_NULL, schrittmacher_client_new(NULL));
    schrittmacher_client_free(clients[500]);
    CHECK_OK(schrittmacher_client_new(&clients[500]));
    for (i = 0; i < SCHRITTMACHER_CLIENTS_MAX; i++) {
        schrittmacher_client_free(clients[i]);
    }
}

static void a_missing_daemon_is_an_error_and_no_more(void)
{
    struct fake_daemon d = daemon_new();
    schrittmacher_client *client = client_new(d);

    close(d.socket);
    CHECK_OK(schrittmacher_client_start(client));
    CHECK_STATUS(SCHRITTMACHER_ERR_NO_DAEMON, schrittmacher_client_report_active(client, NULL));
    CHECK(schrittmacher_client_last_errno(client) == ECONNREFUSED);
    CHECK(schrittmacher_client_get_current_state(client) == SchrittmacherClientCurrentState_active);
    schrittmacher_client_free(client);
}

/* No more descriptors: the start fails, says why, and works later. */
static void exhausted_descriptors_are_an_error_and_no_more(struct fake_daemon d)
{
    schrittmacher_client *client = client_new(d);
    struct rlimit limit;
    int fds[256];
    int count = 0;

    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    if (limit.rlim_cur > 200) {
        limit.rlim_cur = 200;
        CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    }
    while (count < 256 && (fds[count] = open("/dev/null", O_RDONLY)) >= 0) {
        count++;
    }
    errno = OUR_ERRNO;
    CHECK_STATUS(SCHRITTMACHER_ERR_SYSTEM, schrittmacher_client_start(client));
    CHECK(errno == OUR_ERRNO);
    CHECK(schrittmacher_client_last_errno(client) == EMFILE);
    CHECK(schrittmacher_client_is_started(client) == 0);
    close(fds[--count]); /* enough for the timer, not for the socket */
    CHECK_STATUS(SCHRITTMACHER_ERR_SYSTEM, schrittmacher_client_start(client));
    CHECK(schrittmacher_client_is_started(client) == 0);
    while (count > 0) {
        close(fds[--count]);
    }
    CHECK_OK(schrittmacher_client_start(client));
    CHECK_OK(schrittmacher_client_report_active(client, NULL));
    daemon_hear(d);
    schrittmacher_client_free(client);
    daemon_drain(d);
}

/* A program that closes all descriptors, as daemons do, takes ours away. */
static void closed_descriptors_are_survived(struct fake_daemon d)
{
    schrittmacher_client *client = client_new(d);
    int ends[2];
    int fd;

    /* Without the timer the heartbeats go on. */
    CHECK_OK(schrittmacher_client_start(client));
    CHECK_OK(schrittmacher_client_report_active(client, NULL));
    CHECK(close(schrittmacher_client_poll_fd(client)) == 0);
    daemon_drain(d);
    daemon_hear(d);
    daemon_hear(d);
    /* The same if its number has another use, which would never wake anybody. */
    CHECK(pipe(ends) == 0 && dup2(ends[0], schrittmacher_client_poll_fd(client)) >= 0);
    daemon_drain(d);
    daemon_hear(d);
    daemon_hear(d);
    CHECK_OK(schrittmacher_client_stop(client));
    CHECK_STATUS(SCHRITTMACHER_ERR_SYSTEM, schrittmacher_client_start(client));
    CHECK(close(schrittmacher_client_poll_fd(client)) == 0);
    CHECK_OK(schrittmacher_client_start(client));
    errno = OUR_ERRNO;
    CHECK_OK(schrittmacher_client_notify_signal(client, SIGUSR1));
    CHECK(errno == OUR_ERRNO);

    /* Without the socket there is an error, and a new start helps. */
    for (fd = d.socket + 1; fd < 200; fd++) {
        close(fd);
    }
    CHECK_STATUS(SCHRITTMACHER_ERR_SYSTEM, schrittmacher_client_report_active(client, NULL));
    CHECK(schrittmacher_client_last_errno(client) == EBADF);
    CHECK_OK(schrittmacher_client_start(client));
    CHECK_OK(schrittmacher_client_report_active(client, NULL));
    daemon_drain(d);
    daemon_hear(d);
    schrittmacher_client_free(client);
    daemon_drain(d);
}

static void an_unknown_address_keeps_the_old_one(struct fake_daemon d)
{
    schrittmacher_client *client = client_new(d);
    char nonsense[301];

    memset(nonsense, 'n', sizeof nonsense - 1); /* no label of a name is so long: refused without asking */
    nonsense[sizeof nonsense - 1] = '\0';
    CHECK_OK(schrittmacher_client_start(client));
    CHECK_STATUS(SCHRITTMACHER_ERR_ADDRESS, schrittmacher_client_set_daemon_address(client, nonsense));
    CHECK(schrittmacher_client_get_daemon_address(client, NULL, 0) == 0);
    CHECK_OK(schrittmacher_client_report_active(client, NULL));
    daemon_hear(d);
    schrittmacher_client_free(client);
    daemon_drain(d);
}

int main(void)
{
    struct fake_daemon d = daemon_new();

    begin();
    handles_that_are_none_are_refused(d);
    too_many_clients_are_refused();
    a_missing_daemon_is_an_error_and_no_more();
    exhausted_descriptors_are_an_error_and_no_more(d);
    closed_descriptors_are_survived(d);
    an_unknown_address_keeps_the_old_one(d);
    puts("ok");
    return 0;
}
