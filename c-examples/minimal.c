/*
 * minimal.c - an application under schrittmacher: starts and stops its work when the daemon orders it
 *
 * minimal RESOURCE [PORT]
 *
 * The library's thread sends the heartbeats and takes the orders. Work begins and ends on the main thread, so it may
 * take its time: the heartbeats say "on the way" meanwhile.
 */

#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>

#include <schrittmacherclient/schrittmacherclient.h>

/* Runs on the library's thread: wakes the main thread, and returns at once. */
static void on_order(schrittmacher_client *client, void *context)
{
    (void)client;
    sem_post(context);
}

/* Ends the program if a call has failed. */
static void check(int status)
{
    /* A daemon that is not there yet is no reason: the heartbeats go on trying. */
    if (status < 0 && status != SCHRITTMACHER_ERR_NO_DAEMON) {
        fprintf(stderr, "minimal: %s\n", schrittmacher_strerror(status));
        exit(1);
    }
}

int main(int argc, char **argv)
{
    schrittmacher_client *client;
    sem_t order;

    if (argc < 2) {
        fprintf(stderr, "usage: minimal RESOURCE [PORT]\n");
        return 64;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    sem_init(&order, 0, 0);

    check(schrittmacher_client_new(&client));
    check(schrittmacher_client_set_resource_id(client, argv[1]));
    if (argc > 2) {
        check(schrittmacher_client_set_port(client, atoi(argv[2])));
    }
    check(schrittmacher_client_set_go_hot_callback(client, on_order, &order));
    check(schrittmacher_client_set_go_standby_callback(client, on_order, &order));
    check(schrittmacher_client_install_signal_handlers(client));
    check(schrittmacher_client_start(client));
    check(schrittmacher_client_report_unknown(client, "just started"));

    for (;;) {
        if (sem_wait(&order) != 0) {
            continue; /* a signal */
        }
        /* The last order counts, even if several came. */
        if (schrittmacher_client_get_wanted_state(client) == SchrittmacherClientWantedState_hot) {
            puts("hot: this host does the work"); /* start the work here */
            check(schrittmacher_client_report_active(client, NULL));
        } else {
            puts("standby: the other host does the work"); /* stop the work here */
            check(schrittmacher_client_report_inactive(client, NULL));
        }
    }
}
