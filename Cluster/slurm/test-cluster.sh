#!/usr/bin/env bash
# Tries Cluster/slurm.yaml for real on one machine: installs Slurm from Debian's packages, starts a cluster of three
# nodes, launches a small run on them, stops it and goes on, crashes one node in the middle, sees the run end with nothing
# lost, and stops what it started. As root on Debian 12; about five minutes.
#
# Usage: Cluster/slurm/test-cluster.sh [--crash n1|n2|n3] [--ranks R] [--keep]
#   --crash  the node to crash: n1 has the coordinator, n2 the learners, n3 (the default) collectors
#   --ranks  processes of each learner, over MPI: needs a recap of `make build-mpi`, as RECAP
#   --keep   leave the folder with the logs
# RECAP names the program to test (default: .build/release/recap, or .build/debug/recap).
set -euo pipefail
cd "$(dirname "$0")/../.."

crash=n3
ranks=1
keep=
while [ $# -gt 0 ]; do
  case $1 in
    --crash) crash=${2:?--crash needs a node}; shift ;;
    --ranks) ranks=${2:?--ranks needs a number}; shift ;;
    --keep) keep=1 ;;
    *) echo "unknown argument $1; see the head of $0" >&2; exit 64 ;;
  esac
  shift
done
case $crash in n1 | n2 | n3) ;; *) echo "there is no node $crash: give n1, n2 or n3" >&2; exit 64 ;; esac
[ "$(id -u)" = 0 ] || { echo "run it as root: it starts Slurm's daemons" >&2; exit 1; }

program=${RECAP:-}
for candidate in .build/release/recap .build/debug/recap; do
  [ -n "$program" ] || { [ ! -x "$candidate" ] || program=$PWD/$candidate; }
done
[ -n "$program" ] || { echo "there is no recap: run 'make build' first" >&2; exit 1; }

say() { echo "$(date +%T) $*"; }
missing=()
for package in slurm-wlm munge; do
  [ "$(dpkg-query --show --showformat='${db:Status-Status}' $package 2>/dev/null)" = installed ] \
    || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
  say "installing ${missing[*]}"
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends -qq "${missing[@]}" >/dev/null
fi

root=$(mktemp -d /tmp/recap-slurm-XXXXXX)
export SLURM_CONF=$root/slurm.conf
# A job of another cluster's, should this script run in one, would confuse Slurm's commands.
unset SLURM_JOB_ID SLURM_JOBID
munged=
controller=
declare -A node=()

alive() { [ -n "$1" ] && kill -0 "$1" 2>/dev/null; }

# Ends a process that this script started, and waits for it.
end() {
  alive "$1" || return 0
  kill "$1" 2>/dev/null || true
  for _ in $(seq 50); do alive "$1" || return 0; sleep 0.1; done
  kill -9 "$1" 2>/dev/null || true
}

clean_up() {
  [ -z "$controller" ] || scancel --quiet --user=root 2>/dev/null || true
  # The end of a node's first process is the end of all of them: they are in its namespace.
  for name in "${!node[@]}"; do alive "${node[$name]}" && kill -9 "${node[$name]}" 2>/dev/null || true; done
  end "$controller"
  end "$munged"
  if [ -n "$keep" ]; then say "logs are in $root"; else rm -rf "$root"; fi
}
trap clean_up EXIT

# Runs a check until it is true; fails after so many seconds.
await() {
  local seconds=$1 what=$2
  shift 2
  for _ in $(seq "$seconds"); do "$@" && return 0; sleep 1; done
  keep=1
  echo "gave up after $seconds s: $what" >&2
  squeue --all >&2 || true
  "$program" launch status "$root/runs/a run" >&2 || true
  tail -n 15 "$root/runs/a run"/logs/slurm-*.log >&2 || true
  exit 1
}

nodes=(n1 n2 n3)
features=(coordinator learner collector)
if [ "$ranks" -gt 1 ]; then
  # Each learner is then a component of the job, and Slurm gives no two components the same node.
  nodes+=(n4 n5)
  features+=(learner learner)
