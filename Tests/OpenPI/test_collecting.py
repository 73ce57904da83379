"""A robot with openpi-client that practises for a run: what it executed is recorded and trained on."""

import json
import os
import re
import sqlite3
import subprocess
import sys
import time

import numpy as np
import pytest
import safetensors
import websockets.exceptions
from openpi_client import action_chunk_broker, websocket_client_policy

from conftest import RECAP, ROOT, Program
from point import INSTRUCTION, STEPS, PointWorld

HERE = ROOT / "Tests/OpenPI"


@pytest.fixture
def programs(tmp_path):
    """Starts programs; all are stopped in the end."""
    started = []

    def start(name, *arguments):
        started.append(Program(tmp_path / f"{name}.log", *arguments))
        return started[-1]

    yield start
    for program in reversed(started):
        program.stop()


def invitation(run):
    """A robot's, for the port of the coordinator that other machines reach."""
    protected = []
    while not protected:
        time.sleep(0.05)
        places = run / "coordinator.json"
        protected = json.loads(places.read_text()).get("protected", []) if places.exists() else []
    port = protected[0].rsplit(":", 1)[1]
    invite = [RECAP, "robots", "invite", run, "arm", "--endpoint", f"tcp://127.0.0.1:{port}", "--ticket-only"]
    return subprocess.run(
        invite, cwd=ROOT, check=True, timeout=60, capture_output=True, text=True).stdout


def practise(policy, client, generator, executed):
    """One episode with openpi's own chunk broker, and its end told in a message of its own."""
    world = PointWorld(generator)
    states, actions = [], []
    for _ in range(STEPS):
        states.append(world.state)
        message = {"observation/state": world.state, "prompt": INSTRUCTION}
        action = policy.infer(message)["actions"]
        assert action.shape == (1,)
        actions.append(action)
        world.act(action)
        if world.is_done:
            break
    executed[np.concatenate(states).tobytes()] = (np.stack(actions), world.is_done)
    assert client.infer({"endpoint": "reset", "success": world.is_done}) == {"status": "reset successful"}
    policy.reset()


def test_a_run_is_practised_by_a_robot_that_speaks_openpi_alone(tmp_path, programs):
    demonstrations, run = tmp_path / "demonstrations", tmp_path / "run"
    subprocess.run(
        [sys.executable, HERE / "point.py", "--record", demonstrations, "--task", "reach", "--episodes", "8"],
        check=True, timeout=120, env=os.environ | {"PYTHONPATH": str(ROOT / "Clients/Python")})
    subprocess.run(
        [RECAP, "import", "episodes", demonstrations, HERE / "reach.yaml", "--dir", run],
        cwd=ROOT, check=True, timeout=120)

    place = f"ipc://{tmp_path}/coordinator.ipc"
    coordinator = programs(
        "coordinator", "coordinator", "--resume", str(run), "--listen", place, "--listen", "tcp://0.0.0.0:*")
    for role in ("value-learner", "labeller", "policy-learner"):
        programs(role, role, "--connect", place)
    # The robot joins with an invitation and a key of its own, as from another machine.
    (tmp_path / "ticket").write_text(invitation(run))

    def collect(name):
        started = programs(
            name, "collector", "--join", str(tmp_path / "ticket"), "--openpi-port", "0",
            "--spool", str(tmp_path / "spool"))
        return started, int(started.wait_for(r"arm waits at ws://\S+:(\d+) for a robot's program that does reach"))

    # A collector that is stopped in the middle of an episode ends at once, and its successor goes on.
    lost = np.array([-7], np.float32)
    collector, port = collect("collector-1")
    broken = websocket_client_policy.WebsocketClientPolicy("127.0.0.1", port)
    broken.infer({"observation/state": lost})
    assert collector.stop() == 130, "stopped by a signal, in order"
    with pytest.raises(websockets.exceptions.ConnectionClosed):
        broken.infer({"observation/state": lost})

    # A program that breaks off costs its episode and nothing else.
    collector, port = collect("collector-2")
    broken = websocket_client_policy.WebsocketClientPolicy("127.0.0.1", port)
    assert broken.get_server_metadata()["action_horizon"] == 1
    with pytest.raises(RuntimeError, match=r"observation.state: expected numbers \[1\], .* float32 \[2\]"):
        broken.infer({"observation/state": np.zeros(2, np.float32)})
    for _ in range(3):
        broken.infer({"observation/state": lost})
    broken._ws.close()

    client = websocket_client_policy.WebsocketClientPolicy("127.0.0.1", port)
    policy = action_chunk_broker.ActionChunkBroker(client, action_horizon=1)
    generator, executed = np.random.default_rng(5), {}
    try:
        while coordinator.process.poll() is None:
            practise(policy, client, generator, executed)
    except (websockets.exceptions.ConnectionClosed, ConnectionError):
        pass  # The run is over, and with it the collector.
    assert coordinator.process.wait(timeout=120) == 0, coordinator.log.read_text()
    assert collector.process.wait(timeout=60) == 0, collector.log.read_text()
    assert "left after 3 steps of reach: it is not recorded" in collector.log.read_text()

    catalogue = sqlite3.connect(f"file:{run}/catalogue.sqlite?mode=ro", uri=True)
    sources = dict(catalogue.execute("SELECT source, COUNT(*) FROM episodes GROUP BY source"))
    # Two iterations are evaluated, the first is practised with.
    assert sources == {"demonstration": 8, "autonomous": 4, "evaluation": 4}
    trained_on = 0
    for digest, source, outcome in catalogue.execute("SELECT digest, source, outcome FROM episodes"):
        with safetensors.safe_open(run / "blobs" / digest[:2] / digest[2:], framework="numpy") as file:
            metadata = json.loads(file.metadata()["episode"])
            state, action = file.get_tensor("observation.state"), file.get_tensor("action")
        trained_on += len(action) if source != "evaluation" else 0
        if source == "demonstration":
            continue
        served, succeeded = executed[state.tobytes()]
        np.testing.assert_array_equal(action, served)
        assert metadata["robot"] == "arm" and metadata["policy"] and metadata["guidance"] == 1
        assert outcome == ("success" if succeeded else "failure")
        assert lost[0] not in state

    # The last policy was trained with labels of what the robot executed alone, too.
    labelled = re.search(r"reach/1/labels .* of ([\d,]+) steps positive", coordinator.log.read_text())
    assert int(labelled.group(1).replace(",", "")) == trained_on
    assert re.search("reach/1/policy in .* checkpoint", coordinator.log.read_text())
