"""The socket around a driver."""

from __future__ import annotations

import ipaddress
import logging
import os
import pathlib
import signal
import sys
import threading
from types import FrameType

import zmq

from .driver import Driver
from .robot import Robot

log = logging.getLogger("recap_robot")

LIFELINE = "RECAP_STOP_WITH_STDIN"
"""Set to 1 by recap where it starts a driver: stop when standard input closes, since recap is gone then."""

_LARGEST_FRAME = 64 << 20
_POLL_MILLISECONDS = 200


def serve(robot: Robot, endpoint: str, *, stop: threading.Event | None = None) -> None:
    """Answers collectors until interrupted, terminated or told to stop; then closes the robot.

    Args:
        robot: What to serve.
        endpoint: Where to listen: "ipc:///run/robot.ipc" or "tcp://127.0.0.1:5600". There are no keys on this
            link, so only this machine may be let in.
        stop: Ends the serving from another thread.

    Raises:
        ValueError: For an endpoint that other machines could reach.
    """
    check_local(endpoint)
    driver = Driver(robot)
    context = zmq.Context()
    socket = context.socket(zmq.ROUTER)
    socket.setsockopt(zmq.MAXMSGSIZE, _LARGEST_FRAME)
    socket.setsockopt(zmq.LINGER, 500)
    started_by_recap = os.environ.get(LIFELINE) == "1"
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, _terminate)
        if started_by_recap:
            # Ctrl-C reaches every process at the terminal; recap ends its episodes first.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        socket.bind(endpoint)
        log.info("serving %s on %s", robot.embodiment.name, endpoint)
        _answer_until_stopped(
            driver, socket, stop, sys.stdin.fileno() if started_by_recap else None
        )
    except KeyboardInterrupt:
        pass
    finally:
        robot.close()
        socket.close()
        context.term()
        if endpoint.startswith("ipc:///"):
            # ZeroMQ leaves the file behind.
            pathlib.Path(endpoint.removeprefix("ipc://")).unlink(missing_ok=True)


def check_local(endpoint: str) -> None:
    """Raises ValueError for an endpoint that other machines could reach."""
    if endpoint.startswith(("ipc://", "inproc://")):
        return
    if endpoint.startswith("tcp://"):
        host = endpoint.removeprefix("tcp://").rpartition(":")[0].strip("[]")
        try:
            if host == "localhost" or ipaddress.ip_address(host).is_loopback:
                return
        except ValueError:
            pass
    raise ValueError(
        f"{endpoint!r} is not local: the driver link has no keys, so listen on ipc:// or on "
        "tcp://127.0.0.1 and run the collector on this machine"
    )


def _answer_until_stopped(
    driver: Driver,
    socket: zmq.Socket[bytes],
    stop: threading.Event | None,
    lifeline: int | None,
) -> None:
    poller = zmq.Poller()
    poller.register(socket, zmq.POLLIN)
    if lifeline is not None:
        poller.register(lifeline, zmq.POLLIN)
    while stop is None or not stop.is_set():
        # Never without a limit: a signal that comes just before the poll is seen only after it.
        events = dict(poller.poll(_POLL_MILLISECONDS))
        if lifeline is not None and lifeline in events and not os.read(lifeline, 4096):
            return
        if socket in events:
            identity, *frames = socket.recv_multipart()
            answer = driver.answer(frames)
            if answer is not None:
                socket.send_multipart([identity, *answer])


def _terminate(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
