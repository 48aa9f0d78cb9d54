// raii.cc - the client library in C++: a client that is freed with its scope
//
// raii RESOURCE [PORT]

#include <schrittmacherclient/schrittmacherclient.h>

#include <csignal>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <stdexcept>

// A failed call throws. A missing daemon does not: the heartbeats go on trying.
static void check(int status)
{
    if (status < 0 && status != SCHRITTMACHER_ERR_NO_DAEMON) {
        throw std::runtime_error(schrittmacher_strerror(status));
    }
}

struct Free {
    void operator()(schrittmacher_client *client) const { schrittmacher_client_free(client); }
};
using Client = std::unique_ptr<schrittmacher_client, Free>;

static Client make_client(const char *resource, int port)
{
    schrittmacher_client *client = nullptr;
    check(schrittmacher_client_new(&client));
    Client owner(client);
    check(schrittmacher_client_set_resource_id(client, resource));
    check(schrittmacher_client_set_port(client, port));
    return owner;
}

int main(int argc, char **argv)
try {
    if (argc < 2) {
        std::cerr << "usage: raii RESOURCE [PORT]\n";
        return 64;
    }
    // Blocked in every thread, so that sigwait() below gets the orders and no handler is needed.
    sigset_t orders;
    sigemptyset(&orders);
    for (int signo : {SIGUSR1, SIGUSR2, SIGTERM}) {
        sigaddset(&orders, signo);
    }
    pthread_sigmask(SIG_BLOCK, &orders, nullptr);

    Client client = make_client(argv[1], argc > 2 ? std::atoi(argv[2]) : 7701);
    check(schrittmacher_client_start(client.get()));
    check(schrittmacher_client_report_unknown(client.get(), "just started"));
    for (int signo = 0; sigwait(&orders, &signo) == 0 && signo != SIGTERM;) {
        bool hot = signo == SIGUSR1;
        std::cout << (hot ? "hot" : "standby") << std::endl;
        check(hot ? schrittmacher_client_report_active(client.get(), nullptr)
                  : schrittmacher_client_report_inactive(client.get(), nullptr));
    }
    return 0;
} catch (const std::exception &error) {
    std::cerr << "raii: " << error.what() << '\n';
    return 1;
}
