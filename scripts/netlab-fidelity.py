#!/usr/bin/env python3
"""Whether twelve listeners hear over real lines what they hear in the simulator.

The scenario `twelve` of `swarm` has a written list of plays. It is run in the simulator, and by twelve clients in network
namespaces whose lines are those of the scenario (examples/player/examples/listener.rs): the same plays at the same times, of
tracks of the same lengths. Printed side by side: where the music came from, how long the starts took, and how often the sound
stopped. The exit code is 1 if the two differ by more than the bounds. It takes as long as the list, about ten minutes.

    NETLAB=folder with lab.py           builds the namespaces; needs root
    SPOT=path LISTENER=path SWARM=path  the programs; built if not named
"""

import argparse
import json
import os
import shutil
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
# Seconds between the start of one client and the next one, as in the simulator, and before the first.
APART, AHEAD = 0.25, 3
# Seconds after the end of the scenario in which the last client has to be done.
LATE = 60

# Parts of all; milliseconds, and parts of what the simulator says, whichever is more.
SHARE = 0.05
MEDIAN, NINTH = (30, 0.20), (60, 0.30)


def main():
    options = argparse.ArgumentParser(description="The simulator beside real networks.")
    options.add_argument("--json", action="store_true", help="print one JSON object and no table")
    options.add_argument("--plays", action="store_true", help="print each play of both too")
    options.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="exchange a number of the scenario")
    options.add_argument("--keep", type=Path, help="keep what the programs say in this folder")
    options = options.parse_args()
    missing = testbed.what_is_missing() or (None if shutil.which("ffmpeg") else "ffmpeg is missing")
    if missing:
        print(f"skipped: {missing}")
        return 0
    spot = testbed.program()
    listener = testbed.built("LISTENER", "examples/listener", "--package", "spotp2p-player", "--example", "listener")
    swarm = testbed.built("SWARM", "swarm", "--package", "spotp2p-swarm")
    settings = [part for setting in options.set for part in ("--set", setting)]
    scenario = tomllib.loads(said([swarm, "show", SCENARIO, *settings]))
    homes = [json.loads(line) for line in said([swarm, "show", SCENARIO, "--homes", *settings]).splitlines()]
    with tempfile.TemporaryDirectory() as scratch:
        scratch = options.keep or Path(scratch)
        make_music(spot, scratch / "music", scenario["tracks"])
        lab = testbed.lab().up(topology(scenario, homes), name=f"twelve{os.getpid()}")
        try:
            real, known = play(lab, spot, listener, scenario, scratch)
        finally:
            lab.down()
        known = f"tracks.known={json.dumps(known)}"
        command = [swarm, "run", SCENARIO, "--json", "--quiet", *settings, "--set", known]
        simulated = json.loads(said(command))["tally"]["heard"]
        (scratch / "simulated.json").write_text(json.dumps(simulated))
    rows = compare(simulated, real)
    if options.json:
        print(json.dumps({"rows": rows, "simulated": simulated, "real": real} if options.plays else {"rows": rows}, indent=1))
    else:
        table(rows)
        if options.plays:
            each(scenario["plays"], simulated, real)
    return 1 if any(row["exceeded"] for row in rows) else 0


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
        command += ["-c:a", "libvorbis", "-b:a", ENCODING, "-metadata", f"title=Track {number}"]
        subprocess.run([*command, folder / f"{number}.ogg"], check=True)
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


