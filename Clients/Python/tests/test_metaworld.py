import numpy as np
import pytest
from talking import Refusal, begin, execute, read

from recap_robot import Driver
from recap_robot.metaworld.simulator import choose_renderer

choose_renderer()  # Before anything imports MuJoCo.
pytest.importorskip("metaworld", reason="Meta-World is not installed: pip install '.[metaworld]'")

from recap_robot.metaworld import NAMES, MetaWorldRobot, tasks  # noqa: E402
from recap_robot.metaworld.coach import Coach  # noqa: E402
from recap_robot.metaworld.expert import Expert, Flaws  # noqa: E402


def play(driver, name, seed, supervision, policy=None):
    """An episode's executed actions, interventions and outcome, and all that was sensed."""
    episode = f"{name}-{seed}-{supervision}-{np.random.default_rng().integers(2**60)}"
    body, tensors = read(driver.answer(begin(name, seed, supervision, episode)))
    sensed, actions, interventions, turn = [full(tensors, "next.")], [], [], 0
    while body["outcome"] is None:
        turn += 1
        chunk = None if body["personInControl"] else policy
        body, tensors = read(driver.answer(execute(turn, chunk, steps=8, episode=episode)))
        actions += list(tensors["action"])
        interventions += list(tensors["intervention"])
        sensed.append(full(tensors, "next."))
    return np.array(actions), np.array(interventions), body["outcome"], np.array(sensed)


def full(tensors, prefix):
    parts = [tensors[prefix + n] for n in ("observation.state", "observation.environment_state")]
    return np.concatenate(parts)


@pytest.fixture(scope="module")
def driver():
    return Driver(MetaWorldRobot(["push-v3", "door-open-v3"]))


def test_every_task_has_an_instruction_and_an_expert():
    from metaworld.policies import ENV_POLICY_MAP

    assert set(NAMES) == set(ENV_POLICY_MAP)
    robot = MetaWorldRobot(NAMES)
    assert len({task.instruction for task in robot.tasks}) == len(NAMES) == 50
    assert all(80 <= task.maximum_steps <= 500 for task in robot.tasks)


def test_an_unknown_task_is_called_by_its_name():
    assert tasks.describe("pour-tea-v4").instruction == "pour tea"
    with pytest.raises(ValueError, match="unknown Meta-World task fly-v3; there are assembly-v3"):
        MetaWorldRobot(["push-v3", "fly-v3"])


def test_a_seed_decides_the_whole_episode(driver):
    first = play(driver, "push-v3", 11, "demonstration")
    other = play(driver, "push-v3", 12, "demonstration")
    play(driver, "door-open-v3", 11, "demonstration")
    again = play(driver, "push-v3", 11, "demonstration")
    anew = play(Driver(MetaWorldRobot(["push-v3"])), "push-v3", 11, "demonstration")
    for repeated in (again, anew):
        for before, after in zip(first, repeated, strict=True):
            np.testing.assert_array_equal(before, after)
    assert not np.array_equal(first[3][0], other[3][0])


def test_the_goal_is_observed(driver):
    goals = [play(driver, "push-v3", seed, "none", np.zeros((8, 4)))[3][:, -3:] for seed in (1, 2)]
    # Within an episode it stays, between episodes it differs.
    assert np.ptp(goals[0], axis=0).max() < 1e-6
    assert abs(goals[0][0] - goals[1][0]).max() > 1e-3


def test_actions_beyond_the_range_are_recorded_as_executed(driver):
    actions, interventions, _, _ = play(driver, "push-v3", 1, "none", np.full((8, 4), 3.0))
    assert (actions == 1).all() and not interventions.any()


def test_a_person_helps_a_policy_that_stands_still(driver):
    still = np.zeros((8, 4))
    actions, interventions, outcome, _ = play(driver, "push-v3", 3, "none", still)
    assert outcome == "failure" and len(actions) == tasks.describe("push-v3").maximum_steps
    actions, interventions, outcome, _ = play(driver, "push-v3", 3, "corrections", still)
    assert outcome == "success" and not interventions[:15].any() and interventions.any()


