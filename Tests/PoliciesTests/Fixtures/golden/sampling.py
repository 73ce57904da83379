"""Sampling (its steps are Model.md's): the subtask's text and an action chunk, from an observation.

The observation's keys and values are computed once and kept; `memory` is those of every layer, and `used`
[batch, places] says which of its places hold a token.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from .layers import transform, visibility
from .observation import encode_observation
from .policy import expert_velocity
from .settings import FAST_BEGIN, NONE, NOTHING, PAD, Inputs, KeysAndValues, Parameters, Policy


def observation_memory(
    parameters: Parameters, policy: Policy, inputs: Inputs
) -> tuple[list[KeysAndValues], Tensor]:
    """Step 1: the observation's memory, and which of its places are used."""
    tokens, used = encode_observation(parameters, policy.observation, inputs)
    positions = torch.arange(tokens.shape[1])
    visible = visibility(used, tokens.shape[1])
    _, kept = transform(parameters, "backbone", tokens, positions, visible, policy.backbone)
    return kept, used


def text_behind(
    parameters: Parameters, policy: Policy, text: Tensor, memory: list[KeysAndValues], used: Tensor
) -> tuple[Tensor, list[KeysAndValues], Tensor]:
    """Text tokens [batch, places] behind all of `memory`: their states, and the longer memory and its used places."""
    return vectors_behind(
        parameters, policy, parameters["encoder.text"][text], text != PAD, memory, used
    )


def vectors_behind(
    parameters: Parameters,
    policy: Policy,
    vectors: Tensor,
    present: Tensor,
    memory: list[KeysAndValues],
    used: Tensor,
) -> tuple[Tensor, list[KeysAndValues], Tensor]:
    """The same for tokens that are vectors [batch, places, d] already; `present` says which of them are no padding."""
    begin = used.shape[1]
    all_used = torch.cat([used, present], dim=1)
    states, own = transform(
        parameters,
        "backbone",
        vectors,
        begin + torch.arange(vectors.shape[1]),
        visibility(all_used, begin)[:, begin:],
        policy.backbone,
        memory,
    )
    longer = [
        (torch.cat([old[0], new[0]], dim=2), torch.cat([old[1], new[1]], dim=2))
        for old, new in zip(memory, own, strict=True)
    ]
    return states, longer, all_used


def decode_subtask(parameters: Parameters, policy: Policy, inputs: Inputs) -> tuple[Tensor, float]:
    """Step 2, greedily among all tokens: [batch, S - 1], `PAD` where the end is predicted and −1 behind it.
    Also the smallest lead of a chosen token's logit over the next best one."""
    memory, used = observation_memory(parameters, policy, inputs)
    batch = used.shape[0]
    token = torch.full((batch,), NONE)
    ended = torch.zeros(batch, dtype=torch.bool)
    decoded: list[Tensor] = []
    lead = math.inf
    for _ in range(policy.subtask_slot - 1):
        states, memory, used = text_behind(parameters, policy, token[:, None], memory, used)
        logits = states[:, 0] @ parameters["subtask_head.weight"]
        best = logits.topk(2).values
        if not ended.all():
            lead = min(lead, float((best[:, 0] - best[:, 1])[~ended].min()))
        token = logits.argmax(-1)
        decoded.append(torch.where(ended, NOTHING, token))
        ended = ended | (token == PAD)
    return torch.stack(decoded, dim=1), lead


def sample_chunk(
    parameters: Parameters, policy: Policy, inputs: Inputs, noise: Tensor, steps: int, beta: float
) -> Tensor:
    """Steps 3 and 4: a chunk [batch, H, A] in normalised units, from noise of the same shape."""
    memory, used = observation_memory(parameters, policy, inputs)
    _, memory, used = text_behind(parameters, policy, inputs["subtask_tokens"], memory, used)
    positive, none = inputs["indicator_positive"], inputs["indicator_none"]
    _, with_memory, with_used = text_behind(parameters, policy, positive, memory, used)
    _, free_memory, free_used = text_behind(parameters, policy, none, memory, used)
    # The token that begins the action tokens: the last that the action expert sees.
    begin = parameters["fast_tokens"][FAST_BEGIN].expand(used.shape[0], 1, -1)
    present = torch.ones(used.shape[0], 1, dtype=torch.bool)
    _, with_memory, with_used = vectors_behind(
        parameters, policy, begin, present, with_memory, with_used
    )
    _, free_memory, free_used = vectors_behind(
        parameters, policy, begin, present, free_memory, free_used
    )
    x = noise
    for i in range(steps):
        times = torch.full((x.shape[0],), i / steps, dtype=x.dtype)
        v = expert_velocity(parameters, policy, inputs, x, times, with_memory, with_used)
        if beta != 1:
            free = expert_velocity(parameters, policy, inputs, x, times, free_memory, free_used)
            v = free + beta * (v - free)
        x = x + v / steps
    return x
