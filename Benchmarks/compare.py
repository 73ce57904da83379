"""Compares recap-bench with JAX and PyTorch at the same work, and prints the ratios.

Every contender is a process that has compiled and warmed up; they take turns, so that a machine that
grows slower is slow for all. See README.md beside this file for what is measured.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from comparison.contenders import Contender, Failure, RecapBench, Server
from comparison.goals import GOALS
from comparison.machine import Others, processor
from comparison.results import Row, closing_line, table
from comparison.rounds import Schedule, measure
from reference.cores import use_cores
from reference.work import Work

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    arguments = _arguments()
    works = [Work.parse(name) for name in GOALS if arguments.only in name]
    if not works:
        sys.exit(f"nothing is named like {arguments.only!r}; there are: {', '.join(GOALS)}")
    use_cores(arguments.threads)
    begin = time.monotonic()

    def report(message: str) -> None:
        minutes, seconds = divmod(int(time.monotonic() - begin), 60)
        print(f"[{minutes}:{seconds:02}] {message}", file=sys.stderr, flush=True)

    contenders, absent = _start(arguments)
    servers = [contender for contender in contenders if isinstance(contender, Server)]
    others = Others(lambda: [server.process for server in servers])
    schedule = Schedule(arguments.rounds, arguments.seconds, arguments.patience)
    rows = []
    try:
        for work in works:
            rows.append(Row(measure(work, contenders, schedule, others, report)))
            report("  ".join(rows[-1].cells()))
    except KeyboardInterrupt:
        report("interrupted: what was measured follows")
    finally:
        for contender in contenders:
            contender.close()

    output = sys.stderr if arguments.json else sys.stdout
    print(f"\n{processor()}; {arguments.threads} threads, float32", file=output)
    for contender in contenders:
        print(f"{contender.key}: {contender.version}", file=output)
    for key, why in absent.items():
        print(f"{key}: left out: {why}", file=output)
    if not others.measured:
        print("This system does not tell whether other processes disturbed this.", file=output)
    print(f"\n{table(rows)}\n", file=output, flush=True)
    print(closing_line(rows), flush=True)
    sys.exit("recap" in absent or any("recap" in row.outcome.failures for row in rows))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", metavar="TEXT", help="the rows whose name has it")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each contender (5)")
    parser.add_argument("--seconds", type=float, default=3.0, help="length of a turn (3)")
    parser.add_argument("--threads", type=int, default=2, help="threads of each contender (2)")
    parser.add_argument(
        "--patience",
        type=float,
        default=5.0,
        metavar="SECONDS",
        help="longest wait for a quiet machine before a turn (5)",
    )
    parser.add_argument(
        "--json", action="store_true", help="only the closing line on standard output"
    )
    parser.add_argument(
        "--recap-bench", type=Path, default=ROOT / ".build/release/recap-bench", metavar="PROGRAM"
    )
    for framework in ("jax", "torch"):
        parser.add_argument(
            f"--{framework}-python",
            default=sys.executable,
            metavar="PROGRAM",
            help=f"the Python that has {framework} (this one)",
        )
    arguments = parser.parse_args()
    if arguments.rounds < 1 or arguments.seconds <= 0 or arguments.threads < 1:
        parser.error("rounds, seconds and threads must be positive")
    return arguments


def _start(arguments: argparse.Namespace) -> tuple[list[Contender], dict[str, str]]:
    """The contenders that start, and why the others do not."""

    def server(key: str, python: str, module: str, *options: str) -> Server:
        command = [python, "-m", f"reference.{module}", "--serve"]
        return Server(key, [*command, "--threads", str(arguments.threads), *options])

    starts = {
        "recap": lambda: RecapBench(arguments.recap_bench, arguments.threads),
        "jax": lambda: server("jax", arguments.jax_python, "jax_reference"),
        "eager": lambda: server("eager", arguments.torch_python, "torch_reference"),
        "compile": lambda: server(
            "compile", arguments.torch_python, "torch_reference", "--compile"
        ),
    }
    contenders: list[Contender] = []
    absent: dict[str, str] = {}
    for key, start in starts.items():
        try:
            contenders.append(start())
        except Failure as failure:
            absent[key] = str(failure)
    return contenders, absent


if __name__ == "__main__":
    main()
