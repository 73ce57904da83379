"""What a description and a reply must be: each function raises `Broken` with what was expected and what came."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..wire import DTYPE_NAMES, Message
from .link import Broken

Tensors = Mapping[str, npt.NDArray[Any]]
LONGEST_SIDE = 8192


@dataclass(frozen=True)
class Described:
    """A driver's own words, once they are known to make sense."""

    proprioception: int
    environment_state: int
    cameras: Mapping[str, tuple[int, int]]
    """(height, width) by name."""
    actions: int
    rate: float
    tasks: Sequence[Mapping[str, Any]]
    holds: bool = False
    """Whether it knows `driver.hold`."""


def described(body: Mapping[str, Any]) -> Described:
    """Reads the reply to `driver.describe`."""
    robot = _field(body, "embodiment", dict, "")
    where = "embodiment."
    if not _field(robot, "name", str, where):
        raise Broken("embodiment.name is empty")
    rate = robot.get("controlRate")
    if type(rate) not in (int, float) or not math.isfinite(rate) or rate <= 0:
        raise Broken(f"embodiment.controlRate: expected a number above 0, got {rate!r}")
    cameras: dict[str, tuple[int, int]] = {}
    for camera in _field(robot, "cameras", list, where):
        name = _field(camera, "name", str, "a camera's ")
        sides = tuple(
            _integer(camera, side, 1, f"camera {name!r}: ") for side in ("height", "width")
        )
        if not name or name in cameras or max(sides) > LONGEST_SIDE:
            raise Broken(
                f"cameras: expected different names and at most {LONGEST_SIDE} pixels a side, got {camera}"
            )
        cameras[name] = (sides[0], sides[1])
    tasks = _field(body, "tasks", list, "")
    names = [_field(task, "name", str, "a task's ") for task in tasks]
    if not names or len(set(names)) != len(names) or not all(names):
        raise Broken(f"tasks: expected at least one, with different names, got {names}")
    for task in tasks:
        where = f"task {task['name']!r}: "
        _field(task, "instruction", str, where)
        _integer(task, "maximumSteps", 1, where)
        subtasks = _field(task, "subtasks", list, where)
        if not all(isinstance(subtask, str) for subtask in subtasks):
            raise Broken(f"{where}subtasks: expected strings, got {subtasks}")
    where = "embodiment."
    return Described(
        proprioception=_integer(robot, "proprioceptionWidth", 1, where),
        environment_state=_integer(robot, "environmentStateWidth", 0, where),
        cameras=cameras,
        actions=_integer(robot, "actionWidth", 1, where),
        rate=float(rate),
        tasks=tasks,
        holds="holds" in body and _field(body, "holds", bool, ""),
    )


@dataclass(frozen=True)
class Turn:
    """A reply to `driver.begin`, `driver.execute` or `driver.hold` that is as it should be."""

    steps: int
    outcome: str | None
    person: bool
    tensors: Tensors

    def now(self) -> Tensors:
        """What is sensed now, by its names without "next."."""
        return {
            name.removeprefix("next."): tensor
            for name, tensor in self.tensors.items()
            if name.startswith("next.")
        }

    def first(self) -> Tensors:
        """What was sensed before the first executed step."""
        return {name: self.tensors[name][0] for name in self.now()}


