/*
 * recorded.m - the calls that were recorded from client library 1.18.0, made again with this class
 *
 * The same datagrams leave, byte for byte but for the number of the process, and the properties read the same.
 * The recorder's own heartbeats are doHeartbeat here, so that the test need not take the recording's time; that
 * heartbeats come by themselves is tested in methods.m.
 */

#include <stdio.h>
#include <unistd.h>

#import <schrittmacherclient/schrittmacherclient.h>

#import "harness.h"

static NSString *recording;
static NSMutableArray *called;

static void go_hot(void)
{
    [called addObject:@"go_hot_func called"];
}

static void go_standby(void)
{
    [called addObject:@"go_standby_func called"];
}

/* `[c reportActive:@"why"]` or `[c doHeartbeat]`, as the recorder noted it. */
static void call(SchrittmacherClient *client, NSString *text)
{
    NSString *method = [text substringWithRange:NSMakeRange(3, [text length] - 4)];
    NSRange colon = [method rangeOfString:@":"];
    NSString *argument = nil;

    if (colon.location == NSNotFound) {
        [client performSelector:NSSelectorFromString(method)];
        return;
    }
    argument = [method substringFromIndex:colon.location + 1];
    if ([argument isEqual:@"nil"]) {
        argument = nil;
    } else {
        NSString *json = [NSString stringWithFormat:@"[%@]", [argument substringFromIndex:1]];
        NSData *data = [json dataUsingEncoding:NSUTF8StringEncoding];

        argument = [[NSJSONSerialization JSONObjectWithData:data options:0 error:NULL] objectAtIndex:0];
        CHECK(argument != nil);
    }
    [client performSelector:NSSelectorFromString([method substringToIndex:colon.location + 1]) withObject:argument];
}

static void set(SchrittmacherClient *client, NSDictionary *properties)
{
    NSEnumerator *keys = [properties keyEnumerator];
    NSString *key;

    while ((key = [keys nextObject]) != nil) {
        [client setValue:[properties objectForKey:key] forKey:key];
    }
}

static void check_properties(SchrittmacherClient *client, NSDictionary *line)
{
    CHECK_EQUAL([client currentStateString], [line objectForKey:@"state"]);
    if ([line objectForKey:@"wanted"] != nil) {
        CHECK_EQUAL([client wantedStateString], [line objectForKey:@"wanted"]);
    }
    if ([line objectForKey:@"counter"] != nil) {
        CHECK_EQUAL([NSNumber numberWithInt:client.transiting_counter], [line objectForKey:@"counter"]);
    }
}

/* What one line of the recording says: does it, or checks that it happened. Returns whether a datagram was sent. */
static BOOL replay(SchrittmacherClient *client, Receiver *daemon, NSDictionary *line)
{
    NSString *sent = [line objectForKey:@"sent"];

    if ([line objectForKey:@"call"] != nil) {
        call(client, [line objectForKey:@"call"]);
    } else if ([line objectForKey:@"set"] != nil) {
        set(client, [line objectForKey:@"set"]);
    } else if ([line objectForKey:@"note"] != nil) {
        if ([[line objectForKey:@"note"] hasSuffix:@" called"]) {
            CHECK_EQUAL([called lastObject], [line objectForKey:@"note"]);
            [called removeLastObject];
        }
    } else if (sent != nil) {
        if ([daemon isEmpty]) {
            [client doHeartbeat];
        }
        sent = [sent stringByReplacingOccurrencesOfString:@"\"pid\": 32409"
                                               withString:[NSString stringWithFormat:@"\"pid\": %d", getpid()]];
        CHECK_EQUAL([daemon next], sent);
        return YES;
    } else if ([line objectForKey:@"state"] != nil) {
        check_properties(client, line);
    }
    return NO;
}

static void does_as_client_1_18_0_did(void)
{
    Receiver *daemon = [Receiver receiver];
    SchrittmacherClient *client = [[[SchrittmacherClient alloc] init] autorelease];
    NSString *text = [NSString stringWithContentsOfFile:recording encoding:NSUTF8StringEncoding error:NULL];
    NSEnumerator *lines = [[text componentsSeparatedByString:@"\n"] objectEnumerator];
    NSString *line;
    int sent = 0;

    called = [NSMutableArray array];
    client.resourceId = @"r1";
    client.port = [daemon port];
    client.go_hot_func = go_hot;
    client.go_standby_func = go_standby;
    [client start];
    while ((line = [lines nextObject]) != nil && [line length] > 0) {
        NSData *data = [line dataUsingEncoding:NSUTF8StringEncoding];

        sent += replay(client, daemon, [NSJSONSerialization JSONObjectWithData:data options:0 error:NULL]);
    }
    CHECK(sent == 56); /* else the recording is not whole */
    CHECK([called count] == 0);
    CHECK([daemon isEmpty]);
    [client stop];
}

int main(int argc, char **argv)
{
    static const Test tests[] = {TEST(does_as_client_1_18_0_did)};
    NSAutoreleasePool *pool = [[NSAutoreleasePool alloc] init];
    int result;

    if (argc != 2) {
        fprintf(stderr, "usage: recorded RECORDING\n");
        return 64;
    }
    recording = [NSString stringWithUTF8String:argv[1]];
    result = run_tests(tests, sizeof tests / sizeof *tests);
    [pool release];
    return result;
}
