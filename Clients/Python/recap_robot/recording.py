"""Demonstrations without a run: a person acts, and every episode becomes a file."""

from __future__ import annotations

import json
import pathlib
import re
from collections.abc import Iterator

import numpy as np

from .episode import Columns, Episode
from .episode_file import RecordedEpisode, write_episode
from .robot import Robot, description
from .types import Outcome, Supervision, Task


def demonstrate(robot: Robot, task: Task, seed: int) -> RecordedEpisode:
    """One demonstration, from reset to outcome.

    Args:
        robot: Whose person demonstrates.
        task: One of the robot's tasks.
        seed: Below 2**64; of the scene.

    Raises:
        ValueError: Where nobody can demonstrate the task, or the robot senses something else than it promises.
    """
    if not robot.has_person(task):
        raise ValueError(f"{robot.embodiment.name} has nobody to demonstrate {task.name!r}")
    episode = Episode(robot, task, Supervision.DEMONSTRATION)
    turn = episode.begin(seed)
    rows: list[Columns] = []
    while turn.outcome is None:
        turn = episode.execute(None, steps=8)
        rows += turn.steps
    metadata = {
        "task": task.as_json(),
        "embodiment": robot.embodiment.as_json(),
        "robot": robot.embodiment.name,
        "source": "demonstration",
        "seed": seed,
        "outcome": turn.outcome.value,
        "recordsImages": bool(robot.embodiment.cameras),
        "recordsEnvironmentState": robot.embodiment.environment_state_width > 0,
    }
    if turn.reason is not None:
        metadata["reason"] = " ".join(turn.reason.split())[:200]
    if turn.criteria:
        metadata["stages"] = [
            {"name": name, "isDone": passed} for name, passed in sorted(turn.criteria.items())
        ]
    columns = {name: np.stack([row[name] for row in rows]) for name in rows[0]}
    return RecordedEpisode(metadata, columns)


def record(
    robot: Robot, task: Task, episodes: int, folder: pathlib.Path, *, seed: int = 0
) -> Iterator[Outcome]:
    """Records demonstrations into a folder, a file an episode, each whole or absent.

    Recording into the same folder again adds to it. `recap import episodes` puts them into a run.

    Args:
        robot: Whose person demonstrates.
        task: One of the robot's tasks.
        episodes: How many to add.
        folder: Made where it is missing.
        seed: The first episode's; the others' follow. Episodes that are added go on counting.

    Yields:
        How each episode ended, when its file is on the disk.
    """
    folder.mkdir(parents=True, exist_ok=True)
    first = _next_number(folder)
    for number in range(first, first + episodes):
        episode = demonstrate(robot, task, seed + number)
        job = f"recorded/{task.name}"
        episode.metadata.update(id=f"{job}#{number}", job=job, index=number)
        write_episode(folder / f"episode_{number:06d}.safetensors", episode)
        yield Outcome(episode.metadata["outcome"])


def _next_number(folder: pathlib.Path) -> int:
    names = (re.fullmatch(r"episode_(\d+)\.safetensors", path.name) for path in folder.iterdir())
    return max((int(name[1]) + 1 for name in names if name), default=0)


def describe(robot: Robot) -> str:
    """What a collector is told of a robot, as JSON for people."""
    return json.dumps(description(robot), indent=2, ensure_ascii=False)
