"""Meta-World as a robot."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..robot import Robot
from ..types import Camera, Embodiment, Floats, Observation, Outcome, Supervision, Task
from . import tasks as catalogue
from .coach import Coach
from .expert import CLEAN, Expert
from .simulator import CAMERA, Simulator, choose_renderer

HAND_WIDTH = 4
OBSERVATION_WIDTH = 39


class MetaWorldRobot(Robot):
    """The Sawyer arm of Meta-World, whose scripted experts play the person.

    `observation.state` is the hand's position and the gripper's opening; `observation.environment_state` the other
    35 numbers: objects, the same numbers a step before, and the goal.
    """

    def __init__(
        self,
        tasks: Sequence[str],
        *,
        camera: int | None = None,
        environment_state: bool | None = None,
        flaws: Mapping[str, Any] | None = None,
        limit: float | None = None,
    ) -> None:
        """
        Args:
            tasks: Meta-World's names, such as "push-v3".
            camera: The side of the square images in pixels; None for none.
            environment_state: Whether object poses are observed; by default where there is no camera.
            flaws: Fields of `Flaws` that replace what suits each task.
            limit: The time limit as a multiple of the clean expert's steps; by default what suits each task.
        """
        choose_renderer()
        # The scripts say so at every step; clipping is meant.
        warnings.filterwarnings("ignore", message=r"Constant\(s\) may be too high")
        from metaworld.policies import ENV_POLICY_MAP

        unknown = [name for name in tasks if name not in ENV_POLICY_MAP]
        if unknown:
            known = ", ".join(sorted(ENV_POLICY_MAP))
            raise ValueError(f"unknown Meta-World task {', '.join(unknown)}; there are {known}")
        if camera is not None and not 8 <= camera <= 512:
            raise ValueError(f"camera: expected 8 to 512 pixels, got {camera}")
        observed = camera is None if environment_state is None else environment_state
        if camera is None and not observed:
            raise ValueError("without a camera, object poses must be observed")
        self.tasks = [catalogue.describe(name, limit) for name in tasks]
        self.embodiment = Embodiment(
            name="metaworld",
            proprioception_width=HAND_WIDTH,
            environment_state_width=OBSERVATION_WIDTH - HAND_WIDTH if observed else 0,
            cameras=[Camera(CAMERA, camera, camera)] if camera is not None else [],
            action_width=4,
            control_rate=80,
        )
        self._camera = camera
        self._flaws = {
            name: dataclasses.replace(catalogue.flaws(name), **(flaws or {})) for name in tasks
        }
        self._policies = ENV_POLICY_MAP
        self._simulators: dict[str, Simulator] = {}

    def reset(self, task: Task, seed: int, supervision: Supervision) -> None:
        if task.name not in self._simulators:
            self._simulators[task.name] = Simulator(task.name, self._camera)
        self._simulator = self._simulators[task.name]
        self._simulator.reset(seed)
        flaws = CLEAN
        if supervision is Supervision.DEMONSTRATION:
            flaws = self._flaws[task.name]
        # Another stream than the start's, so that the person's hand does not depend on where the object lies.
        random = np.random.default_rng([seed, 1])
        self._expert = Expert(self._policies[task.name](), flaws, random)
        self._coach = Coach(catalogue.clean_steps(task.name), task.maximum_steps)
        self._by_person = False

    def observe(self) -> Observation:
        numbers = self._simulator.observation
        images = {CAMERA: self._simulator.image()} if self._camera is not None else {}
        return Observation(numbers[:HAND_WIDTH], numbers[HAND_WIDTH:], images)

    def act(self, action: Floats) -> Floats:
        executed = np.clip(action, -1, 1)
        self._simulator.step(executed)
        self._coach.watch(self._simulator.reward, self._by_person)
        self._by_person = False
        return executed

    def outcome(self) -> Outcome | None:
        return Outcome.SUCCESS if self._simulator.success else None

    def takes_over(self) -> bool:
        return self._coach.wants_control

    def hands_back(self) -> bool:
        return self._coach.is_content

    def person_action(self) -> Floats:
        self._by_person = True
        return self._expert.action(self._simulator.observation)

    def close(self) -> None:
        for simulator in self._simulators.values():
            simulator.close()
