"""A point that must be moved to one: as a driver it demonstrates, as openpi's client it practises."""

import numpy as np

STEPS = 30
INSTRUCTION = "move the point to one"


class PointWorld:
    """Where the point is, and how it moves."""

    def __init__(self, generator):
        self.x = np.float32(generator.uniform(-1, 0))

    def act(self, action):
        executed = np.clip(np.asarray(action, np.float32), -0.1, 0.1)
        self.x = np.float32(self.x + executed[0])
        return executed

    @property
    def state(self):
        return np.array([self.x], np.float32)

    @property
    def is_done(self):
        return bool(self.x >= 1)


if __name__ == "__main__":
    from recap_robot import Embodiment, Observation, Outcome, Robot, Task, main

    class Point(Robot):
        """The point, led by a script that is slow at times."""

        embodiment = Embodiment("point", proprioception_width=1, action_width=1, control_rate=10)
        tasks = [Task("reach", INSTRUCTION, maximum_steps=STEPS)]

        def reset(self, task, seed, supervision):
            self.generator = np.random.default_rng(seed)
            self.world = PointWorld(self.generator)

        def observe(self):
            return Observation(state=self.world.state)

        def act(self, action):
            return self.world.act(action)

        def outcome(self):
            return Outcome.SUCCESS if self.world.is_done else None

        def person_action(self):
            return [self.generator.uniform(0, 0.1)]

    main(Point)
