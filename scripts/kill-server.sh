#!/usr/bin/env bash
# Kills the server in mid-track, twice, and starts it again on the same port: the player must come back by itself and
# its sound must be the same to the last sample.
#
#   SPOT=path      the program; built if not named
#   RATE=400000    bytes a second of the line between the two, slow enough for the kill to land in mid-track
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
rate=${RATE:-400000}

if [[ -z ${SPOT:-} ]]; then
  (cd "$here/.." && cargo build --release --quiet --package spotp2p-player)
  SPOT=${CARGO_TARGET_DIR:-$here/../target}/release/spot
fi

scratch=$(mktemp -d)
# What is played here comes over the network, and leaves nothing behind.
export SPOT_CACHE_LIMIT=0
processes=()
cleanup() {
  for process in "${processes[@]}"; do kill "$process" 2>/dev/null || true; done
  rm -rf "$scratch"
}
trap cleanup EXIT

until_true() { # SECONDS WHAT COMMAND...
  local tries=$(($1 * 20)) what=$2
  shift 2
  until "$@"; do
    ((tries--)) || { echo "waited in vain: $what" >&2; exit 1; }
    sleep 0.05
  done
}
said() { sed -n "s/.*\"$2\":\"\\{0,1\\}\\([^\",}]*\\).*/\\1/p" "$1" | tail -n 1; } # FILE FIELD: its last value

serve() { # PORT
  # Emptied first, so that the wait below cannot see the word of a server that is dead.
  : >"$scratch/server.json"
  "$SPOT" serve "$scratch/music" --state "$scratch/state" --listen "127.0.0.1:$1" --json >>"$scratch/server.json" &
  server=$!
  processes+=("$server")
  until_true 60 "the server listens" grep -q '"event":"listening"' "$scratch/server.json"
}

mkdir "$scratch/music"
"$SPOT" tune "$scratch/music/tune.flac" --seconds 120 --encoding flac
size=$(stat -c %s "$scratch/music/tune.flac")
"$SPOT" decode "$scratch/music/tune.flac" --output "wav:$scratch/decoded.wav"

serve 0
address=$(said "$scratch/server.json" address)
key=${address#*#} near=${address%%#*}
link=$(grep '"event":"track"' "$scratch/server.json" | grep -o 'spotify:track:[0-9A-Za-z]*' | head -n 1)

python3 "$here/slow-line.py" "$near" "$rate" >"$scratch/line" &
processes+=($!)
until_true 5 "the line is there" test -s "$scratch/line"
port=$(head -n 1 "$scratch/line")

"$SPOT" play --server "127.0.0.1:$port#$key" --device "$scratch/device" "$link" \
  --output "wav:$scratch/played.wav" --json >"$scratch/play.json" 2>"$scratch/play.err" &
player=$!
processes+=("$player")

brought() { (($(said "$scratch/line" down || echo 0) + 0 >= $1)); }
for part in 1 2; do
  until_true 120 "$part/3 of the track came" brought $((size * part / 3))
  kill -0 "$player" 2>/dev/null || { echo "the player ended before the kill: the line is too fast" >&2; exit 1; }
  kill -9 "$server"
  wait "$server" 2>/dev/null || true
  echo "killed the server after $(said "$scratch/line" down) of $size bytes"
  sleep 1
  kill -0 "$player" 2>/dev/null || { echo "the player gave up:" >&2; cat "$scratch/play.err" >&2; exit 1; }
  serve "${near##*:}"
done

until_true 180 "the player ends" bash -c "! kill -0 $player 2>/dev/null"
wait "$player" || { echo "the player failed:" >&2; cat "$scratch/play.err" >&2; exit 1; }
connections=$(said "$scratch/line" connections)
((connections >= 3)) || { echo "$connections connections, though the server died twice" >&2; exit 1; }
cmp "$scratch/played.wav" "$scratch/decoded.wav"
echo "same sound, $(stat -c %s "$scratch/played.wav") bytes of WAV, over $connections connections"
