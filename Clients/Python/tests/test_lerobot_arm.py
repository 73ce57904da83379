"""The example of an arm, with arms that are only numbers."""

import lerobot_arm
import numpy as np
import pytest
from talking import Refusal, begin, execute, read

from recap_robot import Camera, Driver, Task


class FakeArm:
    """Goes where it is told at once, and remembers."""

    def __init__(self):
        self.at = {"lift.pos": 0.0, "grip.pos": 50.0}
        self.sent, self.log = [], []

    def connect(self):
        self.log.append("connect")

    def disconnect(self):
        self.log.append("disconnect")

    def get_observation(self):
        return self.at | {"front": np.full((2, 3, 3), int(self.at["grip.pos"]), np.uint8)}

    def send_action(self, action):
        assert all(isinstance(value, float) for value in action.values())
        self.sent.append(dict(action))
        self.at = self.at | action
        return action


class FakeLeader(FakeArm):
    def get_action(self):
        return {"lift.pos": 5.0, "grip.pos": 52.0}


class FakeOperator:
    def __init__(self):
        self.control, self.judgement, self.ready = False, None, []

    def wait_until_ready(self, task, supervision):
        self.ready.append((task.name, supervision.value))

    def wants_control(self):
        return self.control

    def verdict(self):
        return self.judgement


class Clock:
    def __init__(self):
        self.now, self.slept = 0.0, []

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def rig():
    class Rig:
        arm, leader, operator, clock = FakeArm(), FakeLeader(), FakeOperator(), Clock()
        robot = lerobot_arm.LeRobotArm(
            arm,
            leader,
            operator,
            joints=[
                lerobot_arm.Joint("lift", -90, 90, fastest=100),
                lerobot_arm.Joint("grip", 0, 100, 20),
            ],
            cameras=[Camera("front", 3, 2)],
            tasks=[Task("lift", "lift it", 50)],
            rate=10,
            clock=clock,
            sleep=clock.sleep,
        )
        driver = Driver(robot)

    return Rig


def test_actions_are_kept_within_limits_and_speed(rig):
    _, tensors = read(rig.driver.answer(begin("lift")))
    assert rig.operator.ready == [("lift", "none")]
    assert tensors["next.observation.images.front"].shape == (2, 3, 3)
    _, tensors = read(rig.driver.answer(execute(1, [[1000, 51], [3, -1000]])))
    # 100 a second at 10 steps a second is 10 a step; the gripper goes 2 a step.
    np.testing.assert_allclose(tensors["action"], [[10, 51], [3, 49]])
    assert rig.arm.sent[-2:] == [
        {"lift.pos": 10.0, "grip.pos": 51.0},
        {"lift.pos": 3.0, "grip.pos": 49.0},
    ]
    np.testing.assert_allclose(tensors["next.observation.state"], [3, 49])
    for _ in range(30):
        rig.robot.observe()
        sent = rig.robot.act(np.array([1000, 1000], np.float32))
    assert sent.tolist() == [90, 100]


def test_it_keeps_its_own_time_and_does_not_hurry(rig):
    read(rig.driver.answer(begin("lift")))
    read(rig.driver.answer(execute(1, [[0, 50]] * 3)))
    assert rig.clock.slept == pytest.approx([0.1] * 3)
    rig.clock.now += 1.0
    read(rig.driver.answer(execute(2, [[0, 50]] * 2)))
    assert rig.clock.slept[3:] == pytest.approx([0.1])


def test_the_leader_demonstrates_and_the_operator_judges(rig):
    body, _ = read(rig.driver.answer(begin("lift", supervision="demonstration")))
    assert body["personInControl"]
    _, tensors = read(rig.driver.answer(execute(1, steps=1)))
    np.testing.assert_allclose(tensors["action"], [[5, 52]])
    rig.operator.judgement = True
    body, _ = read(rig.driver.answer(execute(2, steps=5)))
    assert (body["outcome"], body["steps"]) == ("success", 1)


def test_the_pedal_takes_over_and_hands_back(rig):
    read(rig.driver.answer(begin("lift", supervision="corrections")))
    rig.operator.control = True
    body, tensors = read(rig.driver.answer(execute(1, [[0, 50]] * 2)))
    assert body["personInControl"] and tensors["intervention"].all()
    rig.operator.control = False
    body, _ = read(rig.driver.answer(execute(2, steps=5)))
    assert not body["personInControl"]


def test_it_holds_before_it_lets_go_even_where_the_arm_fails(rig):
    rig.robot.close()
    assert rig.arm.sent[-1] == {"lift.pos": 0.0, "grip.pos": 50.0}
    assert rig.arm.log == rig.leader.log == ["connect", "disconnect"]
    rig.arm.send_action = lambda action: 1 / 0
    with pytest.raises(ZeroDivisionError):
        rig.robot.close()
    assert rig.arm.log[-1] == "disconnect" and len(rig.arm.log) == 3


def test_a_joint_that_is_silent_is_named(rig):
    rig.arm.get_observation = lambda: {"lift.pos": 0.0, "front": np.zeros((2, 3, 3), np.uint8)}
    rig.robot._hold = lambda: None
    with pytest.raises(Refusal, match="nothing of grip.pos"):
        read(rig.driver.answer(begin("lift")))
