"""The observation as tokens: patches of images, the task's text and the two states."""

from __future__ import annotations

import torch
from torch import Tensor

from .layers import linear, transform
from .settings import PAD, Cameras, Inputs, Observation, Parameters


def patches_of_images(images: Tensor, cameras: Cameras) -> Tensor:
    """Patches [batch, patches, 3 p²] of images [batch, cameras, height, width, 3] of bytes, cameras in order, patches
    row by row; with a vision tower block by block, blocks row by row, and row by row inside a block."""
    batch, p = images.shape[0], cameras.patch
    patches: list[Tensor] = []
    for camera in range(cameras.count):
        along = cameras.side // p
        block = 1 if cameras.vision is None else cameras.vision.merge
        for block_row in range(along // block):
            for block_column in range(along // block):
                for row in range(block):
                    for column in range(block):
                        y, x = (block_row * block + row) * p, (block_column * block + column) * p
                        patch = images[:, camera, y : y + p, x : x + p, :]
                        patches.append(patch.reshape(batch, 3 * p * p))
    exact = torch.stack(patches, dim=1).double() / 127.5 - 1
    # Patches are inputs too: 32-bit floats exactly.
    return exact.float().double()


def encode_patches(parameters: Parameters, cameras: Cameras, patches: Tensor) -> Tensor:
    """Tokens [batch, blocks, d] of the patches of one camera or more, the first ones of `cameras`."""
    position = parameters["encoder.patch_position"][: patches.shape[1]]
    x = linear(parameters, "encoder.patch", patches) + position
    if cameras.vision is None:
        return x
    batch, count, width = x.shape
    vision, per_camera = cameras.vision, cameras.patches_per_camera
    each = x.reshape(batch * count // per_camera, per_camera, width)
    all_seen = torch.ones(each.shape[0], per_camera, per_camera, dtype=torch.bool)
    still = torch.zeros(per_camera)
    each, _ = transform(parameters, "encoder.vision", each, still, all_seen, vision.transformer)
    blocks = each.reshape(batch, count // vision.merge**2, vision.merge**2 * width)
    return linear(parameters, "encoder.vision_projection", blocks)


def encode_observation(
    parameters: Parameters, observation: Observation, inputs: Inputs
) -> tuple[Tensor, Tensor]:
    """The observation's tokens [batch, M + N + 2, d] and which of its places are used."""
    patches = encode_patches(parameters, observation.cameras, inputs["patches"])
    text = parameters["encoder.text"][inputs["task_tokens"]]
    proprioception = inputs["proprioception"].clamp(-10, 10)
    environment_state = inputs["environment_state"].clamp(-10, 10)
    state = linear(parameters, "encoder.proprioception", proprioception)
    objects = linear(parameters, "encoder.environment_state", environment_state)
    tokens = torch.cat([patches, text, state[:, None], objects[:, None]], dim=1)
    batch = tokens.shape[0]
    used = torch.cat(
        [
            torch.ones(batch, patches.shape[1], dtype=torch.bool),
            inputs["task_tokens"] != PAD,
            torch.ones(batch, 2, dtype=torch.bool),
        ],
        dim=1,
    )
    return tokens, used
