"""Compares recap's transport with C on libzmq, and with pyzmq and Ray where they are installed, over loopback tcp.

Contenders take turns of a second or so at each kind of work, so that a machine that grows slower is slow for all.
Ratios are of one turn, and their median counts. See README.md beside this file.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from comparison.machine import Others, processor

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = Path(__file__).resolve().parent / "reference"


@dataclass(frozen=True)
class Kind:
    """A kind of work, and what is wanted of it."""

    name: str
    figure: str
    unit: str
    factor: float = 1
    against: str = ""
    """The work of the C program that the ratio is to."""
    share: float | None = None
    """The ratio that is wanted."""
    ray_share: float | None = None
    """The same to Ray, where it takes part."""
    limit: float | None = None
    """The figure that is wanted, in the unit."""
    less_is_better: bool = False


KINDS = [
    Kind("frames", "gigabytes_per_second", "GB/s", against="stream", share=0.85,
         ray_share=1.4),
    Kind("messages", "messages_per_second", "1000/s", 1e-3, against="messages", limit=150),
    Kind("trips", "median_us", "us", against="trips", limit=150, less_is_better=True),
]


@dataclass
class Outcome:
    """Figures of all turns, by contender."""

    turns: dict[str, list[float]] = field(default_factory=dict)
    others: list[float] = field(default_factory=list)

    def add(self, contender: str, value: float) -> None:
        self.turns.setdefault(contender, []).append(value)

    def median(self, contender: str) -> float | None:
        values = self.turns.get(contender)
        return statistics.median(values) if values else None

    def ratio(self, one: str, other: str) -> float | None:
        """The median over the turns of one contender's figure in another's."""
        pairs = list(zip(self.turns.get(one, []), self.turns.get(other, []), strict=False))
        return statistics.median(a / b for a, b in pairs) if pairs else None


def is_met(kind: Kind, outcome: Outcome) -> bool:
    """Whether both what is wanted of the ratio and of the figure itself is there."""
    own, ratio = outcome.median("recap"), outcome.ratio("recap", f"C {kind.against}")
    if own is None:
        return False
    if kind.limit is not None and (own > kind.limit if kind.less_is_better else own < kind.limit):
        return False
    to_ray = outcome.ratio("recap", "Ray")
    if kind.ray_share is not None and to_ray is not None and to_ray < kind.ray_share:
        return False
    return kind.share is None or (ratio is not None and ratio >= kind.share)


def line(command: list[str], kind: Kind) -> float:
    """Runs a program, and reads the figure from its line of JSON."""
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    if result.returncode != 0:
        sys.exit(f"{' '.join(command)} failed: {result.stderr.strip()}")
    figures = json.loads(result.stdout)
    return float(figures.get(kind.figure, 0)) * kind.factor


def contenders(kind: Kind, recap: str, c: str, seconds: float) -> dict[str, list[str]]:
    """The commands of this kind of work, by contender."""
    commands = {
        "recap": [recap, "transport", "--work", kind.name, "--seconds", str(seconds), "--json"],
        f"C {kind.name}": [c, kind.name, str(seconds)],
    }
    if kind.name == "frames":
        commands |= {f"C {work}": [c, work, str(seconds)] for work in ("stream", "raw")}
    for name, module in (("pyzmq", "zmq"), ("Ray", "ray")):
        if importlib.util.find_spec(module):
            script = str(REFERENCE / f"transport_{name.lower()}.py")
            commands[name] = [sys.executable, script, kind.name, str(seconds)]
    return commands


def report(kind: Kind, outcome: Outcome) -> str:
    """The lines of one kind of work."""
    lines = [f"{kind.name}, {kind.unit}"]
    for contender in outcome.turns:
        values = outcome.turns[contender]
        ratio = outcome.ratio("recap", contender)
        beside = "" if contender == "recap" or ratio is None else f"   recap: {ratio:.2f} of it"
        lines.append(
            f"  {contender:<12}{statistics.median(values):10.4g}"
            f"   ({min(values):.4g} to {max(values):.4g}){beside}"
        )
    wanted = []
    if kind.share is not None:
        wanted.append(f"{kind.share:g} of C {kind.against}")
    if kind.ray_share is not None and "Ray" in outcome.turns:
        wanted.append(f"{kind.ray_share:g} of Ray")
    if kind.limit is not None:
        wanted.append(f"{'at most' if kind.less_is_better else 'at least'} {kind.limit:g}")
    lines.append(
        f"  wanted: {', '.join(wanted)}: {'met' if is_met(kind, outcome) else 'not met'};"
        f" others used {statistics.mean(outcome.others):.2f} cores"
    )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", metavar="TEXT", help="kinds whose name has it")
    parser.add_argument("--rounds", type=int, default=7, help="turns of each contender (7)")
    parser.add_argument("--seconds", type=float, default=1.0, help="length of a turn (1)")
    parser.add_argument("--patience", type=float, default=5.0, metavar="SECONDS",
                        help="longest wait for a quiet machine before a turn (5)")
    parser.add_argument("--recap-bench", default=str(ROOT / ".build/release/recap-bench"))
    parser.add_argument("--json", action="store_true", help="one line of JSON instead")
    arguments = parser.parse_args()
    others = Others(lambda: [])
    outcomes: dict[str, Outcome] = {}
    with tempfile.TemporaryDirectory() as folder:
        c = f"{folder}/transport"
        subprocess.run(
            ["cc", "-O2", str(REFERENCE / "transport.c"), "-o", c, "-lzmq"], check=True)
        for kind in [kind for kind in KINDS if arguments.only in kind.name]:
            outcome = outcomes[kind.name] = Outcome()
            commands = contenders(kind, arguments.recap_bench, c, arguments.seconds)
            for turn in range(arguments.rounds):
                names = list(commands)
                # Who goes first changes.
                for name in names[turn % len(names):] + names[:turn % len(names)]:
                    others.wait_until_quiet(arguments.patience)
                    values: list[float] = []
                    command = commands[name]
                    used = others.during(lambda c=command, v=values, k=kind: v.append(line(c, k)))
                    outcome.others.append(used)
                    outcome.add(name, values[0])
            if not arguments.json:
                print(report(kind, outcome), flush=True)
    if arguments.json:
        print(json.dumps({
            kind.name: {
                "unit": kind.unit,
                "medians": {name: outcomes[kind.name].median(name) for name in outcomes[kind.name].turns},
                "ratio": outcomes[kind.name].ratio("recap", f"C {kind.against}"),
                "met": is_met(kind, outcomes[kind.name]),
                "others": statistics.mean(outcomes[kind.name].others),
            } for kind in KINDS if kind.name in outcomes}))
    else:
        print(f"{processor()}; medians of {arguments.rounds} turns, least and most behind them")


if __name__ == "__main__":
    main()
