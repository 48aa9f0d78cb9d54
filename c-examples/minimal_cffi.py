#!/usr/bin/env python3
"""minimal_cffi.py HEADER RESOURCE [PORT]: an application under schrittmacher in Python, with cffi and the C header.

It has no callbacks: it takes the signals itself, and reports."""

import re
import signal
import sys

import cffi

ffi = cffi.FFI()


def declarations(header):
    """The header's text without what cffi does not take: preprocessor lines and extern "C"."""
    text = re.sub(r"/\*.*?\*/", "", open(header, encoding="utf-8").read(), flags=re.DOTALL)
    text = re.sub(r"\\\n", "", text)
    return re.sub(r'^\s*#.*$|extern "C" \{|^\}\s*$', "", text, flags=re.MULTILINE)


def main():
    if len(sys.argv) < 3:
        sys.exit("usage: minimal_cffi.py HEADER RESOURCE [PORT]")
    ffi.cdef(declarations(sys.argv[1]))
    library = ffi.dlopen("libschrittmacherclient.so.3")

    def check(result):
        if result < 0 and result != library.SCHRITTMACHER_ERR_NO_DAEMON:
            raise RuntimeError(ffi.string(library.schrittmacher_strerror(result)).decode())

    orders = {signal.SIGUSR1, signal.SIGUSR2}
    signal.pthread_sigmask(signal.SIG_BLOCK, orders)
    place = ffi.new("schrittmacher_client **")
    check(library.schrittmacher_client_new(place))
    client = ffi.gc(place[0], library.schrittmacher_client_free)
    check(library.schrittmacher_client_set_resource_id(client, sys.argv[2].encode()))
    if len(sys.argv) > 3:
        check(library.schrittmacher_client_set_port(client, int(sys.argv[3])))
    check(library.schrittmacher_client_start(client))
    check(library.schrittmacher_client_report_unknown(client, b"just started"))
    while True:
        if signal.sigwait(orders) == signal.SIGUSR1:
            print("hot: this host does the work", flush=True)
            check(library.schrittmacher_client_report_active(client, ffi.NULL))
        else:
            print("standby: the other host does the work", flush=True)
            check(library.schrittmacher_client_report_inactive(client, ffi.NULL))


main()
