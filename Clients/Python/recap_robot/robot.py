"""The class that a robot's owner subclasses."""

from __future__ import annotations

import abc
from collections.abc import Mapping, Sequence
from typing import Any

import numpy.typing as npt

from .types import Embodiment, Floats, Observation, Outcome, Supervision, Task


class Robot(abc.ABC):
    """A robot or a simulator that can attempt tasks.

    Set `embodiment` and `tasks`, and say how to reset, observe, act and judge. Where people demonstrate or correct,
    override the hooks at the end as well. All methods are called from one thread, one at a time.
    """

    embodiment: Embodiment
    tasks: Sequence[Task]

    @abc.abstractmethod
    def reset(self, task: Task, seed: int, supervision: Supervision) -> None:
        """Prepares the scene for an episode; blocks until the robot is ready.

        Args:
            task: One of `tasks`.
            seed: Below 2**64. A simulator starts in the same state for the same seed, and in others for others.
            supervision: Who may act.
        """

    @abc.abstractmethod
    def observe(self) -> Observation:
        """What the robot senses now. Called once after `reset` and once after each `act`."""

    @abc.abstractmethod
    def act(self, action: Floats) -> npt.ArrayLike | None:
        """Executes one action and returns when the next control step begins.

        Args:
            action: float32 [action_width], all finite, chosen by the policy or by `person_action`. Limits are the
                robot's business: clip what is out of range.

        Returns:
            What was executed where that differs from `action`, such as after clipping; it is what gets recorded.
        """

    @abc.abstractmethod
    def outcome(self) -> Outcome | None:
        """How the episode ended with the last action; None while it goes on.

        `Outcome.UNJUDGED` ends it too, and leaves it to a person to say later how. The task's time limit needs no
        attention here.
        """

    def at_time_limit(self) -> Outcome:
        """How an episode ended that reaches the task's time limit: a failure, unless this says otherwise.

        A robot that cannot tell by itself whether it succeeded returns `Outcome.UNJUDGED`.
        """
        return Outcome.FAILURE

    def criteria(self) -> Mapping[str, bool] | None:
        """Whether the episode passed each of the task's criteria, by name, as far as the robot can tell.

        Asked once when the episode is over. None where it cannot tell of any.
        """
        return None

    def reason(self) -> str | None:
        """Why the episode ended, in a few words for people, such as "cup dropped"; None where nobody knows.

        Asked once when the episode is over. Use the same words for the same reason, so that they can be counted. A
        time limit without a reason is recorded as "time limit". recap keeps 200 characters.
        """
        return None

    def subtask(self) -> int | None:
        """Index into the task's subtasks of what is being done now, where that is known."""
        return None

    def hold(self) -> None:  # noqa: B027 - standing still may need nothing
        """Makes the robot stand still until the next `act`: the policy has been silent for too long.

        The default does nothing, which is right for a robot that stands still by itself when `act` has returned, such
        as one whose actions are positions. Override it where an action goes on, such as a velocity or a torque.
        """

    def close(self) -> None:  # noqa: B027 - there may be nothing to do
        """Called once when the driver stops. Leave the robot safe."""

    # A person at the controls. Between two actions these are asked at least once and should only look.

    def has_person(self, task: Task) -> bool:
        """Whether anybody can demonstrate `task`; by default where `person_action` is overridden."""
        return type(self).person_action is not Robot.person_action

    def takes_over(self) -> bool:
        """Whether a person wants the controls now. Asked only where corrections are allowed."""
        return False

    def hands_back(self) -> bool:
        """Whether the person who took over gives the controls back to the policy."""
        return True

    def person_action(self) -> npt.ArrayLike:
        """What the person does now: read the leader arm, the joystick or the scripted expert.

        Called before each action of a demonstration and of a takeover.
        """
        raise NotImplementedError(
            f"{type(self).__name__} offers no demonstrations or corrections: override person_action()"
        )


def description(robot: Robot) -> dict[str, Any]:
    """What a collector is told of a robot: the answer to `driver.describe`."""
    return {
        "embodiment": robot.embodiment.as_json(),
        "tasks": [task.as_json() for task in robot.tasks],
        "holds": True,
    }
