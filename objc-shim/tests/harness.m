/* harness.m - what the tests of the Objective-C library share */

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#import "harness.h"

void check_equal(const char *file, int line, const char *what, id found, id expected)
{
    if (found != expected && ![found isEqual:expected]) {
        [NSException raise:@"CHECK" format:@"%s:%d: %s is\n%@\nnot\n%@", file, line, what, found, expected];
    }
}

/* There if the program runs with LeakSanitizer. */
extern void __lsan_disable(void) __attribute__((weak));
extern void __lsan_enable(void) __attribute__((weak));

/* Makes Foundation allocate what it allocates once and never frees, without that being taken for a leak. */
static void warm_up(void)
{
    if (__lsan_disable == NULL) {
        return;
    }
    __lsan_disable();
    NSLog(@"warm");
    [[Receiver receiver] valueForKey:@"port"];
    __lsan_enable();
}

/* The clients of the test that runs. A started client lives until it is stopped. */
static NSMutableArray *started;

static BOOL run_test(const Test *test)
{
    BOOL passed = YES;
    NSAutoreleasePool *pool = [[NSAutoreleasePool alloc] init];

    started = [NSMutableArray array];
    @try {
        test->run();
    } @catch (NSException *exception) {
        printf("%s: %s: %s\n", test->name, [[exception name] UTF8String], [[exception reason] UTF8String]);
        passed = NO;
    }
    [started makeObjectsPerformSelector:@selector(stop)];
    started = nil;
    printf("test %s ... %s\n", test->name, passed ? "ok" : "FAILED");
    fflush(stdout);
    [pool release];
    return passed;
}

int run_tests(const Test *tests, size_t count)
{
    size_t passed = 0;
    size_t i;

    warm_up();
    for (i = 0; i < count; i++) {
        passed += run_test(&tests[i]);
    }
    printf("test result: %s. %zu passed; %zu failed; 0 ignored\n", passed == count ? "ok" : "FAILED", passed,
           count - passed);
    return passed == count ? 0 : 1;
}

@implementation Receiver

- (instancetype)init
{
    self = [super init];
    if (self != nil) {
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

        _socket = socket(AF_INET, SOCK_DGRAM, 0);
        CHECK(bind(_socket, (struct sockaddr *)&address, sizeof address) == 0);
    }
    return self;
}

- (void)dealloc
{
    close(_socket);
    [super dealloc];
}

- (int)port
{
    struct sockaddr_in address;
    socklen_t size = sizeof address;

    CHECK(getsockname(_socket, (struct sockaddr *)&address, &size) == 0);
    return ntohs(address.sin_port);
}

- (BOOL)waitFor:(int)milliseconds
{
    struct pollfd ready = {.fd = _socket, .events = POLLIN};

    return poll(&ready, 1, milliseconds) == 1;
}

- (NSString *)next
{
    char bytes[65536];
    ssize_t length;

    CHECK([self waitFor:GUARD_MS]);
    length = recv(_socket, bytes, sizeof bytes, 0);
    CHECK(length >= 0);
    return [[[NSString alloc] initWithBytes:bytes length:(NSUInteger)length encoding:NSUTF8StringEncoding] autorelease];
}

- (BOOL)isEmpty
{
    return ![self waitFor:0];
}

+ (Receiver *)receiver
{
    return [[[self alloc] init] autorelease];
}

@end

NSString *datagram(NSString *status, NSString *reason)
{
    NSString *line = reason != nil ? [NSString stringWithFormat:@"  \"reason\": \"%@\",\n", reason] : @"";

    return [NSString stringWithFormat:@"{\n  \"random\": 0,\n  \"pid\": %d,\n  \"status\": \"%@\",\n"
                                      @"  \"resource\": \"r1\",\n%@  \"priority\": 0\n}",
                                      getpid(), status, line];
}

SchrittmacherClient *client_of(Class class, Receiver *daemon)
{
    SchrittmacherClient *client = [[[class alloc] init] autorelease];

    [started addObject:client];
    client.resourceId = @"r1";
    client.port = [daemon port];
    [client start];
    return client;
}

SchrittmacherClient *client_for(Receiver *daemon)
{
    return client_of([SchrittmacherClient class], daemon);
}

@implementation Feed

- (instancetype)init
{
    self = [super init];
    if (self != nil) {
        _lines = [[NSMutableArray alloc] init];
    }
    return self;
}

- (void)dealloc
{
    [_lines release];
    [super dealloc];
}

- (void)add:(NSString *)level text:(NSString *)text
{
    @synchronized(self) {
        [_lines addObject:[NSString stringWithFormat:@"%@ %@", level, text]];
    }
}

- (void)debugText:(NSString *)text
{
    [self add:@"DEBUG" text:text];
}

- (void)infoText:(NSString *)text
{
    [self add:@"INFO" text:text];
}

- (void)warningText:(NSString *)text
{
    [self add:@"WARNING" text:text];
}

- (void)majorErrorText:(NSString *)text
{
    [self add:@"MAJOR" text:text];
}

- (NSArray *)lines
{
    @synchronized(self) {
        NSArray *lines = [NSArray arrayWithArray:_lines];

        [_lines removeAllObjects];
        return lines;
    }
}

@end
