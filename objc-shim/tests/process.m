/* process.m - a program that a test runs, and what it prints */

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#import "harness.h"
#import "process.h"

extern char **environ;

static pid_t spawn(NSArray *command, int output)
{
    const char *arguments[32] = {NULL};
    posix_spawn_file_actions_t actions;
    pid_t pid;
    NSUInteger i;

    CHECK([command count] < 32);
    for (i = 0; i < [command count]; i++) {
        arguments[i] = [[command objectAtIndex:i] UTF8String];
    }
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
    CHECK(posix_spawn(&pid, arguments[0], &actions, NULL, (char **)arguments, environ) == 0);
    posix_spawn_file_actions_destroy(&actions);
    return pid;
}

@implementation Process

- (instancetype)initWithCommand:(NSArray *)command name:(NSString *)name
{
    self = [super init];
    if (self != nil) {
        int ends[2];

        CHECK(pipe(ends) == 0);
        fcntl(ends[0], F_SETFD, FD_CLOEXEC);
        fcntl(ends[1], F_SETFD, FD_CLOEXEC);
        _name = [name copy];
        _output = ends[0];
        _unread = [[NSMutableString alloc] init];
        _all = [[NSMutableString alloc] init];
        _pid = spawn(command, ends[1]);
        close(ends[1]);
    }
    return self;
}

+ (Process *)run:(NSArray *)command as:(NSString *)name
{
    return [[[self alloc] initWithCommand:command name:name] autorelease];
}

- (void)dealloc
{
    [self end:SIGKILL];
    close(_output);
    [_name release];
    [_unread release];
    [_all release];
    [super dealloc];
}

/* Reads what is there; waits for it. */
- (void)read:(NSString *)expected
{
    struct pollfd ready = {.fd = _output, .events = POLLIN};
    char bytes[4096];
    ssize_t length = 0;

    if (poll(&ready, 1, GUARD_MS) == 1) {
        length = read(_output, bytes, sizeof bytes);
    }
    if (length <= 0) {
        [NSException raise:@"CHECK" format:@"%@ never printed: %@\nbut:\n%@", _name, expected, _all];
    }
    [_unread appendFormat:@"%.*s", (int)length, bytes];
    [_all appendFormat:@"%.*s", (int)length, bytes];
}

- (void)waitFor:(NSString *)text
{
    for (;;) {
        NSRange newline = [_unread rangeOfString:@"\n"];
        NSString *line;

        if (newline.location == NSNotFound) {
            [self read:text];
            continue;
        }
        line = [_unread substringToIndex:newline.location];
        [_unread deleteCharactersInRange:NSMakeRange(0, NSMaxRange(newline))];
        printf("  %s: %s\n", [_name UTF8String], [line UTF8String]);
        if ([line rangeOfString:text].location != NSNotFound) {
            return;
        }
    }
}

- (BOOL)hasPrinted:(NSString *)text
{
    return [_all rangeOfString:text].location != NSNotFound;
}

- (void)end:(int)signo
{
    if (_pid != 0) {
        kill(_pid, signo);
        waitpid(_pid, NULL, 0);
        _pid = 0;
    }
}

@end