def turn(
    reply: Message, robot: Described, task: Mapping[str, Any], supervision: str, at_most: int
) -> Turn:
    """Reads a reply; `at_most` is the number of steps that were asked for, 0 for `driver.begin`."""
    body = reply.body
    count = _integer(body, "steps", 0, "")
    if count > at_most:
        raise Broken(f"steps: expected at most {at_most}, got {count}")
    outcome = body.get("outcome")
    if outcome not in (None, "success", "failure", "unjudged"):
        raise Broken(
            f"outcome: expected 'success', 'failure', 'unjudged' or null, got {outcome!r}"
        )
    person = _field(body, "personInControl", bool, "")
    if body.get("reason") is not None and not isinstance(body["reason"], str):
        raise Broken(f"reason: expected words, got {body['reason']!r}")
    criteria = body.get("criteria")
    if criteria is not None and not (
        isinstance(criteria, dict) and all(isinstance(said, bool) for said in criteria.values())
    ):
        raise Broken(f"criteria: expected true or false by name, got {criteria!r}")
    if supervision == "none" and person:
        raise Broken("personInControl: expected false where nobody may take over, got true")
    if supervision == "demonstration" and not person and outcome is None:
        raise Broken("personInControl: expected true in a demonstration, got false")
    sensed: dict[str, tuple[str, tuple[int, ...]]] = {
        "observation.state": ("F32", (robot.proprioception,))
    }
    if robot.environment_state:
        sensed["observation.environment_state"] = ("F32", (robot.environment_state,))
    for name, sides in robot.cameras.items():
        sensed[f"observation.images.{name}"] = ("U8", (*sides, 3))
    expected = {f"next.{name}": wanted for name, wanted in sensed.items()}
    if count:
        expected |= {name: (dtype, (count, *shape)) for name, (dtype, shape) in sensed.items()}
        expected |= {"action": ("F32", (count, robot.actions)), "intervention": ("BOOL", (count,))}
        if "subtask_index" in reply.tensors:
            expected["subtask_index"] = ("I32", (count,))
    for name, (dtype, shape) in expected.items():
        _tensor(reply.tensors, name, dtype, shape)
    if count:
        _flags(reply.tensors, task, supervision)
    return Turn(count, outcome, person, reply.tensors)


def _tensor(tensors: Tensors, name: str, dtype: str, shape: tuple[int, ...]) -> None:
    if name not in tensors:
        there = ", ".join(sorted(tensors)) or "none"
        raise Broken(f"{name}: expected a raw frame {dtype}{list(shape)}; the reply has {there}")
    tensor = tensors[name]
    if (DTYPE_NAMES[tensor.dtype], tensor.shape) != (dtype, shape):
        raise Broken(
            f"{name}: expected {dtype}{list(shape)}, "
            f"got {DTYPE_NAMES[tensor.dtype]}{list(tensor.shape)}"
        )
    if dtype == "F32" and not np.isfinite(tensor).all():
        place = [int(index) for index in np.argwhere(~np.isfinite(tensor))[0]]
        raise Broken(f"{name}: expected finite numbers, got {tensor[tuple(place)]} at {place}")


def _flags(tensors: Tensors, task: Mapping[str, Any], supervision: str) -> None:
    by_person = tensors["intervention"]
    if supervision == "demonstration" and not by_person.all():
        raise Broken("intervention: expected true for every step of a demonstration, got a false")
    if supervision == "none" and by_person.any():
        raise Broken("intervention: expected false where nobody may take over, got a true")
    subtasks, known = tensors.get("subtask_index"), len(task["subtasks"])
    if subtasks is not None and not ((subtasks >= -1) & (subtasks < known)).all():
        raise Broken(f"subtask_index: expected -1 to {known - 1}, got {subtasks.tolist()}")


def same(expected: Tensors, got: Tensors, what: str) -> None:
    """Refuses tensors that differ in any bit."""
    for name, tensor in expected.items():
        if name not in got or got[name].shape != tensor.shape:
            raise Broken(f"{what}: {name} is missing or has another shape")
        if got[name].tobytes() != tensor.tobytes():
            raise Broken(
                f"{what}: {name} differs: expected {_short(tensor)}, got {_short(got[name])}"
            )


def _short(tensor: npt.NDArray[Any]) -> str:
    values = [f"{value:.6g}" for value in tensor.reshape(-1)[:4]]
    return f"[{', '.join(values)}{', …' if tensor.size > 4 else ''}]"


def _field(body: Any, name: str, kind: type, where: str) -> Any:
    if not isinstance(body, Mapping):
        raise Broken(f"{where}: expected an object, got {body!r}")
    value = body.get(name)
    if type(value) is not kind:
        words = {str: "a string", list: "a list", dict: "an object", bool: "true or false"}
        raise Broken(f"{where}{name}: expected {words[kind]}, got {value!r}")
    return value


def _integer(body: Any, name: str, least: int, where: str) -> int:
    value = body.get(name) if isinstance(body, Mapping) else None
    if type(value) is not int or value < least:
        raise Broken(f"{where}{name}: expected an integer, at least {least}, got {value!r}")
    return value
