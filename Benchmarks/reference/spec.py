"""The reference models: their shapes, parameters, inputs and check values.

Benchmarks/README.md gives the equations. Everything here is made of integer arithmetic on the names
of the arrays, so that a program in any language makes the same numbers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]

VOCABULARY = 512
BINS = 201
"""Bins of the value distribution."""

CAMERAS, IMAGE_SIZE, PATCH_SIZE = 2, 64, 16
PATCHES_A_SIDE = IMAGE_SIZE // PATCH_SIZE
IMAGE_TOKENS = CAMERAS * PATCHES_A_SIDE**2
PATCH_VALUES = PATCH_SIZE**2 * 3
TEXT_TOKENS, STATE_TOKENS = 24, 1
PREFIX = IMAGE_TOKENS + TEXT_TOKENS + STATE_TOKENS
"""Tokens of an observation: 57."""
FAST_TOKENS = 32
"""Tokens of a discretised action chunk."""
STATE_SIZE = 16
HORIZON, ACTION_SIZE = 16, 8

BEGIN, NO_INDICATOR = 1, 0
"""Token before the first action token; token instead of the advantage indicator."""
EULER_STEPS, GUIDANCE = 5, 2.0
NORM_EPSILON, ROPE_BASE = 1e-6, 10000.0
SHORTEST_PERIOD, LONGEST_PERIOD = 4e-3, 4.0
"""Periods of the time embedding."""

LEARNING_RATE, BETA_1, BETA_2, ADAM_EPSILON, WEIGHT_DECAY = 3e-4, 0.9, 0.95, 1e-8, 0.01


@dataclass(frozen=True)
class Model:
    """Sizes of a model; expert sizes are zero for a value network, which has no expert."""

    width: int
    layers: int
    heads: int
    head_size: int
    hidden: int
    expert_width: int = 0
    expert_hidden: int = 0

    @property
    def attention_width(self) -> int:
        return self.heads * self.head_size

    @property
    def acts(self) -> bool:
        """Whether this is a VLA, with action tokens and an action expert."""
        return self.expert_width > 0


MODELS = {
    "vla-tiny": Model(128, 4, 4, 32, 512, 96, 384),
    "vla-small": Model(384, 6, 6, 64, 1536, 192, 768),
    "value-tiny": Model(96, 3, 3, 32, 384),
    "value-small": Model(256, 6, 4, 64, 1024),
}

CHECK_BATCH = 8
"""Batch of `CHECK_LOSSES`."""
CHECK_LOSSES = {
    "vla-tiny": [
        [6.65010, 2.75001],
        [5.91333, 2.06777],
        [5.23403, 1.56615],
        [4.62505, 1.21436],
        [4.07884, 0.96773],
    ],
    "value-tiny": [[5.06794], [2.91604], [1.69849], [1.02090], [0.65465]],
}
"""Losses of the first five training steps: (CE, MSE) for a VLA, CE for a value network."""
CHECK_SAMPLE_BATCH = 2
CHECK_ACTIONS = [
    -0.729885,
    1.698528,
    -0.403441,
    -1.093599,
    2.351645,
    -1.862505,
    0.263571,
    -2.276646,
]
"""First action that vla-tiny samples with guidance at batch 2."""
CHECK_TOLERANCE = 1e-3


@dataclass(frozen=True)
class Parameter:
    """A parameter array: uniform in [-scale, scale), or ones where `scale` is None (norms)."""

    name: str
    shape: tuple[int, ...]
    scale: float | None


def _matrix(name: str, rows: int, columns: int) -> Parameter:
    return Parameter(name, (rows, columns), math.sqrt(3.0 / rows))


def _affine(name: str, rows: int, columns: int) -> list[Parameter]:
    return [_matrix(f"{name}.w", rows, columns), Parameter(f"{name}.b", (columns,), 0.0)]


def _block(prefix: str, width: int, attention: int, hidden: int) -> list[Parameter]:
    return [
        Parameter(f"{prefix}.norm1", (width,), None),
        _matrix(f"{prefix}.qkv", width, 3 * attention),
        _matrix(f"{prefix}.o", attention, width),
        Parameter(f"{prefix}.norm2", (width,), None),
        _matrix(f"{prefix}.gu", width, 2 * hidden),
        _matrix(f"{prefix}.down", hidden, width),
    ]


def parameters(model: Model) -> list[Parameter]:
    """The model's parameter arrays. A matrix is `[in, out]`: it acts as `x W`."""
    width, attention = model.width, model.attention_width
    found = [
        *_affine("patch", PATCH_VALUES, width),
        Parameter("img_pos", (IMAGE_TOKENS, width), 0.1),
        Parameter("tok_emb", (VOCABULARY, width), 1.0),
        *_affine("state", STATE_SIZE, width),
    ]
    for layer in range(model.layers):
        found += _block(f"b{layer}", width, attention, model.hidden)
    found.append(Parameter("norm_f", (width,), None))
    if not model.acts:
        return [*found, Parameter("val_tok", (width,), 0.1), *_affine("head", width, BINS)]
    expert = model.expert_width
    found += [
        _matrix("lm_head", width, VOCABULARY),
        *_affine("act_in", ACTION_SIZE, expert),
        *_affine("time1", expert, expert),
        *_affine("time2", expert, expert),
    ]
    for layer in range(model.layers):
        found += _block(f"e{layer}", expert, attention, model.expert_hidden)
    return [
        *found,
        Parameter("e.norm_f", (expert,), None),
        *_affine("act_out", expert, ACTION_SIZE),
    ]


