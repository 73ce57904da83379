"""python -m recap_robot.lerobot export runs/demo-1 my-dataset; `recap export lerobot` calls it."""

from __future__ import annotations

import argparse
import json
import pathlib
import sys
from typing import Any

from ..episode_file import write_episode
from .export import export
from .features import VERSIONS
from .reading import As, Dataset, open_dataset
from .source import DEFAULT_KINDS, open_source

KINDS = ("demonstration", "autonomous", "corrected", "evaluation")


def main(words: list[str] | None = None) -> None:
    """Exports or imports a data set."""
    parser = argparse.ArgumentParser(
        prog="python -m recap_robot.lerobot", description="LeRobot's data sets, out and in."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    out = commands.add_parser("export", help="write a run's episodes as a data set")
    out.add_argument("source", type=pathlib.Path, help="a run, or a folder of episode files")
    out.add_argument("folder", type=pathlib.Path, help="the data set, to be made")
    out.add_argument("--version", choices=VERSIONS, default="v3.0", help="(default: v3.0)")
    out.add_argument("--task", action="append", help="only this task; may be given again")
    out.add_argument(
        "--source",
        dest="kinds",
        action="append",
        choices=KINDS,
        help=f"only episodes of this source; may be given again (default: {', '.join(DEFAULT_KINDS)})",
    )
    out.add_argument("--videos", action="store_true", help="encode cameras with ffmpeg")
    out.set_defaults(run=_export)
    into = commands.add_parser("import", help="turn a data set into episode files")
    into.add_argument("dataset", type=pathlib.Path, help="the data set's folder")
    into.add_argument("folder", type=pathlib.Path, help="for the episode files; made where missing")
    into.add_argument(
        "--robot",
        type=pathlib.Path,
        help="what the robot is: the output of its driver's --describe; not needed for recap's own sets",
    )
    into.add_argument("--task", help="which of the robot's tasks the episodes are of")
    into.add_argument("--instruction", help="only episodes with this instruction")
    into.add_argument(
        "--outcome", choices=("success", "failure", "unjudged"), help="of episodes whose set does not say"
    )
    into.add_argument("--quiet", action="store_true", help="say nothing where all went well")
    into.set_defaults(run=_import)
    given = parser.parse_args(words)
    try:
        given.run(given)
    except (ValueError, RuntimeError, OSError) as error:
        sys.exit(f"{parser.prog}: {error}")


def _export(given: argparse.Namespace) -> None:
    source = open_source(given.source, tasks=given.task, kinds=given.kinds or DEFAULT_KINDS)
    export(source, given.folder, given.version, videos=given.videos, progress=_progress)
    if source.unjudged:
        print(f"{source.unjudged} episodes are not judged and were left out")
    print(
        f"{len(source.episodes)} episodes of {source.name} are in {given.folder} ({given.version})"
    )


def _progress(done: int, total: int) -> None:
    if sys.stderr.isatty():
        print(f"\r{done} of {total}", end="" if done < total else "\n", file=sys.stderr, flush=True)


def _import(given: argparse.Namespace) -> None:
    dataset = open_dataset(given.dataset)
    described = None if dataset.knows_itself else _described(given, dataset)
    given.folder.mkdir(parents=True, exist_ok=True)
    if any(given.folder.iterdir()):
        raise ValueError(f"{given.folder} is not empty")
    count = 0
    for number in range(len(dataset)):
        if given.instruction is not None and dataset.instruction(number) != given.instruction:
            continue
        episode = dataset.episode(number, described)
        if given.task is not None and episode.metadata["task"]["name"] != given.task:
            continue
        write_episode(given.folder / f"episode_{number:06d}.safetensors", episode)
        count += 1
    if count == 0:
        raise ValueError(f"{given.dataset}: no episode of {len(dataset)} is what was asked for")
    if not given.quiet:
        print(f"{count} of {len(dataset)} episodes of {given.dataset} are in {given.folder}")


def _described(given: argparse.Namespace, dataset: Dataset) -> As:
    if given.robot is None:
        raise ValueError(
            f"the set (robot {dataset.robot_type!r}) does not describe a robot of recap's: give --robot FILE, "
            "the output of its driver's --describe, and --task"
        )
    robot: dict[str, Any] = json.loads(given.robot.read_text(encoding="utf-8"))
    tasks = {task["name"]: task for task in robot["tasks"]}
    name = given.task or (next(iter(tasks)) if len(tasks) == 1 else None)
    if name not in tasks:
        raise ValueError(f"--task: expected one of {', '.join(tasks)}, got {name!r}")
    instructions = sorted({dataset.instruction(number) for number in range(len(dataset))})
    if len(instructions) > 1 and given.instruction is None:
        raise ValueError(
            f"the set has several instructions: choose one with --instruction: {instructions}"
        )
    return As(robot["embodiment"], tasks[name], given.outcome)


if __name__ == "__main__":
    main()
