"""Everything the Swift tests compare, and the files it is written to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy
import torch
from safetensors.numpy import save_file
from torch import Tensor

from .inputs import (
    EULER_STEPS,
    POLICY,
    POLICY_SEED,
    VALUE,
    VALUE_SEED,
    VISION_POLICY,
    VISION_SEED,
    make_policy,
    make_value,
)
from .policy import policy_forward, policy_losses
from .sampling import decode_subtask, sample_chunk
from .settings import Inputs, Parameters, Policy, Value
from .training import differentiable, gradients, train
from .value import caption_logits, caption_loss, value_logits, value_loss


def named(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors under names that begin with `prefix` and a dot."""
    return {f"{prefix}.{name}": tensor for name, tensor in tensors.items()}


def policy_expectations(
    policy: Policy, parameters: Parameters, inputs: Inputs, brief: bool = False
) -> dict[str, Tensor]:
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
    if brief:
        encoder = {name: found[name] for name in found if name.startswith("encoder.")}
        return expected | named("gradient", encoder)
    expected |= named("gradient", found)

    def losses_of(now: Parameters) -> Tensor:
        return policy_losses(policy, inputs, policy_forward(now, policy, inputs))

    training = train(parameters, losses_of)
    expected |= {"step_losses": training.losses, "step_norms": training.norms}
    expected |= named("after", training.parameters)
    for beta in (1, 2):
        chunk = sample_chunk(parameters, policy, inputs, inputs["sample_noise"], EULER_STEPS, beta)
        expected[f"chunk_beta{beta}"] = chunk
    expected["subtask_decoded"], _ = decode_subtask(parameters, policy, inputs)
    return expected


def value_expectations(value: Value, parameters: Parameters, inputs: Inputs) -> dict[str, Tensor]:
    """Everything a test of the value function compares.

    Without co-training there is no `caption_head`: `gradient.*` and `after.*` leave it out.
    """
    alone = {name: parameters[name] for name in parameters if not name.startswith("caption_head")}
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
    expected |= named("gradient", gradients(loss, leaves))
    training = train(alone, lambda now: value_loss(now, value, inputs)[None])
    expected |= {"step_losses": training.losses[:, 0], "step_norms": training.norms}
    expected |= named("after", training.parameters)

    leaves = differentiable(parameters)
    caption = caption_loss(leaves, value, inputs)
    both = value_loss(leaves, value, inputs) + value.caption_weight * caption
    expected["caption_logits"] = caption_logits(leaves, value, inputs)
    expected["caption_loss"] = caption[None]
    return expected | named("cotraining_gradient", gradients(both, leaves))


def stored(tensor: Tensor) -> numpy.ndarray[Any, Any]:
    """As it stands in a file: bytes as they are, whole numbers as int32, all others as float32."""
    numbers = tensor.detach().numpy()
    if tensor.dtype != torch.uint8:
        numbers = numbers.astype(numpy.float32 if tensor.is_floating_point() else numpy.int32)
    return numpy.ascontiguousarray(numbers)


def write(path: Path, parameters: Parameters, inputs: Inputs, expected: dict[str, Tensor]) -> None:
    tensors = named("parameter", parameters) | named("input", inputs) | named("expected", expected)
    save_file({name: stored(tensor) for name, tensor in tensors.items()}, path)


def write_fixtures(directory: Path) -> None:
    """Writes the three files that Fixtures/README.md describes."""
    directory.mkdir(parents=True, exist_ok=True)

    parameters, inputs = make_policy(POLICY, POLICY_SEED)
    expected = policy_expectations(POLICY, parameters, inputs)
    write(directory / "policy.safetensors", parameters, inputs, expected)

    parameters, inputs = make_policy(VISION_POLICY, VISION_SEED)
    for unused in ("sample_noise", "indicator_positive", "indicator_none"):
        del inputs[unused]
    expected = policy_expectations(VISION_POLICY, parameters, inputs, brief=True)
    write(directory / "policy_vision.safetensors", parameters, inputs, expected)

    parameters, inputs = make_value(VALUE, VALUE_SEED)
    expected = value_expectations(VALUE, parameters, inputs)
    write(directory / "value.safetensors", parameters, inputs, expected)
