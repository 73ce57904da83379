"""python -m recap_robot.metaworld --endpoint ipc:///tmp/metaworld.ipc --tasks push-v3,door-open-v3"""

from __future__ import annotations

import argparse
import logging
import sys

from ..server import serve
from .robot import MetaWorldRobot


def main() -> None:
    """Serves Meta-World until interrupted."""
    parser = argparse.ArgumentParser(
        prog="python -m recap_robot.metaworld", description="Meta-World as a robot for recap."
    )
    parser.add_argument(
        "--endpoint", required=True, help="where to listen: ipc://PATH or tcp://127.0.0.1:PORT"
    )
    parser.add_argument(
        "--tasks", default="push-v3,pick-place-v3,door-open-v3", help="names, with commas between"
    )
    parser.add_argument(
        "--camera", type=int, metavar="PIXELS", help="observe by camera, square images of this side"
    )
    parser.add_argument(
        "--environment-state",
        action=argparse.BooleanOptionalAction,
        help="observe object poses (default: only without a camera)",
    )
    parser.add_argument(
        "--limit", type=float, help="time limit, as a multiple of the clean expert's steps"
    )
    flaws = parser.add_argument_group("demonstrations", "each defaults to what suits the task")
    flaws.add_argument("--noise", type=float, help="standard deviation on each action component")
    flaws.add_argument("--pause-chance", type=float, help="probability a step that a pause begins")
    flaws.add_argument(
        "--slow-chance", type=float, help="probability a step that a slow stretch begins"
    )
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    logging.getLogger("recap_robot").setLevel(logging.INFO)

    given = {
        key: value
        for key in ("noise", "pause_chance", "slow_chance")
        if (value := getattr(arguments, key)) is not None
    }
    try:
        robot = MetaWorldRobot(
            arguments.tasks.split(","),
            camera=arguments.camera,
            environment_state=arguments.environment_state,
            flaws=given,
            limit=arguments.limit,
        )
        serve(robot, arguments.endpoint)
    except ValueError as error:
        parser.error(str(error))
    except ImportError as error:
        sys.exit(f"{error}\nMeta-World is not installed: pip install 'Clients/Python[metaworld]'")


if __name__ == "__main__":
    main()
