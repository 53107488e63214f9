#!/usr/bin/env python3
"""Plays a track whose ciphertext lies behind nginx, as a CDN keeps it: nginx with a cache in front of `spot serve --http`.

Three plays by fresh listeners without peers: the first fills nginx's cache; the second comes out of it; in the midst of
the third nginx is killed, and the server goes on. For each: bytes by source, stutters. The exit code is 1 if the server
sent more than a few per cent of the first two, or if anything stuttered. Skips itself where nginx is missing.

    SPOT=path     the program; built if not named
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import testbed

SECONDS = 60
OF_SERVER = 0.10
CONF = """daemon off;
master_process off;
pid {folder}/pid;
error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  proxy_cache_path {folder}/cache keys_zone=music:1m;
  server {{
    listen 127.0.0.1:{port};
    location / {{
      limit_rate {rate};
      slice 256k;
      proxy_cache music;
      proxy_cache_key $uri$slice_range;
      proxy_set_header Range $slice_range;
      proxy_http_version 1.1;
      proxy_cache_valid 200 206 1h;
      proxy_pass {origin};
    }}
  }}
}}
"""


def main():
    nginx = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin")
    if not nginx:
        print("skipped: nginx is not installed (Debian package nginx-light)")
        return 0
    spot = testbed.program()
    with tempfile.TemporaryDirectory() as scratch:
        return tries(spot, nginx, Path(scratch))


def tries(spot, nginx, scratch):
    running = []
    try:
        music, port = scratch / "music", free_port()
        music.mkdir()
        tune = [spot, "tune", music / "tune.ogg", "--seconds", str(SECONDS), "--encoding", "vorbis160"]
        subprocess.run(tune, check=True)
        said = open(scratch / "server.json", "w+")
        serve = [spot, "serve", music, "--state", scratch / "state", "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0",
                 "--cdn", f"http://127.0.0.1:{port}/", "--json"]
        running.append(subprocess.Popen(serve, stdout=said))
        listening, tracks = testbed.serving(running[0], said.name, 1)
        origin = next(event["http"] for event in testbed.events(said.name) if event["event"] == "listening")
        running.append(start_nginx(nginx, scratch / "fast", port, origin, "0"))
        link = tracks["tune.ogg"]["link"]
        rows = [play(spot, scratch, listening, link, name, running[1]) for name in ("cold CDN", "warm CDN")]
        running[1].kill()
        running[1].wait()
        # A slow one, or all would be here before it is killed.
        running.append(start_nginx(nginx, scratch / "slow", port, origin, "20k"))
        rows.append(play(spot, scratch, listening, link, "nginx killed", running[2]))
    finally:
        for process in running:
            process.kill()
            process.wait()
    form = "{:<13} {:>12} {:>9} {:>9} {:>9} {:>11}  {}"
    print(form.format("play", "first sound", "stutters", "cdn", "server", "of server", "verdict"))
    failed = False
    for name, report in rows:
        sizes = report["bytes"]
        of_server = sizes["server"] / sum(sizes.values())
        wrong = report["stutters"] > 0 or (name != "nginx killed" and of_server > OF_SERVER)
        failed |= wrong
        print(form.format(name, f"{report['first_sound_ms']:.0f} ms", report["stutters"], f"{sizes['cdn'] / 1e6:.2f} MB",
                          f"{sizes['server'] / 1e6:.2f} MB", f"{of_server:.1%}", "EXCEEDED" if wrong else "met"))
    print(f"limits: no stutter; {OF_SERVER:.0%} of the bytes from the server while nginx lives")
    return 1 if failed else 0


def start_nginx(nginx, folder, port, origin, rate):
    folder.mkdir()
    conf = folder / "nginx.conf"
    conf.write_text(CONF.format(folder=folder, port=port, origin=origin.rstrip("/"), rate=rate))
    process = subprocess.Popen([nginx, "-c", conf, "-e", folder / "error.log"], stderr=subprocess.DEVNULL)
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return process
        except OSError:
            time.sleep(0.05)
    sys.exit(f"nginx does not start: {(folder / 'error.log').read_text()}")


def play(spot, scratch, listening, link, name, nginx):
    folder = scratch / name.replace(" ", "-")
    output = open(f"{folder}.json", "w+")
    command = [spot, "play", "--server", listening, "--device", folder, "--cache-limit", "0", "--no-p2p", "--output", "null",
               "--json", link]
    player = subprocess.Popen(command, stdout=output)
    if name == "nginx killed":
        time.sleep(20)
        nginx.send_signal(signal.SIGKILL)
    if player.wait(timeout=SECONDS + 240):
        sys.exit(f"{name}: the player failed")
    return name, testbed.events(output.name)[-1]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


if __name__ == "__main__":
    sys.exit(main())
