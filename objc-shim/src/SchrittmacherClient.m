/*
 * SchrittmacherClient.m - the class SchrittmacherClient, a thin layer over the C library
 *
 * The C library keeps all state that it has a use for. There are no literals, blocks or automatic accessors, since GCC
 * does not know them.
 *
 * The file is long because the class is in one piece: of a static library the linker takes no object that holds a
 * category alone, and the methods in it would be missing when they are called.
 */

#include <stdlib.h>
#include <unistd.h>

#import <schrittmacherclient/UMSchrittmacherClient.h>

/* Key in a thread's dictionary: what an application's function raised. */
static NSString *const RAISED = @"schrittmacherclient.raised";

@implementation SchrittmacherClient

@synthesize delegate = _delegate;

/* ---- between here and the C library ---- */

/* The C client, for all but init and dealloc. A legacy application may fork after start, and report from the child.
 * The C library refuses that until the child takes the client over. */
static schrittmacher_client *c_client(SchrittmacherClient *self)
{
    if (self->_startedBy != 0 && self->_startedBy != getpid()) {
        self->_startedBy = getpid();
        schrittmacher_client_start(self->_client);
    }
    return self->_client;
}

/* A line for the log feed if the application wants any, otherwise for NSLog(). */
static void complain(SchrittmacherClient *self, NSString *text)
{
    if (self.logFeed != nil && self.loggingEnabled) {
        [self.logFeed majorErrorText:text];
    } else {
        NSLog(@"%@", text);
    }
}

/* Tells of a property or argument that the C library refused, or of a start that failed. */
static void check(SchrittmacherClient *self, NSString *what, int status)
{
    if (status < 0) {
        complain(self, [NSString stringWithFormat:@"%@: %s", what, schrittmacher_strerror(status)]);
    }
}

/* After each call that sends. The older library raised one misuse; other errors are in the log, or were never told. */
static void check_sent(int status)
{
    if (status == SCHRITTMACHER_ERR_NO_RESOURCE_ID) {
        [NSException raise:@"INV_RES_ID" format:@"no resourceId is set"];
    }
}

/* A text of the C library's. An empty one is nil: the C library has it for a text that is not set. */
static NSString *get_text(const schrittmacher_client *client,
                          int (*get)(const schrittmacher_client *, char *, size_t))
{
    NSString *text = nil;
    int length = get(client, NULL, 0);
    char *buffer = length > 0 ? malloc((size_t)length + 1) : NULL;

    if (buffer != NULL && get(client, buffer, (size_t)length + 1) > 0) {
        text = [NSString stringWithUTF8String:buffer];
    }
    free(buffer);
    return text;
}

/* Runs an application's function for the C library. No exception may pass through that. */
static void run(SchrittmacherClient *self, schrittmacher_func_ptr func, NSString *name)
{
    if (func == NULL) {
        if (self.loggingEnabled) {
            [self.logFeed majorErrorText:[NSString stringWithFormat:@"there is no %@ function", name]];
        }
        return;
    }
    @try {
        func();
    } @catch (id exception) {
        [[[NSThread currentThread] threadDictionary] setObject:exception forKey:RAISED];
    }
}

/* Raises an exception of the application's function again, past the C library. */
static void raise_again(void)
{
    NSMutableDictionary *dictionary = [[NSThread currentThread] threadDictionary];
    id exception = SMC_AUTORELEASE(SMC_RETAIN([dictionary objectForKey:RAISED]));

    if (exception != nil) {
        [dictionary removeObjectForKey:RAISED];
        @throw exception;
    }
}

static void go_hot(schrittmacher_client *client, void *context)
{
    SchrittmacherClient *self = (__bridge SchrittmacherClient *)context;

    (void)client;
    run(self, self->_go_hot_func, @"go-hot");
}

static void go_standby(schrittmacher_client *client, void *context)
{
    SchrittmacherClient *self = (__bridge SchrittmacherClient *)context;

    (void)client;
    run(self, self->_go_standby_func, @"go-standby");
}

