"""Sizes of the models, and the tokens that mean something by themselves."""

from __future__ import annotations

from dataclasses import dataclass, replace

from torch import Tensor

Parameters = dict[str, Tensor]
"""A model's parameters under the names of Model.md."""
Inputs = dict[str, Tensor]
"""A batch under the names of Fixtures/README.md."""
KeysAndValues = tuple[Tensor, Tensor]
"""Keys, already turned, and values of one layer: each [batch, kvHeads, places, headWidth]."""

PAD = 0
"""Text: an unused place; as a target, the end of the text."""
NONE = 1
"""Text: the begin of a subtask or caption, or an indicator that is left out."""
FAST_PAD = 0
FAST_BEGIN = 1
FAST_END = 2
NOTHING = -1
"""As a target: this place predicts nothing."""


@dataclass(frozen=True)
class Transformer:
    """The shape of one transformer."""

    width: int
    """d (the expert's: e)."""
    layers: int
    """L."""
    heads: int
    """Query heads."""
    kv_heads: int
    """Key-value heads, which query heads share evenly."""
    head_width: int
    """h."""
    feed_forward: int
    """f."""

    @property
    def qkv_columns(self) -> int:
        return (self.heads + 2 * self.kv_heads) * self.head_width


@dataclass(frozen=True)
class Vision:
    """The vision tower."""

    transformer: Transformer
    merge: int
    """Patches along a block, which becomes one token (m)."""


@dataclass(frozen=True)
class Cameras:
    """Cameras of one size and what becomes of their images."""

    count: int
    side: int
    """Pixels along an image, which is a square here."""
    patch: int
    """Pixels along a patch (p)."""
    vision: Vision | None = None

    @property
    def patches_per_camera(self) -> int:
        return (self.side // self.patch) ** 2

    @property
    def patches(self) -> int:
        return self.count * self.patches_per_camera

    @property
    def tokens(self) -> int:
        """M: patches, or blocks of them with a vision tower."""
        return self.patches if self.vision is None else self.patches // self.vision.merge**2


@dataclass(frozen=True)
class Observation:
    """What both models read."""

    cameras: Cameras
    text_vocabulary: int
    task_slot: int
    """N."""
    proprioception: int
    """P."""
    environment_state: int
    """E."""

    @property
    def places(self) -> int:
        """M + N + 2: patches, task text, proprioception and environment state."""
        return self.cameras.tokens + self.task_slot + 2


@dataclass(frozen=True)
class Policy:
    """A policy: a backbone that reads everything, and an action expert beside it."""

    observation: Observation
    backbone: Transformer
    expert_width: int
    """e."""
    expert_feed_forward: int
    chunk: int
    """Actions in a chunk (H)."""
    action: int
    """Numbers in an action (A)."""
    subtask_slot: int
    """S."""
    indicator_slot: int
    """I."""
    fast_vocabulary: int
    fast_slot: int
    """F."""
    alpha: float
    """The flow loss's weight."""

    @property
    def expert(self) -> Transformer:
        """The backbone's layers and heads: each of the expert's layers reads the backbone's keys and values."""
        return replace(
            self.backbone, width=self.expert_width, feed_forward=self.expert_feed_forward
        )

    @property
    def prefix_places(self) -> int:
        """M + N + … + I: the places before the action tokens, of which the action expert sees the first one too."""
        return self.observation.places + self.subtask_slot + self.indicator_slot


@dataclass(frozen=True)
class Value:
    """A value function: a distribution over `bins` values from −1 to 0."""

    observation: Observation
    network: Transformer
    bins: int
    caption_weight: float
    """The caption loss's weight in co-training."""
