"""The policy and the value function of Documentation/Model.md in PyTorch: a second, independent implementation.

It was written from that page alone and favours the page's notation over speed. Its only purpose is to make golden
values for the Swift tests:

    python golden_models.py DIRECTORY     writes policy.safetensors, policy_vision.safetensors, value.safetensors
    python golden_models.py --check       tests this file itself and says how far 32-bit arithmetic strays from it

Parameters and inputs are 32-bit floats exactly; everything is then computed with 64-bit floats and rounded once, when
it is written, so that what a test measures is the error of the implementation under test alone.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy
import torch
import torch.nn.functional as functional
from safetensors.numpy import save_file
from torch import Tensor

Parameters = dict[str, Tensor]
Inputs = dict[str, Tensor]
KeysAndValues = tuple[Tensor, Tensor]
"""Keys, already turned, and values of one layer: each [batch, kvHeads, places, headWidth]."""

PAD = 0
NONE = 1
FAST_PAD = 0
FAST_BEGIN = 1
FAST_END = 2
NOTHING = -1
"""As a target: this place predicts nothing."""

EPSILON = 1e-6


# MARK: - Settings


@dataclass(frozen=True)
class Transformer:
    """The shape of one transformer; the letters are those of Model.md."""

    width: int
    layers: int
    heads: int
    kv_heads: int
    head_width: int
    feed_forward: int

    @property
    def qkv_columns(self) -> int:
        return (self.heads + 2 * self.kv_heads) * self.head_width


@dataclass(frozen=True)
class Vision:
    """The vision tower: its transformer and how many patches along a block become one token."""

    transformer: Transformer
    merge: int


@dataclass(frozen=True)
class Cameras:
    count: int
    side: int
    """Pixels along an image, which is a square here."""
    patch: int
    """Pixels along a patch (p)."""
    vision: Vision | None = None

    @property
    def patches_per_camera(self) -> int:
        return (self.side // self.patch) ** 2

    @property
    def patches(self) -> int:
        return self.count * self.patches_per_camera

    @property
    def tokens(self) -> int:
        """M: patches, or blocks of them with a vision tower."""
        return self.patches if self.vision is None else self.patches // self.vision.merge**2


@dataclass(frozen=True)
class Observation:
    """What both models read."""

    cameras: Cameras
    text_vocabulary: int
    task_slot: int
    proprioception: int
    environment_state: int

    @property
    def places(self) -> int:
        """M + N + 2: patches, task text, proprioception and environment state."""
        return self.cameras.tokens + self.task_slot + 2


@dataclass(frozen=True)
class Policy:
    observation: Observation
    backbone: Transformer
    expert_width: int
    expert_feed_forward: int
    chunk: int
    action: int
    subtask_slot: int
    indicator_slot: int
    fast_vocabulary: int
    fast_slot: int
    alpha: float

    @property
    def expert(self) -> Transformer:
        return replace(self.backbone, width=self.expert_width, feed_forward=self.expert_feed_forward)

    @property
    def prefix_places(self) -> int:
        """M + N + ... + I: all the places that the action expert may see, and its own first position."""
        return self.observation.places + self.subtask_slot + self.indicator_slot


@dataclass(frozen=True)
class Value:
    observation: Observation
    network: Transformer
    bins: int
    caption_weight: float


# MARK: - Parameters


def transformer_shapes(prefix: str, transformer: Transformer, norms: bool = True) -> dict[str, tuple[int, ...]]:
    """Names and shapes of a transformer's parameters. The expert has no norms of its own (`norms` false)."""
    d, f = transformer.width, transformer.feed_forward
    shapes: dict[str, tuple[int, ...]] = {}
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


def linear_shapes(name: str, inputs: int, outputs: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (inputs, outputs), f"{name}.bias": (outputs,)}


def encoder_shapes(observation: Observation, d: int) -> dict[str, tuple[int, ...]]:
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


def policy_shapes(policy: Policy) -> dict[str, tuple[int, ...]]:
    d, e, L = policy.backbone.width, policy.expert_width, policy.backbone.layers
    observation = policy.observation
    shapes = encoder_shapes(observation, d)
    shapes["fast_tokens"] = (policy.fast_vocabulary, d)
    shapes |= transformer_shapes("backbone", policy.backbone)
    shapes["subtask_head.weight"] = (d, observation.text_vocabulary)
    shapes["fast_head.weight"] = (d, policy.fast_vocabulary)
    shapes |= linear_shapes("expert.action_in", policy.action, e)
    shapes["expert.action_position"] = (policy.chunk, e)
    shapes |= linear_shapes("expert.state_in", observation.proprioception + observation.environment_state, e)
    shapes |= linear_shapes("expert.time_in", e, e)
    shapes |= linear_shapes("expert.time_out", e, e)
    shapes |= linear_shapes("expert.modulation", e, (6 * L + 2) * e)
    shapes |= transformer_shapes("expert", policy.expert, norms=False)
    shapes |= linear_shapes("expert.action_out", e, policy.action)
    return shapes