fi

say "starting munge, a controller and ${#nodes[@]} nodes"
host=$(hostname -s)
mkdir -p "$root"/{state,log,runs}
# The authentication of a cluster of its own, beside any other that this machine is in.
install -d -o munge -g munge -m 700 "$root/munge"
chmod 711 "$root"
dd if=/dev/urandom of="$root/munge/key" bs=1024 count=1 status=none
chown munge: "$root/munge/key"
chmod 400 "$root/munge/key"
install -d -o munge -g munge -m 755 "$root/munge-socket"
setpriv --reuid munge --regid munge --clear-groups munged --foreground --key-file="$root/munge/key" \
  --socket="$root/munge-socket/munge.socket" --pid-file="$root/munge/pid" \
  --log-file="$root/munge/log" --seed-file="$root/munge/seed" >"$root/log/munged.out" 2>&1 &
munged=$!
disown

port=$((20000 + RANDOM % 20000))
{
  cat <<CONF
ClusterName=recap
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$root/munge-socket/munge.socket
CredType=cred/munge
SlurmctldPort=$port
StateSaveLocation=$root/state
SlurmctldPidFile=$root/slurmctld.pid
SlurmctldLogFile=$root/log/slurmctld.log
SlurmdPidFile=$root/slurmd.%n.pid
SlurmdLogFile=$root/log/slurmd.%n.log
SlurmdSpoolDir=$root/spool.%n
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
ReturnToService=2
SlurmdParameters=config_overrides
SlurmdTimeout=10
SlurmctldTimeout=10
InactiveLimit=0
KillWait=10
BatchStartTimeout=10
JobRequeue=1
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_interval=2,bf_interval=2
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
CONF
  for i in "${!nodes[@]}"; do
    mkdir -p "$root/spool.${nodes[i]}"
    echo "NodeName=${nodes[i]} NodeAddr=127.0.0.1 NodeHostname=$host Port=$((port + 1 + i)) CPUs=8 RealMemory=16000 Feature=${features[i]}"
  done
  echo "PartitionName=main Nodes=n[1-${#nodes[@]}] Default=YES MaxTime=INFINITE State=UP"
} >"$SLURM_CONF"

await 20 "munge answers" test -S "$root/munge-socket/munge.socket"
slurmctld -D >"$root/log/slurmctld.out" 2>&1 &
controller=$!
disown
for name in "${nodes[@]}"; do
  # A process namespace of its own: its end is that of everything on the node, as in a power cut.
  unshare --pid --fork --kill-child --mount-proc slurmd -D -N "$name" >"$root/log/$name.out" 2>&1 &
  node[$name]=$!
  disown
done
idle_nodes() { [ "$(sinfo --noheader --Node --format '%N %t' 2>/dev/null | grep -c ' idle')" = "$1" ]; }
await 60 "${#nodes[@]} idle nodes" idle_nodes "${#nodes[@]}"

cat >"$root/cluster.yaml" <<YAML
kind: slurm
roles:
  valueLearners: {ranks: $ranks}
  policyLearners: {ranks: $ranks}
slurm:
  # Preferences would do; requirements keep each part on the node that the test is about, while there is one.
  coordinatorOptions: [$([ "$crash" = n1 ] || echo "--constraint=coordinator")]
  learnerOptions: [$([ "$crash" = n2 ] || echo "--constraint=learner")]
  collectorOptions: [$([ "$crash" = n3 ] || echo "--constraint=collector")]
YAML
# With all nodes free, Slurm fills them in order: the weights below put what may move on the node that is crashed.
for name in "${nodes[@]}"; do
  scontrol update nodename="$name" weight=$([ "$name" = "$crash" ] && echo 1 || echo 100)
done

