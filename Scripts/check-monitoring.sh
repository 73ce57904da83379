#!/usr/bin/env bash
# Lets promtool check what Prometheus would read: a real metrics page, the scrape configuration, the alert rules.
#
# Usage: Scripts/check-monitoring.sh RECAP [RUN]      without a run, it makes a small one
set -euo pipefail
cd "$(dirname "$0")/.."

recap=${1:?the recap executable}
folder=$(mktemp -d)
server=
trap 'kill $server 2>/dev/null; rm -rf "$folder"' EXIT
run=${2:-$folder/run}
[ -n "${2:-}" ] || "$recap" run Configs/smoke.yaml --dir "$run" --quiet >/dev/null
log=$folder/log
"$recap" dashboard "$run" --http 127.0.0.1:0 2>"$log" &
server=$!
for _ in $(seq 50); do
  url=$(sed -n 's/.* at \(http:[^ ]*\).*/\1/p' "$log")
  [ -n "$url" ] && break
  sleep 0.2
done
[ -n "$url" ] || { cat "$log" >&2; exit 1; }

fetch() { python3 -c 'import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1]).read().decode(), end="")' "$1"; }
fetch "${url}metrics" | promtool check metrics
[ "$(fetch "${url}readyz")" = ready ]
promtool check config Cluster/monitoring/prometheus.yaml
promtool test rules Cluster/monitoring/alerts-test.yaml
# Every metric that the Grafana file names is one that this program writes.
for name in $(grep -o 'recap_[a-z_]*' Cluster/monitoring/grafana-dashboard.json | sort -u); do
  grep -rq "\"$name\"" Sources/Monitoring/Watch || { echo "$name: named in Grafana's file, never written" >&2; exit 1; }
done
echo "metrics, configuration and rules are fine"
