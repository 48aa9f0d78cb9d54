/*
 * schrittmacherclient.h - the client library of schrittmacher
 *
 * Of two hosts one does the work. The schrittmacher daemon on each host decides with its peer which one, and
 * tells the application: SIGUSR1 means "become hot", SIGUSR2 "become standby". The application tells the daemon
 * how it is: with a report at each change, and with a heartbeat every 1.5 seconds, which this library sends.
 *
 *     #include <schrittmacherclient/schrittmacherclient.h>
 *
 *     static void go_hot(schrittmacher_client *client, void *context)
 *     {
 *         start_to_work();
 *         schrittmacher_client_report_active(client, NULL);
 *     }
 *
 *     static void go_standby(schrittmacher_client *client, void *context)
 *     {
 *         stop_to_work();
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
 * cc app.c $(pkg-config --cflags --libs schrittmacherclient)
 *
 * What holds for every function here:
 *
 * Errors      A function that does something returns SCHRITTMACHER_OK (0) or a status code, SCHRITTMACHER_ERR_...;
 *             one that gets a number or a text returns the number or the length, or a negative status code.
 *             A failed function has changed nothing, unless it says otherwise. errno is left as it was.
 *             Where a comment says "Errors: INVALID" it means SCHRITTMACHER_ERR_INVALID; NULL, HANDLE, FORKED
 *             and INTERNAL are possible everywhere and not repeated.
 * Misuse      NULL, a client that was freed, a pointer that never was a client: a status code, no crash. A text
 *             or a buffer that is not what it claims to be cannot be detected.
 * Threads     Every function may be called from every thread, at the same time and for the same client, and
 *             from the application's functions that the library calls. In signal handlers:
 *             schrittmacher_client_notify_signal() and schrittmacher_strerror(), nothing else.
 * Ownership   Texts are copied, in both directions; the library keeps no pointer to them. Texts are UTF-8.
 *             A text is got into a buffer of the application's by the rule of snprintf(): it is cut if the buffer
 *             is too small, terminated always, and its whole length is returned. size 0 with buffer NULL asks for
 *             the length. A text that is returned as a pointer is static.
 * fork()      A client that is not started goes along into a child process. A started one stays with its process;
 *             in the child schrittmacher_client_start() takes it over. After fork() and before that, and in a
 *             child of a process with several threads before exec(), call nothing else but
 *             schrittmacher_client_free(). The descriptors of a client, two once it is started, are closed by
 *             exec(). Do not close them yourself.
 * Globals     The library installs no signal handler, starts no thread, writes nowhere and ends no process, except
 *             as asked for. With dlclose() it stays loaded.
 */
