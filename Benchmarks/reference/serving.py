"""What the reference programs share: their command line, the check and the answering of commands.

A program that serves reads one JSON object a line from standard input and answers each with one:

    {"prepare": "train vla-tiny 32"}            compiles and warms up; drops what was prepared before
    {"run": "train vla-tiny 32", "seconds": 3}  times steps for about that long

It ends with its input. Between commands it does nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TextIO

import numpy as np
import numpy.typing as npt

from . import spec
from .cores import use_cores
from .work import Work

Step = Callable[[], npt.NDArray[np.float32]]
"""One step; gives the losses of a training step, or the sampled actions `[batch, 16, 8]`."""

WARM_UP_STEPS = 3
FEWEST_STEPS = 3


class Framework(Protocol):
    """A way to do the work. Its step is ready to be compiled or compiled by its first call."""

    name: str
    """Name and version, for people."""

    def step(self, work: Work) -> Step: ...


def main(
    description: str | None,
    start: Callable[[argparse.Namespace], Framework],
    options: Callable[[argparse.ArgumentParser], None] = lambda parser: None,
) -> None:
    """Runs a reference program: `start` makes the framework from the parsed arguments."""
    parser = argparse.ArgumentParser(description=description)
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument("--check", action="store_true", help="compare with the check values")
    action.add_argument("--serve", action="store_true", help="answer commands on standard input")
    parser.add_argument("--threads", type=int, default=2, help="threads to compute with (2)")
    options(parser)
    arguments = parser.parse_args()
    use_cores(arguments.threads)
    if arguments.check:
        sys.exit(0 if check(start(arguments)) else 1)
    # A library that prints must not break the protocol: its output goes to standard error.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    serve(start(arguments), sys.stdin, answers)


def check(framework: Framework) -> bool:
    """Prints how losses and actions compare with the check values; whether all are close."""
    passed = True
    for model, expected in spec.CHECK_LOSSES.items():
        work = Work("train", model, spec.CHECK_BATCH)
        step = framework.step(work)
        passed &= _close(framework, work, [step().tolist() for _ in expected], expected)
    work = Work("sample", "vla-tiny", spec.CHECK_SAMPLE_BATCH, guided=True)
    actions = framework.step(work)()
    return _close(framework, work, actions[0, 0].tolist(), spec.CHECK_ACTIONS) and passed


def _close(framework: Framework, work: Work, got: Sequence[Any], expected: Sequence[Any]) -> bool:
    difference = float(np.abs(np.asarray(got) - np.asarray(expected)).max())
    close = difference <= spec.CHECK_TOLERANCE
    verdict = "as expected" if close else f"expected {expected}, got {got}"
    print(f"{framework.name}: {work}: largest difference {difference:.1e}: {verdict}")
    return close


def serve(framework: Framework, commands: TextIO, answers: TextIO) -> None:
    """Answers commands to the end of the input; a command that fails is answered with `error`."""

    def answer(content: dict[str, Any]) -> None:
        print(json.dumps(content), file=answers, flush=True)

    answer({"ready": framework.name})
    server = _Server(framework)
    for line in commands:
        try:
            answer(server.do(json.loads(line)))
        except Exception as error:  # Whatever a framework raises, the other work can go on.
            answer({"error": f"{type(error).__name__}: {error}"})


class _Server:
    """Holds the one prepared step."""

    def __init__(self, framework: Framework) -> None:
        self._framework = framework
        self._prepared: tuple[Work, Step] | None = None

    def do(self, command: dict[str, Any]) -> dict[str, Any]:
        match command:
            case {"prepare": str(name)}:
                begin = time.perf_counter()
                self._step(Work.parse(name))
                return {"prepared": name, "seconds": time.perf_counter() - begin}
            case {"run": str(name), "seconds": int() | float() as seconds}:
                work = Work.parse(name)
                return {"run": name, **measure(self._step(work), work.batch, seconds)}
        raise ValueError('expected {"prepare": WORK} or {"run": WORK, "seconds": NUMBER}')

    def _step(self, work: Work) -> Step:
        if self._prepared is None or self._prepared[0] != work:
            self._prepared = None  # Free its memory before the next one takes its own.
            step = self._framework.step(work)
            for _ in range(WARM_UP_STEPS):
                step()
            self._prepared = (work, step)
        return self._prepared[1]


def measure(step: Step, batch: int, seconds: float) -> dict[str, Any]:
    """Runs steps for at least that long, and at least `FEWEST_STEPS` of them.

    One more step comes first, untimed: another process has had the caches since the last turn.
    """
    step()
    times: list[float] = []
    begin, begin_cpu = time.perf_counter(), time.process_time()
    while len(times) < FEWEST_STEPS or time.perf_counter() - begin < seconds:
        started = time.perf_counter()
        step()
        times.append(time.perf_counter() - started)
    cpu = (time.process_time() - begin_cpu) / len(times)
    median = statistics.median(times)
    return {
        "milliseconds": median * 1e3,
        "repetitions": len(times),
        "samples_per_second": batch / median,
        "cpu_milliseconds": cpu * 1e3,
    }