def play(lab, spot, listener, scenario, scratch):
    """What came of each play of the list over real lines; and milliseconds and bytes of each track."""
    address = lab.node("server")["addr"]
    output = open(scratch / "server.json", "w+")
    command = [spot, "serve", str(scratch / "music"), "--state", str(scratch / "state"), "--listen", f"{address}:{PORT}", "--json"]
    server = lab.popen("server", command, stdout=output)
    count = scenario["tracks"]["count"]
    listening, tracks = testbed.serving(server, output.name, count)
    tracks = [tracks[f"{number}.ogg"] for number in range(count)]
    start = time.time() + AHEAD
    clients = [
        begin(lab, listener, listening, scratch, who, start, mine(scenario["plays"], who, tracks))
        for who in range(scenario["population"]["clients"])
    ]
    ends = start + 3600 * (scenario["time"]["warm_up_h"] + scenario["time"]["hours"]) + LATE
    heard = []
    for who, client in enumerate(clients):
        if client.wait(timeout=max(1, ends - time.time())):
            sys.exit(f"listener {who} failed: {Path(scratch, f'home{who}.txt').read_text()}")
        places = [number for number, play in enumerate(scenario["plays"]) if play["who"] == who]
        heard += [as_simulated(event, who, places) for event in testbed.events(scratch / f"home{who}.json")]
    return sorted(heard, key=lambda play: play["number"]), [[track["duration_ms"], track["bytes"]] for track in tracks]


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
        "came": {"cache": came["cache"], "peers": came["peers"] + came["lan"], "cdn": came["cdn"], "server": came["server"]},
    }


def compare(simulated, real):
    """Rows: what is compared, both numbers, and whether they are within the bounds."""
    fetched = {play["number"] for play in simulated if play["came"]["cache"] == 0}
    rows = []

    def row(name, of, bound, unit):
        one, other = of(simulated), of(real)
        within = bound is None or abs(one - other) <= bound(one)
        rows.append({"row": name, "unit": unit, "simulated": one, "real": other, "bound": bound and bound(one), "exceeded": not within})

    for source in ("server", "peers", "cache"):
        row(f"music from {source if source == 'peers' else 'the ' + source}", lambda plays, source=source: share(plays, source), lambda _: SHARE, "part")
    kinds = [("all", lambda play: True), ("not cached", lambda play: play["number"] in fetched)]
    for name, chosen in kinds:
        for part, (least, most) in ((0.5, MEDIAN), (0.9, NINTH)):
            of = lambda plays, part=part, chosen=chosen: start(filter(chosen, plays), part)
            row(f"start, {name}, p{100 * part:.0f}", of, lambda one, least=least, most=most: max(least, most * one), "ms")
    row("plays that sounded", lambda plays: sum(play["start_ms"] is not None for play in plays), lambda _: 0, "count")
    row("plays that stuttered", lambda plays: sum(play["stutters"] > 0 for play in plays), None, "count")
    return rows


def share(plays, source):
    return sum(play["came"][source] for play in plays) / sum(sum(play["came"].values()) for play in plays)


def start(plays, part):
    starts = sorted(play["start_ms"] for play in plays if play["start_ms"] is not None)
    return starts[min(len(starts) - 1, int(len(starts) * part))]


def shown(value, unit):
    return "" if value is None else f"{100 * value:.1f} %" if unit == "part" else f"{value:.0f} ms" if unit == "ms" else f"{value}"


def table(rows):
    form = "{:<26} {:>10} {:>10} {:>10}  {}"
    print(form.format(SCENARIO, "simulated", "real", "may differ", "verdict"))
    for row in rows:
        values = [shown(row[key], row["unit"]) for key in ("simulated", "real", "bound")]
        print(form.format(row["row"], *values, "EXCEEDED" if row["exceeded"] else "" if row["bound"] is None else "met"))


def each(plays, simulated, real):
    form = "{:>4} {:>4} {:>6} {:>8} {:>8} {:>9} {:>9}  {:<22} {:<22}"
    print(form.format("play", "who", "track", "asked", "asked", "start", "start", "server peers cache kB", "server peers cache kB"))
    for one in simulated:
        other = next((play for play in real if play["number"] == one["number"]), None)
        track = plays[one["number"]]["track"]
        both = [one] + ([other] if other else [])
        asked, starts, came = ([], [], [])
        for play in both:
            asked.append(f"{play['asked_s']:.2f}")
            starts.append("none" if play["start_ms"] is None else f"{play['start_ms']:.0f}")
            came.append(" ".join(f"{play['came'][source] / 1e3:6.0f}" for source in ("server", "peers", "cache")))
        asked, starts, came = ([*pair, ""][:2] for pair in (asked, starts, came))
        print(form.format(one["number"], one["who"], track, *asked, *starts, *came))


if __name__ == "__main__":
    sys.exit(main())
