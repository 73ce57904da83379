import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from talking import Refusal, begin, execute, read, request

from recap_robot import Driver
from recap_robot.gymnasium import (
    GymnasiumRobot,
    GymnasiumTask,
    Image,
    Person,
    Rendered,
    Step,
    from_info,
    from_reward,
    from_termination,
    scripted,
)
from recap_robot.gymnasium.mapping import ActionMapping, numbers, resized


def balance(observation):
    """Keeps a cart-pole upright."""
    _, speed, angle, turning = observation
    return int(3 * angle + turning + 0.1 * speed > 0)


def cart_pole(**changes):
    fields = dict(
        name="balance",
        environment="CartPole-v1",
        instruction="keep the pole upright",
        success=lambda step: step.truncated,
        person=balance,
        maximum_steps=40,
    )
    return GymnasiumTask(**(fields | changes))


def play(driver, task, seed, supervision="none", chunk=None, episode=None):
    """An episode's rows, and the last reply's body."""
    episode = episode or f"{task}-{seed}-{supervision}-{np.random.default_rng().integers(2**60)}"
    body, _ = read(driver.answer(begin(task, seed, supervision, episode)))
    rows, turn = [], 0
    while body["outcome"] is None:
        turn += 1
        given = None if body["personInControl"] else chunk
        body, tensors = read(driver.answer(execute(turn, given, steps=5, episode=episode)))
        rows.append(tensors)
    return {
        name: np.concatenate([row[name] for row in rows]) for name in rows[0] if "next" not in name
    }, body


def test_a_classic_control_environment_is_described():
    body, _ = read(Driver(GymnasiumRobot(cart_pole())).answer(request("driver.describe")))
    assert body["embodiment"] == {
        "name": "CartPole-v1",
        "proprioceptionWidth": 4,
        "environmentStateWidth": 0,
        "cameras": [],
        "actionWidth": 2,
        "controlRate": 50,
    }
    assert body["tasks"][0]["maximumSteps"] == 40


def test_a_script_demonstrates_and_a_bad_policy_fails():
    driver = Driver(GymnasiumRobot(cart_pole()))
    rows, body = play(driver, "balance", 1, "demonstration")
    assert body["outcome"] == "success" and len(rows["action"]) == 40
    # Discrete actions are one-hot in what is recorded.
    assert (rows["action"].sum(axis=1) == 1).all() and set(rows["action"].ravel()) == {0.0, 1.0}
    left, body = play(driver, "balance", 1, chunk=np.tile([0.9, 0.2], (5, 1)))
    assert body["outcome"] == "failure" and body["reason"] == "ended by the environment"
    assert len(left["action"]) < 40 and (left["action"] == [1, 0]).all()


def test_the_same_seed_gives_the_same_episode_also_with_noise():
    task = GymnasiumTask(
        "climb",
        "MountainCarContinuous-v0",
        "drive up",
        from_termination(),
        scripted(lambda seen: [np.sign(seen[1]) or 1.0], noise=1.0),
        maximum_steps=60,
    )
    driver = Driver(GymnasiumRobot(task))
    first, _ = play(driver, "climb", 2**64 - 1, "demonstration")
    other, _ = play(driver, "climb", 7, "demonstration")
    again, _ = play(driver, "climb", 2**64 - 1, "demonstration")
    for name, column in first.items():
        np.testing.assert_array_equal(column, again[name])
    assert not np.array_equal(first["observation.state"][0], other["observation.state"][0])
    assert np.abs(first["action"]).max() == 1, "noise must not leave the limits"


