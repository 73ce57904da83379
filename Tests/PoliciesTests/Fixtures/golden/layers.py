"""What all the transformers are made of: norms, rotary positions, attention, feed-forward layers and masks."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as functional
from torch import Tensor

from .settings import KeysAndValues, Parameters, Transformer

EPSILON = 1e-6


def rms(x: Tensor) -> Tensor:
    """x / √(mean(x²) + 10⁻⁶), before any weight."""
    return x / torch.sqrt(x.square().mean(-1, keepdim=True) + EPSILON)


def linear(parameters: Parameters, name: str, x: Tensor) -> Tensor:
    """y = x W + b, with b where there is one."""
    y = x @ parameters[f"{name}.weight"]
    bias = parameters.get(f"{name}.bias")
    return y if bias is None else y + bias


def turn(x: Tensor, positions: Tensor) -> Tensor:
    """Rotary positions of x [batch, heads, places, h]: turns each pair (i, i + h/2) by position · 10000^(−2i/h)."""
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
    """(gelu(g) ∘ u) W_down with g | u = x W_gate_up, before any norm."""
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
    """All layers and the last norm, of tokens x [batch, places, width] behind those of `before`, where there are such.
    Returns the normed states, and every layer's keys and values of x."""
    kept: list[KeysAndValues] = []
    for l in range(transformer.layers):
        layer = f"{name}.layers.{l}"
        normed = rms(x) * parameters[f"{layer}.attention_norm.weight"]
        earlier = None if before is None else before[l]
        y, own = attention(
            parameters, f"{layer}.attention", normed, positions, visible, transformer, earlier
        )
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
