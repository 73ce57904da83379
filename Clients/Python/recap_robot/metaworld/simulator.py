"""One Meta-World task, ready to be reset by seed, stepped and photographed."""

from __future__ import annotations

import ctypes.util
import os
from typing import Any

import numpy as np
import numpy.typing as npt

from ..types import Floats, Pixels

CAMERA = "corner2"
LONGEST_EPISODE = 500
"""The simulator's own limit, in steps."""


def choose_renderer() -> None:
    """Picks a renderer that needs no screen, unless MUJOCO_GL already names one. Call before MuJoCo is imported."""
    if "MUJOCO_GL" not in os.environ:
        # Of the two software renderers OSMesa is the faster, and EGL prints errors when it exits.
        os.environ["MUJOCO_GL"] = "osmesa" if ctypes.util.find_library("OSMesa") else "egl"


class Simulator:
    """A task's simulation."""

    def __init__(self, task: str, camera: int | None = None) -> None:
        from metaworld.env_dict import ALL_V3_ENVIRONMENTS

        self._env: Any = ALL_V3_ENVIRONMENTS[task]()
        # Let the task's constructor be the only one: `set_task` offers fifty starts that take seconds to draw. Drawn
        # from our own generator at each reset instead, every seed has its own start and a reset takes 10 ms.
        self._env._set_task_called = True
        self._env._freeze_rand_vec = False
        self._env.seeded_rand_vec = True
        # Show the goal. The space is cached, and observations are clipped to it: to zero while the goal is hidden.
        self._env._partially_observable = False
        vars(self._env).pop("sawyer_observation_space", None)
        self._env.max_path_length = LONGEST_EPISODE
        self._renderer = None if camera is None else self._make_renderer(camera)
        self.observation: npt.NDArray[np.float64] = np.zeros(39)
        """The 39 numbers: hand and gripper, objects, the same a step before, the goal."""
        self.reward = 0.0
        """Meta-World's dense reward of the last step, 0 to 10: how far along the task is."""
        self.success = False
        """Whether the last step met the task's goal."""

    def reset(self, seed: int) -> None:
        """Starts anew; the same seed gives the same start, whatever was simulated before."""
        self._env.np_random = np.random.default_rng(seed)
        self.observation, _ = self._env.reset()
        # The reset moves the goal's mark last: without this the first image shows it where it was before.
        for site in self._env._target_site_config:
            self._env._set_pos_site(*site)
        self.reward, self.success = 0.0, False

    def step(self, action: Floats) -> None:
        """Simulates one control step of 1/80 s.

        Args:
            action: [4], each in [-1, 1].
        """
        self.observation, reward, _, _, info = self._env.step(action)
        self.reward, self.success = float(reward), bool(info["success"])

    def image(self) -> Pixels:
        """What the camera sees, the right way up: uint8 [size, size, 3]."""
        if self._renderer is None:
            raise RuntimeError("this simulation was made without a camera")
        self._renderer.update_scene(self._env.data, camera=CAMERA)
        # The camera hangs upside down.
        image: Pixels = np.ascontiguousarray(self._renderer.render()[::-1, ::-1])
        return image

    def close(self) -> None:
        """Frees the renderer and the simulation."""
        if self._renderer is not None:
            self._renderer.close()
        self._env.close()

    def _make_renderer(self, size: int) -> Any:
        import mujoco

        # A software renderer spends nine tenths of its time on shadows, smoothing, mirrors and sky: 6 images a
        # second with them, 100 without. The first two count only before the renderer exists.
        self._env.model.vis.quality.shadowsize = 0
        self._env.model.vis.quality.offsamples = 0
        renderer = mujoco.Renderer(self._env.model, size, size)
        for flag in (mujoco.mjtRndFlag.mjRND_REFLECTION, mujoco.mjtRndFlag.mjRND_SKYBOX):
            renderer.scene.flags[flag] = 0
        return renderer
