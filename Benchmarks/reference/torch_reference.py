"""The reference models in PyTorch, eager or compiled with `torch.compile`.

Run it from the folder Benchmarks: `python -m reference.torch_reference --check --compile`.
"""

from __future__ import annotations

import argparse
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F

from . import serving, spec
from .work import Work

Parameters = dict[str, torch.Tensor]
Batch = dict[str, torch.Tensor]
Heads: TypeAlias = torch.Tensor
"""Queries, keys or values `[batch, heads, tokens, head_size]`."""


class Network(torch.nn.Module):
    """The equations of one model, over its parameters by name."""

    def __init__(self, model: spec.Model, trained: bool) -> None:
        super().__init__()
        self.model = model
        self.names = [parameter.name for parameter in spec.parameters(model)]
        self.arrays = torch.nn.ParameterList(
            torch.nn.Parameter(torch.from_numpy(value), requires_grad=trained)
            for value in spec.make_parameters(model).values()
        )
        mask = torch.from_numpy(spec.training_mask())
        self.bias = torch.zeros(mask.shape).masked_fill(~mask, float("-inf"))
        self.rotations = {
            (first, count): tuple(
                torch.from_numpy(table) for table in spec.rotations(first, count, model.head_size)
            )
            for first, count in [
                (0, spec.PREFIX + spec.FAST_TOKENS),
                (0, spec.PREFIX + 1),
                (0, spec.PREFIX),
                (spec.PREFIX, spec.HORIZON),
            ]
        }
        if model.acts:
            self.time_rates = torch.from_numpy(spec.time_rates(model.expert_width))

    def named(self) -> Parameters:
        return dict(zip(self.names, self.arrays, strict=True))

    def vla_losses(self, batch: Batch) -> torch.Tensor:
        """Cross-entropy of the action tokens, and squared error of the expert's velocity."""
        p, fast, noise, actions = self.named(), batch["fast"], batch["noise"], batch["actions"]
        tokens = torch.cat([torch.full_like(fast[:, :1], spec.BEGIN), fast[:, :-1]], 1)
        x = torch.cat([self.prefix(p, batch), F.embedding(tokens, p["tok_emb"])], 1)
        x, seen = self.backbone(p, x, self.bias, self.model.layers)
        logits = norm(x[:, spec.PREFIX :], p["norm_f"]) @ p["lm_head"]
        seen = [(k[:, :, : spec.PREFIX].detach(), v[:, :, : spec.PREFIX].detach()) for k, v in seen]
        tau = batch["tau"][:, None, None]
        velocity = self.expert(p, seen, tau * actions + (1 - tau) * noise, batch["tau"])
        squared_error = ((velocity - (actions - noise)) ** 2).mean()
        return torch.stack([F.cross_entropy(logits.flatten(0, 1), fast.flatten()), squared_error])

    def value_losses(self, batch: Batch) -> torch.Tensor:
        """Cross-entropy of the value's bin."""
        p = self.named()
        x = self.prefix(p, batch)
        x = torch.cat([x, p["val_tok"].expand(x.shape[0], 1, -1)], 1)
        x, _ = self.backbone(p, x, None, self.model.layers)
        logits = norm(x[:, -1], p["norm_f"]) @ p["head.w"] + p["head.b"]
        return F.cross_entropy(logits, batch["bin"])[None]

    def sample(self, batch: Batch, guided: bool) -> torch.Tensor:
        """Actions `[batch, 16, 8]` from the batch's noise."""
        p, x_tau = self.named(), batch["noise"]
        count = x_tau.shape[0]
        if guided:
            plain = batch["text"].clone()
            plain[:, -1] = spec.NO_INDICATOR
            batch = {key: torch.cat([batch[key]] * 2) for key in ("images", "state")} | {
                "text": torch.cat([batch["text"], plain])
            }
        x, seen = self.backbone(p, self.prefix(p, batch), None, self.model.layers - 1)
        seen.append(self.attention_inputs(p, f"b{self.model.layers - 1}", x, 0)[1:])
        for step in range(spec.EULER_STEPS):
            tau = torch.full((1,), step / spec.EULER_STEPS)
            if guided:
                both = self.expert(p, seen, torch.cat([x_tau, x_tau]), tau)
                velocity = both[count:] + spec.GUIDANCE * (both[:count] - both[count:])
            else:
                velocity = self.expert(p, seen, x_tau, tau)
            x_tau = x_tau + velocity / spec.EULER_STEPS
        return x_tau

    def prefix(self, p: Parameters, batch: Batch) -> torch.Tensor:
        """The observation's tokens `[batch, 57, width]`."""
        side, size = spec.PATCHES_A_SIDE, spec.PATCH_SIZE
        images = batch["images"].view(-1, spec.CAMERAS, side, size, side, size, 3)
        patches = images.permute(0, 1, 2, 4, 3, 5, 6).reshape(
            -1, spec.IMAGE_TOKENS, spec.PATCH_VALUES
        )
        image = (patches.float() / 127.5 - 1) @ p["patch.w"] + p["patch.b"] + p["img_pos"]
        state = batch["state"] @ p["state.w"] + p["state.b"]
        return torch.cat([image, F.embedding(batch["text"], p["tok_emb"]), state[:, None]], 1)

    def backbone(
        self, p: Parameters, x: torch.Tensor, bias: torch.Tensor | None, layers: int
    ) -> tuple[torch.Tensor, list[tuple[Heads, Heads]]]:
        """The first layers, and the keys and values of each."""
        seen = []
        for layer in range(layers):
            query, key, value = self.attention_inputs(p, f"b{layer}", x, 0)
            seen.append((key, value))
            x = self.rest_of_block(p, f"b{layer}", x, attention(query, key, value, bias))
        return x, seen

    def expert(
        self, p: Parameters, seen: list[tuple[Heads, Heads]], x_tau: torch.Tensor, tau: torch.Tensor
    ) -> torch.Tensor:
        """The velocity `[batch, 16, 8]`. `tau` is `[batch]`, or `[1]` for all."""
        angles = tau[:, None] * self.time_rates
        phases = torch.cat([angles.sin(), angles.cos()], -1)
        time = F.silu(phases @ p["time1.w"] + p["time1.b"]) @ p["time2.w"] + p["time2.b"]
        x = x_tau @ p["act_in.w"] + p["act_in.b"] + time[:, None]
        for layer, (keys, values) in enumerate(seen):
            query, key, value = self.attention_inputs(p, f"e{layer}", x, spec.PREFIX)
            keys, values = torch.cat([keys, key], 2), torch.cat([values, value], 2)
            x = self.rest_of_block(p, f"e{layer}", x, attention(query, keys, values, None))
        return norm(x, p["e.norm_f"]) @ p["act_out.w"] + p["act_out.b"]

    def attention_inputs(
        self, p: Parameters, block: str, x: torch.Tensor, first: int
    ) -> tuple[Heads, Heads, Heads]:
        """Queries, keys and values of tokens at the positions from `first` on."""
        model, (batch, tokens, _) = self.model, x.shape
        joint = norm(x, p[f"{block}.norm1"]) @ p[f"{block}.qkv"]
        joint = joint.view(batch, tokens, 3, model.heads, model.head_size).permute(2, 0, 3, 1, 4)
        cosine, sine = self.rotations[first, tokens]

        def rotated(heads: Heads) -> Heads:
            a, b = heads.chunk(2, -1)
            return torch.cat([a * cosine - b * sine, b * cosine + a * sine], -1)

        return rotated(joint[0]), rotated(joint[1]), joint[2]

    def rest_of_block(
        self, p: Parameters, block: str, x: torch.Tensor, attended: torch.Tensor
    ) -> torch.Tensor:
        """Adds the attention's output, then that of the gated layer."""
        x = x + attended @ p[f"{block}.o"]
        gate, up = (norm(x, p[f"{block}.norm2"]) @ p[f"{block}.gu"]).chunk(2, -1)
        return x + (F.gelu(gate, approximate="tanh") * up) @ p[f"{block}.down"]


