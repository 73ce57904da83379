import numpy as np
import pytest
from talking import Refusal, begin, execute, hold, read, request
from toy_driver import ToyRobot

from recap_robot import Driver, Embodiment, Observation, Outcome, Robot, Task, wire


@pytest.fixture
def robot():
    return ToyRobot()


@pytest.fixture
def driver(robot):
    return Driver(robot)


def test_describe_tells_widths_cameras_and_tasks(driver):
    body, tensors = read(driver.answer(request("driver.describe")))
    assert body["embodiment"] == {
        "name": "toy",
        "proprioceptionWidth": 1,
        "environmentStateWidth": 2,
        "cameras": [{"name": "eye", "width": 4, "height": 3}],
        "actionWidth": 1,
        "controlRate": 10,
    }
    assert body["tasks"][0] == {
        "name": "reach",
        "instruction": "move to the target",
        "maximumSteps": 20,
        "subtasks": ["far", "near"],
    }
    assert not tensors


def test_an_episode_from_begin_to_success(driver):
    body, first = read(driver.answer(begin(seed=3)))
    assert body == {"steps": 0, "outcome": None, "personInControl": False}
    assert set(first) == {
        "next.observation.state",
        "next.observation.environment_state",
        "next.observation.images.eye",
    }
    body, tensors = read(driver.answer(execute(1, [[0.2], [0.5]])))
    assert body == {"steps": 2, "outcome": None, "personInControl": False}
    start = first["next.observation.state"]
    # Rows hold what was sensed before each action, and the action as executed: 0.5 was clipped.
    np.testing.assert_allclose(tensors["observation.state"], [start, start + 0.2], atol=1e-6)
    np.testing.assert_allclose(tensors["action"], [[0.2], [0.25]])
    np.testing.assert_allclose(tensors["next.observation.state"], start + 0.45, atol=1e-6)
    assert tensors["intervention"].tolist() == [False, False]
    assert tensors["intervention"].dtype == np.bool_
    assert tensors["subtask_index"].tolist() == [0, 0]
    assert tensors["subtask_index"].dtype == np.int32
    assert tensors["observation.images.eye"].shape == (2, 3, 4, 3)
    assert tensors["observation.environment_state"].shape == (2, 2)

    # The target is reached before the chunk is through.
    body, tensors = read(driver.answer(execute(2, [[0.25]] * 10)))
    assert body["outcome"] == "success"
    assert 1 <= body["steps"] == len(tensors["action"]) < 10
    with pytest.raises(Refusal, match="over"):
        read(driver.answer(execute(3, [[0.1]])))


def test_the_same_seed_starts_alike(driver):
    starts = [
        read(driver.answer(begin(seed=seed, episode=f"e{i}")))[1]["next.observation.state"]
        for i, seed in enumerate([5, 6, 5, 2**64 - 1])
    ]
    assert starts[0] == starts[2] != starts[1]


def test_steps_bound_the_chunk(driver):
    read(driver.answer(begin()))
    body, _ = read(driver.answer(execute(1, [[0.0]] * 6, steps=2)))
    assert body["steps"] == 2


def test_the_time_limit_is_failure(driver):
    read(driver.answer(begin(task="hold")))
    body, tensors = read(driver.answer(execute(1, [[0.0]] * 9)))
    assert (body["steps"], body["outcome"]) == (5, "failure")
    assert body["reason"] == "time limit"
    # A task without subtasks says so.
    assert tensors["subtask_index"].tolist() == [-1] * 5


def test_the_robot_says_why_an_episode_ended(robot, driver):
    robot.reason = lambda: "the rail is too short" if robot.moves else None
    read(driver.answer(begin(task="hold")))
    body, _ = read(driver.answer(execute(1, [[0.0]] * 2)))
    assert "reason" not in body
    body, _ = read(driver.answer(execute(2, [[0.0]] * 3)))
    assert (body["outcome"], body["reason"]) == ("failure", "the rail is too short")


def test_what_nobody_can_tell_is_left_to_a_rater(robot, driver):
    robot.at_time_limit = lambda: Outcome.UNJUDGED
    robot.criteria = lambda: {"held": True, "level": False}
    read(driver.answer(begin(task="hold")))
    body, _ = read(driver.answer(execute(1, [[0.0]] * 2)))
    assert "criteria" not in body
    body, _ = read(driver.answer(execute(2, [[0.0]] * 3)))
    assert (body["outcome"], body["reason"]) == ("unjudged", "time limit")
    assert body["criteria"] == {"held": True, "level": False}


def test_a_success_needs_no_reason(driver):
    read(driver.answer(begin()))
    body, _ = read(driver.answer(execute(1, [[0.25]] * 9)))
    assert body["outcome"] == "success" and "reason" not in body


