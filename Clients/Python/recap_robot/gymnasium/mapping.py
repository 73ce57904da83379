"""What the policy sees of an environment's observations, and how its actions become the environment's."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt
from gymnasium import spaces

from ..types import Camera, Floats, Pixels

Selector = str | slice | Sequence[str] | Sequence[int] | Callable[[Any], npt.ArrayLike]
"""Some of an observation's numbers: a key or several of a dictionary; a slice or indices of a vector; or a function of
the whole observation."""


@dataclass(frozen=True)
class Image:
    """A camera whose frames are part of the observation: uint8 [height, width, 3] under `key`."""

    key: str
    size: tuple[int, int] | None = None
    """(height, width) in pixels of what the policy sees; None for the frame as it is."""


@dataclass(frozen=True)
class Rendered:
    """A camera whose frames are what the environment renders; needs `render_mode="rgb_array"`."""

    size: tuple[int, int] | None = None
    """(height, width) in pixels of what the policy sees; None for the frame as it is."""


def numbers(selector: Selector, observation: Any) -> Floats:
    """The numbers that `selector` picks from an observation, as one vector: float32 [n].

    Raises:
        ValueError: Where the observation has no such part, saying what it has.
    """
    if callable(selector):
        parts = [selector(observation)]
    elif isinstance(selector, str):
        parts = [_entry(observation, selector)]
    elif isinstance(selector, slice):
        parts = [_vector(observation, "a slice")[selector]]
    elif selector and all(isinstance(part, str) for part in selector):
        parts = [_entry(observation, str(part)) for part in selector]
    else:
        parts = [_vector(observation, "indices")[np.asarray(selector, np.intp)]]
    return np.concatenate([np.asarray(part, np.float32).reshape(-1) for part in parts])


def all_numbers(space: gymnasium.Space[Any]) -> Selector:
    """Selects all of an observation but its images.

    Raises:
        ValueError: For a space that is neither a vector nor a dictionary with at least one.
    """
    if isinstance(space, spaces.Dict):
        keys = [key for key, part in space.spaces.items() if not _is_image(part)]
        if keys and all(
            isinstance(space.spaces[key], (spaces.Box, spaces.Discrete)) for key in keys
        ):
            return keys
    elif isinstance(space, (spaces.Box, spaces.Discrete)) and not _is_image(space):
        return np.ravel
    raise ValueError(f"state: say which part of the observations it is; they are {space}")


def _is_image(space: gymnasium.Space[Any]) -> bool:
    return isinstance(space, spaces.Box) and len(space.shape) == 3


def _entry(observation: Any, key: str) -> Any:
    if not isinstance(observation, Mapping):
        raise ValueError(f"{key!r} is a key, but observations are {_described(observation)}")
    if key not in observation:
        raise ValueError(f"observations have no {key!r}; they have {', '.join(observation)}")
    return observation[key]


def _vector(observation: Any, what: str) -> npt.NDArray[Any]:
    if isinstance(observation, Mapping):
        raise ValueError(f"{what} need a vector, but observations are {_described(observation)}")
    return np.asarray(observation).reshape(-1)


def _described(observation: Any) -> str:
    if isinstance(observation, Mapping):
        return f"a dictionary of {', '.join(map(str, observation))}"
    return f"an array of shape {list(np.shape(observation))}"


class CameraView:
    """One camera of an environment."""

    def __init__(self, name: str, source: Image | Rendered) -> None:
        self.name = name
        self._source = source

    def frame(self, environment: gymnasium.Env[Any, Any], observation: Any) -> Pixels:
        """What it sees now: uint8 [height, width, 3].

        Raises:
            ValueError: Where there is no such image.
        """
        if isinstance(self._source, Image):
            pixels = np.asarray(_entry(observation, self._source.key))
        else:
            rendered = environment.render()
            if not isinstance(rendered, np.ndarray):
                raise ValueError(
                    f"camera {self.name!r}: expected an image from render(), got "
                    f"{type(rendered).__name__}; make the environment with render_mode='rgb_array'"
                )
            pixels = rendered
        if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
            raise ValueError(
                f"camera {self.name!r}: expected uint8 [height, width, 3], "
                f"got {pixels.dtype} {list(pixels.shape)}"
            )
        size = self._source.size
        return pixels if size is None else resized(pixels, *size)

    def described(self, frame: Pixels) -> Camera:
        """As it stands in the embodiment."""
        return Camera(self.name, width=frame.shape[1], height=frame.shape[0])


def resized(image: Pixels, height: int, width: int) -> Pixels:
    """An image in another size, each pixel the mean of the area that it covers: uint8 [height, width, 3]."""
    if image.shape[:2] == (height, width):
        return image
    rows, columns = _coverage(image.shape[0], height), _coverage(image.shape[1], width)
    # Matrix products, since einsum takes a hundred times as long.
    mean = (rows @ image.reshape(image.shape[0], -1).astype(np.float32)).reshape(height, -1, 3)
    mean = columns @ mean
    pixels: Pixels = np.rint(mean).astype(np.uint8)
    return pixels


def _coverage(old: int, new: int) -> Floats:
    """[new, old]: the share of each old pixel in each new one."""
    edges = np.arange(new + 1) * (old / new)
    start, end = edges[:-1, None], edges[1:, None]
    pixels = np.arange(old)[None]
    overlap = np.clip(np.minimum(end, pixels + 1) - np.maximum(start, pixels), 0, None)
    weights: Floats = (overlap / overlap.sum(axis=1, keepdims=True)).astype(np.float32)
    return weights


class ActionMapping:
    """Between the policy's actions and an environment's.

    A number with limits on both sides is normalised, from its range to [-1, 1]; one without them stays as it is. Of n
    discrete actions the policy gives each a score, and the highest is taken: one-hot in what is recorded.
    """

    def __init__(self, space: gymnasium.Space[Any]) -> None:
        """
        Raises:
            ValueError: For a space that is neither a Box of numbers nor Discrete.
        """
        if isinstance(space, spaces.Box) and np.issubdtype(space.dtype, np.floating):
            low, high = (bound.astype(np.float64).reshape(-1) for bound in (space.low, space.high))
            self.width = len(low)
            bounded = np.isfinite(low) & np.isfinite(high)
            ends = np.where(bounded, low, -1), np.where(bounded, high, 1)
            self._middle = (ends[0] + ends[1]) / 2
            self._half = (ends[1] - ends[0]) / 2
            self._half[self._half == 0] = 1
            # In the policy's units: a number with one limit keeps it.
            self._low = (low - self._middle) / self._half
            self._high = (high - self._middle) / self._half
        elif isinstance(space, spaces.Discrete):
            self.width = int(space.n)
        else:
            raise ValueError(
                f"actions: expected a Box of floating-point numbers or Discrete, got {space}; "
                "wrap the environment in a gymnasium.ActionWrapper"
            )
        self._space = space

    def executed(self, action: Floats) -> Floats:
        """What will be executed of an action in the policy's units: float32 [width]."""
        if isinstance(self._space, spaces.Discrete):
            return self._one_hot(int(np.argmax(action)))
        clipped: Floats = np.clip(action, self._low, self._high).astype(np.float32)
        return clipped

    def to_environment(self, executed: Floats) -> Any:
        """The environment's action, of its type and shape."""
        if isinstance(self._space, spaces.Discrete):
            return int(self._space.start) + int(np.argmax(executed))
        assert isinstance(self._space, spaces.Box)
        values = (self._middle + executed * self._half).reshape(self._space.shape)
        # Rounding must not leave the space.
        return np.clip(values, self._space.low, self._space.high).astype(self._space.dtype)

    def from_environment(self, action: npt.ArrayLike) -> Floats:
        """An action of the environment in the policy's units: float32 [width], clipped to the limits.

        Raises:
            ValueError: For an action that is not the environment's.
        """
        if isinstance(self._space, spaces.Discrete):
            index = np.asarray(action)
            if index.size != 1 or not self._space.contains(int(index.item())):
                raise ValueError(
                    f"a person's action: expected one of {self._space}, got {action!r}"
                )
            return self._one_hot(int(index.item()) - int(self._space.start))
        values = np.asarray(action, np.float64).reshape(-1)
        if values.shape != (self.width,) or not np.isfinite(values).all():
            raise ValueError(
                f"a person's action: expected {self.width} finite numbers, got {action!r}"
            )
        return self.executed(((values - self._middle) / self._half).astype(np.float32))

    def _one_hot(self, index: int) -> Floats:
        scores = np.zeros(self.width, np.float32)
        scores[index] = 1
        return scores
