/*
 * Notes when a core gave no time even to the greatest real-time priority: what a daemon cannot be blamed for.
 * watcher MILLISECONDS prints the end of each such gap that was longer: CLOCK_REALTIME and its length, both in milliseconds.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#define STEP 500000

static double limit;

static double milliseconds(clockid_t clock)
{
    struct timespec time;
    clock_gettime(clock, &time);
    return time.tv_sec * 1e3 + time.tv_nsec / 1e6;
}

static void *watch(void *core)
{
    cpu_set_t own;
    struct sched_param priority = { .sched_priority = 99 };
    struct timespec step = { 0, STEP };
    CPU_ZERO(&own);
    CPU_SET((intptr_t)core, &own);
    if (pthread_setaffinity_np(pthread_self(), sizeof own, &own)
        || pthread_setschedparam(pthread_self(), SCHED_FIFO, &priority)) {
        fprintf(stderr, "no real-time priority\n");
        exit(1);
    }
    for (double before = milliseconds(CLOCK_MONOTONIC);;) {
        clock_nanosleep(CLOCK_MONOTONIC, 0, &step, NULL);
        double now = milliseconds(CLOCK_MONOTONIC);
        if (now - before > limit) {
            printf("%.3f %.3f\n", milliseconds(CLOCK_REALTIME), now - before);
            fflush(stdout);
        }
        before = now;
    }
    return NULL;
}

int main(int count, char **words)
{
    pthread_t thread;
    intptr_t cores = sysconf(_SC_NPROCESSORS_ONLN);
    if (count != 2) {
        fprintf(stderr, "watcher MILLISECONDS\n");
        return 2;
    }
    limit = atof(words[1]);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (intptr_t core = 1; core < cores; core++)
        pthread_create(&thread, NULL, watch, (void *)core);
    watch(0);
    return 0;
}
