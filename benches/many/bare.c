/*
 * The least that taking the reports of applications can cost: epoll, recvmmsg, and nothing done with what was read.
 * bare ADDRESS PORT SECONDS prints the nanoseconds that it took of a core, and the datagrams.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>

#define AT_ONCE 64
#define LENGTH 2048

static long long nanoseconds(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

int main(int count, char **words)
{
    static char room[AT_ONCE][LENGTH];
    static struct sockaddr_in senders[AT_ONCE];
    static struct iovec parts[AT_ONCE];
    static struct mmsghdr headers[AT_ONCE];
    struct sockaddr_in address = { .sin_family = AF_INET };
    struct epoll_event event = { .events = EPOLLIN };

    if (count != 4 || !inet_aton(words[1], &address.sin_addr)) {
        fprintf(stderr, "bare ADDRESS PORT SECONDS\n");
        return 2;
    }
    address.sin_port = htons(atoi(words[2]));
    int from = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    int epoll = epoll_create1(0);
    if (bind(from, (struct sockaddr *)&address, sizeof address) || epoll_ctl(epoll, EPOLL_CTL_ADD, from, &event)) {
        perror("bare");
        return 1;
    }
    for (int i = 0; i < AT_ONCE; i++) {
        parts[i] = (struct iovec){ room[i], LENGTH };
        headers[i].msg_hdr = (struct msghdr){ .msg_name = &senders[i], .msg_iov = &parts[i], .msg_iovlen = 1 };
    }
    long long end = nanoseconds(CLOCK_MONOTONIC) + atoi(words[3]) * 1000000000LL;
    long long before = nanoseconds(CLOCK_PROCESS_CPUTIME_ID), taken = 0;
    while (nanoseconds(CLOCK_MONOTONIC) < end) {
        if (epoll_wait(epoll, &event, 1, 100) < 1)
            continue;
        for (int i = 0; i < AT_ONCE; i++)
            headers[i].msg_hdr.msg_namelen = sizeof senders[i];
        int got = recvmmsg(from, headers, AT_ONCE, MSG_DONTWAIT, NULL);
        if (got > 0)
            taken += got;
    }
    printf("%lld %lld\n", nanoseconds(CLOCK_PROCESS_CPUTIME_ID) - before, taken);
    return 0;
}
