#!/usr/bin/env python3
"""When the sound starts, and how often it stops, over slow lines that fade.

A server and many listeners in namespaces, all at once, each with a line of its own and 50 ms of round trip. The lines are
to the track as 300 kbit/s are to 160 (the demo's music takes less than its encoding's name says), and wander and fade to
nothing by their own seeds; a few have 10 Mbit/s instead. Each plays the last half minute of a track again and again into
a silent output, without a cache and without other listeners. Half of them fetch the next track ahead, half do not and
decide at every track anew when to start.

The table says how many plays there were, how many stuttered, and how long the starts took; the exit code is 1 if a limit
is exceeded. About a quarter of an hour.

    NETLAB=folder with lab.py     builds the namespaces; needs root
    SPOT=path                     the program; built if not named
"""

import argparse
import json
import math
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import testbed

PORT = 4070
SLOW, FAST = 104, 6
# The tune's length, and how much of its end a play is, in seconds.
SECONDS, STRETCH = 127, 30
PLAYS = 20

RTT = 50
# The line's rate over the track's.
RATIO = 300 / 160
# Seconds between fades, and how long they last.
FADES, FADE = (20, 90), (0.5, 4)
# The rate's standard deviation in natural logarithms, and its correlation from one quarter of a second to the next.
SPREAD, KEEPS, STEP = 0.15, 0.9, 0.25

# Milliseconds; the upper end of the interval of 95 % of the part of plays that stutter; plays that have to have been.
WARM = 120
STUTTERS = 0.02
# The part of tracks that follow with no sample between, over lines that fade; over others all.
GAPLESS = 0.9
ENOUGH = 1_000


def main():
    options = argparse.ArgumentParser(description="Starts and stutters over slow lines that fade.")
    options.add_argument("--json", action="store_true", help="print one JSON object and no table")
    options.add_argument("--plays", type=int, default=PLAYS, help="tracks that each listener plays")
    options.add_argument("--slow", type=int, default=SLOW, help="listeners with slow lines")
    options.add_argument("--seed", type=int, default=1, help="another one gives other lines")
    options.add_argument("--keep", type=Path, help="keep what the programs say in this folder")
    options = options.parse_args()
    missing = testbed.what_is_missing()
    if missing:
        print(f"skipped: {missing}")
        return 0

    spot = testbed.program()
    with tempfile.TemporaryDirectory() as scratch:
        scratch = options.keep or Path(scratch)
        music = scratch / "music"
        music.mkdir(parents=True, exist_ok=True)
        command = [spot, "tune", music / "tune.ogg", "--seconds", str(SECONDS), "--encoding", "vorbis160"]
        subprocess.run(command, check=True)
        rows = run(spot, music, scratch, options)
    for row in rows:
        row["exceeded"] = exceeded(row)
    if options.json:
        print(json.dumps({"limits": {"warm_ms": WARM, "stutters": STUTTERS, "plays": ENOUGH}, "rows": rows}, indent=1))
    else:
        table(rows)
    return 1 if any(row["exceeded"] for row in rows) else 0


def run(spot, music, scratch, options):
    slow = [f"slow{n}" for n in range(options.slow)]
    fast = [f"fast{n}" for n in range(FAST)]
    # A connection idles between tracks; the server is told not to start slowly at each.
    idle = {"net.ipv4.tcp_slow_start_after_idle": "0"}
    hosts = {"server": {"link": {"rate": "200M", "rtt": 1}, "sysctl": idle}}
    hosts |= {host: {"link": {"rate": "300k", "rtt": RTT - 1}} for host in slow}
    hosts |= {host: {"link": {"rate": "10M", "rtt": RTT - 1}} for host in fast}
    lab = testbed.lab().up({"hosts": hosts}, name=f"playout{os.getpid()}")
    try:
        return listen(lab, spot, music, scratch, slow, fast, options)
    finally:
        lab.down()


def fading(mean, chance):
    """Rates of a line for 20 minutes, in bits a second, from its seed."""
    lines, at, off = [], 0.0, chance.gauss(0, SPREAD)
    fade = chance.uniform(*FADES)
    until = 0.0
    while at < 1200:
        off = KEEPS * off + math.sqrt(1 - KEEPS * KEEPS) * chance.gauss(0, SPREAD)
        if at >= fade:
            until = at + chance.uniform(*FADE)
            fade = until + chance.uniform(*FADES)
        rate = 2_000 if at < until else mean * math.exp(off - SPREAD * SPREAD / 2)
        lines.append(f"{at:.2f} down.rate={rate:.0f}")
        at += STEP
    return "\n".join([*lines, f"{at:.2f} loop"]) + "\n"


