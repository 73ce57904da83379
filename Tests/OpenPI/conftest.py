"""The programs that the client of openpi's robots talks to.

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


class Program:
    """A command of `recap` in a process of its own, with what it says in a file."""

    def __init__(self, log, *arguments):
        self.log = log
        with open(log, "wb") as file:
            self.process = subprocess.Popen(
                [RECAP, *arguments], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=file, stderr=file)

    def wait_for(self, pattern, seconds=60):
        end = time.time() + seconds
        while time.time() < end and self.process.poll() is None:
            found = re.search(pattern, self.log.read_text(errors="replace"))
            if found:
                return found.group(1)
            time.sleep(0.05)
        raise AssertionError(f"no {pattern!r} in\n" + self.log.read_text())

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=20)


class Server(Program):
    """`recap serve`, once it can be asked."""

    def __init__(self, log, *arguments):
        super().__init__(log, "serve", "--port", "0", *arguments)
        self.port = int(self.wait_for(r"ws://\S+:(\d+)"))


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
        server.stop()


@pytest.fixture(scope="session")
def server(serve):
    return serve()
