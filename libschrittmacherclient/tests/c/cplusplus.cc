// The header and the library in a C++ program.

#include "check.h"

#include <string>

extern "C" {
static void go_hot(schrittmacher_client *client, void *context)
{
    *static_cast<std::string *>(context) += "hot";
    schrittmacher_client_report_active(client, "from C++");
}
}

int main()
{
    fake_daemon d = daemon_new();
    schrittmacher_client *client = client_new(d);
    std::string calls;

    begin();
    CHECK_OK(schrittmacher_client_set_go_hot_callback(client, go_hot, &calls));
    CHECK_OK(schrittmacher_client_start(client));
    CHECK_OK(schrittmacher_client_signal_go_hot(client));
    CHECK(calls == "hot");
    daemon_hear_text(d, "from C++");
    schrittmacher_client_free(client);
    std::puts("ok");
    return 0;
}
