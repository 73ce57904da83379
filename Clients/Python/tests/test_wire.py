import json

import numpy as np
import pytest

from recap_robot import wire

HEADER = {"id": "7", "type": "driver.describe", "kind": "request", "body": {}, "frames": []}


def frames(header=HEADER, protocol=b"recap/1", raw=()):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return [protocol, text, *raw]


def described(dtype="F32", shape=(2,), **more):
    return HEADER | {"frames": [{"name": "a", "dtype": dtype, "shape": list(shape)} | more]}


def test_a_message_survives_the_wire():
    tensors = {
        "floats": np.array([[1.5, -2.0]], np.float32),
        "doubles": np.array(3.25, np.float64),
        "bytes": np.arange(6, dtype=np.uint8).reshape(1, 2, 3),
        "truths": np.array([True, False]),
        "ints": np.array([-1, 2], np.int32),
        "longs": np.array([2**40], np.int64),
        "none": np.zeros((0, 3), np.float32),
        "strided": np.arange(12, dtype=np.float32).reshape(3, 4)[:, ::2],
    }
    sent = wire.Message("1", "x", "reply", {"a": [1, None, "ü"]}, tensors)
    got = wire.decode([bytes(frame) for frame in wire.encode(sent)])
    assert (got.id, got.type, got.kind, got.body) == ("1", "x", "reply", {"a": [1, None, "ü"]})
    assert list(got.tensors) == list(tensors)
    for name, tensor in tensors.items():
        assert got.tensors[name].dtype == tensor.dtype
        np.testing.assert_array_equal(got.tensors[name], tensor)


def test_tensors_are_little_endian_and_row_major():
    big_endian = np.array([[1, 2], [3, 4]], ">i4").T
    raw = wire.encode(wire.Message("1", "x", "reply", {}, {"a": big_endian}))[2]
    assert bytes(raw) == b"\1\0\0\0\3\0\0\0\2\0\0\0\4\0\0\0"


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ([b"recap/1"], "got 1 frames"),
        (frames(b"{"), "not valid JSON"),
        (frames(b"[" * 100_000), "not valid JSON"),
        (frames(b"\xff"), "not valid JSON"),
        (frames([1]), "not a JSON object"),
        (frames(protocol=b"recap/2"), "recap/2"),
        (frames({"id": 7, "type": "x", "kind": "request"}), "'id'"),
        (frames({"id": "7", "kind": "request"}), "'type'"),
        (frames(HEADER | {"body": 3}), "'body'"),
        (frames(raw=[b""]), "each of the message's 1 raw frames"),
        (frames(described(), raw=[b"\0" * 7]), "takes 8 bytes, the frame has 7"),
        (frames(described("F16"), raw=[b""]), "F32, F64"),
        (frames(described(shape=[-1]), raw=[b""]), "not a list of extents"),
        (frames(described(shape=[1.5]), raw=[b""]), "not a list of extents"),
        (frames(described(shape=[2**62, 4]), raw=[b""]), "takes"),
        (frames(described(name=3), raw=[b"\0" * 8]), "not a string"),
        (frames(HEADER | {"frames": [3]}, raw=[b""]), "not an object"),
        (
            frames(HEADER | {"frames": described()["frames"] * 2}, raw=[b"\0" * 8] * 2),
            "two raw frames are called 'a'",
        ),
    ],
)
def test_what_is_malformed_is_named(message, reason):
    with pytest.raises(wire.WireError, match=reason):
        wire.decode(message)


def test_an_error_knows_whose_message_it_was():
    with pytest.raises(wire.WireError) as caught:
        wire.decode(frames(HEADER | {"kind": None}))
    assert (caught.value.id, caught.value.type) == ("7", "driver.describe")
