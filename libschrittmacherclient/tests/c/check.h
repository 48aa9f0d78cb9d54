/* Shared by the C test programs: checks that name their line, and a daemon that only listens. */

#ifndef CHECK_H
#define CHECK_H

#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <schrittmacherclient/schrittmacherclient.h>

#define CHECK(condition) \
    do { \
        if (!(condition)) { \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
            exit(1); \
        } \
    } while (0)

#define CHECK_STATUS(expected, call) \
    do { \
        int status_ = (call); \
        if (status_ != (expected)) { \
            fprintf(stderr, "%s:%d: %s gives %d (%s), not %d (%s)\n", __FILE__, __LINE__, #call, status_, \
                    schrittmacher_strerror(status_), (expected), schrittmacher_strerror(expected)); \
            exit(1); \
        } \
    } while (0)

#define CHECK_OK(call) CHECK_STATUS(SCHRITTMACHER_OK, call)

/* Nothing that works takes as long. */
#define HANG_S 60

static inline void begin(void)
{
    alarm(HANG_S);
}

struct fake_daemon {
    int socket;
    int port;
};

static inline struct fake_daemon daemon_new(void)
{
    struct fake_daemon d;
    struct sockaddr_in address;
    struct timeval patience = {HANG_S, 0};
    socklen_t size = sizeof address;

    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    d.socket = socket(AF_INET, SOCK_DGRAM, 0);
    CHECK(d.socket >= 0);
    CHECK(bind(d.socket, (struct sockaddr *)&address, sizeof address) == 0);
    CHECK(getsockname(d.socket, (struct sockaddr *)&address, &size) == 0);
    CHECK(setsockopt(d.socket, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0);
    d.port = ntohs(address.sin_port);
    return d;
}

/* Waits for the next message. */
static inline const char *daemon_hear(struct fake_daemon d)
{
    static char message[2000];
    ssize_t length = recv(d.socket, message, sizeof message - 1, 0);

    CHECK(length > 0);
    message[length] = '\0';
    return message;
}

/* Waits for a message that contains `text`, past others. */
static inline const char *daemon_hear_text(struct fake_daemon d, const char *text)
{
    const char *message;

    do {
        message = daemon_hear(d);
    } while (strstr(message, text) == NULL);
    return message;
}

/* Takes away what has arrived already, and counts it. */
static inline int daemon_drain(struct fake_daemon d)
{
    char message[2000];
    int count = 0;

    while (recv(d.socket, message, sizeof message, MSG_DONTWAIT) >= 0) {
        count++;
    }
    return count;
}

/* A client of that daemon, not started, which beats every 10 ms. */
static inline schrittmacher_client *client_new(struct fake_daemon d)
{
    schrittmacher_client *client;

    CHECK_OK(schrittmacher_client_new(&client));
    CHECK_OK(schrittmacher_client_set_resource_id(client, "r1"));
    CHECK_OK(schrittmacher_client_set_port(client, d.port));
    CHECK_OK(schrittmacher_client_set_heartbeat_interval_ms(client, 10));
    return client;
}

#endif
