"""What a robot with openpi-client sees of `recap serve`."""

import concurrent.futures
import os
import random
import subprocess
import threading
import urllib.error
import urllib.request

import numpy as np
import pytest
import websockets.exceptions
import websockets.sync.client
from openpi_client import action_chunk_broker, msgpack_numpy, websocket_client_policy

from conftest import KEY, RECAP, ROOT


def connect(server, **arguments):
    return websocket_client_policy.WebsocketClientPolicy("127.0.0.1", server.port, **arguments)


def observation(metadata, seed=0):
    """An observation as the metadata describes it, under LeRobot's names."""
    generator = np.random.default_rng(seed)
    values = {}
    for name, kind in metadata["observation"].items():
        shape = [int(size) for size in kind[kind.index("[") + 1 : kind.index("]")].split(",")]
        values[name] = (
            generator.integers(0, 256, shape, dtype=np.uint8) if kind.startswith("uint8")
            else generator.normal(size=shape).astype(np.float32))
    return values


def test_metadata_comes_first(server):
    metadata = connect(server).get_server_metadata()
    assert metadata["policy"] == "espresso/1/policy"
    assert metadata["indicator"] == "positive"
    assert metadata["action_horizon"] == 8
    assert [task["name"] for task in metadata["tasks"]]


def test_actions_are_rows_of_numbers_and_the_same_for_the_same_server_seed(serve):
    replies = []
    for _ in range(2):
        server = serve("--seed", "5")
        client = connect(server)
        metadata = client.get_server_metadata()
        replies.append([client.infer(observation(metadata, turn)) for turn in range(3)])
        server.stop()
    for first, second in zip(*replies):
        assert first["actions"].dtype == np.float32
        assert first["actions"].shape == (metadata["action_horizon"], metadata["action_dim"])
        assert np.isfinite(first["actions"]).all()
        np.testing.assert_array_equal(first["actions"], second["actions"])
        assert first["policy_timing"]["infer_ms"] > 0
        assert first["server_timing"]["infer_ms"] >= first["policy_timing"]["infer_ms"]
    assert "prev_total_ms" not in replies[0][0]["server_timing"]
    assert replies[0][1]["server_timing"]["prev_total_ms"] > 0


def test_the_chunk_broker_hands_out_one_step_at_a_time(server):
    client = connect(server)
    metadata = client.get_server_metadata()
    broker = action_chunk_broker.ActionChunkBroker(client, action_horizon=5)
    for _ in range(11):
        step = broker.infer(observation(metadata))
        assert step["actions"].shape == (metadata["action_dim"],)


def test_other_names_types_and_layouts(server):
    client = connect(server)
    metadata = client.get_server_metadata()
    base = observation(metadata, 3)
    for convert in (
        lambda value: value.astype(np.float64) if value.dtype == np.float32 else value,
        lambda value: value.tolist() if value.dtype == np.float32 else value,
        lambda value: np.ascontiguousarray(value.transpose(2, 0, 1)) if value.ndim == 3 else value,
        lambda value: value.astype(np.float32) / 255 if value.ndim == 3 else value,
    ):
        reply = client.infer({name: convert(value) for name, value in base.items()})
        assert reply["actions"].shape[0] == metadata["action_horizon"]
    slashes = {name.replace(".", "/"): value for name, value in base.items()}
    assert client.infer(slashes)["actions"].shape[0] == metadata["action_horizon"]


def test_rules_join_columns_and_scale_pictures(serve, server):
    metadata = connect(server).get_server_metadata()
    base = observation(metadata, 4)
    cameras = [name for name in base if ".images." in name]
    rules = ["--resize", "--map", "joints=observation.state", "--map", "gripper=observation.state"]
    for index, name in enumerate(cameras):
        rules += ["--map", f"images/cam_{index}={name}"]
    client = connect(serve(*rules))
    state = base.pop("observation.state")
    message = {name: value for name, value in base.items() if name not in cameras}
    message |= {"joints": state[:-1], "gripper": np.float32(state[-1]), "prompt": "espresso"}
    message["images"] = {
        f"cam_{index}": np.zeros((3, 48, 64), dtype=np.uint8) for index in range(len(cameras))}
    assert client.infer(message)["actions"].shape[1] == metadata["action_dim"]


def test_a_mismatch_is_said_exactly_and_the_connection_goes_on(server):
    client = connect(server)
    metadata = client.get_server_metadata()
    good = observation(metadata)
    bad = dict(good)
    bad["observation.state"] = np.zeros(99, dtype=np.float32)
    with pytest.raises(RuntimeError, match=r"observation.state: expected numbers \[\d+\], came float32 \[99\]"):
        client.infer(bad)
    with pytest.raises(RuntimeError, match="observation.state: expected numbers .* nothing came"):
        client.infer({})
    with pytest.raises(RuntimeError, match="prompt: expected .* came 'sing'"):
        client.infer(good | {"prompt": "sing"})
    assert client.infer(good)["actions"].size


