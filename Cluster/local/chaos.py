#!/usr/bin/env python3
"""A fault campaign: random `kill -9` of random processes of local launches, the launcher among them.

    Cluster/local/chaos.py [--kills 50] [--seed N] [--minutes 15] [--keep]

One run goes undisturbed. Further runs of the same configuration and seed are killed at, until all kills are done. Then
every run must have ended by itself, and hold

- every episode that the archive has acknowledged or that has left a collector's disk, exactly once, readable, with the
  bytes that were acknowledged;
- exactly one result of every job, and all that was made of a job's result made of that one;
- the undisturbed run's episodes step for step (which robot recorded one may differ), thresholds and checkpoints bit for
  bit: jobs are deterministic, so nothing may depend on who was lost when.

The choices of whom and when are drawn from the seed, which is printed. What a process is doing at that moment is up to
the machine. Needs Python 3.9 and nothing else; RECAP names the program (default: .build/release/recap, or the debug
one).
"""

import argparse
import collections
import hashlib
import json
import os
import pathlib
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Long enough for ten kills a run, with every kind of job: some 10 s undisturbed on two cores.
SETTINGS = {
    "taskDefaults.demonstrations": 16, "taskDefaults.autonomousEpisodes": 16,
    "taskDefaults.correctedEpisodes": 8, "taskDefaults.evaluationEpisodes": 8,
    "schedule.iterations": 2, "training.valuePretrain.steps": 300, "training.value.steps": 300,
    "training.policyPretrain.steps": 400, "training.policySFT.steps": 300,
    "training.policy.steps": 400, "runtime.leaseSeconds": 3,
}
# A process that is killed often must not be given up: that is another test's.
CLUSTER = """kind: local
roles:
  valueLearners: {count: 2}
  labellers: {count: 2}
  policyLearners: {count: 2}
restart: {limit: 1000, firstDelaySeconds: 0.2, longestDelaySeconds: 1}
"""
KILLS_A_RUN = 10
# Far more than a run takes: whatever lasts longer hangs.
PATIENCE_SECONDS = 240


class Failure(Exception):
    """What the campaign is there to find."""


def say(text: str) -> None:
    print(time.strftime("%T"), text, flush=True)


def program() -> str:
    named = [os.environ["RECAP"]] if os.environ.get("RECAP") else []
    for path in named + [str(ROOT / ".build" / kind / "recap") for kind in ("release", "debug")]:
        if os.access(path, os.X_OK):
            # As the launcher calls what it starts: .build/release is a link.
            return os.path.realpath(path)
    sys.exit("there is no recap: run 'make build' first")


RECAP = program()


