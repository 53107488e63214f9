#!/usr/bin/env bash
# Fuzzes: scripts/fuzz.sh SECONDS [--resume TABLE] [TARGET...]
#
# Builds the targets with cargo-fuzz, without a sanitizer, so that stable Rust does, and runs each for so many seconds of
# the processor, one after the other; all of them if none is named. What is found goes to target/fuzz/TARGET, inputs that
# crash to fuzz/artifacts/TARGET. Prints a table; ends with 1 if there was a crash.
#
# With a TABLE it may be stopped at any time: after each round it notes there how far it is, and goes on from there the
# next time. To have a target run once more, delete its lines.
#
# To keep what was found: cargo fuzz cmin -s none TARGET target/fuzz/TARGET, then copy to fuzz/corpus/TARGET what is small.
set -euo pipefail
cd "$(dirname "$0")/.."

process=
trap '[[ -z $process ]] || kill "$process" 2>/dev/null; exit 130' INT TERM

# The longest that a target runs between two notes, in seconds of the processor.
ROUND=60

usage() {
  echo "usage: $0 SECONDS [--resume TABLE] [TARGET...]" >&2
  exit 2
}

[[ ${1:-} =~ ^[1-9][0-9]*$ ]] || usage
seconds=$1
shift
table=
if [[ ${1:-} == --resume ]]; then
  (($# >= 2)) || usage
  table=$2
  shift 2
fi

command -v cargo-fuzz >/dev/null || cargo install --locked cargo-fuzz
targets=("$@")
if ! ((${#targets[@]})); then
  mapfile -t targets < <(cargo fuzz list)
fi
features=()
for target in "${targets[@]}"; do
  # The player and the simulator take long to build.
  [[ ! $target =~ ^(server_name|settings|scenario)$ ]] || features=(--features programs)
done

if ((${#targets[@]} == 1)); then
  cargo fuzz build -s none "${features[@]}" "${targets[0]}"
else
  cargo fuzz build -s none "${features[@]}"
fi
triple=$(rustc -vV | sed -n 's/^host: //p')
binaries=${CARGO_TARGET_DIR:-fuzz/target}/$triple/release

mkdir -p target/fuzz
if [[ -z $table ]]; then
  table=target/fuzz/table.$$
  trap 'rm -f "$table"' EXIT
fi
touch "$table"

# Lines of the table: target, seconds of the processor, executions, edges, crashes.
sums() { # FORMAT TARGET
  awk -F '\t' -v format="$1" -v target="$2" '
    $1 == target { cpu += $2; executions += $3; crashes += $5; if ($4 > edges) edges = $4 }
    END {
      if (format == "seconds") printf "%d", cpu + 0.5
      else printf "| %s | %.0f | %d | %d | %d | %d |", target, cpu, executions,
        (cpu > 0 ? executions / cpu : 0), edges, crashes
    }' "$table"
}

# One round of so many seconds of the processor, however long others let it wait for them.
round() { # TARGET SECONDS
  local found=target/fuzz/$1 artifacts=fuzz/artifacts/$1 log=target/fuzz/$1.log
  local most=$(($2 * $(getconf CLK_TCK))) had=0 status=0 crashes=0 stat executions edges
  mkdir -p "$found" "$artifacts"
  # The timeout is by the clock: long, since it is to find what never ends, not a machine that is busy.
  nice -n 19 "$binaries/$1" "$found" "fuzz/corpus/$1" -timeout=600 -rss_limit_mb=2048 -print_final_stats=1 \
    -artifact_prefix="$artifacts/" >"$log" 2>&1 &
  process=$!
  # Of the fields of its stat the 14th and the 15th are what it had. If it ends by itself, there is no such file.
  while ((had < most)) && { read -ra stat <"/proc/$process/stat"; } 2>/dev/null; do
    had=$((stat[13] + stat[14]))
    sleep 2
  done
  # Has libFuzzer end well.
  kill -USR1 "$process" 2>/dev/null || true
  wait "$process" || status=$?
  process=
  executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
  edges=$(sed -n 's/.*cov: \([0-9]*\).*/\1/p' "$log" | tail -1)
  if ((status)); then
    crashes=1
    cp "$log" "$log.crash"
    echo "$1: $(grep -m1 -E 'panicked at|ERROR: libFuzzer' "$log" || tail -1 "$log") (see $log.crash)" >&2
  fi
  awk -v target="$1" -v cpu="$had" -v hz="$(getconf CLK_TCK)" -v executions="${executions:-0}" -v edges="${edges:-0}" \
    -v crashes="$crashes" 'BEGIN { OFS = "\t"; print target, cpu / hz, executions, edges, crashes }' >>"$table"
  ((!crashes))
}

for target in "${targets[@]}"; do
  while left=$((seconds - $(sums seconds "$target"))) && ((left > 0)); do
    # Who crashes once crashes soon again: that is another day's run.
    round "$target" $((left < ROUND ? left : ROUND)) || break
  done
  sums row "$target" >&2
  echo >&2
done

printf '| target | CPU s | executions | a CPU s | edges | crashes |\n|---|--:|--:|--:|--:|--:|\n'
crashed=0
for target in "${targets[@]}"; do
  row=$(sums row "$target")
  printf '%s\n' "$row"
  [[ $row == *'| 0 |' ]] || crashed=1
done
exit "$crashed"