def value_shapes(value: Value) -> dict[str, tuple[int, ...]]:
    d = value.network.width
    shapes = encoder_shapes(value.observation, d)
    shapes["value_token"] = (1, d)
    shapes |= transformer_shapes("network", value.network)
    shapes |= linear_shapes("head", d, value.bins)
    shapes["caption_head.weight"] = (d, value.observation.text_vocabulary)
    return shapes


def is_linear_matrix(name: str, parameter: Tensor) -> bool:
    """Whether weight decay applies: a linear layer's matrix, not a bias, a norm, a table or positions."""
    return name.endswith(".weight") and parameter.dim() == 2


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


def random_parameters(shapes: Mapping[str, tuple[int, ...]], random: Random) -> Parameters:
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


# MARK: - The transformer


def rms(x: Tensor) -> Tensor:
    """x / sqrt(mean(x^2) + 1e-6), before any weight."""
    return x / torch.sqrt(x.square().mean(-1, keepdim=True) + EPSILON)


def linear(parameters: Parameters, name: str, x: Tensor) -> Tensor:
    """y = x W + b, with b where there is one."""
    y = x @ parameters[f"{name}.weight"]
    bias = parameters.get(f"{name}.bias")
    return y if bias is None else y + bias


def turn(x: Tensor, positions: Tensor) -> Tensor:
    """Rotary positions of x [batch, heads, places, h]: turns each pair (i, i + h/2) by position * 10000^(-2i/h)."""
    half = x.shape[-1] // 2
    frequencies = 10000.0 ** (-2 * torch.arange(half, dtype=x.dtype) / x.shape[-1])
    angles = positions.to(x.dtype)[:, None] * frequencies
    cosine, sine = angles.cos(), angles.sin()
    a, b = x[..., :half], x[..., half:]
    return torch.cat([a * cosine - b * sine, b * cosine + a * sine], dim=-1)


