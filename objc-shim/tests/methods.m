/*
 * methods.m - every property, method, constant and exception, against a socket that is used as the daemon
 *
 * SUPERCLASS is the name that the compiler is given for what the class has to inherit from.
 */

#include <unistd.h>

#import <libschrittmacher/libschrittmacher.h>

#import "harness.h"

/* ---- constants ---- */

static void constants_are_those_of_1_18_0(void)
{
    CHECK(SchrittmacherClientWantedState_hot == 101);
    CHECK(SchrittmacherClientWantedState_standby == 102);
    CHECK(SchrittmacherClientCurrentState_inactive == 200);
    CHECK(SchrittmacherClientCurrentState_active == 201);
    CHECK(SchrittmacherClientCurrentState_failed == 202);
    CHECK(SchrittmacherClientCurrentState_unknown == 203);
    CHECK(SchrittmacherClientCurrentState_transiting_to_hot == 204);
    CHECK(SchrittmacherClientCurrentState_transiting_to_standby == 205);
    CHECK_EQUAL(MESSAGE_LOCAL_HOT, @"LHOT");
    CHECK_EQUAL(MESSAGE_LOCAL_STANDBY, @"LSBY");
    CHECK_EQUAL(MESSAGE_LOCAL_STDBY, @"LSBY");
    CHECK_EQUAL(MESSAGE_LOCAL_UNKNOWN, @"LUNK");
    CHECK_EQUAL(MESSAGE_LOCAL_FAIL, @"LFAI");
    CHECK_EQUAL(MESSAGE_LOCAL_TRANSITING_TO_HOT, @"L2HT");
    CHECK_EQUAL(MESSAGE_LOCAL_TRANSITING_TO_STANDBY, @"L2SB");
    CHECK_EQUAL(MESSAGE_LOCAL_REQUEST_FAILOVER, @"LRFO");
    CHECK_EQUAL(MESSAGE_LOCAL_REQUEST_TAKEOVER, @"LRTO");
    CHECK(UMLOG_DEBUG == 0 && UMLOG_INFO == 1 && UMLOG_WARNING == 2 && UMLOG_MINOR == 3 && UMLOG_MAJOR == 4);
    CHECK(UMLOG_PANIC == 5 && UMLOG_UNDEFINED == -1);
}

/* ---- properties ---- */

static void the_superclass_is_that_of_this_build(void)
{
    CHECK_EQUAL(NSStringFromClass([SchrittmacherClient superclass]), SUPERCLASS);
}

/* ulib raises an exception for a name that was never set. */
static void check_statistics_name(SchrittmacherClient *client)
{
    if (SCHRITTMACHER_WITH_ULIB) {
        CHECK_RAISES(NSInvalidArgumentException, [client objectStatisticsName]);
    } else {
        CHECK(client.objectStatisticsName == nil);
    }
}

static void a_new_client_has_the_defaults_of_1_18_0(void)
{
    SchrittmacherClient *client = [[[SchrittmacherClient alloc] init] autorelease];

    CHECK(client.resourceId == nil && client.daemonAddress == nil && client.type == nil && client.host == nil);
    CHECK(client.failureReason == nil && client.delegate == nil && client.logFeed == nil);
    check_statistics_name(client);
    CHECK(client.port == 7701 && client.addressType == 4 && client.adminweb_port == 0);
    CHECK(client.max_transiting_counter == 30 && client.transiting_counter == 0);
    CHECK(client.go_hot_func == NULL && client.go_standby_func == NULL);
    CHECK(client.wantedState == 0 && client.currentState == 0);
    CHECK(client.loggingEnabled == NO && client.logLevel == UMLOG_DEBUG);
    CHECK_EQUAL([client wantedStateString], @"unknown wanted state 0");
    CHECK_EQUAL([client currentStateString], @"unknown current state 0");
}

static void nothing(void)
{
}

