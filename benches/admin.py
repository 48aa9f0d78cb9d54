#!/usr/bin/env python3
"""What monitoring costs: `benches/admin.py target/release/schrittmacher`, by hand. docs/performance.md has the figures.

Two daemons on loopback addresses. Reads of 1,000 and 10,000 resources: time, bytes, memory. Then ten resources with a heartbeat of
50 ms: how late heartbeats are, idle and while a thousand requests a second come.
"""

import itertools
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time

DAEMON = sys.argv[1]
ADDRESSES = ["127.77.0.1", "127.77.0.2"]
PORT, HTTP = 7700, 7780
ROUTES = [
    "GET /", "GET /metrics", "GET /api/v1/status", "GET /api/v1/history", "HEAD /", "GET /nothing",
    "POST /api/v1/resources/r0/failover?dry-run=yes",
]
SECONDS = 20


def request(line, host=ADDRESSES[0]):
    """Everything that comes back; empty if the daemon closes at once."""
    with socket.create_connection((host, HTTP), timeout=30) as door:
        door.sendall(f"{line} HTTP/1.0\r\nHost: {host}:{HTTP}\r\nContent-Length: 0\r\n\r\n".encode())
        parts = []
        while part := door.recv(1 << 20):
            parts.append(part)
        return b"".join(parts)


class Pair:
    def __init__(self, count, heartbeat):
        self.folder = tempfile.TemporaryDirectory()
        self.daemons = []
        for side, local in enumerate(ADDRESSES):
            root = f"{self.folder.name}/{side}"
            os.makedirs(root)
            core = (
                f"group = core\nlocal-address = {local}\nremote-address = {ADDRESSES[1 - side]}\nport = {PORT}\n"
                f"http-port = {HTTP}\nsecurity = legacy\nheartbeat = {heartbeat}\ntimeout = 10\napp-timeout = 3600\n"
                f"run-directory = {root}/run\nstate-directory = {root}/state\nlog-level = off\n"
            )
            resources = (f"\ngroup = resource\nname = r{n}\npriority = {1 - side}\nstart-action = true\nstop-action = true\n" for n in range(count))
            with open(f"{root}/conf", "w") as file:
                file.write(core + "".join(resources))
            self.daemons.append(subprocess.Popen([DAEMON, f"{root}/conf"], stderr=subprocess.DEVNULL))
        time.sleep(1 + count / 2000)
        reports = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        for status in ("LSBY", "LHOT"):
            for side, local in enumerate(ADDRESSES):
                word = status if side == 0 else "LSBY"
                for n in range(count):
                    reports.sendto(json.dumps({"random": 0, "status": word, "resource": f"r{n}", "priority": 0}).encode(), (local, PORT + 1))
                    time.sleep(0.0002)
            time.sleep(1)

    def pss(self):
        text = open(f"/proc/{self.daemons[0].pid}/smaps_rollup").read()
        return int(re.search(r"^Pss:\s+(\d+)", text, re.M).group(1)) / 1024

    def processor(self):
        fields = open(f"/proc/{self.daemons[0].pid}/stat").read().rsplit(") ", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def end(self):
        for daemon in self.daemons:
            daemon.kill()
            daemon.wait()
        self.folder.cleanup()


def lateness():
    """The histogram of the first daemon: bound and count."""
    text = request("GET /metrics").decode()
    found = re.findall(r'heartbeat_lateness_seconds_bucket\{le="([^"]+)"\} (\d+)', text)
    return [(float(bound), int(count)) for bound, count in found]


def quantile(before, after, part):
    """The upper end of the bucket that this part of the heartbeats is in, in milliseconds."""
    counts = [(bound, count - old) for (bound, count), (_, old) in zip(after, before)]
    return next(bound for bound, count in counts if count >= part * counts[-1][1]) * 1e3


def load(rate, seconds, routes):
    """RATE requests a second, by two processes with 24 threads each; gives how many were answered."""
    children = []
    for _ in range(2):
        read, write = os.pipe()
        if os.fork() == 0:
            answered = [0] * 24
            begin = time.monotonic()

            def ask(place):
                step = 48 / rate
                due = begin + place * step / 24
                for number in itertools.count(place):
                    now = time.monotonic()
                    if now > begin + seconds:
                        return
                    if due > now:
                        time.sleep(due - now)
                    due += step
                    try:
                        answered[place] += bool(request(routes[number % len(routes)]))
                    except OSError:
                        pass

            threads = [threading.Thread(target=ask, args=(place,)) for place in range(24)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            os.write(write, str(sum(answered)).encode())
            os._exit(0)
        os.close(write)
        children.append(read)
    return sum(int(os.read(child, 99)) for child in children)


def main():
    print("load of the machine:", open("/proc/loadavg").read().split()[0])
    for count in (1000, 10000):
        pair = Pair(count, 2)
        try:
            settled = pair.pss()
            for route in ("GET /metrics", "GET /api/v1/status", "GET /"):
                times = []
                for _ in range(5):
                    time.sleep(0.3)
                    begin = time.monotonic()
                    size = len(request(route))
                    times.append(time.monotonic() - begin)
                times.sort()
                print(f"{count} resources, {route}: {times[2] * 1e3:.0f} ms (median of 5), {size / 1e6:.2f} MB")
            print(f"{count} resources: PSS {settled:.1f} MiB settled, {pair.pss():.1f} MiB after that")
        finally:
            pair.end()
    pair = Pair(10, 0.05)
    try:
        for name, routes in (("idle", []), ("every route by turns", ROUTES), ("the flight record", ["GET /record"])):
            before, used = lateness(), pair.processor()
            answered = load(1000, SECONDS, routes) if routes else time.sleep(SECONDS) or 0
            after = lateness()
            share = (pair.processor() - used) / SECONDS
            late = ", ".join(f"p{part * 100:g} {quantile(before, after, part):g}" for part in (0.5, 0.99, 0.999))
            heartbeats = after[-1][1] - before[-1][1]
            print(f"{name}: {answered / SECONDS:.0f} answered/s: {heartbeats} heartbeats late by at most (ms) {late}; {share:.1%} of a core")
    finally:
        pair.end()


main()
