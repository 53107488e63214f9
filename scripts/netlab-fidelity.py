#!/usr/bin/env python3
"""Whether twelve listeners hear over real lines what they hear in the simulator.

The scenario `twelve` of `swarm` has a written list of plays. It is run in the simulator, and by twelve clients in network
namespaces whose lines are those of the scenario (examples/player/examples/listener.rs): the same plays at the same times, of
tracks of the same lengths. Printed side by side: where the music came from, how long the starts took, and how often the sound
stopped. The exit code is 1 if the two differ by more than the bounds. It takes as long as the list, about ten minutes. The
server leaves its congestion control to the system, here CUBIC (RFC 9438), which is what the simulator's lines do.

    NETLAB=folder with lab.py           builds the namespaces; needs root
    SPOT=path LISTENER=path SWARM=path  the programs; built if not named
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path

import testbed

SCENARIO = "twelve"
PORT = 4070
# Of which the demo's music takes about 120 kbit/s.
ENCODING = "160k"
# Microseconds of music in a page of Ogg: about 4 KiB, as libogg makes them. ffmpeg would put a second into each, and then two
# pieces would have to be here before anything can sound.
PAGE = "270000"
# Seconds between the start of one client and the next one, as in the simulator, and before the first.
APART, AHEAD = 0.25, 3
# Seconds after the end of the scenario in which the last client has to be done.
LATE = 60

# Parts of all; milliseconds, and parts of what the simulator says, whichever is more.
SHARE = 0.03
MEDIAN, NINTH = (20, 0.20), (60, 0.30)
HELD_MEDIAN, HELD_NINTH = (10, 0), (20, 0)


def main():
    options = argparse.ArgumentParser(description="The simulator beside real networks.")
    options.add_argument("--json", action="store_true", help="print one JSON object and no table")
    options.add_argument("--plays", action="store_true", help="print each play of both too")
    options.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="exchange a number")
    options.add_argument("--bbr", action="store_true", help="let the server ask for BBR, as it does by default")
    options.add_argument("--keep", type=Path, help="keep what the programs say in this folder")
    options.add_argument("--again", action="store_true", help="compare what was kept, and build no network")
    options = options.parse_args()
    if options.again and not options.keep:
        sys.exit("what was kept is in the folder that --keep names")
    missing = not options.again and what_is_missing()
    if missing:
        print(f"skipped: {missing}")
        return 0
    swarm = testbed.built("SWARM", "swarm", "--package", "spotp2p-swarm")
    settings = [part for setting in options.set for part in ("--set", setting)]
    scenario = tomllib.loads(said([swarm, "show", SCENARIO, *settings]))
    homes = [json.loads(line) for line in said([swarm, "show", SCENARIO, "--homes", *settings]).splitlines()]
    with tempfile.TemporaryDirectory() as scratch:
        scratch = options.keep or Path(scratch)
        if not options.again:
            run(scenario, homes, scratch, options.bbr)
        real, known = heard(scenario, scratch), f"tracks.known={json.dumps(lengths(scenario, scratch))}"
        command = [swarm, "run", SCENARIO, "--json", "--quiet", *settings, "--set", known]
        simulated = json.loads(said(command))["tally"]["heard"]
    rows = compare(simulated, real)
    if options.json:
        plays = {"simulated": simulated, "real": real} if options.plays else {}
        print(json.dumps({"rows": rows, **plays}, indent=1))
    else:
        table(rows)
        if options.plays:
            each(scenario["plays"], simulated, real)
    return 1 if any(row["exceeded"] for row in rows) else 0


def what_is_missing():
    return testbed.what_is_missing() or (None if shutil.which("ffmpeg") else "ffmpeg is missing")


def run(scenario, homes, scratch, bbr):
    spot = testbed.program()
    listener = testbed.built("LISTENER", "examples/listener", "--package", "spotp2p-player", "--example", "listener")
    make_music(spot, scratch / "music", scenario["tracks"])
    lab = testbed.lab().up(topology(scenario, homes), name=f"twelve{os.getpid()}")
    try:
        play(lab, spot, listener, scenario, scratch, bbr)
    finally:
        lab.down()


def said(command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def make_music(spot, folder, tracks):
    """As many tracks as the scenario has, each another stretch of the demo's music."""
    folder.mkdir(parents=True, exist_ok=True)
    count, seconds = tracks["count"], tracks["median_s"]
    if all((folder / f"{number}.ogg").is_file() for number in range(count)):
        return
    whole = folder.parent / "whole.wav"
    subprocess.run([spot, "tune", whole, "--seconds", str(int(count * seconds) + 1), "--encoding", "wav"], check=True)
    for number in range(count):
        command = ["ffmpeg", "-v", "error", "-y", "-ss", str(number * seconds), "-t", str(seconds), "-i", whole]
        command += ["-c:a", "libvorbis", "-b:a", ENCODING, "-page_duration", PAGE]
        subprocess.run([*command, "-metadata", f"title=Track {number}", folder / f"{number}.ogg"], check=True)
    whole.unlink()


