"""The tester passes drivers that keep the protocol, and names what each broken one does."""

import contextlib
import json
import tempfile
import threading
import time

import numpy as np
import pytest
import zmq
from toy_driver import ToyRobot

from recap_robot import Driver, wire
from recap_robot.conformance import Link, Settings, Verdict, as_text, check
from recap_robot.conformance.__main__ import main


@contextlib.contextmanager
def serving(answer):
    """A ROUTER whose answers `answer` makes from a request's frames: none, one or several messages."""
    with tempfile.TemporaryDirectory() as directory:
        endpoint = f"ipc://{directory}/driver"
        context, stop = zmq.Context(), threading.Event()
        socket = context.socket(zmq.ROUTER)
        socket.linger = 0
        socket.bind(endpoint)

        def serve():
            while not stop.is_set():
                if socket.poll(20):
                    identity, *frames = socket.recv_multipart()
                    for message in answer(frames):
                        socket.send_multipart([identity, *message])

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield endpoint
        finally:
            stop.set()
            thread.join()
            context.destroy()


def findings(answer, **settings):
    with serving(answer) as endpoint:
        link = Link(endpoint)
        try:
            return check(link, Settings(**{"patience": 0.5, "simulator": True} | settings))
        finally:
            link.close()


def broken(answer, **settings):
    """The names of the rules that a driver breaks, with what is said of each."""
    return {
        finding.rule: finding.detail
        for finding in findings(answer, **settings)
        if finding.verdict is Verdict.BROKEN
    }


def good(robot=None):
    driver = Driver(robot or ToyRobot())
    return lambda frames: [driver.answer(frames)]


def spoiled(change, robot=None):
    """A good driver whose replies are changed on their way out, by message type."""
    driver = Driver(robot or ToyRobot())

    def answer(frames):
        reply = wire.decode([bytes(frame) for frame in driver.answer(frames)])
        if reply.kind == "reply":
            reply.tensors = {name: tensor.copy() for name, tensor in reply.tensors.items()}
            change(reply)
        return [wire.encode(reply)]

    return answer


def test_a_good_driver_keeps_every_rule():
    found = findings(good())
    assert {finding.verdict for finding in found} == {Verdict.KEPT}, as_text(found)
    assert len(found) > 20


def test_a_real_robot_is_not_asked_for_what_it_cannot_do():
    class Careful(ToyRobot):
        def act(self, action):
            # 0.2 is the person's in a demonstration.
            assert np.abs(action).max() <= 0.21 and np.isfinite(action).all()
            return super().act(action)

    found = findings(good(Careful()), simulator=False, action=[0.01])
    assert {f.rule for f in found if f.verdict is Verdict.NOT_TRIED} == {"equal-seeds", "limits"}
    assert not [f for f in found if f.verdict is Verdict.BROKEN], as_text(found)


def test_a_driver_that_does_not_offer_it_is_not_told_to_hold():
    def old(reply):
        reply.body.pop("holds", None)

    found = findings(spoiled(old))
    assert {f.rule for f in found if f.verdict is Verdict.NOT_TRIED} == {"hold"}
    assert not [f for f in found if f.verdict is Verdict.BROKEN], as_text(found)


def test_a_hold_that_executes_is_named():
    class Eager(Driver):
        def _hold(self, request):
            self._turn += 1
            return self._carry_out(lambda: self._episode.execute(np.zeros((1, 1), np.float32), 1))

    driver = Eager(ToyRobot())
    found = broken(lambda frames: [driver.answer(frames)])
    assert "steps: expected at most 0, got 1" in found["hold"]


def retyped(reply):
    if "action" in reply.tensors:
        reply.tensors["action"] = reply.tensors["action"].astype(np.float64)


def reshaped(reply):
    if "next.observation.state" in reply.tensors:
        reply.tensors["next.observation.state"] = np.zeros((1, 1), np.float32)


def not_a_number(reply):
    if "next.observation.environment_state" in reply.tensors:
        reply.tensors["next.observation.environment_state"][1] = np.nan


def without_camera(reply):
    reply.tensors.pop("next.observation.images.eye", None)


def says_person(reply):
    if "personInControl" in reply.body:
        reply.body["personInControl"] = True