def attention(
    parameters: Parameters,
    name: str,
    x: Tensor,
    positions: Tensor,
    visible: Tensor,
    transformer: Transformer,
    before: KeysAndValues | None,
) -> tuple[Tensor, KeysAndValues]:
    """Attention of x [batch, places, width] to `before` and to x itself.

    `visible` [batch, places of x, places of before and of x] says who sees whom. Returns the output, and the keys and
    values of x alone.
    """
    batch, places, _ = x.shape
    heads, kv_heads, h = transformer.heads, transformer.kv_heads, transformer.head_width
    columns = x @ parameters[f"{name}.qkv.weight"]
    q, k, v = columns.split([heads * h, kv_heads * h, kv_heads * h], dim=-1)
    q = turn(q.reshape(batch, places, heads, h).transpose(1, 2), positions)
    k = turn(k.reshape(batch, places, kv_heads, h).transpose(1, 2), positions)
    v = v.reshape(batch, places, kv_heads, h).transpose(1, 2)
    own = (k, v)
    if before is not None:
        k, v = torch.cat([before[0], k], dim=2), torch.cat([before[1], v], dim=2)

    reads = torch.tensor([j * kv_heads // heads for j in range(heads)])
    scores = q @ k[:, reads].transpose(-1, -2) / math.sqrt(h)
    scores = scores.masked_fill(~visible[:, None], -math.inf)
    y = scores.softmax(-1) @ v[:, reads]
    y = y.transpose(1, 2).reshape(batch, places, heads * h)
    return y @ parameters[f"{name}.output.weight"], own


def feed_forward(parameters: Parameters, name: str, x: Tensor) -> Tensor:
    g, u = (x @ parameters[f"{name}.gate_up.weight"]).chunk(2, dim=-1)
    return (functional.gelu(g, approximate="tanh") * u) @ parameters[f"{name}.down.weight"]


def transform(
    parameters: Parameters,
    name: str,
    x: Tensor,
    positions: Tensor,
    visible: Tensor,
    transformer: Transformer,
    before: list[KeysAndValues] | None = None,
) -> tuple[Tensor, list[KeysAndValues]]:
    """All layers and the last norm. Returns the normed states, and every layer's keys and values of x."""
    kept: list[KeysAndValues] = []
    for l in range(transformer.layers):
        layer = f"{name}.layers.{l}"
        normed = rms(x) * parameters[f"{layer}.attention_norm.weight"]
        earlier = None if before is None else before[l]
        y, own = attention(parameters, f"{layer}.attention", normed, positions, visible, transformer, earlier)
        kept.append(own)
        x = x + y
        normed = rms(x) * parameters[f"{layer}.feed_forward_norm.weight"]
        x = x + feed_forward(parameters, f"{layer}.feed_forward", normed)
    return rms(x) * parameters[f"{name}.norm.weight"], kept


def visibility(used: Tensor, observed: int) -> Tensor:
    """Who sees whom, [batch, places, places]: the first `observed` places see each other, the others see those and
    themselves and what came before. Nobody sees an unused place (`used` [batch, places] false)."""
    places = torch.arange(used.shape[1])
    order = (places[None, :] < observed) | (places[None, :] <= places[:, None])
    return order[None] & used[:, None, :]


# MARK: - The observation


def patches_of_images(images: Tensor, cameras: Cameras) -> Tensor:
    """Patches [batch, patches, 3 p^2] of images [batch, cameras, height, width, 3] of bytes, cameras in order, patches
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
                        patches.append(images[:, camera, y : y + p, x : x + p, :].reshape(batch, 3 * p * p))
    exact = torch.stack(patches, dim=1).double() / 127.5 - 1
    return exact.float().double()


def encode_patches(parameters: Parameters, cameras: Cameras, patches: Tensor) -> Tensor:
    """Tokens [batch, blocks, d] of the patches of one camera or more, the first ones of `cameras`."""
    x = linear(parameters, "encoder.patch", patches) + parameters["encoder.patch_position"][: patches.shape[1]]
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


def encode_observation(parameters: Parameters, observation: Observation, inputs: Inputs) -> tuple[Tensor, Tensor]:
    """The observation's tokens [batch, M + N + 2, d] and which of its places are used."""
    patches = encode_patches(parameters, observation.cameras, inputs["patches"])
    text = parameters["encoder.text"][inputs["task_tokens"]]
    state = linear(parameters, "encoder.proprioception", inputs["proprioception"].clamp(-10, 10))
    objects = linear(parameters, "encoder.environment_state", inputs["environment_state"].clamp(-10, 10))
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


def prediction_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """The mean of -log p(target) over all places of the batch that predict."""
    return functional.cross_entropy(logits.flatten(0, -2), targets.flatten(), ignore_index=NOTHING)


# MARK: - The policy


def expert_velocity(
    parameters: Parameters,
    policy: Policy,
    inputs: Inputs,
    noisy: Tensor,
    times: Tensor,
    prefix: list[KeysAndValues],
    prefix_used: Tensor,
) -> Tensor:
    """v(x, eta) [batch, H, A] of the action expert for the noisy actions x at the times eta [batch], given the
    backbone's keys and values of the observation, the subtask and the indicator."""
    e, transformer, dtype = policy.expert_width, policy.expert, noisy.dtype
    periods = 0.004 * 1000 ** (torch.arange(e // 2, dtype=dtype) / (e // 2 - 1))
    angles = 2 * math.pi * times[:, None] / periods
    phi = torch.cat([angles.sin(), angles.cos()], dim=-1)
    hidden = functional.silu(linear(parameters, "expert.time_in", phi))
    hidden = functional.silu(linear(parameters, "expert.time_out", hidden))
    m = linear(parameters, "expert.modulation", hidden).reshape(-1, 6 * transformer.layers + 2, 1, e)

    def ada(x: Tensor, j: int) -> Tensor:
        return rms(x) * (1 + m[:, j]) + m[:, j + 1]

    state = torch.cat([inputs["proprioception"], inputs["environment_state"]], dim=-1).clamp(-10, 10)
    state = linear(parameters, "expert.state_in", state)[:, None]
    actions = linear(parameters, "expert.action_in", noisy) + parameters["expert.action_position"]
    x = torch.cat([state, actions], dim=1)

    batch, places, _ = x.shape
    positions = policy.prefix_places + torch.arange(places)
    seen = torch.cat([prefix_used, torch.ones(batch, places, dtype=torch.bool)], dim=1)
    visible = seen[:, None, :].expand(batch, places, seen.shape[1])
    for l in range(transformer.layers):
        layer = f"expert.layers.{l}"
        insulated = (prefix[l][0].detach(), prefix[l][1].detach())
        y, _ = attention(
            parameters, f"{layer}.attention", ada(x, 6 * l), positions, visible, transformer, insulated
        )
        x = x + m[:, 6 * l + 2] * y
        x = x + m[:, 6 * l + 5] * feed_forward(parameters, f"{layer}.feed_forward", ada(x, 6 * l + 3))
    return linear(parameters, "expert.action_out", ada(x, 6 * transformer.layers)[:, 1:])


@dataclass
class PolicyOutputs:
    subtask_logits: Tensor
    fast_logits: Tensor
    velocity: Tensor


def policy_forward(parameters: Parameters, policy: Policy, inputs: Inputs) -> PolicyOutputs:
    """One pass in training: everything the backbone predicts, and the expert's velocity at `times`."""
    observed, observed_used = encode_observation(parameters, policy.observation, inputs)
    slots = [inputs["subtask_tokens"], inputs["indicator_tokens"]]
    tokens = torch.cat(
        [observed]
        + [parameters["encoder.text"][slot] for slot in slots]
        + [parameters["fast_tokens"][inputs["fast_tokens"]]],
        dim=1,
    )
    used = torch.cat(
        [observed_used] + [slot != PAD for slot in slots] + [inputs["fast_tokens"] != FAST_PAD], dim=1
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
    eta = inputs["times"][:, None, None]
    return PolicyOutputs(
        subtask_logits=states[:, subtask : subtask + policy.subtask_slot] @ parameters["subtask_head.weight"],
        fast_logits=states[:, fast:] @ parameters["fast_head.weight"],
        velocity=expert_velocity(
            parameters,
            policy,
            inputs,
            eta * inputs["actions"] + (1 - eta) * inputs["noise"],
            inputs["times"],
            [(k[:, :, :fast], v[:, :, :fast]) for k, v in kept],
            used[:, :fast],
        ),
    )


def policy_losses(policy: Policy, inputs: Inputs, outputs: PolicyOutputs) -> Tensor:
    """The subtask, action, flow and total loss."""
    subtask = prediction_loss(outputs.subtask_logits, inputs["subtask_targets"])
    action = prediction_loss(outputs.fast_logits, inputs["fast_targets"])
    error = outputs.velocity - (inputs["actions"] - inputs["noise"])
    weights = inputs["weights"]
    flow = (weights * error.square()).sum() / weights.sum()
    return torch.stack([subtask, action, flow, subtask + action + policy.alpha * flow])


def observation_memory(
    parameters: Parameters, policy: Policy, inputs: Inputs
) -> tuple[list[KeysAndValues], Tensor]:
    """Sampling, step 1: keys and values of the observation, and which of its places are used."""
    tokens, used = encode_observation(parameters, policy.observation, inputs)
    positions = torch.arange(tokens.shape[1])
    _, kept = transform(
        parameters, "backbone", tokens, positions, visibility(used, tokens.shape[1]), policy.backbone
    )
    return kept, used


def text_behind(
    parameters: Parameters, policy: Policy, text: Tensor, memory: list[KeysAndValues], used: Tensor
) -> tuple[Tensor, list[KeysAndValues], Tensor]:
    """Text tokens [batch, places] behind all of `memory`: their states, and the longer memory and its used places."""
    begin = used.shape[1]
    all_used = torch.cat([used, text != PAD], dim=1)
    states, own = transform(
        parameters,
        "backbone",
        parameters["encoder.text"][text],
        begin + torch.arange(text.shape[1]),
        visibility(all_used, begin)[:, begin:],
        policy.backbone,
        memory,
    )
    longer = [
        (torch.cat([old[0], new[0]], dim=2), torch.cat([old[1], new[1]], dim=2)) for old, new in zip(memory, own)
    ]
    return states, longer, all_used


def decode_subtask(parameters: Parameters, policy: Policy, inputs: Inputs) -> tuple[Tensor, float]:
    """Sampling, step 2, greedily among all tokens: [batch, S - 1], `PAD` where the end is predicted and -1 behind it.
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
    """Sampling, steps 3 and 4: a chunk [batch, H, A] in normalised units."""
    memory, used = observation_memory(parameters, policy, inputs)
    _, memory, used = text_behind(parameters, policy, inputs["subtask_tokens"], memory, used)
    _, with_memory, with_used = text_behind(parameters, policy, inputs["indicator_positive"], memory, used)
    _, without_memory, without_used = text_behind(parameters, policy, inputs["indicator_none"], memory, used)
    x = noise
    for i in range(steps):
        times = torch.full((x.shape[0],), i / steps, dtype=x.dtype)
        v = expert_velocity(parameters, policy, inputs, x, times, with_memory, with_used)
        if beta != 1:
            without = expert_velocity(parameters, policy, inputs, x, times, without_memory, without_used)
            v = without + beta * (v - without)
        x = x + v / steps
    return x


# MARK: - The value function


def value_logits(parameters: Parameters, value: Value, inputs: Inputs) -> Tensor:
    tokens, used = encode_observation(parameters, value.observation, inputs)
    batch = tokens.shape[0]
    tokens = torch.cat([tokens, parameters["value_token"].expand(batch, 1, -1)], dim=1)
    used = torch.cat([used, torch.ones(batch, 1, dtype=torch.bool)], dim=1)
    places = tokens.shape[1]
    states, _ = transform(
        parameters, "network", tokens, torch.arange(places), visibility(used, places), value.network
    )
    return linear(parameters, "head", states[:, -1])


def value_loss(parameters: Parameters, value: Value, inputs: Inputs) -> Tensor:
    return functional.cross_entropy(value_logits(parameters, value, inputs), inputs["bins"])


def caption_logits(parameters: Parameters, value: Value, inputs: Inputs) -> Tensor:
    """Logits [batch, caption slot, text vocabulary] of image-text pairs: patches, then the caption."""
    patches = encode_patches(parameters, value.observation.cameras, inputs["caption_patches"])
    caption = inputs["caption_tokens"]
    tokens = torch.cat([patches, parameters["encoder.text"][caption]], dim=1)
    batch, observed, _ = patches.shape
    used = torch.cat([torch.ones(batch, observed, dtype=torch.bool), caption != PAD], dim=1)
    places = tokens.shape[1]
    states, _ = transform(
        parameters, "network", tokens, torch.arange(places), visibility(used, observed), value.network
    )
    return states[:, observed:] @ parameters["caption_head.weight"]


def caption_loss(parameters: Parameters, value: Value, inputs: Inputs) -> Tensor:
    return prediction_loss(caption_logits(parameters, value, inputs), inputs["caption_targets"])


# MARK: - Learning

BETA1, BETA2, ADAM_EPSILON, DECAY, RATE, STEPS = 0.9, 0.95, 1e-8, 0.01, 3e-3, 10


def gradients(loss: Tensor, parameters: Parameters) -> Parameters:
    found = torch.autograd.grad(loss, list(parameters.values()), allow_unused=True)
    return {
        name: torch.zeros_like(parameter) if gradient is None else gradient
        for (name, parameter), gradient in zip(parameters.items(), found)
    }


def differentiable(parameters: Parameters) -> Parameters:
    return {name: parameter.detach().clone().requires_grad_() for name, parameter in parameters.items()}


@dataclass
class Training:
    losses: Tensor
    """The losses before each step."""
    norms: Tensor
    """The gradient's norm in each step, before it is clipped."""
    parameters: Parameters
    """The parameters after the last step."""


def train(parameters: Parameters, losses_of: Callable[[Parameters], Tensor]) -> Training:
    """Ten AdamW steps at a constant learning rate. The last one of `losses_of` is minimised."""
    parameters = differentiable(parameters)
    first = {name: torch.zeros_like(parameter) for name, parameter in parameters.items()}
    second = {name: torch.zeros_like(parameter) for name, parameter in parameters.items()}
    losses: list[Tensor] = []
    norms: list[Tensor] = []
    for step in range(1, STEPS + 1):
        now = losses_of(parameters)
        found = gradients(now[-1], parameters)
        norm = torch.sqrt(sum(gradient.square().sum() for gradient in found.values()))
        losses.append(now.detach())
        norms.append(norm)
        clip = min(1.0, 1.0 / float(norm))
        with torch.no_grad():
            for name, parameter in parameters.items():
                gradient = found[name] * clip
                first[name] = BETA1 * first[name] + (1 - BETA1) * gradient
                second[name] = BETA2 * second[name] + (1 - BETA2) * gradient.square()
                mean = first[name] / (1 - BETA1**step)
                spread = (second[name] / (1 - BETA2**step)).sqrt()
                decay = DECAY if is_linear_matrix(name, parameter) else 0.0
                parameter.mul_(1 - RATE * decay).sub_(RATE * mean / (spread + ADAM_EPSILON))
    return Training(
        torch.stack(losses), torch.stack(norms), {name: parameter.detach() for name, parameter in parameters.items()}
    )


# MARK: - The fixtures' settings and inputs

CAMERAS = Cameras(count=2, side=8, patch=4)
VISION_CAMERAS = Cameras(
    count=1,
    side=8,
    patch=2,
    vision=Vision(Transformer(width=8, layers=1, heads=2, kv_heads=2, head_width=4, feed_forward=12), merge=2),
)
OBSERVATION = Observation(CAMERAS, text_vocabulary=270, task_slot=3, proprioception=4, environment_state=2)
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


def observation_inputs(observation: Observation, random: Random) -> Inputs:
    cameras, batch = observation.cameras, 4
    images = random.bytes(batch, cameras.count, cameras.side, cameras.side, 3)
    return {
        "images": images,
        "patches": patches_of_images(images, cameras),
        "task_tokens": torch.tensor([[104, 105, 267], [269, 97, PAD], [260, PAD, PAD], [97, 98, 97]]),
        "proprioception": random.normal(batch, observation.proprioception),
        "environment_state": random.normal(batch, observation.environment_state),
    }


def policy_inputs(policy: Policy, random: Random) -> Inputs:
    """A batch of four that has, in each slot, samples of different lengths; the third one has no subtask, the fourth
    no indicator; the second one's FAST tokens fill their slot, the third one's are more than it holds; the last two
    actions of the second one are past the end of its episode."""
    batch, H, A = 4, policy.chunk, policy.action
    inputs = observation_inputs(policy.observation, random)
    inputs["subtask_tokens"] = torch.tensor(
        [[NONE, 261, 33, 262], [NONE, 263, PAD, PAD], [NONE, PAD, PAD, PAD], [NONE, 264, 97, PAD]]
    )
    inputs["subtask_targets"] = torch.tensor(
        [[261, 33, 262, PAD], [263, PAD, NOTHING, NOTHING], [NOTHING] * 4, [264, 97, PAD, NOTHING]]
    )
    inputs["indicator_positive"] = torch.tensor([[265, 266]]).repeat(batch, 1)
    inputs["indicator_none"] = torch.tensor([[NONE, PAD]]).repeat(batch, 1)
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
    inputs["noise"] = random.normal(batch, H, A)
    inputs["actions"] = random.normal(batch, H, A)
    inputs["weights"] = torch.ones(batch, H, A, dtype=torch.float64)
    inputs["weights"][1, -2:] = 0
    inputs["sample_noise"] = random.normal(batch, H, A)
    return inputs


def value_inputs(value: Value, random: Random) -> Inputs:
    inputs = observation_inputs(value.observation, random)
    inputs["bins"] = torch.tensor([0, 4, 10, 7])
    inputs["caption_patches"] = random.normal(4, value.observation.cameras.patches_per_camera, 48, scale=0.5)
    inputs["caption_tokens"] = torch.tensor(
        [[NONE, 97, 98, 262, 33], [NONE, 263, 98, PAD, PAD], [NONE, 264, PAD, PAD, PAD], [NONE, 97, 97, 269, PAD]]
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
    random = Random(seed)
    parameters = random_parameters(policy_shapes(policy), random)
    # So that, among the greedily decoded texts, some end early: a larger column for the token that ends them.
    parameters["subtask_head.weight"][:, PAD] *= 2
    return parameters, policy_inputs(policy, random)


def make_value(value: Value, seed: int) -> tuple[Parameters, Inputs]:
    random = Random(seed)
    parameters = random_parameters(value_shapes(value), random)
    return parameters, value_inputs(value, random)


POLICY_SEED, VISION_SEED, VALUE_SEED = 29, 2, 3
"""The policy's is one with which the decoded subtasks have all lengths from none to the whole slot."""


# MARK: - What is expected


def policy_expectations(policy: Policy, parameters: Parameters, inputs: Inputs, brief: bool) -> dict[str, Tensor]:
    """Everything a test of the policy compares; only one pass and the encoder's gradients where `brief`."""
    leaves = differentiable(parameters)
    outputs = policy_forward(leaves, policy, inputs)
    losses = policy_losses(policy, inputs, outputs)
    expected = {
        "subtask_logits": outputs.subtask_logits,
        "fast_logits": outputs.fast_logits,
        "velocity": outputs.velocity,
        "losses": losses,
    }
    found = gradients(losses[-1], leaves)
    expected |= {
        f"gradient.{name}": gradient for name, gradient in found.items() if not brief or name.startswith("encoder.")
    }
    if brief:
        return expected

    training = train(parameters, lambda now: policy_losses(policy, inputs, policy_forward(now, policy, inputs)))
    expected |= {"step_losses": training.losses, "step_norms": training.norms}
    expected |= {f"after.{name}": parameter for name, parameter in training.parameters.items()}
    for beta in (1, 2):
        chunk = sample_chunk(parameters, policy, inputs, inputs["sample_noise"], EULER_STEPS, beta)
        expected[f"chunk_beta{beta}"] = chunk
    expected["subtask_decoded"], _ = decode_subtask(parameters, policy, inputs)
    return expected


def value_expectations(value: Value, parameters: Parameters, inputs: Inputs) -> dict[str, Tensor]:
    """Everything a test of the value function compares.

    Without co-training there is no `caption_head`: `gradient.*` and `after.*` leave it out.
    """
    alone = {name: parameter for name, parameter in parameters.items() if not name.startswith("caption_head")}
    leaves = differentiable(alone)
    logits = value_logits(leaves, value, inputs)
    probabilities = logits.softmax(-1)
    support = torch.linspace(-1, 0, value.bins, dtype=logits.dtype)
    loss = value_loss(leaves, value, inputs)
    expected = {
        "logits": logits,
        "probabilities": probabilities,
        "value": probabilities @ support,
        "loss": loss[None],
    }
    expected |= {f"gradient.{name}": gradient for name, gradient in gradients(loss, leaves).items()}
    training = train(alone, lambda now: value_loss(now, value, inputs)[None])
    expected |= {"step_losses": training.losses[:, 0], "step_norms": training.norms}
    expected |= {f"after.{name}": parameter for name, parameter in training.parameters.items()}

    leaves = differentiable(parameters)
    caption = caption_loss(leaves, value, inputs)
    both = value_loss(leaves, value, inputs) + value.caption_weight * caption
    expected |= {"caption_logits": caption_logits(leaves, value, inputs), "caption_loss": caption[None]}
    expected |= {f"cotraining_gradient.{name}": gradient for name, gradient in gradients(both, leaves).items()}
    return expected


def stored(tensor: Tensor) -> numpy.ndarray:
    """As it stands in a file: bytes as they are, whole numbers as int32, all others as float32."""
    tensor = tensor.detach()
    if tensor.dtype == torch.uint8:
        return numpy.ascontiguousarray(tensor.numpy())
    return numpy.ascontiguousarray(tensor.numpy().astype(numpy.float32 if tensor.is_floating_point() else numpy.int32))


def write(path: Path, parameters: Parameters, inputs: Inputs, expected: dict[str, Tensor]) -> None:
    groups = {"parameter": parameters, "input": inputs, "expected": expected}
    tensors = {f"{group}.{name}": stored(tensor) for group, named in groups.items() for name, tensor in named.items()}
    save_file(tensors, path)


def write_fixtures(directory: Path) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    parameters, inputs = make_policy(POLICY, POLICY_SEED)
    write(directory / "policy.safetensors", parameters, inputs, policy_expectations(POLICY, parameters, inputs, False))
    parameters, inputs = make_policy(VISION_POLICY, VISION_SEED)
    for unused in ("sample_noise", "indicator_positive", "indicator_none"):
        del inputs[unused]
    expected = policy_expectations(VISION_POLICY, parameters, inputs, True)
    write(directory / "policy_vision.safetensors", parameters, inputs, expected)
    parameters, inputs = make_value(VALUE, VALUE_SEED)
    write(directory / "value.safetensors", parameters, inputs, value_expectations(VALUE, parameters, inputs))


# MARK: - Tests of this file


def require(condition: bool, what: str) -> None:
    if not condition:
        sys.exit(f"FAILED: {what}")
    print(f"passed: {what}")


def close(a: Tensor, b: Tensor, tolerance: float = 1e-12) -> bool:
    return bool((a - b).abs().max() <= tolerance)


def worst_slope(loss_of: Callable[[Parameters], Tensor], parameters: Parameters, names: list[str]) -> float:
    """The largest relative difference, over two entries of each of the parameters, between the derivative by autograd
    and by central differences."""
    leaves = differentiable(parameters)
    found = gradients(loss_of(leaves), leaves)
    worst, step = 0.0, 1e-5
    for name in names:
        steepest = found[name].flatten().abs().argsort(descending=True)[:2]
        for entry in steepest.tolist():
            slopes: list[float] = []
            for sign in (1, -1):
                moved = {key: parameter.clone() for key, parameter in parameters.items()}
                moved[name].view(-1)[entry] += sign * step
                slopes.append(float(loss_of(moved)))
            numeric = (slopes[0] - slopes[1]) / (2 * step)
            exact = float(found[name].flatten()[entry])
            worst = max(worst, abs(numeric - exact) / max(abs(exact), 1e-6))
    return worst


def check_parts() -> None:
    """Attention, rotary positions and AdamW against PyTorch's own or a plainer form."""
    random = Random(11)
    shape = Transformer(width=10, layers=1, heads=6, kv_heads=3, head_width=4, feed_forward=8)
    parameters = {"a.qkv.weight": random.normal(10, shape.qkv_columns), "a.output.weight": torch.eye(24).double()}
    x, places = random.normal(2, 7, 10), torch.arange(3, 10)
    visible = visibility(random.normal(2, 7) > -0.5, 2) | torch.eye(7, dtype=torch.bool)
    y, _ = attention(parameters, "a", x, places, visible, shape, None)

    def heads(columns: Tensor) -> Tensor:
        """Split into heads and turned as complex numbers."""
        split = columns.reshape(2, 7, -1, 4).transpose(1, 2)
        turned = torch.complex(split[..., :2], split[..., 2:])
        turned = turned * torch.polar(torch.ones(7, 2).double(), places[:, None] * torch.tensor([1.0, 0.01]).double())
        return torch.cat([turned.real, turned.imag], dim=-1)

    columns = x @ parameters["a.qkv.weight"]
    again = functional.scaled_dot_product_attention(
        heads(columns[..., :24]),
        heads(columns[..., 24:36]).repeat_interleave(2, dim=1),
        columns[..., 36:].reshape(2, 7, 3, 4).transpose(1, 2).repeat_interleave(2, dim=1),
        attn_mask=visible[:, None],
    )
    require(close(y, again.transpose(1, 2).reshape(2, 7, 24), 1e-8), "attention equals PyTorch's")

    goal = random.normal(5, 4)
    start = {"layer.weight": random.normal(5, 4), "table": random.normal(5, 4), "layer.bias": random.normal(4)}

    def loss_of(now: Parameters) -> Tensor:
        return (now["layer.weight"] * now["table"] + now["layer.bias"] - goal).square().sum()[None]

    mine = train(start, loss_of).parameters
    leaves = differentiable(start)
    others = [leaves["table"], leaves["layer.bias"]]
    groups = [{"params": [leaves["layer.weight"]], "weight_decay": DECAY}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=RATE, betas=(BETA1, BETA2), eps=ADAM_EPSILON)
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss_of(leaves)[-1].backward()
        torch.nn.utils.clip_grad_norm_(list(leaves.values()), 1.0)
        optimizer.step()
    require(all(close(mine[name], leaves[name].detach(), 1e-7) for name in start), "AdamW equals PyTorch's")


def check_policy(policy: Policy, seed: int, label: str) -> None:
    parameters, inputs = make_policy(policy, seed)
    outputs = policy_forward(parameters, policy, inputs)
    expert = [name for name in parameters if name.startswith("expert.")]
    backbone = [name for name in parameters if not name.startswith("expert.")]

    def losses_of(now: Parameters) -> Tensor:
        return policy_losses(policy, inputs, policy_forward(now, policy, inputs))

    slope = worst_slope(lambda now: losses_of(now)[3], parameters, expert)
    require(slope < 1e-5, f"{label}: the expert's gradients equal finite differences ({slope:.1e})")
    # The whole loss does change with the backbone through the expert, but by insulation no gradient says so.
    slope = worst_slope(lambda now: losses_of(now)[:2].sum(), parameters, backbone)
    require(slope < 1e-5, f"{label}: the backbone's gradients equal finite differences ({slope:.1e})")
    leaves = differentiable(parameters)
    whole, flow = gradients(losses_of(leaves)[3], leaves), gradients(losses_of(leaves)[2], leaves)
    require(all(not flow[name].any() for name in backbone), f"{label}: the flow loss gives the backbone no gradient")
    require(all(flow[name].any() for name in expert), f"{label}: and each of the expert's parameters one")
    require(all(whole[name].any() for name in backbone), f"{label}: the others give each backbone parameter one")

    changed = inputs | {"fast_tokens": inputs["fast_tokens"].flip(0)}
    again = policy_forward(parameters, policy, changed)
    require(close(outputs.velocity, again.velocity, 0), f"{label}: FAST tokens do not influence the velocity")
    require(not close(outputs.fast_logits, again.fast_logits), f"{label}: but their own logits")
    changed = inputs | {"indicator_tokens": inputs["indicator_tokens"].flip(0)}
    again = policy_forward(parameters, policy, changed)
    same = close(outputs.subtask_logits, again.subtask_logits, 0)
    require(same, f"{label}: the indicator does not influence subtasks")
    require(not close(outputs.velocity, again.velocity, 1e-3), f"{label}: but the velocity")
    changed = {name: parameter.clone() for name, parameter in parameters.items()}
    changed["encoder.text"][PAD] = 100
    changed["fast_tokens"][FAST_PAD] = 100
    require(close(losses_of(parameters), losses_of(changed), 0), f"{label}: nobody sees unused places")
    changed["encoder.text"][NONE] = 100
    require(not close(losses_of(parameters), losses_of(changed), 1e-3), f"{label}: <none> is seen")

    for beta in (1, 2):
        sampled = sample_chunk(parameters, policy, inputs, inputs["sample_noise"], EULER_STEPS, beta)
        x = inputs["sample_noise"]
        for i in range(EULER_STEPS):
            # With times = eta and both ends of the path x, the noisy actions are x.
            now = inputs | {"times": torch.full((4,), i / EULER_STEPS, dtype=x.dtype), "noise": x, "actions": x}
            conditioned = policy_forward(parameters, policy, now | {"indicator_tokens": inputs["indicator_positive"]})
            free = policy_forward(parameters, policy, now | {"indicator_tokens": inputs["indicator_none"]})
            x = x + (free.velocity + beta * (conditioned.velocity - free.velocity)) / EULER_STEPS
        same = close(sampled, x, 1e-9)
        require(same, f"{label}: sampling with kept keys and values equals full passes, beta = {beta}")

    decoded, lead = decode_subtask(parameters, policy, inputs)
    require(lead > 1e-2, f"{label}: decoding is never close ({lead:.1e})")
    for sample in range(4):
        slot = [NONE]
        for token in decoded[sample].tolist():
            now = inputs | {"subtask_tokens": torch.tensor([slot + [PAD] * (policy.subtask_slot - len(slot))] * 4)}
            logits = policy_forward(parameters, policy, now).subtask_logits[sample, len(slot) - 1]
            require(int(logits.argmax()) == token, f"{label}: sample {sample} decodes as in a full pass: {token}")
            if token == PAD:
                break
            slot.append(token)


def check_decoded_lengths() -> None:
    parameters, inputs = make_policy(POLICY, POLICY_SEED)
    decoded, _ = decode_subtask(parameters, POLICY, inputs)
    lengths = sorted(int((sample > PAD).sum()) for sample in decoded)
    require(lengths == [0, 1, 2, 3], "policy: decoded subtasks of all lengths")


def check_value(value: Value, seed: int) -> None:
    parameters, inputs = make_value(value, seed)

    def loss_of(now: Parameters) -> Tensor:
        return value_loss(now, value, inputs) + value.caption_weight * caption_loss(now, value, inputs)

    slope = worst_slope(loss_of, parameters, list(parameters))
    require(slope < 1e-5, f"value: gradients equal finite differences ({slope:.1e})")
    changed = {name: parameter.clone() for name, parameter in parameters.items()}
    changed["encoder.text"][PAD] = 100
    require(close(loss_of(parameters), loss_of(changed), 0), "value: nobody sees unused places")
    shorter = inputs | {"caption_tokens": inputs["caption_tokens"][:, :2]}
    first = caption_logits(parameters, value, inputs)[:, :2]
    require(close(first, caption_logits(parameters, value, shorter)), "value: captions are causal")


def in_single_precision(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in tensors.items()}


def compare_precisions() -> None:
    """How far the same computation with 32-bit floats strays: what tolerances may expect."""
    runs: list[tuple[str, Callable[[Parameters, Inputs], dict[str, Tensor]], tuple[Parameters, Inputs]]] = [
        ("policy", lambda p, i: policy_expectations(POLICY, p, i, False), make_policy(POLICY, POLICY_SEED)),
        (
            "policy_vision",
            lambda p, i: policy_expectations(VISION_POLICY, p, i, True),
            make_policy(VISION_POLICY, VISION_SEED),
        ),
        ("value", lambda p, i: value_expectations(VALUE, p, i), make_value(VALUE, VALUE_SEED)),
    ]
    print("largest absolute difference of 32-bit arithmetic, and the largest expected number:")
    for label, expectations, (parameters, inputs) in runs:
        exact = expectations(parameters, inputs)
        rough = expectations(in_single_precision(parameters), in_single_precision(inputs))
        groups: dict[str, tuple[float, float]] = {}
        for name, tensor in exact.items():
            group = name.split(".")[0]
            error, size = groups.get(group, (0.0, 0.0))
            difference = float((tensor - rough[name].to(tensor.dtype)).detach().abs().max())
            groups[group] = (max(error, difference), max(size, float(tensor.detach().abs().max())))
        for group, (error, size) in groups.items():
            print(f"  {label} {group}: {error:.1e} of {size:.3g}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=Path, nargs="?", help="where the fixtures are written")
    parser.add_argument("--check", action="store_true", help="test this file instead")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.check:
        check_parts()
        check_policy(POLICY, POLICY_SEED, "policy")
        check_decoded_lengths()
        check_policy(VISION_POLICY, VISION_SEED, "policy with a vision tower")
        check_value(VALUE, VALUE_SEED)
        compare_precisions()
    elif arguments.directory is not None:
        write_fixtures(arguments.directory)
    else:
        parser.error("a directory or --check is needed")


if __name__ == "__main__":
    main()
