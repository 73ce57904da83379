"""What Ray gives a Python program: calls of an actor in another process, of which it prints transport.c's line.

    transport_ray.py frames|messages|trips SECONDS
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from typing import Any

import numpy as np
import ray

LARGE, SMALL, SLOTS = 4 << 20, 100, 16


@ray.remote
class Receiver:
    """Reads a word of every cache line, as the other programs do, and answers."""

    def take(self, message: np.ndarray | bytes) -> int:
        return int(message[::64].sum()) if isinstance(message, np.ndarray) else message[0]


def main() -> None:
    work, seconds = sys.argv[1], float(sys.argv[2])
    large = work == "frames"
    window = {"frames": 8, "messages": 256, "trips": 1}[work]
    ray.init(
        num_cpus=2, include_dashboard=False, logging_level="ERROR", log_to_driver=False,
        object_store_memory=1 << 30)
    receiver: Any = Receiver.remote()  # type: ignore[attr-defined]
    size = LARGE if large else SMALL
    messages: list[np.ndarray | bytes] = (
        [np.full(size, slot, np.uint8) for slot in range(SLOTS)] if large else [b"x" * size])
    ray.get(receiver.take.remote(messages[0]))
    waiting: list[Any] = []
    trips: list[float] = []
    sent = 0
    start = time.perf_counter()
    while time.perf_counter() - start < seconds:
        asked = time.perf_counter()
        waiting.append(receiver.take.remote(messages[sent % len(messages)]))
        sent += 1
        if len(waiting) >= window:
            # Answers come in the order of the calls; half at a time costs Ray less than one after the other.
            half = max(1, window // 2)
            ray.get(waiting[:half])
            del waiting[:half]
        if window == 1:
            trips.append(time.perf_counter() - asked)
    ray.get(waiting)
    took = time.perf_counter() - start
    line = {
        "work": work,
        "bytes": size,
        "messages_per_second": sent / took,
        "gigabytes_per_second": sent * size / took / 1e9,
    }
    if trips:
        line["median_us"] = statistics.median(trips) * 1e6
    print(json.dumps(line))
    ray.shutdown()


if __name__ == "__main__":
    main()