/* Each heartbeat, on the C library's thread. The application's subclass may have a doHeartbeat of its own. */
static void heartbeat(schrittmacher_client *client, void *context)
{
    SchrittmacherClient *self = (__bridge SchrittmacherClient *)context;

    (void)client;
    SMC_POOL_BEGIN
    SMC_HOLD(self); /* the method may call stop */
    @try {
        [self doHeartbeat];
    } @catch (NSException *exception) {
        /* Without a resourceId there is nothing to send. 1.18.0 ended the process here. */
        if (![[exception name] isEqual:@"INV_RES_ID"]) {
            NSLog(@"doHeartbeat raised %@", exception);
        }
    }
    SMC_LET_GO(self);
    SMC_POOL_END
}

/* A line for the log, on any thread. The C library's thread has no pool, and an exception would end the process there.
 * `self` lives: start has retained it, or its owner is in a call. */
static void pass_on(schrittmacher_client *client, schrittmacher_log_level level, const char *message, void *context)
{
    SchrittmacherClient *self = (__bridge SchrittmacherClient *)context;

    (void)client;
    SMC_POOL_BEGIN
    @try {
        UMLogFeed *feed = self.logFeed;
        NSString *text = [NSString stringWithUTF8String:message];

        switch (level) {
        case SCHRITTMACHER_LOG_DEBUG: [feed debugText:text]; break;
        case SCHRITTMACHER_LOG_INFO: [feed infoText:text]; break;
        case SCHRITTMACHER_LOG_WARNING: [feed warningText:text]; break;
        case SCHRITTMACHER_LOG_MINOR:
        case SCHRITTMACHER_LOG_MAJOR:
        case SCHRITTMACHER_LOG_PANIC: [feed majorErrorText:text]; break;
        }
    } @catch (id exception) {
        NSLog(@"a log feed raised %@", exception);
    }
    SMC_POOL_END
}

/* ---- life cycle ---- */

/* A started client lives on without a reference of the application's, as in 1.18.0, whose timer retained it. Compares
 * with what the client is now, since start and stop may come from several threads at once. */
static void hold_while_started(SchrittmacherClient *self)
{
    BOOL was_held;

    @synchronized(self) {
        BOOL started = schrittmacher_client_is_started(self->_client);

        was_held = self->_holdsSelf;
        self->_holdsSelf = started;
        if (started && !was_held) {
            SMC_HOLD(self);
        }
        was_held = was_held && !started;
    }
    if (was_held) {
        SMC_LET_GO(self);
    }
}

- (instancetype)init
{
    self = [super init];
    if (self != nil) {
        int status = schrittmacher_client_new(&_client);

        if (status < 0) {
            NSLog(@"SchrittmacherClient: %s", schrittmacher_strerror(status));
            SMC_RELEASE(self);
            return nil;
        }
        schrittmacher_client_set_heartbeat_callback(_client, heartbeat, (__bridge void *)self);
        schrittmacher_client_set_go_hot_callback(_client, go_hot, (__bridge void *)self);
        schrittmacher_client_set_go_standby_callback(_client, go_standby, (__bridge void *)self);
    }
    return self;
}

- (void)dealloc
{
    schrittmacher_client_free(_client);
    SMC_RELEASE(_delegate);
    SMC_SUPER_DEALLOC;
}

- (void)start
{
    int status = schrittmacher_client_start(_client);

    _startedBy = status == SCHRITTMACHER_OK ? getpid() : 0;
    hold_while_started(self);
    check(self, @"start", status);
}

- (void)stop
{
    schrittmacher_client_stop(c_client(self));
    _startedBy = 0;
    hold_while_started(self);
}

/* ---- settings ---- */

- (NSString *)resourceId
{
    return get_text(c_client(self), schrittmacher_client_get_resource_id);
}

- (void)setResourceId:(NSString *)resourceId
{
    check(self, @"resourceId", schrittmacher_client_set_resource_id(c_client(self), [resourceId UTF8String]));
}

