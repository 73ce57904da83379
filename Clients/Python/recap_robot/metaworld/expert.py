"""A scripted expert in the role of a person: quick and clean where it corrects, human where it demonstrates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from ..types import Floats


class ScriptedPolicy(Protocol):
    """One of Meta-World's experts."""

    def get_action(self, obs: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]: ...


@dataclass(frozen=True)
class Flaws:
    """How a demonstration falls short of the clean expert."""

    noise: float = 0.0
    """Standard deviation of Gaussian noise on each action component, whose range is [-1, 1]."""
    pause_chance: float = 0.0
    """Probability a step that a pause begins."""
    pause_steps: tuple[int, int] = (8, 25)
    """Shortest and longest pause."""
    slow_chance: float = 0.0
    """Probability a step that a slow stretch begins."""
    slow_steps: tuple[int, int] = (15, 40)
    """Shortest and longest slow stretch."""
    slow_speed: float = 0.3
    """Speed in a slow stretch, as a share of the expert's."""

    def __post_init__(self) -> None:
        if self.noise < 0:
            raise ValueError(f"noise must be 0 or more, got {self.noise}")
        for name in ("pause_chance", "slow_chance", "slow_speed"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be between 0 and 1, got {getattr(self, name)}")
        for name in ("pause_steps", "slow_steps"):
            low, high = getattr(self, name)
            if not 1 <= low <= high:
                raise ValueError(f"{name} must be a range of at least one step, got {low}-{high}")


CLEAN = Flaws()
"""None at all."""


class Expert:
    """Chooses actions from Meta-World's 39 numbers."""

    def __init__(self, policy: ScriptedPolicy, flaws: Flaws, random: np.random.Generator) -> None:
        self._policy = policy
        self._flaws = flaws
        self._random = random
        self._pause_left = 0
        self._slow_left = 0
        self._grip = -1.0

    def action(self, observation: npt.NDArray[np.float64]) -> Floats:
        """The next action: float32 [4], hand motion and grip, each in [-1, 1]."""
        flaws, random = self._flaws, self._random
        if self._pause_left == 0 and random.random() < flaws.pause_chance:
            self._pause_left = int(random.integers(*flaws.pause_steps, endpoint=True))
        if self._slow_left == 0 and random.random() < flaws.slow_chance:
            self._slow_left = int(random.integers(*flaws.slow_steps, endpoint=True))
        if self._pause_left:
            self._pause_left -= 1
            return np.array([0, 0, 0, self._grip], np.float32)
        # A copy: some of the scripts write into what they read.
        action = np.asarray(self._policy.get_action(observation.copy()), np.float64)
        action = np.clip(action, -1, 1)
        if self._slow_left:
            self._slow_left -= 1
            action[:3] *= flaws.slow_speed
        if flaws.noise:
            action = np.clip(action + random.normal(0, flaws.noise, action.shape), -1, 1)
        self._grip = float(action[3])
        return action.astype(np.float32)
