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
