import json

import numpy as np
import pytest
from toy_driver import ToyRobot

from recap_robot import Robot, main
from recap_robot.episode_file import RecordedEpisode, read_episode, read_tensors, write_episode
from recap_robot.recording import demonstrate, record


def test_demonstrations_become_files_and_more_are_added(tmp_path):
    robot = ToyRobot()
    outcomes = list(record(robot, robot.tasks[0], 2, tmp_path / "new", seed=5))
    assert [outcome.value for outcome in outcomes] == ["success"] * 2
    list(record(robot, robot.tasks[1], 1, tmp_path / "new", seed=5))
    names = sorted(path.name for path in (tmp_path / "new").iterdir())
    assert names == [f"episode_{n:06d}.safetensors" for n in range(3)]
    first, _, third = (read_episode(tmp_path / "new" / name) for name in names)
    assert first.metadata["embodiment"] == robot.embodiment.as_json()
    assert (first.metadata["source"], first.metadata["seed"]) == ("demonstration", 5)
    assert first.metadata["recordsImages"] and first.metadata["recordsEnvironmentState"]
    assert third.metadata["task"]["name"] == "hold" and third.metadata["seed"] == 7
    assert (third.metadata["outcome"], third.metadata["reason"]) == ("failure", "time limit")
    assert third.metadata["id"] == "recorded/hold#2"
    assert first.columns["intervention"].all() and first.columns["intervention"].dtype == bool
    assert first.columns["observation.images.eye"].shape == (len(first), 3, 4, 3)
    # Row t is what was sensed before action t.
    moved = np.diff(first.columns["observation.state"][:, 0])
    np.testing.assert_allclose(moved, first.columns["action"][:-1, 0], rtol=1e-5)


def test_an_interrupted_recording_keeps_what_is_finished(tmp_path):
    robot = ToyRobot()
    recording = record(robot, robot.tasks[0], 5, tmp_path)
    next(recording)
    robot.act = lambda action: 1 / 0
    with pytest.raises(ZeroDivisionError):
        next(recording)
    assert [path.name for path in tmp_path.iterdir()] == ["episode_000000.safetensors"]


def test_the_same_episode_is_the_same_file(tmp_path):
    for name in ("a", "b"):
        write_episode(tmp_path / name, demonstrate(ToyRobot(), ToyRobot.tasks[0], 3))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_the_safetensors_library_reads_the_same(tmp_path):
    safetensors = pytest.importorskip("safetensors.numpy")
    episode = demonstrate(ToyRobot(), ToyRobot.tasks[0], 3)
    write_episode(tmp_path / "e", episode)
    theirs = safetensors.load_file(tmp_path / "e")
    assert set(theirs) == set(episode.columns)
    for name, column in theirs.items():
        assert column.dtype == episode.columns[name].dtype
        np.testing.assert_array_equal(column, episode.columns[name])
    safetensors.save_file(theirs, tmp_path / "theirs")
    _, ours = read_tensors(tmp_path / "theirs")
    for name, column in ours.items():
        np.testing.assert_array_equal(column, theirs[name])


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0" * 7,
        b"\xff" * 20,
        (2).to_bytes(8, "little") + b"[]",
        (9).to_bytes(8, "little") + b'{"a": 33}',
    ],
)
def test_what_is_no_file_is_named(tmp_path, data):
    (tmp_path / "e").write_bytes(data)
    with pytest.raises(ValueError, match="not a safetensors file"):
        read_episode(tmp_path / "e")


def test_columns_of_different_length_are_refused(tmp_path):
    episode = demonstrate(ToyRobot(), ToyRobot.tasks[0], 3)
    columns = episode.columns | {"action": episode.columns["action"][1:]}
    write_episode(tmp_path / "e", RecordedEpisode(episode.metadata, columns))
    with pytest.raises(ValueError, match="differ in length"):
        read_episode(tmp_path / "e")


def test_the_command_line_describes_and_records(tmp_path, capsys):
    main(ToyRobot, ["--describe"])
    assert json.loads(capsys.readouterr().out)["embodiment"]["name"] == "toy"
    main(ToyRobot, ["--record", str(tmp_path), "--task", "hold", "--episodes", "2"])
    assert "0 of 2 succeeded" in capsys.readouterr().out
    assert len(list(tmp_path.iterdir())) == 2
    with pytest.raises(SystemExit):
        main(ToyRobot, ["--help"])
    assert "Moves by its action" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--record", "x", "--task", "fly"], "--task: expected one of reach, hold, got 'fly'"),
        (["--record", "x", "--episodes", "0"], "--episodes must be at least 1"),
        (["--endpoint", "tcp://10.0.0.1:5"], "no keys"),
        (["--camera", "3"], "unrecognized arguments"),
    ],
)
def test_the_command_line_says_what_is_wrong(words, reason, capsys):
    with pytest.raises(SystemExit) as caught:
        main(ToyRobot, words)
    assert caught.value.code == 2 and reason in capsys.readouterr().err


def test_who_has_nobody_to_demonstrate_says_so():
    class Alone(ToyRobot):
        person_action = Robot.person_action

    with pytest.raises(ValueError, match="nobody to demonstrate 'reach'"):
        demonstrate(Alone(), Alone.tasks[0], 1)
