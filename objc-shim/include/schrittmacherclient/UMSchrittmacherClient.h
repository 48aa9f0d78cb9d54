/*
 * UMSchrittmacherClient.h - the class SchrittmacherClient
 *
 *     #import <schrittmacherclient/schrittmacherclient.h>
 *
 *     client = [[SchrittmacherClient alloc] init];
 *     client.resourceId = @"my-service";
 *     [client start];
 *     [client reportUnknown];
 *
 * The daemon orders with signals: SIGUSR1 "become hot", SIGUSR2 "become standby". The class has no handler for
 * them. The application's handler sets a flag, and its run loop then calls signalGoHot or signalGoStandby, or
 * switches by itself and reports.
 *
 * Methods may be called from every thread, none from a signal handler. What a method is about in detail stands
 * with the C function of the same name in schrittmacherclient.h.
 *
 * Exceptions: INV_RES_ID from whatever sends, if there is no resourceId; INV_DATA from sendStatus:nil. Nothing
 * else is raised, and the heartbeat thread raises nothing. What is sent before start and after stop is dropped,
 * but the reported state is kept. A property that is set to what it cannot be keeps its value, and the log feed,
 * or else NSLog(), is told.
 *
 * After a fork() the child may go on with an object that the parent started: its first call there opens a socket
 * and a heartbeat thread of the child's own.
 */

#ifndef UMSCHRITTMACHERCLIENT_H
#define UMSCHRITTMACHERCLIENT_H

#import <schrittmacherclient/SMCompat.h>
#include <schrittmacherclient/schrittmacherclient.h>

/** What the daemon wants the application to be. */
typedef enum SchrittmacherClientWantedState
{
    SchrittmacherClientWantedState_hot = 101,
    SchrittmacherClientWantedState_standby = 102
} SchrittmacherClientWantedState;

/** What the application is. */
typedef enum SchrittmacherClientCurrentState
{
    SchrittmacherClientCurrentState_inactive = 200, /* standby */
    SchrittmacherClientCurrentState_active = 201,   /* hot */
    SchrittmacherClientCurrentState_failed = 202,
    SchrittmacherClientCurrentState_unknown = 203,
    SchrittmacherClientCurrentState_transiting_to_hot = 204,
    SchrittmacherClientCurrentState_transiting_to_standby = 205
} SchrittmacherClientCurrentState;

@interface SchrittmacherClient : SMC_SUPERCLASS
{
@private
    schrittmacher_client *_client;
    int _startedBy; /* process that called start; 0 if stopped */
    id _delegate;
    schrittmacher_func_ptr _go_hot_func;
    schrittmacher_func_ptr _go_standby_func;
    UMLogLevel _logLevel;
}

/* ---- settings: set them before start; a started client goes over to a new daemon address, port or type at once ---- */

/** The resource's name in the daemon's configuration. Mandatory, 1 to 255 bytes of UTF-8. */
@property (readwrite, SMC_STRONG) NSString *resourceId;
/** Where the daemon is; nil, the default, is 127.0.0.1, or ::1 with addressType 6. */
@property (readwrite, SMC_STRONG) NSString *daemonAddress;
/** The daemon's port for applications. Default 7701. */
@property (readwrite) int port;
/** 4 (default) or 6. */
@property (readwrite) int addressType;
/** Sent with every message if set, at most 255 bytes. */
@property (readwrite, SMC_STRONG) NSString *type;
@property (readwrite, SMC_STRONG) NSString *host;
/** Port of the application's own administration page; 0, the default, is not sent. */
@property (readwrite) int adminweb_port;
/** How many heartbeats in a row may say "on the way"; with one more the application has failed. Default 30. */
@property (readwrite) int max_transiting_counter;
/** Kept for the application, at most 1399 bytes; never sent, as ever: see reportFailed:. */
@property (readwrite, SMC_STRONG) NSString *failureReason;
/** Kept for the application; never called, as ever. */
@property (readwrite, SMC_STRONG) id delegate;

/** Called by signalGoHot and signalGoStandby, on their thread. An exception comes out of those. */
@property (readwrite) schrittmacher_func_ptr go_hot_func;
@property (readwrite) schrittmacher_func_ptr go_standby_func;

/** Whether log: does anything. Default NO. */
@property (readwrite) BOOL loggingEnabled;
/** The least important level that logFeed gets. Default UMLOG_DEBUG: every message that is sent. */
@property (readwrite) UMLogLevel logLevel;

/* ---- states: 0 before the first order, and before the first report ---- */

@property (readwrite) SchrittmacherClientWantedState wantedState;
/** Setting it sends nothing; the next heartbeat does. */
@property (readwrite) SchrittmacherClientCurrentState currentState;
/** How many heartbeats and reports in a row have said "on the way". */
@property (readwrite) int transiting_counter;

/** "hot", "standby", or "unknown wanted state 0". */
- (NSString *)wantedStateString;
/** "active", "inactive", "failed", "unknown", "transiting-to-hot", "transiting-to-standby", or "unknown current state 0". */
- (NSString *)currentStateString;

/* ---- life cycle ---- */

- (instancetype)init;
/** Opens a socket, and sends a heartbeat every 1.5 seconds from now on; nothing before the first report. */
- (void)start;
- (void)stop;

/* ---- reports: sent at once, then with every heartbeat; no reason clears an earlier one ---- */

- (void)reportActive;
- (void)reportActive:(NSString *)reason;
- (void)reportInactive;
- (void)reportInactive:(NSString *)reason;
- (void)reportUnknown;
- (void)reportUnknown:(NSString *)reason;
- (void)reportFailed:(NSString *)reason;
- (void)reportTransitingToHot;
- (void)reportTransitingToHot:(NSString *)reason;
- (void)reportTransitingToStandby;
- (void)reportTransitingToStandby:(NSString *)reason;
/** Sends a heartbeat now, besides the others. */
- (void)doHeartbeat;

/* ---- orders ---- */

/** Takes the daemon's order: unless active or on the way, is on the way from now on and calls go_hot_func. */
- (void)signalGoHot;
- (void)signalGoStandby;
/** Asks the daemon to make this side hot. */
- (void)requestTakeover;
/** Asks the daemon to make the other side hot. */
- (void)requestFailover;

/** An info line in the log feed, if loggingEnabled. */
- (void)log:(NSString *)text;

/* ---- client library 1.7 to 1.14 ---- */

- (void)heartbeatHot;
- (void)heartbeatStandby;
- (void)heartbeatUnknown;
- (void)notifyFailure;
/** One of MESSAGE_LOCAL_...; another text is not sent, and logged. */
- (void)sendStatus:(NSString *)status;

/* ---- libschrittmacher ---- */

/** YES: hot, NO: standby. */
- (void)heartbeat:(BOOL)hot;

@end

#endif
