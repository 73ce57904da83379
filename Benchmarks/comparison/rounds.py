"""Rounds: every contender has a turn at the same work, one after another, and again."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from reference.work import Work

from .contenders import Contender, Failure, Measurement
from .machine import DISTURBED, Others


@dataclass(frozen=True)
class Turn:
    """One contender's measurement, and the cores that others used meanwhile."""

    measurement: Measurement
    others: float


@dataclass
class Outcome:
    """What the contenders took for one kind of work."""

    work: Work
    turns: dict[str, list[Turn]] = field(default_factory=lambda: defaultdict(list))
    failures: dict[str, str] = field(default_factory=dict)

    def milliseconds(self, key: str) -> float | None:
        """A contender's median over its undisturbed turns, or over all where none was; or None."""
        turns = self._counted(key)
        return statistics.median(t.measurement.milliseconds for t in turns) if turns else None

    def share_of_peak(self, key: str) -> float | None:
        shares = [
            share for t in self._counted(key) if (share := t.measurement.share_of_peak) is not None
        ]
        return statistics.median(shares) if shares else None

    @property
    def disturbance(self) -> float:
        """Cores that others used in the worst of the turns that count."""
        return max((turn.others for key in self.turns for turn in self._counted(key)), default=0.0)

    @property
    def disturbed(self) -> bool:
        return self.disturbance >= DISTURBED

    def _counted(self, key: str) -> list[Turn]:
        turns = self.turns.get(key, [])
        return [turn for turn in turns if turn.others < DISTURBED] or turns


@dataclass(frozen=True)
class Schedule:
    """How long to measure: `rounds` turns of `seconds` each; `patience` is the longest wait for a
    quiet machine before a turn."""

    rounds: int
    seconds: float
    patience: float


def measure(
    work: Work,
    contenders: Sequence[Contender],
    schedule: Schedule,
    others: Others,
    report: Callable[[str], None],
) -> Outcome:
    """Takes the turns. A contender that fails has no more turns at this work."""
    outcome = Outcome(work)

    def attempt(contender: Contender, action: Callable[[], None]) -> None:
        if contender.key in outcome.failures:
            return
        try:
            action()
        except Failure as failure:
            outcome.failures[contender.key] = str(failure)
            outcome.turns.pop(contender.key, None)

    def turn(contender: Contender) -> None:
        others.wait_until_quiet(schedule.patience)
        measured: list[Measurement] = []
        used = others.during(lambda: measured.append(contender.run(work, schedule.seconds)))
        outcome.turns[contender.key].append(Turn(measured[0], used))

    for contender in contenders:
        report(f"{work}: {contender.key} gets ready")
        attempt(contender, lambda contender=contender: contender.prepare(work))  # type: ignore[misc]
    for number in range(schedule.rounds):
        for contender in rotated(contenders, number):
            report(f"{work}: round {number + 1} of {schedule.rounds}, {contender.key}")
            attempt(contender, lambda contender=contender: turn(contender))  # type: ignore[misc]
    return outcome


def rotated(contenders: Sequence[Contender], number: int) -> list[Contender]:
    """Their order in that round: each is first once before one is first again."""
    first = number % len(contenders) if contenders else 0
    return [*contenders[first:], *contenders[:first]]
