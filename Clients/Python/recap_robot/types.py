"""What a robot is, what it senses and what it is asked to do."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Camera:
    """One camera: 8-bit RGB frames of shape [height, width, 3], rows from the top."""

    name: str
    width: int
    height: int

    def __post_init__(self) -> None:
        if not self.name or self.width < 1 or self.height < 1:
            raise ValueError(f"a camera needs a name and at least one pixel, got {self}")


@dataclass(frozen=True)
class Embodiment:
    """Widths and rates that data, policies and the robot must agree on."""

    name: str
    """A stable name of this kind of robot."""
    proprioception_width: int
    """Numbers in `Observation.state`: joints, gripper."""
    action_width: int
    """Numbers in one action."""
    control_rate: float
    """Control steps a second."""
    environment_state_width: int = 0
    """Numbers in `Observation.environment_state` (object poses); 0 where only cameras see the scene."""
    cameras: Sequence[Camera] = ()

    def __post_init__(self) -> None:
        if not self.name:
            raise ValueError("an embodiment needs a name")
        if self.proprioception_width < 1 or self.action_width < 1:
            raise ValueError("proprioception_width and action_width must be at least 1")
        if self.environment_state_width < 0:
            raise ValueError("environment_state_width must be 0 or more")
        if not self.control_rate > 0:
            raise ValueError(f"control_rate must be above 0, got {self.control_rate}")
        if len({camera.name for camera in self.cameras}) != len(self.cameras):
            raise ValueError("two cameras have the same name")

    def as_json(self) -> dict[str, Any]:
        """The form that travels in `driver.describe`."""
        return {
            "name": self.name,
            "proprioceptionWidth": self.proprioception_width,
            "environmentStateWidth": self.environment_state_width,
            "cameras": [
                {"name": c.name, "width": c.width, "height": c.height} for c in self.cameras
            ],
            "actionWidth": self.action_width,
            "controlRate": self.control_rate,
        }


@dataclass(frozen=True)
class Task:
    """A task as the robot offers it."""

    name: str
    instruction: str
    """What the policy is told, in words."""
    maximum_steps: int
    """The time limit in control steps: an episode that reaches it has failed."""
    subtasks: Sequence[str] = ()
    """What steps may be labelled with, in order; empty if nobody knows."""

    def __post_init__(self) -> None:
        if not self.name or not self.instruction:
            raise ValueError("a task needs a name and an instruction")
        if self.maximum_steps < 1:
            raise ValueError(f"{self.name}: maximum_steps must be at least 1")

    def as_json(self) -> dict[str, Any]:
        """The form that travels in `driver.describe`."""
        return {
            "name": self.name,
            "instruction": self.instruction,
            "maximumSteps": self.maximum_steps,
            "subtasks": list(self.subtasks),
        }


@dataclass
class Observation:
    """What the robot senses at one moment."""

    state: npt.ArrayLike
    """Proprioception: [proprioception_width]."""
    environment_state: npt.ArrayLike | None = None
    """Object poses: [environment_state_width]; left out where the width is 0."""
    images: Mapping[str, Pixels] = field(default_factory=dict)
    """A frame of each camera, by name: uint8 [height, width, 3]."""


class Outcome(str, enum.Enum):
    """How an episode ended."""

    SUCCESS = "success"
    FAILURE = "failure"
    UNJUDGED = "unjudged"
    """Nobody knows yet: a person says later, and until then nothing is learned from the episode."""


class Supervision(str, enum.Enum):
    """Who may act in an episode."""

    DEMONSTRATION = "demonstration"
    """A person acts from start to end."""
    CORRECTIONS = "corrections"
    """The policy acts; a person may take over and hand back."""
    NONE = "none"
    """The policy acts alone."""