def recap(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run([RECAP, *arguments], capture_output=True, text=True, check=False)


class Spools(threading.Thread):
    """Watches what collectors have on their disks: an episode leaves it only once it is acknowledged."""

    def __init__(self, run: pathlib.Path) -> None:
        super().__init__(daemon=True)
        self.run_directory = run
        self.seen: set[str] = set()
        self.over = threading.Event()

    def waiting(self) -> set[str]:
        files = self.run_directory.glob("spool/*/*/*.safetensors")
        return {urllib.parse.unquote(path.name.removesuffix(".safetensors")) for path in files}

    def run(self) -> None:
        while not self.over.wait(0.01):
            self.seen |= self.waiting()


class Launch:
    """A launched run, of which this script holds the launcher."""

    def __init__(self, directory: pathlib.Path, seed: int) -> None:
        self.directory = directory
        self.seed = seed
        self.cluster = directory.with_suffix(".yaml")
        self.cluster.write_text(CLUSTER)
        self.kills: collections.Counter[str] = collections.Counter()
        self.began = time.monotonic()
        self.spools = Spools(directory)
        self.launcher = self.start(
            "launch", "--cluster", str(self.cluster), str(ROOT / "Configs/smoke.yaml"), "--dir",
            str(directory), "--seed", str(seed),
            *(word for key, value in SETTINGS.items() for word in ("--set", f"{key}={value}")))
        self.spools.start()

    def start(self, *arguments: str) -> subprocess.Popen:
        with open(self.directory.with_suffix(".log"), "a", encoding="utf-8") as log:
            return subprocess.Popen(
                [RECAP, *arguments], stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def status(self) -> dict:
        try:
            return json.loads(recap("launch", "status", str(self.directory), "--json").stdout)
        except json.JSONDecodeError:
            # It is not launched yet.
            return {"processes": [], "jobsDone": 0, "jobs": 0}

    def is_over(self) -> bool:
        return self.launcher.poll() is not None

    def kill(self, choice: random.Random) -> bool:
        """Kills a process of a random role as soon as it runs; false where the run ends before."""
        processes = self.status()["processes"]
        while not processes and not self.is_over():
            time.sleep(0.05)
            processes = self.status()["processes"]
        roles = {one["role"]: [] for one in processes} | {"launcher": ["launcher"]}
        for one in processes:
            roles[one["role"]].append(one["name"])
        name = choice.choice(sorted(roles[choice.choice(sorted(roles))]))
        deadline = time.monotonic() + 20
        while not self.is_over():
            status = self.status()
            pid = self.launcher.pid
            if name != "launcher":
                process = next((one for one in status["processes"] if one["name"] == name), {})
                if process.get("state") == "done":
                    return False
                pid = process.get("pid")
            if pid and self.is_ours(pid):
                os.kill(pid, signal.SIGKILL)
                self.kills[name] += 1
                say(
                    f"  {self.directory.name}: kill {sum(self.kills.values())}: {name} (process {pid})"
                    f" with {status['jobsDone']} of {status['jobs']} jobs done")
                if name == "launcher":
                    self.launcher.wait()
                    self.launcher = self.start("launch", "--resume", str(self.directory))
                return True
            if time.monotonic() > deadline:
                raise Failure(f"{name} was not started again within 20 s")
            time.sleep(0.02)
        return False

    def is_ours(self, pid: int) -> bool:
        return pid in processes_of(self.directory)

    def finish(self) -> None:
        """Waits for the run's end."""
        try:
            status = self.launcher.wait(
                timeout=max(1, PATIENCE_SECONDS - (time.monotonic() - self.began)))
        except subprocess.TimeoutExpired:
            raise Failure(f"it did not end within {PATIENCE_SECONDS} s") from None
        finally:
            self.spools.over.set()
            self.spools.join()
        if status != 0:
            raise Failure(f"its launcher ended with status {status}")

    def end_all(self) -> None:
        self.spools.over.set()
        for pid in processes_of(self.directory):
            os.kill(pid, signal.SIGKILL)


def processes_of(directory: pathlib.Path) -> set[int]:
    """The processes that were told this directory."""
    found = set()
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            words = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        if words[0] == RECAP and any(
            word == str(directory) or word.startswith(f"{directory}/")
            or word.endswith(f"{directory}/coordinator.sock") for word in words
        ):
            found.add(int(entry.name))
    return found


# ---- What a run holds


def rows(run: pathlib.Path, query: str) -> list[tuple]:
    catalogue = sqlite3.connect(f"file:{run}/catalogue.sqlite?mode=ro", uri=True)
    try:
        return catalogue.execute(query).fetchall()
    finally:
        catalogue.close()


def what_happened(run: pathlib.Path, digest: str) -> str:
    """An episode's content but for who recorded it, as a digest."""
    data = (run / "blobs" / digest[:2] / digest[2:]).read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8:8 + length])
    text = header.pop("__metadata__")
    episode = json.loads(text.pop("episode"))
    del episode["robot"]
    described = json.dumps([header, text, episode], sort_keys=True).encode()
    return hashlib.sha256(described + data[8 + length:]).hexdigest()


def contents(run: pathlib.Path) -> dict[str, dict[str, str]]:
    """What does not depend on who was lost when, by what it is."""
    return {
        "episodes": {
            key: what_happened(run, digest)
            for key, digest in rows(run, "SELECT id, digest FROM episodes")},
        "checkpoints": dict(rows(run, "SELECT job, digest FROM checkpoints")),
        "label sets": dict(rows(run, "SELECT job, metadata FROM label_sets")),
    }


def reported(run: pathlib.Path) -> dict[str, list[dict]]:
    """The results that workers have reported, by job, the archive's words among them."""
    results: dict[str, list[dict]] = collections.defaultdict(list)
    for (text,) in rows(run, "SELECT event FROM events ORDER BY sequence"):
        finished = json.loads(text).get("jobFinished")
        if finished:
            job, _, _ = finished["lease"].rpartition("@")
            results[job].append({"lease": finished["lease"], **finished["result"]})
    return results


def check(launch: Launch, jobs: int) -> int:
    """Fails where the run has lost something, or used it twice.

    Returns: how many results came from workers that had lost their lease, or came again.
    """
    run = launch.directory
    result = recap("episodes", "verify", str(run))
    if result.returncode != 0:
        raise Failure(f"'recap episodes verify' found: {result.stdout}{result.stderr}")
    stored = rows(run, "SELECT id, digest, job, stage, episode_index, policy FROM episodes")
    digests = {row[0]: row[1] for row in stored}
    if len(digests) != len(stored) or len({row[3:5] for row in stored}) != len(stored):
        raise Failure("an episode is there twice")
    results = reported(run)
    for given in results.values():
        for receipt in (one for result in given for one in result.get("episodes", {}).get("_0", [])):
            if digests.get(receipt["id"]) != receipt["digest"]:
                raise Failure(f"episode {receipt['id']} was acknowledged and is not there")
    left = launch.spools.waiting()
    gone = launch.spools.seen - left - set(digests)
    if gone or left:
        raise Failure(f"recorded and not stored: {sorted(gone)}; still with collectors: {sorted(left)}")

    if len(results) != jobs:
        raise Failure(f"{len(results)} of {jobs} jobs have a result")
    checkpoints = dict(rows(run, "SELECT job, digest FROM checkpoints"))
    labels = rows(run, "SELECT job, digest, metadata FROM label_sets")
    for job, digest in [*checkpoints.items(), *((one[0], one[1]) for one in labels)]:
        names = {result[kind]["_0"] for result in results[job] for kind in ("checkpoint", "labels")
                 if kind in result}
        if digest not in names:
            raise Failure(f"{job}: {digest} is no result that was reported")
    # All that builds on a job names the one result that is in the catalogue.
    known = set(checkpoints.values())
    for key, _, _, _, _, policy in stored:
        if policy is not None and policy not in known:
            raise Failure(f"episode {key} was recorded with a policy that no job has given")
    for stage in {row[3] for row in stored}:
        if len({row[5] for row in stored if row[3] == stage}) != 1:
            raise Failure(f"stage {stage} was recorded with several policies")
    for job, _, metadata in labels:
        if json.loads(metadata)["value"] not in known:
            raise Failure(f"{job} was made with a value function that no job has given")
    return sum(len(given) - 1 for given in results.values())


