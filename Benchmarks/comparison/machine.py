"""The machine: its processor, and how much of it others use meanwhile (Linux's /proc)."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Iterable
from pathlib import Path

TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
DISTURBED = 0.1
"""Cores that others may use before a measurement counts as disturbed."""


def processor() -> str:
    """The processor's name and the number of logical processors."""
    name = platform.processor() or platform.machine()
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                name = line.partition(":")[2].strip()
                break
    except OSError:
        pass
    return f"{name}, {os.cpu_count()} logical processors"


class Others:
    """The processor time that processes other than ours use, and that the host takes away."""

    def __init__(self, servers: Callable[[], Iterable[int]]) -> None:
        """`servers` gives the identifiers of our running processes."""
        self._servers = servers
        self.measured = Path("/proc/stat").exists()
        """Whether this system tells."""

    def during(self, action: Callable[[], object]) -> float:
        """Cores that others used on average while the action ran."""
        begin, used = time.monotonic(), self._seconds()
        action()
        elapsed = time.monotonic() - begin
        # The system counts in hundredths of seconds, so that a difference may come out below zero.
        return max(0.0, (self._seconds() - used) / elapsed) if elapsed > 0 else 0.0

    def wait_until_quiet(self, patience: float) -> None:
        """Waits until others are quiet, for that many seconds at the most."""
        deadline = time.monotonic() + patience
        while self.measured and time.monotonic() < deadline:
            if self.during(lambda: time.sleep(0.3)) < DISTURBED:
                return

    def _seconds(self) -> float:
        if not self.measured:
            return 0.0
        own = os.times()
        ours = own.user + own.system + own.children_user + own.children_system
        ours += sum(_process_ticks(process) for process in self._servers()) / TICKS_A_SECOND
        return busy_ticks(Path("/proc/stat").read_text()) / TICKS_A_SECOND - ours


def busy_ticks(stat: str) -> int:
    """Ticks in which a processor worked, or was wanted but taken by the host, from /proc/stat."""
    user, nice, system, _idle, _waiting, interrupt, soft_interrupt, steal = (
        int(field) for field in stat.split("\n", 1)[0].split()[1:9]
    )
    return user + nice + system + interrupt + soft_interrupt + steal


def _process_ticks(process: int) -> int:
    """Ticks that a process and its waited-for children worked."""
    try:
        stat = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return 0
    # The second field is the program's name in parentheses and may contain anything.
    return sum(int(field) for field in stat.rpartition(")")[2].split()[11:15])
