"""Names and shapes of all parameters, as Model.md lists them, and random values for them."""

from __future__ import annotations

import math

import numpy
import torch
from torch import Tensor

from .settings import Observation, Parameters, Policy, Transformer, Value

Shapes = dict[str, tuple[int, ...]]
"""Shapes by name. Their order is that in which random values are drawn."""


def transformer_shapes(prefix: str, transformer: Transformer, norms: bool = True) -> Shapes:
    """Names and shapes of a transformer's parameters. The expert has no norms of its own (`norms` false)."""
    d, f = transformer.width, transformer.feed_forward
    shapes: Shapes = {}
    for layer in range(transformer.layers):
        name = f"{prefix}.layers.{layer}"
        if norms:
            shapes[f"{name}.attention_norm.weight"] = (d,)
        shapes[f"{name}.attention.qkv.weight"] = (d, transformer.qkv_columns)
        shapes[f"{name}.attention.output.weight"] = (transformer.heads * transformer.head_width, d)
        if norms:
            shapes[f"{name}.feed_forward_norm.weight"] = (d,)
        shapes[f"{name}.feed_forward.gate_up.weight"] = (d, 2 * f)
        shapes[f"{name}.feed_forward.down.weight"] = (f, d)
    if norms:
        shapes[f"{prefix}.norm.weight"] = (d,)
    return shapes


def linear_shapes(name: str, inputs: int, outputs: int) -> Shapes:
    """A linear layer's matrix and bias."""
    return {f"{name}.weight": (inputs, outputs), f"{name}.bias": (outputs,)}


def encoder_shapes(observation: Observation, d: int) -> Shapes:
    """What turns an observation into tokens of width d."""
    cameras = observation.cameras
    vision = cameras.vision
    patch_width = d if vision is None else vision.transformer.width
    shapes = linear_shapes("encoder.patch", 3 * cameras.patch**2, patch_width)
    shapes["encoder.patch_position"] = (cameras.patches, patch_width)
    if vision is not None:
        shapes |= transformer_shapes("encoder.vision", vision.transformer)
        shapes |= linear_shapes("encoder.vision_projection", vision.merge**2 * patch_width, d)
    shapes["encoder.text"] = (observation.text_vocabulary, d)
    shapes |= linear_shapes("encoder.proprioception", observation.proprioception, d)
    shapes |= linear_shapes("encoder.environment_state", observation.environment_state, d)
    return shapes


def policy_shapes(policy: Policy) -> Shapes:
    """All parameters of a policy."""
    d, e, L = policy.backbone.width, policy.expert_width, policy.backbone.layers
    observation = policy.observation
    shapes = encoder_shapes(observation, d)
    shapes["fast_tokens"] = (policy.fast_vocabulary, d)
    shapes |= transformer_shapes("backbone", policy.backbone)
    shapes["subtask_head.weight"] = (d, observation.text_vocabulary)
    shapes["fast_head.weight"] = (d, policy.fast_vocabulary)
    shapes |= linear_shapes("expert.action_in", policy.action, e)
    shapes["expert.action_position"] = (policy.chunk, e)
    states = observation.proprioception + observation.environment_state
    shapes |= linear_shapes("expert.state_in", states, e)
    shapes |= linear_shapes("expert.time_in", e, e)
    shapes |= linear_shapes("expert.time_out", e, e)
    shapes |= linear_shapes("expert.modulation", e, (6 * L + 2) * e)
    shapes |= transformer_shapes("expert", policy.expert, norms=False)
    shapes |= linear_shapes("expert.action_out", e, policy.action)
    return shapes


def value_shapes(value: Value) -> Shapes:
    """All parameters of a value function with co-training."""
    d = value.network.width
    shapes = encoder_shapes(value.observation, d)
    shapes["value_token"] = (1, d)
    shapes |= transformer_shapes("network", value.network)
    shapes |= linear_shapes("head", d, value.bins)
    shapes["caption_head.weight"] = (d, value.observation.text_vocabulary)
    return shapes


class Random:
    """Random numbers that are 32-bit floats exactly, held as 64-bit floats.

    NumPy promises that the numbers of a `RandomState` never change between versions.
    """

    def __init__(self, seed: int) -> None:
        self.state = numpy.random.RandomState(seed)

    def normal(self, *shape: int, scale: float = 1, mean: float = 0) -> Tensor:
        numbers = mean + scale * self.state.standard_normal(shape)
        return torch.from_numpy(numbers.astype(numpy.float32).astype(numpy.float64))

    def bytes(self, *shape: int) -> Tensor:
        return torch.from_numpy(self.state.randint(0, 256, shape).astype(numpy.uint8))


def random_parameters(shapes: Shapes, random: Random) -> Parameters:
    """Random values for all parameters, none of them trivially zero (as a fresh model's `modulation` would be)."""
    parameters: Parameters = {}
    for name, shape in shapes.items():
        if name.endswith("norm.weight"):
            parameters[name] = random.normal(*shape, scale=0.1, mean=1)
        elif name.endswith(".weight") and not name.startswith("expert.modulation"):
            parameters[name] = random.normal(*shape, scale=1 / math.sqrt(shape[0]))
        else:
            parameters[name] = random.normal(*shape, scale=0.3)
    return parameters
