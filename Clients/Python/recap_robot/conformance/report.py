"""What was found, for people and for programs."""

from __future__ import annotations

import enum
import json
from collections.abc import Sequence
from dataclasses import dataclass


class Verdict(str, enum.Enum):
    """What came of a rule."""

    KEPT = "kept"
    BROKEN = "broken"
    NOT_TRIED = "not tried"


@dataclass(frozen=True)
class Finding:
    """One rule, and what came of it."""

    rule: str
    """A stable name."""
    says: str
    """The rule in a sentence."""
    where: str
    """The page and paragraph that tell of it."""
    verdict: Verdict
    detail: str = ""
    """What was expected and what came, or why it was not tried."""


_MARKS = {Verdict.KEPT: "✓", Verdict.BROKEN: "✗", Verdict.NOT_TRIED: "–"}


def as_text(findings: Sequence[Finding]) -> str:
    """A line for each rule, what is wrong below it, and a line of counts."""
    lines = []
    for finding in findings:
        lines.append(f"{_MARKS[finding.verdict]} {finding.says} ({finding.where})")
        if finding.detail:
            lines.append(f"    {finding.detail}")
    counts = {verdict: sum(f.verdict is verdict for f in findings) for verdict in Verdict}
    lines.append(", ".join(f"{count} {verdict.value}" for verdict, count in counts.items()))
    return "\n".join(lines)


def as_json(findings: Sequence[Finding]) -> str:
    """An object with `ok` and the `rules`."""
    return json.dumps(
        {
            "ok": all(finding.verdict is not Verdict.BROKEN for finding in findings),
            "rules": [
                {
                    "rule": finding.rule,
                    "says": finding.says,
                    "where": finding.where,
                    "verdict": finding.verdict.value,
                    "detail": finding.detail,
                }
                for finding in findings
            ],
        },
        indent=2,
        ensure_ascii=False,
    )
