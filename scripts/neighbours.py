#!/usr/bin/env python3
"""What a listener with sixty neighbours costs, on loopback.

One listener plays a track of 320 kbit/s that eight others hold and serve; sixty more play a track that it holds alone, so
they become its neighbours. Prints its resident memory (the most there was) and its part of a core while it plays and serves.
The exit code is 1 if a limit is exceeded.

    SPOT=path     the program; built if not named
"""

import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import testbed

NEIGHBOURS = 60
HOLDERS = 8
WATCH = 40
RESIDENT_MB = 50
OF_A_CORE = 0.03


def main():
    spot = testbed.program()
    running = []
    with tempfile.TemporaryDirectory() as scratch:
        try:
            return measure(spot, Path(scratch), running)
        finally:
            for process in running:
                process.kill()
            for process in running:
                process.wait()


def measure(spot, scratch, running):
    music = scratch / "music"
    music.mkdir()
    for name, encoding in (("short.ogg", "vorbis160"), ("long.ogg", "vorbis320")):
        subprocess.run([spot, "tune", music / name, "--seconds", "120", "--encoding", encoding], check=True)
    said = open(scratch / "server.json", "w+")
    serve = [spot, "serve", music, "--state", scratch / "state", "--listen", "127.0.0.1:0", "--json"]
    running.append(subprocess.Popen(serve, stdout=said))
    listening, tracks = testbed.serving(running[0], said.name, 2)
    short, long = tracks["short.ogg"]["link"], tracks["long.ogg"]["link"]

    def listener(what, name, *words):
        output = open(scratch / f"{name}.json", "w+")
        command = [spot, *what, "--server", listening, "--device", scratch / name, "--cache-dir", scratch / f"{name}-cache",
                   "--json", *words]
        running.append(subprocess.Popen(command, stdout=output, stderr=subprocess.DEVNULL))
        return running[-1], output.name

    # Those that only take announce nothing, so all of them come to the one that is measured for the short track.
    for n in range(HOLDERS):
        holder = listener(["seed"], f"holder-{n}", long)
        until(lambda: last(holder, "kept") >= 1, "a holder has the track")
    keeping, _ = listener(["offline", "add"], "measured", short)
    until(lambda: keeping.poll() is not None, "the measured one has the short track")
    measured, _ = listener(["play"], "measured", "--output", "null", long)
    time.sleep(2)
    for n in range(NEIGHBOURS):
        listener(["play"], f"neighbour-{n}", "--metered", "--output", "null", short)
    until(lambda: connections(measured.pid) > NEIGHBOURS, "it has its neighbours")
    time.sleep(3)
    begun, before = time.monotonic(), cpu_seconds(measured.pid)
    time.sleep(WATCH)
    part = (cpu_seconds(measured.pid) - before) / (time.monotonic() - begun)
    resident = most_resident(measured.pid)
    links = connections(measured.pid)
    met = links >= NEIGHBOURS and resident <= RESIDENT_MB and part <= OF_A_CORE
    print(f"connections {links}, resident {resident:.1f} MB, {part:.2%} of a core at 320 kbit/s: {'met' if met else 'EXCEEDED'}")
    print(f"limits: {NEIGHBOURS} neighbours, {RESIDENT_MB} MB, {OF_A_CORE:.0%} of a core")
    return 0 if met else 1


def last(listener, field):
    events = testbed.events(listener[1])
    return events[-1][field] if events else 0


def until(true, what, seconds=60):
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            sys.exit(f"waited in vain: {what}")
        time.sleep(0.1)


def cpu_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def most_resident(pid):
    return int(re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[1]) / 1024


def connections(pid):
    """Established connections of a process."""
    lines = subprocess.run(["ss", "-tnpH", "state", "established"], capture_output=True, text=True, check=True).stdout
    return sum(f"pid={pid}," in line for line in lines.splitlines())


if __name__ == "__main__":
    sys.exit(main())
