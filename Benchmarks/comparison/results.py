"""The result: ratios, a table for people and a line of JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from .goals import GOALS
from .rounds import Outcome

REFERENCES = ["jax", "eager", "compile"]
HEADINGS = ["work", "recap", "jax", "eager", "compile", "unit", "ratio", "goal", "met", "of peak"]


@dataclass(frozen=True)
class Row:
    """One kind of work. Times are milliseconds a step; None is a contender that did not take part."""

    outcome: Outcome

    @property
    def name(self) -> str:
        return str(self.outcome.work)

    @property
    def sampling(self) -> bool:
        return self.outcome.work.mode == "sample"

    @property
    def goal(self) -> float | None:
        return GOALS.get(self.name)

    @property
    def ratio(self) -> float | None:
        """How many times faster recap is than the fastest reference."""
        recap = self.outcome.milliseconds("recap")
        fastest = self._least(REFERENCES)
        return None if recap is None or fastest is None else fastest / recap

    @property
    def met(self) -> bool | None:
        """Whether the goal is met, or None where nobody can tell."""
        return None if self.ratio is None or self.goal is None else self.ratio >= self.goal

    def figure(self, milliseconds: float | None) -> float | None:
        """Milliseconds for a sampling, samples a second for training."""
        if milliseconds is None or self.sampling:
            return milliseconds
        return self.outcome.work.batch / milliseconds * 1e3

    def summary(self) -> dict[str, float | None]:
        """The row of the closing line. "torch" is the faster of eager and compiled."""
        figures = {
            "recap": self.figure(self.outcome.milliseconds("recap")),
            "jax": self.figure(self.outcome.milliseconds("jax")),
            "torch": self.figure(self._least(["eager", "compile"])),
            "ratio": self.ratio,
        }
        rounded = {
            key: None if figure is None else float(f"{figure:.5g}")
            for key, figure in figures.items()
        }
        return {**rounded, "goal": self.goal}

    def cells(self) -> list[str]:
        """The row of the table."""
        share = self.outcome.share_of_peak("recap")
        return [
            self.name + (" *" if self.outcome.disturbed else ""),
            *(
                _number(self.figure(self.outcome.milliseconds(key)))
                for key in ["recap", *REFERENCES]
            ),
            "ms" if self.sampling else "samples/s",
            "-" if self.ratio is None else f"{self.ratio:.2f}",
            "-" if self.goal is None else f"{self.goal:.1f}",
            {None: "-", True: "yes", False: "no"}[self.met],
            "-" if share is None else f"{share:.0%}",
        ]

    def _least(self, keys: Sequence[str]) -> float | None:
        times = [time for key in keys if (time := self.outcome.milliseconds(key)) is not None]
        return min(times, default=None)


def table(rows: Sequence[Row]) -> str:
    """The table, and under it what disturbed it and who failed."""
    lines = [HEADINGS, *(row.cells() for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADINGS))]
    text = [
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in lines
    ]
    for row in rows:
        if row.outcome.disturbed:
            text.append(
                f"* {row.name}: other processes used up to {row.outcome.disturbance:.1f} cores"
                " meanwhile; do not trust this row"
            )
        text += [f"{row.name}: {key} failed: {why}" for key, why in row.outcome.failures.items()]
    return "\n".join(text)


def closing_line(rows: Sequence[Row]) -> str:
    """All rows as one line of JSON."""
    return json.dumps({row.name: row.summary() for row in rows})


def _number(value: float | None) -> str:
    """Three digits that count, or more where the whole part has more."""
    if value is None:
        return "-"
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"
