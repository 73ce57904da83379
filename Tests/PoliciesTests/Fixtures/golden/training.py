"""Learning: the loss of predicted tokens, gradients, clipping and AdamW."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as functional
from torch import Tensor

from .settings import NOTHING, Parameters

BETA1 = 0.9
BETA2 = 0.95
ADAM_EPSILON = 1e-8
DECAY = 0.01
RATE = 3e-3
"""The learning rate, the same in every step."""
STEPS = 10
LARGEST_NORM = 1.0
"""A gradient with a larger norm is scaled down to this one."""


def prediction_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """The mean of −log p(target) over all places of the batch that predict."""
    return functional.cross_entropy(logits.flatten(0, -2), targets.flatten(), ignore_index=NOTHING)


def gradients(loss: Tensor, parameters: Parameters) -> Parameters:
    """The loss's gradient by each of the parameters; 0 where it does not depend on one."""
    found = torch.autograd.grad(loss, list(parameters.values()), allow_unused=True)
    return {
        name: torch.zeros_like(parameter) if gradient is None else gradient
        for (name, parameter), gradient in zip(parameters.items(), found, strict=True)
    }


def differentiable(parameters: Parameters) -> Parameters:
    """A copy by which gradients can be taken."""
    return {
        name: parameter.detach().clone().requires_grad_() for name, parameter in parameters.items()
    }


def is_linear_matrix(name: str, parameter: Tensor) -> bool:
    """Whether weight decay applies: a linear layer's matrix, not a bias, a norm, a table or positions."""
    return name.endswith(".weight") and parameter.dim() == 2


@dataclass
class Training:
    """What became of a model in a few steps."""

    losses: Tensor
    """The losses before each step."""
    norms: Tensor
    """The gradient's norm in each step, before it is clipped."""
    parameters: Parameters
    """The parameters after the last step."""


def train(parameters: Parameters, losses_of: Callable[[Parameters], Tensor]) -> Training:
    """AdamW with decoupled weight decay. The last one of the losses that `losses_of` returns is minimised."""
    parameters = differentiable(parameters)
    first = {name: torch.zeros_like(parameter) for name, parameter in parameters.items()}
    second = {name: torch.zeros_like(parameter) for name, parameter in parameters.items()}
    losses: list[Tensor] = []
    norms: list[Tensor] = []
    for step in range(1, STEPS + 1):
        now = losses_of(parameters)
        found = gradients(now[-1], parameters)
        squares = [gradient.square().sum() for gradient in found.values()]
        norm = torch.sqrt(sum(squares, start=torch.zeros_like(squares[0])))
        losses.append(now.detach())
        norms.append(norm)
        clip = min(1.0, LARGEST_NORM / float(norm))
        with torch.no_grad():
            for name, parameter in parameters.items():
                gradient = found[name] * clip
                first[name] = BETA1 * first[name] + (1 - BETA1) * gradient
                second[name] = BETA2 * second[name] + (1 - BETA2) * gradient.square()
                mean = first[name] / (1 - BETA1**step)
                spread = (second[name] / (1 - BETA2**step)).sqrt()
                decay = DECAY if is_linear_matrix(name, parameter) else 0.0
                parameter.mul_(1 - RATE * decay).sub_(RATE * mean / (spread + ADAM_EPSILON))
    after = {name: parameter.detach() for name, parameter in parameters.items()}
    return Training(torch.stack(losses), torch.stack(norms), after)
