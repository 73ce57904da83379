"""Cameras as MP4 files, through the `ffmpeg` program."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess

import numpy as np
import numpy.typing as npt

CODEC = "h264"
PIXELS = "yuv420p"


def program() -> str | None:
    """Where ffmpeg is: what FFMPEG names, or what the path has."""
    return os.environ.get("FFMPEG") or shutil.which("ffmpeg")


def require_encoder() -> str:
    """ffmpeg's path.

    Raises:
        RuntimeError: Where there is none.
    """
    found = program()
    if found is None:
        raise RuntimeError(
            "videos need ffmpeg, which is not installed; leave them out to keep every frame as an image"
        )
    return found


def encode(frames: npt.NDArray[np.uint8], path: pathlib.Path, fps: float) -> None:
    """Writes frames [T, height, width, 3] as an H.264 video of T frames.

    Raises:
        RuntimeError: With ffmpeg's words where it fails.
    """
    height, width = frames.shape[1:3]
    if height % 2 or width % 2:
        raise RuntimeError(f"H.264 needs even sides, got {height} × {width}: keep frames as images")
    _run(
        ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", f"{fps:g}", "-i", "-"]
        # A key frame every other frame, so that single frames are quick to find.
        + ["-c:v", "libx264", "-preset", "medium", "-crf", "18", "-g", "2", "-pix_fmt", PIXELS]
        + ["-y", str(path)],
        frames.tobytes(),
    )  # fmt: skip


def decode(
    path: pathlib.Path, height: int, width: int, first: int, count: int
) -> npt.NDArray[np.uint8]:
    """Frames `first` … `first + count` of a video: uint8 [count, height, width, 3].

    Raises:
        RuntimeError: Where ffmpeg fails or the video is shorter.
    """
    chosen = f"select=between(n\\,{first}\\,{first + count - 1})"
    data = _run(
        [
            "-i",
            str(path),
            "-vf",
            chosen,
            "-fps_mode",
            "passthrough",
            "-f",
            "rawvideo",
            "-pix_fmt",
            "rgb24",
            "-",
        ]
    )
    expected = count * height * width * 3
    if len(data) != expected:
        raise RuntimeError(
            f"{path}: expected {count} frames of {height} × {width} from frame {first}, "
            f"which are {expected} bytes; got {len(data)}"
        )
    return np.frombuffer(data, np.uint8).reshape(count, height, width, 3)


def _run(arguments: list[str], data: bytes | None = None) -> bytes:
    command = [require_encoder(), "-hide_banner", "-loglevel", "error", *arguments]
    if data is None:
        result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    else:
        result = subprocess.run(command, input=data, capture_output=True, check=False)
    if result.returncode:
        raise RuntimeError(f"ffmpeg failed: {result.stderr.decode(errors='replace').strip()}")
    return result.stdout