def listen(lab, spot, music, scratch, slow, fast, options):
    address = lab.node("server")["addr"]
    said = open(scratch / "server.json", "w+")
    command = [spot, "serve", str(music), "--state", str(scratch / "state"), "--listen", f"{address}:{PORT}", "--json"]
    server = lab.popen("server", command, stdout=said)
    listening, tracks = testbed.serving(server, said.name, 1)
    tune = tracks["tune.ogg"]
    mean = RATIO * 8000 * tune["bytes"] / tune["duration_ms"]
    for n, host in enumerate(slow):
        schedule = scratch / f"{host}.schedule"
        schedule.write_text(fading(mean, random.Random(1000 * options.seed + n)))
        lab.sched(host, str(schedule))
    begin = tune["duration_ms"] // 1000 - STRETCH
    links = [f"{tune['link']}#{(begin - n % 5) // 60}:{(begin - n % 5) % 60:02}" for n in range(options.plays)]
    without = {*slow[1::2], *fast[1::2]}
    chance = random.Random(options.seed)
    waits = []
    for host in slow + fast:
        output = open(scratch / f"{host}.json", "w+")
        trouble = open(scratch / f"{host}.txt", "w+")
        command = [spot, "play", "--server", listening, "--device", str(scratch / host), "--cache-limit", "0",
                   "--peers", "off", "--output", "null", "--json"]
        command += ["--no-prefetch"] if host in without else []
        waits.append(lab.popen(host, [*command, *links], stdout=output, stderr=trouble))
        # Not all at one moment.
        time.sleep(chance.uniform(0, 0.5))
    for listener in waits:
        if listener.wait(timeout=1500):
            sys.exit("a listener failed; see --keep")
    played = {host: list(testbed.events(scratch / f"{host}.json")) for host in slow + fast}
    return [
        row("10 Mbit/s", fast[::2], played),
        row("10 Mbit/s, no prefetch", fast[1::2], played),
        row("fading", slow[::2], played),
        row("fading, no prefetch", slow[1::2], played),
    ]


def row(name, hosts, played):
    plays = [play for host in hosts for play in played[host]]
    # The first of each is a new connection over a line of which nothing is known.
    starts = sorted(play["first_sound_ms"] for host in hosts for play in played[host][1:])
    predicted = [start for play in plays for start in play["starts"] if start["basis"] == "forecast"]
    stuttered = sum(play["stutters"] > 0 for play in plays)
    return {
        "row": name,
        "plays": len(plays),
        "stuttered": stuttered,
        "bound": wilson(stuttered, len(plays))[1],
        "predicted": statistics.mean(start["risk"] for start in predicted) if predicted else None,
        "first_ms": statistics.median(played[host][0]["first_sound_ms"] for host in hosts),
        "start_ms": starts[len(starts) // 2],
        "start_90_ms": starts[len(starts) * 9 // 10],
        "start_most_ms": starts[-1],
        "gapless": gapless(plays),
    }


def gapless(plays):
    """The part of tracks that follow another with no sample between."""
    gaps = [play["gap_samples"] for play in plays if play["gap_samples"] is not None]
    return sum(gap == 0 for gap in gaps) / len(gaps)


def wilson(count, of):
    """Wilson's interval of 95 % (1927)."""
    rate, z = count / of, 1.96
    middle = (rate + z * z / (2 * of)) / (1 + z * z / of)
    half = z * math.sqrt(rate * (1 - rate) / of + z * z / (4 * of * of)) / (1 + z * z / of)
    return middle - half, middle + half


def exceeded(row):
    checks = {"stutters": row["bound"] <= STUTTERS, "plays": row["plays"] >= ENOUGH}
    if row["row"].startswith("10 Mbit/s"):
        checks = {"start": row["start_ms"] <= WARM, "stutters": row["stuttered"] == 0}
    if "no prefetch" not in row["row"]:
        checks["gapless"] = row["gapless"] >= (1 if "10 Mbit/s" in row["row"] else GAPLESS)
    return [check for check, met in checks.items() if not met]


def table(rows):
    form = "{:<24} {:>6} {:>10} {:>9} {:>10} {:>9} {:>8} {:>8} {:>8} {:>8}  {}"
    print(form.format("line", "plays", "stuttered", "up to", "predicted", "1st play", "start", "of 90 %", "most", "gapless", "verdict"))
    for row in rows:
        seconds = [f"{row[key] / 1e3:.2f} s" for key in ("first_ms", "start_ms", "start_90_ms", "start_most_ms")]
        predicted = "" if row["predicted"] is None else f"{100 * row['predicted']:.2f} %"
        verdict = f"EXCEEDED: {', '.join(row['exceeded'])}" if row["exceeded"] else "met"
        gap = f"{100 * row['gapless']:.1f} %"
        stuttered = f"{row['stuttered']} {100 * row['stuttered'] / row['plays']:.2f} %"
        print(form.format(row["row"], row["plays"], stuttered, f"{100 * row['bound']:.2f} %", predicted, *seconds, gap, verdict))
    print(f"limits: at 10 Mbit/s median start after the first play {WARM} ms, no stutter, all gapless; over lines that fade the")
    print(f"upper end of the stutters' interval of 95 % at most {100 * STUTTERS:.0f} %, of at least {ENOUGH:,} plays, {100 * GAPLESS:.0f} % gapless")


if __name__ == "__main__":
    sys.exit(main())
