"""The columns of a data set: what `meta/info.json` says of them, and how they lie in Parquet."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from PIL import Image

VERSIONS = ("v2.1", "v3.0")
IMAGES = "observation.images."

Features = dict[str, dict[str, Any]]

_INDEX_FEATURES: Features = {
    "timestamp": {"dtype": "float32", "shape": [1], "names": None},
    "frame_index": {"dtype": "int64", "shape": [1], "names": None},
    "episode_index": {"dtype": "int64", "shape": [1], "names": None},
    "index": {"dtype": "int64", "shape": [1], "names": None},
    "task_index": {"dtype": "int64", "shape": [1], "names": None},
}
_ARROW = {"float32": pa.float32(), "int64": pa.int64(), "bool": pa.bool_()}


def features_of(columns: Mapping[str, npt.NDArray[Any]], *, video: bool) -> Features:
    """What the columns of an episode are in a data set."""
    features: Features = {}
    for name, column in columns.items():
        if name.startswith(IMAGES):
            features[name] = {
                "dtype": "video" if video else "image",
                "shape": list(column.shape[1:]),
                "names": ["height", "width", "channels"],
            }
        elif column.ndim == 2:
            width = column.shape[1]
            features[name] = {
                "dtype": "float32",
                "shape": [width],
                "names": [f"{name.rpartition('.')[2]}_{i}" for i in range(width)],
            }
        else:
            dtype = "bool" if column.dtype == np.bool_ else "int64"
            features[name] = {"dtype": dtype, "shape": [1], "names": None}
    return features | _INDEX_FEATURES


def schema(features: Features) -> pa.Schema:
    """Of a frame table. Its metadata tells Hugging Face's `datasets` which columns are images."""
    fields: list[tuple[str, pa.DataType]] = []
    hints: dict[str, dict[str, Any]] = {}
    for name, feature in features.items():
        width = feature["shape"][0]
        if feature["dtype"] == "video":
            continue
        if feature["dtype"] == "image":
            fields.append((name, pa.struct([("bytes", pa.binary()), ("path", pa.string())])))
            hints[name] = {"_type": "Image"}
        elif width == 1 and feature["names"] is None:
            fields.append((name, _ARROW[feature["dtype"]]))
            hints[name] = {"dtype": feature["dtype"], "_type": "Value"}
        elif width == 1:
            # LeRobot keeps a vector of one number as a number.
            fields.append((name, pa.float32()))
            hints[name] = {"dtype": "float32", "_type": "Value"}
        else:
            fields.append((name, pa.list_(pa.float32(), width)))
            hints[name] = {
                "feature": {"dtype": "float32", "_type": "Value"},
                "length": width,
                "_type": "Sequence",
            }
    metadata = {"huggingface": json.dumps({"info": {"features": hints}})}
    return pa.schema(fields, metadata=metadata)


def table(columns: Mapping[str, npt.NDArray[Any]], layout: pa.Schema) -> pa.Table:
    """An episode's frames, a row a step."""
    arrays = [_array(columns[field.name], field.type, field.name) for field in layout]
    return pa.Table.from_arrays(arrays, schema=layout)


def _array(column: npt.NDArray[Any], kind: pa.DataType, name: str) -> pa.Array:
    if pa.types.is_struct(kind):
        rows = [
            {"bytes": png(frame), "path": f"frame-{index:06d}.png"}
            for index, frame in enumerate(column)
        ]
        return pa.array(rows, kind)
    if pa.types.is_fixed_size_list(kind):
        flat = np.ascontiguousarray(column, np.float32).reshape(-1)
        return pa.FixedSizeListArray.from_arrays(pa.array(flat), kind.list_size)
    return pa.array(column.reshape(-1), kind)


def png(frame: npt.NDArray[np.uint8]) -> bytes:
    """An image as a PNG file, which loses nothing."""
    buffer = io.BytesIO()
    Image.fromarray(frame).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def image(value: Any, what: str) -> npt.NDArray[np.uint8]:
    """The frame of an image column's value: uint8 [height, width, 3].

    Raises:
        ValueError: Where the image is not in the table itself.
    """
    data = value.get("bytes") if isinstance(value, dict) else value
    if not isinstance(data, bytes):
        raise ValueError(
            f"{what}: expected an image's bytes in the table, got {type(data).__name__}"
        )
    with Image.open(io.BytesIO(data)) as opened:
        return np.asarray(opened.convert("RGB"), np.uint8)


def numbers(column: pa.ChunkedArray, dtype: type[np.generic], what: str) -> npt.NDArray[Any]:
    """A column of numbers or of equally long lists of them: [T] or [T, width].

    Raises:
        ValueError: For lists of different lengths, and for values that are missing.
    """
    if column.null_count:
        raise ValueError(f"{what}: {column.null_count} values are missing")
    combined = column.combine_chunks()
    if isinstance(combined, pa.ChunkedArray):
        combined = pa.concat_arrays(combined.chunks)
    if pa.types.is_list(combined.type) or pa.types.is_fixed_size_list(combined.type):
        flat = numbers(pa.chunked_array([combined.flatten()]), dtype, what)
        if len(combined) == 0 or len(flat) % len(combined):
            raise ValueError(f"{what}: its rows differ in length")
        lengths = {len(row) for row in combined}
        if len(lengths) != 1:
            raise ValueError(f"{what}: its rows differ in length: {sorted(lengths)}")
        return flat.reshape(len(combined), -1)
    return np.asarray(combined.to_numpy(zero_copy_only=False)).astype(dtype)


def pandas_index(table: pa.Table, index: str) -> pa.Table:
    """The table with `index` marked as pandas' index, as LeRobot reads its tasks."""
    columns: Sequence[dict[str, Any]] = [
        {
            "name": name,
            "field_name": name,
            "pandas_type": "unicode" if name == index else "int64",
            "numpy_type": "object" if name == index else "int64",
            "metadata": None,
        }
        for name in table.column_names
    ]
    hint = {
        "index_columns": [index],
        "column_indexes": [],
        "columns": columns,
        "pandas_version": "2.0.0",
    }
    return table.replace_schema_metadata({"pandas": json.dumps(hint)})