class Reach(gymnasium.Env):
    """A point that shall come to a goal: a dictionary of observations, an image among them."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": 10}

    def __init__(self, goal=1.0, info=True):
        self.observation_space = spaces.Dict(
            {
                "image": spaces.Box(0, 255, (4, 6, 3), np.uint8),
                "position": spaces.Box(-np.inf, np.inf, (2,), np.float64),
                "goal": spaces.Box(-np.inf, np.inf, (2,), np.float64),
            }
        )
        self.action_space = spaces.Box(
            np.array([0, -np.inf], np.float32), np.array([10, np.inf], np.float32)
        )
        self.goal, self.info, self.done = np.full(2, goal), info, []
        self.render_mode = "rgb_array"

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.position = self.np_random.uniform(-0.1, 0.1, 2)
        return self.seen(), {}

    def step(self, action):
        assert self.action_space.contains(action), action
        self.done.append(action)
        self.position = self.position + [action[0] / 100, action[1]]
        near = bool(np.abs(self.position - self.goal).max() < 0.1)
        return self.seen(), -1.0, False, False, {"is_success": near} if self.info else {}

    def seen(self):
        image = np.zeros((4, 6, 3), np.uint8)
        image[:, :3] = 200
        return {"image": image, "position": self.position.copy(), "goal": self.goal.copy()}

    def render(self):
        return np.full((8, 8, 3), 7, np.uint8)


def reach(**changes):
    fields = dict(
        name="reach",
        environment=Reach,
        instruction="go there",
        success=from_info("is_success"),
        maximum_steps=30,
    )
    return GymnasiumTask(**(fields | changes))


def test_parts_of_an_observation_are_told_apart():
    robot = GymnasiumRobot(
        reach(),
        state="position",
        environment_state=lambda seen: seen["goal"] - seen["position"],
        cameras={"front": Image("image", size=(2, 2)), "side": Rendered()},
    )
    body, _ = read(Driver(robot).answer(request("driver.describe")))
    assert body["embodiment"]["cameras"] == [
        {"name": "front", "width": 2, "height": 2},
        {"name": "side", "width": 8, "height": 8},
    ]
    assert body["embodiment"]["environmentStateWidth"] == 2
    _, tensors = read(Driver(robot).answer(begin("reach")))
    seen = tensors["next.observation.state"]
    np.testing.assert_allclose(tensors["next.observation.environment_state"], 1 - seen, rtol=1e-5)
    assert tensors["next.observation.images.front"].tolist() == [[[200] * 3, [0] * 3]] * 2
    assert (tensors["next.observation.images.side"] == 7).all()


def test_by_default_the_state_is_all_but_images():
    robot = GymnasiumRobot(reach())
    assert robot.embodiment.proprioception_width == 4
    assert robot.embodiment.name == "Reach" and robot.embodiment.control_rate == 10


def test_bounded_actions_are_normalised_and_clipped_and_others_are_not():
    robot = GymnasiumRobot(reach(), state="position")
    environment = robot._environment
    rows, body = play(Driver(robot), "reach", 1, chunk=[[3.0, 0.0], [-0.5, 0.25]])
    assert environment.done[0].tolist() == [10, 0] and environment.done[1].tolist() == [2.5, 0.25]
    np.testing.assert_array_equal(rows["action"][:2], [[1, 0], [-0.5, 0.25]])


def test_actions_go_there_and_back():
    for space in (
        spaces.Box(np.array([-2, 0.1], np.float32), np.array([5, 0.3], np.float32)),
        spaces.Box(-1, 1, (2, 3), np.float32),
        spaces.Discrete(3, start=-1),
        spaces.Box(2, 2, (1,), np.float32),
    ):
        space.seed(3)
        mapping = ActionMapping(space)
        for _ in range(20):
            action = space.sample()
            executed = mapping.from_environment(action)
            assert executed.dtype == np.float32 and executed.shape == (mapping.width,)
            back = mapping.to_environment(executed)
            assert space.contains(back) or isinstance(back, int)
            np.testing.assert_allclose(back, action, atol=1e-6)


class Helper(Person):
    """Takes over far from the goal's line, and hands back on it."""

    def begin(self, environment, random, supervision):
        self.far, self.shared = 0.0, []

    def watch(self, step, by_person):
        self.far = abs(step.observation["position"][1])
        self.shared.append(by_person)

    def action(self, observation):
        return [0, -np.clip(observation["position"][1], -0.5, 0.5)]

    def takes_over(self):
        return self.far > 1

    def hands_back(self):
        return self.far < 0.2


def test_a_person_corrects():
    person = Helper()
    robot = GymnasiumRobot(reach(person=person), state="position")
    rows, _ = play(Driver(robot), "reach", 1, "corrections", chunk=[[0.0, 0.3]] * 5)
    assert rows["intervention"].any() and not rows["intervention"].all()
    assert person.shared == rows["intervention"].tolist()
    # Nobody may help in an evaluation.
    rows, _ = play(Driver(robot), "reach", 1, "none", chunk=[[0.0, 0.3]] * 5)
    assert not rows["intervention"].any()


def test_without_a_person_there_are_no_demonstrations():
    with pytest.raises(Refusal, match="no demonstrations of 'reach'"):
        read(Driver(GymnasiumRobot(reach())).answer(begin("reach", supervision="demonstration")))


