/*
 * What the bench `mass` needs many of: applications, commands that note when they run, and a bare loop that begins as many.
 *
 *   mass apps ADDRESS PORT COUNT WORD FILE   all applications in one process; each reports LHOT once its command has run
 *   mass swarm ADDRESS PORT COUNT FILE       a process for each; SIGUSR1 is its order to go hot, and is noted until SIGUSR2
 *   mass stamp FILE NUMBER                   notes when it runs: the command of this resource
 *   mass spawn FILE FROM TO                  begins these commands as fast as one loop can, by a shell
 *   mass execute FILE FROM TO                the same without a shell, as the daemon does if it needs none
 *
 * FILE has a number of 8 bytes for each resource: CLOCK_MONOTONIC in nanoseconds, and 0 before.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PERIOD 1500000000LL

extern char **environ;

static int64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static void sleep_until(int64_t when)
{
    struct timespec time = { when / 1000000000, when % 1000000000 };
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL);
}

static int door(const char *host, const char *port)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(atoi(port)) };
    int to = socket(AF_INET, SOCK_DGRAM, 0);
    if (!inet_aton(host, &address.sin_addr) || connect(to, (struct sockaddr *)&address, sizeof address)) {
        perror(host);
        exit(1);
    }
    return to;
}

/* A daemon that is not there is what this is about. */
static void report(int to, const char *word, int number, int pid)
{
    char text[256];
    int length = snprintf(text, sizeof text, "{\"random\": 0, ");
    if (pid)
        length += snprintf(text + length, sizeof text - length, "\"pid\": %d, ", pid);
    length += snprintf(text + length, sizeof text - length,
                       "\"status\": \"%s\", \"resource\": \"resource-%d\", \"priority\": 0}", word, number);
    (void)!send(to, text, length, 0);
}

static volatile int64_t *slots(const char *file, int count)
{
    int from = open(file, O_RDWR | O_CREAT, 0600);
    if (from < 0 || ftruncate(from, count * 8L)) {
        perror(file);
        exit(1);
    }
    return mmap(NULL, count * 8L, PROT_READ | PROT_WRITE, MAP_SHARED, from, 0);
}

static int apps(char **words)
{
    int to = door(words[0], words[1]), count = atoi(words[2]);
    volatile int64_t *times = slots(words[4], count);
    int64_t due = now();
    for (int i = 0;; i = (i + 1) % count) {
        sleep_until(due);
        report(to, times[i] ? "LHOT" : words[3], i, 0);
        due += PERIOD / count;
    }
    return 0;
}

static void member(int to, int number, volatile int64_t *time)
{
    struct timespec period = { PERIOD / 1000000000, PERIOD % 1000000000 };
    sigset_t order;
    sigemptyset(&order);
    sigaddset(&order, SIGUSR1);
    sigaddset(&order, SIGUSR2);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;) {
        report(to, *time ? "LHOT" : "LSBY", number, getpid());
        int got = sigtimedwait(&order, NULL, &period);
        if (got == SIGUSR1 && !*time)
            *time = now();
        else if (got == SIGUSR2)
            *time = 0;
    }
}

static int swarm(char **words)
{
    int count = atoi(words[2]);
    volatile int64_t *times = slots(words[3], count);
    sigset_t orders;
    sigemptyset(&orders);
    sigaddset(&orders, SIGUSR1);
    sigaddset(&orders, SIGUSR2);
    sigprocmask(SIG_BLOCK, &orders, NULL);
    int64_t due = now();
    for (int i = 0; i < count; i++) {
        if (fork() == 0) {
            sleep_until(due);
            member(door(words[0], words[1]), i, &times[i]);
        }
        due += PERIOD / count;
    }
    pause();
    return 0;
}

static int stamp(char **words)
{
    int64_t time = now();
    int to = open(words[0], O_WRONLY);
    return pwrite(to, &time, sizeof time, atoi(words[1]) * 8L) != sizeof time;
}

static int spawn(char *own, char **words, int by_shell)
{
    int last = atoi(words[2]);
    for (int i = atoi(words[1]); i < last; i++) {
        char command[1024], number[16];
        char *shell[] = { "/bin/sh", "-c", command, NULL }, *program[] = { own, "stamp", words[0], number, NULL };
        char **arguments = by_shell ? shell : program;
        snprintf(number, sizeof number, "%d", i);
        snprintf(command, sizeof command, "exec %s stamp %s %s", own, words[0], number);
        if (posix_spawn(NULL, arguments[0], NULL, NULL, arguments, environ))
            return 1;
    }
    while (wait(NULL) > 0)
        ;
    return 0;
}

int main(int count, char **words)
{
    if (count == 7 && !strcmp(words[1], "apps"))
        return apps(words + 2);
    if (count == 6 && !strcmp(words[1], "swarm"))
        return swarm(words + 2);
    if (count == 4 && !strcmp(words[1], "stamp"))
        return stamp(words + 2);
    if (count == 5 && !strcmp(words[1], "spawn"))
        return spawn(words[0], words + 2, 1);
    if (count == 5 && !strcmp(words[1], "execute"))
        return spawn(words[0], words + 2, 0);
    fprintf(stderr, "mass apps|swarm|stamp|spawn|execute ..., see mass.c\n");
    return 2;
}
