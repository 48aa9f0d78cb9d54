/*
 * demo-app.c - a demonstration application: takes its time to go hot and standby, and prints what it does
 *
 * It has an event loop of its own, and so no second thread. The loop waits for the library's descriptor among others.
 * The heartbeats stop if the loop hangs, and then the daemon fails over.
 */

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <schrittmacherclient/schrittmacherclient.h>

static const char *name = "demo-app";
static int switch_time_ms = 500;

static schrittmacher_client *client;
static volatile sig_atomic_t quit;

/* The current switch, if any. */
static int switching_to; /* SchrittmacherClientWantedState_... or 0 */
static struct timespec switch_end;

/* ---- output ---- */

static void say(const char *text)
{
    struct timespec now;
    struct tm local;
    char clock_time[sizeof "12:34:56"];

    clock_gettime(CLOCK_REALTIME, &now);
    localtime_r(&now.tv_sec, &local);
    strftime(clock_time, sizeof clock_time, "%H:%M:%S", &local);
    printf("%s.%03ld %s: %s\n", clock_time, now.tv_nsec / 1000000, name, text);
}

/* A missing daemon is no reason to end: the heartbeats go on trying. Prints each change once. */
static void say_if_daemon_changed(void)
{
    static int error_before = 0;
    int error = schrittmacher_client_last_errno(client);

    if (error != error_before) {
        say(error == 0 ? "the daemon is reached again" : "the daemon is not reached");
    }
    error_before = error;
}

/* ---- switching ---- */

static void begin_switch(int wanted_state)
{
    switching_to = wanted_state;
    clock_gettime(CLOCK_MONOTONIC, &switch_end);
    switch_end.tv_sec += switch_time_ms / 1000;
    switch_end.tv_nsec += switch_time_ms % 1000 * 1000000L;
    if (switch_end.tv_nsec >= 1000000000L) {
        switch_end.tv_nsec -= 1000000000L;
        switch_end.tv_sec++;
    }
    /* The library has set the state already. Sent now, it reaches the daemon before the next heartbeat would. */
    schrittmacher_client_do_heartbeat(client);
}

static void go_hot(void)
{
    say("going hot");
    begin_switch(SchrittmacherClientWantedState_hot);
}

static void go_standby(void)
{
    say("going standby");
    begin_switch(SchrittmacherClientWantedState_standby);
}

/* Milliseconds to the end of the switch, rounded up; -1 without a switch. */
static int switch_remaining_ms(void)
{
    struct timespec now;
    long long ns;

    if (switching_to == 0) {
        return -1;
    }
    clock_gettime(CLOCK_MONOTONIC, &now);
    ns = (long long)(switch_end.tv_sec - now.tv_sec) * 1000000000LL + (switch_end.tv_nsec - now.tv_nsec);
    return ns <= 0 ? 0 : (int)((ns + 999999) / 1000000);
}

static void end_switch(void)
{
    if (switching_to == SchrittmacherClientWantedState_hot) {
        say("HOT");
        schrittmacher_client_report_active(client, NULL);
    } else {
        say("STANDBY");
        schrittmacher_client_report_inactive(client, NULL);
    }
    switching_to = 0;
}

/* ---- signals ---- */

static void on_order(int signo)
{
    schrittmacher_client_notify_signal(client, signo);
}

static void on_quit(int signo)
{
    (void)signo;
    quit = 1;
}

static void handle(int signo, void (*handler)(int))
{
    struct sigaction action;

    memset(&action, 0, sizeof action);
    action.sa_handler = handler; /* no SA_RESTART: SIGTERM has to end poll() */
    sigemptyset(&action.sa_mask);
    sigaction(signo, &action, NULL);
}

/* ---- the program ---- */

static void report_first(const char *start_as)
{
    char text[160];
    int status;

    snprintf(text, sizeof text, "started as %s, pid %ld", start_as, (long)getpid());
    say(text);
    if (strcmp(start_as, "hot") == 0) {
        status = schrittmacher_client_report_active(client, "started as hot");
    } else if (strcmp(start_as, "standby") == 0) {
        status = schrittmacher_client_report_inactive(client, "started as standby");
    } else {
        status = schrittmacher_client_report_unknown(client, "started");
    }
    if (status != SCHRITTMACHER_OK && status != SCHRITTMACHER_ERR_NO_DAEMON) {
        say(schrittmacher_strerror(status));
    }
}

static void run(void)
{
    struct pollfd ready;

    ready.fd = schrittmacher_client_poll_fd(client);
    ready.events = POLLIN;
    while (!quit) {
        if (poll(&ready, 1, switch_remaining_ms()) < 0 && errno != EINTR) {
            perror("poll");
            return;
        }
        schrittmacher_client_dispatch(client);
        if (switch_remaining_ms() == 0) {
            end_switch();
        }
        say_if_daemon_changed();
    }
    say("ended");
}

static int usage(void)
{
    fprintf(stderr,
            "usage: demo-app --resource NAME [--daemon ADDRESS] [--port PORT]\n"
            "                [--start-as unknown|standby|hot] [--switch-time MS] [--name NAME]\n");
    return 64;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"resource", required_argument, NULL, 'r'},  {"daemon", required_argument, NULL, 'd'},
        {"port", required_argument, NULL, 'p'},      {"start-as", required_argument, NULL, 's'},
        {"switch-time", required_argument, NULL, 't'}, {"name", required_argument, NULL, 'n'},
        {NULL, 0, NULL, 0},
    };
    const char *start_as = "unknown";
    int option;
    int status = schrittmacher_client_new(&client);

    setvbuf(stdout, NULL, _IOLBF, 0);
    if (status < 0) {
        say(schrittmacher_strerror(status));
        return 1;
    }
    while (status == SCHRITTMACHER_OK && (option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 'r': status = schrittmacher_client_set_resource_id(client, optarg); break;
        case 'd': status = schrittmacher_client_set_daemon_address(client, optarg); break;
        case 'p': status = schrittmacher_client_set_port(client, atoi(optarg)); break;
        case 's': start_as = optarg; break;
        case 't': switch_time_ms = atoi(optarg); break;
        case 'n': name = optarg; break;
        default: return usage();
        }
    }
    if (status != SCHRITTMACHER_OK || schrittmacher_client_get_resource_id(client, NULL, 0) == 0) {
        return usage();
    }

    schrittmacher_client_set_go_hot_func(client, go_hot); /* cannot fail: the client is one */
    schrittmacher_client_set_go_standby_func(client, go_standby);
    handle(SIGUSR1, on_order);
    handle(SIGUSR2, on_order);
    handle(SIGTERM, on_quit);
    handle(SIGINT, on_quit);

    status = schrittmacher_client_start_polled(client);
    if (status != SCHRITTMACHER_OK) {
        say(schrittmacher_strerror(status));
        return 1;
    }
    report_first(start_as);
    run();
    schrittmacher_client_free(client);
    return 0;
}
