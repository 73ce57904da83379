"""What the page and its server cost in a large run: 500 robots and 50,000 episodes.

It takes some ten minutes, so only `make bench-dashboard` runs it. The robots are `recap-bench fleet`'s: workers like
any other to the coordinator, which only sleep where others would act.
"""

import json
import os
import pathlib
import re
import subprocess
import time
import urllib.request

import pytest

from conftest import RECAP, ROOT
from test_dashboard import VIEWS, view

ROBOTS, EPISODES = 500, 50_000
BENCH = str(pathlib.Path(RECAP).parent / "recap-bench")
# Quick at first, until the episodes are there; then each robot takes a minute for one.
CONFIGURATION = f"""
name: large
tasks: [{{name: fleet, demonstrations: {2 * EPISODES}}}]
schedule: {{iterations: 1, episodesPerJob: 10}}
robots:
  - name: robot-1
    kind: driver
    observation: {{cameras: off, environmentState: false}}
    driver: {{endpoint: "ipc:///tmp/nowhere"}}
runtime: {{heartbeatSeconds: 1, leaseSeconds: 15}}
"""


class LargeRun:
    def __init__(self, folder):
        self.endpoint = f"ipc://{folder}/c.sock"
        self.log = open(folder / "log", "w+b")
        (folder / "large.yaml").write_text(CONFIGURATION)
        self.coordinator = self.start(
            RECAP, "coordinator", folder / "large.yaml", "--dir", folder / "run", "--listen", self.endpoint,
            "--http", "127.0.0.1:0")
        end = time.time() + 60
        while not (found := re.search(r"dashboard at (http://\S+)", (folder / "log").read_text())):
            assert time.time() < end, (folder / "log").read_text()
            time.sleep(0.1)
        self.url = found.group(1)

    def start(self, *arguments):
        return subprocess.Popen(
            [str(argument) for argument in arguments], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=self.log,
            stderr=self.log)

    def robots(self, seconds, episode_seconds):
        return self.start(
            BENCH, "fleet", "--generate", self.endpoint, "--collectors", ROBOTS, "--seconds", seconds,
            "--episode-seconds", episode_seconds, "--steps", 20)

    def get(self, path):
        with urllib.request.urlopen(self.url + path, timeout=20) as answer:
            return json.loads(answer.read())

    def episodes(self):
        return self.get("api/run")["episodes"]

    def processor_seconds(self):
        fields = pathlib.Path(f"/proc/{self.coordinator.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def close(self, *processes):
        for process in [*processes, self.coordinator]:
            process.terminate()
            process.wait(timeout=60)


def first_view(browser, url):
    """Seconds until a browser that is running, and has never been here, shows the run."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    begin = time.time()
    page.goto(url)
    page.wait_for_selector("main .plan")
    seconds = time.time() - begin
    context.close()
    return seconds


def test_the_page_stays_quick(large, tmp_path, browser):
    if not large:
        pytest.skip("with --large only")
    run, fleet = LargeRun(tmp_path), []
    try:
        fleet.append(run.robots(seconds=3600, episode_seconds=2.5))
        end = time.time() + 1800
        while (count := run.episodes()) < EPISODES:
            assert time.time() < end, f"{count} episodes in half an hour"
            time.sleep(1)
        fleet[0].terminate()
        fleet[0].wait(timeout=60)
        fleet = [run.robots(seconds=900, episode_seconds=60)]
        time.sleep(20)

        firsts = sorted(first_view(browser, run.url) for _ in range(5))
        sizes, asked = {}, []
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.on("response", lambda answer: sizes.update({answer.url: len(answer.body())}) if "/api/" not in answer.url else asked.append((time.time(), answer.url)))
        page.goto(run.url)
        page.wait_for_selector("main .plan")
        times = {}
        for name in [*VIEWS, "robots"]:
            begin = time.time()
            view(page, name)
            times[name] = time.time() - begin
        # The view with the robots' cards is the heaviest: it stays open.
        page.wait_for_timeout(3000)
        asked.clear()
        begin, used = time.time(), run.processor_seconds()
        page.wait_for_timeout(60_000)
        share = (run.processor_seconds() - used) / (time.time() - begin)
        updates = sum("api/robots" in url for _, url in asked)
        here = next(workers["here"] for workers in run.get("api/run")["workers"] if workers["role"] == "collector")
        print(
            f"\n{run.episodes()} episodes, {here} robots: first view after {firsts[2]:.2f} s ({firsts[0]:.2f} to {firsts[4]:.2f}), page of "
            f"{sum(sizes.values()) / 1000:.0f} kB, other views "
            + ", ".join(f"{name} {seconds:.2f} s" for name, seconds in times.items())
            + f"; {updates} updates a minute with {share:.0%} of a core")
        assert here == ROBOTS
        assert sum(sizes.values()) < 300_000
        assert firsts[2] < 1
        assert updates > 30
        assert share < 0.3
    finally:
        run.close(*fleet)
