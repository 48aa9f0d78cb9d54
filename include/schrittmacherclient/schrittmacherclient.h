/*
 * schrittmacherclient.h - the client library of schrittmacher
 *
 * Of two hosts one does the work. The schrittmacher daemons on both hosts agree which one, and each tells its
 * application: SIGUSR1 means "become hot", SIGUSR2 means "become standby". The application reports its state to the
 * daemon at each change. The library repeats the last report as a heartbeat every 1.5 seconds.
 *
 * An application with callbacks for the orders, app.c:
 *
 *     #include <stdio.h>
 *     #include <stdlib.h>
 *     #include <unistd.h>
 *     #include <schrittmacherclient/schrittmacherclient.h>
 *
 *     static void check(int status)
 *     {
 *         if (status < 0 && status != SCHRITTMACHER_ERR_NO_DAEMON) {
 *             fprintf(stderr, "schrittmacher: %s\n", schrittmacher_strerror(status));
 *             exit(1);
 *         }
 *     }
 *
 *     static void go_hot(schrittmacher_client *client, void *context)
 *     {
 *         puts(context);
 *         check(schrittmacher_client_report_active(client, NULL));
 *     }
 *
 *     static void go_standby(schrittmacher_client *client, void *context)
 *     {
 *         puts(context);
 *         check(schrittmacher_client_report_inactive(client, NULL));
 *     }
 *
 *     int main(void)
 *     {
 *         schrittmacher_client *client;
 *
 *         check(schrittmacher_client_new(&client));
 *         check(schrittmacher_client_set_resource_id(client, "my-service"));
 *         check(schrittmacher_client_set_go_hot_callback(client, go_hot, "the work begins here"));
 *         check(schrittmacher_client_set_go_standby_callback(client, go_standby, "the work ends here"));
 *         check(schrittmacher_client_install_signal_handlers(client));
 *         check(schrittmacher_client_start(client));
 *         check(schrittmacher_client_report_unknown(client, NULL));
 *         for (;;) {
 *             pause();
 *         }
 *     }
 *
 *     cc -pthread app.c $(pkg-config --cflags --libs schrittmacherclient)
 *
 * A daemon that is not there yet is no reason to end: the heartbeats go on trying. These callbacks run on the library's
 * thread, and no heartbeat leaves meanwhile. An application whose work takes time to begin or end does that on a thread
 * of its own: c-examples/minimal.c, to copy. Other ways to get the orders:
 *
 * Without callbacks: the application sets none, and asks for schrittmacher_client_get_wanted_state() in its main loop.
 * When that changes, it switches, and reports. Meanwhile the heartbeats say "on the way", since the order has set the
 * current state so. c-examples/minimal.go is made like this.
 *
 * With signal handlers of its own: it calls schrittmacher_client_notify_signal() in them. Or it notes the signal, and
 * its main loop calls schrittmacher_client_signal_go_hot() or _go_standby().
 *
 * With an event loop of its own: it needs no second thread; see schrittmacher_client_start_polled().
 *
 * What holds for every function:
 *
 * Errors     A negative result is an error, one of schrittmacher_status. 0 or more is success, and in functions that
 *            get a number or a text it is that number or the length. A question (_is_..., _get_logging_enabled) is 1
 *            or 0, and 0 on error. A failed call has changed nothing, unless its comment says otherwise. "Errors:
 *            INVALID" in a comment stands for SCHRITTMACHER_ERR_INVALID. NULL, HANDLE, FORKED and INTERNAL are
 *            possible everywhere, and not repeated. errno stays as it was.
 * Arguments  The client comes first. In callbacks the context comes last, as in most C libraries.
 * Misuse     NULL, a freed client, or a pointer that never was a client gives an error code, and no crash. Only a text
 *            or buffer that is not what it claims to be cannot be detected.
 * Threads    Every function may be called from every thread, for the same client at the same time, and from callbacks.
 *            A signal handler may only call schrittmacher_client_notify_signal() and schrittmacher_strerror().
 * Ownership  Texts are UTF-8. They are copied in both directions, and the library keeps no pointer to one. A function
 *            that gets a text writes it into a buffer as snprintf() does: cut if it does not fit, always terminated.
 *            It returns the whole length. Size 0 with buffer NULL asks for the length. A text that is returned as a
 *            pointer is static.
 * fork()     A client that is not started goes along into the child. A started one stays with the parent, until the
 *            child calls schrittmacher_client_start() or _start_polled(), which take it over. If another thread was
 *            inside the client during the fork, the child can only free it.
 * exec()     closes the descriptors of a client: up to three, from the first start on. A program that closes all its
 *            descriptors does so before the start, or starts the client anew at once. The library cannot know that
 *            their numbers are no longer its own.
 * Globals    The library installs no signal handler, starts no thread, prints nothing and ends no process, except as
 *            asked for. After dlclose() it stays loaded.
 */

