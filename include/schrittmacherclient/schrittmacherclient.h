/*
 * schrittmacherclient.h - the client library of schrittmacher
 *
 * Of two hosts one does the work. The schrittmacher daemon on each host agrees with its peer which one, and
 * tells the application: SIGUSR1 means "become hot", SIGUSR2 "become standby". The application tells the
 * daemon how it is: with a report at each change, and with a heartbeat every 1.5 seconds, which this library
 * sends by itself.
 *
 *     #include <schrittmacherclient/schrittmacherclient.h>
 *
 *     static void go_hot(schrittmacher_client *client, void *context)
 *     {
 *         start_work();
 *         schrittmacher_client_report_active(client, NULL);
 *     }
 *
 *     static void go_standby(schrittmacher_client *client, void *context)
 *     {
 *         stop_work();
 *         schrittmacher_client_report_inactive(client, NULL);
 *     }
 *
 *     schrittmacher_client *client = schrittmacher_client_new();
 *     schrittmacher_client_set_resource_id(client, "my-service");
 *     schrittmacher_client_set_go_hot_callback(client, go_hot, NULL);
 *     schrittmacher_client_set_go_standby_callback(client, go_standby, NULL);
 *     schrittmacher_client_install_signal_handlers(client);
 *     schrittmacher_client_start(client);
 *     schrittmacher_client_report_unknown(client, NULL);
 *
 *     cc app.c $(pkg-config --cflags --libs schrittmacherclient)
 *
 * An application with signal handlers of its own calls schrittmacher_client_notify_signal() in them, or
 * schrittmacher_client_signal_go_hot() and _go_standby() later. One with an event loop of its own needs no
 * second thread: schrittmacher_client_start_polled().
 *
 * What holds for every function:
 *
 * Errors     A function that does something returns SCHRITTMACHER_OK (0) or a status code. One that gets a
 *            number or a text returns the number or the length, or a negative status code. A failed call has
 *            changed nothing, unless its comment says otherwise. "Errors: INVALID" in a comment stands for
 *            SCHRITTMACHER_ERR_INVALID. NULL, HANDLE, FORKED and INTERNAL are possible everywhere and not
 *            repeated. errno stays as it was.
 * Misuse     NULL, a freed client, a pointer that never was a client: a status code, no crash. Only a text or
 *            a buffer that is not what it claims to be cannot be detected.
 * Threads    Every function may be called from every thread, for the same client at the same time, and from
 *            the functions of the application that the library calls. From signal handlers: only
 *            schrittmacher_client_notify_signal() and schrittmacher_strerror().
 * Ownership  Texts are UTF-8. They are copied, in both directions; the library keeps no pointer to one. A text
 *            is got into a buffer by the rule of snprintf(): cut if it does not fit, always terminated; the
 *            return value is its whole length, so that size 0 with buffer NULL asks for the length. A text
 *            that is returned as a pointer is static.
 * fork()     A client that is not started goes along into the child. A started one stays with the parent,
 *            until the child calls schrittmacher_client_start() or _start_polled(), which take it over. If
 *            another thread was inside the client during the fork, the child can only free it.
 * exec()     closes the descriptors of a client: two, from the first start on. A program that closes all its
 *            descriptors itself does so before the start, or starts the client anew at once, before their
 *            numbers are in use again: the library cannot know that they are no longer its own.
 * Globals    The library installs no signal handler, starts no thread, prints nothing and ends no process,
 *            except as asked for. After dlclose() it stays loaded.
 */

#ifndef SCHRITTMACHERCLIENT_H
#define SCHRITTMACHERCLIENT_H

#include <stddef.h>

/* The version of this header; the library's own is schrittmacher_client_version(). */
#define SCHRITTMACHERCLIENT_VERSION_MAJOR 3
#define SCHRITTMACHERCLIENT_VERSION_MINOR 0
#define SCHRITTMACHERCLIENT_VERSION_PATCH 0
#define SCHRITTMACHERCLIENT_VERSION "3.0.0"

/* ---- States ------------------------------------------------------------------------------------------------ */

/* What the daemon wants the application to be. (Objective-C has real enums of these names.) */
#ifndef __OBJC__
#define SchrittmacherClientWantedState_hot 101
#define SchrittmacherClientWantedState_standby 102