def norm(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """The root-mean-square norm."""
    return F.rms_norm(x, (x.shape[-1],), weight, spec.NORM_EPSILON)


def attention(query: Heads, key: Heads, value: Heads, bias: torch.Tensor | None) -> torch.Tensor:
    """`[batch, queries, heads * head_size]`; the bias is added to the scores."""
    attended = F.scaled_dot_product_attention(query, key, value, attn_mask=bias)
    return attended.transpose(1, 2).flatten(2)


class Torch:
    """The work done by PyTorch."""

    def __init__(self, compiled: bool, threads: int) -> None:
        self.compiled = compiled
        self.name = f"PyTorch {torch.__version__}, {'compiled' if compiled else 'eager'}"
        torch.set_num_threads(threads)
        torch.set_float32_matmul_precision("highest")

    def step(self, work: Work) -> serving.Step:
        torch.compiler.reset()
        training = work.mode == "train"
        network = Network(spec.MODELS[work.model], trained=training)
        batch = {
            name: torch.from_numpy(value.astype(np.int64) if value.dtype == np.int32 else value)
            for name, value in spec.make_inputs(network.model, work.batch).items()
        }
        if training:
            return self._training_step(network, batch)
        return self._sampling_step(network, batch, work.guided)

    def _training_step(self, network: Network, batch: Batch) -> serving.Step:
        losses = self._compile(
            network.vla_losses if network.model.acts else network.value_losses, frozen=False
        )
        optimizer = torch.optim.AdamW(
            network.parameters(),
            lr=spec.LEARNING_RATE,
            betas=(spec.BETA_1, spec.BETA_2),
            eps=spec.ADAM_EPSILON,
            weight_decay=spec.WEIGHT_DECAY,
            fused=True,
        )

        def step() -> npt.NDArray[np.float32]:
            parts = losses(batch)
            optimizer.zero_grad(set_to_none=True)
            parts.sum().backward()
            optimizer.step()
            return np.asarray(parts.detach())

        return step

    def _sampling_step(self, network: Network, batch: Batch, guided: bool) -> serving.Step:
        batch = {name: batch[name] for name in ("images", "text", "state", "noise")}
        # The compiler takes parameters for constants only in the forward pass of a module.
        network.eval().forward = lambda batch: network.sample(batch, guided)
        sample = self._compile(network, frozen=True)

        def step() -> npt.NDArray[np.float32]:
            with torch.no_grad():
                return np.asarray(sample(batch))

        return step

    def _compile(self, function: Any, frozen: bool) -> Any:
        """The function compiled, if this is to compile; `frozen` makes its parameters constants."""
        if not self.compiled:
            return function
        # Named here: to import Inductor takes seconds that the eager variant need not wait.
        import torch._inductor.config as inductor

        inductor.freezing = frozen
        inductor.compile_threads = 1
        return torch.compile(function, dynamic=False)


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--compile", action="store_true", help="use torch.compile")


if __name__ == "__main__":
    serving.main(
        __doc__, lambda arguments: Torch(arguments.compile, arguments.threads), options=_options
    )
