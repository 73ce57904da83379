#!/usr/bin/env bash
# Tries a run over a bad network for real: coordinator, learners and collectors each in a network namespace with an
# address of its own, joined by a bridge. All traffic goes through relay.py: 20 Mbit/s and 50 ms of delay all the time; in
# the middle of the run it stalls for 20 s, every connection is reset, and the collectors' link is cut for 60 s. Nothing is
# started again: the run must go on by itself and end with nothing lost, and with the policies of a run on one machine.
# Makes and removes namespaces of its own, and changes nothing else. As root on Debian 12; about four minutes.
#
# Usage: Cluster/network/test-network.sh [--cut SECONDS] [--keep]
#   --cut   how long the link is cut (60)
#   --keep  leave the folder with the logs
# RECAP names the program to test (default: .build/release/recap, or .build/debug/recap).
set -euo pipefail
cd "$(dirname "$0")/../.."

cut=60
keep=
while [ $# -gt 0 ]; do
  case $1 in
    --cut) cut=${2:?--cut needs seconds}; shift ;;
    --keep) keep=1 ;;
    *) echo "unknown argument $1; see the head of $0" >&2; exit 64 ;;
  esac
  shift
done
[[ $cut =~ ^[0-9]+$ ]] || { echo "--cut: expected whole seconds, got $cut" >&2; exit 64; }
[ "$(id -u)" = 0 ] || { echo "run it as root: it makes network namespaces" >&2; exit 1; }
program=${RECAP:-}
for candidate in .build/release/recap .build/debug/recap; do
  [ -n "$program" ] || { [ ! -x "$candidate" ] || program=$PWD/$candidate; }
done
[ -n "$program" ] || { echo "there is no recap: run 'make build' first" >&2; exit 1; }

say() { echo "$(date +%T) $*"; }
if ! command -v ip >/dev/null; then
  say "installing iproute2"
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends -qq iproute2 >/dev/null
fi

root=$(mktemp -d /tmp/recap-network-XXXXXX)
# Names of this test alone, so that two may run.
prefix=recap-$$
declare -A process=()
relay=

alive() { [ -n "${1:-}" ] && kill -0 "$1" 2>/dev/null; }

clean_up() {
  for name in "${!process[@]}"; do alive "${process[$name]}" && kill -9 "${process[$name]}" 2>/dev/null || true; done
  alive "$relay" && kill "$relay" 2>/dev/null || true
  wait 2>/dev/null || true
  for host in hub relay coordinator learners collectors; do ip netns delete "$prefix-$host" 2>/dev/null || true; done
  if [ -n "$keep" ]; then say "logs are in $root"; else rm -rf "$root"; fi
}
trap clean_up EXIT

