"""A LeRobot arm with a leader arm, cameras and a pedal, as a robot of recap's.

The hardware is behind three small interfaces. LeRobot's own classes have the first two: `SO101Follower`, `KochFollower`
and others are a `Follower`, `SO101Leader` and others a `Leader`. Copy this file and change `main` at its end.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from recap_robot import Camera, Embodiment, Observation, Outcome, Robot, Supervision, Task, main
from recap_robot.types import Floats


class Follower(Protocol):
    """The arm that works. Positions are in its own units: degrees, or percent of a joint's range."""

    def connect(self) -> None: ...

    def disconnect(self) -> None: ...

    def get_observation(self) -> Mapping[str, Any]:
        """`<joint>.pos` for each joint, and a frame, uint8 [height, width, 3], for each camera's name."""

    def send_action(self, action: dict[str, Any]) -> Mapping[str, Any]:
        """Goals for `<joint>.pos`; returns what was really sent."""


class Leader(Protocol):
    """The arm that a person moves."""

    def connect(self) -> None: ...

    def disconnect(self) -> None: ...

    def get_action(self) -> Mapping[str, Any]:
        """`<joint>.pos` for each joint, as the person holds them."""


class Operator(Protocol):
    """What else the person says: pedals, keys, buttons. Each is asked often, and only looks."""

    def wait_until_ready(self, task: Task, supervision: Supervision) -> None:
        """Returns when the scene is in order."""

    def wants_control(self) -> bool:
        """Whether the person holds the takeover pedal."""

    def verdict(self) -> bool | None:
        """True or False once the person has judged the episode; None while it goes on."""


@dataclass(frozen=True)
class Joint:
    """One joint's limits."""

    name: str
    low: float
    high: float
    fastest: float
    """The farthest that it may go in a second, in the same units."""


class LeRobotArm(Robot):
    """A LeRobot arm with a leader arm and a pedal.

    `observation.state` and actions are the joints' positions in the order given, in the arm's own units. An action is a
    goal: it is kept within each joint's limits, and within what its speed allows from where the joint is.
    """

    def __init__(
        self,
        follower: Follower,
        leader: Leader,
        operator: Operator,
        *,
        joints: Sequence[Joint],
        cameras: Sequence[Camera],
        tasks: Sequence[Task],
        rate: float = 30,
        name: str = "so101",
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.tasks = tasks
        self.embodiment = Embodiment(
            name=name,
            proprioception_width=len(joints),
            action_width=len(joints),
            control_rate=rate,
            cameras=cameras,
        )
        self._follower, self._leader, self._operator = follower, leader, operator
        self._joints = joints
        self._keys = [f"{joint.name}.pos" for joint in joints]
        self._low = np.array([joint.low for joint in joints], np.float32)
        self._high = np.array([joint.high for joint in joints], np.float32)
        self._farthest = np.array([joint.fastest / rate for joint in joints], np.float32)
        self._clock, self._sleep = clock, sleep
        self._due = 0.0
        self._seen: Mapping[str, Any] = {}
        self._verdict: bool | None = None
        leader.connect()
        follower.connect()

    def reset(self, task: Task, seed: int, supervision: Supervision) -> None:
        self._hold()
        self._operator.wait_until_ready(task, supervision)
        self._verdict = None
        self._due = self._clock()

    def observe(self) -> Observation:
        self._seen = self._follower.get_observation()
        return Observation(
            state=self._positions(self._seen),
            images={camera.name: self._seen[camera.name] for camera in self.embodiment.cameras},
        )

    def act(self, action: Floats) -> Floats:
        now = self._positions(self._seen)
        goal = np.clip(action, self._low, self._high)
        goal = np.clip(goal, now - self._farthest, now + self._farthest).astype(np.float32)
        sent = self._follower.send_action(
            {key: float(value) for key, value in zip(self._keys, goal, strict=True)}
        )
        self._wait_for_next_step()
        self._verdict = self._operator.verdict()
        return self._positions(sent)

    def outcome(self) -> Outcome | None:
        if self._verdict is None:
            return None
        return Outcome.SUCCESS if self._verdict else Outcome.FAILURE

    def person_action(self) -> npt.ArrayLike:
        return self._positions(self._leader.get_action())

    def takes_over(self) -> bool:
        return self._operator.wants_control()

    def hands_back(self) -> bool:
        return not self._operator.wants_control()

    def close(self) -> None:
        # Disconnecting may let go of the joints: hold first, and disconnect even where that fails.
        try:
            self._hold()
        finally:
            self._follower.disconnect()
            self._leader.disconnect()

    def _positions(self, named: Mapping[str, Any]) -> Floats:
        missing = [key for key in self._keys if key not in named]
        if missing:
            raise ValueError(
                f"the arm said nothing of {', '.join(missing)}; it said {sorted(named)}"
            )
        return np.array([named[key] for key in self._keys], np.float32)

    def _hold(self) -> None:
        here = self._follower.get_observation()
        self._follower.send_action({key: float(here[key]) for key in self._keys})

    def _wait_for_next_step(self) -> None:
        self._due += 1 / self.embodiment.control_rate
        left = self._due - self._clock()
        if left > 0:
            self._sleep(left)
        else:
            # Late: go on from here, rather than hurry through the steps that were missed.
            self._due = self._clock()


class Keyboard:
    """An operator at the terminal, who judges when the episode's time is over: for a first try."""

    def wait_until_ready(self, task: Task, supervision: Supervision) -> None:
        input(f"{task.instruction} ({supervision.value}): Enter when the scene is ready ")

    def wants_control(self) -> bool:
        return False

    def verdict(self) -> bool | None:
        return None


def make() -> LeRobotArm:
    """An SO-101 with two cameras, at LeRobot's usual ports."""
    from lerobot.cameras.opencv.configuration_opencv import OpenCVCameraConfig
    from lerobot.robots.so_follower import SO101Follower, SO101FollowerConfig
    from lerobot.teleoperators.so_leader import SO101Leader, SO101LeaderConfig

    cameras = [Camera("front", 320, 240), Camera("wrist", 320, 240)]
    settings = {
        camera.name: OpenCVCameraConfig(
            index_or_path=index, width=camera.width, height=camera.height, fps=30
        )
        for index, camera in enumerate(cameras)
    }
    names = ["shoulder_pan", "shoulder_lift", "elbow_flex", "wrist_flex", "wrist_roll"]
    # In percent of each joint's calibrated range; the gripper goes from 0 to 100.
    joints = [Joint(name, -100, 100, fastest=120) for name in names]
    return LeRobotArm(
        SO101Follower(SO101FollowerConfig(port="/dev/ttyACM0", id="follower", cameras=settings)),
        SO101Leader(SO101LeaderConfig(port="/dev/ttyACM1", id="leader")),
        Keyboard(),
        joints=[*joints, Joint("gripper", 0, 100, fastest=300)],
        cameras=cameras,
        tasks=[Task("pick-up", "put the block into the bowl", maximum_steps=600)],
    )


if __name__ == "__main__":
    main(make)
