"""The robot's side of recap: subclass `Robot`, then call `main` or `serve` with it."""

from .command_line import main
from .driver import Driver
from .robot import Robot
from .server import serve
from .types import Camera, Embodiment, Observation, Outcome, Supervision, Task

__all__ = [
    "Camera",
    "Driver",
    "Embodiment",
    "Observation",
    "Outcome",
    "Robot",
    "Supervision",
    "Task",
    "main",
    "serve",
]
