/*
 * own-signals.c - an application whose signal handlers only count, and whose main loop looks at the counters
 *
 * Many programs are made like this. They need no more than the two calls in obey(). The library then calls back on the
 * main thread, and the callbacks need no lock. The heartbeats come from the library's own thread.
 *
 * own-signals RESOURCE [PORT]
 */

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <schrittmacherclient/schrittmacherclient.h>

static schrittmacher_client *client;
static volatile sig_atomic_t hot_orders;
static volatile sig_atomic_t standby_orders;
static volatile sig_atomic_t quit;

static void count_signal(int signo)
{
    switch (signo) {
    case SIGUSR1: hot_orders++; break;
    case SIGUSR2: standby_orders++; break;
    default: quit = 1; break;
    }
}

/* Ends the program if a call has failed. */
static void check(int status)
{
    /* A daemon that is not there yet is no reason: the heartbeats go on trying. */
    if (status < 0 && status != SCHRITTMACHER_ERR_NO_DAEMON) {
        fprintf(stderr, "own-signals: %s\n", schrittmacher_strerror(status));
        exit(1);
    }
}

static void go_hot(void)
{
    puts("hot");
    check(schrittmacher_client_report_active(client, NULL));
}

static void go_standby(void)
{
    puts("standby");
    check(schrittmacher_client_report_inactive(client, NULL));
}

static void obey(void)
{
    if (hot_orders > 0) {
        hot_orders = 0;
        check(schrittmacher_client_signal_go_hot(client)); /* calls go_hot() unless we are hot */
    }
    if (standby_orders > 0) {
        standby_orders = 0;
        check(schrittmacher_client_signal_go_standby(client));
    }
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: own-signals RESOURCE [PORT]\n");
        return 64;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    /* Before the first report: from then on the daemon may send them. */
    signal(SIGUSR1, count_signal);
    signal(SIGUSR2, count_signal);
    signal(SIGTERM, count_signal);

    check(schrittmacher_client_new(&client));
    check(schrittmacher_client_set_resource_id(client, argv[1]));
    if (argc > 2) {
        check(schrittmacher_client_set_port(client, atoi(argv[2])));
    }
    check(schrittmacher_client_set_go_hot_func(client, go_hot));
    check(schrittmacher_client_set_go_standby_func(client, go_standby));
    check(schrittmacher_client_start(client));
    check(schrittmacher_client_report_unknown(client, NULL));

    while (!quit) {
        obey();
        usleep(100000); /* the application's work, in steps */
    }
    schrittmacher_client_free(client);
    return 0;
}
