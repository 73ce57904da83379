#!/usr/bin/env bash
# Tries Cluster/hosts.yaml for real on one machine: an ssh server of its own stands for two other machines. Launches a
# small run over it, cuts every connection in the middle by killing the server with all that it started, brings it back,
# sees the run end with nothing lost, and stops what it started. As root on Debian 12, which gets openssh-server.
#
# Usage: Cluster/hosts/test-hosts.sh [--ranks R] [--keep]
#   --ranks  processes of the policy learner, over MPI: needs a recap of `make build-mpi`, as RECAP
#   --keep   leave the folder with the logs
# RECAP names the program to test (default: .build/release/recap, or .build/debug/recap).
set -euo pipefail
cd "$(dirname "$0")/../.."

ranks=1
keep=
while [ $# -gt 0 ]; do
  case $1 in
    --ranks) ranks=${2:?--ranks needs a number}; shift ;;
    --keep) keep=1 ;;
    *) echo "unknown argument $1; see the head of $0" >&2; exit 64 ;;
  esac
  shift
done
[ "$(id -u)" = 0 ] || { echo "run it as root: it starts an ssh server" >&2; exit 1; }
program=${RECAP:-}
for candidate in .build/release/recap .build/debug/recap; do
  [ -n "$program" ] || { [ ! -x "$candidate" ] || program=$PWD/$candidate; }
done
[ -n "$program" ] || { echo "there is no recap: run 'make build' first" >&2; exit 1; }

say() { echo "$(date +%T) $*"; }
if [ ! -x /usr/sbin/sshd ]; then
  say "installing openssh-server"
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends -qq openssh-server >/dev/null
fi

root=$(mktemp -d /tmp/recap-hosts-XXXXXX)
server=
launcher=
clean_up() {
  # The end of a namespace's starter is that of everything in it, if it is a kill: it takes no other for its own.
  [ -z "$server" ] || kill -9 "$server" 2>/dev/null || true
  [ -z "$launcher" ] || kill "$launcher" 2>/dev/null || true
  for _ in $(seq 100); do
    [ -n "$launcher" ] && kill -0 "$launcher" 2>/dev/null || break
    sleep 0.1
  done
  if [ -n "$keep" ]; then say "logs are in $root"; else rm -rf "$root"; fi
}
trap clean_up EXIT

await() {
  local seconds=$1 what=$2
  shift 2
  for _ in $(seq "$seconds"); do "$@" && return 0; sleep 1; done
  keep=1
  echo "gave up after $seconds s: $what" >&2
  tail -n 30 "$root/launch.log" >&2 || true
  exit 1
}

port=$((20000 + RANDOM % 20000))
ssh-keygen -q -t ed25519 -N '' -f "$root/host"
ssh-keygen -q -t ed25519 -N '' -f "$root/key"
mkdir -p "$root/bin" /run/sshd
cat >"$root/sshd_config" <<CONF
Port $port
ListenAddress 127.0.0.1
HostKey $root/host
PidFile none
AuthorizedKeysFile $root/key.pub
StrictModes no
UsePAM no
PermitRootLogin prohibit-password
# OpenMPI asks root for both.
SetEnv OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
MaxStartups 100
CONF
cat >"$root/ssh_config" <<CONF
Host trainer cell
  HostName 127.0.0.1
  Port $port
  User root
  IdentityFile $root/key
  IdentitiesOnly yes
  UserKnownHostsFile $root/known
  StrictHostKeyChecking accept-new
CONF
printf '#!/bin/sh\nexec /usr/bin/ssh -F %s/ssh_config "$@"\n' "$root" >"$root/bin/ssh"
chmod +x "$root/bin/ssh"
export PATH=$root/bin:$PATH

start_server() {
  # In a process namespace of its own, whose end is that of everything on those machines.
  unshare --pid --fork --kill-child --mount-proc /usr/sbin/sshd -D -e -f "$root/sshd_config" 2>>"$root/sshd.log" &
  server=$!
  disown
}
start_server

cat >"$root/cluster.yaml" <<YAML
kind: hosts
endpoint: tcp://127.0.0.1:$((port + 1))
roles:
  policyLearners: {ranks: $ranks}
hosts:
  - {name: here, roles: [valueLearners, labellers]}
  - {name: trainer, ssh: trainer, directory: $root/trainer, roles: [policyLearners]}
  - {name: cell, ssh: cell, directory: $root/cell, roles: [collectors]}
restart: {limit: 1000, forgottenAfterSeconds: 60, firstDelaySeconds: 0.5, longestDelaySeconds: 5}
YAML
run=$root/run
say "launching a small run over ssh"
"$program" launch --cluster "$root/cluster.yaml" Configs/smoke.yaml --dir "$run" \
  --set taskDefaults.demonstrations=16 --set taskDefaults.autonomousEpisodes=24 \
  --set schedule.iterations=2 --set training.policy.steps=60 >"$root/table" 2>"$root/launch.log" &
launcher=$!
progress() { "$program" runs show "$run" --json 2>/dev/null | sed -n "s/^ *\"$1\" : \"\{0,1\}\([^\",]*\).*/\1/p" | head -n 1; }
done_jobs() { [ "$(progress jobsDone || echo 0)" -ge "$1" ] 2>/dev/null; }
await 300 "the first jobs are done" done_jobs 10

say "cutting all connections with $(progress jobsDone) of $(progress jobs) jobs done"
kill -9 "$server"
sleep 5
say "the machines are back"
start_server

over() { ! kill -0 "$launcher" 2>/dev/null; }
await 600 "the launcher ends" over
wait "$launcher"
launcher=
cat "$root/table"
"$program" episodes verify "$run"
lives=$(grep -c '^--- process' "$run"/logs/collector-*.log "$run"/logs/policy-learner.log | tr '\n' ' ')
say "lives by log: ${lives//$run\/logs\//}"
[ ! -e "$root/cell/spool/cell-1" ] || say "spools are on the other machine"
trap - EXIT
clean_up
say "passed: the run over ssh lost its other machines in the middle and ended, nothing lost; all that was started is stopped"