def topology(scenario, homes):
    """The scenario's lines: half of each way is on the link of either side."""
    lines, distances, server = scenario["lines"], scenario["distances"], scenario["server"]
    if distances["across_ms"] or distances["jitter_ms"] or distances["continents"] > 1 or server["sites"] > 1:
        sys.exit("such distances are not in the namespaces")
    link = {"rtt": distances["least_ms"], "qms": lines["queue_ms"], "loss": 100 * lines["loss"]}

    def host(up, down, idle_reset):
        kernel = {
            "net.ipv4.tcp_congestion_control": "cubic",
            "net.ipv4.tcp_no_metrics_save": "1",
            "net.ipv4.tcp_slow_start_after_idle": str(int(idle_reset)),
        }
        return {"link": {**link, "up": f"{up:.0f}k", "down": f"{down:.0f}k"}, "sysctl": kernel}

    up = server["up_mbit_s"] * 1000
    hosts = {"server": host(up, up, server["idle_reset"])}
    for home in homes:
        hosts[f"home{home['who']}"] = host(home["up_kbit_s"], home["down_kbit_s"], lines["idle_reset"])
        hosts[f"home{home['who']}"]["firewall"] = not home["open"]
    return {"hosts": hosts}


def play(lab, spot, listener, scenario, scratch, bbr):
    """Has every listener hear their part of the list over real lines."""
    address = lab.node("server")["addr"]
    output = open(scratch / "server.json", "w+")
    command = [spot, "serve", str(scratch / "music"), "--state", str(scratch / "state"), "--json"]
    command += ["--listen", f"{address}:{PORT}"]
    command += [] if bbr else ["--system-congestion-control"]
    server = lab.popen("server", command, stdout=output)
    listening, tracks = testbed.serving(server, output.name, scenario["tracks"]["count"])
    tracks = [tracks[f"{number}.ogg"] for number in range(scenario["tracks"]["count"])]
    start = time.time() + AHEAD
    clients = [
        begin(lab, listener, listening, scratch, who, start, mine(scenario["plays"], who, tracks))
        for who in range(scenario["population"]["clients"])
    ]
    ends = start + 3600 * (scenario["time"]["warm_up_h"] + scenario["time"]["hours"]) + LATE
    for who, client in enumerate(clients):
        if client.wait(timeout=max(1, ends - time.time())):
            sys.exit(f"listener {who} failed: {Path(scratch, f'home{who}.txt').read_text()}")


def mine(plays, who, tracks):
    """The list of one listener, by links."""
    lines = []
    for play in plays:
        if play["who"] == who:
            line = {"link": tracks[play["track"]]["link"], "at_s": play.get("at_s"), "until_s": play.get("until_s")}
            line["expects"] = tracks[play["expects"]]["link"] if "expects" in play else None
            lines.append(json.dumps(line))
    return "\n".join(lines) + "\n"


def begin(lab, listener, listening, scratch, who, start, plays):
    """Starts a client when it is its turn."""
    (scratch / f"plays{who}.json").write_text(plays)
    time.sleep(max(0, start + APART * who - time.time()))
    command = [listener, "--server", listening, "--folder", str(scratch / f"home{who}"), "--port", str(PORT), "--plays",
               str(scratch / f"plays{who}.json"), "--start", str(start)]
    output, trouble = (open(scratch / f"home{who}.{kind}", "w+") for kind in ("json", "txt"))
    return lab.popen(f"home{who}", command, stdout=output, stderr=trouble)


def heard(scenario, scratch):
    """What came of each play of the list over real lines."""
    plays = []
    for who in range(scenario["population"]["clients"]):
        places = [number for number, play in enumerate(scenario["plays"]) if play["who"] == who]
        plays += [as_simulated(event, who, places) for event in testbed.events(scratch / f"home{who}.json")]
    return sorted(plays, key=lambda play: play["number"])


