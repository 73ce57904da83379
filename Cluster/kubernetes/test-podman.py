#!/usr/bin/env python3
"""Runs Cluster/kubernetes.yaml's manifests in real containers, with podman, on this machine.

Makes an image with Debian's packages that the Containerfile names and the built program (no registry is asked), lets
`podman play kube` run what `recap launch --dry-run` prints for a small run, kills the containers of a collector and of
the coordinator on the way, sees the run end with nothing lost, and sees every role end at SIGTERM as process 1 of its
container. As root on Debian 12; some five minutes, most of it for the image. What it started it stops.

podman plays Pods, Deployments, ConfigMaps and volume claims. So the StatefulSet becomes a Pod of the same template with
a claim of its own; all use the host's network, where the Service's name is an alias of this machine; limits of
processor and memory are left out, which not every machine's control groups allow; and the probe is asked from here.
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
IMAGE = "localhost/recap:podman-test"
PACKAGES = ["catatonit", "conmon", "debootstrap", "podman", "runc"]
# By default podman asks for more open files and processes than every machine may give.
# So that there is something to kill.
LONGER = ["taskDefaults.demonstrations=20", "taskDefaults.evaluationEpisodes=20", "training.policyPretrain.steps=600",
          "training.policy.steps=600", "training.value.steps=300"]
CONFIGURATION = """\
[containers]
netns = "host"
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
[engine]
cgroup_manager = "cgroupfs"
runtime = "runc"
"""


def say(text):
    print(time.strftime("%T"), text, flush=True)


def run(*command, check=True, **options):
    result = subprocess.run([str(word) for word in command], capture_output=True, text=True, **options)
    if check and result.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, command[:4]))} … ended with {result.returncode}:\n{result.stderr}")
    return result


def install():
    missing = [name for name in PACKAGES
               if run("dpkg-query", "--show", "--showformat=${db:Status-Status}", name, check=False).stdout != "installed"]
    if missing:
        say(f"installing {' '.join(missing)}")
        run("apt-get", "update", "-qq")
        run("apt-get", "install", "--yes", "--no-install-recommends", "-qq", *missing,
            env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"})


def make_image(program, folder):
    """What the Containerfile's second stage holds, with this machine's build in place of the first."""
    text = (ROOT / "Cluster/kubernetes/Containerfile").read_text().split("FROM")[-1]
    packages = re.search(r"--no-install-recommends -qq(.*?)&&", text, re.S)[1].replace("\\", " ").split()
    image = folder / "image"
    say(f"making an image: Debian with {' '.join(packages)}")
    run("debootstrap", "--variant=minbase", f"--include={','.join(packages)}", "bookworm", image)
    run("chroot", image, "useradd", "--uid", 10001, "--user-group", "--no-create-home", "recap")
    run("chroot", image, "install", "--directory", "--owner", "recap", "--group", "recap", "/var/lib/recap", "/var/spool/recap")
    shutil.copy(program, image / "usr/local/bin/recap")
    # The Containerfile links Swift's library into the program; a developer's build has it beside.
    for library in re.findall(r"=> (\S*/lib/swift/\S+)", run("ldd", program).stdout):
        shutil.copy(library, image / "usr/local/lib")
    run("chroot", image, "ldconfig")
    tar = subprocess.Popen(["tar", "-C", image, "-c", "."], stdout=subprocess.PIPE)
    run("podman", "import", "-", IMAGE, stdin=tar.stdout)
    shutil.rmtree(image)


def manifests(program, image, folder):
    """The objects as podman plays them, and the readiness probe's command, by the name of the pod."""
    cluster = yaml.safe_load((ROOT / "Cluster/kubernetes.yaml").read_text())
    cluster["kubernetes"] |= {"image": image, "imagePullPolicy": "Never", "namespace": "recap-podman-test"}
    (folder / "cluster.yaml").write_text(yaml.safe_dump(cluster))
    text = run(program, "launch", "--cluster", folder / "cluster.yaml", "Configs/smoke.yaml", "--dry-run",
               "--dir", folder / "podman-test", *(f"--set={setting}" for setting in LONGER), cwd=ROOT).stdout
    objects = list(yaml.safe_load_all(text))
    configuration = [one for one in objects if one["kind"] == "ConfigMap"]
    service = next(one for one in objects if one["kind"] == "Service")["metadata"]
    host = f"{service['name']}.{service['namespace']}.svc"
    (folder / "hosts").write_text(f"127.0.0.1 localhost {host}\n")
    pods, probes = {}, {}
    for one in objects:
        if one["kind"] not in ("StatefulSet", "Deployment"):
            continue
        claims = one["spec"].pop("volumeClaimTemplates", [])
        for index in range(one["spec"]["replicas"]):
            name = f"{one['metadata']['name']}-{index}"
            template = json.loads(json.dumps(one["spec"]["template"]))
            template["metadata"]["name"] = name
            spec = template["spec"]
            spec |= {"hostNetwork": True, "restartPolicy": "Always"}
            spec["volumes"].append({"name": "hosts", "hostPath": {"path": str(folder / "hosts"), "type": "File"}})
            for container in spec["containers"]:
                container["volumeMounts"].append({"name": "hosts", "mountPath": "/etc/hosts", "readOnly": True})
                for key in ("resources", "ports", "startupProbe", "livenessProbe"):
                    container.pop(key, None)
                # podman's would need systemd. The test asks itself.
                probes[name] = container.pop("readinessProbe", {}).get("exec", {}).get("command")
                # Kubernetes puts the pod's name there, podman nothing.
                container["args"] = [word.replace("$(POD_NAME)", name) for word in container["args"]]
                container.pop("env", None)
            for claim in claims:
                spec["volumes"].append({"name": claim["metadata"]["name"],
                                        "persistentVolumeClaim": {"claimName": claim["metadata"]["name"]}})
            uses = {volume.get("configMap", {}).get("name") for volume in spec["volumes"]}
            pods[name] = [*(one for one in configuration if one["metadata"]["name"] in uses), *({"apiVersion": "v1", "kind": "PersistentVolumeClaim", **claim} for claim in claims),
                          {"apiVersion": "v1", "kind": "Pod", **template}]
    return pods, probes


