"""python -m recap_robot.conformance ipc:///tmp/robot.ipc; `recap robots check-driver` calls it."""

from __future__ import annotations

import argparse
import sys

from .checks import Settings
from .link import Link
from .report import Verdict, as_json, as_text
from .rules import check


def main(words: list[str] | None = None) -> None:
    """Tries a driver, and ends with status 1 where it breaks a rule."""
    parser = argparse.ArgumentParser(
        prog="python -m recap_robot.conformance",
        description="Tries every rule of the driver protocol. It resets the robot several times and executes "
        "--action, so stand by.",
    )
    parser.add_argument("endpoint", help="where the driver listens, such as ipc:///tmp/robot.ipc")
    parser.add_argument("--task", help="which task to try (default: the first)")
    parser.add_argument(
        "--action", type=_numbers, help="an action that holds still, as 0,0.1,0 (default: zeros)"
    )
    parser.add_argument(
        "--simulator",
        action="store_true",
        help="also try what a real robot cannot do or must not be asked: equal seeds, actions out of range",
    )
    parser.add_argument(
        "--patience",
        type=float,
        default=10,
        help="seconds that an answer may take, besides the time of its steps (default: 10)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    given = parser.parse_args(words)
    settings = Settings(
        task=given.task, patience=given.patience, simulator=given.simulator, action=given.action
    )
    try:
        link = Link(given.endpoint)
    except ValueError as error:
        parser.error(str(error))
    try:
        findings = check(link, settings)
    finally:
        link.close()
    print(as_json(findings) if given.json else as_text(findings))
    sys.exit(any(finding.verdict is Verdict.BROKEN for finding in findings))


def _numbers(text: str) -> list[float]:
    return [float(word) for word in text.split(",")]


if __name__ == "__main__":
    main()