#ifndef SCHRITTMACHERCLIENT_H
#define SCHRITTMACHERCLIENT_H

#include <stddef.h>
/* In Objective-C this file also declares the class SchrittmacherClient, at its end, as it always did. */

/* The version of this header, as text and as a number to compare: 3.1.2 is 30102. The library's own version is
 * schrittmacher_client_version() and schrittmacher_client_version_number(). */
#define SCHRITTMACHERCLIENT_VERSION "3.0.0"
#define SCHRITTMACHERCLIENT_VERSION_NUMBER 30000

/* ---- States ------------------------------------------------------------------------------------------------ */

/* Functions take and return states and log levels as int, because the result of getting one can be an error. */

/** What the daemon wants the application to be. */
typedef enum SchrittmacherClientWantedState
{
    SchrittmacherClientWantedState_none = 0, /* before the first order */
    SchrittmacherClientWantedState_hot = 101,
    SchrittmacherClientWantedState_standby = 102
} SchrittmacherClientWantedState;

/** What the application is. */
typedef enum SchrittmacherClientCurrentState
{
    SchrittmacherClientCurrentState_none = 0, /* before the first report or order */
    SchrittmacherClientCurrentState_inactive = 200, /* standby */
    SchrittmacherClientCurrentState_active = 201,   /* hot */
    SchrittmacherClientCurrentState_failed = 202,
    SchrittmacherClientCurrentState_unknown = 203,
    SchrittmacherClientCurrentState_transiting_to_hot = 204,
    SchrittmacherClientCurrentState_transiting_to_standby = 205
} SchrittmacherClientCurrentState;

/* The same on the wire. (In Objective-C they are NSString literals.) */
#ifdef __OBJC__
#define SCHRITTMACHER_TEXT_(text) @text
#else
#define SCHRITTMACHER_TEXT_(text) text
#endif
#define MESSAGE_LOCAL_HOT SCHRITTMACHER_TEXT_("LHOT")
#define MESSAGE_LOCAL_STANDBY SCHRITTMACHER_TEXT_("LSBY")
#define MESSAGE_LOCAL_UNKNOWN SCHRITTMACHER_TEXT_("LUNK")
#define MESSAGE_LOCAL_FAIL SCHRITTMACHER_TEXT_("LFAI")
#define MESSAGE_LOCAL_TRANSITING_TO_HOT SCHRITTMACHER_TEXT_("L2HT")
#define MESSAGE_LOCAL_TRANSITING_TO_STANDBY SCHRITTMACHER_TEXT_("L2SB")
#define MESSAGE_LOCAL_REQUEST_FAILOVER SCHRITTMACHER_TEXT_("LRFO")
#define MESSAGE_LOCAL_REQUEST_TAKEOVER SCHRITTMACHER_TEXT_("LRTO")

/* ---- Log levels and status codes --------------------------------------------------------------------------- */

/** How important a message for the log is. The library itself uses DEBUG, INFO, WARNING and MAJOR. */
typedef enum schrittmacher_log_level
{
    SCHRITTMACHER_LOG_DEBUG = 0,   /* each message that is sent */
    SCHRITTMACHER_LOG_INFO = 1,    /* start, stop, orders */
    SCHRITTMACHER_LOG_WARNING = 2, /* the daemon cannot be reached */
    SCHRITTMACHER_LOG_MINOR = 3,
    SCHRITTMACHER_LOG_MAJOR = 4,   /* the application cannot be switched, or the daemon is lost */
    SCHRITTMACHER_LOG_PANIC = 5
} schrittmacher_log_level;

/** How many clients a process can have at a time. */
#define SCHRITTMACHER_CLIENTS_MAX 1024