def test_dialects(server):
    client = connect(server)
    good = observation(client.get_server_metadata())
    for indicator in ("positive", "negative", "none"):
        assert client.infer(good | {"adv_ind": indicator, "endpoint": "infer"})["actions"].size
    assert client.infer({"endpoint": "reset"}) == {"status": "reset successful"}
    with pytest.raises(RuntimeError, match="adv_ind: expected 'positive', 'negative' or 'none'"):
        client.infer(good | {"adv_ind": "maybe"})


def test_eight_robots_are_answered_together(server):
    barrier = threading.Barrier(8)

    def robot(seed):
        client = connect(server)
        message = observation(client.get_server_metadata(), seed)
        barrier.wait()
        return [client.infer(message)["server_timing"]["batch"] for _ in range(40)]

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        batches = [size for sizes in pool.map(robot, range(8)) for size in sizes]
    assert max(batches) > 1


def test_a_key_is_required(serve, tmp_path):
    (tmp_path / "key").write_text(KEY + "\n")
    server = serve("--api-key-file", str(tmp_path / "key"))
    for key in (None, "another-key-0123456789"):
        with pytest.raises(websockets.exceptions.InvalidStatus) as refusal:
            connect(server, api_key=key)
        assert refusal.value.response.status_code == 401
    assert connect(server, api_key=KEY).get_server_metadata()["policy"]
    with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/healthz", timeout=10) as answer:
        assert answer.read() == b"OK\n"
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(f"http://127.0.0.1:{server.port}/", timeout=10)


def test_pings_are_answered_while_asking(server):
    with websockets.sync.client.connect(
        f"ws://127.0.0.1:{server.port}/v1/realtime/robot/openpi", compression=None, max_size=None,
        ping_interval=0.05, ping_timeout=2,
    ) as connection:
        message = msgpack_numpy.packb(observation(msgpack_numpy.unpackb(connection.recv())))
        for _ in range(100):
            connection.send(message)
            assert isinstance(connection.recv(), bytes)
            assert connection.ping().wait(timeout=10)


def test_damaged_messages_are_answered_and_end_nothing(server):
    generator = random.Random(7)
    with websockets.sync.client.connect(
        f"ws://127.0.0.1:{server.port}", compression=None, max_size=None) as connection:
        whole = msgpack_numpy.packb(observation(msgpack_numpy.unpackb(connection.recv())))
        before = resident_kibibytes(server.process.pid)
        complaints = 0
        for _ in range(10_000):
            message = bytearray(whole)
            for _ in range(generator.randint(1, 4)):
                # Heads of values are what a reader trips over, so half of the damage is there.
                place = generator.randrange(200 if generator.random() < 0.5 else len(message))
                kind = generator.randrange(4)
                if kind == 0:
                    message[place] = generator.randrange(256)
                elif kind == 1:
                    del message[place:]
                    message += b"\xdd\xff\xff\xff\xff"
                elif kind == 2:
                    message.insert(place, generator.randrange(256))
                else:
                    del message[place]
                if len(message) < 200:
                    break
            connection.send(bytes(message))
            complaints += isinstance(connection.recv(), str)
        assert complaints > 1000
        connection.send(whole)
        assert isinstance(connection.recv(), bytes)
    assert resident_kibibytes(server.process.pid) < before + 64 * 1024


def resident_kibibytes(pid):
    with open(f"/proc/{pid}/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE") // 1024


def test_a_policy_leaves_its_run_as_a_folder(run, serve, server, tmp_path):
    folder = tmp_path / "policy"
    export = [RECAP, "export", "policy", str(run), str(folder), "--task", "espresso"]
    subprocess.run(export, cwd=ROOT, check=True, timeout=60)
    assert (folder / "model.safetensors").exists()
    assert subprocess.run(export, cwd=ROOT, capture_output=True, timeout=60).returncode != 0
    other = serve(source=["--checkpoint", str(folder)])
    client = connect(other)
    metadata = client.get_server_metadata()
    assert metadata["policy"] == "policy"
    task = metadata["tasks"][0]["name"]
    message = observation(metadata, 1) | {"prompt": task}
    shape = (metadata["action_horizon"], metadata["action_dim"])
    assert client.infer(message)["actions"].shape == shape


@pytest.mark.parametrize(
    "arguments, reason",
    [
        ([], "--checkpoint FOLDER or --run RUN"),
        (["--checkpoint", "nowhere"], "there is no nowhere"),
        (["--checkpoint", "Configs"], "expected config.json and model.safetensors"),
        (["--checkpoint", "x", "--host", "0.0.0.0"], "--api-key-file FILE, or --trusted-network"),
        (["--checkpoint", "x", "--map", "nothing"], "theirs=ours"),
    ])
def test_what_cannot_be_served_is_said(arguments, reason):
    end = subprocess.run(
        [RECAP, "serve", "--port", "0", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert end.returncode != 0
    assert reason in end.stderr
