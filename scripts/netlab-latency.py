#!/usr/bin/env python3
"""How fast the server answers over a real line, beside plain HTTP on the same line.

A server and a client in network namespaces, between them 50 ms of round trip and 10 Mbit/s each way, under cubic and
under BBR; three files. For each: `spot measure` (cold, warm and seek to 64 KiB that can be played; the rate of a
download), and plain HTTP in the same run: a range request of 64 KiB on a fresh connection, and the rate of a download,
which is called the line. Medians, with the least and the most; the exit code is 1 if a limit is exceeded.

    NETLAB=folder with lab.py     builds the namespaces; needs root
    SPOT=path                     the program; built if not named
"""

import argparse
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import testbed

FILES = ["vorbis160", "vorbis320", "flac"]
CONTROLS = ["cubic", "bbr"]
SECONDS = 240
START = 64 * 1024
PORT, HTTP_PORT = 4070, 8080

# Milliseconds, and the part of the line's rate that a download must reach. What comes before the sound is longer in
# FLAC: its packets are larger, so 64 KiB hold less that can be played.
WARM = {"vorbis160": 115, "vorbis320": 115, "flac": 130}
COLD_OVER_HTTP = 10
SEEK = 130
DOWNLOAD = 0.95


def main():
    if sys.argv[1:2] == ["http-serve"]:
        return http_serve(*sys.argv[2:])
    if sys.argv[1:2] == ["http-measure"]:
        return http_measure(*sys.argv[2:])
    options = argparse.ArgumentParser(description="Latency over a line of 50 ms and 10 Mbit/s.")
    options.add_argument("--runs", type=int, default=9, help="measurements of each kind, at least 7")
    options.add_argument("--json", action="store_true", help="print one JSON object and no table")
    options.add_argument("--control", choices=CONTROLS, action="append", help="only this congestion control")
    options.add_argument("--file", choices=FILES, action="append", help="only this file")
    options = options.parse_args()
    if options.runs < 7:
        sys.exit("fewer than 7 runs say nothing")
    missing = testbed.what_is_missing()
    if missing:
        print(f"skipped: {missing}")
        return 0

    spot = testbed.program()
    with tempfile.TemporaryDirectory() as scratch:
        music = Path(scratch, "music")
        music.mkdir()
        files = options.file or FILES
        for file in files:
            subprocess.run([spot, "tune", music / name(file), "--seconds", str(SECONDS), "--encoding", file], check=True)
        rows = []
        for control in options.control or CONTROLS:
            rows += measure(spot, Path(scratch), music, control, files, options.runs)
    if options.json:
        print(json.dumps({"limits": limits(), "rows": rows}, indent=1))
    else:
        print_table(rows)
    return 1 if any(row["exceeded"] for row in rows) else 0


def name(file):
    return f"{file}.{'flac' if file == 'flac' else 'ogg'}"


def limits():
    return {"warm_ms": WARM, "cold_minus_http_ms": COLD_OVER_HTTP, "seek_ms": SEEK, "download_of_line": DOWNLOAD}


# ---------------------------------------------------------------------------------------------- one congestion control


def topology(control):
    both = {"net.ipv4.tcp_congestion_control": control, "net.ipv4.tcp_no_metrics_save": "1"}
    return {
        "sysctl": both,
        "hosts": {
            # A listener's connection idles between tracks; the server is told not to start slowly at each.
            "server": {"sysctl": {"net.ipv4.tcp_slow_start_after_idle": "0"}},
            "client": {"link": {"rate": "10M", "rtt": 50}},
        },
    }


def measure(spot, scratch, music, control, files, runs):
    lab = testbed.lab().up(topology(control), name=f"spot{os.getpid()}")
    try:
        insist(lab.node("server")["ns"], control)
        return [measure_file(lab, *row) for row in start(lab, spot, scratch, music, control, files, runs)]
    finally:
        lab.down()


def insist(namespace, control):
    """Locks the routes of a namespace to a congestion control: a server that would choose BBR cannot (ip-route(8))."""
    routes = subprocess.run(["ip", "-n", namespace, "route", "show"], capture_output=True, text=True, check=True)
    for route in routes.stdout.splitlines():
        route = re.sub(r" (linkdown|dead|congctl( lock)? \w+)", "", route)
        subprocess.run(["ip", "-n", namespace, "route", "change", *route.split(), "congctl", "lock", control], check=True)


def start(lab, spot, scratch, music, control, files, runs):
    """Starts both servers; what to measure with them."""
    address = lab.node("server")["addr"]
    said = open(scratch / f"server-{control}.json", "w+")
    command = [spot, "serve", str(music), "--state", str(scratch / "state"), "--listen", f"{address}:{PORT}", "--json"]
    server = lab.popen("server", command, stdout=said)
    http = [sys.executable, os.path.abspath(__file__), "http-serve", address, str(HTTP_PORT), str(music)]
    lab.popen("server", http)
    listening, tracks = testbed.serving(server, said.name, len(files))
    device = str(scratch / f"device-{control}")
    for file in files:
        yield spot, control, file, listening, tracks[name(file)]["link"], device, runs


def measure_file(lab, spot, control, file, listening, link, device, runs):
    address = lab.node("server")["addr"]
    here = os.path.abspath(__file__)
    http = [sys.executable, here, "http-measure", address, str(HTTP_PORT), name(file), str(runs)]
    http = json.loads(lab.exec("client", http, timeout=300))
    seen = Watch(lab)
    measure = [spot, "measure", "--server", listening, "--device", device, link, "--runs", str(runs), "--json"]
    figures = json.loads(lab.exec("client", measure, timeout=600).splitlines()[-1])
    row = {
        "control": control,
        "ran": seen.stop(),
        "file": file,
        "http_ms": http["ms"],
        "line_bytes_per_s": http["bytes_per_s"],
        **{key: figures[key] for key in ("cold_ms", "warm_ms", "seek_ms", "download_bytes_per_s")},
    }
    row["exceeded"] = exceeded(row)
    return row


