"""A real run, its coordinator with a dashboard, and a real browser to look at it.

RECAP names the program (default: .build/release/recap), CHROMIUM the browser, SHOTS a folder for screenshots.
"""

import os
import pathlib
import re
import signal
import subprocess
import time
import urllib.request

import pytest
from playwright.sync_api import sync_playwright

ROOT = pathlib.Path(__file__).resolve().parents[2]
RECAP = os.environ.get("RECAP", str(ROOT / ".build/release/recap"))
TOKEN = "a-token-for-the-tests-0123"


def pytest_addoption(parser):
    parser.addoption("--large", action="store_true", help="what a run of 500 robots and 50,000 episodes costs")


@pytest.fixture
def large(request):
    return request.config.getoption("--large")


class Run:
    """A coordinator in a process of its own, and the workers that a test starts."""

    def __init__(self, folder):
        self.folder = folder
        self.directory = folder / "run"
        (folder / "token").write_text(TOKEN + "\n")
        self.endpoint = f"ipc://{folder}/c.sock"
        self.processes = {}
        self.log = open(folder / "log", "w+b")
        self.start(
            "coordinator", "coordinator", "Configs/smoke.yaml", "--dir", str(self.directory),
            "--listen", self.endpoint, "--http", "127.0.0.1:0",
            "--http-token-file", str(folder / "token"),
            # A quick machine may be done before the last test is.
            "--linger",
            "--set", "taskDefaults.demonstrations=20", "--set", "taskDefaults.autonomousEpisodes=60",
            "--set", "taskDefaults.correctedEpisodes=40", "--set", "taskDefaults.evaluationEpisodes=40",
            "--set", "training.policy.steps=4000", "--set", "training.value.steps=2000",
            "--set", "training.policyPretrain.steps=300", "--set", "training.valuePretrain.steps=300",
            "--set", "robots.cell.observation.cameras=24",
            "--set", "tasks.tshirt.criteria=[{name: fold, description: sleeves in}, {name: place}]",
        )
        self.url = self.wait_for(r"dashboard at (http://\S+)")

    def start(self, name, *arguments):
        self.processes[name] = subprocess.Popen(
            [RECAP, *arguments], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)

    def work(self, role, name=None):
        name = name or role
        self.start(name, role, "--connect", self.endpoint, "--name", name)

    def stop(self, name):
        process = self.processes.pop(name)
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=20)

    def wait_for(self, pattern, seconds=60):
        end = time.time() + seconds
        while time.time() < end:
            found = re.search(pattern, (self.folder / "log").read_text(errors="replace"))
            if found:
                return found.group(1)
            time.sleep(0.1)
        raise AssertionError(f"no {pattern!r} in\n" + (self.folder / "log").read_text())

    def get(self, path):
        with urllib.request.urlopen(self.url + path, timeout=20) as answer:
            return answer.read().decode()

    def close(self):
        for name in reversed(list(self.processes)):
            try:
                self.stop(name)
            except subprocess.TimeoutExpired:
                pass


@pytest.fixture(scope="session")
def run(tmp_path_factory):
    run = Run(tmp_path_factory.mktemp("watched"))
    yield run
    run.close()


@pytest.fixture(scope="session")
def browser():
    with sync_playwright() as playwright:
        # Chromium refuses its sandbox to root.
        arguments = ["--headless=new"] + (["--no-sandbox"] if os.geteuid() == 0 else [])
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"), args=arguments)
        yield browser
        browser.close()


SIZES = {"wide": {"width": 1440, "height": 900}, "phone": {"width": 390, "height": 844}}


@pytest.fixture
def open_page(browser):
    """Opens a page that must not complain."""
    contexts = []
    complaints = []

    def open_page(url, size="wide", scheme="light"):
        context = browser.new_context(viewport=SIZES[size], color_scheme=scheme)
        context.set_default_timeout(20_000)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda line: complaints.append(line.text) if line.type == "error" and "401" not in line.text else None)
        page.goto(url)
        page.wait_for_selector("#top h1")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []
