#!/usr/bin/env bash
# Serves a folder and plays every track of it, each by a player process of its own, into a WAV file; compares each with
# the original decoded without any server, byte for byte, and with what other programs make of the original.
#
#   scripts/play-all.sh [DIR]     without DIR: the music of scripts/real-music.sh
#   SPOT=path                     the program; built if not named
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

for program in python3 ffmpeg ffprobe flac oggdec; do
  command -v "$program" >/dev/null || { echo "$program is missing (Debian: python3 ffmpeg flac vorbis-tools)" >&2; exit 1; }
done
if [[ -z ${SPOT:-} ]]; then
  (cd "$here/.." && cargo build --release --quiet --package spotp2p-player)
  SPOT=${CARGO_TARGET_DIR:-$here/../target}/release/spot
fi

scratch=$(mktemp -d)
# What is played here comes over the network, and leaves nothing behind.
export SPOT_CACHE_LIMIT=0
server=
trap '[[ -z $server ]] || kill "$server" 2>/dev/null || true; rm -rf "$scratch"' EXIT

dir=${1:-}
if [[ -z $dir ]]; then
  dir=$scratch/music
  "$here/real-music.sh" "$dir"
fi

"$SPOT" serve "$dir" --state "$scratch/state" --listen 127.0.0.1:0 --json >"$scratch/server.json" &
server=$!
for _ in {1..1200}; do
  grep -qs '"event":"listening"' "$scratch/server.json" && break
  kill -0 "$server" 2>/dev/null || { echo "the server ended before it listened" >&2; exit 1; }
  sleep 0.1
done

# One line a track: link, a tab, path. The address comes first.
python3 - "$scratch/server.json" "$dir" >"$scratch/tracks" <<'PYTHON'
import json, os, sys
tracks = []
for line in open(sys.argv[1]):
    said = json.loads(line)
    if said["event"] == "listening":
        address = said["address"]
    elif said["event"] == "track":
        tracks.append((os.path.join(sys.argv[2], said["path"]), said["link"]))
    elif said["event"] == "skipped":
        print(f"skipped: {said['path']}: {said['why']}", file=sys.stderr)
print(address)
for path, link in sorted(tracks):
    print(f"{link}\t{path}")
PYTHON
{ read -r address; mapfile -t tracks; } <"$scratch/tracks"
files=$(find "$dir" -type f | wc -l)

bad=0
row() { printf '%-62s %-9s %s\n' "$@"; }
row track "player" witness
for track in "${tracks[@]}"; do
  link=${track%%$'\t'*} path=${track#*$'\t'}
  played=$scratch/played.wav decoded=$scratch/decoded.wav
  verdict=same cell=-
  if ! timeout 300 "$SPOT" play --server "$address" --device "$scratch/device" "$link" \
    --output "wav:$played" --json >"$scratch/play.json"; then
    verdict="NO SOUND"
  elif ! "$SPOT" decode "$path" --output "wav:$decoded"; then
    verdict=UNDECODED
  elif ! cmp --quiet "$played" "$decoded"; then
    verdict=DIFFERS
  fi
  if [[ $verdict == same ]]; then
    cell=$(python3 "$here/witness.py" "$path" "$played") || verdict="same, BAD"
  fi
  [[ $verdict == same ]] || bad=$((bad + 1))
  row "${path#"$dir"/}" "$verdict" "$cell"
  rm -f "$played" "$decoded"
done

echo "${#tracks[@]} tracks of $files files played, $bad bad"
((bad == 0 && ${#tracks[@]} > 0 && ${#tracks[@]} == files))