/* What the application is. */
#define SchrittmacherClientCurrentState_inactive 200               /* standby */
#define SchrittmacherClientCurrentState_active 201                 /* hot */
#define SchrittmacherClientCurrentState_failed 202
#define SchrittmacherClientCurrentState_unknown 203
#define SchrittmacherClientCurrentState_transiting_to_hot 204
#define SchrittmacherClientCurrentState_transiting_to_standby 205
#endif

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

/* How important a message for the log is; the library itself uses DEBUG, INFO, WARNING and MAJOR. */
#define SCHRITTMACHER_LOG_DEBUG 0
#define SCHRITTMACHER_LOG_INFO 1
#define SCHRITTMACHER_LOG_WARNING 2
#define SCHRITTMACHER_LOG_MINOR 3
#define SCHRITTMACHER_LOG_MAJOR 4
#define SCHRITTMACHER_LOG_PANIC 5

/* ---- Status codes ------------------------------------------------------------------------------------------ */

/** Done. */
#define SCHRITTMACHER_OK 0
/** A pointer is NULL that must not be. */
#define SCHRITTMACHER_ERR_NULL 1
/** The client is not one: never made, or freed. */
#define SCHRITTMACHER_ERR_HANDLE 2
/** An argument is out of its range, or a text is too long. */
#define SCHRITTMACHER_ERR_INVALID 3
/** A text is not UTF-8. */
#define SCHRITTMACHER_ERR_UTF8 4
/** No resource id is set. */
#define SCHRITTMACHER_ERR_NO_RESOURCE_ID 5
/** The client is not started. A reported state is kept and sent by the first heartbeat. */
#define SCHRITTMACHER_ERR_NOT_STARTED 6
/** The client runs its own thread, so there is nothing to dispatch. */
#define SCHRITTMACHER_ERR_NOT_POLLED 7
/** The daemon address cannot be resolved. */
#define SCHRITTMACHER_ERR_ADDRESS 8
/** Sent, but nobody listens there. The heartbeats go on. Noticed with a daemon on loopback only. */
#define SCHRITTMACHER_ERR_NO_DAEMON 9
/** The operating system refused something: see schrittmacher_client_last_errno(). */
#define SCHRITTMACHER_ERR_SYSTEM 10
/** The client was started by the process that forked this one: start it here, or free it. */
#define SCHRITTMACHER_ERR_FORKED 11
/** An internal error was caught. The client is silent from now on, so that the daemon notices. */
#define SCHRITTMACHER_ERR_INTERNAL 12

/** How many clients a process can have at a time. */
#define SCHRITTMACHER_CLIENTS_MAX 1024

/** A client: one resource's connection to the local daemon. */
typedef struct schrittmacher_client schrittmacher_client;

/** A function of the application, called on an order of the daemon. */
typedef void (*schrittmacher_func_ptr)(void);

/** The same with the client and a pointer of the application's. */
typedef void (*schrittmacher_context_func)(schrittmacher_client *client, void *context);

/**
 * A function that takes a message for the log: a SCHRITTMACHER_LOG_... level and a text without newline,
 * which is gone after the call.
 */
typedef void (*schrittmacher_log_func)(void *context, int level, const char *message);

