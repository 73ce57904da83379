import json
import os
import pathlib
import sqlite3
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from lerobot_fixtures import episodes, write_folder, write_run
from toy_driver import ToyRobot

from recap_robot.lerobot import VERSIONS, export, layout, open_dataset, open_source, video
from recap_robot.lerobot.__main__ import main
from recap_robot.lerobot.reading import As
from recap_robot.lerobot.statistics import combined, of_images, of_numbers
from recap_robot.recording import describe


@pytest.fixture(params=VERSIONS)
def version(request):
    return request.param


def equal(before, after):
    assert after.metadata == before.metadata
    assert set(after.columns) == set(before.columns)
    for name, column in before.columns.items():
        assert after.columns[name].dtype == column.dtype, name
        np.testing.assert_array_equal(after.columns[name], column, err_msg=name)


def test_out_and_in_changes_no_value(tmp_path, version):
    folder = write_folder(tmp_path / "episodes")
    kinds = ("demonstration", "corrected")
    export(open_source(folder, kinds=kinds), tmp_path / "set", version)
    dataset = open_dataset(tmp_path / "set")
    assert dataset.version == version and dataset.knows_itself
    for number, before in enumerate(episodes()):
        equal(before, dataset.episode(number))


def test_out_and_in_by_the_command_line_gives_the_same_files(tmp_path, version, capsys):
    folder = write_folder(tmp_path / "episodes")
    main(["export", str(folder), str(tmp_path / "set"), "--version", version])
    main(["import", str(tmp_path / "set"), str(tmp_path / "back")])
    assert "3 of 3 episodes" in capsys.readouterr().out
    for path in folder.iterdir():
        assert path.read_bytes() == (tmp_path / "back" / path.name).read_bytes()
    main(["import", str(tmp_path / "set"), str(tmp_path / "one"), "--task", "reach"])
    assert len(list((tmp_path / "one").iterdir())) == 1


def test_a_run_goes_out_with_its_labels_and_without_its_evaluation(tmp_path, version):
    labels = write_run(tmp_path / "run")
    source = open_source(tmp_path / "run")
    assert source.name == "toy-run" and len(source.episodes) == 3
    export(source, tmp_path / "set", version)
    dataset = open_dataset(tmp_path / "set")
    for number, before in enumerate(episodes()):
        equal(before, dataset.episode(number))
    ((job, table),) = dataset.labels()
    assert job == "espresso/1/labels"
    assert json.loads(table.schema.metadata[b"labels"]) == {"lookahead": 50}
    for number in range(3):
        rows = table.filter(pa.compute.field("episode_index") == number)
        assert rows.column("frame_index").to_pylist() == list(range(len(rows)))
        for name, column in (
            ("value", "value"),
            ("advantage_continuous", "advantage"),
            ("advantage", "positive"),
        ):
            np.testing.assert_array_equal(rows.column(name).to_numpy(), labels[number][column])


def test_the_frames_say_how_an_episode_ended_and_who_acted(tmp_path, version):
    write_run(tmp_path / "run")
    export(open_source(tmp_path / "run"), tmp_path / "set", version)
    paths = sorted((tmp_path / "set" / "data").glob("*/*.parquet"))
    frames = pa.concat_tables([pq.read_table(path) for path in paths])
    lengths = [len(episode) for episode in episodes()]
    ends = np.cumsum(lengths) - 1
    assert np.flatnonzero(frames.column("next.done").to_numpy()).tolist() == ends.tolist()
    # The first succeeds, the others run out of time.
    assert np.flatnonzero(frames.column("next.success").to_numpy()).tolist() == [ends[0]]
    assert frames.column("intervention").to_pylist()[-lengths[2] :][:4] == [False] * 3 + [True]
    assert frames.column("index").to_pylist() == list(range(sum(lengths)))
    assert frames.column("episode_index").to_pylist() == np.repeat([0, 1, 2], lengths).tolist()
    assert frames.column("task_index").to_pylist() == np.repeat([0, 1, 1], lengths).tolist()
    np.testing.assert_allclose(
        frames.column("timestamp").to_numpy()[: lengths[0]], np.arange(lengths[0]) / 10
    )
    info = json.loads((tmp_path / "set" / "meta" / "info.json").read_text())
    assert (info["total_frames"], info["total_tasks"], info["fps"]) == (sum(lengths), 2, 10)
    assert info["features"]["observation.images.eye"]["dtype"] == "image"
    assert info["features"]["observation.images.eye"]["shape"] == [3, 4, 3]


