"""Run by run.sh beside this file."""

import json

import numpy as np
import pytest
from lerobot_fixtures import episodes, write_folder, write_run
from toy_driver import ToyRobot

lerobot = pytest.importorskip("lerobot.datasets.lerobot_dataset")
from recap_robot.lerobot import export, open_dataset, open_source  # noqa: E402
from recap_robot.lerobot.reading import As  # noqa: E402


def frames_of(dataset, start, count):
    return [dataset[index] for index in range(start, start + count)]


def test_lerobot_loads_an_exported_run(tmp_path):
    write_run(tmp_path / "run")
    export(open_source(tmp_path / "run"), tmp_path / "set", "v3.0")
    dataset = lerobot.LeRobotDataset("local/toy", root=tmp_path / "set")
    made = episodes()
    assert (dataset.num_episodes, dataset.num_frames) == (3, sum(map(len, made)))
    assert dataset.meta.camera_keys == ["observation.images.eye"] and dataset.fps == 10
    start = 0
    for number, episode in enumerate(made):
        columns = episode.columns
        for step, frame in enumerate(frames_of(dataset, start, len(episode))):
            assert (int(frame["episode_index"]), int(frame["frame_index"])) == (number, step)
            assert frame["task"] == episode.metadata["task"]["instruction"]
            for name in ("observation.state", "observation.environment_state", "action"):
                theirs = np.asarray(frame[name]).reshape(-1)
                np.testing.assert_array_equal(theirs, columns[name][step], err_msg=name)
            image = np.asarray(frame["observation.images.eye"]).transpose(1, 2, 0)
            np.testing.assert_array_equal(
                np.rint(image * 255).astype(np.uint8), columns["observation.images.eye"][step]
            )
            assert bool(frame["intervention"]) == columns["intervention"][step]
            last = step == len(episode) - 1
            assert bool(frame["next.success"]) == (
                last and episode.metadata["outcome"] == "success"
            )
        start += len(episode)


def test_lerobot_converts_an_exported_set_of_the_older_version(tmp_path):
    from lerobot.datasets.v30.convert_dataset_v21_to_v30 import convert_dataset

    export(open_source(write_folder(tmp_path / "e")), tmp_path / "set", "v2.1")
    convert_dataset("set", root=tmp_path, push_to_hub=False)
    assert (tmp_path / "set_old").exists(), "the older version was not converted"
    dataset = lerobot.LeRobotDataset("local/toy", root=tmp_path / "set")
    start = 0
    for episode in episodes()[:2]:
        for step, frame in enumerate(frames_of(dataset, start, len(episode))):
            np.testing.assert_array_equal(
                np.asarray(frame["observation.environment_state"]),
                episode.columns["observation.environment_state"][step],
            )
            image = np.asarray(frame["observation.images.eye"]).transpose(1, 2, 0)
            np.testing.assert_array_equal(
                np.rint(image * 255).astype(np.uint8),
                episode.columns["observation.images.eye"][step],
            )
        start += len(episode)


def test_lerobot_loads_one_episode_of_it_and_looks_ahead(tmp_path):
    export(open_source(write_folder(tmp_path / "e")), tmp_path / "set", "v3.0")
    wanted = {"action": [0, 0.1, 0.2]}
    dataset = lerobot.LeRobotDataset(
        "local/toy", root=tmp_path / "set", episodes=[1], delta_timestamps=wanted
    )
    episode = episodes()[1]
    assert dataset.num_frames == len(episode)
    np.testing.assert_array_equal(
        np.asarray(dataset[0]["action"]).reshape(-1), episode.columns["action"][:3, 0]
    )


def test_statistics_agree_with_lerobots_own(tmp_path):
    from lerobot.datasets.compute_stats import aggregate_stats, get_feature_stats

    export(open_source(write_folder(tmp_path / "e")), tmp_path / "set", "v3.0")
    ours = lerobot.LeRobotDataset("local/toy", root=tmp_path / "set").meta.stats
    for name in ("observation.environment_state", "observation.state", "action"):
        parts = [
            {name: get_feature_stats(e.columns[name], axis=0, keepdims=False)} for e in episodes()
        ]
        theirs = aggregate_stats(parts)[name]
        for key in ("min", "max", "mean", "std", "count"):
            np.testing.assert_allclose(
                np.ravel(ours[name][key]), np.ravel(theirs[key]), rtol=1e-4, atol=1e-6
            )


@pytest.mark.parametrize("keeps", ["images", "videos"])
def test_recap_reads_what_lerobot_writes(tmp_path, keeps, monkeypatch):
    if keeps == "videos":
        imageio_ffmpeg = pytest.importorskip("imageio_ffmpeg", reason="there is no ffmpeg")
        monkeypatch.setenv("FFMPEG", imageio_ffmpeg.get_ffmpeg_exe())
    size = 64
    features = {
        "observation.state": {"dtype": "float32", "shape": (3,), "names": ["a", "b", "c"]},
        "observation.images.eye": {
            "dtype": "video" if keeps == "videos" else "image",
            "shape": (size, size, 3),
            "names": ["height", "width", "channels"],
        },
        "action": {"dtype": "float32", "shape": (2,), "names": ["x", "y"]},
        "next.success": {"dtype": "bool", "shape": (1,), "names": None},
    }
    options = {"vcodec": "h264"} if keeps == "videos" else {}
    written = lerobot.LeRobotDataset.create(
        "local/theirs", 20, features, root=tmp_path / "set", use_videos=keeps == "videos", **options
    )
    random = np.random.default_rng(0)
    kept = []
    for number in range(2):
        for step in range(12):
            frame = {
                "observation.state": random.normal(size=3).astype(np.float32),
                "observation.images.eye": np.full(
                    (size, size, 3), 20 * step + 5 * number, np.uint8
                ),
                "action": random.normal(size=2).astype(np.float32),
                "next.success": np.array([step == 11 and number == 0]),
            }
            kept.append(frame)
            written.add_frame(frame | {"task": ["push", "pull"][number]})
        written.save_episode()
    written.finalize()

    embodiment = {
        "name": "arm",
        "proprioceptionWidth": 3,
        "environmentStateWidth": 0,
        "cameras": [{"name": "eye", "width": size, "height": size}],
        "actionWidth": 2,
        "controlRate": 20,
    }
    task = ToyRobot.tasks[0].as_json() | {"maximumSteps": 12}
    dataset = open_dataset(tmp_path / "set")
    for number in range(2):
        episode = dataset.episode(number, As(embodiment, task))
        rows = kept[12 * number :][:12]
        for name in ("observation.state", "action"):
            np.testing.assert_array_equal(episode.columns[name], [row[name] for row in rows])
        images = episode.columns["observation.images.eye"].astype(int)
        allowed = 12 if keeps == "videos" else 0
        assert np.abs(images - [row["observation.images.eye"] for row in rows]).max() <= allowed
        assert episode.metadata["outcome"] == ["success", "failure"][number]
        assert episode.metadata["task"]["instruction"] == ["push", "pull"][number]
    assert json.loads((tmp_path / "set" / "meta" / "info.json").read_text())["total_episodes"] == 2
