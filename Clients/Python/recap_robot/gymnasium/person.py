"""Who demonstrates and corrects in an environment: a script, or somebody at a joystick."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from ..types import Supervision
from .step import Environment, Step

Script = Callable[[Any], npt.ArrayLike]
"""From the environment's whole observation to an action of its own action space."""


class Person:
    """Somebody who can act in an environment. Override `action`, and the others where they matter.

    Observations and actions are the environment's own, not what the policy sees of them.
    """

    def begin(
        self, environment: Environment, random: np.random.Generator, supervision: Supervision
    ) -> None:
        """Called when an episode has been reset.

        Args:
            environment: The environment, for scripts that look behind the observation.
            random: Draws the same numbers for the same seed of the episode.
            supervision: Who may act in this episode.
        """

    def watch(self, step: Step, by_person: bool) -> None:
        """Told of every step, whoever chose its action."""

    def action(self, observation: Any) -> npt.ArrayLike:
        """What the person does now, in the environment's action space: read the joystick, or compute it."""
        raise NotImplementedError(f"{type(self).__name__} has no action()")

    def takes_over(self) -> bool:
        """Whether the person wants the controls now. Asked before each step that the policy would choose."""
        return False

    def hands_back(self) -> bool:
        """Whether the person who took over gives the controls back. Asked after each of the person's steps."""
        return True


def scripted(
    script: Script,
    *,
    noise: float = 0.0,
    takes_over: Callable[[Any], bool] | None = None,
    hands_back: Callable[[Any], bool] | None = None,
) -> Person:
    """A script in the role of a person.

    Args:
        script: From an observation to an action.
        noise: Standard deviation of Gaussian noise on each number of the action in demonstrations, in the action's
            own units, so that demonstrations differ and sometimes fail. Corrections have none.
        takes_over: Whether to take over, by the observation; None for never.
        hands_back: Whether to hand back, by the observation; None for after one step.

    Raises:
        ValueError: For noise below 0.
    """
    return _Scripted(script, noise, takes_over, hands_back)


class _Scripted(Person):
    def __init__(
        self,
        script: Script,
        noise: float,
        takes_over: Callable[[Any], bool] | None,
        hands_back: Callable[[Any], bool] | None,
    ) -> None:
        if noise < 0:
            raise ValueError(f"noise: expected 0 or more, got {noise}")
        self._script = script
        self._noise = noise
        self._takes_over = takes_over
        self._hands_back = hands_back
        self._random = np.random.default_rng(0)
        self._noisy = False
        self._seen: Any = None

    def begin(
        self, environment: Environment, random: np.random.Generator, supervision: Supervision
    ) -> None:
        self._random = random
        self._noisy = self._noise > 0 and supervision is Supervision.DEMONSTRATION
        self._seen = None

    def watch(self, step: Step, by_person: bool) -> None:
        self._seen = step.observation

    def action(self, observation: Any) -> npt.ArrayLike:
        chosen = self._script(observation)
        if not self._noisy:
            return chosen
        clean = np.asarray(chosen, np.float64)
        return clean + self._random.normal(0, self._noise, clean.shape)

    def takes_over(self) -> bool:
        # Nothing has been seen before the first step.
        return (
            self._takes_over is not None and self._seen is not None and self._takes_over(self._seen)
        )

    def hands_back(self) -> bool:
        return self._hands_back is None or self._hands_back(self._seen)
