/*
 * schrittmacher-run.c - makes any command an application of schrittmacher
 *
 *     schrittmacher-run --resource NAME [OPTION...] -- COMMAND [ARGUMENT...]
 *
 * The command is started when this host becomes hot, and stopped when it becomes standby. That it ends by
 * itself, or that --check fails, is reported as a failure, and the other host takes over.
 *
 * One loop waits for all that can happen: the library's descriptor, the end of a child, a signal, a time.
 * For users there is a manual page: man/schrittmacher-run.1.
 */

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#include <schrittmacherclient/schrittmacherclient.h>

/* How long to wait after a check that failed while the command still starts. */
#define NEXT_CHECK_AT_START_MS 1000

/* ---- options ---- */

static char **command;
static const char *check;             /* a command for the shell, or NULL */
static int check_interval_s = 5;      /* also how long a check may take */
static int stop_timeout_s = 5;        /* from SIGTERM to SIGKILL */
static int recover_after_s = 30;      /* how long a failure is reported; then we are ready to be tried again */

/* ---- what there is ---- */

enum phase {
    IDLE,     /* nothing runs; we are standby, or not told yet */
    STARTING, /* the command runs, and has to pass its first check */
    RUNNING,  /* we are hot */
    STOPPING, /* the command was told to end */
    FAILED    /* nothing runs, and that is a failure */
};

static schrittmacher_client *client;
static enum phase phase = IDLE;
static pid_t command_pid;             /* of STARTING, RUNNING, STOPPING; leads a process group */
static pid_t check_pid;               /* 0 if no check runs */
static int start_when_stopped;        /* an order to become hot came while STOPPING */
static int fail_when_stopped;         /* we stop because of a failure */
static char failure[200];
static long long next_check_ms;       /* of STARTING and RUNNING */
static long long kill_at_ms;          /* of STOPPING */
static long long recover_at_ms;       /* of FAILED */

static int wake_pipe[2];              /* from the signal handlers to the loop */
static volatile sig_atomic_t quit;    /* we were told to end: stop the command, start none */

static long long now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void say(const char *format, ...)
{
    va_list arguments;

    fputs("schrittmacher-run: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
}

/* ---- child processes ---- */

/* Starts a program in a process group of its own. It ends with us: a command that goes on alone, while the
 * other host has taken over, is what this system exists to prevent. */
static pid_t spawn(char *const arguments[])
{
    pid_t parent = getpid();
    pid_t pid = fork();
    sigset_t none;

    if (pid != 0) {
        if (pid > 0) {
            setpgid(pid, pid); /* both do it, since either may be first */
        }
        return pid;
    }
    setpgid(0, 0);
#ifdef __linux__
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) {
        _exit(127);
    }
#else
    (void)parent;
#endif
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execvp(arguments[0], arguments);
    fprintf(stderr, "schrittmacher-run: %s: %s\n", arguments[0], strerror(errno));
    _exit(127);
}

static void describe(char *text, size_t size, const char *what, int status)
{
    if (WIFSIGNALED(status)) {
        snprintf(text, size, "%s was ended by signal %d", what, WTERMSIG(status));
    } else {
        snprintf(text, size, "%s exited with status %d", what, WEXITSTATUS(status));
    }
}

static void end_check(void)
{
    if (check_pid > 0) {
        kill(-check_pid, SIGKILL);
        waitpid(check_pid, NULL, 0);
        check_pid = 0;
    }
}

/* ---- from phase to phase ---- */

static void become_hot(void)
{
    phase = RUNNING;
    say("hot");
    schrittmacher_client_report_active(client, NULL);
}

static void become_failed(void)
{
    phase = FAILED;
    recover_at_ms = now_ms() + recover_after_s * 1000LL;
    say("failed: %s", failure);
    schrittmacher_client_report_failed(client, failure);
}