def test_what_counts_as_success():
    def step(**changes):
        fields = dict(observation=0, reward=0.0, terminated=False, truncated=False, info={})
        return Step(**(fields | changes))

    assert from_termination()(step(terminated=True)) and not from_termination()(
        step(truncated=True)
    )
    assert from_reward(1)(step(reward=1.0)) and not from_reward(1)(step(reward=0.9))
    assert from_info("won")(step(info={"won": np.True_}))
    assert not from_info("won")(step())
    with pytest.raises(
        KeyError, match="expected 'won' in the environment's info, which has loss, wins"
    ):
        from_info("won")(step(truncated=True, info={"wins": 1, "loss": 2}))


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: GymnasiumRobot([]), "at least one"),
        (lambda: GymnasiumRobot([reach(), reach()]), "two tasks have one name"),
        (
            lambda: GymnasiumRobot([reach(), cart_pole()]),
            "balance: .*share their observation_space",
        ),
        (lambda: GymnasiumRobot(reach(maximum_steps=None)), "no time limit: give maximum_steps"),
        (lambda: GymnasiumRobot(reach(), state="speed"), "no 'speed'; they have image, position"),
        (lambda: GymnasiumRobot(reach(), state=slice(2)), "need a vector.*dictionary of image"),
        (lambda: GymnasiumRobot(cart_pole(), state="angle"), r"an array of shape \[4\]"),
        (lambda: GymnasiumRobot(reach(), cameras={"c": Image("goal")}), r"got float64 \[2\]"),
        (lambda: ActionMapping(spaces.MultiBinary(3)), "wrap the environment"),
        (lambda: scripted(balance, noise=-1), "noise"),
    ],
)
def test_what_cannot_be_is_named(make, reason):
    with pytest.raises(ValueError, match=reason):
        make()


@pytest.mark.parametrize("action", [2, [0, 1], "left"])
def test_a_persons_action_that_is_none_is_refused(action):
    robot = GymnasiumRobot(cart_pole(person=lambda _: action))
    read(Driver(robot).answer(request("driver.describe")))
    driver = Driver(robot)
    read(driver.answer(begin("balance", supervision="demonstration")))
    with pytest.raises(Refusal, match="the robot failed"):
        read(driver.answer(execute(1, steps=1)))


def test_numbers_are_selected():
    vector = np.arange(6.0)
    assert numbers(slice(1, 3), vector).tolist() == [1, 2]
    assert numbers([5, 0], vector).tolist() == [5, 0]
    assert numbers(["b", "a"], {"a": [1, 2], "b": 3}).tolist() == [3, 1, 2]


def test_an_image_is_resized_by_area():
    image = np.zeros((4, 6, 3), np.uint8)
    image[:2, :3] = 100
    assert resized(image, 2, 2)[..., 0].tolist() == [[100, 0], [0, 0]]
    # Two columns of three pixels' width out of four: the second begins in the middle of one.
    assert resized(image, 1, 4)[..., 0].tolist() == [[50, 50, 0, 0]]
    np.testing.assert_array_equal(resized(image, 4, 6), image)


@pytest.mark.parametrize("size", [64, None])
def test_push_t(size):
    pytest.importorskip("gym_pusht", reason="gym-pusht is not installed")
    task = GymnasiumTask(
        "push-t",
        lambda: gymnasium.make("gym_pusht/PushT-v0", obs_type="state", render_mode="rgb_array"),
        "push the T onto its mark",
        from_info("is_success"),
        person=lambda seen: seen[2:4],  # Towards the block.
        maximum_steps=20,
    )
    cameras = {} if size is None else {"top": Rendered((size, size))}
    robot = GymnasiumRobot(task, state=slice(0, 2), environment_state=slice(2, 5), cameras=cameras)
    rows, body = play(Driver(robot), "push-t", 3, "demonstration")
    assert body["outcome"] == "failure" and len(rows["action"]) == 20
    assert rows["observation.state"].shape == (20, 2) and np.abs(rows["action"]).max() <= 1
    moved = np.linalg.norm(rows["observation.state"][-1] - rows["observation.state"][0])
    assert moved > 10, (
        "the agent follows positions in pixels, so normalised actions must have become those"
    )
    if size is not None:
        images = rows["observation.images.top"]
        assert images.shape == (20, 64, 64, 3) and np.ptp(images) > 100
    again, _ = play(Driver(robot), "push-t", 3, "demonstration")
    np.testing.assert_array_equal(
        rows["observation.environment_state"], again["observation.environment_state"]
    )


def test_meta_world():
    pytest.importorskip(
        "metaworld", reason="Meta-World is not installed: pip install '.[metaworld]'"
    )
    from metaworld.policies import ENV_POLICY_MAP

    expert = ENV_POLICY_MAP["reach-v3"]()
    task = GymnasiumTask(
        "reach-v3",
        lambda: gymnasium.make("Meta-World/MT1", env_name="reach-v3", seed=1),
        "move the hand to the goal",
        from_info("success"),
        person=lambda seen: np.clip(expert.get_action(seen.copy()), -1, 1),
        maximum_steps=150,
    )
    robot = GymnasiumRobot(task, state=slice(0, 4), environment_state=slice(4, 39), control_rate=80)
    rows, body = play(Driver(robot), "reach-v3", 1, "demonstration")
    assert body["outcome"] == "success" and rows["observation.environment_state"].shape[1] == 35
