/* fork(): before the start, after it, and while other threads are inside the client. */

#include <pthread.h>
#include <sys/wait.h>

#include "check.h"

/* The good end of a child. Not exit(): what threads of the parent held is lost in a child, and a leak checker
 * would take it for ours. */
static void leave(void)
{
    kill(getpid(), SIGKILL);
}

/* A failed check ends a child with exit(). */
static void wait_for(pid_t child)
{
    int status;

    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static pid_t heard_pid(struct fake_daemon d)
{
    const char *pid = strstr(daemon_hear(d), "\"pid\": ");

    CHECK(pid != NULL);
    return (pid_t)atol(pid + strlen("\"pid\": "));
}

static void hear_pid(struct fake_daemon d, pid_t pid)
{
    while (heard_pid(d) != pid) {
    }
}

/* A daemon-like program: makes its client, then goes into the background. */
static void a_client_that_is_not_started_goes_along(struct fake_daemon d)
{
    schrittmacher_client *client = client_new(d);
    pid_t child = fork();

    if (child == 0) {
        begin();
        CHECK_OK(schrittmacher_client_set_host(client, "h1"));
        CHECK_OK(schrittmacher_client_start(client));
        CHECK_OK(schrittmacher_client_report_active(client, NULL));
        schrittmacher_client_free(client);
        leave();
    }
    hear_pid(d, child);
    wait_for(child);
    CHECK(schrittmacher_client_get_host(client, NULL, 0) == 0);
    schrittmacher_client_free(client);
    daemon_drain(d);
}

static int orders;

static void count_order(void)
{
    orders++;
}

static void a_started_client_stays_with_the_parent(struct fake_daemon d)
{
    schrittmacher_client *client = client_new(d);
    pid_t child;

    CHECK_OK(schrittmacher_client_set_go_hot_func(client, count_order));
    CHECK_OK(schrittmacher_client_install_signal_handlers(client));
    CHECK_OK(schrittmacher_client_start(client));
    CHECK_OK(schrittmacher_client_report_inactive(client, NULL));
    child = fork();
    if (child == 0) {
        begin();
        CHECK_STATUS(SCHRITTMACHER_ERR_FORKED, schrittmacher_client_report_failed(client, NULL));
        CHECK_STATUS(SCHRITTMACHER_ERR_FORKED, schrittmacher_client_stop(client));
        CHECK_STATUS(SCHRITTMACHER_ERR_FORKED, schrittmacher_client_get_port(client));
        CHECK(schrittmacher_client_is_started(client) == 0);
        CHECK_STATUS(SCHRITTMACHER_ERR_FORKED, schrittmacher_client_signal_go_hot(client));
        /* An order to the child is none to the parent. */
        CHECK_OK(schrittmacher_client_notify_signal(client, SIGUSR1));
        raise(SIGUSR1);
        schrittmacher_client_free(client);
        CHECK_STATUS(SCHRITTMACHER_ERR_HANDLE, schrittmacher_client_stop(client));
        leave();
    }
    wait_for(child);
    daemon_drain(d);
    CHECK(heard_pid(d) == getpid());
    CHECK(heard_pid(d) == getpid());
    CHECK(schrittmacher_client_get_current_state(client) == SchrittmacherClientCurrentState_inactive);
    CHECK(orders == 0);
    schrittmacher_client_free(client);
    daemon_drain(d);
}

/* A program that goes into the background after the start. */
static void a_child_can_take_a_started_client_over(struct fake_daemon d)
{
    schrittmacher_client *client = client_new(d);
    int polled;
    pid_t child;

    for (polled = 0; polled <= 1; polled++) {
        CHECK_OK(polled ? schrittmacher_client_start_polled(client) : schrittmacher_client_start(client));
        CHECK_OK(schrittmacher_client_report_active(client, NULL));
        child = fork();
        if (child == 0) {
            begin();
            CHECK_OK(schrittmacher_client_start(client));
            CHECK(schrittmacher_client_get_pid(client) == getpid());
            /* The heartbeats of the child go on although the parent stops its own. */
            pause();
        }
        hear_pid(d, child);
        CHECK_OK(schrittmacher_client_stop(client));
        daemon_drain(d);
        CHECK(heard_pid(d) == child);
        CHECK(heard_pid(d) == child);
        CHECK(kill(child, SIGKILL) == 0);
        wait_for(child);
        daemon_drain(d);
    }
    schrittmacher_client_free(client);
}

static schrittmacher_client *busy_client;

static void *be_busy(void *unused)
{
    while (schrittmacher_client_report_active(busy_client, NULL) != SCHRITTMACHER_ERR_HANDLE) {
    }
    return unused;
}

/* The child may find the lock taken for ever. It is told so, or it works; it never hangs. */
static void a_fork_while_threads_are_inside_does_not_hang(struct fake_daemon d, int forks)
{
    pthread_t threads[2];
    pid_t child;
    int i;

    busy_client = client_new(d);
    CHECK_OK(schrittmacher_client_start(busy_client));
    for (i = 0; i < 2; i++) {
        CHECK(pthread_create(&threads[i], NULL, be_busy, NULL) == 0);
    }
    for (i = 0; i < forks; i++) {
        child = fork();
        if (child == 0) {
            int status;

            begin();
            CHECK_STATUS(SCHRITTMACHER_ERR_FORKED, schrittmacher_client_report_active(busy_client, NULL));
            status = schrittmacher_client_start(busy_client);
            CHECK(status == SCHRITTMACHER_OK || status == SCHRITTMACHER_ERR_FORKED);
            schrittmacher_client_free(busy_client);
            leave();
        }
        wait_for(child);
    }
    schrittmacher_client_free(busy_client);
    for (i = 0; i < 2; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
    }
    daemon_drain(d);
}

/* processes [FORKS]: how often to fork while threads are busy; fewer where all is slow */
int main(int argc, char **argv)
{
    struct fake_daemon d = daemon_new();

    begin();
    a_client_that_is_not_started_goes_along(d);
    a_started_client_stays_with_the_parent(d);
    a_child_can_take_a_started_client_over(d);
    a_fork_while_threads_are_inside_does_not_hang(d, argc > 1 ? atoi(argv[1]) : 50);
    puts("ok");
    return 0;
}