static void start_command(void)
{
    command_pid = spawn(command);
    if (command_pid < 0) {
        snprintf(failure, sizeof failure, "cannot start the command: %s", strerror(errno));
        become_failed();
        return;
    }
    phase = STARTING;
    next_check_ms = now_ms();
    say("started %s, pid %ld", command[0], (long)command_pid);
    if (check == NULL) {
        become_hot();
    }
}

static void stop_command(void)
{
    end_check();
    phase = STOPPING;
    kill_at_ms = now_ms() + stop_timeout_s * 1000LL;
    kill(-command_pid, SIGTERM);
}

static void fail(void)
{
    fail_when_stopped = 1;
    stop_command();
    /* At once, not when the command has ended: the other host has to know. */
    schrittmacher_client_report_failed(client, failure);
}

static void command_ended(int status)
{
    enum phase before = phase;

    end_check();
    command_pid = 0;
    if (before != STOPPING) {
        describe(failure, sizeof failure, "the command", status);
        become_failed();
    } else if (fail_when_stopped) {
        fail_when_stopped = 0;
        become_failed();
    } else if (quit) {
        phase = IDLE;
    } else if (start_when_stopped) {
        start_when_stopped = 0;
        start_command();
    } else {
        phase = IDLE;
        say("standby");
        schrittmacher_client_report_inactive(client, NULL);
    }
}

static void check_ended(int status)
{
    check_pid = 0;
    if (status == 0) {
        if (phase == STARTING) {
            become_hot();
        }
    } else if (phase == RUNNING) {
        describe(failure, sizeof failure, "the check", status);
        fail();
    } else if (phase == STARTING) {
        next_check_ms = now_ms() + NEXT_CHECK_AT_START_MS;
    }
}

/* ---- what can happen ---- */

static void go_hot(void)
{
    if (quit) {
        return;
    }
    switch (phase) {
    case IDLE:
    case FAILED: start_command(); break;
    case STOPPING: start_when_stopped = !fail_when_stopped; break;
    case STARTING:
    case RUNNING: break;
    }
}

static void go_standby(void)
{
    switch (phase) {
    case IDLE: schrittmacher_client_report_inactive(client, NULL); break;
    case FAILED: schrittmacher_client_report_failed(client, failure); break; /* still so */
    case STOPPING:
        start_when_stopped = 0;
        if (fail_when_stopped) {
            schrittmacher_client_report_failed(client, failure);
        }
        break;
    case STARTING:
    case RUNNING: stop_command(); break;
    }
}

static void reap(void)
{
    siginfo_t ended;
    int status;

    for (;;) {
        ended.si_pid = 0;
        if (waitid(P_ALL, 0, &ended, WEXITED | WNOHANG | WNOWAIT) != 0 || ended.si_pid == 0) {
            return;
        }
        if (ended.si_pid == command_pid) {
            kill(-command_pid, SIGKILL); /* what it leaves behind, while the number is still its own */
        }
        waitpid(ended.si_pid, &status, 0);
        if (ended.si_pid == command_pid) {
            command_ended(status);
        } else if (ended.si_pid == check_pid) {
            check_ended(status);
        }
    }
}

static void start_check(void)
{
    char *arguments[] = {(char *)"/bin/sh", (char *)"-c", (char *)check, NULL};

    next_check_ms = now_ms() + check_interval_s * 1000LL;
    if (check_pid > 0) { /* the last one still runs */
        end_check();
        if (phase == RUNNING) {
            snprintf(failure, sizeof failure, "the check took longer than %d s", check_interval_s);
            fail();
            return;
        }
    }
    check_pid = spawn(arguments);
}

