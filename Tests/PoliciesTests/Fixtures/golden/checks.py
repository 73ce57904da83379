"""Tests of this package itself: against PyTorch's own layers, finite differences, and full passes."""

from __future__ import annotations

import sys
from collections.abc import Callable

import torch
import torch.nn.functional as functional
from torch import Tensor

from .inputs import (
    BATCH,
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
from .layers import attention, visibility
from .parameters import Random
from .policy import policy_forward, policy_losses
from .sampling import decode_subtask, sample_chunk
from .settings import FAST_PAD, NONE, PAD, Inputs, Parameters, Policy, Transformer, Value
from .training import (
    ADAM_EPSILON,
    BETA1,
    BETA2,
    DECAY,
    LARGEST_NORM,
    RATE,
    STEPS,
    differentiable,
    gradients,
    train,
)
from .value import caption_logits, caption_loss, value_loss


def check_all() -> None:
    """Prints what holds; ends the process at the first thing that does not."""
    check_attention()
    check_training()
    check_policy(POLICY, POLICY_SEED, "policy")
    check_decoded_lengths()
    check_policy(VISION_POLICY, VISION_SEED, "policy with a vision tower")
    check_value(VALUE, VALUE_SEED)


def require(condition: bool, what: str) -> None:
    if not condition:
        sys.exit(f"FAILED: {what}")
    print(f"passed: {what}")


def close(a: Tensor, b: Tensor, tolerance: float = 1e-12) -> bool:
    return bool((a - b).abs().max() <= tolerance)


def worst_slope(
    loss_of: Callable[[Parameters], Tensor], parameters: Parameters, names: list[str]
) -> float:
    """The largest relative difference, over two entries of each of the named parameters, between the derivative by
    autograd and by central differences."""
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


def check_attention() -> None:
    """Attention against PyTorch's own, and rotary positions against complex numbers."""
    random = Random(11)
    shape = Transformer(width=10, layers=1, heads=6, kv_heads=3, head_width=4, feed_forward=8)
    parameters = {
        "a.qkv.weight": random.normal(10, shape.qkv_columns),
        "a.output.weight": torch.eye(24).double(),
    }
    x, places = random.normal(2, 7, 10), torch.arange(3, 10)
    visible = visibility(random.normal(2, 7) > -0.5, 2) | torch.eye(7, dtype=torch.bool)
    y, _ = attention(parameters, "a", x, places, visible, shape, None)

    def heads(columns: Tensor) -> Tensor:
        """Split into heads and turned as complex numbers."""
        split = columns.reshape(2, 7, -1, 4).transpose(1, 2)
        turned = torch.complex(split[..., :2], split[..., 2:])
        angles = places[:, None] * torch.tensor([1.0, 0.01]).double()
        turned = turned * torch.polar(torch.ones(7, 2).double(), angles)
        return torch.cat([turned.real, turned.imag], dim=-1)

    columns = x @ parameters["a.qkv.weight"]
    again = functional.scaled_dot_product_attention(
        heads(columns[..., :24]),
        heads(columns[..., 24:36]).repeat_interleave(2, dim=1),
        columns[..., 36:].reshape(2, 7, 3, 4).transpose(1, 2).repeat_interleave(2, dim=1),
        attn_mask=visible[:, None],
    )
    again = again.transpose(1, 2).reshape(2, 7, 24)
    require(close(y, again, 1e-8), "attention equals PyTorch's")


def check_training() -> None:
    """Clipping and AdamW against PyTorch's own."""
    random = Random(12)
    goal = random.normal(5, 4)
    start = {
        "layer.weight": random.normal(5, 4),
        "table": random.normal(5, 4),
        "layer.bias": random.normal(4),
    }

    def loss_of(now: Parameters) -> Tensor:
        error = now["layer.weight"] * now["table"] + now["layer.bias"] - goal
        return error.square().sum()[None]

    mine = train(start, loss_of).parameters
    leaves = differentiable(start)
    groups = [
        {"params": [leaves["layer.weight"]], "weight_decay": DECAY},
        {"params": [leaves["table"], leaves["layer.bias"]], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=RATE, betas=(BETA1, BETA2), eps=ADAM_EPSILON)
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss_of(leaves)[-1].backward()
        torch.nn.utils.clip_grad_norm_(list(leaves.values()), LARGEST_NORM)
        optimizer.step()
    same = all(close(mine[name], leaves[name].detach(), 1e-7) for name in start)
    require(same, "AdamW equals PyTorch's")


def check_policy(policy: Policy, seed: int, label: str) -> None:
    parameters, inputs = make_policy(policy, seed)
    check_policy_gradients(policy, parameters, inputs, label)
    check_policy_visibility(policy, parameters, inputs, label)
    check_sampling(policy, parameters, inputs, label)
    check_decoding(policy, parameters, inputs, label)


def check_policy_gradients(
    policy: Policy, parameters: Parameters, inputs: Inputs, label: str
) -> None:
    """Gradients against finite differences, and which loss reaches which parameters."""
    expert = [name for name in parameters if name.startswith("expert.")]
    backbone = [name for name in parameters if not name.startswith("expert.")]

    def losses_of(now: Parameters) -> Tensor:
        return policy_losses(policy, inputs, policy_forward(now, policy, inputs))

    slope = worst_slope(lambda now: losses_of(now)[3], parameters, expert)
    require(slope < 1e-5, f"{label}: the expert's gradients equal finite differences ({slope:.1e})")
    # The whole loss does change with the backbone through the expert, but by insulation no gradient says so.
    slope = worst_slope(lambda now: losses_of(now)[:2].sum(), parameters, backbone)
    require(
        slope < 1e-5, f"{label}: the backbone's gradients equal finite differences ({slope:.1e})"
    )
    leaves = differentiable(parameters)
    whole, flow = gradients(losses_of(leaves)[3], leaves), gradients(losses_of(leaves)[2], leaves)
    insulated = all(not flow[name].any() for name in backbone)
    require(insulated, f"{label}: the flow loss gives the backbone no gradient")
    reached = all(bool(flow[name].any()) for name in expert)
    require(reached, f"{label}: and each of the expert's parameters one")
    reached = all(bool(whole[name].any()) for name in backbone)
    require(reached, f"{label}: the others give each backbone parameter one")


def check_policy_visibility(
    policy: Policy, parameters: Parameters, inputs: Inputs, label: str
) -> None:
    """What must not influence what, and that its neighbour does."""
    outputs = policy_forward(parameters, policy, inputs)
    changed = inputs | {"fast_tokens": inputs["fast_tokens"].flip(0)}
    again = policy_forward(parameters, policy, changed)
    same = close(outputs.velocity, again.velocity, 0)
    require(same, f"{label}: FAST tokens do not influence the velocity")
    require(not close(outputs.fast_logits, again.fast_logits), f"{label}: but their own logits")

    changed = inputs | {"indicator_tokens": inputs["indicator_tokens"].flip(0)}
    again = policy_forward(parameters, policy, changed)
    same = close(outputs.subtask_logits, again.subtask_logits, 0)
    require(same, f"{label}: the indicator does not influence subtasks")
    require(not close(outputs.velocity, again.velocity, 1e-3), f"{label}: but the velocity")

    losses = policy_losses(policy, inputs, outputs)
    marked = {name: parameter.clone() for name, parameter in parameters.items()}
    marked["encoder.text"][PAD] = 100
    marked["fast_tokens"][FAST_PAD] = 100
    unused = policy_losses(policy, inputs, policy_forward(marked, policy, inputs))
    require(close(losses, unused, 0), f"{label}: nobody sees unused places")
    marked["encoder.text"][NONE] = 100
    none = policy_losses(policy, inputs, policy_forward(marked, policy, inputs))
    require(not close(losses, none, 1e-3), f"{label}: <none> is seen")


def check_sampling(policy: Policy, parameters: Parameters, inputs: Inputs, label: str) -> None:
    """Sampling with kept keys and values against full passes."""
    positive = inputs | {"indicator_tokens": inputs["indicator_positive"]}
    none = inputs | {"indicator_tokens": inputs["indicator_none"]}
    for beta in (1, 2):
        x = inputs["sample_noise"]
        sampled = sample_chunk(parameters, policy, inputs, x, EULER_STEPS, beta)
        for i in range(EULER_STEPS):
            # With times = η and both ends of the path x, the noisy actions are x.
            times = torch.full((BATCH,), i / EULER_STEPS, dtype=x.dtype)
            now = {"times": times, "noise": x, "actions": x}
            conditioned = policy_forward(parameters, policy, positive | now).velocity
            free = policy_forward(parameters, policy, none | now).velocity
            x = x + (free + beta * (conditioned - free)) / EULER_STEPS
        same = close(sampled, x, 1e-9)
        require(
            same, f"{label}: sampling with kept keys and values equals full passes, beta = {beta}"
        )


def check_decoding(policy: Policy, parameters: Parameters, inputs: Inputs, label: str) -> None:
    """Greedy decoding against full passes; never so close that rounding could decide."""
    decoded, lead = decode_subtask(parameters, policy, inputs)
    require(lead > 1e-2, f"{label}: decoding is never close ({lead:.1e})")
    for sample in range(BATCH):
        slot = [NONE]
        for token in decoded[sample].tolist():
            padded = slot + [PAD] * (policy.subtask_slot - len(slot))
            now = inputs | {"subtask_tokens": torch.tensor([padded] * BATCH)}
            outputs = policy_forward(parameters, policy, now)
            best = int(outputs.subtask_logits[sample, len(slot) - 1].argmax())
            require(best == token, f"{label}: sample {sample} decodes as in a full pass: {token}")
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
        caption = caption_loss(now, value, inputs)
        return value_loss(now, value, inputs) + value.caption_weight * caption

    slope = worst_slope(loss_of, parameters, list(parameters))
    require(slope < 1e-5, f"value: gradients equal finite differences ({slope:.1e})")
    marked = {name: parameter.clone() for name, parameter in parameters.items()}
    marked["encoder.text"][PAD] = 100
    require(close(loss_of(parameters), loss_of(marked), 0), "value: nobody sees unused places")
    shorter = inputs | {"caption_tokens": inputs["caption_tokens"][:, :2]}
    first = caption_logits(parameters, value, inputs)[:, :2]
    causal = close(first, caption_logits(parameters, value, shorter))
    require(causal, "value: captions are causal")
