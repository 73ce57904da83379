"""A small run's policy, served to the client that openpi's robots use.

RECAP names the program (default: .build/release/recap).
"""

import os
import pathlib
import re
import signal
import subprocess
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
RECAP = os.environ.get("RECAP", str(ROOT / ".build/release/recap"))
KEY = "a-key-for-the-tests-0123"


class Server:
    """`recap serve` in a process of its own."""

    def __init__(self, log, *arguments):
        self.log = log
        with open(log, "wb") as file:
            self.process = subprocess.Popen(
                [RECAP, "serve", "--port", "0", *arguments], cwd=ROOT, stdin=subprocess.DEVNULL,
                stdout=file, stderr=file)
        self.port = int(self.wait_for(r"ws://\S+:(\d+)"))

    def wait_for(self, pattern, seconds=60):
        end = time.time() + seconds
        while time.time() < end and self.process.poll() is None:
            found = re.search(pattern, self.log.read_text(errors="replace"))
            if found:
                return found.group(1)
            time.sleep(0.05)
        raise AssertionError(f"no {pattern!r} in\n" + self.log.read_text())

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=20)


@pytest.fixture(scope="session")
def run(tmp_path_factory):
    """The directory of a finished run with cameras."""
    directory = tmp_path_factory.mktemp("served") / "run"
    subprocess.run(
        [RECAP, "run", "Configs/smoke.yaml", "--dir", str(directory), "--quiet",
         "--set", "robots.cell.observation.cameras=24"],
        cwd=ROOT, check=True, timeout=300)
    return directory


@pytest.fixture(scope="session")
def serve(run, tmp_path_factory):
    """Starts servers of the run's policy; all are stopped in the end."""
    servers = []

    def serve(*arguments, source=None):
        log = tmp_path_factory.mktemp("server") / "log"
        servers.append(Server(log, *(source or ["--run", str(run), "--task", "espresso"]), *arguments))
        return servers[-1]

    yield serve
    for server in servers:
        if server.process.poll() is None:
            server.stop()


@pytest.fixture(scope="session")
def server(serve):
    return serve()