static void what_is_set_can_be_read(void)
{
    SchrittmacherClient *client = [[[SchrittmacherClient alloc] init] autorelease];
    NSDictionary *values = [NSDictionary dictionaryWithObjectsAndKeys:
        @"größe", @"resourceId", @"127.0.0.9", @"daemonAddress", @"smsc", @"type", @"h1", @"host",
        @"disk", @"failureReason", @"me", @"delegate", @"stat", @"objectStatisticsName",
        [NSNumber numberWithInt:1234], @"port", [NSNumber numberWithInt:6], @"addressType",
        [NSNumber numberWithInt:8080], @"adminweb_port", [NSNumber numberWithInt:7], @"max_transiting_counter",
        [NSNumber numberWithInt:3], @"transiting_counter", [NSNumber numberWithBool:YES], @"loggingEnabled", nil];
    NSEnumerator *keys = [values keyEnumerator];
    NSString *key;

    /* By key-value coding, and so by the accessors. */
    while ((key = [keys nextObject]) != nil) {
        [client setValue:[values objectForKey:key] forKey:key];
        CHECK_EQUAL([client valueForKey:key], [values objectForKey:key]);
    }
    client.resourceId = nil;
    CHECK(client.resourceId == nil);

    client.go_hot_func = nothing;
    client.go_standby_func = nothing;
    CHECK(client.go_hot_func == nothing && client.go_standby_func == nothing);
    client.go_hot_func = NULL;
    CHECK(client.go_hot_func == NULL);

    client.logLevel = UMLOG_MAJOR;
    CHECK(client.logLevel == UMLOG_MAJOR);
    client.logLevel = UMLOG_UNDEFINED;
    CHECK(client.logLevel == UMLOG_UNDEFINED);
}

static void states_have_their_texts(void)
{
    SchrittmacherClient *client = [[[SchrittmacherClient alloc] init] autorelease];
    const char *texts[] = {"inactive", "active", "failed", "unknown", "transiting-to-hot", "transiting-to-standby"};
    int i;

    for (i = 0; i < 6; i++) {
        client.currentState = (SchrittmacherClientCurrentState)(200 + i);
        CHECK((int)client.currentState == 200 + i);
        CHECK_EQUAL([client currentStateString], [NSString stringWithUTF8String:texts[i]]);
    }
    client.wantedState = SchrittmacherClientWantedState_hot;
    CHECK_EQUAL([client wantedStateString], @"hot");
    client.wantedState = SchrittmacherClientWantedState_standby;
    CHECK(client.wantedState == SchrittmacherClientWantedState_standby);
    CHECK_EQUAL([client wantedStateString], @"standby");
}

static void what_cannot_be_is_refused_and_logged(void)
{
    SchrittmacherClient *client = [[[SchrittmacherClient alloc] init] autorelease];
    Feed *feed = [[[Feed alloc] init] autorelease];
    NSString *tooLong = [@"" stringByPaddingToLength:256 withString:@"x" startingAtIndex:0];

    client.resourceId = @"r1";
    client.logFeed = feed;
    client.loggingEnabled = YES;
    client.port = 70000;
    client.addressType = 5;
    client.adminweb_port = -1;
    client.max_transiting_counter = -1;
    client.transiting_counter = -1;
    client.wantedState = (SchrittmacherClientWantedState)7;
    client.currentState = (SchrittmacherClientCurrentState)7;
    client.resourceId = tooLong;
    client.host = tooLong;
    client.type = tooLong;
    CHECK([[feed lines] count] == 10);
    CHECK(client.port == 7701 && client.addressType == 4 && client.adminweb_port == 0);
    CHECK(client.max_transiting_counter == 30 && client.transiting_counter == 0);
    CHECK(client.wantedState == 0 && client.currentState == 0);
    CHECK_EQUAL(client.resourceId, @"r1");
    CHECK(client.host == nil && client.type == nil);

    client.daemonAddress = @"no such address";
    [client start];
    CHECK_EQUAL([feed lines], [NSArray arrayWithObject:@"MAJOR start: the daemon address cannot be resolved"]);
}

static void the_delegate_is_kept_and_never_called(void)
{
    NSObject *delegate = [[NSObject alloc] init];
    SchrittmacherClient *client = [[SchrittmacherClient alloc] init];

    client.delegate = delegate;
    CHECK([delegate retainCount] == 2);
    [client release];
    CHECK([delegate retainCount] == 1);
    [delegate release];
    CHECK(protocol_conformsToProtocol(@protocol(SchrittmacherClientDelegate), @protocol(NSObject)));
}