def lengths(scenario, scratch):
    """Milliseconds and bytes of each track, as the server told them."""
    tracks = [event for event in testbed.events(scratch / "server.json") if event["event"] == "track"]
    tracks.sort(key=lambda track: int(Path(track["path"]).stem))
    return [[track["duration_ms"], track["bytes"]] for track in tracks]


def as_simulated(event, who, places):
    """A play as the simulator reports it."""
    came = event["bytes"]
    return {
        "number": places[event["place"]],
        "who": who,
        "asked_s": event["asked_s"],
        "over_s": event["over_s"],
        "start_ms": event["first_sound_ms"],
        "stutters": event["stutters"],
        "came": {"cache": came["cache"], "peers": came["peers"] + came["lan"], "server": came["server"]},
    }


def compare(simulated, real):
    """Rows: what is compared, both numbers, and whether they are within the bounds."""
    held = {play["number"] for play in simulated if play["held"]}
    rows = []

    def row(name, unit, of, bound):
        one, other = of(simulated), of(real)
        within = abs(one - other) <= bound(one)
        row = {"row": name, "unit": unit, "simulated": one, "real": other, "bound": bound(one)}
        rows.append({**row, "exceeded": not within})

    def times(name, of, bound):
        row(name, "ms", of, lambda one: max(bound[0], bound[1] * one))

    for source, name in (("server", "the server"), ("peers", "peers"), ("cache", "the cache")):
        row(f"music from {name}", "part", lambda plays: share(plays, source), lambda _: SHARE)
    # Half of all plays start at once, and half wait for a round trip: between the two a median says nothing.
    kinds = [
        ("not held at the click", lambda play: play["number"] not in held, MEDIAN, NINTH),
        ("held at the click", lambda play: play["number"] in held, HELD_MEDIAN, HELD_NINTH),
    ]
    for name, chosen, median, ninth in kinds:
        times(f"start, {name}, p50", lambda plays: quantile(filter(chosen, plays), 0.5), median)
        times(f"start, {name}, p90", lambda plays: quantile(filter(chosen, plays), 0.9), ninth)
    times("start, all plays, p90", lambda plays: quantile(plays, 0.9), NINTH)
    times("start, all plays, mean", lambda plays: statistics.mean(starts(plays)), MEDIAN)
    row("plays that sounded", "count", lambda plays: len(starts(plays)), lambda _: 0)
    row("plays that stuttered", "count", lambda plays: sum(play["stutters"] > 0 for play in plays), lambda _: 1)
    return rows


def share(plays, source):
    return sum(play["came"][source] for play in plays) / sum(sum(play["came"].values()) for play in plays)


def starts(plays):
    return sorted(play["start_ms"] for play in plays if play["start_ms"] is not None)


def quantile(plays, part):
    those = starts(plays)
    return those[int(len(those) * part)]


def shown(value, unit):
    forms = {"part": f"{100 * value:.1f} %", "ms": f"{value:.0f} ms", "count": f"{value}"}
    return forms[unit]


def table(rows):
    form = "{:<34} {:>10} {:>10} {:>10}  {}"
    print(form.format(SCENARIO, "simulated", "real", "may differ", "verdict"))
    for row in rows:
        values = [shown(row[key], row["unit"]) for key in ("simulated", "real", "bound")]
        print(form.format(row["row"], *values, "EXCEEDED" if row["exceeded"] else "met"))


def each(plays, simulated, real):
    """A line for each play: as it was simulated, and as it was."""
    form = "{:>4} {:>4} {:>6} {:>9} {:>9} {:>22}   {:>9} {:>9} {:>22}"
    half = ("asked s", "start ms", "server, peers, cache kB")
    print(form.format("play", "who", "track", *half, *half))
    real = {play["number"]: play for play in real}
    for one in simulated:
        both = [part for play in (one, real.get(one["number"])) for part in parts(play)]
        print(form.format(one["number"], one["who"], plays[one["number"]]["track"], *both))


def parts(play):
    if play is None:
        return ("", "", "")
    came = " ".join(f"{play['came'][source] / 1e3:6.0f}" for source in ("server", "peers", "cache"))
    start = "none" if play["start_ms"] is None else f"{play['start_ms']:.1f}"
    return (f"{play['asked_s']:.2f}", start, came)


if __name__ == "__main__":
    sys.exit(main())
