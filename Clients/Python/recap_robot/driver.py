"""The driver protocol apart from any socket: a request's frames go in, the answer's come out."""

from __future__ import annotations

import collections
import logging
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from . import wire
from .episode import Episode, Turn
from .robot import Robot, description
from .types import Supervision

log = logging.getLogger("recap_robot")

Answer = tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]


class Refused(ValueError):
    """A request that cannot be carried out; the robot has not moved."""


class Driver:
    """Answers `driver.describe`, `driver.begin`, `driver.execute` and `driver.hold` for one robot.

    A request that is repeated gets its answer again and moves nothing: each names its episode and its turn in it.
    """

    def __init__(self, robot: Robot) -> None:
        names = [task.name for task in robot.tasks]
        if not names or len(set(names)) != len(names):
            raise ValueError(f"a robot needs at least one task and no name twice, got {names}")
        self._robot = robot
        self._tasks = {task.name: task for task in robot.tasks}
        self._episode: Episode | None = None
        self._episode_id: str | None = None
        # A begin that comes late must not end the episode that followed.
        self._past: collections.deque[str] = collections.deque(maxlen=1000)
        self._turn = 0
        self._last: Answer = ({}, {})
        self._broken: str | None = None
        self._handlers: dict[str, Callable[[wire.Message], Answer]] = {
            "driver.describe": self._describe,
            "driver.begin": self._begin,
            "driver.execute": self._execute,
            "driver.hold": self._hold,
        }

    def answer(self, frames: Sequence[bytes | memoryview]) -> list[bytes | memoryview] | None:
        """Carries out one request.

        Args:
            frames: The message's frames, without the routing identity.

        Returns:
            The reply's or error's frames; None for a message that is no request.
        """
        try:
            message = wire.decode(frames)
        except wire.WireError as error:
            return _error(error.id, error.type, str(error))
        if message.kind != "request":
            return None
        handler = self._handlers.get(message.type)
        if handler is None:
            known = ", ".join(self._handlers)
            return _error(
                message.id,
                message.type,
                f"unknown request type {message.type!r}; known here: {known}",
            )
        try:
            body, tensors = handler(message)
            return wire.encode(wire.Message(message.id, message.type, "reply", body, tensors))
        except Refused as refusal:
            return _error(message.id, message.type, str(refusal))

    def _describe(self, _: wire.Message) -> Answer:
        return description(self._robot), {}

    def _begin(self, request: wire.Message) -> Answer:
        id = _field(request, "episode", str)
        name = _field(request, "task", str)
        seed = _field(request, "seed", int)
        word = _field(request, "supervision", str)
        if id == self._episode_id:
            return self._again(id, turn=0)
        if id in self._past:
            raise Refused(f"episode {id!r} is over: a new episode needs a new name")
        if name not in self._tasks:
            raise Refused(f"unknown task {name!r}; offered: {', '.join(self._tasks)}")
        if not 0 <= seed < 2**64:
            raise Refused(f"seed: expected 0 to 2**64 - 1, got {seed}")
        if word not in [kind.value for kind in Supervision]:
            known = ", ".join(kind.value for kind in Supervision)
            raise Refused(f"supervision: expected one of {known}, got {word!r}")
        supervision = Supervision(word)
        task = self._tasks[name]
        if supervision is Supervision.DEMONSTRATION and not self._robot.has_person(task):
            raise Refused(
                f"this robot offers no demonstrations of {name!r}: it has no person_action()"
            )

        episode = Episode(self._robot, task, supervision)
        if self._episode_id is not None:
            self._past.append(self._episode_id)
        self._episode, self._episode_id, self._turn = episode, id, 0
        return self._carry_out(lambda: episode.begin(seed))

    def _execute(self, request: wire.Message) -> Answer:
        id, turn, episode = self._named(request)
        steps = _field(request, "steps", int)
        if turn == self._turn or self._broken is not None:
            return self._again(id, turn)
        self._check_next(id, turn, episode)
        if steps < 1:
            raise Refused(f"steps: expected at least 1, got {steps}")
        chunk = self._chunk(request)
        if chunk is None and not episode.person_in_control:
            raise Refused("it is the policy's turn: a raw frame 'action' is needed")
        self._turn = turn
        return self._carry_out(lambda: episode.execute(chunk, steps))

    def _hold(self, request: wire.Message) -> Answer:
        id, turn, episode = self._named(request)
        if turn == self._turn or self._broken is not None:
            return self._again(id, turn)
        self._check_next(id, turn, episode)
        self._turn = turn
        return self._carry_out(episode.hold)

    def _named(self, request: wire.Message) -> tuple[str, int, Episode]:
        """The episode that a request names, and the turn."""
        id = _field(request, "episode", str)
        turn = _field(request, "turn", int)
        if self._episode is None or id != self._episode_id:
            raise Refused(f"episode {id!r} is not running here; {self._episode_id!r} is")
        return id, turn, self._episode

    def _check_next(self, id: str, turn: int, episode: Episode) -> None:
        """Refuses a turn that cannot come now."""
        if turn != self._turn + 1:
            raise Refused(
                f"episode {id!r} is already at turn {self._turn}: "
                f"expected turn {self._turn + 1}, or {self._turn} again, got {turn}"
            )
        if episode.over:
            raise Refused("the episode is over: begin another")

    def _chunk(self, request: wire.Message) -> npt.NDArray[np.float32] | None:
        chunk = request.tensors.get("action")
        if chunk is None:
            return None
        width = self._robot.embodiment.action_width
        if chunk.dtype != np.dtype("<f4") or chunk.ndim != 2 or chunk.shape[1] != width:
            raise Refused(
                f"action: expected F32 [n, {width}], got {chunk.dtype} {list(chunk.shape)}"
            )
        if len(chunk) == 0:
            raise Refused("action: expected at least one action, got none")
        if not np.isfinite(chunk).all():
            step = int(np.argmax(~np.isfinite(chunk).all(axis=1)))
            raise Refused(f"action: action {step} of the chunk is not finite")
        return chunk

    def _again(self, id: str, turn: int) -> Answer:
        """The answer that was given before."""
        if self._broken is not None:
            raise Refused(self._broken)
        if turn != self._turn:
            raise Refused(f"episode {id!r} is already at turn {self._turn}")
        return self._last

    def _carry_out(self, work: Callable[[], Turn]) -> Answer:
        self._broken = None
        try:
            self._last = work().as_answer()
        except (
            Exception
        ) as error:  # The robot's own code: whatever it throws ends the episode, not the driver.
            log.exception("the robot failed")
            self._broken = f"the robot failed: {type(error).__name__}: {error}"
            raise Refused(self._broken) from error
        return self._last


def _field(request: wire.Message, name: str, kind: type) -> Any:
    value = request.body.get(name)
    if type(value) is not kind:  # `isinstance` would take True for an integer.
        word = {str: "a string", int: "an integer"}[kind]
        raise Refused(f"{request.type}: '{name}' must be {word}, got {value!r}")
    return value


def _error(id: str, type: str, reason: str) -> list[bytes | memoryview]:
    log.warning("refused %s: %s", type or "a message", reason)
    return wire.encode(wire.Message(id, type, "error", {"reason": reason}))
