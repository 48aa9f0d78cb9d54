/*
 * consumer.m - an application in the style of the one public user of the class
 *
 * Its options, the order of its calls, its signal counters, its run loop: as there. It compiles with and without ARC,
 * and like its model never releases anything. One option is new: --daemon-address, since here two of them live on
 * one machine.
 */

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#import <Foundation/Foundation.h>
#import <schrittmacherclient/schrittmacherclient.h>

static volatile sig_atomic_t hup_count, int_count, usr1_count, usr2_count;

static void count_signal(int signo)
{
    switch (signo) {
    case SIGHUP: hup_count++; break;
    case SIGINT: int_count++; break;
    case SIGUSR1: usr1_count++; break;
    case SIGUSR2: usr2_count++; break;
    }
}

static void say(NSString *text)
{
    printf("%s\n", [text UTF8String]);
    fflush(stdout);
}

static BOOL has_option(NSString *option)
{
    return [[[NSProcessInfo processInfo] arguments] containsObject:option];
}

static NSString *value_of(NSString *option)
{
    NSArray *arguments = [[NSProcessInfo processInfo] arguments];
    NSUInteger place = [arguments indexOfObject:option];

    return place != NSNotFound && place + 1 < [arguments count] ? [arguments objectAtIndex:place + 1] : nil;
}

typedef enum SchrittmacherMode
{
    SchrittmacherMode_unknown = 0,
    SchrittmacherMode_hot = 1,
    SchrittmacherMode_standby = 2
} SchrittmacherMode;

/* ---- the base class, as in the public code ---- */

@interface AppDelegate : NSObject
{
    SchrittmacherClient *_schrittmacherClient;
    SchrittmacherMode _schrittmacherMode;
    BOOL _startInStandby;
    BOOL _mustQuit;
}
- (void)startClient;
- (void)applicationGoToHot;
- (void)applicationGoToStandby;
- (void)run;
@end

@implementation AppDelegate

- (void)startClient
{
    NSString *resource = value_of(@"--schrittmacher-id");
    NSString *port = value_of(@"--schrittmacher-port");

    if (resource == nil || port == nil) {
        return;
    }
    _schrittmacherClient = [[SchrittmacherClient alloc] init];
    _schrittmacherClient.resourceId = resource;
    _schrittmacherClient.port = [port intValue];
    _schrittmacherClient.addressType = 4;
    _schrittmacherClient.daemonAddress = value_of(@"--daemon-address");
    [_schrittmacherClient start];
    if (has_option(@"--standby")) {
        [_schrittmacherClient reportTransitingToStandby];
        _startInStandby = YES;
    } else if (has_option(@"--hot")) {
        [_schrittmacherClient reportTransitingToHot];
        _startInStandby = NO;
    } else {
        [_schrittmacherClient reportUnknown];
        _startInStandby = YES; /* schrittmacher will tell us */
    }
    [_schrittmacherClient doHeartbeat];
}

- (void)applicationGoToHot
{
}

- (void)applicationGoToStandby
{
}

- (void)checkSignals
{
    if (hup_count > 0) {
        hup_count--;
    }
    if (int_count > 0) {
        int_count--;
        _mustQuit = YES;
    }
    if (usr1_count > 0) {
        usr1_count--;
        _schrittmacherMode = SchrittmacherMode_hot;
        [self applicationGoToHot];
    }
    if (usr2_count > 0) {
        usr2_count--;
        _schrittmacherMode = SchrittmacherMode_standby;
        [self applicationGoToStandby];
    }
}

- (void)tick:(NSTimer *)timer
{
    (void)timer; /* a run loop without any source would not wait */
}

- (void)run
{
    [NSTimer scheduledTimerWithTimeInterval:0.1 target:self selector:@selector(tick:) userInfo:nil repeats:YES];
    while (!_mustQuit) {
        SMC_POOL_BEGIN
        [[NSRunLoop currentRunLoop] runMode:NSDefaultRunLoopMode beforeDate:[NSDate dateWithTimeIntervalSinceNow:1.0]];
        [self checkSignals];
        SMC_POOL_END
    }
}

@end

/* ---- the subclass, of which there is no public code ---- */

@interface Switchboard : AppDelegate
- (void)startInstances;
- (void)stopInstances;
- (void)startUp;
@end

static Switchboard *switchboard;

static void go_hot(void)
{
    [switchboard startInstances];
}

static void go_standby(void)
{
    [switchboard stopInstances];
}

@implementation Switchboard

- (void)startInstances
{
    [_schrittmacherClient reportActive];
    say(@"HOT");
}

- (void)stopInstances
{
    [_schrittmacherClient reportInactive];
    say(@"STANDBY");
}

- (void)applicationGoToHot
{
    say(@"USR1");
    [_schrittmacherClient signalGoHot];
}

- (void)applicationGoToStandby
{
    say(@"USR2");
    [_schrittmacherClient signalGoStandby];
}

- (void)startUp
{
    _schrittmacherClient.go_hot_func = go_hot;
    _schrittmacherClient.go_standby_func = go_standby;
    if (!_startInStandby) {
        [self startInstances];
    } else if (_schrittmacherClient.currentState == SchrittmacherClientCurrentState_transiting_to_standby) {
        [self stopInstances];
    } else {
        say(@"WAITING");
    }
}

@end

int main(void)
{
    static const int signals[] = {SIGHUP, SIGINT, SIGUSR1, SIGUSR2};
    size_t i;

    SMC_POOL_BEGIN
    /* Before the first heartbeat tells the daemon whom to signal. */
    for (i = 0; i < sizeof signals / sizeof *signals; i++) {
        signal(signals[i], count_signal);
    }
    switchboard = [[Switchboard alloc] init];
    [switchboard startClient];
    [switchboard startUp];
    [switchboard run];
    say(@"ended");
    SMC_POOL_END
    return 0;
}
