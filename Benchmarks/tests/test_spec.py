"""The data and the counts that every implementation has to share."""

import numpy as np
import pytest

from reference import spec
from reference.operations import nominal_operations
from reference.work import Work


def test_bits_are_splitmix64_from_the_digest_of_the_name() -> None:
    # FNV-1a of nothing is its offset basis; SplitMix64 worked by hand in Python's whole numbers.
    state = (0xCBF29CE484222325 + 2 * 0x9E3779B97F4A7C15) % 2**64
    state = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
    state = (state ^ (state >> 27)) * 0x94D049BB133111EB % 2**64
    assert int(spec.bits("", 2)[1]) == state ^ (state >> 31)


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("vla-tiny", 1_945_608),
        ("vla-small", 19_371_656),
        ("value-tiny", 590_313),
        ("value-small", 6_687_177),
    ],
)
def test_parameter_counts(name: str, count: int) -> None:
    shapes = [parameter.shape for parameter in spec.parameters(spec.MODELS[name])]
    assert sum(int(np.prod(shape)) for shape in shapes) == count


def test_inputs_of_a_larger_batch_begin_with_those_of_a_smaller() -> None:
    few, many = (spec.make_inputs(spec.MODELS["vla-tiny"], batch) for batch in (1, 3))
    for name, values in few.items():
        assert np.array_equal(values, many[name][:1]), name
    assert few["text"].min() >= 2 and few["text"].max() < spec.VOCABULARY


def test_action_tokens_see_the_observation_and_themselves_up_to_now() -> None:
    mask = spec.training_mask()
    assert mask[:, : spec.PREFIX].all()
    assert not mask[: spec.PREFIX, spec.PREFIX :].any()
    actions = mask[spec.PREFIX :, spec.PREFIX :]
    assert np.array_equal(actions, np.tril(np.ones_like(actions)))


@pytest.mark.parametrize(
    ("name", "operations"),
    [
        ("train vla-tiny 1", 700_645_376),
        ("train vla-small 1", 8_302_881_792),
        ("train value-tiny 1", 175_129_152),
        ("train value-small 1", 2_276_922_880),
        ("sample vla-tiny 1", 219_301_376),
        ("sample vla-tiny 1 cfg", 438_418_432),
        ("sample vla-small 1", 2_185_096_704),
    ],
)
def test_nominal_operations(name: str, operations: int) -> None:
    assert nominal_operations(Work.parse(name)) == operations


@pytest.mark.parametrize(
    "name",
    ["", "train vla-tiny", "learn vla-tiny 8", "train vla-tiny 8 cfg", "sample value-tiny 1"]
    + ["sample vla-tiny 0", "sample vla-tiny one", "sample vla-tiny 1 cfg cfg"],
)
def test_a_name_of_no_work_is_refused(name: str) -> None:
    with pytest.raises(ValueError):
        Work.parse(name)
