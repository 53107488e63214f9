#!/usr/bin/env bash
# Fuzzes: scripts/fuzz.sh SECONDS [--resume TABLE] [TARGET...]
#
# Builds the targets with cargo-fuzz, without a sanitizer, so that stable Rust does, and runs each for so many seconds of
# the processor, one after the other; all of them if none is named. Each begins with its corpus, with fuzz/regressions, and
# with what an earlier run left in fuzz/artifacts: of an input that still crashes it does so at once. What is found goes to
# target/fuzz/TARGET; inputs that crash, that take longer than a minute (operations: ten), or more than ten seconds, to
# fuzz/artifacts/TARGET. Prints a table; ends with 1 if there was a crash, or if one of an earlier run lies there still.
# Executions are those beyond what was there to begin with: each round of five minutes replays that.
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
ROUND=300

# Targets of which one input is many operations.
OPERATIONS=' mux hostile_line cache planner swarm access_point node town '

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
# The player and the simulator take long to build, and libFuzzer looks at all their branches after each execution: only the
# targets that need them get them. fuzz/Cargo.toml says which.
programs=" $(awk -v RS= -F '"' '/required-features = \["programs"\]/ { printf "%s ", $2 }' fuzz/Cargo.toml)"
plain=()
for target in "${targets[@]}"; do
  if [[ $programs == *" $target "* ]]; then
    cargo fuzz build -s none --features programs "$target"
  else
    plain+=("$target")
  fi
done
if ((${#plain[@]} == 1)); then
  cargo fuzz build -s none "${plain[0]}"
elif ((${#plain[@]})); then
  cargo fuzz build -s none
fi
triple=$(rustc -vV | sed -n 's/^host: //p')
binaries=${CARGO_TARGET_DIR:-fuzz/target}/$triple/release

mkdir -p target/fuzz
if [[ -z $table ]]; then
  table=target/fuzz/table.$$
  trap 'rm -f "$table"' EXIT
fi
touch "$table"

# Lines of the table: target, seconds of the processor, executions, edges, crashes. Slow units are files.
sums() { # FORMAT TARGET
  awk -F '\t' -v format="$1" -v target="$2" '
    $1 == target { cpu += $2; executions += $3; crashes += $5; if ($4 > edges) edges = $4 }
    END {
      if (format == "seconds") printf "%d", cpu + 0.5
      else printf "| %s | %.0f | %d | %d | %d | %d |", target, cpu, executions,
        (cpu > 0 ? executions / cpu : 0), edges, crashes
    }' "$table"
}

# How many files of that sort lie among the artifacts of a target.
left() { # TARGET PREFIX...
  local target=$1 prefix count=0 file
  shift
  for prefix in "$@"; do
    for file in "fuzz/artifacts/$target/$prefix"-*; do
      [[ ! -e $file ]] || count=$((count + 1))
    done
  done
  echo "$count"
}

row() { # TARGET
  echo "$(sums row "$1") $(left "$1" slow-unit) |"
}

# One round of so many seconds of the processor, however long others let it wait for them.
round() { # TARGET SECONDS
  local found=target/fuzz/$1 artifacts=fuzz/artifacts/$1 log=target/fuzz/$1.log folder
  local most=$(($2 * $(getconf CLK_TCK))) had=0 status=0 crashes=0 stat executions begun edges timeout=60
  mkdir -p "$found" "$artifacts"
  local corpora=("$found")
  for folder in "fuzz/corpus/$1" "fuzz/regressions/$1" "$artifacts"; do
    [[ ! -d $folder ]] || corpora+=("$folder")
  done
  # The timeout is by the clock: long, since it is to find what never ends, not a machine that is busy.
  [[ $OPERATIONS != *" $1 "* ]] || timeout=600
  nice -n 19 "$binaries/$1" "${corpora[@]}" "-timeout=$timeout" -rss_limit_mb=2048 -print_final_stats=1 \
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
  # What was there to begin with is executed by every round, and says nothing new.
  begun=$(sed -n 's/^#\([0-9]*\)[[:space:]]*INITED.*/\1/p' "$log" | head -1)
  executions=$((${begun:-0} > 0 ? ${executions:-0} - begun : 0))
  edges=$(sed -n 's/.*cov: \([0-9]*\).*/\1/p' "$log" | tail -1)
  if ((status)); then
    crashes=1
    cp "$log" "$log.crash"
    echo "$1: $(grep -m1 -E 'panicked at|ERROR: libFuzzer' "$log" || tail -1 "$log") (see $log.crash)" >&2
  fi
  awk -v target="$1" -v cpu="$had" -v hz="$(getconf CLK_TCK)" -v executions="$executions" -v edges="${edges:-0}" \
    -v crashes="$crashes" 'BEGIN { OFS = "\t"; print target, cpu / hz, executions, edges, crashes }' >>"$table"
  ((!crashes))
}

for target in "${targets[@]}"; do
  while left=$((seconds - $(sums seconds "$target"))) && ((left > 0)); do
    # Who crashes once crashes soon again: that is another day's run.
    round "$target" $((left < ROUND ? left : ROUND)) || break
  done
  row "$target" >&2
done

printf '| target | CPU s | executions | a CPU s | edges | crashes | slow units |\n|---|--:|--:|--:|--:|--:|--:|\n'
crashed=0
for target in "${targets[@]}"; do
  row "$target"
  [[ $(sums row "$target") == *'| 0 |' ]] || crashed=1
  artifacts=$(left "$target" crash timeout oom leak)
  if ((artifacts)); then
    echo "$target: $artifacts inputs that crashed it lie in fuzz/artifacts/$target" >&2
    crashed=1
  fi
done
exit "$crashed"