def test_the_files_are_where_each_version_looks(tmp_path):
    folder = write_folder(tmp_path / "episodes")
    for version in VERSIONS:
        export(open_source(folder), tmp_path / version, version)
    old, new = tmp_path / "v2.1", tmp_path / "v3.0"
    assert len(list(old.glob("data/chunk-000/episode_00000[0-2].parquet"))) == 3
    assert [path.name for path in new.glob("data/chunk-000/*")] == ["file-000.parquet"]
    lines = (old / "meta" / "episodes.jsonl").read_text().splitlines()
    length = len(episodes()[0])
    assert json.loads(lines[0]) == {
        "episode_index": 0,
        "tasks": ["move to the target"],
        "length": length,
    }
    (row, *_) = pq.read_table(
        new / "meta" / "episodes" / "chunk-000" / "file-000.parquet"
    ).to_pylist()
    assert (row["dataset_from_index"], row["dataset_to_index"]) == (0, length)
    tasks = pq.read_table(new / "meta" / "tasks.parquet")
    assert json.loads(tasks.schema.metadata[b"pandas"])["index_columns"] == ["task"]
    stats = json.loads((new / "meta" / "stats.json").read_text())
    assert np.shape(stats["observation.images.eye"]["q99"]) == (3, 1, 1)


def test_a_new_file_begins_when_one_is_full(tmp_path, monkeypatch):
    monkeypatch.setattr(layout, "LARGEST_FILE", 1)
    folder = write_folder(tmp_path / "episodes")
    export(open_source(folder), tmp_path / "set")
    assert len(list((tmp_path / "set" / "data" / "chunk-000").iterdir())) == 3
    dataset = open_dataset(tmp_path / "set")
    for number, before in enumerate(episodes()):
        equal(before, dataset.episode(number))


def strip(folder, *columns):
    """Leaves a v2.1 set as somebody else would have written it."""
    (folder / "meta" / "recap_episodes.parquet").unlink()
    for path in (folder / "data").glob("*/*.parquet"):
        pq.write_table(pq.read_table(path).drop_columns(list(columns)), path)


@pytest.fixture
def foreign(tmp_path):
    """A set that recap did not write, and the robot's description."""
    export(open_source(write_folder(tmp_path / "e", episodes()[:1])), tmp_path / "set", "v2.1")
    strip(tmp_path / "set", "intervention", "subtask_index")
    (tmp_path / "robot.json").write_text(describe(ToyRobot()))
    return tmp_path / "set"


def test_a_set_of_others_takes_the_robots_word(foreign, tmp_path):
    words = ["--robot", str(tmp_path / "robot.json"), "--task", "reach"]
    main(["import", str(foreign), str(tmp_path / "files"), *words])
    before, after = episodes()[0], open_dataset(foreign).episode(0, given(task=0))
    np.testing.assert_array_equal(after.columns["action"], before.columns["action"])
    assert after.columns["intervention"].all() and (after.columns["subtask_index"] == -1).all()
    assert after.metadata["outcome"] == "success"
    assert after.metadata["embodiment"] == ToyRobot.embodiment.as_json()
    assert after.metadata["task"]["maximumSteps"] == 20
    assert [path.name for path in (tmp_path / "files").iterdir()] == ["episode_000000.safetensors"]


def given(task=0, outcome=None, **changes):
    return As(
        ToyRobot.embodiment.as_json() | changes,
        ToyRobot.tasks[task].as_json() if isinstance(task, int) else task,
        outcome,
    )


@pytest.mark.parametrize(
    ("as_", "reason"),
    [
        (None, "does not describe its robot"),
        (given(actionWidth=7), "action: the robot has 7 values, the set has 1"),
        (given(controlRate=30), "30 times a second, the set has 10 frames"),
        (
            given(cameras=[{"name": "wrist", "width": 4, "height": 3}]),
            "no 'observation.images.wrist'.*eye",
        ),
        (
            given(cameras=[{"name": "eye", "width": 3, "height": 3}]),
            r"the robot's camera has \[3, 3, 3\], the set has \[3, 4, 3\]",
        ),
        (given(task=ToyRobot.tasks[0].as_json() | {"maximumSteps": 2}), "time limit is 2"),
    ],
)
def test_what_does_not_fit_the_robot_is_named(foreign, as_, reason):
    with pytest.raises(ValueError, match=reason):
        open_dataset(foreign).episode(0, as_)


def test_an_episode_without_an_outcome_needs_one(foreign, tmp_path):
    for path in (foreign / "data").glob("*/*.parquet"):
        pq.write_table(pq.read_table(path).drop_columns(["next.success"]), path)
    with pytest.raises(ValueError, match="give the outcome"):
        open_dataset(foreign).episode(0, given())
    assert (
        open_dataset(foreign).episode(0, given(outcome="failure")).metadata["outcome"] == "failure"
    )


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["export", "{}/none", "{}/set"], "expected a run's directory or a folder"),
        (["export", "{}/e", "{}/e"], "exists already"),
        (["export", "{}/e", "{}/s", "--task", "fly"], "no episode of fly.*it has reach"),
        (["import", "{}/e", "{}/s"], "no meta/info.json"),
    ],
)
def test_the_command_line_says_what_is_wrong(tmp_path, words, reason):
    write_folder(tmp_path / "e", episodes()[:1])
    with pytest.raises(SystemExit, match=reason):
        main([word.format(tmp_path) for word in words])


