"""Where episodes are exported from: a run's archive, or a folder of episode files."""

from __future__ import annotations

import json
import pathlib
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..episode_file import RecordedEpisode, read_episode, read_tensors


@dataclass(frozen=True)
class EpisodePlace:
    """One episode that can be read."""

    id: str
    path: pathlib.Path
    digest: str | None
    """The SHA-256 of its file, by which labels name it; None outside of runs."""
    task: str
    source: str
    outcome: str
    """How it ended as people say now, otherwise as it was recorded."""

    def read(self) -> RecordedEpisode:
        """The episode itself, with the outcome that counts."""
        episode = read_episode(self.path)
        episode.metadata["outcome"] = self.outcome
        return episode


@dataclass(frozen=True)
class LabelSet:
    """What a labelling job said of every step of its episodes."""

    job: str
    metadata: dict[str, Any]
    """The value function's digest, lookahead, thresholds and shares."""
    path: pathlib.Path

    def read(self) -> dict[str, dict[str, npt.NDArray[Any]]]:
        """By an episode's digest: `value` float32 [T], `advantage` float32 [T], `positive` bool [T]."""
        _, tensors = read_tensors(self.path)
        labels: dict[str, dict[str, npt.NDArray[Any]]] = {}
        for name, values in tensors.items():
            digest, _, column = name.partition(".")
            labels.setdefault(digest, {})[column] = values
        return labels


@dataclass(frozen=True)
class Source:
    """Episodes in the order in which they were stored, and the labels that a run has for them."""

    name: str
    episodes: Sequence[EpisodePlace]
    labels: Sequence[LabelSet] = ()
    unjudged: int = 0
    """Episodes that were asked for and left out, since nobody has said how they ended."""


DEFAULT_KINDS = ("demonstration", "autonomous", "corrected")
"""Evaluation episodes are never trained on, so they stay behind unless somebody asks for them."""


def open_source(
    place: pathlib.Path,
    *,
    tasks: Sequence[str] | None = None,
    kinds: Sequence[str] = DEFAULT_KINDS,
) -> Source:
    """Finds a run's episodes, or a folder's.

    Args:
        place: A run's directory, or a folder of `*.safetensors` episode files.
        tasks: Only these; None for all.
        kinds: Only episodes of these sources.

    Raises:
        ValueError: Where there is neither, or no episode that was asked for.
    """
    if (place / "catalogue.sqlite").exists():
        found = _run(place)
    elif place.is_dir():
        found = _folder(place)
    else:
        raise ValueError(f"{place}: expected a run's directory or a folder of episode files")
    wanted = [
        episode
        for episode in found.episodes
        if (tasks is None or episode.task in tasks) and episode.source in kinds
    ]
    if not wanted:
        there = sorted({f"{episode.task} ({episode.source})" for episode in found.episodes})
        asked = f"{', '.join(tasks) if tasks else 'any task'}, {', '.join(kinds)}"
        raise ValueError(f"{place}: no episode of {asked}; it has {', '.join(there) or 'none'}")
    judged = [episode for episode in wanted if episode.outcome != "unjudged"]
    if not judged:
        raise ValueError(
            f"{place}: none of the {len(wanted)} episodes is judged: say with 'recap episodes label' how they ended"
        )
    return Source(found.name, judged, found.labels, len(wanted) - len(judged))


def _folder(place: pathlib.Path) -> Source:
    episodes = []
    for path in sorted(place.glob("*.safetensors")):
        metadata = read_episode(path).metadata
        episodes.append(
            EpisodePlace(
                str(metadata.get("id", path.stem)),
                path,
                None,
                metadata["task"]["name"],
                metadata.get("source", "demonstration"),
                metadata["outcome"],
            )
        )
    return Source(place.resolve().name, episodes)


def _run(place: pathlib.Path) -> Source:
    def blob(digest: str) -> pathlib.Path:
        return place / "blobs" / digest[:2] / digest[2:]

    # Read-only, so that it works beside a run that goes on, and in a directory that is not ours.
    catalogue = sqlite3.connect(
        f"{(place / 'catalogue.sqlite').resolve().as_uri()}?mode=ro", uri=True
    )
    try:
        (name,) = catalogue.execute("SELECT name FROM run").fetchone()
        columns = {row[1] for row in catalogue.execute("PRAGMA table_info(episodes)")}
        # A run of an older version knows no verdicts.
        outcome = "COALESCE(verdict, outcome)" if "verdict" in columns else "outcome"
        episodes = [
            EpisodePlace(id, blob(digest), digest, task, source, outcome)
            for id, digest, task, source, outcome in catalogue.execute(
                f"SELECT id, digest, task, source, {outcome} FROM episodes ORDER BY rowid"
            )
        ]
        labels = [
            LabelSet(job, json.loads(metadata), blob(digest))
            for job, digest, metadata in catalogue.execute(
                "SELECT job, digest, metadata FROM label_sets ORDER BY rowid"
            )
        ]
    finally:
        catalogue.close()
    return Source(name, episodes, labels)


def labels_of(
    label_set: LabelSet, episodes: Sequence[tuple[int, str]]
) -> Iterator[tuple[int, dict[str, npt.NDArray[Any]]]]:
    """The labels of those of `episodes`, pairs of a number and a digest, that the set has."""
    by_digest = label_set.read()
    for number, digest in episodes:
        if digest in by_digest:
            columns = by_digest[digest]
            yield (
                number,
                {name: np.asarray(columns[name]) for name in ("value", "advantage", "positive")},
            )
