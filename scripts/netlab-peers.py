#!/usr/bin/env python3
"""How music starts and where it comes from among peers, over real lines.

A server with an uplink of 2 Mbit/s, eight listeners that hold a track of four minutes and serve it (`spot seed`), and one
that plays it; 10 Mbit/s each, 50 ms of round trip between any two. The one that plays hears a short track first, so that
the next is a click on a standing connection. Rows:

    strangers   it has no neighbours when it clicks
    neighbours  the holders are its neighbours already
    stalled     two of the eight are stopped (SIGSTOP) 3 s after the click
    garbage     one of the eight sends bytes that nobody published; it has no neighbours when it clicks

For each: the time to the first sound, stutters, bytes by source. The exit code is 1 if a limit is exceeded.

    NETLAB=folder with lab.py     builds the namespaces; needs root
    SPOT=path CROOK=path          the programs; built if not named
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import testbed

ROWS = ["strangers", "neighbours", "stalled", "garbage"]
HOLDERS = 8
SECONDS = 245
SHORT = 60
SHORT_FROM = "1:58"
PORT = 4070

# Milliseconds to the first sound; the part of the bytes that the server may send.
START = {"strangers": 250, "neighbours": 150, "stalled": 150, "garbage": 250}
OF_SERVER = 0.10


def main():
    options = argparse.ArgumentParser(description="Peers over lines of 50 ms and 10 Mbit/s.")
    options.add_argument("--json", action="store_true", help="print one JSON object and no table")
    options.add_argument("--row", choices=ROWS, action="append", help="only this row")
    options.add_argument("--keep", type=Path, help="keep what the programs say in this folder")
    options = options.parse_args()
    missing = testbed.what_is_missing()
    if missing:
        print(f"skipped: {missing}")
        return 0
    spot = testbed.program()
    crook = testbed.built("CROOK", "examples/crook", "--package", "spotp2p-tokio", "--example", "crook")
    with tempfile.TemporaryDirectory() as scratch:
        scratch = options.keep or Path(scratch)
        music = scratch / "music"
        music.mkdir(parents=True, exist_ok=True)
        for name, seconds in (("long", SECONDS), ("short", SHORT)):
            subprocess.run(
                [spot, "tune", music / f"{name}.ogg", "--seconds", str(seconds), "--encoding", "vorbis160"], check=True
            )
        rows = [run(row, spot, crook, music, scratch / row) for row in options.row or ROWS]
    for row in rows:
        row["exceeded"] = exceeded(row)
    if options.json:
        print(json.dumps({"limits": {"start_ms": START, "of_server": OF_SERVER}, "rows": rows}, indent=1))
    else:
        table(rows)
    return 1 if any(row["exceeded"] for row in rows) else 0


def topology():
    line = {"rate": "10M", "rtt": 25}
    hosts = {"server": {"link": {"down": "10M", "up": "2M", "rtt": 25}}, "player": {"link": line}}
    hosts |= {f"holder{n}": {"link": line} for n in range(HOLDERS)}
    return {"hosts": hosts}


def run(row, spot, crook, music, scratch):
    scratch.mkdir(parents=True, exist_ok=True)
    lab = testbed.lab().up(topology(), name=f"{row[:6]}{os.getpid()}")
    try:
        return play(row, lab, spot, crook, music, scratch)
    finally:
        lab.down()


def play(row, lab, spot, crook, music, scratch):
    address = lab.node("server")["addr"]
    said = open(scratch / "server.json", "w+")
    command = [spot, "serve", str(music), "--state", str(scratch / "state"), "--listen", f"{address}:{PORT}", "--json"]
    server = lab.popen("server", command, stdout=said)
    listening, tracks = testbed.serving(server, said.name, 2)
    long, short = tracks["long.ogg"], tracks["short.ogg"]
    # Holders fetch from each other too: one after the other they cost the server the least.
    holders = []
    strangers = row in ("strangers", "garbage")
    for n in range(HOLDERS - (row == "garbage")):
        links = [long["link"]] + ([] if strangers else [short["link"]])
        holders.append(seed(lab, spot, listening, scratch, f"holder{n}", links))
        kept(holders[-1], len(links))
    if row == "garbage":
        said = open(scratch / "crook.txt", "w+")
        command = [crook, "--server", listening, "--file", long["file"], "--port", str(PORT), "--as", "garbage"]
        lab.popen(f"holder{HOLDERS - 1}", command, stdout=said, stderr=said)
        time.sleep(2)
    output = open(scratch / "player.json", "w+")
    command = [spot, "play", "--server", listening, "--device", str(scratch / "player"), "--cache-dir",
               str(scratch / "player-cache"), "--port", str(PORT), "--output", "null", "--json", f"{short['link']}#{SHORT_FROM}", long["link"]]
    player = lab.popen("player", command, stdout=output, stderr=open(scratch / "player.txt", "w"))
    while len(testbed.events(output.name)) < 1 and player.poll() is None:
        time.sleep(0.05)
    if row == "stalled":
        time.sleep(3)
        for process, _ in holders[:2]:
            process.send_signal(signal.SIGSTOP)
    if player.wait(timeout=SECONDS + 120):
        sys.exit(f"{row}: the player failed: {Path(scratch, 'player.txt').read_text()}")
    for process, _ in holders[:2]:
        # Or they could not be ended.
        process.send_signal(signal.SIGCONT)
    played = [event for event in testbed.events(output.name) if event["event"] == "played"]
    report = played[-1]
    sent = sum(report["bytes"].values())
    return {
        "row": row,
        "start_ms": report["first_sound_ms"],
        "stutters": report["stutters"],
        "forged": report["pieces_forged"],
        "bytes": report["bytes"],
        "of_server": report["bytes"]["server"] / sent,
    }


def seed(lab, spot, listening, scratch, host, links):
    said = open(scratch / f"{host}.json", "w+")
    command = [spot, "seed", "--server", listening, "--device", str(scratch / host), "--cache-dir",
               str(scratch / f"{host}-cache"), "--port", str(PORT), "--json", *links]
    return lab.popen(host, command, stdout=said, stderr=open(scratch / f"{host}.txt", "w")), said.name


def kept(holder, tracks):
    process, said = holder
    deadline = time.monotonic() + 120
    while max((event["kept"] for event in testbed.events(said)), default=0) < tracks:
        if time.monotonic() > deadline or process.poll() is not None:
            sys.exit(f"a holder does not fetch what it is to hold: {said}")
        time.sleep(0.2)


def exceeded(row):
    checks = {
        "start": row["start_ms"] <= START[row["row"]],
        "stutters": row["stutters"] == 0,
        "server": row["of_server"] <= OF_SERVER,
        "garbage": row["forged"] > 0 if row["row"] == "garbage" else True,
    }
    return [check for check, met in checks.items() if not met]


def table(rows):
    form = "{:<11} {:>12} {:>9} {:>9} {:>9} {:>9} {:>9} {:>11}  {}"
    print(form.format("row", "first sound", "stutters", "cache", "peers", "lan", "server", "of server", "verdict"))
    for row in rows:
        sizes = [f"{row['bytes'][source] / 1e6:.2f} MB" for source in ("cache", "peers", "lan", "server")]
        verdict = f"EXCEEDED: {', '.join(row['exceeded'])}" if row["exceeded"] else "met"
        print(form.format(row["row"], f"{row['start_ms']:.0f} ms", row["stutters"], *sizes, f"{row['of_server']:.1%}", verdict))
    limits = ", ".join(f"{row} {most}" for row, most in START.items())
    print(f"limits: first sound {limits} ms; no stutter; {OF_SERVER:.0%} of the bytes from the server")


if __name__ == "__main__":
    sys.exit(main())
