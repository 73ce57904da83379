"""Where each version of LeRobot's format keeps what."""

from __future__ import annotations

import abc
import json
import pathlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from . import video
from .features import Features, pandas_index
from .statistics import QUANTILES, Statistics, combined

CHUNK = 1000
"""Files of a folder."""
LARGEST_FILE = 100 << 20
"""Bytes of a file of frames, after which v3.0 begins another."""


@dataclass(frozen=True)
class WrittenEpisode:
    """An episode on its way into a data set."""

    number: int
    first: int
    """The place of its first frame among all."""
    length: int
    instruction: str
    table: pa.Table
    statistics: Mapping[str, Statistics]
    images: Mapping[str, npt.NDArray[np.uint8]]
    """Frames to encode as video, by column; none where images lie in the table."""


class Layout(abc.ABC):
    """A data set being written."""

    version: str

    def __init__(
        self,
        folder: pathlib.Path,
        *,
        features: Features,
        schema: pa.Schema,
        fps: float,
        robot_type: str,
    ) -> None:
        self.schema = schema
        self._folder = folder
        self._features = features
        self._fps = fps
        self._robot_type = robot_type
        self._episodes: list[WrittenEpisode] = []
        self._statistics: list[Mapping[str, Statistics]] = []
        (folder / "meta").mkdir(parents=True)

    def add(self, episode: WrittenEpisode) -> None:
        """Writes an episode's frames."""
        self._write_frames(episode)
        for name, frames in episode.images.items():
            path = self._folder / self._video_path(name, episode.number)
            path.parent.mkdir(parents=True, exist_ok=True)
            video.encode(frames, path, self._fps)
            size = {"video.height": frames.shape[1], "video.width": frames.shape[2]}
            self._features[name]["info"] = size | {
                "video.fps": self._fps,
                "video.codec": video.CODEC,
                "video.pix_fmt": video.PIXELS,
                "video.is_depth_map": False,
                "video.channels": 3,
                "has_audio": False,
            }
        self._statistics.append(episode.statistics)
        # Frames are on the disk; what is kept is small.
        self._episodes.append(
            WrittenEpisode(
                episode.number, episode.first, episode.length, episode.instruction,
                episode.table.slice(0, 0), {}, {},
            )
        )  # fmt: skip

    def finish(self, instructions: Mapping[str, int]) -> None:
        """Writes what is known only at the end; `meta/info.json` last, since a set without it is none."""
        self._write_metadata(instructions)
        last = self._episodes[-1]
        info = {
            "codebase_version": self.version,
            "robot_type": self._robot_type,
            "total_episodes": len(self._episodes),
            "total_frames": last.first + last.length,
            "total_tasks": len(instructions),
            "chunks_size": CHUNK,
            "fps": self._fps,
            "splits": {"train": f"0:{len(self._episodes)}"},
            **self._info(),
            "features": self._features,
        }
        self._write_json("info.json", info)

    @property
    def _has_video(self) -> bool:
        return any(feature["dtype"] == "video" for feature in self._features.values())

    @property
    def _video_columns(self) -> list[str]:
        return [name for name, feature in self._features.items() if feature["dtype"] == "video"]

    def _write_json(self, name: str, value: Any) -> None:
        text = json.dumps(value, indent=4, ensure_ascii=False)
        (self._folder / "meta" / name).write_text(text + "\n", encoding="utf-8")

    @abc.abstractmethod
    def _write_frames(self, episode: WrittenEpisode) -> None: ...

    @abc.abstractmethod
    def _video_path(self, column: str, number: int) -> str: ...

    @abc.abstractmethod
    def _write_metadata(self, instructions: Mapping[str, int]) -> None: ...

    @abc.abstractmethod
    def _info(self) -> dict[str, Any]: ...


