"""What an environment is and what it returns, for tasks and persons alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import gymnasium

Environment = gymnasium.Env[Any, Any]


@dataclass(frozen=True)
class Step:
    """What `Environment.step` returned."""

    observation: Any
    reward: float
    terminated: bool
    truncated: bool
    info: Mapping[str, Any]
