#!/usr/bin/env python3
"""Real music among listeners: scripts/real-peers.py FOLDER, for a folder as scripts/real-music.sh makes it.

A server whose uplink is 3 Mbit/s and five listeners at 10 Mbit/s, each a process in a network namespace of its own, 30 ms
between any two. Each plays a random playlist into WAV files, as fast as the music comes, while it serves the others what it
has; each file has to be the same as what `spot decode` makes of the music itself. Playlists are drawn from some of the
folder's tracks, so that listeners meet. Prints the bytes by source; the exit code is 1 if a file differs.

    NETLAB=folder with lab.py     builds the namespaces; needs root
    SPOT=path                     the program; built if not named
"""

import argparse
import filecmp
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import testbed

PORT = 4070
SOURCES = ["cache", "lan", "peers", "cdn", "server"]


def main():
    options = argparse.ArgumentParser(description="Real music among listeners in namespaces.")
    options.add_argument("music", type=Path)
    options.add_argument("--listeners", type=int, default=5)
    options.add_argument("--tracks", type=int, default=12, help="of each playlist")
    options.add_argument("--pool", type=int, default=16, help="tracks that playlists are drawn from")
    options.add_argument("--seed", type=int, default=1, help="decides the playlists")
    options = options.parse_args()
    missing = testbed.what_is_missing()
    if missing:
        print(f"skipped: {missing}")
        return 0
    spot = testbed.program()
    line = {"rate": "10M", "rtt": 15}
    hosts = {"server": {"link": line | {"up": "3M"}}} | {f"l{n}": {"link": line} for n in range(options.listeners)}
    lab = testbed.lab().up({"hosts": hosts}, name=f"real{os.getpid()}")
    # The network goes before the folder that its programs write to.
    with tempfile.TemporaryDirectory() as scratch:
        try:
            return play(lab, spot, options, Path(scratch))
        finally:
            lab.down()


def play(lab, spot, options, scratch):
    files = [path for path in options.music.rglob("*") if path.is_file()]
    said = open(scratch / "server.json", "w+")
    address = lab.node("server")["addr"]
    serve = [spot, "serve", options.music, "--state", scratch / "state", "--listen", f"{address}:{PORT}", "--json"]
    server = lab.popen("server", [str(word) for word in serve], stdout=said)
    listening, tracks = testbed.serving(server, said.name, len(files), seconds=300)
    dice = random.Random(options.seed)
    pool = dice.sample(sorted(tracks), min(options.pool, len(tracks)))
    players = []
    for n in range(options.listeners):
        playlist = dice.sample(pool, min(options.tracks, len(pool)))
        folder = scratch / f"l{n}"
        (folder / "wav").mkdir(parents=True)
        command = [spot, "play", "--server", listening, "--device", folder / "device", "--cache-dir", folder / "cache",
                   "--port", str(PORT), "--output", f"wav:{folder / 'wav'}", "--json"]
        links = [tracks[name]["link"] for name in playlist]
        output = open(folder / "said.json", "w+")
        process = lab.popen(f"l{n}", [*map(str, command), *links], stdout=output)
        players.append((process, output.name, playlist, folder / "wav"))
    sums, wrong, heard = dict.fromkeys(SOURCES, 0), [], 0
    for n, (process, output, playlist, wav) in enumerate(players):
        if process.wait(timeout=900):
            sys.exit(f"listener {n} failed")
        for name, event in zip(playlist, testbed.events(output), strict=True):
            for source in SOURCES:
                sums[source] += event["bytes"][source]
            heard += 1
            if not same(spot, options.music / tracks[name]["path"], event["track"], wav, scratch):
                wrong.append(f"listener {n}: {name}")
    network = sum(sums.values()) - sums["cache"]
    print(f"{heard} plays by {options.listeners} listeners; {heard - len(wrong)} of {heard} files identical")
    for source in SOURCES:
        print(f"  {source:<7} {sums[source] / 1e6:8.1f} MB  {sums[source] / max(network, 1):6.1%} of the network's")
    for line in wrong:
        print(f"DIFFERS: {line}")
    return 1 if wrong else 0


def same(spot, path, gid, wav, scratch):
    direct = scratch / "direct" / f"{gid}.wav"
    if not direct.exists():
        direct.parent.mkdir(exist_ok=True)
        subprocess.run([spot, "decode", str(path), "--output", f"wav:{direct}"], check=True, capture_output=True)
    return filecmp.cmp(direct, wav / f"{gid}.wav", shallow=False)


if __name__ == "__main__":
    sys.exit(main())
