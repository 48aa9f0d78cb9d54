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