def bits(name: str, count: int) -> npt.NDArray[np.uint64]:
    """SplitMix64 from the FNV-1a digest of the name: 64 random bits for each of `count` values."""
    digest = 0xCBF29CE484222325
    for byte in name.encode():
        digest = ((digest ^ byte) * 0x100000001B3) % 2**64
    with np.errstate(over="ignore"):
        step = np.uint64(0x9E3779B97F4A7C15)
        state = np.uint64(digest) + np.arange(1, count + 1, dtype=np.uint64) * step
        state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return state ^ (state >> np.uint64(31))


def uniform(name: str, shape: tuple[int, ...]) -> npt.NDArray[np.float64]:
    """Values in [0, 1)."""
    values = (bits(name, math.prod(shape)) >> np.uint64(11)).astype(np.float64) * 2.0**-53
    return values.reshape(shape)


def _symmetric(name: str, shape: tuple[int, ...], scale: float = 1.0) -> Array:
    """Values in [-scale, scale)."""
    return ((2 * uniform(name, shape) - 1) * scale).astype(np.float32)


def _integers(name: str, shape: tuple[int, ...], low: int, high: int) -> npt.NDArray[np.int32]:
    """Integers in low ..< high."""
    values = (bits(name, math.prod(shape)) >> np.uint64(33)) % np.uint64(high - low)
    return (values.astype(np.int32) + np.int32(low)).reshape(shape)


def make_parameters(model: Model) -> dict[str, Array]:
    """The parameters before the first step."""
    return {
        parameter.name: np.ones(parameter.shape, np.float32)
        if parameter.scale is None
        else _symmetric(parameter.name, parameter.shape, parameter.scale)
        for parameter in parameters(model)
    }


def make_inputs(model: Model, batch: int) -> dict[str, npt.NDArray[np.generic]]:
    """A batch: observations, and what the model is trained with.

    images `uint8 [batch, 2, 64, 64, 3]`, text `int32 [batch, 24]`, state `[batch, 16]`; for a VLA
    fast `int32 [batch, 32]`, actions and noise `[batch, 16, 8]`, tau `[batch]` in [0, 1); for a
    value network bin `int32 [batch]`.
    """
    image = (batch, CAMERAS, IMAGE_SIZE, IMAGE_SIZE, 3)
    image_bytes = bits("in.images", math.prod(image)) >> np.uint64(56)
    inputs: dict[str, npt.NDArray[np.generic]] = {
        "images": image_bytes.astype(np.uint8).reshape(image),
        "text": _integers("in.text", (batch, TEXT_TOKENS), 2, VOCABULARY),
        "state": _symmetric("in.state", (batch, STATE_SIZE)),
    }
    if not model.acts:
        return {**inputs, "bin": _integers("in.bin", (batch,), 0, BINS)}
    chunk = (batch, HORIZON, ACTION_SIZE)
    return {
        **inputs,
        "fast": _integers("in.fast", (batch, FAST_TOKENS), 2, VOCABULARY),
        "actions": _symmetric("in.actions", chunk),
        "noise": _symmetric("in.noise", chunk, math.sqrt(3.0)),
        "tau": uniform("in.tau", (batch,)).astype(np.float32),
    }


def rotations(first: int, count: int, head_size: int) -> tuple[Array, Array]:
    """Cosines and sines `[count, head_size / 2]` of the positions from `first` on."""
    rates = ROPE_BASE ** (-np.arange(head_size // 2) * 2.0 / head_size)
    angles = np.arange(first, first + count)[:, None] * rates
    return np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)


def training_mask() -> npt.NDArray[np.bool_]:
    """`[89, 89]`: whether a token (row) sees another: the observation, and action tokens up to it."""
    row, column = np.ogrid[: PREFIX + FAST_TOKENS, : PREFIX + FAST_TOKENS]
    return (column < PREFIX) | ((row >= PREFIX) & (column <= row))


def time_rates(width: int) -> Array:
    """Angular rates `[width / 2]` of the time embedding, by period from the shortest on."""
    position = np.arange(width // 2) / (width // 2 - 1)
    periods = SHORTEST_PERIOD * (LONGEST_PERIOD / SHORTEST_PERIOD) ** position
    return (2 * math.pi / periods).astype(np.float32)