#ifdef __cplusplus
extern "C" {
#endif /* __cplusplus */

/* ---- Errors and version ------------------------------------------------------------------------------------ */

/**
 * The text for a status code, in English. Takes the negative numbers of the get functions too. Never NULL;
 * the text is static. May be called from anywhere, signal handlers included.
 */
const char *schrittmacher_strerror(int status);

/**
 * The library's version, for example "3.0.0". Never NULL; the text is static. May differ from
 * SCHRITTMACHERCLIENT_VERSION, which is the version of the header that the program was compiled with.
 */
const char *schrittmacher_client_version(void);

/* ---- Life cycle -------------------------------------------------------------------------------------------- */

/**
 * Makes a client with the default settings. Opens and starts nothing. Free it with
 * schrittmacher_client_free(). NULL if the process has SCHRITTMACHER_CLIENTS_MAX clients already.
 */
schrittmacher_client *schrittmacher_client_new(void);

/**
 * Stops the client and frees it. No function of the application is called for it afterwards, except by other
 * threads that are inside the client just now; a function that calls this goes on to its end. NULL and a
 * client that is freed already are fine. In a child process, by fork(), no thread is waited for.
 *
 * What may not happen, here and in schrittmacher_client_stop(): to hold a lock that a running go-hot,
 * go-standby or log function waits for.
 */
void schrittmacher_client_free(schrittmacher_client *client);

/**
 * Opens a socket, and starts a thread that repeats the last report to the daemon every heartbeat interval,
 * for the first time one interval from now. Sends nothing itself: call a report function next. A started
 * client is stopped and started anew.
 *
 * The thread has all signals blocked and 256 KiB of stack. It calls the go-hot and go-standby functions for
 * orders that came by schrittmacher_client_notify_signal() or the installed handlers. While such a function
 * runs no heartbeat leaves, so it has to return well within the daemon's patience (app-timeout, 10 s by
 * default): begin the switch there, report the end of it later, from any thread.
 *
 * A host name as daemon address is resolved here, which can take the resolver's time.
 *
 * In a child process of the one that started the client this takes the client over for the child; it then
 * reports the child's pid. The parent's keeps running there.
 *
 * Errors: ADDRESS, SYSTEM. FORKED, if another thread of the parent was inside the client during the fork.
 * After an error the client is stopped and can be started again.
 */
int schrittmacher_client_start(schrittmacher_client *client);

/**
 * Like schrittmacher_client_start(), but without a thread: for applications with an event loop of their own.
 * Watch the descriptor schrittmacher_client_poll_fd() for reading, and call schrittmacher_client_dispatch()
 * when it is readable. The heartbeat then proves that the loop is alive.
 */
int schrittmacher_client_start_polled(schrittmacher_client *client);

/**
 * Ends the heartbeats and closes the socket. Sends no farewell; the daemon notices the silence. Returns when
 * the thread has ended and with it a function of the application that it was running; called from such a
 * function it returns at once. Fine for a client that is not started.
 */
int schrittmacher_client_stop(schrittmacher_client *client);

/** 1 if the client is started, 0 if not, a negative status code on error. */
int schrittmacher_client_is_started(const schrittmacher_client *client);

/**
 * The descriptor to watch after schrittmacher_client_start_polled(): readable when
 * schrittmacher_client_dispatch() has something to do. The same until the client is freed. Neither read it
 * nor close it. A negative status code on error: NOT_STARTED before the first start.
 */
int schrittmacher_client_poll_fd(const schrittmacher_client *client);

/**
 * Does what there is to do: calls the go-hot or go-standby function for an order that came by signal, sends
 * a heartbeat that is due. Never waits. Calls too many do no harm.
 *
 * Errors: NOT_STARTED, NOT_POLLED; those of schrittmacher_client_do_heartbeat() if one was due.
 */
int schrittmacher_client_dispatch(schrittmacher_client *client);

/**
 * The errno of what the operating system last refused this client, in any thread: sending a heartbeat, for
 * example. 0 if it refused nothing, or if a message was sent since. A negative status code on error.
 */
int schrittmacher_client_last_errno(const schrittmacher_client *client);

/* ---- Settings ---------------------------------------------------------------------------------------------- */

/**
 * Sets the resource's name, as in the daemon's configuration: 1 to 255 bytes. Nothing can be sent without
 * it. NULL takes it away.
 *
 * Errors: INVALID, UTF8.
 */
int schrittmacher_client_set_resource_id(schrittmacher_client *client, const char *resource_id);

/** Copies the resource's name; "" if none is set. */
int schrittmacher_client_get_resource_id(const schrittmacher_client *client, char *buffer, size_t size);

/**
 * Sets the daemon's address: numeric, or a host name. NULL is the default: loopback, 127.0.0.1 or ::1 by the
 * address type. A started client goes over to it at once.
 *
 * A name is resolved at the start, or here if the client is started, and never again.
 *
 * Errors: UTF8. If the client is started: ADDRESS, SYSTEM, and the client goes on with the old address.
 */
int schrittmacher_client_set_daemon_address(schrittmacher_client *client, const char *address);

/** Copies the daemon's address; "" if none is set. */
int schrittmacher_client_get_daemon_address(const schrittmacher_client *client, char *buffer, size_t size);

/**
 * Sets the daemon's port for applications: the port of its configuration plus one. 1 to 65535, default 7701.
 * A started client goes over to it at once.
 *
 * Errors: INVALID. If the client is started: ADDRESS, SYSTEM, and the client goes on with the old port.
 */
int schrittmacher_client_set_port(schrittmacher_client *client, int port);

/** The daemon's port, or a negative status code. */
int schrittmacher_client_get_port(const schrittmacher_client *client);

/**
 * Sets which internet protocol to use where the daemon's address leaves it open (a host name, or NULL):
 * 4 (default) or 6. A started client goes over to it at once.
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
 * Sets the process that the daemon watches and signals. Default: the process that uses the client, also after
 * a fork(). 0: messages name no process, and the daemon neither watches nor signals one.
 *
 * Errors: INVALID if negative.
 */
int schrittmacher_client_set_pid(schrittmacher_client *client, int pid);

/** The process that messages name, 0 for none, or a negative status code. */
int schrittmacher_client_get_pid(const schrittmacher_client *client);

/**
 * Sets the port of the application's own administration page, for the daemon to link to. 0, the default: not
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
 * Sets how many heartbeats in a row may say "on the way"; with one more the application has failed. 0 or
 * more, default 30: 46 s.
 *
 * Errors: INVALID if negative.
 */
int schrittmacher_client_set_max_transiting_counter(schrittmacher_client *client, int heartbeats);

/** How many heartbeats in a row may say "on the way", or a negative status code. */
int schrittmacher_client_get_max_transiting_counter(const schrittmacher_client *client);

/**
 * Keeps a text for the application, up to 1399 bytes, as the legacy class did. It is never sent: what the
 * daemon shall know is the reason given to schrittmacher_client_report_failed(). NULL takes it away.
 *
 * Errors: INVALID, UTF8.
 */
int schrittmacher_client_set_failure_reason(schrittmacher_client *client, const char *reason);

/** Copies the kept text; "" if there is none. */
int schrittmacher_client_get_failure_reason(const schrittmacher_client *client, char *buffer, size_t size);

/* ---- The application's functions --------------------------------------------------------------------------- */

/**
 * Sets the function that makes the application hot; NULL for none. It replaces one that was set with
 * schrittmacher_client_set_go_hot_callback().
 *
 * A function is called with nothing locked: it may call everything, schrittmacher_client_free() included. It
 * may still be called once more after it was replaced, by a thread that was just about to. It must return
 * normally: neither longjmp() nor an exception may leave it.
 */
int schrittmacher_client_set_go_hot_func(schrittmacher_client *client, schrittmacher_func_ptr func);

/** The function that was set with schrittmacher_client_set_go_hot_func(); NULL if none, and on error. */
schrittmacher_func_ptr schrittmacher_client_get_go_hot_func(const schrittmacher_client *client);

/** Sets the function that makes the application standby; see schrittmacher_client_set_go_hot_func(). */
int schrittmacher_client_set_go_standby_func(schrittmacher_client *client, schrittmacher_func_ptr func);

/** The function that was set with schrittmacher_client_set_go_standby_func(); NULL if none, and on error. */
schrittmacher_func_ptr schrittmacher_client_get_go_standby_func(const schrittmacher_client *client);

/**
 * Like schrittmacher_client_set_go_hot_func(), for a function that gets the client and `context`. The
 * context is the application's: it has to last as long as the function may be called.
 */
int schrittmacher_client_set_go_hot_callback(schrittmacher_client *client,
                                             schrittmacher_context_func func,
                                             void *context);

/** Like schrittmacher_client_set_go_hot_callback(), for standby. */
int schrittmacher_client_set_go_standby_callback(schrittmacher_client *client,
                                                 schrittmacher_context_func func,
                                                 void *context);

/**
 * Sets the function that takes this client's messages for the log; NULL, the default, for none. It is called
 * on the thread that has something to tell, often the heartbeat thread; otherwise as
 * schrittmacher_client_set_go_hot_func().
 */
int schrittmacher_client_set_log_func(schrittmacher_client *client,
                                      schrittmacher_log_func func,
                                      void *context);

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
 * Sets whether schrittmacher_client_log() passes its texts on: 0 for no (default), anything else for yes.
 * The library's own messages do not depend on it.
 */
int schrittmacher_client_set_logging_enabled(schrittmacher_client *client, int enabled);

/** 1 if schrittmacher_client_log() passes its texts on, 0 if not, or a negative status code. */
int schrittmacher_client_get_logging_enabled(const schrittmacher_client *client);

/**
 * Passes a text of the application's to its log function, with the level SCHRITTMACHER_LOG_INFO, if logging
 * is enabled.
 *
 * Errors: NULL, UTF8.
 */
int schrittmacher_client_log(schrittmacher_client *client, const char *message);

/** Keeps a pointer for the application. The library does nothing with it. */
int schrittmacher_client_set_user_data(schrittmacher_client *client, void *user_data);

/** The kept pointer; NULL if none is set, and on error. */
void *schrittmacher_client_get_user_data(const schrittmacher_client *client);

/* ---- Reports ----------------------------------------------------------------------------------------------- */

/**
 * Tells the daemon that the application is hot: it does the work. The message leaves at once, on this
 * thread, and again with every heartbeat until the next report. `reason` is a text for the operator, NULL for
 * none; of a long one the first 1 KiB or so is sent. Takes a few microseconds and never waits.
 *
 * Errors, here and in the other report functions: UTF8, and nothing is changed. NOT_STARTED,
 * NO_RESOURCE_ID, NO_DAEMON, SYSTEM: the state is kept, and the heartbeats go on trying.
 */
int schrittmacher_client_report_active(schrittmacher_client *client, const char *reason);

/** The application is standby: healthy, and leaves the work to the other host. */
int schrittmacher_client_report_inactive(schrittmacher_client *client, const char *reason);

/** The application does not know what to be; the daemon shall decide. The usual first report. */
int schrittmacher_client_report_unknown(schrittmacher_client *client, const char *reason);

/** The application cannot work. If it was hot, the other host takes over. */
int schrittmacher_client_report_failed(schrittmacher_client *client, const char *reason);

/** The application is on its way to hot. */
int schrittmacher_client_report_transiting_to_hot(schrittmacher_client *client, const char *reason);

/** The application is on its way to standby. */
int schrittmacher_client_report_transiting_to_standby(schrittmacher_client *client, const char *reason);

/**
 * Sends a heartbeat now, besides those that leave anyway. Before the first report there is nothing to say,
 * and nothing is sent.
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
 * What the application said last, or is since an order: a SchrittmacherClientCurrentState_... number, 0
 * before the first report or order, or a negative status code.
 */
int schrittmacher_client_get_current_state(const schrittmacher_client *client);

/**
 * Sets the current state without sending anything; the next heartbeat does. 0: heartbeats are silent again.
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
 * What the application was last told to become: a SchrittmacherClientWantedState_... number, 0 before the
 * first order, or a negative status code.
 */
int schrittmacher_client_get_wanted_state(const schrittmacher_client *client);

/**
 * Sets the wanted state, and nothing else: an order is schrittmacher_client_signal_go_hot().
 *
 * Errors: INVALID.
 */
int schrittmacher_client_set_wanted_state(schrittmacher_client *client, int wanted_state);

/**
 * The wanted state as text: "hot", "standby"; "unknown wanted state 0" before the first order, and on error.
 * Never NULL; the text is static.
 */
const char *schrittmacher_client_wanted_state_string(const schrittmacher_client *client);

/** How many heartbeats and reports in a row have said "on the way", or a negative status code. */
int schrittmacher_client_get_transiting_counter(const schrittmacher_client *client);

/**
 * Sets that number: 0 gives a long switch more time.
 *
 * Errors: INVALID if negative.
 */
int schrittmacher_client_set_transiting_counter(schrittmacher_client *client, int heartbeats);

/* ---- Orders ------------------------------------------------------------------------------------------------ */

/**
 * Carries out the daemon's order to become hot, on this thread: sets the wanted state, and unless the
 * application is hot or on its way, sets the current state to transiting_to_hot and calls the go-hot
 * function before it returns. Sends nothing: the next heartbeat says "on the way". Not for signal handlers:
 * those call schrittmacher_client_notify_signal().
 */
int schrittmacher_client_signal_go_hot(schrittmacher_client *client);

/** Carries out the daemon's order to become standby; see schrittmacher_client_signal_go_hot(). */
int schrittmacher_client_signal_go_standby(schrittmacher_client *client);

/**
 * For the application's own handlers of SIGUSR1 (become hot) and SIGUSR2 (become standby): hands the signal
 * over and returns at once. The heartbeat thread carries out the order, as
 * schrittmacher_client_signal_go_hot() and _go_standby() do, or the next schrittmacher_client_dispatch(). If
 * several wait, the last one counts; before the start they wait for it.
 *
 * Async-signal-safe, and fine even if the client was freed meanwhile.
 *
 * Errors: INVALID for another signal.
 */
int schrittmacher_client_notify_signal(schrittmacher_client *client, int signo);

/**
 * Installs handlers for SIGUSR1 and SIGUSR2 that do what schrittmacher_client_notify_signal() does and then
 * call the handlers that were there before. The library never does so unasked. A second call changes nothing.
 *
 * They act for this client until it is freed; afterwards they only call the earlier handlers. A later
 * sigaction() or signal() for these signals by the application removes them without a trace: call this after
 * it.
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
 * Does what the status stands for, one of MESSAGE_LOCAL_...: reports that state, without a reason, or
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
