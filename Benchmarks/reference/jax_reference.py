"""The reference models in JAX, compiled with `jax.jit`.

Run it from the folder Benchmarks: `python -m reference.jax_reference --check`.
"""

from __future__ import annotations

from functools import partial
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

from . import serving, spec
from .work import Work

Parameters = dict[str, jax.Array]
Batch = dict[str, Any]
Heads: TypeAlias = jax.Array
"""Queries, keys or values `[batch, tokens, heads, head_size]`."""


class Network:
    """The equations of one model, over its parameters by name."""

    def __init__(self, model: spec.Model) -> None:
        self.model = model

    def vla_losses(self, p: Parameters, batch: Batch) -> jax.Array:
        """Cross-entropy of the action tokens, and squared error of the expert's velocity."""
        fast, noise, actions = batch["fast"], batch["noise"], batch["actions"]
        begin = jnp.full_like(fast[:, :1], spec.BEGIN)
        tokens = p["tok_emb"][jnp.concatenate([begin, fast[:, :-1]], 1)]
        x = jnp.concatenate([self.prefix(p, batch), tokens], 1)
        x, seen = self.backbone(p, x, jnp.asarray(spec.training_mask()), self.model.layers)
        logits = norm(x[:, spec.PREFIX :], p["norm_f"]) @ p["lm_head"]
        seen = [
            (jax.lax.stop_gradient(k[:, : spec.PREFIX]), jax.lax.stop_gradient(v[:, : spec.PREFIX]))
            for k, v in seen
        ]
        tau = batch["tau"][:, None, None]
        velocity = self.expert(p, seen, tau * actions + (1 - tau) * noise, batch["tau"])
        squared_error = jnp.mean((velocity - (actions - noise)) ** 2)
        return jnp.stack([cross_entropy(logits, fast), squared_error])

    def value_losses(self, p: Parameters, batch: Batch) -> jax.Array:
        """Cross-entropy of the value's bin."""
        x = self.prefix(p, batch)
        token = jnp.broadcast_to(p["val_tok"], (x.shape[0], 1, x.shape[2]))
        x, _ = self.backbone(p, jnp.concatenate([x, token], 1), None, self.model.layers)
        logits = norm(x[:, -1], p["norm_f"]) @ p["head.w"] + p["head.b"]
        return cross_entropy(logits, batch["bin"])[None]

    def sample(self, p: Parameters, batch: Batch, guided: bool) -> jax.Array:
        """Actions `[batch, 16, 8]` from the batch's noise."""
        x_tau = batch["noise"]
        count = x_tau.shape[0]
        if guided:
            text = batch["text"]
            batch = {key: jnp.concatenate([batch[key]] * 2) for key in ("images", "state")}
            batch["text"] = jnp.concatenate([text, text.at[:, -1].set(spec.NO_INDICATOR)])
        x, seen = self.backbone(p, self.prefix(p, batch), None, self.model.layers - 1)
        seen.append(self.attention_inputs(p, f"b{self.model.layers - 1}", x, 0)[1:])
        for step in range(spec.EULER_STEPS):
            tau = jnp.full((1,), step / spec.EULER_STEPS)
            if guided:
                both = self.expert(p, seen, jnp.concatenate([x_tau, x_tau]), tau)
                velocity = both[count:] + spec.GUIDANCE * (both[:count] - both[count:])
            else:
                velocity = self.expert(p, seen, x_tau, tau)
            x_tau = x_tau + velocity / spec.EULER_STEPS
        return x_tau

    def prefix(self, p: Parameters, batch: Batch) -> jax.Array:
        """The observation's tokens `[batch, 57, width]`."""
        side, size = spec.PATCHES_A_SIDE, spec.PATCH_SIZE
        images = batch["images"].reshape(-1, spec.CAMERAS, side, size, side, size, 3)
        patches = images.transpose(0, 1, 2, 4, 3, 5, 6).reshape(
            -1, spec.IMAGE_TOKENS, spec.PATCH_VALUES
        )
        image = (patches.astype(jnp.float32) / 127.5 - 1) @ p["patch.w"] + p["patch.b"]
        state = batch["state"] @ p["state.w"] + p["state.b"]
        return jnp.concatenate(
            [image + p["img_pos"], p["tok_emb"][batch["text"]], state[:, None]], 1
        )

    def backbone(
        self, p: Parameters, x: jax.Array, mask: jax.Array | None, layers: int
    ) -> tuple[jax.Array, list[tuple[Heads, Heads]]]:
        """The first layers, and the keys and values of each."""
        seen = []
        for layer in range(layers):
            query, key, value = self.attention_inputs(p, f"b{layer}", x, 0)
            seen.append((key, value))
            x = self.rest_of_block(p, f"b{layer}", x, attention(query, key, value, mask))
        return x, seen

    def expert(
        self, p: Parameters, seen: list[tuple[Heads, Heads]], x_tau: jax.Array, tau: jax.Array
    ) -> jax.Array:
        """The velocity `[batch, 16, 8]`. `tau` is `[batch]`, or `[1]` for all."""
        angles = tau[:, None] * jnp.asarray(spec.time_rates(self.model.expert_width))
        phases = jnp.concatenate([jnp.sin(angles), jnp.cos(angles)], -1)
        hidden = jax.nn.silu(phases @ p["time1.w"] + p["time1.b"])
        time = hidden @ p["time2.w"] + p["time2.b"]
        x = x_tau @ p["act_in.w"] + p["act_in.b"] + time[:, None]
        for layer, (keys, values) in enumerate(seen):
            query, key, value = self.attention_inputs(p, f"e{layer}", x, spec.PREFIX)
            keys, values = jnp.concatenate([keys, key], 1), jnp.concatenate([values, value], 1)
            x = self.rest_of_block(p, f"e{layer}", x, attention(query, keys, values, None))
        return norm(x, p["e.norm_f"]) @ p["act_out.w"] + p["act_out.b"]

    def attention_inputs(
        self, p: Parameters, block: str, x: jax.Array, first: int
    ) -> tuple[Heads, Heads, Heads]:
        """Queries, keys and values of tokens at the positions from `first` on."""
        model, tokens = self.model, x.shape[1]
        joint = norm(x, p[f"{block}.norm1"]) @ p[f"{block}.qkv"]
        joint = joint.reshape(-1, tokens, 3, model.heads, model.head_size)
        cosine, sine = (
            jnp.asarray(table)[None, :, None]
            for table in spec.rotations(first, tokens, model.head_size)
        )

        def rotated(heads: Heads) -> Heads:
            a, b = jnp.split(heads, 2, -1)
            return jnp.concatenate([a * cosine - b * sine, b * cosine + a * sine], -1)

        return rotated(joint[:, :, 0]), rotated(joint[:, :, 1]), joint[:, :, 2]

    def rest_of_block(
        self, p: Parameters, block: str, x: jax.Array, attended: jax.Array
    ) -> jax.Array:
        """Adds the attention's output, then that of the gated layer."""
        x = x + attended @ p[f"{block}.o"]
        gate, up = jnp.split(norm(x, p[f"{block}.norm2"]) @ p[f"{block}.gu"], 2, -1)
        return x + (jax.nn.gelu(gate, approximate=True) * up) @ p[f"{block}.down"]


