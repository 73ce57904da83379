#!/usr/bin/env bash
# Runs the Swift tests that were built, and says again at the end which failed: their own lines are thousands further up.
# Arguments go to `swift test`, as in: Scripts/run-tests.sh --filter Plan
set -uo pipefail
cd "$(dirname "$0")/.."

mkdir -p .build
log=.build/tests.log
# One test at a time: some block or compute for long, and in parallel they would starve the others' time-outs.
swift test --skip-build --disable-xctest --no-parallel "$@" 2>&1 | tee "$log"
status=${PIPESTATUS[0]}
if [ "$status" != 0 ]; then
    printf '\nWhat failed (all of the output: %s):\n' "$log"
    grep -E -A4 '✘|Fatal error|error:' "$log" | tail -n 80
fi
exit "$status"
