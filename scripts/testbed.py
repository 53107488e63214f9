"""What the scripts that build networks in namespaces need of a machine, and the program that they try out."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path


def what_is_missing():
    """Why no network can be built here, in words; nothing if one can."""
    netlab = os.environ.get("NETLAB")
    if not netlab or not Path(netlab, "lab.py").is_file():
        return "NETLAB does not name a folder with lab.py"
    if os.geteuid() != 0:
        return "network namespaces need root"
    if not os.path.exists("/dev/net/tun"):
        return "there is no /dev/net/tun"
    for needed in ("ip", "ss", "nft", "sysctl", "gcc"):
        if not shutil.which(needed):
            return f"{needed} is missing (Debian: iproute2 nftables procps gcc)"
    if subprocess.run(["ip", "netns", "add", "nl-probe"], capture_output=True).returncode:
        return "network namespaces cannot be made here"
    subprocess.run(["ip", "netns", "delete", "nl-probe"], check=True)
    return None


def lab():
    """The class that builds networks."""
    sys.path.insert(0, os.environ["NETLAB"])
    from lab import Lab

    return Lab


def built(variable, name, *target):
    """The program that a variable of the environment names; built if none is."""
    if os.environ.get(variable):
        return os.path.abspath(os.environ[variable])
    top = Path(__file__).resolve().parent.parent
    subprocess.run(["cargo", "build", "--release", "--quiet", *target], cwd=top, check=True)
    return str(Path(os.environ.get("CARGO_TARGET_DIR", top / "target"), "release", name))


def program():
    return built("SPOT", "spot", "--package", "spotp2p-player")


def serving(server, said, files, seconds=60):
    """The address that a server listens at, and its links by the names of files, once it has told all of them."""
    deadline = time.monotonic() + seconds
    tracks, listening = {}, None
    while listening is None or len(tracks) < files:
        if time.monotonic() > deadline or server.poll() is not None:
            sys.exit("the server does not listen")
        time.sleep(0.1)
        for event in events(said):
            if event["event"] == "listening":
                listening = event["address"]
            elif event["event"] == "track":
                tracks[os.path.basename(event["path"])] = event
    return listening, tracks


def events(said):
    """The JSON lines that a program has written so far."""
    lines = Path(said).read_text().split("\n")[:-1]
    return [json.loads(line) for line in lines if line.strip()]
