"""The nominal floating-point operations of a step: those of its dense matrix products.

An implementation may do less where that changes no result; the count stays, so that its rate shows
what it saved.
"""

from __future__ import annotations

from collections.abc import Iterator

from . import spec
from .work import Work


def nominal_operations(work: Work) -> int:
    """Floating-point operations of one step."""
    model = spec.MODELS[work.model]
    if work.mode == "sample":
        products = _sampling(model, work.batch * (2 if work.guided else 1))
    else:
        products = _training(model, work.batch)
    return 2 * sum(products)


def _training(model: spec.Model, batch: int) -> Iterator[int]:
    """Multiplications of each product of a training step, forward and backward.

    No gradient goes to images, states and noised actions, nor from the expert to the prefix.
    """
    tokens = spec.PREFIX + (spec.FAST_TOKENS if model.acts else 1)
    yield 2 * batch * spec.IMAGE_TOKENS * spec.PATCH_VALUES * model.width
    yield 2 * batch * spec.STATE_SIZE * model.width
    for _ in range(model.layers):
        yield 3 * _linear(batch * tokens, model.width, model.hidden, model.attention_width)
        yield 3 * _attention(batch, tokens, tokens, model)
    if not model.acts:
        yield 3 * batch * model.width * spec.BINS
        return
    yield 3 * batch * spec.FAST_TOKENS * model.width * spec.VOCABULARY
    expert = model.expert_width
    rows = batch * spec.HORIZON
    yield 2 * rows * spec.ACTION_SIZE * expert
    yield (2 + 3) * batch * expert * expert
    for _ in range(model.layers):
        yield 3 * _linear(rows, expert, model.expert_hidden, model.attention_width)
        # Forward and the gradient of the queries for all keys; those of own keys and values only.
        yield 2 * _attention(batch, spec.HORIZON, spec.PREFIX + spec.HORIZON, model)
        yield _attention(batch, spec.HORIZON, spec.HORIZON, model)
    yield 3 * rows * expert * spec.ACTION_SIZE


def _sampling(model: spec.Model, batch: int) -> Iterator[int]:
    """Multiplications of each product of sampling; the last layer's prefix only has keys and values."""
    yield batch * spec.IMAGE_TOKENS * spec.PATCH_VALUES * model.width
    yield batch * spec.STATE_SIZE * model.width
    rows = batch * spec.PREFIX
    for _ in range(model.layers - 1):
        yield _linear(rows, model.width, model.hidden, model.attention_width)
        yield _attention(batch, spec.PREFIX, spec.PREFIX, model)
    yield rows * model.width * 2 * model.attention_width
    expert = model.expert_width
    rows = batch * spec.HORIZON
    for _ in range(spec.EULER_STEPS):
        yield 2 * rows * spec.ACTION_SIZE * expert
        yield 2 * expert * expert
        for _ in range(model.layers):
            yield _linear(rows, expert, model.expert_hidden, model.attention_width)
            yield _attention(batch, spec.HORIZON, spec.PREFIX + spec.HORIZON, model)


def _linear(rows: int, width: int, hidden: int, attention: int) -> int:
    """A block's four matrices, forward."""
    return rows * (4 * width * attention + 3 * width * hidden)


def _attention(batch: int, queries: int, keys: int, model: spec.Model) -> int:
    """Scores and their product with the values, forward."""
    return 2 * batch * queries * keys * model.attention_width