def test_the_coach_leaves_a_good_policy_alone():
    coach = Coach(clean_steps=60, maximum_steps=210)
    for step in range(60):
        coach.watch(reward=0.1 * 1.08**step, by_person=False)
        assert not coach.wants_control


def test_the_coach_sees_a_stall_a_loss_and_the_clock():
    stalled = Coach(clean_steps=60, maximum_steps=210)
    steps = 0
    while not stalled.wants_control:
        stalled.watch(reward=1, by_person=False)
        steps += 1
    assert 15 < steps < 30

    lost = Coach(clean_steps=60, maximum_steps=210)
    for reward in (1, 2, 3, 4, 5, 6):
        lost.watch(reward, by_person=False)
    for _ in range(Coach.LOSS_STEPS + 1):
        assert not lost.wants_control
        lost.watch(reward=2, by_person=False)
    assert lost.wants_control

    late = Coach(clean_steps=60, maximum_steps=100)
    for step in range(40):
        late.watch(reward=1.04**step, by_person=False)
    assert late.wants_control
    for _ in range(30):
        late.watch(reward=9, by_person=True)
    assert not late.is_content


def test_the_coach_hands_back_what_is_mended():
    coach = Coach(clean_steps=60, maximum_steps=500)
    coach.watch(reward=1, by_person=False)
    for step in range(Coach.SHORTEST + 5):
        assert not coach.is_content
        coach.watch(reward=1 + 0.1 * step, by_person=True)
    coach.watch(reward=4, by_person=True)
    assert coach.is_content and not coach.wants_control


def test_flaws_make_the_expert_pause_and_slow_down():
    class Straight:
        def get_action(self, obs):
            obs[:] = 0  # Some of Meta-World's scripts write into what they read.
            return np.array([0.5, 0, 0, 1], np.float32)

    seen = np.ones(39)
    flaws = Flaws(pause_chance=0.05, slow_chance=0.05, slow_speed=0.5)
    expert = Expert(Straight(), flaws, np.random.default_rng(1))
    actions = np.array([expert.action(seen) for _ in range(400)])
    assert (seen == 1).all()
    assert {0.0, 0.25, 0.5} == set(np.unique(actions[:, 0]).tolist())
    # A pause keeps the grip.
    moved = np.argmax(actions[:, 0] > 0)
    assert (actions[moved:, 3] == 1).all()


@pytest.mark.parametrize(
    "wrong", [{"noise": -1}, {"pause_chance": 2}, {"slow_speed": 1.5}, {"pause_steps": (9, 3)}]
)
def test_flaws_out_of_range_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Flaws(**wrong)


def test_the_camera_sees_the_same_for_the_same_seed():
    try:
        import mujoco

        mujoco.Renderer(mujoco.MjModel.from_xml_string("<mujoco/>"), 8, 8).close()
    except Exception as error:  # Each renderer has its own.
        pytest.skip(f"no software renderer (apt install libosmesa6): {error}")
    driver = Driver(MetaWorldRobot(["push-v3"], camera=32))
    images = []
    for episode, seed in enumerate([1, 2, 1]):
        _, tensors = read(driver.answer(begin("push-v3", seed, episode=str(episode))))
        assert set(tensors) == {"next.observation.state", "next.observation.images.corner2"}
        images.append(tensors["next.observation.images.corner2"])
    assert images[0].shape == (32, 32, 3) and np.ptp(images[0]) > 50
    np.testing.assert_array_equal(images[0], images[2])
    assert not np.array_equal(images[0], images[1])


def test_a_driver_refuses_what_metaworld_cannot_do(driver):
    with pytest.raises(Refusal, match="unknown task"):
        read(driver.answer(begin("reach-v3")))
    with pytest.raises(ValueError, match="8 to 512"):
        MetaWorldRobot(["push-v3"], camera=4)
    with pytest.raises(ValueError, match="object poses must be observed"):
        MetaWorldRobot(["push-v3"], environment_state=False)
    with pytest.raises(ValueError, match="limit"):
        MetaWorldRobot(["push-v3"], limit=0)
