"""How far 32-bit arithmetic strays from the fixtures: what the tests' tolerances may expect."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from .fixtures import policy_expectations, value_expectations
from .inputs import (
    POLICY,
    POLICY_SEED,
    VALUE,
    VALUE_SEED,
    VISION_POLICY,
    VISION_SEED,
    make_policy,
    make_value,
)
from .settings import Inputs, Parameters

Expectations = Callable[[Parameters, Inputs], dict[str, Tensor]]


def in_single_precision(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {
        name: tensor.float() if tensor.is_floating_point() else tensor
        for name, tensor in tensors.items()
    }


def errors_and_sizes(
    exact: dict[str, Tensor], rough: dict[str, Tensor]
) -> dict[str, tuple[float, float]]:
    """The largest absolute difference and the largest exact number, by the first part of the tensors' names."""
    groups: dict[str, tuple[float, float]] = {}
    for name, tensor in exact.items():
        group = name.split(".")[0]
        error, size = groups.get(group, (0.0, 0.0))
        difference = float((tensor - rough[name].to(tensor.dtype)).detach().abs().max())
        groups[group] = (max(error, difference), max(size, float(tensor.detach().abs().max())))
    return groups


def compare_precisions() -> None:
    """Prints, for each group of expected tensors, the error of the same computation with 32-bit floats."""
    runs: list[tuple[str, Expectations, tuple[Parameters, Inputs]]] = [
        (
            "policy",
            lambda parameters, inputs: policy_expectations(POLICY, parameters, inputs),
            make_policy(POLICY, POLICY_SEED),
        ),
        (
            "policy_vision",
            lambda parameters, inputs: policy_expectations(
                VISION_POLICY, parameters, inputs, brief=True
            ),
            make_policy(VISION_POLICY, VISION_SEED),
        ),
        (
            "value",
            lambda parameters, inputs: value_expectations(VALUE, parameters, inputs),
            make_value(VALUE, VALUE_SEED),
        ),
    ]
    print("largest absolute difference of 32-bit arithmetic, and the largest expected number:")
    for label, expectations, (parameters, inputs) in runs:
        exact = expectations(parameters, inputs)
        rough = expectations(in_single_precision(parameters), in_single_precision(inputs))
        for group, (error, size) in errors_and_sizes(exact, rough).items():
            print(f"  {label} {group}: {error:.1e} of {size:.3g}")
