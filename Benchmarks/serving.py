"""Compares `recap serve` with a server built as openpi's is, on the same model and the same clients.

Starts reference/openpi_server.py, which has the reference model vla-tiny in JAX, and lets recap-bench ask it in turns
with recap's own server of that model. See README.md beside this file.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def main(arguments: list[str]) -> int:
    server = subprocess.Popen(
        [sys.executable, "-m", "reference.openpi_server"],
        cwd=HERE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stdout is not None
        port = server.stdout.readline().strip()
        if not port:
            print("the server in JAX could not be started", file=sys.stderr)
            return 1
        bench = HERE.parent / ".build/release/recap-bench"
        url = f"ws://127.0.0.1:{port}"
        return subprocess.call([bench, "serve", "--reference", "--against", url, *arguments])
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
