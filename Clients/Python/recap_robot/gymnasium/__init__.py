"""Any Gymnasium environment as a robot: say what is observed and what counts as success."""

from .mapping import Image, Rendered, Selector
from .person import Person, Script, scripted
from .robot import GymnasiumRobot
from .step import Step
from .task import GymnasiumTask, Success, from_info, from_reward, from_termination

__all__ = [
    "GymnasiumRobot",
    "GymnasiumTask",
    "Image",
    "Person",
    "Rendered",
    "Script",
    "Selector",
    "Step",
    "Success",
    "from_info",
    "from_reward",
    "from_termination",
    "scripted",
]