/* ---- what is sent ---- */

static void every_report_sends_its_status(void)
{
    static const struct
    {
        const char *method;
        NSString *status;
        int state;
    } reports[] = {
        {"reportActive", @"LHOT", 201},          {"reportActive:", @"LHOT", 201},
        {"reportInactive", @"LSBY", 200},        {"reportInactive:", @"LSBY", 200},
        {"reportFailed:", @"LFAI", 202},         {"reportUnknown", @"LUNK", 203},
        {"reportUnknown:", @"LUNK", 203},        {"reportTransitingToHot", @"L2HT", 204},
        {"reportTransitingToHot:", @"L2HT", 204}, {"reportTransitingToStandby", @"L2SB", 205},
        {"reportTransitingToStandby:", @"L2SB", 205}, {"heartbeatHot", @"LHOT", 201},
        {"heartbeatStandby", @"LSBY", 200},      {"heartbeatUnknown", @"LUNK", 203},
        {"notifyFailure", @"LFAI", 202},
    };
    Receiver *daemon = [Receiver receiver];
    SchrittmacherClient *client = client_for(daemon);
    size_t i;

    for (i = 0; i < sizeof reports / sizeof *reports; i++) {
        NSString *method = [NSString stringWithUTF8String:reports[i].method];
        NSString *reason = [method hasSuffix:@":"] ? @"größer" : nil;

        [client performSelector:NSSelectorFromString(method) withObject:reason];
        CHECK_EQUAL([daemon next], datagram(reports[i].status, reason));
        CHECK((int)client.currentState == reports[i].state);
        [client doHeartbeat];
        CHECK_EQUAL([daemon next], datagram(reports[i].status, reason));
    }
    [client requestTakeover];
    CHECK_EQUAL([daemon next], datagram(@"LRTO", @"user-requested"));
    [client requestFailover];
    CHECK_EQUAL([daemon next], datagram(@"LRFO", @"user-requested"));
    CHECK([daemon isEmpty]);
}

static void the_oldest_methods_send_too(void)
{
    NSArray *states = [NSArray arrayWithObjects:MESSAGE_LOCAL_HOT, MESSAGE_LOCAL_STDBY, MESSAGE_LOCAL_UNKNOWN,
        MESSAGE_LOCAL_FAIL, MESSAGE_LOCAL_TRANSITING_TO_HOT, MESSAGE_LOCAL_TRANSITING_TO_STANDBY, nil];
    Receiver *daemon = [Receiver receiver];
    SchrittmacherClient *client = client_for(daemon);
    Feed *feed = [[[Feed alloc] init] autorelease];
    NSUInteger i;

    [client heartbeat:YES];
    CHECK_EQUAL([daemon next], datagram(@"LHOT", nil));
    [client heartbeat:NO];
    CHECK_EQUAL([daemon next], datagram(@"LSBY", nil));
    for (i = 0; i < [states count]; i++) {
        [client sendStatus:[states objectAtIndex:i]];
        CHECK_EQUAL([daemon next], datagram([states objectAtIndex:i], nil));
    }
    [client sendStatus:MESSAGE_LOCAL_REQUEST_FAILOVER];
    CHECK_EQUAL([daemon next], datagram(@"LRFO", @"user-requested"));
    [client sendStatus:MESSAGE_LOCAL_REQUEST_TAKEOVER];
    CHECK_EQUAL([daemon next], datagram(@"LRTO", @"user-requested"));

    client.logFeed = feed;
    client.loggingEnabled = YES;
    [client sendStatus:@"HOTT"];
    CHECK_EQUAL([feed lines], [NSArray arrayWithObject:@"MAJOR sendStatus: an argument is out of range"]);
    CHECK([daemon isEmpty]);
}

static void heartbeats_come_by_themselves(void)
{
    Receiver *daemon = [Receiver receiver];
    SchrittmacherClient *client = client_for(daemon);
    NSDate *begin;
    NSTimeInterval took;

    [client doHeartbeat];
    CHECK([daemon isEmpty]); /* nothing was reported yet */
    [client reportActive:@"why"];
    [daemon next];
    begin = [NSDate date];
    CHECK_EQUAL([daemon next], datagram(@"LHOT", @"why"));
    CHECK_EQUAL([daemon next], datagram(@"LHOT", @"why"));
    took = -[begin timeIntervalSinceNow];
    /* 3.0 s, counted from start; the first report can only have been later. */
    CHECK(took > 2.0 && took < GUARD_MS / 1000);
}