@pytest.mark.parametrize("missing", ["pyarrow", "PIL"])
def test_a_missing_library_is_named_with_what_to_install(missing):
    code = f"import sys; sys.modules['{missing}'] = None; import recap_robot.lerobot"
    result = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": str(pathlib.Path(__file__).parents[1])},
        capture_output=True,
        text=True,
    )
    assert result.returncode and "pip install 'Clients/Python[lerobot]'" in result.stderr


def test_episodes_of_two_embodiments_make_no_set(tmp_path):
    made = episodes()
    made[1].metadata["embodiment"] = made[1].metadata["embodiment"] | {"name": "other"}
    folder = write_folder(tmp_path / "e", made)
    with pytest.raises(ValueError, match="one embodiment"):
        export(open_source(folder), tmp_path / "set")
    assert not list(tmp_path.glob("set*")), "nothing half-done may stay"


def test_statistics_of_parts_are_those_of_the_whole():
    random = np.random.default_rng(1)
    parts = [random.normal(3, 2, (n, 2)).astype(np.float32) for n in (40, 7, 200)]
    whole, together = of_numbers(np.concatenate(parts)), combined([of_numbers(p) for p in parts])
    for name in ("min", "max", "mean", "std", "count"):
        np.testing.assert_allclose(together[name], whole[name], rtol=1e-9)
    np.testing.assert_allclose(together["q50"], whole["q50"], atol=0.3)
    image = of_images(np.full((3, 4, 6, 3), (0, 51, 255), np.uint8))
    assert image["mean"].reshape(-1).tolist() == pytest.approx([0, 0.2, 1]) and image["count"] == [
        3
    ]


def test_without_ffmpeg_videos_are_refused_before_any_work(tmp_path, monkeypatch):
    monkeypatch.setattr(video, "program", lambda: None)
    with pytest.raises(RuntimeError, match="videos need ffmpeg"):
        export(open_source(write_folder(tmp_path / "e")), tmp_path / "set", videos=True)
    assert not list(tmp_path.glob("set*"))


def test_videos_show_about_the_same(tmp_path, monkeypatch, version):
    if video.program() is None:
        imageio_ffmpeg = pytest.importorskip("imageio_ffmpeg", reason="there is no ffmpeg")
        monkeypatch.setenv("FFMPEG", imageio_ffmpeg.get_ffmpeg_exe())
    assert os.environ.get("FFMPEG") or video.program()
    made = episodes()
    for episode in made:
        count = len(episode)
        ramp = np.linspace(20, 230, count).astype(np.uint8)[:, None, None, None]
        episode.columns["observation.images.eye"] = np.broadcast_to(ramp, (count, 16, 32, 3)).copy()
        camera = {"name": "eye", "width": 32, "height": 16}
        episode.metadata["embodiment"] = episode.metadata["embodiment"] | {"cameras": [camera]}
    export(open_source(write_folder(tmp_path / "e", made)), tmp_path / "set", version, videos=True)
    dataset = open_dataset(tmp_path / "set")
    assert dataset.features["observation.images.eye"]["dtype"] == "video"
    for number, before in enumerate(made):
        after = dataset.episode(number).columns["observation.images.eye"]
        assert np.abs(after.astype(int) - before.columns["observation.images.eye"]).max() < 12


def test_what_people_say_goes_out_and_what_nobody_has_judged_stays(tmp_path):
    folder = tmp_path / "run"
    write_run(folder)
    catalogue = sqlite3.connect(folder / "catalogue.sqlite")
    ids = [row[0] for row in catalogue.execute("SELECT id FROM episodes ORDER BY rowid")]
    catalogue.execute("UPDATE episodes SET outcome = 'unjudged' WHERE id = ?", ids[:1])
    catalogue.execute("UPDATE episodes SET verdict = 'failure' WHERE id = ?", ids[1:2])
    catalogue.commit()
    source = open_source(folder)
    assert source.unjudged == 1 and ids[0] not in [episode.id for episode in source.episodes]
    judged = {episode.id: episode.read().metadata["outcome"] for episode in source.episodes}
    assert judged[ids[1]] == "failure"
    catalogue.execute("UPDATE episodes SET outcome = 'unjudged', verdict = NULL")
    catalogue.commit()
    catalogue.close()
    with pytest.raises(ValueError, match="episodes is judged: say with 'recap episodes label'"):
        open_source(folder)