fail() {
  keep=1
  echo "$*" >&2
  tail -n 8 "$root"/*.log >&2 || true
  exit 1
}

# Runs a check until it is true; fails after so many seconds.
await() {
  local seconds=$1 what=$2
  shift 2
  for _ in $(seq "$seconds"); do "$@" && return 0; sleep 1; done
  fail "gave up after $seconds s: $what"
}

say "making five hosts: a switch, a relay, and one for each kind of role"
ip netns add "$prefix-hub"
hub() { ip netns exec "$prefix-hub" "$@"; }
hub ip link add bridge type bridge
hub ip link set bridge up
number=1
for host in relay coordinator learners collectors; do
  ip netns add "$prefix-$host"
  ip link add "$host" netns "$prefix-hub" type veth peer name eth0 netns "$prefix-$host"
  hub ip link set "$host" master bridge up
  ip -n "$prefix-$host" link set lo up
  ip -n "$prefix-$host" addr add "10.77.0.$number/24" dev eth0
  ip -n "$prefix-$host" link set eth0 up
  number=$((number + 1))
done

settings=(
  --seed 5 --set taskDefaults.demonstrations=16 --set taskDefaults.autonomousEpisodes=16
  --set taskDefaults.correctedEpisodes=8 --set taskDefaults.evaluationEpisodes=8 --set schedule.iterations=2
)
run=$root/run
# begin NAME HOST ARGUMENT...: a process of recap on a host.
begin() {
  local name=$1 host=$2
  shift 2
  ip netns exec "$prefix-$host" "$program" "$@" >"$root/$name.log" 2>&1 &
  process[$name]=$!
}

coproc relay_input { exec ip netns exec "$prefix-relay" python3 Cluster/network/relay.py \
  --listen 10.77.0.1:7700 --to 10.77.0.2:7700 --mbit 20 --delay 0.05 >"$root/relay.log" 2>&1; }
relay=$relay_input_PID
link() { echo "$1" >&"${relay_input[1]}"; }

begin coordinator coordinator coordinator Configs/smoke.yaml "${settings[@]}" --dir "$run" \
  --listen tcp://10.77.0.2:7700 --trusted-network
for role in value-learner labeller policy-learner; do
  begin $role learners $role --connect tcp://10.77.0.1:7700 --states "$root/states"
done
for robot in cell-1 cell-2; do
  begin $robot collectors collector --connect tcp://10.77.0.1:7700 --name $robot --spool "$root/spool-$robot"
done

value() { sed -n "s/^ *\"$1\" : \"\{0,1\}\([^\",]*\).*/\1/p" | head -n 1; }
progress() { "$program" runs show "$run" --json 2>/dev/null | value "$1"; }
done_jobs() { [ "$(progress jobsDone || echo 0)" -ge "$1" ] 2>/dev/null; }
all_alive() {
  for name in "${!process[@]}"; do alive "${process[$name]}" || fail "$name has ended before the run"; done
}
ids() { "$program" episodes list "$run" --json | grep '"id"' | sort; }

# What is stored or acknowledged now must be there in the end.
note() {
  all_alive
  ids >>"$root/noted"
  say "$1 with $(progress jobsDone) of $(progress jobs) jobs done"
}

await 120 "the first jobs are done" done_jobs 8
note "the link stalls for 20 s,"
link stall
sleep 20
link go
so_far=$(progress jobsDone)
await 60 "it goes on" done_jobs $((so_far + 4))

note "every connection is reset,"
link reset
so_far=$(progress jobsDone)
await 60 "it goes on" done_jobs $((so_far + 4))

note "the collectors' link is cut for $cut s,"
hub ip link set collectors down
sleep "$cut"
hub ip link set collectors up
# The run cannot have ended without its robots.
so_far=$(progress jobsDone)
await 120 "it goes on" done_jobs $((so_far + 4))
note "all is well again,"

over() { ! alive "${process[coordinator]}"; }
await 600 "the run is finished" over
for name in coordinator value-learner labeller policy-learner cell-1 cell-2; do
  status=0
  gone() { ! alive "${process[$name]}"; }
  await 30 "$name ends" gone
  wait "${process[$name]}" || status=$?
  [ "$status" = 0 ] || fail "$name ended with status $status"
done
[ "$(progress state)" = finished ] || fail "the run is $(progress state)"

"$program" episodes verify "$run"
ids >"$root/after"
lost=$(comm -23 <(sort -u "$root/noted") <(sort -u "$root/after") | wc -l)
twice=$(uniq --repeated "$root/after" | wc -l)
expected=$((2 * (16 + 2 * (16 + 8) + 3 * 8)))
[ "$lost" = 0 ] && [ "$twice" = 0 ] || fail "$lost stored episodes are lost and $twice are there twice"
[ "$(wc -l <"$root/after")" = "$expected" ] || fail "$(wc -l <"$root/after") episodes instead of $expected"
[ -z "$(find "$root"/spool-* -name '*.safetensors')" ] || fail "episodes are left in a spool"

say "the same run on one machine, to compare"
"$program" run Configs/smoke.yaml "${settings[@]}" --dir "$root/alone" --quiet >/dev/null
policies() { "$program" runs show "$1" --json | grep '"policy" :' | sort; }
[ "$(policies "$run")" = "$(policies "$root/alone")" ] || fail "its policies are others than those of a run on one machine"

exec {relay_input[1]}>&-
wait "$relay" || true
relayed=$(tail -n 1 "$root/relay.log")
[[ $relayed == *"connections"* ]] || fail "the relay did not end well: $relayed"
trap - EXIT
clean_up
say "passed: over 20 Mbit/s and 50 ms, through a stall of 20 s, resets and a cut of $cut s, the run ended by itself with all $expected episodes, none lost, none twice, and the same policies as on one machine; the relay: $relayed"
