/*
 * pair.m - two real daemons, two applications in the style of the public user: failover and back, by order and by death
 *
 * pair DAEMON CONSUMER UNCHANGED
 */

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#import "harness.h"
#import "process.h"

#define PORT 7700
#define HTTP_PORT 7780

static NSString *daemon_program, *consumer_program, *unchanged_program;
static NSString *folder;

/* Addresses that no other run has at the same time. */
static NSString *address_of(int host)
{
    return [NSString stringWithFormat:@"127.%d.%d.%d", 100 + (getpid() >> 16 & 63), getpid() >> 8 & 255,
                                      (getpid() & 63) * 4 + host];
}

static Process *start_daemon(NSString *name, NSString *local, NSString *remote, int port, int httpPort, int priority)
{
    NSString *file = [folder stringByAppendingPathComponent:[name stringByAppendingString:@".conf"]];
    NSString *text = [NSString stringWithFormat:@"group = core\nlocal-address = %@\nremote-address = %@\nport = %d\n"
                                                @"http-port = %d\nsecurity = legacy\nheartbeat = 0.2\ntimeout = 3\n"
                                                @"run-directory = %@/run\nstate-directory = %@/state\n\n"
                                                @"group = resource\nname = switchboard\npriority = %d\n",
                                                local, remote, port, httpPort, folder, folder, priority];
    Process *daemon;

    CHECK([text writeToFile:file atomically:NO encoding:NSUTF8StringEncoding error:NULL]);
    daemon = [Process run:[NSArray arrayWithObjects:daemon_program, @"--config-file", file, nil] as:name];
    [daemon waitFor:@"starts"];
    return daemon;
}

static Process *start_consumer(NSString *name, NSString *address, NSString *option)
{
    return [Process run:[NSArray arrayWithObjects:consumer_program, @"--schrittmacher-id", @"switchboard",
                         @"--schrittmacher-port", [NSString stringWithFormat:@"%d", PORT + 1],
                         @"--daemon-address", address, option, nil] as:name];
}

/* Presses the button on a daemon's page. */
static void fail_over(NSString *address)
{
    struct sockaddr_in page = {.sin_family = AF_INET, .sin_port = htons(HTTP_PORT)};
    NSString *request = [NSString stringWithFormat:@"GET /?failover=switchboard HTTP/1.1\r\nHost: %@\r\n"
                                                   @"Connection: close\r\n\r\n", address];
    char answer[64] = "";
    int connection = socket(AF_INET, SOCK_STREAM, 0);

    inet_pton(AF_INET, [address UTF8String], &page.sin_addr);
    CHECK(connect(connection, (struct sockaddr *)&page, sizeof page) == 0);
    CHECK(write(connection, [request UTF8String], strlen([request UTF8String])) > 0);
    CHECK(recv(connection, answer, sizeof answer - 1, MSG_WAITALL) > 0);
    close(connection);
    CHECK_EQUAL([[NSString stringWithUTF8String:answer] substringToIndex:12], @"HTTP/1.1 200");
}

/* After an order: one side's application has become standby and the other's hot, and the daemons know. */
static void wait_for_switch(Process *fromDaemon, Process *from, Process *toDaemon, Process *to)
{
    [from waitFor:@"USR2"];
    [from waitFor:@"STANDBY"];
    [to waitFor:@"USR1"];
    [to waitFor:@"HOT"];
    [toDaemon waitFor:@"-> Hot"];
    [fromDaemon waitFor:@"-> Standby"];
}

static void fails_over_and_back(void)
{
    NSString *a = address_of(1), *b = address_of(2);
    Process *daemonB = start_daemon(@"daemon b", b, a, PORT, HTTP_PORT, 0);
    Process *appB = start_consumer(@"app b", b, @"--standby");
    Process *daemonA, *appA;

    [appB waitFor:@"STANDBY"];
    [daemonB waitFor:@"-> Standby"];
    daemonA = start_daemon(@"daemon a", a, b, PORT, HTTP_PORT, 10);
    appA = start_consumer(@"app a", a, @"--hot");
    [appA waitFor:@"HOT"];
    [daemonA waitFor:@"-> Hot"];

    fail_over(a);
    wait_for_switch(daemonA, appA, daemonB, appB);
    fail_over(b);
    wait_for_switch(daemonB, appB, daemonA, appA);

    [appA end:SIGKILL];
    [appB waitFor:@"USR1"];
    [appB waitFor:@"HOT"];
    [daemonB waitFor:@"-> Hot"];

    /* It comes back without an option, and is told what to be. */
    appA = start_consumer(@"app a", a, nil);
    [appA waitFor:@"WAITING"];
    [appA waitFor:@"USR2"];
    [appA waitFor:@"STANDBY"];
    [daemonA waitFor:@"-> Standby"];
    CHECK(![appA hasPrinted:@"HOT"]);
    fail_over(b);
    wait_for_switch(daemonB, appB, daemonA, appA);

    [appA end:SIGINT];
    [appA waitFor:@"ended"];
}

static BOOL is_free(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    int probe = socket(AF_INET, SOCK_DGRAM, 0);
    BOOL bound;

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    bound = bind(probe, (struct sockaddr *)&address, sizeof address) == 0;
    close(probe);
    return bound;
}

/* A pair of ports on 127.0.0.1, where the program looks for its daemon. */
static int free_ports(void)
{
    int port = 20000 + getpid() % 10000;

    while (!is_free(port) || !is_free(port + 1)) {
        port++;
        CHECK(port < 32000);
    }
    return port;
}

static void an_unchanged_program_runs_under_the_daemon(void)
{
    int port = free_ports();
    Process *daemon = start_daemon(@"daemon", @"127.0.0.1", address_of(2), port, 0, 0);
    Process *program = [Process run:[NSArray arrayWithObjects:unchanged_program, @"switchboard",
                                     [NSString stringWithFormat:@"%d", port + 1], nil] as:@"unchanged"];

    [program waitFor:@"reported"];
    /* Its heartbeats prove its process; the end of it is noticed at once. */
    [daemon waitFor:@"is the application"];
    [program end:SIGKILL];
    [daemon waitFor:@"has ended"];
}

int main(int argc, char **argv)
{
    static const Test tests[] = {TEST(fails_over_and_back), TEST(an_unchanged_program_runs_under_the_daemon)};
    NSAutoreleasePool *pool = [[NSAutoreleasePool alloc] init];
    char template[] = "/tmp/schrittmacher-objc.XXXXXX";
    int result;

    if (argc != 4 || mkdtemp(template) == NULL) {
        fprintf(stderr, "usage: pair DAEMON CONSUMER UNCHANGED\n");
        return 64;
    }
    daemon_program = [NSString stringWithUTF8String:argv[1]];
    consumer_program = [NSString stringWithUTF8String:argv[2]];
    unchanged_program = [NSString stringWithUTF8String:argv[3]];
    folder = [NSString stringWithUTF8String:template];
    result = run_tests(tests, sizeof tests / sizeof *tests);
    [[NSFileManager defaultManager] removeItemAtPath:folder error:NULL];
    [pool release];
    return result;
}
