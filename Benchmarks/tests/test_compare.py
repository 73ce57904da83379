"""The comparison's arithmetic, with contenders that take the time they are told."""

import json
import sys
from collections.abc import Sequence

import pytest

from comparison.contenders import Failure, Measurement, Server
from comparison.goals import GOALS
from comparison.machine import Others, busy_ticks
from comparison.results import Row, closing_line, table
from comparison.rounds import Outcome, Schedule, Turn, measure, rotated
from reference.work import Work


class Told:
    """Takes these milliseconds, turn by turn; None is a failure."""

    version = "1"

    def __init__(self, key: str, times: Sequence[float | None]) -> None:
        self.key = key
        self._times = iter(times)

    def prepare(self, work: Work) -> None:
        pass

    def run(self, work: Work, seconds: float) -> Measurement:
        time = next(self._times)
        if time is None:
            raise Failure("out of memory")
        return Measurement(time)

    def close(self) -> None:
        pass


def outcome(name: str, **times: Sequence[float]) -> Outcome:
    turns = {key: [Turn(Measurement(time, 0.5), 0.0) for time in of] for key, of in times.items()}
    return Outcome(Work.parse(name), turns)


def test_training_is_told_in_samples_a_second() -> None:
    row = Row(
        outcome("train vla-tiny 32", recap=[100, 90, 200], jax=[400], eager=[200], compile=[160])
    )
    expected = {"recap": 320, "jax": 80, "torch": 200, "ratio": 1.6, "goal": 1.4}
    assert row.summary() == pytest.approx(expected)
    assert row.met
    assert row.cells()[-1] == "50%"


def test_sampling_is_told_in_milliseconds_and_jax_may_be_the_fastest() -> None:
    row = Row(outcome("sample vla-tiny 1", recap=[4], jax=[6], eager=[9], compile=[7]))
    assert row.summary() == {"recap": 4, "jax": 6, "torch": 7, "ratio": 1.5, "goal": 1.6}
    assert row.met is False


def test_who_is_missing_is_null() -> None:
    rows = [Row(outcome("sample vla-tiny 8", recap=[4], jax=[6]))]
    line = closing_line(rows)
    assert "\n" not in line
    assert json.loads(line)["sample vla-tiny 8"] == {
        "recap": 4,
        "jax": 6,
        "torch": None,
        "ratio": 1.5,
        "goal": GOALS["sample vla-tiny 8"],
    }
    assert Row(outcome("sample vla-tiny 8", jax=[6])).met is None


def test_disturbed_turns_count_only_where_there_are_no_others() -> None:
    def turn(time: float, others: float) -> Turn:
        return Turn(Measurement(time), others)

    mixed = Outcome(Work("train", "vla-tiny", 32))
    mixed.turns["recap"] = [turn(90, 0.9), turn(10, 0.0), turn(12, 0.05), turn(80, 0.5)]
    assert mixed.milliseconds("recap") == 11
    assert not mixed.disturbed
    mixed.turns["jax"] = [turn(30, 0.4), turn(50, 0.2)]
    assert mixed.milliseconds("jax") == 40
    assert mixed.disturbed
    assert "up to 0.4 cores" in table([Row(mixed)])


def test_a_contender_that_fails_leaves_the_row_and_is_named() -> None:
    contenders = [Told("recap", [10, 12]), Told("jax", [20, None]), Told("eager", [30, 30])]
    work = Work("train", "vla-tiny", 32)
    found = measure(work, contenders, Schedule(2, 0, 0), Others(lambda: []), lambda message: None)
    assert found.milliseconds("recap") == 11
    assert found.milliseconds("jax") is None
    assert "train vla-tiny 32: jax failed: out of memory" in table([Row(found)])


def test_everyone_is_first_once() -> None:
    contenders = [Told(key, []) for key in "abc"]
    orders = ["".join(c.key for c in rotated(contenders, number)) for number in range(4)]
    assert orders == ["abc", "bca", "cab", "abc"]


def test_time_that_the_host_took_away_is_busy_and_waiting_is_not() -> None:
    assert busy_ticks("cpu  1 20 300 4000 50000 600000 7000000 80000000 9 9\ncpu0 1\n") == 87600321


def test_goals_name_work() -> None:
    assert [str(Work.parse(name)) for name in GOALS] == list(GOALS)


def test_a_server_answers_fails_at_one_work_and_ends_with_its_input() -> None:
    program = """
import json, sys
print(json.dumps({"ready": "Example 1"}), flush=True)
for line in sys.stdin:
    command = json.loads(line)
    bad = command.get("prepare") == "train vla-small 32"
    print(json.dumps({"error": "too large"} if bad else {"milliseconds": 7}), flush=True)
"""
    server = Server("example", [sys.executable, "-c", program])
    assert server.version == "Example 1"
    with pytest.raises(Failure, match="too large"):
        server.prepare(Work("train", "vla-small", 32))
    server.prepare(Work("train", "vla-tiny", 32))
    assert server.run(Work("train", "vla-tiny", 32), 1) == Measurement(7)
    server.close()


def test_a_server_that_cannot_start_says_why() -> None:
    with pytest.raises(Failure, match="No module named 'absent'"):
        Server("example", [sys.executable, "-c", "import absent"])