def counts_wrong(reply):
    if reply.body.get("steps"):
        reply.body["steps"] += 1


def odd_outcome(reply):
    if reply.body.get("outcome"):
        reply.body["outcome"] = "won"


def odd_criteria(reply):
    if reply.body.get("outcome"):
        reply.body["criteria"] = {"fold": "yes"}


def shifted(reply):
    """Row t is what was sensed after action t."""
    for name in list(reply.tensors):
        if name.startswith("next.") and name.removeprefix("next.") in reply.tensors:
            rows = reply.tensors[name.removeprefix("next.")]
            reply.tensors[name.removeprefix("next.")] = np.concatenate(
                [rows[1:], reply.tensors[name][None]]
            )


def no_rate(reply):
    if "embodiment" in reply.body:
        reply.body["embodiment"]["controlRate"] = 0


@pytest.mark.parametrize(
    ("change", "rule", "reason"),
    [
        (retyped, "execute", r"action: expected F32[2, 1], got F64[2, 1]"),
        (reshaped, "begin", "next.observation.state: expected F32[1], got F32[1, 1]"),
        (
            not_a_number,
            "begin",
            "next.observation.environment_state: expected finite numbers, got nan at [1]",
        ),
        (without_camera, "begin", "next.observation.images.eye: expected a raw frame U8[3, 4, 3]"),
        (says_person, "begin", "personInControl: expected false"),
        (counts_wrong, "execute", "steps: expected at most 2, got 3"),
        (odd_outcome, "ends", "expected 'success', 'failure', 'unjudged' or null, got 'won'"),
        (odd_criteria, "ends", "criteria: expected true or false by name, got {'fold': 'yes'}"),
        (shifted, "rows", "the first row of turn 1: observation.state differs"),
        (no_rate, "description", "embodiment.controlRate: expected a number above 0, got 0"),
    ],
)
def test_a_wrong_reply_is_named(change, rule, reason):
    # The action is not nothing, so that what is sensed changes.
    found = broken(spoiled(change), action=[0.01])
    assert reason in found[rule]


class Forgetful(Driver):
    """Executes again what is repeated."""

    def _again(self, id, turn):
        if turn == 0:
            self._episode.begin(1)
            return self._last
        return self._carry_out(lambda: self._episode.execute(np.full((2, 1), 0.01, np.float32), 2))


class Restless(ToyRobot):
    """Starts elsewhere each time."""

    def reset(self, task, seed, supervision):
        super().reset(task, self.resets, supervision)


class Strong(ToyRobot):
    """Has no limits."""

    def act(self, action):
        self.x += float(action[0])


class Endless(ToyRobot):
    tasks = [ToyRobot.tasks[1]]


def drivers_of_any_episode(frames, driver=Driver(ToyRobot())):  # noqa: B008 - one driver, as meant
    """Takes whatever episode is named for the running one."""
    with contextlib.suppress(wire.WireError):
        message = wire.decode(frames)
        if message.type == "driver.execute" and driver._episode_id:
            message.body["episode"] = driver._episode_id
            frames = wire.encode(message)
    return [driver.answer(frames)]


@pytest.mark.parametrize(
    ("answer", "rule", "reason"),
    [
        (
            lambda: good(Restless()),
            "equal-seeds",
            "the start of the same seed: observation.state differs",
        ),
        (lambda: good(Strong()), "limits", "asked for 1e+06"),
        (
            lambda: drivers_of_any_episode,
            "execute-refuses",
            "another episode: expected an error, got a reply",
        ),
    ],
)
def test_a_wrong_robot_is_named(answer, rule, reason):
    assert reason in broken(answer())[rule]


def test_a_driver_that_moves_twice_is_named():
    driver = Forgetful(ToyRobot())
    found = broken(lambda frames: [driver.answer(frames)], action=[0.01])
    assert "the repetition" in found["repeated-execute"]


def test_a_driver_whose_episodes_do_not_end_is_named():
    robot = Endless()
    driver = Driver(robot)
    object.__setattr__(robot.tasks[0], "maximum_steps", 5)
    described = driver._describe(None)
    driver._tasks["hold"].__dict__["maximum_steps"] = 10**6
    driver._handlers["driver.describe"] = lambda _: described
    try:
        found = broken(lambda frames: [driver.answer(frames)])
    finally:
        object.__setattr__(robot.tasks[0], "maximum_steps", 5)
    assert "expected an outcome after at most 5 steps" in found["ends"]


