import pathlib
import re

import numpy as np
from talking import begin, execute, read

from recap_robot import Driver

TEXT = (pathlib.Path(__file__).parents[3] / "Documentation" / "Drivers.md").read_text()

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
    monkeypatch.setattr("recap_robot.serve", lambda robot, endpoint: served.append(endpoint))
    for arguments in (words, words[:1]):
        filled = [word.replace("{endpoint}", "ipc:///tmp/mine") for word in arguments]
        monkeypatch.setattr("sys.argv", filled)
        exec(EXAMPLE, {"__name__": "__main__"})
    assert served == ["ipc:///tmp/mine", "ipc:///tmp/point.ipc"]