# With a space, for the scripts to mind.
run="$root/runs/a run"
say "launching a small run on them"
"$program" launch --cluster "$root/cluster.yaml" Configs/smoke.yaml --dir "$run" \
  --set taskDefaults.demonstrations=16 --set taskDefaults.autonomousEpisodes=24 \
  --set schedule.iterations=2 --set training.policy.steps=60

progress() { "$program" runs show "$run" --json 2>/dev/null | sed -n "s/^ *\"$1\" : \"\{0,1\}\([^\",]*\).*/\1/p" | head -n 1; }
done_jobs() { [ "$(progress jobsDone || echo 0)" -ge "$1" ] 2>/dev/null; }
await 300 "the first jobs are done" done_jobs 10
gone() { [ -z "$(squeue --noheader)" ]; }
say "stopping it with $(progress jobsDone) jobs done, and going on"
[ -s "$run/keys/policy-learner.key" ] || { echo "the run has no keys" >&2; exit 1; }
grep -q "for those with a key" "$run/logs/coordinator.log" \
  || { echo "the coordinator asks for no keys" >&2; exit 1; }
status=$("$program" launch status "$run")
[[ $status == *RUNNING* ]] || { echo "the status has no running job: $status" >&2; exit 1; }
refused=$("$program" launch --resume "$run" 2>&1) && { echo "a second launch was not refused" >&2; exit 1; }
[[ $refused == *"launched already, by Slurm's jobs"* ]] || { echo "$refused" >&2; exit 1; }
"$program" launch stop "$run"
await 60 "its jobs are gone" gone
"$program" launch --resume "$run"
so_far=$(progress jobsDone)
await 120 "it goes on" done_jobs $((so_far + 2))
places() { squeue --noheader --format '%i %N' --states RUNNING | sort | tr '\n' ';'; }
on_node() { [ -n "$(squeue --noheader --nodelist "$1" --states RUNNING --format '%i')" ]; }
await 30 "something runs on $crash" on_node "$crash"

"$program" episodes list "$run" --json >"$root/before.json"
before=$(grep -c '"id"' "$root/before.json" || true)
say "crashing $crash with $(progress jobsDone) of $(progress jobs) jobs done and $before episodes stored; running: $(places)"
kill -9 "${node[$crash]}"
unset "node[$crash]"

down() { [[ $(scontrol show node "$crash") == *State=DOWN* ]]; }
await 90 "Slurm takes $crash for lost" down
say "Slurm has noticed"

# Slurm holds what a lost node ran for two minutes. Nobody needs to wait for that here.
release() {
  for job in $(squeue --noheader --states PENDING --format '%A %r' | sed -n 's/ BeginTime$//p' | sort -u); do
    scontrol update jobid="$job" starttime=now 2>/dev/null || true
  done
}
finished() { release; [ "$(progress state)" = finished ]; }
await 900 "the run is finished" finished
await 90 "its jobs are gone" gone

"$program" episodes verify "$run"
"$program" episodes list "$run" --json >"$root/after.json"
lost=$(comm -23 <(grep '"id"' "$root/before.json" | sort -u) <(grep '"id"' "$root/after.json" | sort -u) | wc -l)
twice=$(grep '"id"' "$root/after.json" | sort | uniq --repeated | wc -l)
[ "$lost" = 0 ] && [ "$twice" = 0 ] \
  || { echo "$lost stored episodes are lost and $twice are there twice" >&2; exit 1; }
after=$(grep -c '"id"' "$root/after.json")
[ -n "$(ls "$run"/logs/slurm-main-*.log)" ]
restarts=$(grep -c '^--- process' "$run"/logs/collector-*.log "$run"/logs/coordinator.log "$run"/logs/labeller.log "$run"/logs/*learner*.log | tr '\n' ' ')
say "lives by log: ${restarts//$run\/logs\//}"
trap - EXIT
clean_up
say "passed: the run on ${#nodes[@]} Slurm nodes lost $crash in the middle and ended with all $after episodes, none lost, none twice; all that was started is stopped"