/* What is due now. The return value is how long to wait for what is due next, -1 for ever. */
static int look_at_clock(void)
{
    long long now = now_ms();
    long long next;

    if (quit && (phase == STARTING || phase == RUNNING)) {
        stop_command(); /* still hot for the daemon: the other host may start when this one has stopped */
    }
    if (phase == STARTING && schrittmacher_client_get_current_state(client) == SchrittmacherClientCurrentState_failed) {
        snprintf(failure, sizeof failure, "the command did not pass its check in time");
        fail();
    }
    if ((phase == STARTING || phase == RUNNING) && check != NULL && now >= next_check_ms) {
        start_check();
    }
    if (phase == STOPPING && now >= kill_at_ms) {
        kill(-command_pid, SIGKILL);
        kill_at_ms = now + stop_timeout_s * 1000LL;
    }
    if (phase == FAILED && recover_after_s > 0 && now >= recover_at_ms) {
        phase = IDLE;
        say("ready again");
        schrittmacher_client_report_inactive(client, "ready again after a failure");
    }
    switch (phase) {
    case STARTING:
    case RUNNING: next = check != NULL ? next_check_ms : -1; break;
    case STOPPING: next = kill_at_ms; break;
    case FAILED: next = recover_after_s > 0 ? recover_at_ms : -1; break;
    default: next = -1; break;
    }
    if (next < 0) {
        return -1;
    }
    return next > now ? (int)(next - now) : 0;
}

static void on_signal(int signo)
{
    int saved = errno;
    ssize_t written;

    if (signo == SIGUSR1 || signo == SIGUSR2) {
        schrittmacher_client_notify_signal(client, signo);
    } else {
        if (signo != SIGCHLD) {
            quit = 1;
        }
        written = write(wake_pipe[1], "", 1); /* full is fine too: then the loop wakes anyway */
        (void)written;
    }
    errno = saved;
}

/* Until we were told to end, and the command has ended. 0, or -1 if there is no waiting here. */
static int run(void)
{
    struct pollfd ready[2];
    char drained[64];

    ready[0].fd = schrittmacher_client_poll_fd(client);
    ready[1].fd = wake_pipe[0];
    ready[0].events = ready[1].events = POLLIN;
    while (!quit || command_pid > 0) {
        if (poll(ready, 2, look_at_clock()) < 0 && errno != EINTR) {
            say("poll: %s", strerror(errno));
            return -1;
        }
        while (read(wake_pipe[0], drained, sizeof drained) > 0) {
        }
        reap();
        schrittmacher_client_dispatch(client);
    }
    return 0;
}

/* ---- the program ---- */

static const char usage[] =
    "usage: schrittmacher-run --resource NAME [OPTION...] -- COMMAND [ARGUMENT...]\n";

static const char help[] =
    "\n"
    "Makes COMMAND an application of schrittmacher: starts it when this host becomes hot, stops it when this\n"
    "host becomes standby, and reports its end as a failure, so that the other host takes over.\n"
    "\n"
    "  --resource NAME       the resource's name in the daemon's configuration\n"
    "  --daemon ADDRESS      the daemon's address (127.0.0.1)\n"
    "  --port PORT           the daemon's port for applications (7701)\n"
    "  --check COMMAND       for the shell: exit status 0 while all is well\n"
    "  --check-interval S    seconds between checks, and for one of them (5)\n"
    "  --stop-timeout S      seconds from SIGTERM to SIGKILL (5)\n"
    "  --recover-after S     seconds until a failed command may be tried again; 0 for never (30)\n"
    "  --help, --version\n"
    "\n"
    "Manual page: schrittmacher-run(1).\n";

/* What the arguments ask for: to go on, or an exit status. */
enum { GO_ON = -1, ENDED_WELL = 0, MISUSED = 64, SYSTEM_FAILED = 71 };

static int misused(const char *what)
{
    if (what != NULL) {
        say("%s", what);
    }
    fputs(usage, stderr);
    fputs("Try: schrittmacher-run --help\n", stderr);
    return MISUSED;
}

static int number(const char *text, int *value)
{
    char *rest;
    long parsed = strtol(text, &rest, 10);

    if (*text == '\0' || *rest != '\0' || parsed < 0 || parsed > 86400) {
        return SCHRITTMACHER_ERR_INVALID;
    }
    *value = (int)parsed;
    return SCHRITTMACHER_OK;
}

