"""The policy in training: the backbone, the action expert and their losses."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as functional
from torch import Tensor

from .layers import attention, feed_forward, linear, rms, transform, visibility
from .observation import encode_observation
from .settings import FAST_PAD, PAD, Inputs, KeysAndValues, Parameters, Policy
from .training import prediction_loss


def modulation(parameters: Parameters, policy: Policy, times: Tensor) -> Tensor:
    """m [batch, 6 L + 2, 1, e]: how the times η [batch] scale, shift and gate the expert's layers."""
    e, dtype = policy.expert_width, times.dtype
    periods = 0.004 * 1000 ** (torch.arange(e // 2, dtype=dtype) / (e // 2 - 1))
    angles = 2 * math.pi * times[:, None] / periods
    phi = torch.cat([angles.sin(), angles.cos()], dim=-1)
    hidden = functional.silu(linear(parameters, "expert.time_in", phi))
    hidden = functional.silu(linear(parameters, "expert.time_out", hidden))
    rows = 6 * policy.expert.layers + 2
    return linear(parameters, "expert.modulation", hidden).reshape(-1, rows, 1, e)


def expert_tokens(parameters: Parameters, inputs: Inputs, noisy: Tensor) -> Tensor:
    """The expert's tokens [batch, 1 + H, e]: the robot's state, and one for each of the noisy actions."""
    states = [inputs["proprioception"], inputs["environment_state"]]
    state = torch.cat(states, dim=-1).clamp(-10, 10)
    state = linear(parameters, "expert.state_in", state)[:, None]
    actions = linear(parameters, "expert.action_in", noisy) + parameters["expert.action_position"]
    return torch.cat([state, actions], dim=1)


def expert_velocity(
    parameters: Parameters,
    policy: Policy,
    inputs: Inputs,
    noisy: Tensor,
    times: Tensor,
    prefix: list[KeysAndValues],
    prefix_used: Tensor,
) -> Tensor:
    """v(x, η) [batch, H, A] of the action expert for the noisy actions x at the times η [batch], given the backbone's
    keys and values of the observation, the subtask, the indicator and the token that begins the action tokens."""
    transformer = policy.expert
    m = modulation(parameters, policy, times)

    def ada(x: Tensor, j: int) -> Tensor:
        return rms(x) * (1 + m[:, j]) + m[:, j + 1]

    x = expert_tokens(parameters, inputs, noisy)
    batch, places, _ = x.shape
    positions = policy.prefix_places + 1 + torch.arange(places)
    seen = torch.cat([prefix_used, torch.ones(batch, places, dtype=torch.bool)], dim=1)
    visible = seen[:, None, :].expand(batch, places, seen.shape[1])
    for l in range(transformer.layers):
        layer = f"expert.layers.{l}"
        # Knowledge Insulation: for the expert's gradient the backbone's keys and values are constants.
        before = (prefix[l][0].detach(), prefix[l][1].detach())
        normed = ada(x, 6 * l)
        y, _ = attention(
            parameters, f"{layer}.attention", normed, positions, visible, transformer, before
        )
        x = x + m[:, 6 * l + 2] * y
        y = feed_forward(parameters, f"{layer}.feed_forward", ada(x, 6 * l + 3))
        x = x + m[:, 6 * l + 5] * y
    return linear(parameters, "expert.action_out", ada(x, 6 * transformer.layers)[:, 1:])


@dataclass
class PolicyOutputs:
    """What a policy predicts in training."""

    subtask_logits: Tensor
    """[batch, S, text vocabulary]"""
    fast_logits: Tensor
    """[batch, F, FAST vocabulary]"""
    velocity: Tensor
    """v(x, η) at the batch's `times` [batch, H, A]."""


def policy_forward(parameters: Parameters, policy: Policy, inputs: Inputs) -> PolicyOutputs:
    """One pass in training: everything the backbone predicts, and the expert's velocity at `times`."""
    observed, observed_used = encode_observation(parameters, policy.observation, inputs)
    texts = [inputs["subtask_tokens"], inputs["indicator_tokens"]]
    fast_tokens = inputs["fast_tokens"]
    tokens = torch.cat(
        [observed]
        + [parameters["encoder.text"][text] for text in texts]
        + [parameters["fast_tokens"][fast_tokens]],
        dim=1,
    )
    used = torch.cat(
        [observed_used] + [text != PAD for text in texts] + [fast_tokens != FAST_PAD], dim=1
    )
    states, kept = transform(
        parameters,
        "backbone",
        tokens,
        torch.arange(tokens.shape[1]),
        visibility(used, policy.observation.places),
        policy.backbone,
    )
    subtask = policy.observation.places
    fast = policy.prefix_places
    subtask_states = states[:, subtask : subtask + policy.subtask_slot]
    eta = inputs["times"][:, None, None]
    return PolicyOutputs(
        subtask_logits=subtask_states @ parameters["subtask_head.weight"],
        fast_logits=states[:, fast:] @ parameters["fast_head.weight"],
        velocity=expert_velocity(
            parameters,
            policy,
            inputs,
            eta * inputs["actions"] + (1 - eta) * inputs["noise"],
            inputs["times"],
            [(k[:, :, : fast + 1], v[:, :, : fast + 1]) for k, v in kept],
            used[:, : fast + 1],
        ),
    )


def policy_losses(policy: Policy, inputs: Inputs, outputs: PolicyOutputs) -> Tensor:
    """The subtask, action, flow and total loss (paper, Equation 3): [4]."""
    subtask = prediction_loss(outputs.subtask_logits, inputs["subtask_targets"])
    action = prediction_loss(outputs.fast_logits, inputs["fast_targets"])
    error = outputs.velocity - (inputs["actions"] - inputs["noise"])
    weights = inputs["weights"]
    flow = (weights * error.square()).sum() / weights.sum()
    return torch.stack([subtask, action, flow, subtask + action + policy.alpha * flow])