def test_a_person_demonstrates_whatever_the_chunk_says(driver):
    body, _ = read(driver.answer(begin(supervision="demonstration")))
    assert body["personInControl"]
    body, tensors = read(driver.answer(execute(1, steps=3)))
    assert (body["steps"], body["personInControl"]) == (3, True)
    np.testing.assert_allclose(tensors["action"], [[0.2]] * 3)
    assert tensors["intervention"].all()
    _, tensors = read(driver.answer(execute(2, [[-0.2]])))
    np.testing.assert_allclose(tensors["action"], [[0.2]])


def test_a_person_takes_over_in_a_chunk_and_hands_back(driver):
    read(driver.answer(begin(supervision="corrections")))
    # Strays below -0.5 after 3 steps of the chunk; the person does the rest of it.
    body, tensors = read(driver.answer(execute(1, [[-0.25]] * 4)))
    assert (body["steps"], body["personInControl"]) == (4, True)
    assert tensors["intervention"].tolist() == [False, False, False, True]
    np.testing.assert_allclose(tensors["action"][3], [0.2])
    # Hands back above 0, before all that was asked for is done.
    body, tensors = read(driver.answer(execute(2, steps=10)))
    assert (body["personInControl"], tensors["intervention"].all()) == (False, True)
    assert 2 <= body["steps"] < 10
    assert tensors["next.observation.state"] > 0
    with pytest.raises(Refusal, match="policy's turn"):
        read(driver.answer(execute(3, steps=4)))
    read(driver.answer(execute(3, [[0.1]])))


def test_nobody_takes_over_without_leave(driver):
    read(driver.answer(begin(supervision="none")))
    body, tensors = read(driver.answer(execute(1, [[-0.25]] * 5)))
    assert not body["personInControl"] and not tensors["intervention"].any()


def test_a_repeated_request_gets_the_same_reply_and_moves_nothing(driver, robot):
    same_begin = begin(seed=4)
    assert driver.answer(same_begin) == driver.answer(same_begin)
    assert robot.resets == 1
    once = execute(1, [[0.1], [0.1]])
    first = driver.answer(once)
    assert driver.answer(once) == first
    # As a collector repeats it: with a new id.
    again = driver.answer(execute(1, [[0.1], [0.1]], id="later"))
    assert again[2:] == first[2:] and read(again)[0] == read(first)[0]
    assert robot.moves == 2
    # A repetition that comes too late changes nothing either.
    read(driver.answer(execute(2, [[0.1]])))
    for late in (once, same_begin):
        with pytest.raises(Refusal, match="already at turn 2"):
            read(driver.answer(late))
    assert (robot.moves, robot.resets) == (3, 1)


def test_another_episode_ends_the_first(driver):
    read(driver.answer(begin(episode="first")))
    read(driver.answer(begin(episode="second")))
    with pytest.raises(Refusal, match="'first' is not running here; 'second' is"):
        read(driver.answer(execute(1, [[0.1]], episode="first")))
    # A repetition that was on its way for long does not end the second.
    with pytest.raises(Refusal, match="'first' is over"):
        read(driver.answer(begin(episode="first")))
    read(driver.answer(execute(1, [[0.1]], episode="second")))


@pytest.mark.parametrize(
    ("frames", "reason"),
    [
        (request("driver.dance"), "known here: driver.describe, driver.begin, driver.execute, driver.hold"),
        (begin(task="fly", episode="f"), "unknown task 'fly'; offered: reach, hold"),
        (begin(seed=-1, episode="f"), "seed"),
        (begin(seed=2**64, episode="f"), "seed"),
        (begin(seed=True, episode="f"), "'seed' must be an integer"),
        (begin(seed="1", episode="f"), "'seed' must be an integer"),
        (begin(supervision="some", episode="f"), "demonstration, corrections, none"),
        (request("driver.begin", {"task": "reach"}), "'episode' must be a string"),
        (request("driver.execute"), "'episode' must be a string"),
        (execute(2, [[0.1]]), "expected turn 1, or 0 again, got 2"),
        (execute(1, [[0.1]], steps=0), "steps"),
        (execute(1, [[0.1, 0.2]]), r"expected F32 \[n, 1\], got float32 \[1, 2\]"),
        (execute(1, [0.1]), r"got float32 \[1\]"),
        (execute(1, [[0.1], [np.nan]]), "action 1 of the chunk is not finite"),
        (execute(1, np.zeros((0, 1)), steps=1), "at least one"),
        ([b"recap/1", b"nonsense"], "not valid JSON"),
    ],
)
def test_a_bad_request_is_answered_and_moves_nothing(driver, robot, frames, reason):
    read(driver.answer(begin()))
    with pytest.raises(Refusal, match=reason):
        read(driver.answer(frames))
    assert (robot.moves, robot.resets) == (0, 1)
    read(driver.answer(execute(1, [[0.1]])))


