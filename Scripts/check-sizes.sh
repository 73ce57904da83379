#!/usr/bin/env bash
# Source files stay small enough to be read in one go.
set -euo pipefail

limit=400
too_long=0
while IFS= read -r file; do
  lines=$(wc -l <"$file")
  if [ "$lines" -gt "$limit" ]; then
    echo "$file: $lines lines; at most $limit, so split it" >&2
    too_long=1
  fi
done < <(find Sources Tests Clients Benchmarks -type f \
  \( -name '*.swift' -o -name '*.c' -o -name '*.h' -o -name '*.py' \) | sort)
exit "$too_long"