/** The result of a call: 0, or a negative code. Functions return it as int, since many return a number too. */
typedef enum {
    /** Done. */
    SCHRITTMACHER_OK = 0,
    /** A pointer is NULL and must not be. */
    SCHRITTMACHER_ERR_NULL = -1,
    /** The handle is no client: it was never made, or is freed. */
    SCHRITTMACHER_ERR_HANDLE = -2,
    /** An argument is out of its range, or a text is too long. */
    SCHRITTMACHER_ERR_INVALID = -3,
    /** A text is not UTF-8. */
    SCHRITTMACHER_ERR_UTF8 = -4,
    /** No resource id is set. */
    SCHRITTMACHER_ERR_NO_RESOURCE_ID = -5,
    /** The client is not started. A reported state is kept, and the first heartbeat sends it. */
    SCHRITTMACHER_ERR_NOT_STARTED = -6,
    /** The client runs its own thread, so there is nothing to dispatch. */
    SCHRITTMACHER_ERR_NOT_POLLED = -7,
    /** The daemon address cannot be resolved. */
    SCHRITTMACHER_ERR_ADDRESS = -8,
    /** No daemon is listening. The heartbeats go on trying. Noticed only with a daemon on loopback. */
    SCHRITTMACHER_ERR_NO_DAEMON = -9,
    /** The operating system refused something: see schrittmacher_client_last_errno(). */
    SCHRITTMACHER_ERR_SYSTEM = -10,
    /** A parent process has started this client. Start it in this process, or free it. */
    SCHRITTMACHER_ERR_FORKED = -11,
    /** The library caught an internal error. The client sends nothing more, so that the daemon notices. */
    SCHRITTMACHER_ERR_INTERNAL = -12,
    /** The process has SCHRITTMACHER_CLIENTS_MAX clients already. */
    SCHRITTMACHER_ERR_TOO_MANY = -13
} schrittmacher_status;

/** A client: one resource's connection to the local daemon. */
typedef struct schrittmacher_client schrittmacher_client;

/** A callback: a function of the application that gets the client, and the context that was set with it. */
typedef void (*schrittmacher_callback)(schrittmacher_client *client, void *context);

/** A callback as the older library had it: it is called for an order, and gets nothing. */
typedef void (*schrittmacher_func_ptr)(void);

/** A callback that takes a message for the log. The message has no newline, and is gone after the call. */
typedef void (*schrittmacher_log_func)(schrittmacher_client *client,
                                       schrittmacher_log_level level,
                                       const char *message,
                                       void *context);