def test_another_version_is_named():
    driver = Driver(ToyRobot())
    found = broken(lambda frames: [[b"recap/2", *driver.answer(frames)[1:]]])
    assert "protocol version b'recap/2'" in found["answers"]


def test_an_empty_delimiter_frame_is_named():
    driver = Driver(ToyRobot())
    found = broken(lambda frames: [[b"", *driver.answer(frames)]])
    assert "empty delimiter frame" in found["answers"]


def test_another_id_is_named():
    found = broken(spoiled(lambda reply: setattr(reply, "id", "mine")))
    assert "id: expected the request's, 'check-1', got 'mine'" in found["answers"]


def test_a_frame_of_another_size_is_named():
    driver = Driver(ToyRobot())

    def cut(frames):
        reply = driver.answer(frames)
        return [[*reply[:-1], bytes(reply[-1])[:-1]] if len(reply) > 2 else reply]

    assert "takes" in broken(cut)["begin"] and "the frame has" in broken(cut)["begin"]


def test_silence_is_named_once_and_nothing_else_is_tried():
    found = findings(lambda frames: [], patience=0.1)
    assert found[0].verdict is Verdict.BROKEN and "no answer to driver.describe" in found[0].detail
    assert {finding.verdict for finding in found[1:]} == {Verdict.NOT_TRIED}


def test_a_late_answer_is_named_and_confuses_no_later_rule():
    driver, late = Driver(ToyRobot()), []

    def answer(frames):
        if wire.decode(frames).type == "driver.dance" and not late:
            late.append(True)
            time.sleep(0.5)
        return [driver.answer(frames)]

    found = {
        f.rule: f
        for f in findings(lambda frames: answer_or_error(answer, driver, frames), patience=0.3)
    }
    assert "no answer to driver.dance within 0.3 s" in found["unknown-type"].detail
    wrong = [name for name, finding in found.items() if finding.verdict is Verdict.BROKEN]
    assert wrong == ["unknown-type"]


def answer_or_error(answer, driver, frames):
    """Malformed messages cannot be looked into."""
    try:
        return answer(frames)
    except wire.WireError:
        return [driver.answer(frames)]


def test_two_answers_are_named():
    driver = Driver(ToyRobot())
    found = broken(lambda frames: [driver.answer(frames)] * 2)
    assert list(found) == ["one-answer"] and "more answers" in found["one-answer"]


def test_errors_without_words_are_named():
    driver = Driver(ToyRobot())

    def answer(frames):
        reply = wire.decode([bytes(frame) for frame in driver.answer(frames)])
        if reply.kind == "error":
            reply.body = {}
        return [wire.encode(reply)]

    assert "needs a 'reason'" in broken(answer)["unknown-type"]


def test_the_command_prints_the_list_and_ends_with_its_verdict(capsys):
    with serving(good()) as endpoint, pytest.raises(SystemExit) as ended:
        main([endpoint, "--simulator", "--json"])
    assert ended.value.code == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["ok"] and printed["rules"][0]["where"] == "WireProtocol.md, Rules"
    with serving(good(Restless())) as endpoint, pytest.raises(SystemExit) as ended:
        main([endpoint, "--simulator"])
    assert ended.value.code == 1
    text = capsys.readouterr().out
    assert "✗ Equal seeds start alike (Drivers.md, driver.begin)" in text
    assert "✓ Its description makes sense (Drivers.md, driver.describe)" in text
    with pytest.raises(SystemExit) as ended:
        main(["nowhere"])
    assert ended.value.code == 2


def test_the_paragraphs_named_are_there():
    import pathlib

    root = pathlib.Path(__file__).parents[3]
    pages = {
        "Drivers.md": "Documentation/Drivers.md",
        "WireProtocol.md": "Sources/Messaging/WireProtocol.md",
    }
    for finding in findings(good()):
        page, _, paragraph = finding.where.partition(", ")
        lines = (root / pages[page]).read_text(encoding="utf-8").splitlines()
        headings = [line.lstrip("#").strip().strip("`") for line in lines if line.startswith("#")]
        assert paragraph in headings, finding.where