/* Sends every second heartbeat, and something else in between. */
@interface Skipper : SchrittmacherClient
{
    int _beats;
    BOOL _onAnotherThread;
}
- (BOOL)onAnotherThread;
@end

@implementation Skipper

- (void)doHeartbeat
{
    if (![NSThread isMainThread]) {
        _onAnotherThread = YES;
        if (_beats++ % 2 == 0) {
            [self requestTakeover];
            return;
        }
    }
    [super doHeartbeat];
}

- (BOOL)onAnotherThread
{
    return _onAnotherThread;
}

@end

static void a_subclass_decides_about_each_heartbeat(void)
{
    Receiver *daemon = [Receiver receiver];
    Skipper *client = (Skipper *)client_of([Skipper class], daemon);

    [client reportActive];
    CHECK_EQUAL([daemon next], datagram(@"LHOT", nil));
    CHECK_EQUAL([daemon next], datagram(@"LRTO", @"user-requested"));
    CHECK_EQUAL([daemon next], datagram(@"LHOT", nil));
    CHECK([client onAnotherThread]);
}

static void a_stopped_client_keeps_what_is_reported_for_later(void)
{
    Receiver *daemon = [Receiver receiver];
    SchrittmacherClient *client = client_for(daemon);

    [client stop];
    [client reportInactive];
    CHECK([daemon isEmpty]);
    CHECK(client.currentState == SchrittmacherClientCurrentState_inactive);
    [client start];
    CHECK([daemon isEmpty]);
    CHECK_EQUAL([daemon next], datagram(@"LSBY", nil)); /* the heartbeat */
    [client start]; /* anew */
    [client doHeartbeat];
    CHECK_EQUAL([daemon next], datagram(@"LSBY", nil));
}

static void texts_of_any_length_do_no_harm(void)
{
    Receiver *daemon = [Receiver receiver];
    SchrittmacherClient *client = client_for(daemon);

    [client log:nil];
    [client reportActive:@""];
    CHECK_EQUAL([daemon next], datagram(@"LHOT", nil));
    [client reportFailed:[@"" stringByPaddingToLength:100000 withString:@"ü" startingAtIndex:0]];
    CHECK([[[daemon next] dataUsingEncoding:NSUTF8StringEncoding] length] <= 1400);
}

/* ---- orders ---- */

static int hot_calls, standby_calls;
static SchrittmacherClient *ordered;
static BOOL is_on_its_way;

static void count_hot(void)
{
    hot_calls++;
    is_on_its_way = ordered.currentState == SchrittmacherClientCurrentState_transiting_to_hot;
}

static void count_standby(void)
{
    standby_calls++;
    [ordered reportInactive];
}

static void raise_an_exception(void)
{
    [NSException raise:@"MINE" format:@"of the application"];
}

static void an_order_calls_the_function_once(void)
{
    Receiver *daemon = [Receiver receiver];

    ordered = client_for(daemon);
    ordered.go_hot_func = count_hot;
    ordered.go_standby_func = count_standby;
    [ordered signalGoHot];
    [ordered signalGoHot];
    CHECK(hot_calls == 1 && is_on_its_way);
    CHECK(ordered.wantedState == SchrittmacherClientWantedState_hot);
    CHECK([daemon isEmpty]);
    [ordered reportActive];
    CHECK_EQUAL([daemon next], datagram(@"LHOT", nil));
    [ordered signalGoHot];
    CHECK(hot_calls == 1);
    [ordered signalGoStandby];
    CHECK(standby_calls == 1);
    CHECK_EQUAL([daemon next], datagram(@"LSBY", nil));
    ordered = nil;
}

static void an_exception_comes_out_of_the_order(void)
{
    SchrittmacherClient *client = client_for([Receiver receiver]);

    client.go_hot_func = raise_an_exception;
    CHECK_RAISES(@"MINE", [client signalGoHot]);
    CHECK(client.currentState == SchrittmacherClientCurrentState_transiting_to_hot);
    [client signalGoStandby]; /* does not raise it again */
}

