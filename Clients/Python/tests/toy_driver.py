"""A point on a line as a robot: the smallest driver with everything that a driver can have."""

from __future__ import annotations

import argparse

import numpy as np

from recap_robot import Camera, Embodiment, Observation, Outcome, Robot, Task, serve

TARGET = 1.0


class ToyRobot(Robot):
    """Moves by its action; reaching the target is success, a person takes over where it strays below -0.5."""

    embodiment = Embodiment(
        name="toy",
        proprioception_width=1,
        environment_state_width=2,
        cameras=[Camera("eye", width=4, height=3)],
        action_width=1,
        control_rate=10,
    )
    tasks = [
        Task("reach", "move to the target", maximum_steps=20, subtasks=("far", "near")),
        Task("hold", "stay where you are", maximum_steps=5),
    ]

    def __init__(self) -> None:
        self.moves = 0
        self.resets = 0
        self.closed = False
        self.x = 0.0

    def reset(self, task, seed, supervision):
        self.task, self.resets = task, self.resets + 1
        self.x = float(np.random.default_rng(seed).uniform(-0.1, 0.1))

    def observe(self):
        image = np.full((3, 4, 3), min(255, max(0, round(100 * (self.x + 1)))), np.uint8)
        return Observation([self.x], [TARGET, TARGET - self.x], {"eye": image})

    def act(self, action):
        executed = np.clip(action, -0.25, 0.25)
        self.x += float(executed[0])
        self.moves += 1
        return executed

    def outcome(self):
        reached = self.task.name == "reach" and self.x > TARGET - 0.1
        return Outcome.SUCCESS if reached else None

    def subtask(self):
        return None if self.task.name == "hold" else int(self.x > 0.5)

    def takes_over(self):
        return self.x < -0.5

    def hands_back(self):
        return self.x > 0

    def person_action(self):
        return [0.2]

    def close(self):
        self.closed = True


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--endpoint", required=True)
    serve(ToyRobot(), parser.parse_args().endpoint)
