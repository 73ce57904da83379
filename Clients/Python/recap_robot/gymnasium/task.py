"""A task in a Gymnasium environment, and what counts as success in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .person import Person, Script
from .step import Environment, Step

Success = Callable[[Step], bool]
"""Whether the episode has ended with this step, in success."""


def from_info(key: str) -> Success:
    """Success as soon as `info[key]` is true, which many environments call "is_success" or "success".

    The key may be missing while the episode goes on; where it ends without the key, a KeyError names the keys that
    there are.
    """

    def succeeded(step: Step) -> bool:
        if key not in step.info and (step.terminated or step.truncated):
            known = ", ".join(sorted(step.info)) or "nothing"
            raise KeyError(
                f"success: expected {key!r} in the environment's info, which has {known}"
            )
        return bool(step.info.get(key, False))

    return succeeded


def from_termination() -> Success:
    """Success when the environment terminates; being truncated by a time limit is failure."""
    return lambda step: step.terminated


def from_reward(at_least: float) -> Success:
    """Success as soon as one step's reward reaches `at_least`."""
    return lambda step: step.reward >= at_least


@dataclass(frozen=True)
class GymnasiumTask:
    """A task: an environment, what the policy is told, and how success is known."""

    name: str
    """What configurations call it."""
    environment: str | Callable[[], Environment]
    """An id for `gymnasium.make`, or a function that makes the environment."""
    instruction: str
    """What the policy is told, in words."""
    success: Success | None
    """When the episode has ended in success: `from_info`, `from_termination`, `from_reward`, or a function of a step; an
    episode that the environment ends without it has failed. None where the environment does not tell: a person says
    later how each episode ended."""
    person: Person | Script | None = None
    """Who demonstrates and corrects: a function from an observation to an action, or a `Person`. None for nobody."""
    maximum_steps: int | None = None
    """The time limit in steps; None for the environment's own. Where `environment` is an id it replaces that."""
