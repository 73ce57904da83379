"""The models of the fixtures, small enough for a repository, and a batch for each."""

from __future__ import annotations

from dataclasses import replace

import torch

from .observation import patches_of_images
from .parameters import Random, policy_shapes, random_parameters, value_shapes
from .settings import (
    FAST_BEGIN,
    FAST_END,
    FAST_PAD,
    NONE,
    NOTHING,
    PAD,
    Cameras,
    Inputs,
    Observation,
    Parameters,
    Policy,
    Transformer,
    Value,
    Vision,
)

CAMERAS = Cameras(count=2, side=8, patch=4)
VISION_CAMERAS = Cameras(
    count=1,
    side=8,
    patch=2,
    vision=Vision(
        Transformer(width=8, layers=1, heads=2, kv_heads=2, head_width=4, feed_forward=12), merge=2
    ),
)
OBSERVATION = Observation(
    CAMERAS, text_vocabulary=270, task_slot=3, proprioception=4, environment_state=2
)
POLICY = Policy(
    observation=OBSERVATION,
    backbone=Transformer(width=16, layers=2, heads=4, kv_heads=2, head_width=6, feed_forward=24),
    expert_width=12,
    expert_feed_forward=20,
    chunk=5,
    action=3,
    subtask_slot=4,
    indicator_slot=2,
    fast_vocabulary=21,
    fast_slot=6,
    alpha=0.7,
)
VISION_POLICY = replace(POLICY, observation=replace(OBSERVATION, cameras=VISION_CAMERAS))
VALUE = Value(
    observation=OBSERVATION,
    network=Transformer(width=16, layers=2, heads=2, kv_heads=1, head_width=8, feed_forward=24),
    bins=11,
    caption_weight=0.5,
)
EULER_STEPS = 5

POLICY_SEED = 29
"""One with which the decoded subtasks have all lengths from none to the whole slot."""
VISION_SEED = 2
VALUE_SEED = 3

BATCH = 4


def observation_inputs(observation: Observation, random: Random) -> Inputs:
    """Images, task text and states, which both models read."""
    cameras = observation.cameras
    images = random.bytes(BATCH, cameras.count, cameras.side, cameras.side, 3)
    return {
        "images": images,
        "patches": patches_of_images(images, cameras),
        "task_tokens": torch.tensor(
            [[104, 105, 267], [269, 97, PAD], [260, PAD, PAD], [97, 98, 97]]
        ),
        "proprioception": random.normal(BATCH, observation.proprioception),
        "environment_state": random.normal(BATCH, observation.environment_state),
    }


def policy_inputs(policy: Policy, random: Random) -> Inputs:
    """A batch with samples of different lengths in each slot.

    The third sample has no subtask, the fourth no indicator; the second one's FAST tokens fill their slot, the third
    one's are more than it holds; the last two actions of the second one are past the end of its episode.
    """
    chunks = (BATCH, policy.chunk, policy.action)
    inputs = observation_inputs(policy.observation, random)
    inputs["subtask_tokens"] = torch.tensor(
        [[NONE, 261, 33, 262], [NONE, 263, PAD, PAD], [NONE, PAD, PAD, PAD], [NONE, 264, 97, PAD]]
    )
    inputs["subtask_targets"] = torch.tensor(
        [[261, 33, 262, PAD], [263, PAD, NOTHING, NOTHING], [NOTHING] * 4, [264, 97, PAD, NOTHING]]
    )
    inputs["indicator_positive"] = torch.tensor([[265, 266]]).repeat(BATCH, 1)
    inputs["indicator_none"] = torch.tensor([[NONE, PAD]]).repeat(BATCH, 1)
    inputs["indicator_tokens"] = torch.tensor([[265, 266], [265, 268], [265, 266], [NONE, PAD]])
    inputs["fast_tokens"] = torch.tensor(
        [
            [FAST_BEGIN, 7, 3, 12, FAST_PAD, FAST_PAD],
            [FAST_BEGIN, 20, 5, 5, 9, 14],
            [FAST_BEGIN, 4, 17, 3, 8, 11],
            [FAST_BEGIN, 6, FAST_PAD, FAST_PAD, FAST_PAD, FAST_PAD],
        ]
    )
    inputs["fast_targets"] = torch.tensor(
        [
            [7, 3, 12, FAST_END, NOTHING, NOTHING],
            [20, 5, 5, 9, 14, FAST_END],
            [4, 17, 3, 8, 11, NOTHING],
            [6, FAST_END, NOTHING, NOTHING, NOTHING, NOTHING],
        ]
    )
    inputs["times"] = torch.tensor([0.0625, 0.375, 0.6875, 0.984375], dtype=torch.float64)
    inputs["noise"] = random.normal(*chunks)
    inputs["actions"] = random.normal(*chunks)
    inputs["weights"] = torch.ones(chunks, dtype=torch.float64)
    inputs["weights"][1, -2:] = 0
    inputs["sample_noise"] = random.normal(*chunks)
    return inputs


def value_inputs(value: Value, random: Random) -> Inputs:
    """Observations with the bins of their returns, and captions of different lengths."""
    cameras = value.observation.cameras
    inputs = observation_inputs(value.observation, random)
    inputs["bins"] = torch.tensor([0, 4, 10, 7])
    inputs["caption_patches"] = random.normal(
        BATCH, cameras.patches_per_camera, 3 * cameras.patch**2, scale=0.5
    )
    inputs["caption_tokens"] = torch.tensor(
        [
            [NONE, 97, 98, 262, 33],
            [NONE, 263, 98, PAD, PAD],
            [NONE, 264, PAD, PAD, PAD],
            [NONE, 97, 97, 269, PAD],
        ]
    )
    inputs["caption_targets"] = torch.tensor(
        [
            [97, 98, 262, 33, PAD],
            [263, 98, PAD, NOTHING, NOTHING],
            [264, PAD, NOTHING, NOTHING, NOTHING],
            [97, 97, 269, PAD, NOTHING],
        ]
    )
    return inputs


def make_policy(policy: Policy, seed: int) -> tuple[Parameters, Inputs]:
    """A policy's parameters and a batch for it."""
    random = Random(seed)
    parameters = random_parameters(policy_shapes(policy), random)
    # So that, among the greedily decoded texts, some end early: a larger column for the token that ends them.
    parameters["subtask_head.weight"][:, PAD] *= 2
    return parameters, policy_inputs(policy, random)


def make_value(value: Value, seed: int) -> tuple[Parameters, Inputs]:
    """A value function's parameters and a batch for it."""
    random = Random(seed)
    parameters = random_parameters(value_shapes(value), random)
    return parameters, value_inputs(value, random)