#ifdef __cplusplus
extern "C" {
#endif /* __cplusplus */

/* ---- Errors and version ------------------------------------------------------------------------------------ */

/**
 * The text for a status code, in English. Never NULL; the text is static. May be called from everywhere, signal
 * handlers included.
 */
const char *schrittmacher_strerror(int status);

/** The library's version as text, for example "3.0.0". Never NULL; the text is static. */
const char *schrittmacher_client_version(void);

/**
 * The library's version as a number: 3.1.2 is 30102. It is at least the SCHRITTMACHERCLIENT_VERSION_NUMBER of the
 * header that the program was compiled with, unless the installed library is too old for the program.
 */
int schrittmacher_client_version_number(void);

/* ---- Life cycle -------------------------------------------------------------------------------------------- */

/**
 * Makes a client with the default settings, and stores it in *client. Opens and starts nothing. Free it with
 * schrittmacher_client_free(). On error *client is NULL.
 *
 * Errors: NULL, TOO_MANY.
 */
int schrittmacher_client_new(schrittmacher_client **client);

/**
 * Stops the client and frees it. Does nothing for NULL and for a client that is freed already.
 *
 * Afterwards no callback is called for this client. In two cases a callback may still run: another thread is inside
 * a call for this client, or the callback itself has called this function.
 *
 * The call waits for a callback that runs on the heartbeat thread, as schrittmacher_client_stop() does. Do not hold a
 * lock that a callback needs: both would wait for ever. In a child process by fork() the call does not wait.
 */
void schrittmacher_client_free(schrittmacher_client *client);

/**
 * Opens the sockets, and starts the heartbeat thread. The thread repeats the last report every heartbeat interval, the
 * first time one interval from now. This call sends nothing: call a report function next. A started client is
 * stopped first.
 *
 * The thread has all signals blocked, and 256 KiB of stack. Callbacks run on it. While one of them runs, no heartbeat
 * leaves, and after app-timeout (10 s by default) the daemon takes the application for dead.
 *
 * A host name as daemon address is resolved here, which can take the resolver's time.
 *
 * In a child process of the one that started the client, this call takes the client over for the child. It then
 * reports the child's pid. The parent's client goes on in the parent.
 *
 * Errors: ADDRESS, SYSTEM. FORKED if another thread of the parent was inside the client during the fork(). After an
 * error the client is stopped, and can be started again.
 */
int schrittmacher_client_start(schrittmacher_client *client);

/**
 * Starts the client without a thread, for an application with an event loop of its own. The loop watches the
 * descriptor schrittmacher_client_poll_fd() for reading, and calls schrittmacher_client_dispatch() when it is
 * readable. Callbacks run in that call. The heartbeats then prove that the loop is alive.
 *
 * Errors: as schrittmacher_client_start().
 */
int schrittmacher_client_start_polled(schrittmacher_client *client);

/**
 * Ends the heartbeats, and closes the sockets. Sends no farewell: the daemon notices the silence. The call returns
 * when the heartbeat thread has ended. Called on that thread, from a callback, it returns at once. It does nothing
 * for a client that is not started.
 *
 * Do not hold a lock that a callback needs: both would wait for ever.
 *
 * Errors: none of its own. FORKED in a child process means that the client goes on in the parent.
 */
int schrittmacher_client_stop(schrittmacher_client *client);

/** 1 if the client is started, 0 if not, and 0 on error. */
int schrittmacher_client_is_started(const schrittmacher_client *client);

/**
 * The descriptor to watch after schrittmacher_client_start_polled(). It is readable when
 * schrittmacher_client_dispatch() has something to do, and stays the same until the client is freed. Neither read
 * it nor close it.
 *
 * Errors: NOT_STARTED before the first start.
 */
int schrittmacher_client_poll_fd(const schrittmacher_client *client);

/**
 * Does what the heartbeat thread would do now. Carries out an order that came by signal, sends a heartbeat that is
 * due, and tells of a lost daemon. Runs callbacks on this thread. Never waits. A call without need does no harm.
 *
 * Errors: NOT_STARTED, NOT_POLLED. If a heartbeat was due, as schrittmacher_client_do_heartbeat().
 */
int schrittmacher_client_dispatch(schrittmacher_client *client);

/**
 * The errno of the last system call that failed for this client, in any thread. 0 if none failed, or if a message
 * was sent since.
 */
int schrittmacher_client_last_errno(const schrittmacher_client *client);

/**
 * How long the application may still serve, in milliseconds. INT_MAX if there is no limit: it does not serve, another policy, or
 * nothing was said yet. The daemon is asked only if schrittmacher_client_set_right_ended_callback() has set a function.
 *
 * Errors: none of its own.
 */
int schrittmacher_client_get_right_left_ms(const schrittmacher_client *client);

/** 1 if the daemon is lost, 0 if not, and 0 on error. See schrittmacher_client_set_daemon_lost_after_ms(). */
int schrittmacher_client_is_daemon_lost(const schrittmacher_client *client);

/* ---- Settings ---------------------------------------------------------------------------------------------- */

/**
 * Sets the resource's name, as in the daemon's configuration: 1 to 255 bytes. Nothing can be sent without it. NULL
 * removes it.
 *
 * Errors: INVALID, UTF8.
 */
int schrittmacher_client_set_resource_id(schrittmacher_client *client, const char *resource_id);

/** Copies the resource's name; "" if none is set. */
int schrittmacher_client_get_resource_id(const schrittmacher_client *client, char *buffer, size_t size);

/**
 * Sets the daemon's address: numeric, or a host name. NULL, the default, is loopback: 127.0.0.1, or ::1 with address
 * type 6. A started client uses the new address at once.
 *
 * A name is resolved at the start, or here if the client is started, and not again later.
 *
 * Errors: UTF8. If the client is started: ADDRESS, SYSTEM, and the client goes on with the old address.
 */
int schrittmacher_client_set_daemon_address(schrittmacher_client *client, const char *address);

/** Copies the daemon's address; "" if none is set. */
int schrittmacher_client_get_daemon_address(const schrittmacher_client *client, char *buffer, size_t size);

/**
 * Sets the run-directory of the daemon's configuration, an absolute path. NULL, the default, is /run/schrittmacher. A
 * started client uses it at once.
 *
 * The daemon has a Unix socket there. By it the kernel tells the daemon the process and user of each report. Messages
 * go by that socket while it is there, otherwise by UDP.
 *
 * Errors: INVALID, UTF8. If the client is started: ADDRESS, SYSTEM, and the client goes on with the old one.
 */
int schrittmacher_client_set_run_directory(schrittmacher_client *client, const char *directory);

/** Copies the run-directory; "" if none is set. */
int schrittmacher_client_get_run_directory(const schrittmacher_client *client, char *buffer, size_t size);

/**
 * Sets the daemon's port for applications: the port of its configuration plus one. 1 to 65535, default 7701. A
 * started client uses the new port at once.
 *
 * Errors: INVALID. If the client is started: ADDRESS, SYSTEM, and the client goes on with the old port.
 */
int schrittmacher_client_set_port(schrittmacher_client *client, int port);

/** The daemon's port, or a negative status code. */
int schrittmacher_client_get_port(const schrittmacher_client *client);

/**
 * Sets which internet protocol to use if the daemon's address is a host name or NULL: 4 (default) or 6. A started
 * client uses it at once.
 *
 * Errors: INVALID. If the client is started: ADDRESS, SYSTEM, and the client goes on as before.
 */
int schrittmacher_client_set_address_type(schrittmacher_client *client, int address_type);

/** 4 or 6, or a negative status code. */
int schrittmacher_client_get_address_type(const schrittmacher_client *client);

/**
 * Sets the name of this host, at most 255 bytes. NULL, the default: not sent.
 *
 * Errors: INVALID, UTF8.
 */
int schrittmacher_client_set_host(schrittmacher_client *client, const char *host);

/** Copies the name of this host; "" if none is set. */
int schrittmacher_client_get_host(const schrittmacher_client *client, char *buffer, size_t size);

/**
 * Sets what kind of application this is, at most 255 bytes. NULL, the default: not sent.
 *
 * Errors: INVALID, UTF8.
 */
int schrittmacher_client_set_type(schrittmacher_client *client, const char *application_type);

/** Copies the kind of application; "" if none is set. */
int schrittmacher_client_get_type(const schrittmacher_client *client, char *buffer, size_t size);

/**
 * Sets the process that the daemon watches and signals. Default: the process that uses the client, also after a
 * fork(). With 0, messages name no process, and the daemon neither watches nor signals one.
 *
 * Errors: INVALID if negative.
 */
int schrittmacher_client_set_pid(schrittmacher_client *client, int pid);

/** The process that messages name, 0 for none, or a negative status code. */
int schrittmacher_client_get_pid(const schrittmacher_client *client);

/**
 * Sets the port of the application's own administration page, which the daemon's page links to. 0, the default: not
 * sent.
 *
 * Errors: INVALID if not 0 to 65535.
 */
int schrittmacher_client_set_adminweb_port(schrittmacher_client *client, int port);

/** The port of the application's administration page, 0 for none, or a negative status code. */
int schrittmacher_client_get_adminweb_port(const schrittmacher_client *client);

/**
 * Sets the time between heartbeats: 10 to 10000 ms, default 1500. A started client counts it from now.
 *
 * Errors: INVALID.
 */
int schrittmacher_client_set_heartbeat_interval_ms(schrittmacher_client *client, int interval_ms);

/** The time between heartbeats in milliseconds, or a negative status code. */
int schrittmacher_client_get_heartbeat_interval_ms(const schrittmacher_client *client);

/**
 * Sets for how long messages must be refused before the daemon is lost: 1 to 86400000 ms. 0, the default, is off.
 *
 * The daemon is lost if it was there, and since then has refused every message for this time. The peer's daemon takes
 * over when it no longer hears the lost one. An application that goes on serving then serves beside the other host's.
 * So it should stop serving when the daemon is lost. Choose a time longer than the daemon's restart takes, and
 * shorter than the peer's timeout.
 *
 * A daemon may also end on purpose and leave the application alone. It says so by a file, left-alone in its folder in
 * state-directory. The library does not look for the file: the callback may.
 *
 * A refusal is noticed with a daemon on loopback, which is the default, and with one that had a Unix socket. The
 * callback that tells of a lost daemon is set with schrittmacher_client_set_daemon_lost_callback().
 *
 * Errors: INVALID.
 */
int schrittmacher_client_set_daemon_lost_after_ms(schrittmacher_client *client, int after_ms);

/** That time in milliseconds, 0 for off, or a negative status code. */
int schrittmacher_client_get_daemon_lost_after_ms(const schrittmacher_client *client);

/**
 * Sets how many heartbeats in a row may say "on the way". With one more the application has failed. 0 or more,
 * default 30: about 45 s with the default interval.
 *
 * Errors: INVALID if negative.
 */
int schrittmacher_client_set_max_transiting_counter(schrittmacher_client *client, int heartbeats);

/** The number of heartbeats in a row that may say "on the way", or a negative status code. */
int schrittmacher_client_get_max_transiting_counter(const schrittmacher_client *client);

/**
 * Keeps a text for the application, up to 1399 bytes, as the older library did. It is never sent: for the daemon,
 * give the reason to schrittmacher_client_report_failed(). NULL removes it.
 *
 * Errors: INVALID, UTF8.
 */
int schrittmacher_client_set_failure_reason(schrittmacher_client *client, const char *reason);

/** Copies the kept text; "" if there is none. */
int schrittmacher_client_get_failure_reason(const schrittmacher_client *client, char *buffer, size_t size);

/* ---- Callbacks --------------------------------------------------------------------------------------------- */

/**
 * Sets the function that makes the application hot, or NULL for none. The function gets the client and `context`.
 * The context is the application's, and has to last as long as the function may be called.
 *
 * Thread: for an order by schrittmacher_client_signal_go_hot(), the one that calls it. For an order by signal, the
 * heartbeat thread, or the one that calls schrittmacher_client_dispatch(). Heartbeats wait while the function runs.
 * So let it begin the switch and return, and report when the switch is done, from any thread.
 *
 * This holds for each callback: nothing is locked while it runs. It may call everything, schrittmacher_client_free()
 * included. The heartbeat thread runs one callback at a time. A call on another thread can run one beside it: an order
 * by schrittmacher_client_signal_go_hot() or _go_standby(), and any call that logs. A thread that was about to call it may do so once after it was replaced. It must return normally: neither
 * longjmp() nor an exception may leave it.
 */
int schrittmacher_client_set_go_hot_callback(schrittmacher_client *client,
                                             schrittmacher_callback func,
                                             void *context);

/**
 * Sets the function that makes the application standby; see schrittmacher_client_set_go_hot_callback(). It runs on
 * the same thread.
 */
int schrittmacher_client_set_go_standby_callback(schrittmacher_client *client,
                                                 schrittmacher_callback func,
                                                 void *context);

/**
 * Sets the go-hot function as the older library had it, without client and context. It replaces one that was set
 * with schrittmacher_client_set_go_hot_callback(), and runs on the same thread.
 */
int schrittmacher_client_set_go_hot_func(schrittmacher_client *client, schrittmacher_func_ptr func);

/** The function that was set with schrittmacher_client_set_go_hot_func(); NULL if none, and on error. */
schrittmacher_func_ptr schrittmacher_client_get_go_hot_func(const schrittmacher_client *client);

/**
 * Sets the go-standby function as the older library had it; see schrittmacher_client_set_go_hot_func(). It runs on
 * the same thread.
 */
int schrittmacher_client_set_go_standby_func(schrittmacher_client *client, schrittmacher_func_ptr func);

/** The function that was set with schrittmacher_client_set_go_standby_func(); NULL if none, and on error. */
schrittmacher_func_ptr schrittmacher_client_get_go_standby_func(const schrittmacher_client *client);

/**
 * Sets a function that is called in place of each heartbeat that is due, or NULL for none. It sends the heartbeat
 * with schrittmacher_client_do_heartbeat(), or leaves it out. An application that finds itself stuck falls silent
 * this way, and the daemon fails over.
 *
 * Thread: the heartbeat thread, or the one that calls schrittmacher_client_dispatch().
 */
int schrittmacher_client_set_heartbeat_callback(schrittmacher_client *client,
                                                schrittmacher_callback func,
                                                void *context);

/**
 * Sets a function that is called once each time the daemon is lost, or NULL for none. It needs
 * schrittmacher_client_set_daemon_lost_after_ms(), which says what lost means.
 *
 * Thread: the heartbeat thread, or the one that calls schrittmacher_client_dispatch().
 */
int schrittmacher_client_set_daemon_lost_callback(schrittmacher_client *client,
                                                  schrittmacher_callback func,
                                                  void *context);

/**
 * Sets a function that is called once each time the right to serve ends, or NULL for none. The application has to stop at
 * once, within schrittmacher_client_get_right_left_ms().
 *
 * Under policy = consistent the daemon may serve only as long as the peer or the witness has promised, and says until when. It
 * orders the application to stop by itself. A daemon that is stopped or has died cannot, and the other side takes over.
 * Needs the daemon's Unix socket. A process that is stopped itself is told when it goes on.
 *
 * Thread: the heartbeat thread, or the one that calls schrittmacher_client_dispatch().
 */
int schrittmacher_client_set_right_ended_callback(schrittmacher_client *client,
                                                  schrittmacher_callback func,
                                                  void *context);

/** Keeps a pointer for the application. The library does nothing with it. */
int schrittmacher_client_set_user_data(schrittmacher_client *client, void *user_data);

/** The kept pointer; NULL if none is set, and on error. */
void *schrittmacher_client_get_user_data(const schrittmacher_client *client);

/* ---- Log --------------------------------------------------------------------------------------------------- */

/**
 * Sets the function that gets this client's messages for the log; NULL, the default, for none.
 *
 * Thread: the one that the message comes from. That is often the heartbeat thread, otherwise the one that calls the
 * library.
 */
int schrittmacher_client_set_log_func(schrittmacher_client *client, schrittmacher_log_func func, void *context);

/**
 * Sets the least important level that the log function gets: SCHRITTMACHER_LOG_DEBUG (default) to
 * SCHRITTMACHER_LOG_PANIC.
 *
 * Errors: INVALID.
 */
int schrittmacher_client_set_log_level(schrittmacher_client *client, int level);

/** The least important level that the log function gets, or a negative status code. */
int schrittmacher_client_get_log_level(const schrittmacher_client *client);

/**
 * Sets whether schrittmacher_client_log() passes its texts on: 0 for no (default), anything else for yes. The
 * library's own messages do not depend on it.
 */
int schrittmacher_client_set_logging_enabled(schrittmacher_client *client, int enabled);

/** 1 if schrittmacher_client_log() passes its texts on, 0 if not, and 0 on error. */
int schrittmacher_client_get_logging_enabled(const schrittmacher_client *client);

/**
 * Passes a text of the application to its log function, with the level SCHRITTMACHER_LOG_INFO, if logging is
 * enabled.
 *
 * Errors: NULL, UTF8.
 */
int schrittmacher_client_log(schrittmacher_client *client, const char *message);

/* ---- Reports ----------------------------------------------------------------------------------------------- */

/**
 * Reports that the application is hot: it does the work. The message leaves at once, on this thread. Every heartbeat
 * repeats it, until another report or an order changes the current state. `reason` is a text for the operator, NULL
 * for none; of a long one about the first 1 KiB is sent. The call takes a few microseconds, and never waits.
 *
 * Errors, here and in the other report functions: UTF8, and nothing is changed. NOT_STARTED, NO_RESOURCE_ID,
 * NO_DAEMON, SYSTEM: the state is kept, and the heartbeats go on trying.
 */
int schrittmacher_client_report_active(schrittmacher_client *client, const char *reason);

/** Reports that the application is standby: healthy, and leaving the work to the other host. */
int schrittmacher_client_report_inactive(schrittmacher_client *client, const char *reason);

/** Reports that the application has no state yet: the daemon decides. This is the usual first report. */
int schrittmacher_client_report_unknown(schrittmacher_client *client, const char *reason);

/** Reports that the application cannot work. If it was hot, the other host takes over. */
int schrittmacher_client_report_failed(schrittmacher_client *client, const char *reason);

/** Reports that the application is on its way to hot. */
int schrittmacher_client_report_transiting_to_hot(schrittmacher_client *client, const char *reason);

/** Reports that the application is on its way to standby. */
int schrittmacher_client_report_transiting_to_standby(schrittmacher_client *client, const char *reason);

/**
 * Sends a heartbeat now, besides the regular ones. Before the first report it sends nothing.
 *
 * Errors: as the report functions.
 */
int schrittmacher_client_do_heartbeat(schrittmacher_client *client);

/**
 * Asks the daemon to make this host hot. One message, with the reason "user-requested".
 *
 * Errors: as the report functions; a request that is not sent is not repeated.
 */
int schrittmacher_client_request_takeover(schrittmacher_client *client);

/**
 * Asks the daemon to make the other host hot. One message, with the reason "user-requested".
 *
 * Errors: as schrittmacher_client_request_takeover().
 */
int schrittmacher_client_request_failover(schrittmacher_client *client);

/* ---- States ------------------------------------------------------------------------------------------------ */

/**
 * The current state: what the application reported last, or "on the way" since an order. A
 * SchrittmacherClientCurrentState, _none before the first report or order, or a negative status code.
 */
int schrittmacher_client_get_current_state(const schrittmacher_client *client);

/**
 * Sets the current state, a SchrittmacherClientCurrentState. Sends nothing: the next heartbeat does. With _none the
 * heartbeats are silent again.
 *
 * Errors: INVALID.
 */
int schrittmacher_client_set_current_state(schrittmacher_client *client, int current_state);

/**
 * The current state as text: "active", "inactive", "failed", "unknown", "transiting-to-hot",
 * "transiting-to-standby"; "unknown current state 0" before the first report or order, and on error. Never
 * NULL; the text is static.
 */
const char *schrittmacher_client_current_state_string(const schrittmacher_client *client);

/**
 * The wanted state: what the daemon last ordered. A SchrittmacherClientWantedState, _none before the first order, or a
 * negative status code. An application without callbacks asks for it; see the top of this file.
 */
int schrittmacher_client_get_wanted_state(const schrittmacher_client *client);

/**
 * Sets the wanted state, a SchrittmacherClientWantedState, and does nothing else. To give an order, call schrittmacher_client_signal_go_hot().
 *
 * Errors: INVALID.
 */
int schrittmacher_client_set_wanted_state(schrittmacher_client *client,
                                          int wanted_state);

/**
 * The wanted state as text: "hot", "standby"; "unknown wanted state 0" before the first order, and on error.
 * Never NULL; the text is static.
 */
const char *schrittmacher_client_wanted_state_string(const schrittmacher_client *client);

/** The number of heartbeats and reports in a row that have said "on the way", or a negative status code. */
int schrittmacher_client_get_transiting_counter(const schrittmacher_client *client);

/**
 * Sets that number. 0 gives a long switch more time.
 *
 * Errors: INVALID if negative.
 */
int schrittmacher_client_set_transiting_counter(schrittmacher_client *client, int heartbeats);

/* ---- Orders ------------------------------------------------------------------------------------------------ */

/**
 * Carries out the daemon's order to become hot, on this thread. Sets the wanted state. Unless the application is hot
 * or on its way, it also sets the current state to transiting_to_hot, and calls the go-hot function before it
 * returns. Sends nothing: the next heartbeat says "on the way". Signal handlers call
 * schrittmacher_client_notify_signal() instead.
 */
int schrittmacher_client_signal_go_hot(schrittmacher_client *client);

/** Carries out the daemon's order to become standby; see schrittmacher_client_signal_go_hot(). */
int schrittmacher_client_signal_go_standby(schrittmacher_client *client);

/**
 * Hands a signal over and returns at once. It is for the application's own handlers of SIGUSR1 (become hot) and
 * SIGUSR2 (become standby). The heartbeat thread carries out the order, or the next schrittmacher_client_dispatch(),
 * as schrittmacher_client_signal_go_hot() and _go_standby() do. If several orders wait, the last one counts. Before
 * the start an order waits for it.
 *
 * Async-signal-safe, even if the client was freed meanwhile.
 *
 * Errors: INVALID for another signal.
 */
int schrittmacher_client_notify_signal(schrittmacher_client *client, int signo);

/**
 * Installs handlers for SIGUSR1 and SIGUSR2. They do what schrittmacher_client_notify_signal() does, and then call
 * the handlers that were there before. They run on the alternate signal stack of a thread that has one. A second
 * call changes nothing. The library installs no handler without this call.
 *
 * A signal goes to the process and does not say for which resource it is. If several clients of a process have
 * installed handlers, each of them takes every order. So a process reports for one resource, or its resources are
 * ordered by start-action and stop-action instead.
 *
 * The handlers act for this client until it is freed. Afterwards they only call the earlier handlers. A later
 * sigaction() or signal() of the application for these signals removes them: make this call after it.
 *
 * Errors: SYSTEM.
 */
int schrittmacher_client_install_signal_handlers(schrittmacher_client *client);

/* ---- Names of older versions ------------------------------------------------------------------------------- */

/** Older name of schrittmacher_client_report_active() without a reason. */
int schrittmacher_client_heartbeat_hot(schrittmacher_client *client);

/** Older name of schrittmacher_client_report_inactive() without a reason. */
int schrittmacher_client_heartbeat_standby(schrittmacher_client *client);

/** Older name of schrittmacher_client_report_unknown() without a reason. */
int schrittmacher_client_heartbeat_unknown(schrittmacher_client *client);

/** Older name of schrittmacher_client_report_failed() without a reason. */
int schrittmacher_client_notify_failure(schrittmacher_client *client);

/**
 * Reports the state that a MESSAGE_LOCAL_... text stands for, without a reason. For the two texts of requests it
 * requests the failover or takeover.
 *
 * Errors: NULL. INVALID for another text. As the report functions.
 */
int schrittmacher_client_send_status(schrittmacher_client *client, const char *status);

#ifdef __cplusplus
} /* extern "C" */
#endif /* __cplusplus */

#endif  /* SCHRITTMACHERCLIENT_H */

/* In Objective-C this header also declares the class SchrittmacherClient, as it always did. */
#ifdef __OBJC__
#import <schrittmacherclient/UMSchrittmacherClient.h>
#endif
