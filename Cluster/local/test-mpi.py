#!/usr/bin/env python3
"""Tries learners of several ranks over MPI, with mpirun on this machine.

    Cluster/local/test-mpi.py [--keep]

- Two, three and four ranks train a policy and a value function for ten steps each, and get one rank's weights.
- A small local launch whose learners are two ranks makes the checkpoints of one whose learners are one process, bit for
  bit: two ranks add two gradients, as the two lanes of one process do.
- The same launch does so although a rank of each learner is killed with `kill -9` while it trains, and leaves no
  process behind.

Needs OpenMPI, and `recap` and `recap-bench` built with MPI: `make test-mpi` sees to both. RECAP names the directory with
the programs (default: .build/mpi/release).
"""

import argparse
import os
import pathlib
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAMS = pathlib.Path(os.environ.get("RECAP", ROOT / ".build/mpi/release")).resolve()
SETTINGS = {
    "taskDefaults.demonstrations": 8, "training.valuePretrain.steps": 300, "training.value.steps": 300,
    "training.policyPretrain.steps": 400, "training.policySFT.steps": 300,
    "training.policy.steps": 400, "runtime.leaseSeconds": 3,
}
CLUSTER = """kind: local
roles:
  valueLearners: {{ranks: {ranks}}}
  policyLearners: {{ranks: {ranks}}}
restart: {{limit: 1000, firstDelaySeconds: 0.2, longestDelaySeconds: 1}}
"""
# Far more than a run takes: whatever lasts longer hangs.
PATIENCE_SECONDS = 300
# OpenMPI asks root for both.
ENVIRONMENT = {
    **os.environ, "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}


def say(text: str) -> None:
    print(time.strftime("%T"), text, flush=True)


def check_weights(ranks: int) -> None:
    result = subprocess.run(
        ["mpirun", "-n", str(ranks), "--oversubscribe", "--bind-to", "none",
         str(PROGRAMS / "recap-bench"), "ranks", "--check"],
        env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        timeout=PATIENCE_SECONDS)
    print(result.stdout, end="")
    lines = [line for line in result.stdout.splitlines() if "weights differ by" in line]
    if result.returncode != 0 or len(lines) != 2 * ranks:
        sys.exit(f"{ranks} ranks do not get the weights of one")


def ranks_of(role: str, run: pathlib.Path) -> list[int]:
    """The processes of this run's learner that are ranks, not mpirun."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        try:
            words = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        if words[0] == str(PROGRAMS / "recap") and words[1:2] == [role] and any(
                word.startswith(f"{run}/") for word in words):
            found.append(int(entry.name))
    return sorted(found)


def is_at_work(role: str, run: pathlib.Path) -> bool:
    """Whether the learner trains: its log has begun a job that it has not ended."""
    try:
        log = (run / "logs" / f"{role}.log").read_text()
    except OSError:
        return False
    return log.rfind(" begins") > max(log.rfind(" done"), log.rfind("--- process"))


def launch(directory: pathlib.Path, ranks: int, victims: tuple[str, ...] = ()) -> dict[str, str]:
    run = directory / f"run-{ranks}-{len(victims)}"
    cluster = directory / f"{run.name}.yaml"
    cluster.write_text(CLUSTER.format(ranks=ranks))
    settings = [word for key, value in SETTINGS.items() for word in ("--set", f"{key}={value}")]
    with open(directory / f"{run.name}.log", "w") as log:
        process = subprocess.Popen(
            [str(PROGRAMS / "recap"), "launch", "--cluster", str(cluster),
             str(ROOT / "Configs/smoke.yaml"), "--dir", str(run), *settings],
            env=ENVIRONMENT, stdout=log, stderr=log, cwd=ROOT)
    left = list(victims)
    deadline = time.monotonic() + PATIENCE_SECONDS
    try:
        while process.poll() is None:
            if time.monotonic() > deadline:
                sys.exit(f"{run.name} does not end; see {directory}/{run.name}.log")
            for role in list(left):
                processes = ranks_of(role, run)
                if len(processes) == ranks and is_at_work(role, run):
                    # The last one is not the first rank, or is: either must do.
                    os.kill(processes[-1], signal.SIGKILL)
                    say(f"killed rank process {processes[-1]} of the {role} while it trained")
                    left.remove(role)
            time.sleep(0.05)
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait()
    if process.returncode != 0:
        sys.exit(f"{run.name} ended with status {process.returncode}; see {directory}/{run.name}.log")
    if left:
        sys.exit(f"no rank of {left} was caught at work")
    time.sleep(2)
    for role in ("value-learner", "policy-learner"):
        if ranks_of(role, run):
            sys.exit(f"ranks of the {role} are left behind: {ranks_of(role, run)}")
    catalogue = sqlite3.connect(f"file:{run}/catalogue.sqlite?mode=ro", uri=True)
    try:
        return dict(catalogue.execute("SELECT job, digest FROM checkpoints").fetchall())
    finally:
        catalogue.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--keep", action="store_true", help="leave the runs' directory")
    arguments = parser.parse_args()
    for program in ("recap", "recap-bench"):
        if not os.access(PROGRAMS / program, os.X_OK):
            sys.exit(f"there is no {PROGRAMS / program}: run 'make build-mpi' first")
    for ranks in (2, 3, 4):
        check_weights(ranks)
    directory = pathlib.Path(tempfile.mkdtemp(prefix="recap-mpi-"))
    say("a run with learners of one process")
    alone = launch(directory, 1)
    say(f"{len(alone)} checkpoints; the same with two ranks")
    if launch(directory, 2) != alone:
        sys.exit(f"two ranks made other checkpoints than one; the runs are in {directory}")
    say("and once more, with a rank of each learner killed")
    if launch(directory, 2, ("value-learner", "policy-learner")) != alone:
        sys.exit(f"with ranks killed there are other checkpoints; the runs are in {directory}")
    if arguments.keep:
        say(f"the runs are in {directory}")
    else:
        shutil.rmtree(directory)
    say(
        f"passed: 2, 3 and 4 ranks get the weights of one; {len(alone)} checkpoints of two ranks are "
        "those of one process, also with ranks killed; no process is left")


if __name__ == "__main__":
    main()
