import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import threading
from random import Random

import pytest
import zmq
from talking import begin, execute, read, request
from toy_driver import ToyRobot

from recap_robot import serve
from recap_robot.server import LIFELINE, check_local

HERE = pathlib.Path(__file__).parent
PATIENCE = 20_000  # ms


@pytest.fixture
def endpoint():
    # Not pytest's own directory: socket paths are limited to 107 bytes.
    with tempfile.TemporaryDirectory() as directory:
        yield f"ipc://{directory}/driver"


class Collector:
    """A DEALER socket, as a collector has."""

    def __init__(self, endpoint):
        self.context = zmq.Context()
        self.socket = self.context.socket(zmq.DEALER)
        self.socket.linger = 0
        self.socket.connect(endpoint)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.context.destroy()

    def ask(self, frames):
        self.socket.send_multipart(frames)
        return self.receive()

    def receive(self):
        assert self.socket.poll(PATIENCE), "no answer"
        return self.socket.recv_multipart()


def test_two_collectors_are_answered_and_the_robot_is_closed(endpoint):
    robot, stop = ToyRobot(), threading.Event()
    thread = threading.Thread(target=serve, args=(robot, endpoint), kwargs={"stop": stop})
    thread.start()
    try:
        with Collector(endpoint) as one, Collector(endpoint) as two:
            assert read(one.ask(request("driver.describe")))[0]["tasks"]
            read(one.ask(begin()))
            assert b"error" in two.ask([b"recap/1", b"{"])[1]
            # Repeated while it is being answered: two answers, one motion.
            once = execute(1, [[0.1]])
            one.socket.send_multipart(once)
            assert one.ask(once) == one.receive()
            assert robot.moves == 1
    finally:
        stop.set()
        thread.join(20)
    assert not thread.is_alive() and robot.closed


def _damaged(frames, random):
    """The frames with bytes changed, added or lost, a frame more or less, or a header value of another type."""
    frames = [bytearray(frame) for frame in frames]
    for _ in range(random.randint(1, 3)):
        place = random.randrange(len(frames)) if frames else 0
        match random.randrange(6) if frames else 5:
            case 0 if frames[place]:
                frames[place][random.randrange(len(frames[place]))] = random.randrange(256)
            case 1:
                del frames[place][random.randint(0, len(frames[place])) :]
            case 2:
                frames[place] += random.randbytes(random.randint(1, 40))
            case 3:
                del frames[place]
            case 4 if len(frames) > 1:
                odd = random.choice(["[]", "{}", "null", "-1", "1e999", "9" * 5000, '"\\ud800"'])
                header = re.sub(
                    rb'(?<=: )("[^"]*"|\d+|\[\])',
                    lambda found: odd.encode() if random.random() < 0.2 else found[0],
                    bytes(frames[1]),
                )
                frames[1] = bytearray(header)
            case 5:
                frames.insert(place, bytearray(random.randbytes(random.randint(0, 40))))
    return [bytes(frame) for frame in frames]


def test_10_000_damaged_messages_crash_nothing_and_leave_nothing_behind(endpoint, caplog):
    caplog.set_level("ERROR")
    robot, stop = ToyRobot(), threading.Event()
    thread = threading.Thread(target=serve, args=(robot, endpoint), kwargs={"stop": stop})
    thread.start()
    random = Random(5)
    try:
        with Collector(endpoint) as one, Collector(endpoint) as other:
            read(one.ask(begin(episode="mine")))
            read(other.ask(request("driver.describe")))  # both are connected before anything is counted
            files, threads = len(os.listdir("/proc/self/fd")), threading.active_count()
            whole = [
                request("driver.describe"),
                begin(episode="theirs"),
                execute(1, [[0.1]], episode="theirs"),
            ]
            other.socket.sndtimeo = PATIENCE
            for _ in range(10_000):
                other.socket.send_multipart(_damaged(random.choice(whole), random) or [b""])
            other.socket.send_multipart(request("driver.describe", id="last"))
            while b'"last"' not in (answer := other.receive())[1]:
                pass
            assert read(answer)[0]["tasks"]
            # What the damage left whole was an episode like any other; this one comes after it.
            read(one.ask(begin(episode="again")))
            read(one.ask(execute(1, [[0.1]], episode="again")))
            assert len(os.listdir("/proc/self/fd")) == files
            assert threading.active_count() == threads
    finally:
        stop.set()
        thread.join(20)
    assert not thread.is_alive() and robot.closed


@pytest.mark.parametrize("end", ["terminate", "interrupt", "lifeline"])
def test_a_driver_process_ends_cleanly(endpoint, end):
    environment = os.environ | {"PYTHONPATH": str(HERE.parent)}
    if end == "lifeline":
        environment[LIFELINE] = "1"
    driver = subprocess.Popen(
        [sys.executable, HERE / "toy_driver.py", "--endpoint", endpoint],
        env=environment,
        stdin=subprocess.PIPE,
        # A test run in the background ignores Ctrl-C, and its children would inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        with Collector(endpoint) as collector:
            read(collector.ask(request("driver.describe")))
        if end == "lifeline":
            driver.stdin.close()
        else:
            driver.send_signal(signal.SIGTERM if end == "terminate" else signal.SIGINT)
        assert driver.wait(20) == 0
        assert not pathlib.Path(endpoint.removeprefix("ipc://")).exists()
    finally:
        driver.kill()


@pytest.mark.parametrize(
    "where", ["tcp://*:5", "tcp://0.0.0.0:5", "tcp://10.0.0.1:5", "tcp://host:5", "udp://x"]
)
def test_other_machines_are_kept_out(where):
    with pytest.raises(ValueError, match="no keys"):
        serve(ToyRobot(), where)


@pytest.mark.parametrize(
    "where", ["ipc:///a/b", "tcp://127.0.0.1:5", "tcp://[::1]:5", "tcp://localhost:*"]
)
def test_this_machine_is_let_in(where):
    check_local(where)
