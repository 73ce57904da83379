"""A ready driver for Meta-World: 50 tasks in MuJoCo, with scripted experts for demonstrations and corrections."""

from .expert import Flaws
from .robot import MetaWorldRobot
from .tasks import NAMES

__all__ = ["NAMES", "Flaws", "MetaWorldRobot"]
