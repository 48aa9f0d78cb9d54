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
 * The daemon gives orders by signals: SIGUSR1 is "become hot", SIGUSR2 is "become standby". The class has no handler
 * for them. The application's handler sets a flag, and its run loop then calls signalGoHot or signalGoStandby. Or it
 * switches by itself, and reports.
 *
 * Methods may be called from every thread, and from no signal handler. The C function of the same name in
 * schrittmacherclient.h has the details of a method.
 *
 * Between start and stop the object lives on, even if the application has released it: start retains it, and stop
 * releases it.
 *
 * Exceptions: each method that sends raises INV_RES_ID if there is no resourceId. sendStatus:nil raises INV_DATA. The
 * heartbeat thread raises nothing. Before start and after stop nothing is sent, but a reported state is kept. A
 * property that is set to an impossible value keeps its old one, and a line tells of it: in the log feed if
 * loggingEnabled, otherwise by NSLog().
 *
 * After a fork() the child may go on with an object that the parent started. The first call in the child opens a
 * socket and starts a heartbeat thread of the child's own.
 */

#ifndef UMSCHRITTMACHERCLIENT_H
#define UMSCHRITTMACHERCLIENT_H

#import <schrittmacherclient/SMCompat.h>
#include <schrittmacherclient/schrittmacherclient.h>

@interface SchrittmacherClient : SMC_SUPERCLASS
{
@private
    schrittmacher_client *_client;
    int _startedBy;  /* process that called start; 0 if stopped */
    BOOL _holdsSelf; /* start has retained the object */
    id _delegate;
    schrittmacher_func_ptr _go_hot_func;
    schrittmacher_func_ptr _go_standby_func;
    UMLogLevel _logLevel;
}

/* ---- settings: set them before start; a started client uses a new daemon address, port or type at once ---- */

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
/** How many heartbeats in a row may say "on the way". With one more the application has failed. Default 30. */
@property (readwrite) int max_transiting_counter;
/** Kept for the application, at most 1399 bytes. Never sent, as in 1.18.0: see reportFailed:. */
@property (readwrite, SMC_STRONG) NSString *failureReason;
/** Kept for the application. Never called, as in 1.18.0. */
@property (readwrite, SMC_STRONG) id delegate;

/** Called by signalGoHot and signalGoStandby, on their thread. An exception of the function leaves those methods. */
@property (readwrite) schrittmacher_func_ptr go_hot_func;
@property (readwrite) schrittmacher_func_ptr go_standby_func;

/** Whether logFeed gets any line. Default NO. */
@property (readwrite) BOOL loggingEnabled;
/** The least important level that logFeed gets. Default UMLOG_DEBUG: a line for every message that is sent. */
@property (readwrite) UMLogLevel logLevel;

/* ---- states: 0 before the first order, and before the first report ---- */

@property (readwrite) SchrittmacherClientWantedState wantedState;
/** Setting it sends nothing; the next heartbeat does. */
@property (readwrite) SchrittmacherClientCurrentState currentState;
/** The number of heartbeats and reports in a row that have said "on the way". */
@property (readwrite) int transiting_counter;

/** "hot", "standby", or "unknown wanted state 0". */
- (NSString *)wantedStateString;
/** "active", "inactive", "failed", "unknown", "transiting-to-hot", "transiting-to-standby", or "unknown current state 0". */
- (NSString *)currentStateString;

/* ---- life cycle ---- */

- (instancetype)init;
/** Opens a socket. From now on doHeartbeat is called every 1.5 seconds, on a thread of the library's own. */
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
/** Sends a heartbeat; nothing before the first report. A subclass that overrides it decides about each heartbeat. */
- (void)doHeartbeat;

/* ---- orders ---- */

/** Takes the daemon's order. Unless active or on the way, sets the state to "on the way", and calls go_hot_func. */
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
/** Sends one of MESSAGE_LOCAL_... Another text is not sent, and a line tells of it. */
- (void)sendStatus:(NSString *)status;

/* ---- libschrittmacher ---- */

/** YES: hot, NO: standby. */
- (void)heartbeat:(BOOL)hot;

@end

#endif
