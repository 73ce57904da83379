"""Writes the fixtures, or tests the package that makes them; run in the folder that holds it:

python -m golden DIRECTORY    writes policy.safetensors, policy_vision.safetensors, value.safetensors
python -m golden --check      tests the package and says how far 32-bit arithmetic strays from it
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from .checks import check_all
from .fixtures import write_fixtures
from .precision import compare_precisions


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m golden",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("directory", type=Path, nargs="?", help="where the fixtures are written")
    parser.add_argument("--check", action="store_true", help="test the package instead")
    arguments = parser.parse_args()
    # One thread adds up in one order: the same bytes each time.
    torch.set_num_threads(1)
    if arguments.check:
        check_all()
        compare_precisions()
    elif arguments.directory is not None:
        write_fixtures(arguments.directory)
    else:
        parser.error("a directory or --check is needed")


if __name__ == "__main__":
    main()
