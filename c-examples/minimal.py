#!/usr/bin/env python3
"""minimal.py RESOURCE [PORT]: an application under schrittmacher in Python, with ctypes alone."""

import ctypes
import queue
import sys

NO_DAEMON = -9  # SCHRITTMACHER_ERR_NO_DAEMON
HOT = 101  # SchrittmacherClientWantedState_hot

library = ctypes.CDLL("libschrittmacherclient.so.3")
Callback = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)


def call(name, *arguments):
    """Calls schrittmacher_client_NAME. A missing daemon is no error: the heartbeats go on trying."""
    result = getattr(library, "schrittmacher_client_" + name)(*arguments)
    if result < 0 and result != NO_DAEMON:
        text = library.schrittmacher_strerror
        text.restype = ctypes.c_char_p
        raise RuntimeError(f"{name}: {text(result).decode()}")
    return result


def main():
    if len(sys.argv) < 2:
        sys.exit("usage: minimal.py RESOURCE [PORT]")
    orders = queue.SimpleQueue()
    client = ctypes.c_void_p()
    call("new", ctypes.byref(client))
    call("set_resource_id", client, sys.argv[1].encode())
    if len(sys.argv) > 2:
        call("set_port", client, int(sys.argv[2]))
    # Runs on the library's thread, and wakes the main thread. The variable keeps it from being collected.
    on_order = Callback(lambda client, context: orders.put(None))
    call("set_go_hot_callback", client, on_order, None)
    call("set_go_standby_callback", client, on_order, None)
    call("install_signal_handlers", client)
    call("start", client)
    call("report_unknown", client, b"just started")
    while True:
        orders.get()
        if call("get_wanted_state", client) == HOT:
            print("hot: this host does the work", flush=True)
            call("report_active", client, None)
        else:
            print("standby: the other host does the work", flush=True)
            call("report_inactive", client, None)


main()
