#!/usr/bin/env bash
# Fuzzes: scripts/fuzz.sh SECONDS [TARGET...]
#
# Builds the targets with cargo-fuzz, without a sanitizer, so that stable Rust does, and runs each for so many seconds,
# one after the other; all of them if none is named. What is found goes to target/fuzz/TARGET, inputs that crash to
# fuzz/artifacts/TARGET. Prints a table; ends with 1 if there was a crash.
#
# To keep what was found: cargo fuzz cmin -s none TARGET target/fuzz/TARGET, then copy to fuzz/corpus/TARGET what is small.
set -euo pipefail
cd "$(dirname "$0")/.."

if (($# < 1)) || ! [[ $1 =~ ^[0-9]+$ ]]; then
  echo "usage: $0 SECONDS [TARGET...]" >&2
  exit 2
fi
seconds=$1
shift

command -v cargo-fuzz >/dev/null || cargo install --locked cargo-fuzz
targets=("$@")
if ! ((${#targets[@]})); then
  mapfile -t targets < <(cargo fuzz list)
fi
features=()
for target in "${targets[@]}"; do
  # The player takes long to build.
  [[ $target != server_name && $target != settings ]] || features=(--features player)
done

if ((${#targets[@]} == 1)); then
  cargo fuzz build -s none "${features[@]}" "${targets[0]}"
else
  cargo fuzz build -s none "${features[@]}"
fi
triple=$(rustc -vV | sed -n 's/^host: //p')
binaries=${CARGO_TARGET_DIR:-fuzz/target}/$triple/release

crashed=0
rows=()
for target in "${targets[@]}"; do
  found=target/fuzz/$target
  artifacts=fuzz/artifacts/$target
  mkdir -p "$found" "$artifacts" "fuzz/corpus/$target"
  log=target/fuzz/$target.log
  status=0
  # By the processor's time: others may want the machine.
  cpu=$({ TIMEFORMAT=%U; time nice -n 19 "$binaries/$target" "$found" "fuzz/corpus/$target" \
    -max_total_time="$seconds" -timeout=60 -rss_limit_mb=2048 -print_final_stats=1 \
    -artifact_prefix="$artifacts/" >"$log" 2>&1; } 2>&1) || status=$?
  executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
  speed=$(awk -v n="${executions:-0}" -v s="$cpu" 'BEGIN { printf "%d", (s > 0 ? n / s : 0) }')
  edges=$(sed -n 's/.*cov: \([0-9]*\).*/\1/p' "$log" | tail -1)
  crashes=0
  if ((status)); then
    crashes=1 crashed=1
    echo "$target: $(grep -m1 -E 'panicked at|ERROR: libFuzzer' "$log" || tail -1 "$log") (see $log)" >&2
  fi
  rows+=("$(printf '| %-13s | %7s | %12s | %10s | %6s | %7s |' "$target" "$cpu" "${executions:--}" \
    "$speed" "${edges:--}" "$crashes")")
  echo "${rows[-1]}" >&2
done

printf '| %-13s | %7s | %12s | %10s | %6s | %7s |\n' target 'CPU s' executions 'a CPU s' edges crashes
printf '|---|--:|--:|--:|--:|--:|\n'
printf '%s\n' "${rows[@]}"
exit "$crashed"
