"""The reference model vla-tiny in JAX behind openpi's WebSocket protocol, one request at a time.

It is built as openpi's own server is: one asyncio loop, and a policy that is called on it. Run it from the folder
Benchmarks: `python -m reference.openpi_server`. It prints the port that it listens at.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from typing import Any

import jax
import jax.numpy as jnp
import msgpack
import numpy as np
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from . import spec
from .cores import use_cores
from .jax_reference import Network


class Policy:
    """Samples a chunk of actions for one observation."""

    def __init__(self, seed: int = 0) -> None:
        model = spec.MODELS["vla-tiny"]
        network = Network(model)
        self._parameters = {n: jnp.asarray(x) for n, x in spec.make_parameters(model).items()}
        self._text = spec.make_inputs(model, 1)["text"]
        self._random = np.random.default_rng(seed)
        self._sample = jax.jit(lambda p, batch: network.sample(p, batch, False))

    def infer(self, observation: dict[str, Any]) -> dict[str, Any]:
        images = [observation[f"observation.images.camera{i}"] for i in range(spec.CAMERAS)]
        noise = self._random.standard_normal((1, spec.HORIZON, spec.ACTION_SIZE), np.float32)
        batch = {
            "images": np.stack(images)[None],
            "state": observation["observation.state"][None],
            "text": self._text,
            "noise": noise,
        }
        return {"actions": np.asarray(self._sample(self._parameters, batch))[0]}


def packed(value: Any) -> bytes:
    """MessagePack with arrays as maps, as openpi writes it."""
    return bytes(msgpack.packb(value, default=_map))


def _map(value: Any) -> Any:
    if not isinstance(value, np.ndarray):
        raise TypeError(f"expected an array, got {type(value).__name__}")
    return {
        b"__ndarray__": True,
        b"data": value.tobytes(),
        b"dtype": value.dtype.str,
        b"shape": value.shape,
    }


def unpacked(message: bytes) -> Any:
    return msgpack.unpackb(message, object_hook=_array)


def _array(value: dict[Any, Any]) -> Any:
    fields = {key.decode() if isinstance(key, bytes) else key: x for key, x in value.items()}
    if "__ndarray__" not in fields:
        return value
    return np.ndarray(fields["shape"], np.dtype(fields["dtype"]), fields["data"])


async def converse(policy: Policy, connection: ServerConnection) -> None:
    """Metadata first, then an answer to each observation."""
    await connection.send(packed({"policy": "vla-tiny", "server": f"JAX {jax.__version__}"}))
    try:
        async for message in connection:
            started = time.perf_counter()
            reply = policy.infer(unpacked(bytes(message)))
            reply["server_timing"] = {"infer_ms": (time.perf_counter() - started) * 1e3}
            await connection.send(packed(reply))
    except ConnectionClosed:
        pass


async def run(port: int) -> None:
    policy = Policy()
    camera = np.zeros((spec.IMAGE_SIZE, spec.IMAGE_SIZE, 3), np.uint8)
    cameras = {f"observation.images.camera{i}": camera for i in range(spec.CAMERAS)}
    for _ in range(3):  # Compiles.
        policy.infer({"observation.state": np.zeros(spec.STATE_SIZE, np.float32), **cameras})
    async with serve(
        lambda connection: converse(policy, connection), "127.0.0.1", port, compression=None
    ) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 for any free one")
    parser.add_argument("--threads", type=int, default=2, help="cores to compute on (2)")
    arguments = parser.parse_args()
    jax.config.update("jax_platforms", "cpu")
    use_cores(arguments.threads)
    asyncio.run(run(arguments.port))
