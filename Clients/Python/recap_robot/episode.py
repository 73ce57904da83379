"""One episode: who acts at each step, what is recorded, when it ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .robot import Robot
from .types import Embodiment, Floats, Observation, Outcome, Supervision, Task

Columns = dict[str, npt.NDArray[Any]]


@dataclass
class Turn:
    """What an execution brought."""

    steps: list[Columns]
    """A row for each executed step, in order."""
    observation: Columns
    """What is sensed after the last of them."""
    outcome: Outcome | None
    person_in_control: bool
    reason: str | None = None
    """Why it ended so, where the robot says."""
    criteria: dict[str, bool] | None = None
    """Whether it passed each criterion, where the robot says."""

    def as_answer(self) -> tuple[dict[str, Any], Columns]:
        """The reply's body, and its tensors: steps stacked, then `next.` and the observation now."""
        tensors = {}
        if self.steps:
            tensors = {name: np.stack([row[name] for row in self.steps]) for name in self.steps[0]}
        tensors |= {f"next.{name}": values for name, values in self.observation.items()}
        body: dict[str, Any] = {
            "steps": len(self.steps),
            "outcome": self.outcome and self.outcome.value,
            "personInControl": self.person_in_control,
        }
        if self.reason is not None:
            body["reason"] = self.reason
        if self.criteria is not None:
            body["criteria"] = self.criteria
        return body, tensors


class Episode:
    """An attempt at `task`, from reset to outcome."""

    def __init__(self, robot: Robot, task: Task, supervision: Supervision) -> None:
        self._robot = robot
        self._task = task
        self._supervision = supervision
        self._count = 0
        self._outcome: Outcome | None = None
        self._reason: str | None = None
        self._criteria: dict[str, bool] | None = None
        self._observation: Columns = {}
        self.person_in_control = supervision is Supervision.DEMONSTRATION

    @property
    def over(self) -> bool:
        """Whether it has an outcome."""
        return self._outcome is not None

    def begin(self, seed: int) -> Turn:
        """Resets the robot."""
        self._robot.reset(self._task, seed, self._supervision)
        self._observation = columns(self._robot.observe(), self._robot.embodiment)
        self._let_take_over()
        return self._turn([])

    def execute(self, chunk: Floats | None, steps: int) -> Turn:
        """Executes up to `steps` steps: the chunk's, or the person's while one is in control."""
        self._let_take_over()
        count = steps
        if not self.person_in_control:
            if chunk is None:
                raise ValueError("it is the policy's turn and there is no chunk")
            count = min(steps, len(chunk))
        done: list[Columns] = []
        for index in range(count):
            by_person = self.person_in_control
            done.append(self._step(chunk[index] if chunk is not None and not by_person else None))
            if self.over:
                break
            if by_person:
                if self._supervision is Supervision.CORRECTIONS and self._robot.hands_back():
                    self.person_in_control = False
                    # The rest of the chunk was meant for another state.
                    break
            else:
                self._let_take_over()
        return self._turn(done)

    def hold(self) -> Turn:
        """Makes the robot stand still, and senses anew."""
        self._robot.hold()
        self._observation = columns(self._robot.observe(), self._robot.embodiment)
        self._let_take_over()
        return self._turn([])

    def _step(self, policy_action: Floats | None) -> Columns:
        embodiment = self._robot.embodiment
        asked = self._robot.person_action() if policy_action is None else policy_action
        action = vector("action", asked, embodiment.action_width)
        subtask = self._robot.subtask()
        changed = self._robot.act(action.copy())
        if changed is not None:
            action = vector("what act() returned", changed, embodiment.action_width)
        row = self._observation | {
            "action": action,
            "intervention": np.array(policy_action is None),
            "subtask_index": np.array(-1 if subtask is None else subtask, np.int32),
        }
        self._observation = columns(self._robot.observe(), embodiment)
        self._count += 1
        self._judge()
        return row

    def _judge(self) -> None:
        self._outcome = self._robot.outcome()
        late = self._outcome is None and self._count >= self._task.maximum_steps
        if late:
            self._outcome = Outcome(self._robot.at_time_limit())
        if self.over:
            criteria = self._robot.criteria()
            if criteria is not None:
                self._criteria = {str(name): bool(passed) for name, passed in criteria.items()}
            reason = self._robot.reason()
            if reason is not None:
                self._reason = str(reason)
            elif late:
                self._reason = "time limit"

    def _let_take_over(self) -> None:
        if self._supervision is Supervision.CORRECTIONS and not self.person_in_control:
            self.person_in_control = bool(self._robot.takes_over())

    def _turn(self, steps: list[Columns]) -> Turn:
        return Turn(
            steps,
            self._observation,
            self._outcome,
            self.person_in_control,
            self._reason,
            self._criteria,
        )


def columns(observation: Observation, embodiment: Embodiment) -> Columns:
    """An observation under the names in which it travels.

    Raises:
        ValueError: Where a width, an image or a number is not what the embodiment promises.
    """
    result: Columns = {
        "observation.state": vector(
            "observation.state", observation.state, embodiment.proprioception_width
        )
    }
    if embodiment.environment_state_width:
        if observation.environment_state is None:
            raise ValueError("observation.environment_state is missing")
        result["observation.environment_state"] = vector(
            "observation.environment_state",
            observation.environment_state,
            embodiment.environment_state_width,
        )
    for camera in embodiment.cameras:
        if camera.name not in observation.images:
            raise ValueError(f"the image of camera {camera.name!r} is missing")
        image = np.asarray(observation.images[camera.name])
        expected = (camera.height, camera.width, 3)
        if image.dtype != np.uint8 or image.shape != expected:
            raise ValueError(
                f"camera {camera.name!r}: expected uint8 {list(expected)}, "
                f"got {image.dtype} {list(image.shape)}"
            )
        result[f"observation.images.{camera.name}"] = image
    return result


def vector(what: str, values: npt.ArrayLike, width: int) -> Floats:
    """A copy of `values` as float32 [width].

    Raises:
        ValueError: For another width or a number that is not finite.
    """
    array = np.array(values, dtype=np.float32)
    if array.shape != (width,):
        raise ValueError(f"{what}: expected {width} values, got shape {list(array.shape)}")
    if not np.isfinite(array).all():
        raise ValueError(f"{what}: value {int(np.argmin(np.isfinite(array)))} is not finite")
    return array
