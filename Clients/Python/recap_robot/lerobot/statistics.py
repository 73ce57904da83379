"""What LeRobot keeps of every column, for an episode and for the whole set: extent, moments, quantiles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Statistics = dict[str, npt.NDArray[Any]]
"""`min`, `max`, `mean`, `std`, `count` [1], and the quantiles by name."""

QUANTILES = {"q01": 0.01, "q10": 0.10, "q50": 0.50, "q90": 0.90, "q99": 0.99}
_FRAMES = 32
"""Frames of an episode that an image column is judged by."""
_PIXELS = 64
"""Pixels along a side that each is thinned to."""


def of_numbers(column: npt.NDArray[Any]) -> Statistics:
    """Of a column [T] or [T, width]: each value [width]."""
    return _of(column.reshape(len(column), -1).astype(np.float64), len(column))


def of_images(frames: npt.NDArray[np.uint8]) -> Statistics:
    """Of a camera's frames [T, height, width, 3], in [0, 1]: each value [3, 1, 1].

    Some of the frames and pixels, evenly spread, stand for all.
    """
    chosen = frames[:: -(-len(frames) // _FRAMES)]
    thinned = chosen[:, :: -(-chosen.shape[1] // _PIXELS), :: -(-chosen.shape[2] // _PIXELS)]
    result = _of(thinned.reshape(-1, 3).astype(np.float64) / 255, len(chosen))
    return {
        name: value if name == "count" else value.reshape(3, 1, 1) for name, value in result.items()
    }


def _of(rows: npt.NDArray[np.float64], count: int) -> Statistics:
    result: Statistics = {
        "min": rows.min(axis=0),
        "max": rows.max(axis=0),
        "mean": rows.mean(axis=0),
        "std": rows.std(axis=0),
        "count": np.array([count]),
    }
    quantiles = np.quantile(rows, list(QUANTILES.values()), axis=0)
    return result | dict(zip(QUANTILES, quantiles, strict=True))


def combined(parts: Sequence[Statistics]) -> Statistics:
    """Of all episodes together. The quantiles are means of theirs, weighted with their counts, as in LeRobot."""
    counts = np.array([part["count"][0] for part in parts], np.float64)
    shares = counts / counts.sum()

    def mean(values: Sequence[npt.NDArray[Any]]) -> npt.NDArray[Any]:
        total: npt.NDArray[Any] = np.tensordot(shares, np.stack(values), axes=1)
        return total

    centre = mean([part["mean"] for part in parts])
    spread = mean([part["std"] ** 2 + (part["mean"] - centre) ** 2 for part in parts])
    result: Statistics = {
        "min": np.min([part["min"] for part in parts], axis=0),
        "max": np.max([part["max"] for part in parts], axis=0),
        "mean": centre,
        "std": np.sqrt(spread),
        "count": np.array([int(counts.sum())]),
    }
    return result | {name: mean([part[name] for part in parts]) for name in QUANTILES}
