/* A host that loads and unloads the library at run time: plugin LIBRARY */

#include <dlfcn.h>

#include "check.h"

typedef int (*new_function)(schrittmacher_client **client);
typedef int (*int_function)(schrittmacher_client *client, int value);
typedef int (*text_function)(schrittmacher_client *client, const char *text);
typedef int (*plain_function)(schrittmacher_client *client);
typedef void (*free_function)(schrittmacher_client *client);

/* ISO C has no conversion of an object pointer to a function pointer; POSIX has, and says to write it so. */
#define LOOK_UP(library, type, variable, name) \
    type variable; \
    *(void **)&variable = dlsym(library, name); \
    CHECK(variable != NULL)

int main(int argc, char **argv)
{
    struct fake_daemon d = daemon_new();
    int round;

    begin();
    CHECK(argc == 2);
    for (round = 0; round < 3; round++) {
        void *library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
        schrittmacher_client *client;

        CHECK(library != NULL);
        LOOK_UP(library, new_function, client_new_, "schrittmacher_client_new");
        LOOK_UP(library, int_function, set_port, "schrittmacher_client_set_port");
        LOOK_UP(library, text_function, set_resource_id, "schrittmacher_client_set_resource_id");
        LOOK_UP(library, plain_function, install, "schrittmacher_client_install_signal_handlers");
        LOOK_UP(library, plain_function, start, "schrittmacher_client_start");
        LOOK_UP(library, text_function, report, "schrittmacher_client_report_active");
        LOOK_UP(library, free_function, client_free, "schrittmacher_client_free");
        CHECK(client_new_(&client) == SCHRITTMACHER_OK);
        CHECK(set_resource_id(client, "r1") == SCHRITTMACHER_OK);
        CHECK(set_port(client, d.port) == SCHRITTMACHER_OK);
        CHECK(install(client) == SCHRITTMACHER_OK);
        CHECK(start(client) == SCHRITTMACHER_OK);
        CHECK(report(client, NULL) == SCHRITTMACHER_OK);
        daemon_hear(d);
        client_free(client);
        CHECK(dlclose(library) == 0);
        /* The handler is the library's; without it the process would end. */
        raise(SIGUSR1);
    }
    puts("ok");
    return 0;
}
