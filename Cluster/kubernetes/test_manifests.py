"""The manifests that `recap launch --dry-run` prints pass Kubernetes' schemas.

Needs the recap program, which RECAP names (default: the build's), and kubernetes-validate.
"""

import os
import pathlib
import subprocess

import kubernetes_validate
import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
CLUSTER = "Cluster/kubernetes.yaml"
# The oldest and the newest version that the schemas are looked at for.
VERSIONS = ["1.27", "1.32"]


def program() -> str:
    candidates = [ROOT / ".build" / kind / "recap" for kind in ("release", "debug")]
    found = [path for path in candidates if os.access(path, os.X_OK)]
    chosen = os.environ.get("RECAP") or (
        str(max(found, key=lambda path: path.stat().st_mtime)) if found else None
    )
    if chosen is None:
        pytest.skip("there is no recap: build it first")
    return chosen


def manifests(cluster: str, config: str) -> list[dict]:
    result = subprocess.run(
        [program(), "launch", "--cluster", cluster, config, "--dry-run"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )
    assert result.returncode == 0, result.stderr
    return list(yaml.safe_load_all(result.stdout))


def variant(folder: pathlib.Path, **settings: object) -> str:
    """The project's cluster file with other Kubernetes settings."""
    cluster = yaml.safe_load((ROOT / CLUSTER).read_text())
    cluster["kubernetes"].update(settings)
    file = folder / "cluster.yaml"
    file.write_text(yaml.safe_dump(cluster))
    return str(file)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("config", ["Configs/smoke.yaml", "Configs/demo.yaml"])
def test_manifests_are_valid(config: str, version: str) -> None:
    objects = manifests(CLUSTER, config)
    assert {"Namespace", "ConfigMap", "Service", "NetworkPolicy", "StatefulSet", "Deployment"} == {
        one["kind"] for one in objects
    }
    for one in objects:
        kubernetes_validate.validate(one, version, strict=True)


def test_every_setting_is_valid(tmp_path: pathlib.Path) -> None:
    cluster = variant(
        tmp_path, keysSecret="recap-keys", httpTokenSecret="recap-http", probes="http", storageClass="fast",
        namespace="lab", createNamespace=False, imagePullSecrets=["registry"], nodeSelector={"gpu": "true"},
        tolerations=[{"key": "robots", "operator": "Exists", "effect": "NoSchedule", "tolerationSeconds": 60}, {}],
    )
    objects = manifests(cluster, "Configs/smoke.yaml")
    assert "Namespace" not in {one["kind"] for one in objects}
    for one in objects:
        kubernetes_validate.validate(one, VERSIONS[-1], strict=True)


def test_what_is_kept_is_valid(tmp_path: pathlib.Path) -> None:
    """What a launch writes into the run's directory; a kubectl that only says yes is in the path."""
    kubectl = tmp_path / "kubectl"
    kubectl.write_text("#!/bin/sh\n")
    kubectl.chmod(0o755)
    run = tmp_path / "run"
    result = subprocess.run(
        [program(), "launch", "--cluster", CLUSTER, "Configs/smoke.yaml", "--dir", str(run)],
        cwd=ROOT, capture_output=True, text=True, check=False,
        env=os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"},
    )
    assert result.returncode == 0, result.stderr
    for name, kinds in [("manifests", 10), ("reader", 1)]:
        objects = list(yaml.safe_load_all((run / "launch" / f"{name}.yaml").read_text()))
        assert len(objects) == kinds
        for one in objects:
            kubernetes_validate.validate(one, VERSIONS[-1], strict=True)


def test_the_schemas_would_notice() -> None:
    stateful = next(
        one for one in manifests(CLUSTER, "Configs/smoke.yaml") if one["kind"] == "StatefulSet"
    )
    stateful["spec"]["replica"] = 1
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(stateful, VERSIONS[-1], strict=True)


def test_the_configuration_is_one_that_recap_reads(tmp_path: pathlib.Path) -> None:
    config = next(
        one for one in manifests(CLUSTER, "Configs/smoke.yaml") if one["kind"] == "ConfigMap"
    )
    file = tmp_path / "configuration.yaml"
    file.write_text(config["data"]["configuration.yaml"])
    result = subprocess.run(
        [program(), "check", str(file)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
