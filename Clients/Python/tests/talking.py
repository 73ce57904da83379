"""The collector's side of the protocol, for tests."""

from __future__ import annotations

import itertools

import numpy as np

from recap_robot import wire

_ids = itertools.count()


class Refusal(Exception):
    """The driver answered with an error."""


def request(type, body=None, tensors=None, id=None):
    """A request's frames."""
    id = f"r{next(_ids)}" if id is None else id
    return wire.encode(wire.Message(id, type, "request", body or {}, tensors or {}))


def begin(task="reach", seed=1, supervision="none", episode="e", **fields):
    body = {"episode": episode, "task": task, "seed": seed, "supervision": supervision}
    return request("driver.begin", body | fields)


def execute(turn, actions=None, steps=None, episode="e", id=None):
    tensors = {}
    if actions is not None:
        tensors = {"action": np.asarray(actions, np.float32)}
        steps = len(actions) if steps is None else steps
    body = {"episode": episode, "turn": turn, "steps": 4 if steps is None else steps}
    return request("driver.execute", body, tensors, id)


def hold(turn, episode="e"):
    return request("driver.hold", {"episode": episode, "turn": turn})


def read(frames):
    """The reply's body and tensors."""
    message = wire.decode(frames)
    if message.kind == "error":
        raise Refusal(message.body["reason"])
    assert message.kind == "reply"
    return message.body, message.tensors