static void an_order_without_a_function_is_logged(void)
{
    SchrittmacherClient *client = client_for([Receiver receiver]);
    Feed *feed = [[[Feed alloc] init] autorelease];

    client.logFeed = feed;
    [client signalGoStandby];
    CHECK([[feed lines] count] == 0);
    client.loggingEnabled = YES;
    [client signalGoHot];
    CHECK([[feed lines] containsObject:@"MAJOR there is no go-hot function"]);
}

/* ---- exceptions ---- */

static void sending_without_a_resource_raises(void)
{
    SchrittmacherClient *client = [[[SchrittmacherClient alloc] init] autorelease];

    CHECK_RAISES(@"INV_RES_ID", [client reportActive]);
    CHECK_RAISES(@"INV_RES_ID", [client reportActive:@"why"]);
    CHECK_RAISES(@"INV_RES_ID", [client reportInactive]);
    CHECK_RAISES(@"INV_RES_ID", [client reportUnknown]);
    CHECK_RAISES(@"INV_RES_ID", [client reportFailed:nil]);
    CHECK_RAISES(@"INV_RES_ID", [client reportTransitingToHot]);
    CHECK_RAISES(@"INV_RES_ID", [client reportTransitingToStandby]);
    CHECK_RAISES(@"INV_RES_ID", [client doHeartbeat]);
    CHECK_RAISES(@"INV_RES_ID", [client requestTakeover]);
    CHECK_RAISES(@"INV_RES_ID", [client requestFailover]);
    CHECK_RAISES(@"INV_RES_ID", [client heartbeatHot]);
    CHECK_RAISES(@"INV_RES_ID", [client heartbeatStandby]);
    CHECK_RAISES(@"INV_RES_ID", [client heartbeatUnknown]);
    CHECK_RAISES(@"INV_RES_ID", [client notifyFailure]);
    CHECK_RAISES(@"INV_RES_ID", [client heartbeat:YES]);
    CHECK_RAISES(@"INV_RES_ID", [client sendStatus:MESSAGE_LOCAL_HOT]);
    CHECK_RAISES(@"INV_DATA", [client sendStatus:nil]);
}

/* The legacy library's heartbeat thread ended the process here. */
static void heartbeats_without_a_resource_raise_nothing(void)
{
    Receiver *daemon = [Receiver receiver];
    SchrittmacherClient *client = client_for(daemon);
    int waited;

    [client reportTransitingToHot];
    CHECK_EQUAL([daemon next], datagram(@"L2HT", nil));
    client.resourceId = nil;
    for (waited = 0; client.transiting_counter < 2 && waited < GUARD_MS; waited += 10) {
        usleep(10000);
    }
    CHECK(client.transiting_counter == 2); /* there was a heartbeat */
    CHECK([daemon isEmpty]);
    client.resourceId = @"r1";
    CHECK_EQUAL([daemon next], datagram(@"L2HT", nil));
}

int main(void)
{
    static const Test tests[] = {
        TEST(constants_are_those_of_1_18_0),
        TEST(the_superclass_is_that_of_this_build),
        TEST(a_new_client_has_the_defaults_of_1_18_0),
        TEST(what_is_set_can_be_read),
        TEST(states_have_their_texts),
        TEST(what_cannot_be_is_refused_and_logged),
        TEST(the_delegate_is_kept_and_never_called),
        TEST(every_report_sends_its_status),
        TEST(the_oldest_methods_send_too),
        TEST(heartbeats_come_by_themselves),
        TEST(a_subclass_decides_about_each_heartbeat),
        TEST(a_stopped_client_keeps_what_is_reported_for_later),
        TEST(texts_of_any_length_do_no_harm),
        TEST(an_order_calls_the_function_once),
        TEST(an_exception_comes_out_of_the_order),
        TEST(an_order_without_a_function_is_logged),
        TEST(sending_without_a_resource_raises),
        TEST(heartbeats_without_a_resource_raise_nothing),
    };
    NSAutoreleasePool *pool = [[NSAutoreleasePool alloc] init];
    int result = run_tests(tests, sizeof tests / sizeof *tests);

    [pool release];
    return result;
}