def compare(run: pathlib.Path, reference: dict[str, dict[str, str]]) -> None:
    for kind, found in contents(run).items():
        expected = reference[kind]
        differing = sorted(key for key in expected.keys() | found.keys()
                           if expected.get(key) != found.get(key))
        if differing:
            raise Failure(f"{len(differing)} {kind} differ from the undisturbed run's: "
                          + ", ".join(differing[:5]))


# ---- The campaign


def campaign(root: pathlib.Path, kills: int, seed: int, minutes: float) -> str:
    choice = random.Random(seed)
    began = time.monotonic()
    totals: collections.Counter[str] = collections.Counter()
    repeated = 0
    lengths = []
    reference: dict[str, dict[str, str]] = {}
    jobs = 0
    while not reference or sum(totals.values()) < kills:
        if time.monotonic() - began > minutes * 60:
            raise Failure(f"{sum(totals.values())} of {kills} kills were done after {minutes:g} minutes")
        launch = Launch(root / (f"run-{len(lengths)}" if reference else "undisturbed"), seed)
        say(f"{launch.directory.name}: launched")
        try:
            if reference:
                for _ in range(min(KILLS_A_RUN, kills - sum(totals.values()))):
                    time.sleep(choice.uniform(0.1, 2.5))
                    if launch.is_over() or not launch.kill(choice):
                        break
            launch.finish()
            if not reference:
                reference = contents(launch.directory)
                jobs = launch.status()["jobs"]
            repeated += check(launch, jobs)
            compare(launch.directory, reference)
            left = processes_of(launch.directory)
            if left:
                raise Failure(f"processes {sorted(left)} are left running")
        except Failure as failure:
            raise Failure(f"{launch.directory.name}: {failure}") from None
        finally:
            launch.end_all()
        lengths.append(time.monotonic() - launch.began)
        totals += launch.kills
        say(f"{launch.directory.name}: ended after {lengths[-1]:.0f} s with all"
            f" {len(reference['episodes'])} episodes and {len(reference['checkpoints'])} checkpoints"
            f" as they should be; {sum(launch.kills.values())} kills")
        shutil.rmtree(launch.directory)
    victims = ", ".join(f"{name} {count}" for name, count in sorted(totals.items()))
    return (
        f"passed: {sum(totals.values())} kills (seed {seed}: {victims}) in {len(lengths) - 1} runs;"
        f" every run ended, the slowest after {max(lengths):.0f} s ({lengths[0]:.0f} s undisturbed),"
        f" with the same {len(reference['episodes'])} episodes, {len(reference['label sets'])} label sets"
        f" and {len(reference['checkpoints'])} checkpoints as the undisturbed one: none lost, none"
        f" twice; {jobs} jobs a run, {repeated} results came late or again and changed nothing")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50, help="processes to kill in all (50)")
    parser.add_argument("--seed", type=int, help="of the runs and of who is killed when (any)")
    parser.add_argument("--minutes", type=float, default=15, help="begin no run after this (15)")
    parser.add_argument("--keep", action="store_true", help="leave the runs' folder")
    options = parser.parse_args()
    if options.kills < 1:
        parser.error(f"--kills: expected 1 or more, got {options.kills}")
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(1000)
    # A process that is told to stop takes its launches along.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    root = pathlib.Path(tempfile.mkdtemp(prefix="recap-chaos-"))
    say(f"{options.kills} kills, seed {seed} (again: --kills {options.kills} --seed {seed})")
    try:
        closing = campaign(root, options.kills, seed, options.minutes)
    except Failure as failure:
        say(f"failed: {failure}; the logs are in {root}")
        sys.exit(1)
    except KeyboardInterrupt:
        shutil.rmtree(root)
        sys.exit(130)
    if options.keep:
        say(f"the logs are in {root}")
    else:
        shutil.rmtree(root)
    say(closing)


if __name__ == "__main__":
    main()