def test_what_is_no_request_gets_no_answer(driver):
    assert driver.answer(wire.encode(wire.Message("1", "driver.begin", "reply", {}))) is None


class Broken(Robot):
    """Does what a test tells it to do wrong."""

    embodiment = Embodiment("broken", proprioception_width=2, action_width=1, control_rate=1)
    tasks = [Task("t", "do it", 10)]

    def __init__(self, observation=(0.0, 0.0), error=None, executed=None):
        self.observation, self.error, self.executed = observation, error, executed

    def reset(self, task, seed, supervision):
        pass

    def observe(self):
        return Observation(self.observation)

    def act(self, action):
        if self.error:
            raise self.error
        return self.executed

    def outcome(self):
        return None


@pytest.mark.parametrize(
    ("robot", "reason"),
    [
        (Broken(observation=[1.0]), r"observation.state: expected 2 values, got shape \[1\]"),
        (Broken(observation=[1.0, np.inf]), "observation.state: value 1 is not finite"),
        (Broken(error=OSError("the arm is off")), "the robot failed: OSError: the arm is off"),
        (Broken(executed=[1.0, 2.0]), r"what act\(\) returned: expected 1 values"),
    ],
)
def test_a_failing_robot_ends_its_episode_and_not_the_driver(robot, reason):
    driver = Driver(robot)
    with pytest.raises(Refusal, match=reason):
        read(driver.answer(begin(task="t")))
        read(driver.answer(execute(1, [[0.0]])))
    # The same words for a repetition; then a new episode works again.
    with pytest.raises(Refusal, match=reason):
        read(driver.answer(execute(1, [[0.0]])))
    robot.observation, robot.error, robot.executed = [0.0, 0.0], None, None
    read(driver.answer(begin(task="t", episode="next")))
    read(driver.answer(execute(1, [[0.0]], episode="next")))


def test_a_robot_without_a_person_offers_no_demonstrations():
    driver = Driver(Broken())
    with pytest.raises(Refusal, match="person_action"):
        read(driver.answer(begin(task="t", supervision="demonstration")))
    read(driver.answer(begin(task="t", supervision="corrections")))


@pytest.mark.parametrize("size", [(3, 4), (4, 3, 3)])
def test_an_image_of_another_size_is_named(robot, size):
    good = robot.observe
    robot.observe = lambda: Observation(
        good().state, good().environment_state, {"eye": np.zeros(size, np.uint8)}
    )
    with pytest.raises(Refusal, match=r"camera 'eye': expected uint8 \[3, 4, 3\]"):
        read(Driver(robot).answer(begin()))


def test_outcomes_are_the_protocols_words():
    assert [outcome.value for outcome in Outcome] == ["success", "failure", "unjudged"]


class Rolling(ToyRobot):
    """Rolls on after an action until it is told to hold."""

    def reset(self, task, seed, supervision):
        super().reset(task, seed, supervision)
        self.speed, self.held = 0.0, 0

    def act(self, action):
        self.speed = float(action[0])
        return super().act(action)

    def observe(self):
        self.x += self.speed
        return super().observe()

    def hold(self):
        self.speed, self.held = 0.0, self.held + 1


def test_hold_stops_the_robot_once_and_senses_anew():
    robot = Rolling()
    driver = Driver(robot)
    assert read(driver.answer(request("driver.describe")))[0]["holds"] is True
    read(driver.answer(begin()))
    read(driver.answer(execute(1, [[0.1]])))
    body, held = read(driver.answer(hold(2)))
    assert body == {"steps": 0, "outcome": None, "personInControl": False}
    assert set(held) == {
        "next.observation.state",
        "next.observation.environment_state",
        "next.observation.images.eye",
    }
    # Repeated, it is answered again.
    assert read(driver.answer(hold(2)))[1]["next.observation.state"] == robot.x
    assert robot.held == 1
    _, after = read(driver.answer(execute(3, [[0.1]])))
    assert after["observation.state"][0] == held["next.observation.state"]
    for wrong, words in [
        (hold(5), "expected turn 4"),
        (hold(4, episode="other"), "is not running here"),
    ]:
        with pytest.raises(Refusal, match=words):
            read(driver.answer(wrong))


def test_a_robot_that_stands_by_itself_need_not_know_how_to_hold(driver, robot):
    read(driver.answer(begin()))
    read(driver.answer(hold(1)))
    assert robot.moves == 0
    read(driver.answer(execute(2, [[0.5]] * 20)))
    with pytest.raises(Refusal, match="the episode is over"):
        read(driver.answer(hold(3)))


def test_a_hold_that_fails_ends_the_episode(driver, robot, monkeypatch):
    def broken():
        raise RuntimeError("the brake is stuck")

    monkeypatch.setattr(robot, "hold", broken, raising=False)
    read(driver.answer(begin()))
    with pytest.raises(Refusal, match="the brake is stuck"):
        read(driver.answer(hold(1)))
