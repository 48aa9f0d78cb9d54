/* Threads, functions of the application, and a client that is freed while other threads use it. */

#include <pthread.h>
#include <semaphore.h>

#include "check.h"

#define WORKERS 4

static sem_t called;
static int rounds_before_free = 2000;

static void free_client(schrittmacher_client *client, void *context)
{
    (void)context;
    schrittmacher_client_free(client);
    CHECK_STATUS(SCHRITTMACHER_ERR_HANDLE, schrittmacher_client_report_active(client, NULL));
    sem_post(&called);
}

static void a_function_may_free_the_client(struct fake_daemon d)
{
    schrittmacher_client *client = client_new(d);

    /* on the caller's thread */
    CHECK_OK(schrittmacher_client_set_go_hot_callback(client, free_client, NULL));
    CHECK_OK(schrittmacher_client_signal_go_hot(client));
    sem_wait(&called);
    CHECK_STATUS(SCHRITTMACHER_ERR_HANDLE, schrittmacher_client_stop(client));

    /* on the caller's thread, while the heartbeat thread runs */
    client = client_new(d);
    CHECK_OK(schrittmacher_client_set_go_hot_callback(client, free_client, NULL));
    CHECK_OK(schrittmacher_client_start(client));
    CHECK_OK(schrittmacher_client_signal_go_hot(client));
    sem_wait(&called);

    /* on the heartbeat thread */
    client = client_new(d);
    CHECK_OK(schrittmacher_client_set_go_standby_callback(client, free_client, NULL));
    CHECK_OK(schrittmacher_client_start(client));
    CHECK_OK(schrittmacher_client_notify_signal(client, SIGUSR2));
    sem_wait(&called);

    /* in the own loop's dispatch */
    client = client_new(d);
    CHECK_OK(schrittmacher_client_set_go_hot_callback(client, free_client, NULL));
    CHECK_OK(schrittmacher_client_start_polled(client));
    CHECK_OK(schrittmacher_client_notify_signal(client, SIGUSR1));
    CHECK_OK(schrittmacher_client_dispatch(client));
    sem_wait(&called);
}

static int calls_after_free;
static int freed;

static void free_from_log(schrittmacher_client *client, schrittmacher_log_level level, const char *message, void *context)
{
    (void)level;
    (void)message;
    (void)context;
    calls_after_free += freed;
    schrittmacher_client_free(client);
    freed = 1;
}

static void order_after_free(schrittmacher_client *client, void *context)
{
    (void)client;
    (void)context;
    calls_after_free += freed;
}

static void the_log_function_may_free_the_client(struct fake_daemon d)
{
    schrittmacher_client *client = client_new(d);

    CHECK_OK(schrittmacher_client_set_log_func(client, free_from_log, NULL));
    CHECK_OK(schrittmacher_client_start(client));
    CHECK_STATUS(SCHRITTMACHER_ERR_HANDLE, schrittmacher_client_get_port(client));

    /* An order gives two lines at once here: that it came, and that its function is missing. */
    client = client_new(d);
    freed = calls_after_free = 0;
    CHECK_OK(schrittmacher_client_set_go_standby_callback(client, order_after_free, NULL));
    CHECK_OK(schrittmacher_client_set_log_func(client, free_from_log, NULL));
    CHECK_OK(schrittmacher_client_signal_go_hot(client));
    CHECK(freed && calls_after_free == 0);

    /* Here the order's function would be next. */
    client = client_new(d);
    freed = calls_after_free = 0;
    CHECK_OK(schrittmacher_client_set_go_hot_callback(client, order_after_free, NULL));
    CHECK_OK(schrittmacher_client_set_log_func(client, free_from_log, NULL));
    CHECK_OK(schrittmacher_client_signal_go_hot(client));
    CHECK(freed && calls_after_free == 0);
}

struct work {
    schrittmacher_client *client;
    int number;
};

/* Calls all kinds of functions, until the client is freed. */
static void *work(void *argument)
{
    struct work *work = argument;
    schrittmacher_client *client = work->client;
    char text[32];
    int status = SCHRITTMACHER_OK;
    int round;

    for (round = work->number; status != SCHRITTMACHER_ERR_HANDLE; round++) {
        switch (round % 8) {
        case 0: status = schrittmacher_client_report_active(client, "busy"); break;
        case 1: status = schrittmacher_client_report_transiting_to_standby(client, NULL); break;
        case 2: status = schrittmacher_client_notify_signal(client, round % 3 ? SIGUSR1 : SIGUSR2); break;
        case 3: status = schrittmacher_client_set_host(client, round % 3 ? "some-host" : NULL); break;
        case 4: status = schrittmacher_client_get_host(client, text, sizeof text); break;
        case 5: status = schrittmacher_client_signal_go_hot(client); break;
        case 6: status = round % 64 ? 0 : schrittmacher_client_start(client); break;
        default: status = round % 128 ? 0 : schrittmacher_client_stop(client); break;
        }
        if (round == work->number + rounds_before_free) {
            sem_post(&called);
        }
    }
    return NULL;
}

static void threads_may_use_a_client_while_it_is_freed(struct fake_daemon d)
{
    pthread_t threads[WORKERS];
    struct work works[WORKERS];
    schrittmacher_client *client = client_new(d);
    int i;

    CHECK_OK(schrittmacher_client_start(client));
    for (i = 0; i < WORKERS; i++) {
        works[i].client = client;
        works[i].number = i;
        CHECK(pthread_create(&threads[i], NULL, work, &works[i]) == 0);
    }
    for (i = 0; i < WORKERS; i++) {
        sem_wait(&called);
    }
    schrittmacher_client_free(client);
    for (i = 0; i < WORKERS; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
    }
    daemon_drain(d);
}

/* threads [ANY]: fewer rounds, where all is slow */
int main(int argc, char **argv)
{
    struct fake_daemon d = daemon_new();

    (void)argv;
    if (argc > 1) {
        rounds_before_free = 200;
    }
    begin();
    CHECK(sem_init(&called, 0, 0) == 0);
    a_function_may_free_the_client(d);
    the_log_function_may_free_the_client(d);
    threads_may_use_a_client_while_it_is_freed(d);
    puts("ok");
    return 0;
}