class Layout21(Layout):
    """v2.1: a file an episode, and JSON lines."""

    version = "v2.1"
    DATA = "data/chunk-{episode_chunk:03d}/episode_{episode_index:06d}.parquet"
    VIDEO = "videos/chunk-{episode_chunk:03d}/{video_key}/episode_{episode_index:06d}.mp4"

    def _write_frames(self, episode: WrittenEpisode) -> None:
        place = self.DATA.format(
            episode_chunk=episode.number // CHUNK, episode_index=episode.number
        )
        path = self._folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(episode.table, path, compression="snappy")

    def _video_path(self, column: str, number: int) -> str:
        return self.VIDEO.format(
            episode_chunk=number // CHUNK, video_key=column, episode_index=number
        )

    def _write_metadata(self, instructions: Mapping[str, int]) -> None:
        self._write_lines(
            "tasks.jsonl", [{"task_index": i, "task": text} for text, i in instructions.items()]
        )
        self._write_lines(
            "episodes.jsonl",
            [
                {"episode_index": e.number, "tasks": [e.instruction], "length": e.length}
                for e in self._episodes
            ],
        )
        self._write_lines(
            "episodes_stats.jsonl",
            [
                {"episode_index": number, "stats": _lists(statistics, quantiles=False)}
                for number, statistics in enumerate(self._statistics)
            ],
        )

    def _info(self) -> dict[str, Any]:
        count = len(self._episodes)
        return {
            "total_videos": count * len(self._video_columns),
            "total_chunks": -(-count // CHUNK),
            "data_path": self.DATA,
            "video_path": self.VIDEO if self._has_video else None,
        }

    def _write_lines(self, name: str, rows: list[Any]) -> None:
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        (self._folder / "meta" / name).write_text(text, encoding="utf-8")


class Layout30(Layout):
    """v3.0: many episodes a file, and tables of metadata."""

    version = "v3.0"
    DATA = "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
    VIDEO = "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4"
    EPISODES = "meta/episodes/chunk-000/file-000.parquet"

    def __init__(self, folder: pathlib.Path, **settings: Any) -> None:
        super().__init__(folder, **settings)
        self._writer: pq.ParquetWriter | None = None
        self._file = -1
        self._size = 0
        self._places: list[int] = []

    def _write_frames(self, episode: WrittenEpisode) -> None:
        size = episode.table.nbytes
        if self._writer is None or self._size + size > LARGEST_FILE:
            self._close()
            self._file, self._size = self._file + 1, 0
            path = self._folder / self.DATA.format(**_place(self._file))
            path.parent.mkdir(parents=True, exist_ok=True)
            self._writer = pq.ParquetWriter(path, self.schema, compression="snappy")
        assert self._writer is not None
        self._writer.write_table(episode.table)
        self._size += size
        self._places.append(self._file)

    def _close(self) -> None:
        if self._writer is not None:
            self._writer.close()

    def _video_path(self, column: str, number: int) -> str:
        # A file an episode: a file of several would have to be encoded again, or joined.
        return self.VIDEO.format(video_key=column, **_place(number))

    def _write_metadata(self, instructions: Mapping[str, int]) -> None:
        self._close()
        # pandas reads the instructions as the table's index.
        tasks = pa.table({"task_index": list(instructions.values()), "task": list(instructions)})
        pq.write_table(pandas_index(tasks, "task"), self._folder / "meta" / "tasks.parquet")
        path = self._folder / self.EPISODES
        path.parent.mkdir(parents=True)
        rows = [self._row(e, s) for e, s in zip(self._episodes, self._statistics, strict=True)]
        pq.write_table(pa.Table.from_pylist(rows), path)
        whole = {
            name: combined([statistics[name] for statistics in self._statistics])
            for name in self._statistics[0]
        }
        self._write_json("stats.json", _lists(whole))

    def _row(self, episode: WrittenEpisode, statistics: Mapping[str, Statistics]) -> dict[str, Any]:
        row: dict[str, Any] = {
            "episode_index": episode.number,
            "tasks": [episode.instruction],
            "length": episode.length,
            "data/chunk_index": self._places[episode.number] // CHUNK,
            "data/file_index": self._places[episode.number] % CHUNK,
            "dataset_from_index": episode.first,
            "dataset_to_index": episode.first + episode.length,
        }
        for name in self._video_columns:
            place = _place(episode.number)
            row |= {f"videos/{name}/{key}": index for key, index in place.items()}
            row[f"videos/{name}/from_timestamp"] = 0.0
            row[f"videos/{name}/to_timestamp"] = episode.length / self._fps
        row |= {"meta/episodes/chunk_index": 0, "meta/episodes/file_index": 0}
        for name, values in _lists(statistics).items():
            row |= {f"stats/{name}/{key}": value for key, value in values.items()}
        return row

    def _info(self) -> dict[str, Any]:
        return {
            "data_files_size_in_mb": LARGEST_FILE >> 20,
            "video_files_size_in_mb": 200,
            "data_path": self.DATA,
            "video_path": self.VIDEO if self._has_video else None,
        }


def _place(file: int) -> dict[str, int]:
    return {"chunk_index": file // CHUNK, "file_index": file % CHUNK}


def _lists(
    statistics: Mapping[str, Statistics], quantiles: bool = True
) -> dict[str, dict[str, Any]]:
    return {
        name: {
            key: value.tolist()
            for key, value in values.items()
            if quantiles or key not in QUANTILES
        }
        for name, values in statistics.items()
    }


LAYOUTS: dict[str, type[Layout]] = {"v2.1": Layout21, "v3.0": Layout30}
