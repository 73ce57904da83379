"""A collector's side of the link, which looks at every frame that comes back."""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence
from typing import Any

import numpy.typing as npt
import zmq

from .. import wire


class Broken(Exception):
    """The driver broke a rule; the text says which way, for people."""


class NoAnswer(Broken):
    """The driver has not answered in time."""


class Refused(Exception):
    """The driver answered with an error, which may be what it should do."""


class Link:
    """Asks a driver one thing after the other."""

    def __init__(self, endpoint: str) -> None:
        """
        Args:
            endpoint: Where the driver listens.

        Raises:
            ValueError: For what is no endpoint.
        """
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.DEALER)
        self._socket.setsockopt(zmq.LINGER, 0)
        try:
            self._socket.connect(endpoint)
        except zmq.ZMQError as error:
            self._context.destroy()
            raise ValueError(f"{endpoint!r} is no endpoint: {error}") from None
        self._numbers = itertools.count(1)
        self._answered: set[str] = set()
        self._given_up: set[str] = set()
        self.surplus = 0
        """Answers beyond the one that each request gets."""

    def close(self) -> None:
        """Ends the connection."""
        self._context.destroy()

    def ask(
        self,
        type: str,
        body: dict[str, Any],
        tensors: dict[str, npt.NDArray[Any]] | None = None,
        *,
        within: float,
    ) -> wire.Message:
        """The driver's reply.

        Args:
            type: Such as "driver.begin".
            body: The request's fields.
            tensors: The request's raw frames.
            within: Seconds that the answer may take.

        Raises:
            Broken: Where no answer comes in time, or one that is not a message of the protocol.
            Refused: Where the answer is an error.
        """
        id = f"check-{next(self._numbers)}"
        message = wire.Message(id, type, "request", body, tensors or {})
        return self.answer(wire.encode(message), id=id, type=type, within=within)

    def answer(
        self,
        frames: Sequence[bytes | memoryview],
        *,
        id: str | None,
        type: str | None,
        within: float,
    ) -> wire.Message:
        """As `ask`, for frames that need not be a valid request.

        Args:
            frames: As they are sent.
            id: What the answer's must be; None for any.
            type: What the answer's must be; None for any.
            within: Seconds that the answer may take.
        """
        self._socket.send_multipart(frames)
        message = self._next(time.monotonic() + within)
        if message is None:
            if id is not None:
                self._given_up.add(id)
            raise NoAnswer(f"no answer to {type or 'a message'} within {within:g} s")
        self._answered.add(message.id)
        if id is None:
            # Its answers may have no id, so what else comes of it could be taken for the next one's.
            self.listen(0.05)
        if message.kind not in ("reply", "error"):
            raise Broken(f"kind: expected 'reply' or 'error', got {message.kind!r}")
        for name, expected, got in (("id", id, message.id), ("type", type, message.type)):
            if expected is not None and got != expected:
                raise Broken(f"{name}: expected the request's, {expected!r}, got {got!r}")
        if message.kind == "error":
            reason = message.body.get("reason")
            if not isinstance(reason, str) or not reason.strip():
                raise Broken(f"an error's body needs a 'reason' in words, got {message.body!r}")
            raise Refused(reason)
        return message

    def listen(self, seconds: float) -> None:
        """Waits for answers that nobody has asked for, and counts them as surplus."""
        while self._socket.poll(round(seconds * 1000)):
            self._socket.recv_multipart()
            self.surplus += 1

    def _next(self, deadline: float) -> wire.Message | None:
        """The next answer that is not a late or repeated one; None where none comes in time."""
        while (left := deadline - time.monotonic()) > 0 and self._socket.poll(
            max(1, round(left * 1000))
        ):
            message = _decoded(self._socket.recv_multipart())
            if message.id and message.id in self._answered:
                self.surplus += 1
            elif message.id not in self._given_up:
                return message
        return None


def _decoded(frames: Sequence[bytes]) -> wire.Message:
    if frames and frames[0] == b"":
        raise Broken(
            "the answer begins with an empty delimiter frame; there is none in this protocol"
        )
    try:
        return wire.decode(frames)
    except wire.WireError as error:
        raise Broken(str(error)) from None
