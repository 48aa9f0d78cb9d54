/*
 * minimal.c - the least that an application needs to live under schrittmacher
 *
 * minimal RESOURCE [PORT]
 */

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <schrittmacherclient/schrittmacherclient.h>

static void go_hot(schrittmacher_client *client, void *context)
{
    (void)context;
    puts("hot: this host does the work");
    schrittmacher_client_report_active(client, NULL);
}

static void go_standby(schrittmacher_client *client, void *context)
{
    (void)context;
    puts("standby: the other host does the work");
    schrittmacher_client_report_inactive(client, NULL);
}

int main(int argc, char **argv)
{
    schrittmacher_client *client = schrittmacher_client_new();
    int status;

    if (argc < 2) {
        fprintf(stderr, "usage: minimal RESOURCE [PORT]\n");
        return 64;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);

    schrittmacher_client_set_resource_id(client, argv[1]);
    if (argc > 2) {
        schrittmacher_client_set_port(client, atoi(argv[2]));
    }
    schrittmacher_client_set_go_hot_callback(client, go_hot, NULL);
    schrittmacher_client_set_go_standby_callback(client, go_standby, NULL);
    schrittmacher_client_install_signal_handlers(client);

    status = schrittmacher_client_start(client);
    if (status != SCHRITTMACHER_OK) {
        fprintf(stderr, "minimal: %s\n", schrittmacher_strerror(status));
        return 1;
    }
    /* From now on the library repeats this every 1.5 seconds, until the daemon tells us what to be. */
    schrittmacher_client_report_unknown(client, "just started");

    for (;;) {
        pause(); /* the application's work */
    }
}
