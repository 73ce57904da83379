"""LeRobot's data sets as recap's episodes."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ..episode_file import RecordedEpisode
from . import video
from .export import EPISODES_FILE
from .features import IMAGES, VERSIONS, image, numbers


@dataclass(frozen=True)
class _Entry:
    """Where an episode lies."""

    number: int
    length: int
    row: Mapping[str, Any]


@dataclass(frozen=True)
class As:
    """What a data set does not know of its episodes, and recap must: a robot and one of its tasks."""

    embodiment: Mapping[str, Any]
    """As `driver.describe` tells it."""
    task: Mapping[str, Any]
    outcome: str | None = None
    """Of episodes whose set has no `next.success`: "success" or "failure"."""


class Dataset:
    """A data set on disk, v2.1 or v3.0."""

    def __init__(self, folder: pathlib.Path) -> None:
        """
        Raises:
            ValueError: For a folder that is none, and for another version.
        """
        path = folder / "meta" / "info.json"
        if not path.exists():
            raise ValueError(f"{folder}: not a LeRobot data set: it has no meta/info.json")
        self._folder = folder
        self._info: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        self.version = self._info.get("codebase_version")
        if self.version not in VERSIONS:
            raise ValueError(
                f"{folder}: expected version {' or '.join(VERSIONS)}, got {self.version!r}"
            )
        self._instructions, self._entries = (
            self._open21() if self.version == "v2.1" else self._open30()
        )
        self._sidecar = self._read_sidecar()
        self._cached: tuple[pathlib.Path, pa.Table] | None = None

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def robot_type(self) -> str | None:
        """What the set says of its robot."""
        kind = self._info.get("robot_type")
        return None if kind is None else str(kind)

    @property
    def features(self) -> Mapping[str, Mapping[str, Any]]:
        """Each column's `dtype` and `shape`."""
        features: Mapping[str, Mapping[str, Any]] = self._info["features"]
        return features

    @property
    def knows_itself(self) -> bool:
        """Whether recap wrote the set: then it says all of its episodes, and needs no `As`."""
        return len(self._sidecar) == len(self)

    def instruction(self, number: int) -> str:
        """What the robot was told in episode `number`."""
        table = self._frames(self._entries[number])
        return self._instructions[table.column("task_index")[0].as_py()]

    def labels(self) -> Iterator[tuple[str, pa.Table]]:
        """Each labelling's job and its table: advantage, indicator and value by frame."""
        for path in sorted((self._folder / "meta").glob("advantages_*.parquet")):
            table = pq.read_table(path)
            yield (table.schema.metadata or {}).get(b"job", path.stem.encode()).decode(), table

    def episode(self, number: int, given: As | None = None) -> RecordedEpisode:
        """Episode `number` with the columns that recap knows, images included.

        Args:
            number: From 0.
            given: What the set does not say; not used where it does.

        Raises:
            ValueError: For a column that is missing or is not what the robot has, naming both.
        """
        entry = self._entries[number]
        frames = self._frames(entry)
        known = self._sidecar.get(number)
        if known is None and given is None:
            raise ValueError("this set does not describe its robot and task: say which")
        if known is not None:
            metadata = dict(known)
        else:
            assert given is not None
            metadata = self._metadata(given, frames, number)
        columns = self._columns(frames, entry, metadata)
        return RecordedEpisode(metadata, columns)

    # Columns

    def _columns(
        self, frames: pa.Table, entry: _Entry, metadata: Mapping[str, Any]
    ) -> dict[str, npt.NDArray[Any]]:
        embodiment = metadata["embodiment"]
        widths = {
            "observation.state": embodiment["proprioceptionWidth"],
            "action": embodiment["actionWidth"],
        }
        if metadata["recordsEnvironmentState"]:
            widths["observation.environment_state"] = embodiment["environmentStateWidth"]
        columns: dict[str, npt.NDArray[Any]] = {}
        for name, width in widths.items():
            values = self._column(frames, name, np.float32).reshape(len(frames), -1)
            if values.shape[1] != width:
                raise ValueError(
                    f"{name}: the robot has {width} values, the set has {values.shape[1]}"
                )
            if not np.isfinite(values).all():
                raise ValueError(f"{name}: episode {entry.number} holds a value that is not finite")
            columns[name] = values
        for camera in embodiment["cameras"] if metadata["recordsImages"] else []:
            name = f"{IMAGES}{camera['name']}"
            columns[name] = self._images(frames, entry, name, camera)
        flags = frames.column_names
        # Where nobody says otherwise, somebody demonstrated.
        columns["intervention"] = (
            self._column(frames, "intervention", np.bool_)
            if "intervention" in flags
            else np.ones(len(frames), np.bool_)
        )
        columns["subtask_index"] = (
            self._column(frames, "subtask_index", np.int32)
            if "subtask_index" in flags and entry.number in self._sidecar
            else np.full(len(frames), -1, np.int32)
        )
        return columns

    def _column(self, frames: pa.Table, name: str, dtype: type[np.generic]) -> npt.NDArray[Any]:
        if name not in frames.column_names:
            raise ValueError(f"the set has no {name!r}; it has {', '.join(self.features)}")
        return numbers(frames.column(name), dtype, name)

    def _images(
        self, frames: pa.Table, entry: _Entry, name: str, camera: Mapping[str, Any]
    ) -> npt.NDArray[np.uint8]:
        if name not in self.features:
            there = ", ".join(key for key in self.features if key.startswith(IMAGES)) or "none"
            raise ValueError(f"the set has no {name!r}; its cameras are {there}")
        if self.features[name]["dtype"] == "video":
            height, width = self.features[name]["shape"][:2]
            path, first = self._video(entry, name)
            images = video.decode(path, height, width, first, entry.length)
        else:
            values = frames.column(name).to_pylist()
            images = np.stack([image(value, name) for value in values])
        expected = (camera["height"], camera["width"], 3)
        if images.shape[1:] != expected:
            raise ValueError(
                f"{name}: the robot's camera has {list(expected)}, the set has {list(images.shape[1:])}"
            )
        return images

    def _metadata(self, given: As, frames: pa.Table, number: int) -> dict[str, Any]:
        if "next.success" in frames.column_names:
            succeeded = bool(self._column(frames, "next.success", np.bool_).any())
            outcome = "success" if succeeded else "failure"
        elif given.outcome is not None:
            outcome = given.outcome
        else:
            raise ValueError(
                "the set does not say how episodes ended (next.success): give the outcome"
            )
        limit = given.task["maximumSteps"]
        if len(frames) > limit:
            raise ValueError(
                f"episode {number} has {len(frames)} steps, the task's time limit is {limit}"
            )
        rate, fps = float(given.embodiment["controlRate"]), float(self._info["fps"])
        if abs(rate - fps) > 0.01 * rate:
            raise ValueError(
                f"the robot acts {rate:g} times a second, the set has {fps:g} frames a second"
            )
        return {
            "id": f"imported/{given.task['name']}#{number}",
            "job": f"imported/{given.task['name']}",
            "index": number,
            "task": dict(given.task) | {"instruction": self.instruction(number)},
            "embodiment": dict(given.embodiment),
            "robot": str(given.embodiment["name"]),
            "source": "demonstration",
            "seed": number,
            "outcome": outcome,
            "recordsImages": bool(given.embodiment["cameras"]),
            "recordsEnvironmentState": given.embodiment["environmentStateWidth"] > 0,
        }

    # Files

    def _open21(self) -> tuple[dict[int, str], list[_Entry]]:
        tasks = {row["task_index"]: row["task"] for row in self._lines("tasks.jsonl")}
        entries = [
            _Entry(row["episode_index"], row["length"], row)
            for row in self._lines("episodes.jsonl")
        ]
        return tasks, sorted(entries, key=lambda entry: entry.number)

    def _open30(self) -> tuple[dict[int, str], list[_Entry]]:
        table = pq.read_table(self._folder / "meta" / "tasks.parquet")
        (texts,) = [name for name in table.column_names if name != "task_index"]
        tasks = dict(
            zip(
                table.column("task_index").to_pylist(), table.column(texts).to_pylist(), strict=True
            )
        )
        entries = []
        for path in sorted((self._folder / "meta" / "episodes").glob("*/*.parquet")):
            names = [n for n in pq.read_schema(path).names if not n.startswith("stats/")]
            for row in pq.read_table(path, columns=names).to_pylist():
                entries.append(_Entry(row["episode_index"], row["length"], row))
        return tasks, sorted(entries, key=lambda entry: entry.number)

    def _lines(self, name: str) -> list[dict[str, Any]]:
        text = (self._folder / "meta" / name).read_text(encoding="utf-8")
        return [json.loads(line) for line in text.splitlines() if line.strip()]

    def _frames(self, entry: _Entry) -> pa.Table:
        if self.version == "v2.1":
            table = self._table(self._chunked("data_path", entry))
        else:
            place = self._info["data_path"].format(
                chunk_index=entry.row["data/chunk_index"], file_index=entry.row["data/file_index"]
            )
            whole = self._table(self._folder / place)
            table = whole.filter(pc.field("episode_index") == entry.number)
        if len(table) != entry.length:
            raise ValueError(
                f"episode {entry.number}: its metadata say {entry.length} frames, its file has {len(table)}"
            )
        return table.sort_by("frame_index")

    def _chunked(self, key: str, entry: _Entry, **more: str) -> pathlib.Path:
        chunk = entry.number // int(self._info["chunks_size"])
        place: str = self._info[key]
        return self._folder / place.format(episode_chunk=chunk, episode_index=entry.number, **more)

    def _table(self, path: pathlib.Path) -> pa.Table:
        # Episodes of one file follow each other.
        if self._cached is None or self._cached[0] != path:
            self._cached = (path, pq.read_table(path))
        return self._cached[1]

    def _video(self, entry: _Entry, name: str) -> tuple[pathlib.Path, int]:
        """The file, and the number in it of the episode's first frame."""
        if self.version == "v2.1":
            return self._chunked("video_path", entry, video_key=name), 0
        place = self._info["video_path"].format(
            video_key=name,
            chunk_index=entry.row[f"videos/{name}/chunk_index"],
            file_index=entry.row[f"videos/{name}/file_index"],
        )
        start = float(entry.row[f"videos/{name}/from_timestamp"])
        return self._folder / place, round(start * float(self._info["fps"]))

    def _read_sidecar(self) -> dict[int, dict[str, Any]]:
        path = self._folder / "meta" / EPISODES_FILE
        if not path.exists():
            return {}
        rows = pq.read_table(path).to_pylist()
        return {row["episode_index"]: json.loads(row["metadata"]) for row in rows}


def open_dataset(folder: pathlib.Path) -> Dataset:
    """A data set on disk; see `Dataset`."""
    return Dataset(folder)
