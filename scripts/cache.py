#!/usr/bin/env python3
"""What a listener's cache has to stand, with the real program on this machine.

    cache.py small [DIR]      plays a folder over and over with a cache smaller than the folder: the quota holds, the
                              part that the cache played is told, and nothing in it is damaged afterwards
    cache.py no-server        stops the server: what is kept offline plays to the last sample, what was never heard
                              fails with the right exit code and a line that says what was missing
    cache.py kill             kills the player at random instants, hundreds of times, then looks at every byte of the
                              cache and compares what plays out of it with the original, sample by sample

    SPOT=path                 the program; built if not named
    ROUNDS=500 SEED=1         how often the player is killed, and what decides when
"""

import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
UNREACHABLE = 4


def main():
    checks = {"small": small, "no-server": no_server, "kill": kill}
    if sys.argv[1:2] == [] or sys.argv[1] not in checks:
        sys.exit(__doc__)
    with tempfile.TemporaryDirectory() as scratch:
        checks[sys.argv[1]](Path(scratch), *sys.argv[2:])


def small(scratch, folder=None):
    music = Path(folder) if folder else tunes(scratch, 9)
    size = sum(file.stat().st_size for file in music.rglob("*") if file.is_file())
    quota = max(size // 3, 3_000_000)
    server = Server(scratch, music)
    listener = Listener(scratch, server, quota)
    dice = random.Random(1)
    tracks = list(server.tracks)
    plays = 6 * len(tracks)
    cached = served = most = 0
    for number in range(plays):
        # As people do: half of the time something that was heard before is heard again.
        track = tracks[min(int(dice.expovariate(4 / len(tracks))), len(tracks) - 1)]
        played = listener.play(track, "null:fast")
        cached += played["bytes"]["cache"]
        served += played["bytes"]["server"]
        most = max(most, listener.size())
        progress(f"{number + 1} of {plays} plays")
    largest = max(file.stat().st_size for file in music.rglob("*") if file.is_file())
    print(f"folder {size / 1e6:.1f} MB, quota {quota / 1e6:.1f} MB, {plays} plays of {len(tracks)} tracks")
    print(f"most on disk {most / 1e6:.1f} MB; {100 * cached / (cached + served):.1f} % of the bytes from the cache")
    if most > quota + largest:
        sys.exit("the cache took more than its quota and one file")
    if cached == 0 or served == 0:
        sys.exit("nothing was evicted, or nothing was kept: this says nothing")
    listener.verify()


def no_server(scratch):
    music = tunes(scratch, 3)
    server = Server(scratch, music)
    listener = Listener(scratch, server, 1_000_000_000)
    kept, heard, never = server.tracks
    listener.run("offline", "add", kept)
    listener.play(heard, "null:fast")
    server.stop()
    for track, what in [(kept, "kept offline"), (heard, "heard before")]:
        played = listener.play(track, f"wav:{scratch}/played.wav")
        if played["bytes"]["server"] or not same(scratch / "played.wav", server.decoded(track)):
            sys.exit(f"the track that was {what} does not play as it should")
        print(f"{what}: plays without the server, same samples, {played['bytes']['cache']} bytes from the cache")
    failed = listener.command("play", never, "--output", "null:fast", "--patience", "1")
    line = failed.stderr.strip().splitlines()[-1]
    print(f"never heard: exit code {failed.returncode}: {line}")
    if failed.returncode != UNREACHABLE or "the cache does not have" not in line:
        sys.exit("that is not what should be said")


def kill(scratch):
    rounds, seed = int(os.environ.get("ROUNDS", 500)), int(os.environ.get("SEED", 1))
    dice = random.Random(seed)
    music = tunes(scratch, 7)
    server = Server(scratch, music)
    # Less than all of it, so that files are evicted too.
    size = sum(file.stat().st_size for file in music.iterdir())
    listener = Listener(scratch, server, size * 2 // 3)
    tracks = list(server.tracks)
    kept = tracks[0]
    listener.run("offline", "add", kept)
    killed = ended = 0
    for number in range(rounds):
        player = listener.start("play", dice.choice(tracks), "--output", "null:fast")
        try:
            player.wait(timeout=dice.uniform(0.005, 0.25))
            ended += 1
        except subprocess.TimeoutExpired:
            player.kill()
            player.wait()
            killed += 1
        if number % 50 == 49:
            listener.verify(quiet=True)
        progress(f"{number + 1} of {rounds}: killed {killed} times, {ended} plays were over before")
    print(f"killed the player {killed} times; {ended} plays were over before that")
    listener.verify()
    listed = json.loads(listener.run("offline", "list", "--json").stdout.splitlines()[0])
    if listed["track"] != kept or not listed["complete"]:
        sys.exit("what was kept offline is not there any more")
    cached = 0
    for track in tracks:
        played = listener.play(track, f"wav:{scratch}/played.wav")
        cached += played["bytes"]["cache"]
        if not same(scratch / "played.wav", server.decoded(track)):
            sys.exit(f"{track} does not sound as the original does")
    print(f"{len(tracks)} of {len(tracks)} tracks identical to the originals, {cached} bytes of them from the cache")


class Server:
    """`spot serve` of a folder."""

    def __init__(self, scratch, music):
        self.scratch, self.music = scratch, music
        command = [spot(), "serve", music, "--state", scratch / "state", "--listen", "127.0.0.1:0", "--json"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.tracks, self.address = {}, None
        for line in self.process.stdout:
            said = json.loads(line)
            if said["event"] == "track":
                self.tracks[said["link"]] = music / said["path"]
            if said["event"] == "listening":
                self.address = said["address"]
                break

    def decoded(self, track):
        """The original, decoded without any server."""
        decoded = self.scratch / "decoded.wav"
        subprocess.run([spot(), "decode", self.tracks[track], "--output", f"wav:{decoded}"], check=True, stderr=subprocess.DEVNULL)
        return decoded

    def stop(self):
        self.process.kill()
        self.process.wait()

    def __del__(self):
        self.stop()


class Listener:
    """`spot` with a device and a cache of its own."""

    def __init__(self, scratch, server, quota):
        self.home, self.address = scratch / "listener", server.address
        self.cache = self.home / "cache"
        self.quota = quota

    def arguments(self, *arguments):
        options = ["--device", self.home / "device", "--cache-dir", self.cache, "--cache-limit", f"{self.quota}B"]
        if arguments[0] == "play" or arguments[:2] == ("offline", "add"):
            options += ["--server", self.address]
        return [spot(), *arguments, *options]

    def command(self, *arguments):
        return subprocess.run(self.arguments(*arguments), capture_output=True, text=True)

    def start(self, *arguments):
        return subprocess.Popen(self.arguments(*arguments), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def run(self, *arguments):
        done = self.command(*arguments)
        if done.returncode != 0:
            sys.exit(f"spot {' '.join(map(str, arguments))}: exit code {done.returncode}: {done.stderr}")
        return done

    def play(self, track, output):
        return json.loads(self.run("play", track, "--output", output, "--json").stdout.splitlines()[-1])

    def size(self):
        """Bytes that the cache takes on disk."""
        return sum(file.stat().st_blocks * 512 for file in self.cache.rglob("*") if file.is_file())

    def verify(self, quiet=False):
        done = self.command("cache", "verify", "--json")
        found = json.loads(done.stdout.splitlines()[-1])
        if not quiet:
            print(f"verify: {found['pieces']} pieces of {found['files']} files right, {found['pieces_lost']} wrong")
        # What a kill left half written is found when the cache is opened; here nothing may be wrong any more.
        if done.returncode != 0:
            sys.exit(f"verify found damage: {found}")


def tunes(scratch, count):
    """A folder of so many different pieces of music, the smaller ones first; at most 9."""
    music = scratch / "music"
    music.mkdir()
    # The tune is played once, twice or three times over: each length and encoding is another track.
    kinds = [(seconds, kind) for seconds in (60, 180, 300) for kind in ("vorbis96", "vorbis160", "vorbis320")]
    for seconds, kind in kinds[:count]:
        command = [spot(), "tune", music / f"{kind}-{seconds}.ogg", "--seconds", str(seconds), "--encoding", kind]
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
    return music


def same(one, other):
    return one.read_bytes() == other.read_bytes()


def spot():
    if "SPOT" not in os.environ:
        subprocess.run(["cargo", "build", "--release", "--quiet", "--package", "spotp2p-player"], cwd=HERE.parent, check=True)
        target = Path(os.environ.get("CARGO_TARGET_DIR", HERE.parent / "target"))
        os.environ["SPOT"] = str(target / "release" / "spot")
    return shutil.which(os.environ["SPOT"]) or os.environ["SPOT"]


def progress(text):
    if sys.stderr.isatty():
        print(f"\r{text}  ", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
