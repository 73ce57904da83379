"""recap's episode files: safetensors with LeRobot's names, and all else as JSON under `episode` in their metadata."""

from __future__ import annotations

import json
import os
import pathlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .wire import DTYPE_NAMES, DTYPES

FORMAT = "recap.episode"
VERSION = "1"
_LARGEST_HEADER = 100 << 20


@dataclass(frozen=True)
class RecordedEpisode:
    """One episode of T steps; row t of an observation is what was sensed before action t."""

    metadata: dict[str, Any]
    """`task`, `embodiment`, `source`, `outcome`, `seed` and more, as recap writes them."""
    columns: dict[str, npt.NDArray[Any]]
    """`observation.state` [T, P], `action` [T, A], `intervention` [T] and so on, by name."""

    def __len__(self) -> int:
        return len(self.columns["intervention"])


def write_episode(path: pathlib.Path, episode: RecordedEpisode) -> None:
    """Writes an episode file whole or not at all; the same episode gives the same bytes."""
    text = json.dumps(episode.metadata, sort_keys=True, separators=(",", ":"), allow_nan=False)
    metadata = {"episode": text, "format": FORMAT, "version": VERSION}
    data = tensors_file(metadata, episode.columns)
    partial = path.with_name(path.name + ".partial")
    with partial.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def read_episode(path: pathlib.Path) -> RecordedEpisode:
    """Reads an episode file.

    Raises:
        ValueError: For a file that is none, or whose columns differ in length.
    """
    metadata, columns = read_tensors(path)
    if (metadata.get("format"), metadata.get("version")) != (FORMAT, VERSION):
        raise ValueError(
            f"{path}: expected format {FORMAT!r} version {VERSION!r}, "
            f"got {metadata.get('format')!r} version {metadata.get('version')!r}"
        )
    for name in ("observation.state", "action", "intervention"):
        if name not in columns:
            raise ValueError(f"{path}: it has no {name!r}")
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) != 1:
        raise ValueError(f"{path}: its columns differ in length: {lengths}")
    return RecordedEpisode(json.loads(metadata["episode"]), columns)


def tensors_file(metadata: Mapping[str, str], tensors: Mapping[str, npt.NDArray[Any]]) -> bytes:
    """The bytes of a safetensors file.

    Raises:
        ValueError: For an element type that recap does not use.
    """
    header: dict[str, Any] = {"__metadata__": dict(metadata)}
    parts: list[bytes] = []
    offset = 0
    # Wide elements first, as the safetensors library does, so that each tensor is aligned.
    for name in sorted(tensors, key=lambda name: (-tensors[name].dtype.itemsize, name)):
        tensor = tensors[name]
        dtype = tensor.dtype.newbyteorder("<")
        if dtype not in DTYPE_NAMES:
            raise ValueError(f"{name}: a tensor of {tensor.dtype} cannot be stored")
        data = np.ascontiguousarray(tensor, dtype=dtype).tobytes()
        header[name] = {
            "dtype": DTYPE_NAMES[dtype],
            "shape": list(tensor.shape),
            "data_offsets": [offset, offset + len(data)],
        }
        parts.append(data)
        offset += len(data)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return b"".join([len(text).to_bytes(8, "little"), text, *parts])


def read_tensors(path: pathlib.Path) -> tuple[dict[str, str], dict[str, npt.NDArray[Any]]]:
    """A safetensors file's metadata, and its tensors by name.

    Raises:
        ValueError: For a file that is none.
    """
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    if len(data) < 8 or length > min(_LARGEST_HEADER, len(data) - 8):
        raise ValueError(f"{path}: not a safetensors file")
    try:
        header = json.loads(data[8 : 8 + length])
        metadata = header.pop("__metadata__", {})
        tensors = {name: _tensor(entry, data, 8 + length) for name, entry in header.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path}: not a safetensors file: {error}") from error
    return metadata, tensors


def _tensor(entry: Mapping[str, Any], data: bytes, base: int) -> npt.NDArray[Any]:
    if entry["dtype"] not in DTYPES:
        raise ValueError(f"dtype {entry['dtype']!r} is unknown; known: {', '.join(DTYPES)}")
    dtype = DTYPES[entry["dtype"]]
    begin, end = entry["data_offsets"]
    values = np.frombuffer(data[base + begin : base + end], dtype)
    return values.reshape(entry["shape"])
