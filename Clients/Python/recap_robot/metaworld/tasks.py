"""Meta-World's 50 tasks: what the policy is told, how long the clean expert takes, how people fall short."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..types import Task
from .expert import Flaws
from .simulator import LONGEST_EPISODE


@dataclass(frozen=True)
class Tuning:
    """How demonstrations of a task are made, so that they sometimes fail and always leave room to get faster."""

    flaws: Flaws
    limit: float
    """The time limit as a multiple of what the clean expert takes."""


_DEFAULT = Tuning(Flaws(noise=0.4, pause_chance=0.02, slow_chance=0.01), limit=2.5)
_TUNED = {
    "push-v3": Tuning(Flaws(noise=0.2, pause_chance=0.025, slow_chance=0.015), limit=3.5),
    "pick-place-v3": Tuning(Flaws(noise=0.3, pause_chance=0.03, slow_chance=0.015), limit=3),
    "door-open-v3": Tuning(Flaws(noise=0.3, pause_chance=0.03, slow_chance=0.015), limit=2.7),
}


@dataclass(frozen=True)
class _Facts:
    clean_steps: int
    """Median steps of the clean expert over ten starts."""
    instruction: str


_FACTS = {
    "assembly-v3": _Facts(89, "pick up the ring and put it over the peg"),
    "basketball-v3": _Facts(93, "drop the basketball through the hoop"),
    "bin-picking-v3": _Facts(110, "move the object from one bin to the other"),
    "box-close-v3": _Facts(103, "put the lid on the box"),
    "button-press-topdown-v3": _Facts(67, "press the button from above"),
    "button-press-topdown-wall-v3": _Facts(58, "press the button behind the wall from above"),
    "button-press-v3": _Facts(60, "press the button from the front"),
    "button-press-wall-v3": _Facts(65, "reach around the wall and press the button"),
    "coffee-button-v3": _Facts(38, "press the button of the coffee machine"),
    "coffee-pull-v3": _Facts(78, "pull the mug away from the coffee machine"),
    "coffee-push-v3": _Facts(55, "push the mug under the coffee machine"),
    "dial-turn-v3": _Facts(73, "turn the dial"),
    "disassemble-v3": _Facts(114, "take the ring off the peg"),
    "door-close-v3": _Facts(62, "close the door of the safe"),
    "door-lock-v3": _Facts(63, "lock the door by turning the lock clockwise"),
    "door-open-v3": _Facts(83, "open the door of the safe by its handle"),
    "door-unlock-v3": _Facts(43, "unlock the door by turning the lock anticlockwise"),
    "drawer-close-v3": _Facts(78, "push the drawer shut"),
    "drawer-open-v3": _Facts(89, "pull the drawer open"),
    "faucet-close-v3": _Facts(66, "turn the faucet clockwise to close it"),
    "faucet-open-v3": _Facts(59, "turn the faucet anticlockwise to open it"),
    "hammer-v3": _Facts(70, "hammer the nail into the box"),
    "hand-insert-v3": _Facts(60, "put the object into the hole"),
    "handle-press-side-v3": _Facts(45, "press the handle down from the side"),
    "handle-press-v3": _Facts(35, "press the handle down"),
    "handle-pull-side-v3": _Facts(84, "pull the handle up from the side"),
    "handle-pull-v3": _Facts(104, "pull the handle up"),
    "lever-pull-v3": _Facts(79, "pull the lever up"),
    "peg-insert-side-v3": _Facts(93, "insert the peg into the hole in the side of the box"),
    "peg-unplug-side-v3": _Facts(122, "pull the peg out of the box sideways"),
    "pick-out-of-hole-v3": _Facts(112, "take the object out of the hole and carry it to the goal"),
    "pick-place-v3": _Facts(52, "pick up the object and carry it to the goal"),
    "pick-place-wall-v3": _Facts(91, "pick up the object and carry it over the wall to the goal"),
    "plate-slide-back-side-v3": _Facts(45, "slide the plate out of the cabinet sideways"),
    "plate-slide-back-v3": _Facts(56, "slide the plate back out of the cabinet"),
    "plate-slide-side-v3": _Facts(47, "slide the plate into the cabinet sideways"),
    "plate-slide-v3": _Facts(51, "slide the plate into the cabinet"),
    "push-back-v3": _Facts(184, "pull the object back to the goal"),
    "push-v3": _Facts(60, "push the object to the goal"),
    "push-wall-v3": _Facts(79, "push the object around the wall to the goal"),
    "reach-v3": _Facts(44, "move the hand to the goal"),
    "reach-wall-v3": _Facts(46, "move the hand over the wall to the goal"),
    "shelf-place-v3": _Facts(93, "pick up the object and put it on the shelf"),
    "soccer-v3": _Facts(84, "kick the ball into the goal"),
    "stick-pull-v3": _Facts(119, "hook the container with the stick and pull it to the goal"),
    "stick-push-v3": _Facts(73, "pick up the stick and push the container to the goal with it"),
    "sweep-into-v3": _Facts(52, "sweep the object into the hole"),
    "sweep-v3": _Facts(86, "sweep the object off the table"),
    "window-close-v3": _Facts(81, "slide the window shut"),
    "window-open-v3": _Facts(89, "slide the window open"),
}

NAMES = tuple(_FACTS)
"""All that can be asked for."""


def describe(name: str, limit: float | None = None) -> Task:
    """A task with its instruction and time limit.

    Args:
        name: As in Meta-World. A task of a later version than we know is called by its name.
        limit: Replaces the time limit that suits the task.
    """
    facts = _facts(name)
    factor = _TUNED.get(name, _DEFAULT).limit if limit is None else limit
    if not factor > 0:
        raise ValueError(f"limit: expected a number above 0, got {factor}")
    steps = 10 * math.ceil(factor * facts.clean_steps / 10)
    return Task(name, facts.instruction, min(steps, LONGEST_EPISODE))


def flaws(name: str) -> Flaws:
    """How a demonstration falls short."""
    return _TUNED.get(name, _DEFAULT).flaws


def clean_steps(name: str) -> int:
    """Median steps of the clean expert."""
    return _facts(name).clean_steps


def _facts(name: str) -> _Facts:
    return _FACTS.get(name) or _Facts(100, name.rpartition("-v")[0].replace("-", " ") or name)