def container(pod):
    """The name of the container of a pod, which has one beside podman's own."""
    names = run("podman", "ps", "--all", "--filter", f"pod={pod}", "--format", "{{.Names}}").stdout.split()
    return next(name for name in names if "infra" not in name)


def inspect(name):
    return json.loads(run("podman", "inspect", name).stdout)[0]


def status(pod):
    """What `recap status` says inside of the coordinator's container."""
    directory = next(word for word in inspect(container(pod))["Args"] if word.startswith("/var/lib/recap/"))
    result = run("podman", "exec", container(pod), "/usr/local/bin/recap", "status", directory, "--json", check=False)
    return json.loads(result.stdout)["run"] if result.returncode == 0 else None


def wait(what, check, seconds):
    end = time.time() + seconds
    while not (found := check()):
        if time.time() > end:
            raise SystemExit(f"{what}: not within {seconds} s")
        time.sleep(1)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--image", help="an image that podman has, as the Containerfile makes it; none is made")
    parser.add_argument("--keep", action="store_true", help="leave the containers and the folder")
    options = parser.parse_args()
    if os.geteuid() != 0:
        raise SystemExit("run it as root: it makes an image and containers")
    program = pathlib.Path(os.environ.get("RECAP") or ROOT / ".build/release/recap")
    if not os.access(program, os.X_OK):
        raise SystemExit(f"there is no {program}: run 'make build' first")
    install()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="recap-podman-"))
    (folder / "containers.conf").write_text(CONFIGURATION)
    os.environ["CONTAINERS_CONF"] = str(folder / "containers.conf")
    started, volumes = [], []
    try:
        if not options.image:
            make_image(program, folder)
        pods, probes = manifests(program, options.image or IMAGE, folder)
        for name, objects in pods.items():
            (folder / f"{name}.yaml").write_text(yaml.safe_dump_all(objects))
            volumes += [one["metadata"]["name"] for one in objects if one["kind"] != "Pod"]
            run("podman", "play", "kube", folder / f"{name}.yaml")
            started.append(name)
        say(f"podman runs {', '.join(started)}")
        coordinator = "coordinator-0"
        wait("its probe", lambda: run("podman", "exec", container(coordinator), *probes[coordinator], check=False).returncode == 0, 60)
        collector = next(name for name in pods if name.startswith("collector-"))
        wait("episodes", lambda: (now := status(coordinator)) and now["episodes"] >= 6, 180)
        for pod in (collector, coordinator):
            # Not with podman's own `kill`: what a person ends stays so.
            process = inspect(container(pod))["State"]["Pid"]
            os.kill(process, signal.SIGKILL)
            say(f"killed {pod}'s process")
            wait(f"{pod} starts again", lambda: inspect(container(pod))["State"]["Pid"] not in (0, process), 60)
        run_ = wait("the run's end", lambda: (now := status(coordinator)) and now["state"] == "finished" and now, 400)
        episodes = run("podman", "exec", container(coordinator), "/usr/local/bin/recap", "episodes", "list",
                       "/var/lib/recap/podman-test", "--json").stdout
        ids = [one["id"] for one in json.loads(episodes)]
        say(f"the run has ended: {run_['jobsDone']} of {run_['jobs']} jobs, {len(ids)} episodes")
        assert run_["jobsDone"] == run_["jobs"] and len(ids) == len(set(ids)) == run_["episodes"], run_
        for pod in reversed(started):
            name, begin = container(pod), time.time()
            # Workers may have ended by themselves, with the run.
            run("podman", "stop", "--time", 20, name)
            state = inspect(name)["State"]
            assert time.time() - begin < 15 and state["ExitCode"] != 137, f"{pod} had to be killed: {state['ExitCode']}"
        say("every role ended at SIGTERM as process 1")
        print(f"Passed: {len(pods)} pods, two of them killed, {len(ids)} episodes, none lost or twice.")
    finally:
        if sys.exc_info()[0]:
            for pod in started:
                print(f"--- {pod}", run("podman", "logs", "--tail", 10, container(pod), check=False).stderr, sep="\n")
        if not options.keep:
            for pod in reversed(started):
                run("podman", "pod", "rm", "--force", "--time", 5, pod, check=False)
            run("podman", "volume", "rm", *volumes, check=False)
            if not options.image:
                run("podman", "image", "rm", IMAGE, check=False)
            shutil.rmtree(folder)


if __name__ == "__main__":
    main()
