"""Episodes and a run's archive to export, small enough to look at."""

import hashlib
import json
import pathlib
import sqlite3

import numpy as np
from toy_driver import ToyRobot

from recap_robot.episode_file import RecordedEpisode, tensors_file, write_episode
from recap_robot.recording import demonstrate

RATE = 10


def episodes():
    """Three: a success and two failures, of two tasks; in the last, a person corrected."""
    robot = ToyRobot()
    made = [
        demonstrate(robot, robot.tasks[n], seed) for n, seed in ((0, 1), (1, 2), (1, 2**64 - 1))
    ]
    made[2].columns["intervention"][:3] = False
    for number, (episode, source) in enumerate(
        zip(made, ("demonstration", "demonstration", "corrected"), strict=True)
    ):
        # Numbers with nothing round about them, and images that no compression with losses would leave alone.
        random = np.random.default_rng(number)
        for name in ("observation.state", "observation.environment_state", "action"):
            column = episode.columns[name]
            episode.columns[name] = random.normal(size=column.shape).astype(np.float32)
        images = episode.columns["observation.images.eye"]
        episode.columns["observation.images.eye"] = random.integers(
            0, 256, images.shape, dtype=np.uint8
        )
        job = f"{episode.metadata['task']['name']}/{number}"
        episode.metadata.update(id=f"{job}#0", job=job, index=0, source=source)
    return made


def write_folder(folder: pathlib.Path, made=None) -> pathlib.Path:
    folder.mkdir()
    for number, episode in enumerate(made or episodes()):
        write_episode(folder / f"episode_{number:06d}.safetensors", episode)
    return folder


def write_run(folder: pathlib.Path):
    """A run's directory with what an export reads, and its labels by digest."""
    folder.mkdir()
    catalogue = sqlite3.connect(folder / "catalogue.sqlite")
    catalogue.executescript(
        """
        CREATE TABLE run (name TEXT);
        CREATE TABLE episodes (id TEXT, digest TEXT, task TEXT, source TEXT, outcome TEXT, verdict TEXT);
        CREATE TABLE label_sets (job TEXT, digest TEXT, metadata TEXT);
        INSERT INTO run VALUES ('toy-run');
        """
    )

    def store(data: bytes) -> str:
        digest = hashlib.sha256(data).hexdigest()
        path = folder / "blobs" / digest[:2] / digest[2:]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return digest

    labels, random = {}, np.random.default_rng(9)
    for episode in [*episodes(), _evaluation()]:
        metadata = {
            "episode": json.dumps(episode.metadata),
            "format": "recap.episode",
            "version": "1",
        }
        digest = store(tensors_file(metadata, episode.columns))
        row = episode.metadata
        catalogue.execute(
            "INSERT INTO episodes VALUES (?, ?, ?, ?, ?, NULL)",
            (row["id"], digest, row["task"]["name"], row["source"], row["outcome"]),
        )
        labels[digest] = {
            "value": random.uniform(-1, 0, len(episode)).astype(np.float32),
            "advantage": random.normal(size=len(episode)).astype(np.float32),
            "positive": random.random(len(episode)) < 0.3,
        }
    tensors = {
        f"{d}.{name}": column for d, columns in labels.items() for name, column in columns.items()
    }
    digest = store(tensors_file({"format": "recap.labels", "version": "1"}, tensors))
    catalogue.execute(
        "INSERT INTO label_sets VALUES (?, ?, ?)",
        ("espresso/1/labels", digest, '{"lookahead": 50}'),
    )
    catalogue.commit()
    catalogue.close()
    return list(labels.values())


def _evaluation() -> RecordedEpisode:
    robot = ToyRobot()
    episode = demonstrate(robot, robot.tasks[0], 3)
    episode.metadata.update(id="reach/e#0", job="reach/e", index=0, source="evaluation")
    return episode
