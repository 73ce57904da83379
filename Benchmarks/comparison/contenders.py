"""The programs that are compared, each behind the same two calls."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from reference.work import Work

BENCHMARKS = Path(__file__).parent.parent


class Failure(Exception):
    """A contender cannot go on, or not with this work; the message says why."""


@dataclass(frozen=True)
class Measurement:
    """Medians of one turn; `share_of_peak` is of the machine's own matrix product, if it is known."""

    milliseconds: float
    share_of_peak: float | None = None


class Contender(Protocol):
    """Does the work, when it is asked to and at no other time."""

    key: str
    version: str

    def prepare(self, work: Work) -> None: ...
    def run(self, work: Work, seconds: float) -> Measurement: ...
    def close(self) -> None: ...


def environment() -> dict[str, str]:
    """The contenders' environment: a forced OpenBLAS kernel would slow down whoever uses OpenBLAS."""
    return {key: value for key, value in os.environ.items() if key != "OPENBLAS_CORETYPE"}


class Server:
    """A reference program that serves (see reference/serving.py)."""

    def __init__(self, key: str, command: Sequence[str]) -> None:
        """Starts the program. Raises Failure where it does not start, as without the framework."""
        self.key = key
        # A file takes whatever is written; a pipe that nobody empties would stop the program.
        self._complaints = tempfile.TemporaryFile("w+")
        try:
            self._process = subprocess.Popen(
                command,
                cwd=BENCHMARKS,
                env=environment(),
                text=True,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._complaints,
            )
        except OSError as error:
            self._complaints.close()
            raise Failure(str(error)) from error
        try:
            self.version = str(self._answer()["ready"])
        except Failure:
            self.close()
            raise

    @property
    def process(self) -> int:
        return self._process.pid

    def prepare(self, work: Work) -> None:
        self._ask({"prepare": str(work)})

    def run(self, work: Work, seconds: float) -> Measurement:
        return Measurement(float(self._ask({"run": str(work), "seconds": seconds})["milliseconds"]))

    def close(self) -> None:
        """Ends the program, at once if it does not end with its input."""
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            self._process.stdin.close()
            self._process.wait(timeout=10)
        except (OSError, subprocess.TimeoutExpired):
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._complaints.close()

    def _ask(self, command: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        try:
            print(json.dumps(command), file=self._process.stdin, flush=True)
        except OSError as error:
            raise Failure(f"it has ended: {error}") from error
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            status = self._process.wait()
            self._complaints.seek(0)
            raise Failure(_last_line(self._complaints.read()) or f"it ended with {status}")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise Failure(str(answer["error"]))
        return answer


class RecapBench:
    """The Swift benchmark. It starts in a fraction of a second, so it is started for every turn."""

    key = "recap"

    def __init__(self, program: Path, threads: int) -> None:
        """Raises Failure where there is no such program."""
        if not os.access(program, os.X_OK):
            raise Failure(f"there is no program {program}; 'make bench-compare' builds it")
        self._program = program.resolve()
        self._threads = threads
        self.version = "recap-bench"

    def prepare(self, work: Work) -> None:
        """Nothing lasts from turn to turn."""

    def run(self, work: Work, seconds: float) -> Measurement:
        command = [self._program, "model", "--json", "--mode", work.mode, "--model", work.model]
        command += ["--batch", work.batch, "--threads", self._threads, "--seconds", seconds]
        command += ["--beta", 2 if work.guided else 1] if work.mode == "sample" else []
        done = subprocess.run(
            [str(word) for word in command], env=environment(), text=True, capture_output=True
        )
        if done.returncode != 0:
            raise Failure(_last_line(done.stderr) or f"it ended with {done.returncode}")
        for line in done.stdout.splitlines():
            if line.startswith("{") and (result := json.loads(line)).get("name") == str(work):
                self.version = f"recap-bench ({result.get('kernels', 'kernels not told')})"
                return Measurement(float(result["milliseconds"]), result.get("share_of_peak"))
        raise Failure(f"it measured no {str(work)!r}")

    def close(self) -> None:
        """Nothing runs between turns."""


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1].strip() if lines else ""