static int set_port(const char *text)
{
    int port;
    int status = number(text, &port);

    return status == SCHRITTMACHER_OK ? schrittmacher_client_set_port(client, port) : status;
}

static int parse(int argc, char **argv)
{
    static const struct option options[] = {
        {"resource", required_argument, NULL, 'r'},       {"daemon", required_argument, NULL, 'd'},
        {"port", required_argument, NULL, 'p'},           {"check", required_argument, NULL, 'c'},
        {"check-interval", required_argument, NULL, 'i'}, {"stop-timeout", required_argument, NULL, 's'},
        {"recover-after", required_argument, NULL, 'a'},  {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'v'},              {NULL, 0, NULL, 0},
    };
    int option;
    int which = 0;
    int status;
    char text[100];

    while ((option = getopt_long(argc, argv, "+", options, &which)) != -1) {
        status = SCHRITTMACHER_OK;
        switch (option) {
        case 'r': status = schrittmacher_client_set_resource_id(client, optarg); break;
        case 'd': status = schrittmacher_client_set_daemon_address(client, optarg); break;
        case 'p': status = set_port(optarg); break;
        case 'c': check = optarg; break;
        case 'i': status = number(optarg, &check_interval_s); break;
        case 's': status = number(optarg, &stop_timeout_s); break;
        case 'a': status = number(optarg, &recover_after_s); break;
        case 'h': printf("%s%s", usage, help); return ENDED_WELL;
        case 'v': printf("schrittmacher-run %s\n", SCHRITTMACHERCLIENT_VERSION); return ENDED_WELL;
        default: return misused(NULL); /* getopt_long() has said why */
        }
        if (status != SCHRITTMACHER_OK || check_interval_s == 0) {
            snprintf(text, sizeof text, "--%s: %s", options[which].name,
                     schrittmacher_strerror(status != SCHRITTMACHER_OK ? status : SCHRITTMACHER_ERR_INVALID));
            return misused(text);
        }
    }
    command = argv + optind;
    if (schrittmacher_client_get_resource_id(client, NULL, 0) <= 0) {
        return misused("--resource is missing");
    }
    return *command != NULL ? GO_ON : misused("there is no command");
}

/* The pipe and the handlers that wake the loop. */
static int watch_signals(void)
{
    static const int signals[] = {SIGUSR1, SIGUSR2, SIGCHLD, SIGTERM, SIGINT, SIGHUP};
    struct sigaction action;
    size_t i;

    if (pipe(wake_pipe) != 0) {
        return -1;
    }
    for (i = 0; i < 2; i++) {
        fcntl(wake_pipe[i], F_SETFL, O_NONBLOCK);
        fcntl(wake_pipe[i], F_SETFD, FD_CLOEXEC);
    }
    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    sigemptyset(&action.sa_mask);
    for (i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        sigaction(signals[i], &action, NULL);
    }
    return 0;
}

int main(int argc, char **argv)
{
    int status;

    client = schrittmacher_client_new();
    status = parse(argc, argv);
    if (status != GO_ON) {
        return status;
    }
    schrittmacher_client_set_go_hot_func(client, go_hot);
    schrittmacher_client_set_go_standby_func(client, go_standby);
    if (watch_signals() != 0) {
        say("pipe: %s", strerror(errno));
        return SYSTEM_FAILED;
    }
    status = schrittmacher_client_start_polled(client);
    if (status != SCHRITTMACHER_OK) {
        say("%s", schrittmacher_strerror(status));
        return SYSTEM_FAILED;
    }
    schrittmacher_client_report_unknown(client, "schrittmacher-run started");
    status = run() == 0 ? ENDED_WELL : SYSTEM_FAILED;
    /* The daemon need not find out. */
    schrittmacher_client_report_failed(client, "schrittmacher-run ended");
    schrittmacher_client_free(client);
    return status;
}
