"""Drives the page as a person would, on a run in progress. The tests go on where the last one left the run."""

import json
import os
import pathlib
import re
import time
import urllib.parse

import pytest

from conftest import TOKEN

VIEWS = ["run", "improvement", "learners", "robots", "episodes", "labels", "events"]


def view(page, name):
    page.evaluate("name => { location.hash = `#/${name}` }", name)
    page.wait_for_selector("main > :not(.loading):not(.skip)")


def sign_in(page):
    page.get_by_label("Token").last.fill(TOKEN)
    page.get_by_role("button", name="Sign in", exact=True).click()


def wait_until(check, seconds=120):
    end = time.time() + seconds
    while not check():
        assert time.time() < end, "it did not happen in time"
        time.sleep(0.3)


def test_empty_views_explain_themselves(run, open_page):
    page = open_page(run.url)
    for name in ["improvement", "robots", "episodes", "labels"]:
        view(page, name)
        assert len(page.locator(".empty p").inner_text()) > 30


def test_a_robot_joins_and_leaves(run, open_page):
    page = open_page(run.url + "#/robots")
    run.work("collector", "cell-1")
    page.get_by_role("article", name="cell-1").wait_for()
    run.work("collector", "cell-2")
    second = page.get_by_role("article", name="cell-2")
    second.wait_for()
    run.stop("cell-2")
    second.locator(".pill.away").wait_for()
    view(page, "events")
    page.get_by_text("cell-2 left").first.wait_for()
    run.work("collector", "cell-2")


def test_a_robot_is_paused_by_whoever_has_the_token(run, open_page):
    page = open_page(run.url + "#/robots")
    page.evaluate("localStorage.setItem('recap-name', 'Anna <b>')")
    card = page.get_by_role("article", name="cell-2")
    card.get_by_role("button", name="Pause").click()
    page.get_by_label("Token").last.fill("wrong")
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_text("this is not the token").wait_for()
    sign_in(page)
    card.get_by_role("button", name="Resume").wait_for()
    view(page, "events")
    # Who, as text: a name is no markup.
    page.get_by_text("cell-2 paused by Anna <b> at 127.0.0.1").wait_for()
    view(page, "robots")
    card.get_by_role("button", name="Resume").click()
    card.get_by_role("button", name="Pause").wait_for()


def test_an_episode_plays(run, open_page):
    for role in ["value-learner", "labeller", "policy-learner"]:
        run.work(role)
    wait_until(lambda: json.loads(run.get("api/labels")))
    page = open_page(run.url + "#/episodes?source=demonstration")
    page.locator(".list li button").first.click()
    page.locator(".film canvas").first.wait_for()
    page.wait_for_function(
        """() => { const c = document.querySelector('.film canvas');
        return c.getContext('2d').getImageData(0, 0, c.width, c.height).data.some(v => v) }""")
    assert page.locator(".player svg.chart").count() == 2, "V and the advantage"
    page.get_by_role("button", name="Play", exact=True).click()
    page.wait_for_function("() => Number(document.querySelector('.controls input').value) > 3")
    page.get_by_role("button", name="Pause", exact=True).click()
    step = int(page.locator(".controls input").input_value())
    page.locator("h1").click()
    page.keyboard.press("ArrowRight")
    assert int(page.locator(".controls input").input_value()) == step + 1
    before = page.locator(".player h2").inner_text()
    page.keyboard.press("j")
    page.wait_for_function("text => document.querySelector('.player h2').innerText !== text", arg=before)


def test_a_robot_is_removed_after_a_question(run, open_page):
    page = open_page(run.url + "#/robots")
    page.evaluate("localStorage.setItem('recap-name', 'Anna')")
    page.on("dialog", lambda dialog: dialog.accept())
    card = page.get_by_role("article", name="cell-2")
    card.get_by_role("button", name="Remove").click()
    sign_in(page)
    card.locator(".pill.away").wait_for()
    view(page, "events")
    page.get_by_text("cell-2 removed by Anna at 127.0.0.1").wait_for()
    # Its process has been told that the run is over for it.
    run.processes.pop("cell-2").wait(timeout=30)