def norm(x: jax.Array, weight: jax.Array) -> jax.Array:
    """The root-mean-square norm."""
    return x * jax.lax.rsqrt(jnp.mean(x * x, -1, keepdims=True) + spec.NORM_EPSILON) * weight


def attention(query: Heads, key: Heads, value: Heads, mask: jax.Array | None) -> jax.Array:
    """`[batch, queries, heads * head_size]`; with a mask, each query sees the keys that it marks."""
    scores = jnp.einsum("bqhd,bkhd->bhqk", query, key) * query.shape[-1] ** -0.5
    if mask is not None:
        scores = jnp.where(mask, scores, -1e30)
    attended = jnp.einsum("bhqk,bkhd->bqhd", jax.nn.softmax(scores, -1), value)
    return attended.reshape(*attended.shape[:2], -1)


def cross_entropy(logits: jax.Array, target: jax.Array) -> jax.Array:
    chosen = jnp.take_along_axis(logits, target[..., None], -1)[..., 0]
    return jnp.mean(jax.nn.logsumexp(logits, -1) - chosen)


def adamw(
    p: Parameters, gradients: Parameters, first: Parameters, second: Parameters, step: jax.Array
) -> tuple[Parameters, Parameters, Parameters]:
    """Parameters and both moments after a step of AdamW; `step` counts from 1."""
    b1, b2 = spec.BETA_1, spec.BETA_2
    first = jax.tree.map(lambda m, g: b1 * m + (1 - b1) * g, first, gradients)
    second = jax.tree.map(lambda v, g: b2 * v + (1 - b2) * g * g, second, gradients)

    def moved(w: jax.Array, m: jax.Array, v: jax.Array) -> jax.Array:
        direction = m / (1 - b1**step) / (jnp.sqrt(v / (1 - b2**step)) + spec.ADAM_EPSILON)
        return w * (1 - spec.LEARNING_RATE * spec.WEIGHT_DECAY) - spec.LEARNING_RATE * direction

    return jax.tree.map(moved, p, first, second), first, second


class Jax:
    """The work done by JAX."""

    name = f"JAX {jax.__version__}"

    def step(self, work: Work) -> serving.Step:
        model = spec.MODELS[work.model]
        network = Network(model)
        p = {name: jnp.asarray(value) for name, value in spec.make_parameters(model).items()}
        inputs = spec.make_inputs(model, work.batch)
        if work.mode == "sample":
            batch = {name: inputs[name] for name in ("images", "text", "state", "noise")}
            sample = jax.jit(lambda p, batch: network.sample(p, batch, work.guided))
            return lambda: np.asarray(sample(p, batch))
        return training_step(network, p, {name: jnp.asarray(x) for name, x in inputs.items()})


def training_step(network: Network, p: Parameters, batch: Batch) -> serving.Step:
    """A step on the one batch that resides in memory; parameters and moments are updated in place."""
    losses = network.vla_losses if network.model.acts else network.value_losses

    def total(p: Parameters, batch: Batch) -> tuple[jax.Array, jax.Array]:
        parts = losses(p, batch)
        return parts.sum(), parts

    @partial(jax.jit, donate_argnums=(0, 1, 2))
    def update(
        p: Parameters, first: Parameters, second: Parameters, step: jax.Array, batch: Batch
    ) -> tuple[Parameters, Parameters, Parameters, jax.Array]:
        (_, parts), gradients = jax.value_and_grad(total, has_aux=True)(p, batch)
        return *adamw(p, gradients, first, second, step), parts

    first, second = jax.tree.map(jnp.zeros_like, p), jax.tree.map(jnp.zeros_like, p)
    taken = 0

    def step() -> npt.NDArray[np.float32]:
        nonlocal p, first, second, taken
        taken += 1
        p, first, second, parts = update(p, first, second, float(taken), batch)
        return np.asarray(parts)

    return step


if __name__ == "__main__":
    jax.config.update("jax_platforms", "cpu")
    serving.main(__doc__, lambda arguments: Jax())
