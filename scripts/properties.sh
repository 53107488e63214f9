#!/usr/bin/env bash
# Runs the tests of the pure crates with other random cases than `cargo test` draws: `scripts/properties.sh [ROUNDS]`.
# Stops at the first failure and prints the seed, with which `PROPTEST_RNG_SEED=… cargo test` fails again.
set -euo pipefail
cd "$(dirname "$0")/.."

rounds=${1:-10}
log=$(mktemp)
trap 'rm -f "$log"' EXIT

for ((round = 1; round <= rounds; round++)); do
  seed=$((RANDOM << 15 | RANDOM))
  printf '\rround %d of %d, seed %d ' "$round" "$rounds" "$seed"
  if ! PROPTEST_RNG_SEED=$seed cargo test --quiet --lib --tests \
    -p spotp2p-proto -p spotp2p-cache -p spotp2p >"$log" 2>&1; then
    printf '\n'
    grep -E '^(thread|test result: FAILED|minimal|error)' "$log" || tail -20 "$log"
    echo "failed; again: PROPTEST_RNG_SEED=$seed cargo test -p spotp2p-proto -p spotp2p-cache -p spotp2p"
    exit 1
  fi
done
printf '\n%d rounds, nothing failed\n' "$rounds"
