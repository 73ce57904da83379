"""Which cores the contenders compute on: a library that takes every core it sees gets no more."""

from __future__ import annotations

import os
from pathlib import Path


def use_cores(count: int) -> None:
    """Keeps this process, its later threads and its children to that many physical cores.

    Logical processors that share a core are taken only where there are too few cores. Does nothing
    where the system cannot do it (it is Linux's).
    """
    if not hasattr(os, "sched_setaffinity"):
        return
    allowed = sorted(os.sched_getaffinity(0))
    firsts = [processor for processor in allowed if _siblings(processor, allowed)[0] == processor]
    others = [processor for processor in allowed if processor not in firsts]
    os.sched_setaffinity(0, (firsts + others)[:count])


def _siblings(processor: int, allowed: list[int]) -> list[int]:
    """The allowed logical processors on this one's core, in order."""
    path = f"/sys/devices/system/cpu/cpu{processor}/topology/thread_siblings_list"
    try:
        ranges = Path(path).read_text().strip().split(",")
        bounds = [[int(bound) for bound in part.split("-")] for part in ranges]
    except (OSError, ValueError):
        return [processor]
    return [other for other in allowed if any(b[0] <= other <= b[-1] for b in bounds)]
