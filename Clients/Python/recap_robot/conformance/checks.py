"""What the rules share: how a driver is tried, and the conversation with it."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import wire
from ..types import Floats
from .expectations import Described, Turn, described, turn
from .link import Broken, Link, Refused


@dataclass(frozen=True)
class Settings:
    """How a driver is tried."""

    task: str | None = None
    """Which of its tasks; None for the first."""
    patience: float = 10.0
    """Seconds that an answer may take, besides the time of the steps."""
    reset: float = 300.0
    """Seconds that an answer to `driver.begin` may take."""
    simulator: bool = False
    """Whether to try also what a real robot cannot do or must not be asked: equal seeds, and actions out of range."""
    action: Sequence[float] | None = None
    """What is executed, again and again: something that holds still. None for zeros."""


class NotTried(Exception):
    """A rule that this driver, or these settings, give no occasion for."""


class Checks:
    """What the rules share: the link, and what is known of the robot."""

    def __init__(self, link: Link, settings: Settings) -> None:
        self.link = link
        self.settings = settings
        self.silent = 0
        """Rules in a row that ended without an answer."""
        self._robot: Described | None = None
        self._task: Mapping[str, Any] = {}
        self.episode = ""
        self.turns = 0

    @property
    def robot(self) -> Described:
        """What the driver described."""
        if self._robot is None:
            raise NotTried("its description is not valid")
        return self._robot

    @property
    def task(self) -> Mapping[str, Any]:
        """The task that is tried."""
        return self._task if self.robot else {}

    def describe(self) -> wire.Message:
        """Asks what the robot is."""
        return self.link.ask("driver.describe", {}, within=self.settings.patience)

    def know(self, body: Mapping[str, Any]) -> None:
        """Takes the driver's word for what it is."""
        robot = described(body)
        wanted = self.settings.task
        tasks = {task["name"]: task for task in robot.tasks}
        if wanted is not None and wanted not in tasks:
            raise Broken(f"the task {wanted!r} is to be tried; it offers {', '.join(tasks)}")
        self._task = tasks[wanted] if wanted is not None else robot.tasks[0]
        self._robot = robot

    def begin_message(
        self, seed: int = 2**64 - 2, supervision: str = "none", **changes: Any
    ) -> wire.Message:
        """Asks for a new episode, or for `episode` again, whatever is answered."""
        if "episode" not in changes:
            self.episode, self.turns = f"check-{secrets.token_hex(8)}", 0
        body = {
            "episode": self.episode,
            "task": self.task["name"],
            "seed": seed,
            "supervision": supervision,
        }
        return self.link.ask("driver.begin", body | changes, within=self.settings.reset)

    def begin(self, seed: int = 2**64 - 2, supervision: str = "none") -> Turn:
        """A new episode, whose reply is as it should be."""
        reply = self.begin_message(seed, supervision)
        return turn(reply, self.robot, self.task, supervision, 0)

    def chunk(self, count: int, value: float | None = None) -> Floats:
        """`count` actions that hold still, or of one value."""
        held = self.settings.action
        if value is not None or held is None:
            return np.full((count, self.robot.actions), value or 0, np.float32)
        if len(held) != self.robot.actions:
            raise NotTried(
                f"--action has {len(held)} numbers, the robot takes {self.robot.actions}"
            )
        return np.tile(np.asarray(held, np.float32), (count, 1))

    def execute_message(self, chunk: Any, steps: int, **changes: Any) -> wire.Message:
        """Asks for the next execution; `self.turns` counts those that were answered with a reply."""
        body = {"episode": self.episode, "turn": self.turns + 1, "steps": steps}
        tensors = {} if chunk is None else {"action": np.asarray(chunk)}
        within = self.settings.patience + max(steps, 0) / self.robot.rate
        reply = self.link.ask("driver.execute", body | changes, tensors, within=within)
        if "turn" not in changes:
            self.turns += 1
        return reply

    def hold_message(self, **changes: Any) -> wire.Message:
        """Asks the driver to hold, which counts as a turn."""
        body = {"episode": self.episode, "turn": self.turns + 1}
        reply = self.link.ask("driver.hold", body | changes, within=self.settings.patience)
        if "turn" not in changes:
            self.turns += 1
        return reply

    def execute(self, count: int, supervision: str = "none", chunk: Floats | None = None) -> Turn:
        """Executes, and reads the reply."""
        given = self.chunk(count) if chunk is None and supervision != "demonstration" else chunk
        return turn(self.execute_message(given, count), self.robot, self.task, supervision, count)

    def refuses(self, what: str, ask: Callable[[], object]) -> None:
        """Expects an error."""
        try:
            ask()
        except Refused:
            return
        raise Broken(f"{what}: expected an error, got a reply")
