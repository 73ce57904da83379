"""The names of the measured work, as in `train vla-tiny 32` or `sample vla-tiny 1 cfg`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Work:
    """One kind of step that can be timed.

    mode: `train`, a training step, or `sample`, the sampling of an action chunk.
    model: a key of `spec.MODELS`.
    batch: observations in one step.
    guided: whether a chunk is sampled with classifier-free guidance, which doubles the batch.
    """

    mode: str
    model: str
    batch: int
    guided: bool = False

    def __post_init__(self) -> None:
        if self.mode not in ("train", "sample"):
            raise ValueError(f"the mode is 'train' or 'sample', not {self.mode!r}")
        if self.batch < 1:
            raise ValueError(f"the batch is 1 or more, not {self.batch}")
        if self.mode == "sample" and not self.model.startswith("vla"):
            raise ValueError(f"only a vla model samples actions, not {self.model!r}")
        if self.mode == "train" and self.guided:
            raise ValueError("guidance ('cfg') is for sampling only")

    @classmethod
    def parse(cls, name: str) -> Work:
        """The work of that name. Raises ValueError where it is none."""
        words = name.split()
        guided = words[3:] == ["cfg"]
        if len(words) != 3 + guided or not words[2].isdecimal():
            raise ValueError(f"expected 'train|sample MODEL BATCH [cfg]', not {name!r}")
        return cls(words[0], words[1], int(words[2]), guided)

    def __str__(self) -> str:
        return f"{self.mode} {self.model} {self.batch}" + (" cfg" if self.guided else "")