- (NSString *)daemonAddress
{
    return get_text(c_client(self), schrittmacher_client_get_daemon_address);
}

- (void)setDaemonAddress:(NSString *)daemonAddress
{
    check(self, @"daemonAddress",
          schrittmacher_client_set_daemon_address(c_client(self), [daemonAddress UTF8String]));
}

- (int)port
{
    return schrittmacher_client_get_port(c_client(self));
}

- (void)setPort:(int)port
{
    check(self, @"port", schrittmacher_client_set_port(c_client(self), port));
}

- (int)addressType
{
    return schrittmacher_client_get_address_type(c_client(self));
}

- (void)setAddressType:(int)addressType
{
    check(self, @"addressType", schrittmacher_client_set_address_type(c_client(self), addressType));
}

- (NSString *)type
{
    return get_text(c_client(self), schrittmacher_client_get_type);
}

- (void)setType:(NSString *)type
{
    check(self, @"type", schrittmacher_client_set_type(c_client(self), [type UTF8String]));
}

- (NSString *)host
{
    return get_text(c_client(self), schrittmacher_client_get_host);
}

- (void)setHost:(NSString *)host
{
    check(self, @"host", schrittmacher_client_set_host(c_client(self), [host UTF8String]));
}

- (int)adminweb_port
{
    return schrittmacher_client_get_adminweb_port(c_client(self));
}

- (void)setAdminweb_port:(int)port
{
    check(self, @"adminweb_port", schrittmacher_client_set_adminweb_port(c_client(self), port));
}

- (int)max_transiting_counter
{
    return schrittmacher_client_get_max_transiting_counter(c_client(self));
}

- (void)setMax_transiting_counter:(int)heartbeats
{
    check(self, @"max_transiting_counter",
          schrittmacher_client_set_max_transiting_counter(c_client(self), heartbeats));
}

- (NSString *)failureReason
{
    return get_text(c_client(self), schrittmacher_client_get_failure_reason);
}

- (void)setFailureReason:(NSString *)reason
{
    check(self, @"failureReason", schrittmacher_client_set_failure_reason(c_client(self), [reason UTF8String]));
}

- (schrittmacher_func_ptr)go_hot_func
{
    return _go_hot_func;
}

- (void)setGo_hot_func:(schrittmacher_func_ptr)func
{
    _go_hot_func = func;
}

- (schrittmacher_func_ptr)go_standby_func
{
    return _go_standby_func;
}

- (void)setGo_standby_func:(schrittmacher_func_ptr)func
{
    _go_standby_func = func;
}

- (BOOL)loggingEnabled
{
    return schrittmacher_client_get_logging_enabled(c_client(self));
}

- (void)setLoggingEnabled:(BOOL)enabled
{
    schrittmacher_client_set_logging_enabled(c_client(self), enabled);
    schrittmacher_client_set_log_func(c_client(self), enabled ? pass_on : NULL, (__bridge void *)self);
}

- (UMLogLevel)logLevel
{
    return _logLevel;
}

- (void)setLogLevel:(UMLogLevel)level
{
    /* UMLOG_UNDEFINED is no level of the C library's, and filters nothing. */
    int least = (int)level < SCHRITTMACHER_LOG_DEBUG ? SCHRITTMACHER_LOG_DEBUG : (int)level;

    if (least > SCHRITTMACHER_LOG_PANIC) {
        least = SCHRITTMACHER_LOG_PANIC;
    }
    _logLevel = level;
    schrittmacher_client_set_log_level(c_client(self), least);
}

/* ---- states ---- */

- (SchrittmacherClientWantedState)wantedState
{
    return (SchrittmacherClientWantedState)schrittmacher_client_get_wanted_state(c_client(self));
}

- (void)setWantedState:(SchrittmacherClientWantedState)state
{
    check(self, @"wantedState", schrittmacher_client_set_wanted_state(c_client(self), (int)state));
}

- (SchrittmacherClientCurrentState)currentState
{
    return (SchrittmacherClientCurrentState)schrittmacher_client_get_current_state(c_client(self));
}

