import pathlib
import re

import numpy as np
from lerobot_fixtures import episodes, write_run
from talking import begin, execute, read

from recap_robot import Driver, wire
from recap_robot.conformance.expectations import Described, turn
from recap_robot.lerobot import export, open_source

TEXT = (pathlib.Path(__file__).parents[3] / "Documentation" / "Drivers.md").read_text()

ARCHIVE = (pathlib.Path(__file__).parents[3] / "Documentation" / "Archive.md").read_text()

EXAMPLE = re.search(r"```python\n(.*?)```", TEXT, re.DOTALL).group(1)


def test_the_first_example_is_a_driver():
    names = {"__name__": "example"}
    exec(EXAMPLE, names)
    driver = Driver(names["Point"]())
    body, tensors = read(driver.answer(begin("reach", seed=1)))
    assert -1 <= tensors["next.observation.state"] < 0
    body, tensors = read(driver.answer(execute(1, np.ones((30, 1)))))
    assert body["outcome"] == "success"
    np.testing.assert_allclose(tensors["action"], 0.1)


def test_the_first_example_listens_where_recap_tells_it_to(monkeypatch):
    """The words are those of the page's own `command:`, the endpoint filled in."""
    words = re.search(r"command: \[python3, (my_driver.py.*)\]", TEXT).group(1)
    words = [word.strip().strip('"') for word in words.split(",")]
    served = []
    monkeypatch.setattr(
        "recap_robot.command_line.serve", lambda robot, endpoint: served.append(endpoint)
    )
    for arguments in (words, words[:1]):
        filled = [word.replace("{endpoint}", "ipc:///tmp/mine") for word in arguments]
        monkeypatch.setattr("sys.argv", filled)
        exec(EXAMPLE, {"__name__": "__main__"})
    assert served == ["ipc:///tmp/mine", "ipc:///tmp/point.ipc"]


def test_the_exchange_that_the_page_shows_is_what_travels():
    """Each message's header and bytes, as the page has them."""
    section = TEXT.split("### In another language")[1].split("## Checking")[0]
    blocks = re.findall(r"[→←] recap/1\n(.*?)(?=\n[→←]|\n```)", section, re.DOTALL)
    assert len(blocks) == 4
    messages = []
    for block in blocks:
        header, raw = [], []
        for line in block.splitlines():
            data = re.match(r"  ((?:[0-9a-f]{2} ?)+)(?:  |$)", line)
            raw.append(bytes.fromhex(data.group(1))) if data else header.append(line.strip())
        messages.append(wire.decode([b"recap/1", "".join(header).encode(), *raw]))
    begun, started, asked, done = messages
    assert begun.body["seed"] == 2**64 - 2 and begun.id == started.id and asked.id == done.id
    assert started.tensors["next.observation.state"].tolist() == [1, -2]
    assert done.tensors["observation.state"].tolist() == [[1, -2]]
    assert done.tensors["action"].tolist() == asked.tensors["action"].tolist() == [[0.5]]
    robot = Described(2, 0, {}, 1, 10, [])
    turn(started, robot, {"subtasks": []}, "none", 0)
    turn(done, robot, {"subtasks": []}, "none", 1)


def test_labels_are_read_as_the_archives_page_does(tmp_path, monkeypatch, capsys):
    write_run(tmp_path / "run")
    export(open_source(tmp_path / "run"), tmp_path / "demo-set")
    (example,) = re.findall(r"```python\n(import pyarrow.*?)```", ARCHIVE, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    exec(example, {})
    steps = sum(map(len, episodes()))
    assert re.fullmatch(rf"{steps} frames, [1-9]\d* positive\n", capsys.readouterr().out)