def test_an_episode_is_judged(run, open_page):
    page = open_page(run.url + "#/episodes?source=demonstration")
    page.evaluate("localStorage.setItem('recap-name', 'Anna')")
    page.locator(".list li button").first.click()
    page.locator(".judging").wait_for()
    id = page.locator(".player h2").inner_text()
    was = json.loads(run.get(f"api/episode?id={urllib.parse.quote(id)}"))["recorded"]
    other = "failure" if was == "success" else "success"
    page.get_by_role("button", name=f"Call it a {other}").click()
    sign_in(page)
    page.get_by_text(f"recorded as {was} · Anna: {other}").wait_for()
    page.locator(".player .pill").get_by_text(other).wait_for()
    listed = json.loads(run.get(f"api/episodes?source=demonstration&outcome={other}"))["episodes"]
    assert id in [line["id"] for line in listed]
    view(page, "events")
    page.get_by_text(f"Anna calls {id} a {other}").wait_for()


def test_an_episode_is_judged_by_criteria(run, open_page):
    page = open_page(run.url + "#/episodes?task=tshirt&source=demonstration")
    page.evaluate("localStorage.setItem('recap-name', 'Ben')")
    chosen = page.locator(".list li button").last
    id = chosen.locator(".id").inner_text()
    chosen.click()
    page.locator(".player h2").get_by_text(id, exact=True).wait_for()
    page.locator(".judging select[name=fold]").select_option("pass")
    # What is new on the page in between leaves the choice alone.
    page.wait_for_timeout(2500)
    page.locator(".judging select[name=place]").select_option("fail")
    page.get_by_role("button", name="Judge by criteria").click()
    sign_in(page)
    page.get_by_text("Ben: failure, fold ✓, place ✗").wait_for()
    page.locator(".player .pill").get_by_text("failure").wait_for()
    stages = json.loads(run.get(f"api/episode?id={urllib.parse.quote(id)}"))["stages"]
    assert [(one["name"], one["isDone"]) for one in stages] == [("fold", True), ("place", False)]


def test_the_keyboard_reaches_every_view(run, open_page):
    page = open_page(run.url)
    for number, name in enumerate(VIEWS, start=1):
        page.keyboard.press(str(number))
        page.wait_for_function("name => location.hash.startsWith('#/' + name)", arg=name)
    page.keyboard.press("?")
    page.get_by_role("dialog", name="Keyboard").wait_for()


def test_the_slider_shows_what_another_share_would_give(run, open_page):
    page = open_page(run.url + "#/labels")
    page.locator("svg.chart").wait_for()
    page.locator("input[type=range]").fill("80")
    page.locator("input[type=range]").dispatch_event("change")
    page.get_by_text("what if", exact=True).wait_for()


@pytest.mark.parametrize("size", ["wide", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_view_fits_its_screen(run, open_page, size, scheme):
    page = open_page(run.url, size, scheme)
    for name in VIEWS:
        view(page, name)
        page.wait_for_timeout(700)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
        assert page.locator(".error").count() == 0, name
        if "SHOTS" in os.environ:
            pathlib.Path(os.environ["SHOTS"]).mkdir(parents=True, exist_ok=True)
            page.screenshot(path=f"{os.environ['SHOTS']}/{name}-{size}-{scheme}.png")


def test_the_page_is_light_and_comes_from_here_alone(run, browser):
    context = browser.new_context()
    page = context.new_page()
    sizes = {}
    page.on("response", lambda answer: sizes.update({answer.url: len(answer.body())}) if "/api/" not in answer.url else None)
    begin = time.time()
    page.goto(run.url)
    page.wait_for_selector("main .plan")
    print(f"first view after {time.time() - begin:.2f} s, page of {sum(sizes.values()) / 1000:.0f} kB")
    assert all(url.startswith(run.url) for url in sizes), sizes
    assert 10_000 < sum(sizes.values()) < 300_000
    context.close()


def test_tensorboard_reads_the_learners_curves(run):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    wait_until(lambda: (run.directory / "tensorboard/pretrain/policy").is_dir())
    job = "pretrain/policy"
    wait_until(lambda: json.loads(run.get(f"api/curves?job={job}")))
    curves = json.loads(run.get(f"api/curves?job={job}"))
    time.sleep(2)
    events = EventAccumulator(str(run.directory / "tensorboard" / job)).Reload()
    assert "loss" in events.Tags()["scalars"] and "learning_rate" in events.Tags()["scalars"]
    read = {event.step: event.value for event in events.Scalars("loss")}
    for step, value in zip(curves["loss"]["steps"], curves["loss"]["values"]):
        assert read[step] == pytest.approx(value, rel=1e-5)


def test_metrics_are_there_for_prometheus(run):
    text = run.get("metrics")
    assert re.search(r'recap_robots\{state="\w+"\} \d', text)
    assert run.get("healthz") == "ok\n" and run.get("readyz") == "ready\n"