- (void)setCurrentState:(SchrittmacherClientCurrentState)state
{
    check(self, @"currentState", schrittmacher_client_set_current_state(c_client(self), (int)state));
}

- (int)transiting_counter
{
    return schrittmacher_client_get_transiting_counter(c_client(self));
}

- (void)setTransiting_counter:(int)heartbeats
{
    check(self, @"transiting_counter", schrittmacher_client_set_transiting_counter(c_client(self), heartbeats));
}

- (NSString *)wantedStateString
{
    return [NSString stringWithUTF8String:schrittmacher_client_wanted_state_string(c_client(self))];
}

- (NSString *)currentStateString
{
    return [NSString stringWithUTF8String:schrittmacher_client_current_state_string(c_client(self))];
}

/* ---- reports ---- */

- (void)reportActive
{
    [self reportActive:nil];
}

- (void)reportActive:(NSString *)reason
{
    check_sent(schrittmacher_client_report_active(c_client(self), [reason UTF8String]));
}

- (void)reportInactive
{
    [self reportInactive:nil];
}

- (void)reportInactive:(NSString *)reason
{
    check_sent(schrittmacher_client_report_inactive(c_client(self), [reason UTF8String]));
}

- (void)reportUnknown
{
    [self reportUnknown:nil];
}

- (void)reportUnknown:(NSString *)reason
{
    check_sent(schrittmacher_client_report_unknown(c_client(self), [reason UTF8String]));
}

- (void)reportFailed:(NSString *)reason
{
    check_sent(schrittmacher_client_report_failed(c_client(self), [reason UTF8String]));
}

- (void)reportTransitingToHot
{
    [self reportTransitingToHot:nil];
}

- (void)reportTransitingToHot:(NSString *)reason
{
    check_sent(schrittmacher_client_report_transiting_to_hot(c_client(self), [reason UTF8String]));
}

- (void)reportTransitingToStandby
{
    [self reportTransitingToStandby:nil];
}

- (void)reportTransitingToStandby:(NSString *)reason
{
    check_sent(schrittmacher_client_report_transiting_to_standby(c_client(self), [reason UTF8String]));
}

- (void)doHeartbeat
{
    check_sent(schrittmacher_client_do_heartbeat(c_client(self)));
}

/* ---- orders ---- */

- (void)signalGoHot
{
    schrittmacher_client_signal_go_hot(c_client(self));
    raise_again();
}

- (void)signalGoStandby
{
    schrittmacher_client_signal_go_standby(c_client(self));
    raise_again();
}

- (void)requestTakeover
{
    check_sent(schrittmacher_client_request_takeover(c_client(self)));
}

- (void)requestFailover
{
    check_sent(schrittmacher_client_request_failover(c_client(self)));
}

- (void)log:(NSString *)text
{
    schrittmacher_client_log(c_client(self), [text UTF8String]);
}

/* ---- older names ---- */

- (void)heartbeatHot
{
    check_sent(schrittmacher_client_heartbeat_hot(c_client(self)));
}

- (void)heartbeatStandby
{
    check_sent(schrittmacher_client_heartbeat_standby(c_client(self)));
}

- (void)heartbeatUnknown
{
    check_sent(schrittmacher_client_heartbeat_unknown(c_client(self)));
}

- (void)notifyFailure
{
    check_sent(schrittmacher_client_notify_failure(c_client(self)));
}

- (void)sendStatus:(NSString *)status
{
    int result;

    if (status == nil) {
        [NSException raise:@"INV_DATA" format:@"the status is nil"];
    }
    result = schrittmacher_client_send_status(c_client(self), [status UTF8String]);
    if (result == SCHRITTMACHER_ERR_INVALID || result == SCHRITTMACHER_ERR_NULL) {
        check(self, @"sendStatus", result);
    }
    check_sent(result);
}

- (void)heartbeat:(BOOL)hot
{
    if (hot) {
        [self heartbeatHot];
    } else {
        [self heartbeatStandby];
    }
}

@end
