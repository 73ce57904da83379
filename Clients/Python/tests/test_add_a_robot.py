"""Documentation/AddARobot.md does what it says."""

import pathlib
import re

import pytest
from talking import begin, execute, read, request

from recap_robot import Driver, gymnasium, main
from recap_robot.episode_file import read_episode

ROOT = pathlib.Path(__file__).parents[3]
TEXT = (ROOT / "Documentation" / "AddARobot.md").read_text(encoding="utf-8")
# What follows them is for programs that speak openpi.
DRIVER, OBSERVED, *_ = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
CONFIGURATION = re.search(r"```yaml\n(.*?)```", TEXT, re.DOTALL).group(1)


@pytest.fixture
def page():
    names = {"__name__": "climb"}
    exec(DRIVER, names)
    return names


def test_the_driver_has_under_40_lines():
    assert len(DRIVER.splitlines()) < 40


def test_the_driver_demonstrates_what_the_configuration_asks_for(page):
    driver = Driver(page["make"]())
    body, _ = read(driver.answer(request("driver.describe")))
    (task,) = re.findall(r"\{name: (\w+), demonstrations", CONFIGURATION)
    assert [offered["name"] for offered in body["tasks"]] == [task]
    assert "cameras: off, environmentState: false" in CONFIGURATION
    assert body["embodiment"]["environmentStateWidth"] == 0 and not body["embodiment"]["cameras"]
    outcomes = []
    for seed in range(12):
        episode = f"e{seed}"
        body, _ = read(driver.answer(begin(task, seed, "demonstration", episode)))
        turn = 0
        while body["outcome"] is None:
            turn += 1
            body, _ = read(driver.answer(execute(turn, steps=50, episode=episode)))
        outcomes.append(body["outcome"])
    # Both are needed for a policy that is to learn what is better than usual.
    assert outcomes.count("success") >= 6 and "failure" in outcomes


def test_the_commands_of_the_page_work(page, tmp_path, capsys):
    words = re.search(r"python climb.py (--record) /tmp/tries (--episodes) 20", TEXT)
    main(page["make"], [words[1], str(tmp_path), words[2], "2"])
    assert "episode 2 of 2" in capsys.readouterr().out
    assert read_episode(tmp_path / "episode_000001.safetensors").metadata["task"]["name"] == "climb"
    main(page["make"], ["--describe"])
    assert '"climb"' in capsys.readouterr().out


def test_the_configuration_starts_the_driver_as_it_understands(page, monkeypatch):
    command = re.search(r"command: \[python, climb.py, (.*)\]", CONFIGURATION).group(1)
    words = [
        word.strip().strip('"').replace("{endpoint}", "ipc:///tmp/x") for word in command.split(",")
    ]
    served = []
    monkeypatch.setattr(
        "recap_robot.command_line.serve", lambda robot, endpoint: served.append(endpoint)
    )
    main(page["make"], words)
    main(page["make"], [])
    assert served == ["ipc:///tmp/x", "ipc:///tmp/MountainCarContinuous-v0.ipc"]


def test_the_parts_of_an_observation_are_selectors():
    names = {}
    exec(OBSERVED, names)
    observation = {"observation": [1, 2], "desired_goal": [3], "achieved_goal": [4]}
    observed = names["observed"]
    picked = [
        gymnasium.mapping.numbers(observed[part], observation).tolist()
        for part in ("state", "environment_state")
    ]
    assert picked == [[1, 2], [3, 4]]
    assert set(observed["cameras"]) == {"front", "side"}
