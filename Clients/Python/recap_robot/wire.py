"""Messages as ZeroMQ frames, as described in recap's WireProtocol.md: nothing but JSON and raw tensors."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

PROTOCOL = b"recap/1"

DTYPES: dict[str, np.dtype[Any]] = {
    "F32": np.dtype("<f4"),
    "F64": np.dtype("<f8"),
    "U8": np.dtype("u1"),
    "BOOL": np.dtype("?"),
    "I32": np.dtype("<i4"),
    "I64": np.dtype("<i8"),
}
"""Element types by safetensors' names, in the byte order of messages and files."""
DTYPE_NAMES = {dtype: name for name, dtype in DTYPES.items()}


class WireError(ValueError):
    """A message that is not what the protocol asks for. `id` and `type` say whose, as far as that can be read."""

    def __init__(self, reason: str, id: str = "", type: str = "") -> None:
        super().__init__(reason)
        self.id = id
        self.type = type


@dataclass
class Message:
    """One message: a request, a reply or an error."""

    id: str
    type: str
    kind: str
    body: dict[str, Any]
    tensors: dict[str, npt.NDArray[Any]] = field(default_factory=dict)


def encode(message: Message) -> list[bytes | memoryview]:
    """The frames of a message: protocol, header, then each tensor's bytes."""
    described, raw = [], []
    for name, tensor in message.tensors.items():
        dtype = tensor.dtype.newbyteorder("<")
        if dtype not in DTYPE_NAMES:
            raise WireError(f"{name}: a tensor of {tensor.dtype} cannot be sent")
        described.append({"name": name, "dtype": DTYPE_NAMES[dtype], "shape": list(tensor.shape)})
        raw.append(_bytes(np.ascontiguousarray(tensor, dtype=dtype)))
    header = {
        "id": message.id,
        "type": message.type,
        "kind": message.kind,
        "body": message.body,
        "frames": described,
    }
    return [PROTOCOL, json.dumps(header, allow_nan=False).encode(), *raw]


def decode(frames: Sequence[bytes | memoryview]) -> Message:
    """Reads a message; its tensors are read-only views of the frames.

    Raises:
        WireError: Where the message is malformed.
    """
    if len(frames) < 2:
        raise WireError(f"expected a protocol frame and a header frame, got {len(frames)} frames")
    try:
        header = json.loads(bytes(frames[1]))
    except (ValueError, RecursionError) as error:  # ValueError: also numbers of thousands of digits.
        raise WireError(f"the header is not valid JSON: {error}") from None
    if not isinstance(header, dict):
        raise WireError("the header is not a JSON object")
    whose = {key: header[key] for key in ("id", "type") if isinstance(header.get(key), str)}
    version = bytes(frames[0])
    if version != PROTOCOL:
        raise WireError(
            f"protocol version {version[:64]!r} is not understood here; this side speaks {PROTOCOL!r}",
            **whose,
        )
    for key in ("id", "type", "kind"):
        if not isinstance(header.get(key), str):
            raise WireError(f"the header's '{key}' is missing or not a string", **whose)
    body = header.get("body", {})
    if not isinstance(body, dict):
        raise WireError("the header's 'body' is not an object", **whose)
    described = header.get("frames") or []
    if not isinstance(described, list) or len(described) != len(frames) - 2:
        raise WireError(
            f"the header must describe each of the message's {len(frames) - 2} raw frames", **whose
        )
    tensors = {}
    for index, (description, frame) in enumerate(zip(described, frames[2:], strict=True)):
        try:
            name, tensor = _tensor(description, frame)
        except ValueError as error:
            raise WireError(f"raw frame {index}: {error}", **whose) from None
        key = name if name is not None else str(index)
        if key in tensors:
            raise WireError(f"two raw frames are called {key!r}", **whose)
        tensors[key] = tensor
    return Message(header["id"], header["type"], header["kind"], body, tensors)


def _tensor(description: Any, frame: bytes | memoryview) -> tuple[str | None, npt.NDArray[Any]]:
    if not isinstance(description, Mapping):
        raise ValueError("its description is not an object")
    name, dtype, shape = (description.get(key) for key in ("name", "dtype", "shape"))
    if not isinstance(dtype, str) or dtype not in DTYPES:
        raise ValueError(f"dtype {dtype!r} is unknown; known: {', '.join(DTYPES)}")
    if not isinstance(shape, list) or not all(type(n) is int and n >= 0 for n in shape):
        raise ValueError(f"shape {shape!r} is not a list of extents")
    if name is not None and not isinstance(name, str):
        raise ValueError(f"name {name!r} is not a string")
    size = len(frame) if isinstance(frame, bytes) else frame.nbytes
    expected = math.prod(shape) * DTYPES[dtype].itemsize
    if size != expected:
        raise ValueError(f"{name}: {dtype}{shape} takes {expected} bytes, the frame has {size}")
    return name, np.frombuffer(frame, DTYPES[dtype]).reshape(shape)


def _bytes(tensor: npt.NDArray[Any]) -> bytes | memoryview:
    # A memoryview of an empty array cannot be cast to bytes.
    return tensor.data.cast("B") if tensor.size and tensor.ndim else tensor.tobytes()
