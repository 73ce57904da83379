"""The command line of a driver: serve the robot, record demonstrations, or say what it is."""

from __future__ import annotations

import argparse
import logging
import pathlib
import re
import sys
from collections.abc import Callable, Sequence

from .recording import describe, record
from .robot import Robot
from .server import serve
from .types import Outcome


def main(robot: Robot | Callable[[], Robot], arguments: Sequence[str] | None = None) -> None:
    """A whole program around a robot, with `--help`.

        main(MyRobot)

    Serves the robot at `--endpoint`, where recap's collectors attach; with `--record FOLDER` records demonstrations
    into files instead, and with `--describe` prints what a collector is told.

    Args:
        robot: The robot, or what makes it, which is then called only when it is needed.
        arguments: Words of the command line; by default the program's own.

    Raises:
        SystemExit: With status 2 and a sentence for a robot or words that make no sense.
    """
    words = sys.argv[1:] if arguments is None else list(arguments)
    parser = _parser(robot)
    given = parser.parse_args(words)
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    logging.getLogger("recap_robot").setLevel(logging.INFO)
    try:
        made = robot if isinstance(robot, Robot) else robot()
        _carry_out(made, given, parser)
    except ValueError as error:
        parser.error(str(error))
    except KeyboardInterrupt:
        sys.exit(130)


def _parser(robot: Robot | Callable[[], Robot]) -> argparse.ArgumentParser:
    # The class of a robot, or of the robot that is given, says what it is; a function that makes one does so too.
    text = (type(robot) if isinstance(robot, Robot) else robot).__doc__ or ""
    parser = argparse.ArgumentParser(
        description=text.strip().partition("\n")[0] or "A robot for recap."
    )
    parser.add_argument(
        "--endpoint",
        help="where collectors attach: ipc://PATH or tcp://127.0.0.1:PORT "
        "(default: ipc:///tmp/<embodiment>.ipc)",
    )
    parser.add_argument(
        "--describe", action="store_true", help="print what a collector is told, and end"
    )
    recording = parser.add_argument_group("recording demonstrations, without a run")
    recording.add_argument(
        "--record", metavar="FOLDER", type=pathlib.Path, help="record into this folder, and end"
    )
    recording.add_argument("--task", help="which task (default: the first)")
    recording.add_argument("--episodes", type=int, default=10, help="how many (default: 10)")
    recording.add_argument(
        "--seed", type=int, default=0, help="the first episode's seed (default: 0)"
    )
    return parser


def _carry_out(robot: Robot, given: argparse.Namespace, parser: argparse.ArgumentParser) -> None:
    if given.describe:
        print(describe(robot))
        robot.close()
    elif given.record is not None:
        _record(robot, given, parser)
    else:
        serve(robot, given.endpoint or default_endpoint(robot))


def default_endpoint(robot: Robot) -> str:
    """Where a robot is served unless somebody says otherwise."""
    return f"ipc:///tmp/{re.sub(r'[^A-Za-z0-9._-]', '-', robot.embodiment.name)}.ipc"


def _record(robot: Robot, given: argparse.Namespace, parser: argparse.ArgumentParser) -> None:
    tasks = {task.name: task for task in robot.tasks}
    name = given.task or next(iter(tasks))
    if name not in tasks:
        parser.error(f"--task: expected one of {', '.join(tasks)}, got {name!r}")
    if given.episodes < 1 or given.seed < 0:
        parser.error("--episodes must be at least 1, and --seed 0 or more")
    successes = unjudged = 0
    try:
        outcomes = record(robot, tasks[name], given.episodes, given.record, seed=given.seed)
        for count, outcome in enumerate(outcomes, 1):
            successes += outcome is Outcome.SUCCESS
            unjudged += outcome is Outcome.UNJUDGED
            print(f"{name}: episode {count} of {given.episodes}: {outcome.value}", flush=True)
    finally:
        robot.close()
    later = f", {unjudged} are not judged" if unjudged else ""
    print(f"{successes} of {given.episodes} succeeded{later}; they are in {given.record}")
