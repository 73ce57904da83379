import pathlib
import re

import numpy as np
from talking import begin, execute, read

from recap_robot import Driver

TEXT = (pathlib.Path(__file__).parents[3] / "Documentation" / "Drivers.md").read_text()


def test_the_first_example_is_a_driver():
    code = re.search(r"```python\n(.*?)```", TEXT, re.DOTALL).group(1)
    names = {"__name__": "example"}
    exec(code, names)
    driver = Driver(names["Point"]())
    body, tensors = read(driver.answer(begin("reach", seed=1)))
    assert -1 <= tensors["next.observation.state"] < 0
    body, tensors = read(driver.answer(execute(1, np.ones((30, 1)))))
    assert body["outcome"] == "success"
    np.testing.assert_allclose(tensors["action"], 0.1)
