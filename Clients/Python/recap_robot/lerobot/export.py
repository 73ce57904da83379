"""Episodes as a LeRobot data set."""

from __future__ import annotations

import json
import pathlib
import shutil
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from ..episode_file import RecordedEpisode
from . import layout, video
from .features import IMAGES, VERSIONS, features_of, schema, table
from .source import Source, labels_of
from .statistics import Statistics, of_images, of_numbers

Columns = dict[str, npt.NDArray[Any]]


def export(
    source: Source,
    folder: pathlib.Path,
    version: str = "v3.0",
    *,
    videos: bool = False,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> None:
    """Writes a data set, whole or not at all.

    Frames have the episode's own columns, and `next.success` and `next.done`, true in the last frame. Beside LeRobot's
    files, `meta/recap_episodes.parquet` keeps each episode's metadata, and `meta/advantages_<labelling job>.parquet`
    each labelling's advantage, indicator and value of every frame.

    Args:
        source: What to write; all of one embodiment.
        folder: Where; made, and must not exist.
        version: "v2.1" or "v3.0".
        videos: Encode cameras with ffmpeg, which loses detail, instead of keeping each frame as a PNG.
        progress: Told how many of how many episodes are written.

    Raises:
        ValueError: For a folder that exists, another version, or episodes of different embodiments.
        RuntimeError: Where ffmpeg is missing or fails.
    """
    if version not in VERSIONS:
        raise ValueError(f"version: expected one of {', '.join(VERSIONS)}, got {version!r}")
    if folder.exists():
        raise ValueError(f"{folder} exists already: name a folder that does not")
    if videos:
        video.require_encoder()
    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        _Export(source, partial, version, videos).write(progress)
        partial.replace(folder)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


class _Export:
    def __init__(self, source: Source, folder: pathlib.Path, version: str, videos: bool) -> None:
        self._source = source
        self._folder = folder
        self._version = version
        self._videos = videos
        self._instructions: dict[str, int] = {}
        self._embodiment: dict[str, Any] | None = None
        self._columns: set[str] = set()
        self._metadata: list[dict[str, Any]] = []

    def write(self, progress: Callable[[int, int], None]) -> None:
        writer: layout.Layout | None = None
        total = len(self._source.episodes)
        first = 0
        for number, place in enumerate(self._source.episodes):
            episode = place.read()
            self._check(episode, place.id)
            columns = _frame_columns(episode)
            if writer is None:
                writer = self._layout(columns, episode)
            index = self._index(columns, episode, number, first)
            images = {name: values for name, values in columns.items() if name.startswith(IMAGES)}
            writer.add(
                layout.WrittenEpisode(
                    number=number,
                    first=first,
                    length=len(episode),
                    instruction=episode.metadata["task"]["instruction"],
                    table=table(index, writer.schema),
                    statistics=_statistics(index),
                    images=images if self._videos else {},
                )
            )
            self._metadata.append(
                {
                    "episode_index": number,
                    "id": place.id,
                    "digest": place.digest,
                    "metadata": json.dumps(episode.metadata, sort_keys=True),
                }
            )
            first += len(episode)
            progress(number + 1, total)
        assert writer is not None, "a source has at least one episode"
        self._write_sidecars()
        writer.finish(self._instructions)

    def _check(self, episode: RecordedEpisode, id: str) -> None:
        embodiment, columns = episode.metadata["embodiment"], set(episode.columns)
        if self._embodiment is None:
            self._embodiment, self._columns = embodiment, columns
        if (embodiment, columns) != (self._embodiment, self._columns):
            raise ValueError(
                f"a data set has one embodiment: expected {self._embodiment} with {sorted(self._columns)}, "
                f"got {embodiment} with {sorted(columns)} in {id}; export fewer tasks at a time"
            )

    def _layout(self, columns: Columns, episode: RecordedEpisode) -> layout.Layout:
        rate = float(episode.metadata["embodiment"]["controlRate"])
        features = features_of(columns, video=self._videos)
        return layout.LAYOUTS[self._version](
            self._folder,
            features=features,
            schema=schema(features),
            fps=int(rate) if rate.is_integer() else rate,
            robot_type=episode.metadata["embodiment"]["name"],
        )

    def _index(
        self, columns: Columns, episode: RecordedEpisode, number: int, first: int
    ) -> Columns:
        count = len(episode)
        steps = np.arange(count)
        rate = float(episode.metadata["embodiment"]["controlRate"])
        instruction = episode.metadata["task"]["instruction"]
        task = self._instructions.setdefault(instruction, len(self._instructions))
        return columns | {
            "timestamp": (steps / rate).astype(np.float32),
            "frame_index": steps,
            "episode_index": np.full(count, number),
            "index": steps + first,
            "task_index": np.full(count, task),
        }

    def _write_sidecars(self) -> None:
        meta = self._folder / "meta"
        pq.write_table(pa.Table.from_pylist(self._metadata, schema=SIDECAR), meta / EPISODES_FILE)
        wanted = [
            (row["episode_index"], row["digest"])
            for row in self._metadata
            if row["digest"] is not None
        ]
        for label_set in self._source.labels:
            tables = [
                pa.table(
                    {
                        "episode_index": np.full(len(labels["value"]), number),
                        "frame_index": np.arange(len(labels["value"])),
                        "advantage": labels["positive"],
                        "advantage_continuous": labels["advantage"],
                        "value": labels["value"],
                    }
                )
                for number, labels in labels_of(label_set, wanted)
            ]
            if tables:
                whole = pa.concat_tables(tables).replace_schema_metadata(
                    {"job": label_set.job, "labels": json.dumps(label_set.metadata)}
                )
                pq.write_table(
                    whole, meta / f"advantages_{label_set.job.replace('/', '-')}.parquet"
                )


EPISODES_FILE = "recap_episodes.parquet"
SIDECAR = pa.schema(
    [
        ("episode_index", pa.int64()),
        ("id", pa.string()),
        ("digest", pa.string()),
        ("metadata", pa.string()),
    ]
)


def _frame_columns(episode: RecordedEpisode) -> Columns:
    """An episode's own columns in LeRobot's types, and how it ended."""
    last = np.zeros(len(episode), np.bool_)
    last[-1] = True
    success = last & (episode.metadata["outcome"] == "success")
    columns = {
        name: column.astype(np.int64) if column.dtype == np.int32 else column
        for name, column in episode.columns.items()
    }
    return columns | {"next.success": success, "next.done": last}


def _statistics(columns: Mapping[str, npt.NDArray[Any]]) -> dict[str, Statistics]:
    return {
        name: of_images(column) if name.startswith(IMAGES) else of_numbers(column)
        for name, column in columns.items()
    }
