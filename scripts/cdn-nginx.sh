#!/usr/bin/env bash
# Serves a tune's ciphertext through nginx with a cache in front of `spot serve --http`, twice: cut into slices that the
# cache keeps one by one, and fetched whole at the first request. Every piece is fetched through nginx by the project's
# own client and proved by the file's name; then again with the origin dead, from the cache alone; and then nginx is
# killed in mid-transfer, which the client must tell from an end. Skips itself where nginx is missing.
#
#   SPOT=path CDN_FETCH=path   the programs; built if not named
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

PATH=$PATH:/usr/sbin
command -v nginx >/dev/null || { echo "skipped: nginx is not installed (Debian package nginx-light)"; exit 0; }

if [[ -z ${SPOT:-} || -z ${CDN_FETCH:-} ]]; then
  (cd "$here/.." && cargo build --release --quiet -p spotp2p-player -p spotp2p-tokio --bin spot --example cdn_fetch)
  target=${CARGO_TARGET_DIR:-$here/../target}/release
  SPOT=${SPOT:-$target/spot} CDN_FETCH=${CDN_FETCH:-$target/examples/cdn_fetch}
fi

scratch=$(mktemp -d)
processes=()
cleanup() {
  for process in "${processes[@]}"; do kill "$process" 2>/dev/null || true; done
  wait 2>/dev/null || true
  rm -rf "$scratch"
}
trap cleanup EXIT

fail() { echo "$1" >&2; exit 1; }
until_true() { # SECONDS WHAT COMMAND...
  local tries=$(($1 * 20)) what=$2
  shift 2
  until "$@"; do
    ((tries--)) || fail "waited in vain: $what"
    sleep 0.05
  done
}
said() { sed -n "s/.*\"$2\":\"\\{0,1\\}\\([^\",}]*\\).*/\\1/p" "$1" | tail -n 1; } # FILE FIELD: its last value
answers() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }                      # PORT
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

mkdir "$scratch/music"
"$SPOT" tune "$scratch/music/tune.flac" --seconds 60 --encoding flac
"$SPOT" serve "$scratch/music" --state "$scratch/state" --listen 127.0.0.1:0 --http 127.0.0.1:0 --json \
  >"$scratch/server.json" 2>"$scratch/server.err" &
origin=$!
processes+=("$origin")
until_true 60 "the server listens" grep -q '"event":"listening"' "$scratch/server.json"
origin_url=$(said "$scratch/server.json" http)
file=$(said "$scratch/server.json" file) bytes=$(said "$scratch/server.json" bytes)

# Two servers of one nginx, by which it is started: the names of files in its folder are its own business.
sliced=$(free_port) whole=$(free_port)
mkdir "$scratch/nginx"
cat >"$scratch/nginx.conf" <<CONF
daemon off;
master_process off;
pid $scratch/nginx/pid;
error_log $scratch/nginx/error.log;
events { worker_connections 64; }
http {
  access_log $scratch/nginx/access.log;
  client_body_temp_path $scratch/nginx/body;
  proxy_temp_path $scratch/nginx/temp;
  fastcgi_temp_path $scratch/nginx/fastcgi;
  scgi_temp_path $scratch/nginx/scgi;
  uwsgi_temp_path $scratch/nginx/uwsgi;
  proxy_cache_path $scratch/nginx/cache keys_zone=spot:1m max_size=1g;
  proxy_cache spot;
  proxy_http_version 1.1;
  proxy_set_header Connection "";
  server {
    listen 127.0.0.1:$sliced;
    slice 1m;
    proxy_cache_key \$uri\$slice_range;
    proxy_set_header Range \$slice_range;
    proxy_cache_valid 200 206 1y;
    add_header X-Cache \$upstream_cache_status;
    location / { proxy_pass $origin_url; }
  }
  server {
    listen 127.0.0.1:$whole;
    proxy_cache_key whole\$uri;
    proxy_cache_valid 200 1y;
    location / { proxy_pass $origin_url; limit_rate 0; }
  }
}
CONF
start_nginx() {
  nginx -e "$scratch/nginx/error.log" -c "$scratch/nginx.conf" >"$scratch/nginx.out" 2>&1 &
  nginx=$!
  processes+=("$nginx")
  until_true 20 "nginx listens" answers "$whole"
}
fetch() { # WHAT PORT [PIECES]
  local line
  line=$("$CDN_FETCH" "http://127.0.0.1:$2/" "$file" "$bytes" "${3:-16}") || fail "$1 failed"
  echo "$1: $line"
}

start_nginx
echo "origin: $("$CDN_FETCH" "$origin_url" "$file" "$bytes")"
fetch "nginx, slices, cold" "$sliced"
fetch "nginx, slices, warm" "$sliced" 64
fetch "nginx, whole file, cold" "$whole"
fetch "nginx, whole file, warm, a piece at a time" "$whole" 1

kill "$origin"
wait "$origin" 2>/dev/null || true
fetch "origin dead, slices" "$sliced"
fetch "origin dead, whole file" "$whole"
missing=$(printf '0%.0s' {1..64})
if "$CDN_FETCH" "http://127.0.0.1:$whole/" "$missing" "$bytes" 2>"$scratch/missing"; then fail "a file came from nowhere"; fi
grep -q "failed with status 502" "$scratch/missing" || fail "not the error of a dead origin: $(cat "$scratch/missing")"
echo "origin dead, not cached: $(cat "$scratch/missing")"

# Slowly now, all in one request, and an end in the middle of it.
kill "$nginx"
wait "$nginx" 2>/dev/null || true
sed -i "s/limit_rate 0/limit_rate 200k/" "$scratch/nginx.conf"
start_nginx
"$CDN_FETCH" "http://127.0.0.1:$whole/" "$file" "$bytes" 100000 2>"$scratch/cut" &
client=$!
processes+=("$client")
sleep 1
kill -0 "$client" 2>/dev/null || fail "the client ended before the kill: $(cat "$scratch/cut")"
kill -9 "$nginx"
wait "$nginx" 2>/dev/null || true
if wait "$client"; then fail "the client did not notice"; fi
grep -q "broke in the middle of an answer" "$scratch/cut" || fail "not the error of a cut line: $(cat "$scratch/cut")"
echo "nginx killed: $(cat "$scratch/cut")"
