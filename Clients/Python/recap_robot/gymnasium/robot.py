"""Gymnasium environments as one robot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import gymnasium
import numpy as np

from ..robot import Robot
from ..types import Embodiment, Floats, Observation, Outcome, Supervision, Task
from .mapping import ActionMapping, CameraView, Image, Rendered, Selector, all_numbers, numbers
from .person import Person, scripted
from .step import Environment, Step
from .task import GymnasiumTask

_SEED_BITS = 31
"""What every environment takes. recap's seeds of practice and of evaluation differ in their lowest bit."""


class GymnasiumRobot(Robot):
    """Any Gymnasium environment; several with the same observation and action spaces are tasks of one robot.

    Actions are normalised: see `ActionMapping`. What is executed, after clipping, is what is recorded.
    """

    def __init__(
        self,
        tasks: GymnasiumTask | Sequence[GymnasiumTask],
        *,
        state: Selector | None = None,
        environment_state: Selector | None = None,
        cameras: Mapping[str, Image | Rendered] | None = None,
        control_rate: float | None = None,
        name: str | None = None,
    ) -> None:
        """
        Args:
            tasks: What can be attempted.
            state: Which part of the observations is proprioception; by default all but images.
            environment_state: Which part tells of other things than the robot, such as object poses. Keep it apart
                where a policy shall learn from cameras alone.
            cameras: The images that the policy sees, by name.
            control_rate: Steps a second; by default the environment's `render_fps`.
            name: The embodiment's name; by default the first task's environment id.

        Raises:
            ValueError: For environments that differ in their spaces, and for parts that they do not have.
        """
        given = [tasks] if isinstance(tasks, GymnasiumTask) else list(tasks)
        if not given:
            raise ValueError("tasks: expected at least one")
        self._given = {task.name: task for task in given}
        if len(self._given) != len(given):
            raise ValueError(f"two tasks have one name: {[task.name for task in given]}")
        self._people = {task.name: _person(task) for task in given}
        self._views = [CameraView(name, source) for name, source in (cameras or {}).items()]
        renders = any(isinstance(source, Rendered) for source in (cameras or {}).values())
        self._environments = {task.name: _make(task, renders) for task in given}
        first = next(iter(self._environments.values()))
        for task_name, environment in self._environments.items():
            for what in ("observation_space", "action_space"):
                spaces = getattr(first, what), getattr(environment, what)
                if spaces[0] != spaces[1]:
                    raise ValueError(
                        f"{task_name}: a robot's tasks share their {what}; expected {spaces[0]}, got {spaces[1]}"
                    )
        self._actions = ActionMapping(first.action_space)
        self._state = all_numbers(first.observation_space) if state is None else state
        self._environment_state = environment_state
        self.tasks = [_described(self._given[n], env) for n, env in self._environments.items()]
        self.embodiment = self._measured(first, name or _id(first), control_rate)

        self._environment = first
        self._person: Person | None = None
        self._seen: Any = None
        self._step: Step | None = None
        self._success = False
        self._by_person = False

    def _measured(self, environment: Environment, name: str, rate: float | None) -> Embodiment:
        """Widths, from a first observation: functions that select have no others."""
        if rate is None:
            rate = environment.metadata.get("render_fps")
        if rate is None:
            raise ValueError(f"{name} does not say its rate (render_fps): give control_rate")
        observation, _ = environment.reset(seed=0)
        other = self._environment_state
        return Embodiment(
            name=name,
            proprioception_width=len(numbers(self._state, observation)),
            environment_state_width=0 if other is None else len(numbers(other, observation)),
            cameras=[view.described(view.frame(environment, observation)) for view in self._views],
            action_width=self._actions.width,
            control_rate=float(rate),
        )

    def has_person(self, task: Task) -> bool:
        return self._people[task.name] is not None

    def reset(self, task: Task, seed: int, supervision: Supervision) -> None:
        self._environment = self._environments[task.name]
        self._given_task = self._given[task.name]
        self._seen, _ = self._environment.reset(seed=seed % 2**_SEED_BITS)
        self._step, self._success, self._by_person = None, False, False
        self._person = self._people[task.name]
        if self._person is not None:
            # Another stream than the scene's, so that the person's hand does not depend on where things lie.
            random = np.random.default_rng([seed, 1])
            self._person.begin(self._environment, random, supervision)

    def observe(self) -> Observation:
        other = self._environment_state
        return Observation(
            numbers(self._state, self._seen),
            None if other is None else numbers(other, self._seen),
            {view.name: view.frame(self._environment, self._seen) for view in self._views},
        )

    def act(self, action: Floats) -> Floats:
        executed = self._actions.executed(action)
        observation, reward, terminated, truncated, info = self._environment.step(
            self._actions.to_environment(executed)
        )
        step = Step(observation, float(reward), bool(terminated), bool(truncated), info)
        self._seen, self._step = observation, step
        success = self._given_task.success
        self._success = success is not None and bool(success(step))
        if self._person is not None:
            self._person.watch(step, self._by_person)
        self._by_person = False
        return executed

    def outcome(self) -> Outcome | None:
        if self._success:
            return Outcome.SUCCESS
        ended = self._step is not None and (self._step.terminated or self._step.truncated)
        return self.at_time_limit() if ended else None

    def at_time_limit(self) -> Outcome:
        return Outcome.UNJUDGED if self._given_task.success is None else Outcome.FAILURE

    def reason(self) -> str | None:
        if self._success or self._step is None:
            return None
        if self._step.terminated:
            return "ended by the environment"
        return "time limit"

    def takes_over(self) -> bool:
        return self._person is not None and self._person.takes_over()

    def hands_back(self) -> bool:
        return self._person is None or self._person.hands_back()

    def person_action(self) -> Floats:
        if self._person is None:
            raise RuntimeError("this task has nobody to act: give it a person")
        self._by_person = True
        return self._actions.from_environment(self._person.action(self._seen))

    def close(self) -> None:
        for environment in self._environments.values():
            environment.close()


def _make(task: GymnasiumTask, renders: bool) -> Environment:
    if not isinstance(task.environment, str):
        return task.environment()
    options: dict[str, Any] = {}
    if renders:
        options["render_mode"] = "rgb_array"
    if task.maximum_steps is not None:
        options["max_episode_steps"] = task.maximum_steps
    return gymnasium.make(task.environment, **options)


def _described(task: GymnasiumTask, environment: Environment) -> Task:
    limit = task.maximum_steps
    if limit is None:
        limit = environment.spec.max_episode_steps if environment.spec is not None else None
    if limit is None:
        raise ValueError(f"{task.name}: the environment has no time limit: give maximum_steps")
    return Task(task.name, task.instruction, limit)


def _id(environment: Environment) -> str:
    if environment.spec is None:
        return type(environment.unwrapped).__name__
    return environment.spec.id.replace("/", "-")


def _person(task: GymnasiumTask) -> Person | None:
    if task.person is None or isinstance(task.person, Person):
        return task.person
    return scripted(task.person)