class Watch:
    """Which congestion control the server's connections run, seen from the kernel: a program may choose its own."""

    def __init__(self, lab):
        self.lab = lab
        self.seen = set()
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.watch, daemon=True)
        self.thread.start()

    def watch(self):
        while not self.ended.wait(1.0):
            lines = self.lab.exec("server", ["ss", "-tinH", "state", "established", f"sport = :{PORT}"])
            self.seen.update(re.findall(r"\b(cubic|bbr|reno)\b", lines))

    def stop(self):
        self.ended.set()
        self.thread.join()
        return "+".join(sorted(self.seen)) or "?"


def exceeded(row):
    median = {key: statistics.median(row[key]) for key in ("http_ms", "cold_ms", "warm_ms", "seek_ms")}
    checks = {
        "warm": median["warm_ms"] <= WARM[row["file"]],
        "cold": median["cold_ms"] - median["http_ms"] <= COLD_OVER_HTTP,
        "seek": median["seek_ms"] <= SEEK,
        "download": row["download_bytes_per_s"] >= DOWNLOAD * row["line_bytes_per_s"],
    }
    if min(len(row[key]) for key in ("http_ms", "cold_ms", "warm_ms", "seek_ms")) < 7:
        checks["runs"] = False
    return [check for check, met in checks.items() if not met]


def print_table(rows):
    def spread(values):
        return f"{statistics.median(values):.1f} ({min(values):.1f}-{max(values):.1f})"

    form = "{:<8} {:<6} {:<10} {:>22} {:>22} {:>6} {:>22} {:>22} {:>16}  {}"
    print("milliseconds to 64 KiB: median (least-most); download and line in Mbit/s")
    print(form.format("control", "ran", "file", "HTTP, fresh", "cold", "over", "warm", "seek", "download/line", "verdict"))
    for row in rows:
        over = statistics.median(row["cold_ms"]) - statistics.median(row["http_ms"])
        rates = [row[key] * 8e-6 for key in ("download_bytes_per_s", "line_bytes_per_s")]
        cells = [spread(row[key]) for key in ("http_ms", "cold_ms", "warm_ms", "seek_ms")]
        cells.insert(2, f"{over:+.1f}")
        verdict = f"EXCEEDED: {', '.join(row['exceeded'])}" if row["exceeded"] else "met"
        download = f"{rates[0]:.2f}/{rates[1]:.2f} {rates[0] / rates[1]:.2f}"
        print(form.format(row["control"], row["ran"], row["file"], *cells, download, verdict))
    warm = ", ".join(f"{file} {limit}" for file, limit in WARM.items())
    print(f"limits: warm {warm}; cold at most {COLD_OVER_HTTP} over HTTP; seek {SEEK}; download {DOWNLOAD} of the line")


# --------------------------------------------------------------------------------------------------------- plain HTTP


def http_serve(address, port, folder):
    files = {path.name: path.read_bytes() for path in Path(folder).iterdir()}

    def serve(line):
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        pending = b""
        while True:
            while b"\r\n\r\n" not in pending:
                got = line.recv(4096)
                if not got:
                    return
                pending += got
            request, _, pending = pending.partition(b"\r\n\r\n")
            path = request.split()[1].decode().lstrip("/")
            first, last = (int(n) for n in re.search(rb"bytes=(\d+)-(\d+)", request).groups())
            body = memoryview(files[path])[first : last + 1]
            head = f"HTTP/1.1 206 Partial Content\r\nContent-Length: {len(body)}\r\n"
            head += f"Content-Range: bytes {first}-{last}/{len(files[path])}\r\n\r\n"
            line.sendall(head.encode() + body)

    listener = socket.create_server((address, int(port)))
    while True:
        line, _ = listener.accept()
        threading.Thread(target=serve, args=(line,), daemon=True).start()


def http_measure(address, port, file, runs):
    there = (address, int(port))
    spans, rates = [], []
    for run in range(int(runs)):
        begun = time.monotonic()
        with connect(there) as line:
            get(line, file, run * START, START)
            spans.append((time.monotonic() - begun) * 1000)
        time.sleep(0.3)
    for _ in range(2):
        with connect(there) as line:
            # As `spot measure`: the rest of a file whose start is here already.
            total = get(line, file, 0, START)
            begun = time.monotonic()
            get(line, file, START, total - START)
            rates.append((total - START) / (time.monotonic() - begun))
    print(json.dumps({"ms": spans, "bytes_per_s": max(rates)}))


def connect(there):
    line = socket.create_connection(there, timeout=60)
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return line


def get(line, file, first, count, scratch=bytearray(256 * 1024)):
    """Fetches a range and throws it away; the length of the whole file."""
    line.sendall(f"GET /{file} HTTP/1.1\r\nHost: x\r\nRange: bytes={first}-{first + count - 1}\r\n\r\n".encode())
    head = b""
    while b"\r\n\r\n" not in head:
        head += line.recv(4096)
    head, _, body = head.partition(b"\r\n\r\n")
    left = count - len(body)
    while left:
        got = line.recv_into(scratch, min(left, len(scratch)))
        if not got:
            raise ConnectionError("the server hung up")
        left -= got
    return int(head.split(b"Content-Range:")[1].split(b"\r\n")[0].rsplit(b"/")[1])


if __name__ == "__main__":
    sys.exit(main())
