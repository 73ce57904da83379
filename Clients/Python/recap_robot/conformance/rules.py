"""The rules, in the order in which they are tried."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .. import wire
from .checks import Checks, NotTried, Settings
from .expectations import same, turn
from .link import Broken, Link, NoAnswer, Refused
from .report import Finding, Verdict

WIRE = "WireProtocol.md, Frames"
RULES = "WireProtocol.md, Rules"
DESCRIBE = "Drivers.md, driver.describe"
BEGIN = "Drivers.md, driver.begin"
EXECUTE = "Drivers.md, driver.execute"
HOLD = "Drivers.md, driver.hold"
REPETITIONS = "Drivers.md, Repetitions"


MOST_SILENCES = 2


@dataclass(frozen=True)
class _Rule:
    name: str
    says: str
    where: str
    attempt: Callable[[Checks], None]


_RULES: list[_Rule] = []


def _rule(says: str, where: str) -> Callable[[Callable[[Checks], None]], Callable[[Checks], None]]:
    def added(attempt: Callable[[Checks], None]) -> Callable[[Checks], None]:
        _RULES.append(_Rule(attempt.__name__.replace("_", "-"), says, where, attempt))
        return attempt

    return added


def check(link: Link, settings: Settings) -> list[Finding]:
    """Tries every rule against a driver, and goes on after each that is broken where that is possible."""
    checks = Checks(link, settings)
    return [_finding(rule, checks) for rule in _RULES]


def _finding(rule: _Rule, checks: Checks) -> Finding:
    def finding(verdict: Verdict, detail: str = "") -> Finding:
        return Finding(rule.name, rule.says, rule.where, verdict, detail)

    if checks.silent >= MOST_SILENCES:
        return finding(Verdict.NOT_TRIED, "the driver does not answer")
    try:
        rule.attempt(checks)
        checks.silent = 0
    except NotTried as reason:
        return finding(Verdict.NOT_TRIED, str(reason))
    except NoAnswer as reason:
        # Each costs its whole patience: a driver that has died is not waited for at every rule.
        checks.silent += MOST_SILENCES if rule is _RULES[0] else 1
        return finding(Verdict.BROKEN, str(reason))
    except Broken as reason:
        checks.silent = 0
        return finding(Verdict.BROKEN, str(reason))
    except Refused as reason:
        checks.silent = 0
        return finding(Verdict.BROKEN, f"expected a reply, got an error: {reason}")
    return finding(Verdict.KEPT)


@_rule("It answers driver.describe, in time", RULES)
def answers(checks: Checks) -> None:
    checks.describe()


@_rule("Its description makes sense", DESCRIBE)
def description(checks: Checks) -> None:
    checks.know(checks.describe().body)


@_rule("It describes itself always alike", DESCRIBE)
def description_stays(checks: Checks) -> None:
    first, again = checks.describe().body, checks.describe().body
    if first != again:
        raise Broken(f"expected {first}, got {again}")


@_rule("Fields that it does not know are ignored", WIRE)
def unknown_fields(checks: Checks) -> None:
    body = {"later": {"than": "version 1"}}
    checks.link.ask("driver.describe", body, within=checks.settings.patience)


@_rule("An unknown request is answered with an error", RULES)
def unknown_type(checks: Checks) -> None:
    checks.refuses(
        "driver.dance",
        lambda: checks.link.ask("driver.dance", {}, within=checks.settings.patience),
    )


@_rule("A header that is no JSON is answered with an error", RULES)
def bad_header(checks: Checks) -> None:
    frames = [wire.PROTOCOL, b'{"id": "broken", ']
    within = checks.settings.patience
    checks.refuses(
        "a broken header", lambda: checks.link.answer(frames, id=None, type=None, within=within)
    )


@_rule("Another version of the protocol is answered with an error", RULES)
def other_version(checks: Checks) -> None:
    message = wire.Message("check-version", "driver.describe", "request", {})
    frames = [b"recap/999", *wire.encode(message)[1:]]
    within = checks.settings.patience
    checks.refuses(
        "recap/999", lambda: checks.link.answer(frames, id=None, type=None, within=within)
    )


@_rule("driver.begin is answered with what is sensed, in the widths described", BEGIN)
def begin(checks: Checks) -> None:
    reply = checks.begin()
    if reply.outcome is not None:
        raise Broken(f"outcome: expected null in a new episode, got {reply.outcome!r}")


@_rule("An unknown task or supervision is refused", BEGIN)
def begin_refuses(checks: Checks) -> None:
    checks.refuses("an unknown task", lambda: checks.begin_message(task="no such task"))
    checks.refuses("an unknown supervision", lambda: checks.begin_message(supervision="some"))


@_rule("Equal seeds start alike", BEGIN)
def equal_seeds(checks: Checks) -> None:
    if not checks.settings.simulator:
        raise NotTried("only of simulators; say --simulator where it is one")
    # A seed that a double cannot hold.
    first = checks.begin(2**64 - 2).now()
    checks.begin(7)
    same(first, checks.begin(2**64 - 2).now(), "the start of the same seed")


@_rule("driver.execute is answered with every step, in the widths described", EXECUTE)
def execute(checks: Checks) -> None:
    checks.begin()
    done = checks.execute(2)
    if done.steps == 0 or (done.steps < 2 and done.outcome is None):
        raise Broken(f"steps: expected the 2 of the chunk, got {done.steps}")


@_rule("Row t is what was sensed before action t, and the next chunk goes on there", EXECUTE)
def rows(checks: Checks) -> None:
    before = checks.begin()
    for number in (1, 2):
        done = checks.execute(2)
        same(before.now(), done.first(), f"the first row of turn {number}")
        if done.outcome is not None:
            return
        before = done


@_rule("Of a chunk at most `steps` actions are executed", EXECUTE)
def at_most(checks: Checks) -> None:
    checks.begin()
    reply = checks.execute_message(checks.chunk(4), 1)
    turn(reply, checks.robot, checks.task, "none", 1)


@_rule("What cannot be executed is refused, and moves nothing", EXECUTE)
def execute_refuses(checks: Checks) -> None:
    before = checks.begin()
    good, width = checks.chunk(1), checks.robot.actions
    wrong: dict[str, Callable[[], object]] = {
        f"a chunk of {width + 1} numbers an action": lambda: checks.execute_message(
            np.zeros((1, width + 1), np.float32), 1
        ),
        "a chunk of F64": lambda: checks.execute_message(good.astype(np.float64), 1),
        "no chunk when it is the policy's turn": lambda: checks.execute_message(None, 1),
        "steps 0": lambda: checks.execute_message(good, 0),
        "another episode": lambda: checks.execute_message(good, 1, episode="no such episode"),
    }
    if checks.settings.simulator:
        wrong["a chunk with NaN"] = lambda: checks.execute_message(checks.chunk(1, np.nan), 1)
    for what, ask in wrong.items():
        checks.refuses(what, ask)
    same(before.now(), checks.execute(1).first(), "what was sensed after refused requests")


@_rule("Actions are kept within the robot's limits, and told as executed", EXECUTE)
def limits(checks: Checks) -> None:
    if not checks.settings.simulator:
        raise NotTried("only of simulators; say --simulator where it is one")
    asked = 1e6
    checks.begin()
    try:
        done = checks.execute(1, chunk=checks.chunk(1, asked))
    except Refused:
        return  # As safe.
    largest = float(np.abs(done.tensors["action"]).max())
    if largest >= asked:
        raise Broken(
            f"action: asked for {asked:g}, expected what is executed within the robot's limits, got {largest:g}"
        )


@_rule("A repeated driver.begin resets nothing and is answered alike", REPETITIONS)
def repeated_begin(checks: Checks) -> None:
    first = checks.begin_message()
    _alike(first, checks.begin_message(episode=checks.episode))


@_rule("A repeated driver.execute moves nothing and is answered alike", REPETITIONS)
def repeated_execute(checks: Checks) -> None:
    checks.begin()
    first = checks.execute_message(checks.chunk(2), 2)
    _alike(first, checks.execute_message(checks.chunk(2), 2, turn=1))
    before = turn(first, checks.robot, checks.task, "none", 2)
    if before.outcome is None:
        same(before.now(), checks.execute(1).first(), "what was sensed after the repetition")


def _alike(first: wire.Message, again: wire.Message) -> None:
    if first.body != again.body:
        raise Broken(f"the repetition's body: expected {first.body}, got {again.body}")
    same(first.tensors, again.tensors, "the repetition")


@_rule("A turn that is not the next, and a begin that comes late, are refused", REPETITIONS)
def order(checks: Checks) -> None:
    checks.begin()
    old = checks.episode
    checks.refuses(
        "turn 3 as the first", lambda: checks.execute_message(checks.chunk(1), 1, turn=3)
    )
    checks.begin()
    checks.execute(1)
    running = checks.episode
    checks.refuses("a begin of an episode that is over", lambda: checks.begin_message(episode=old))
    checks.refuses(
        "a begin of an episode that has gone on", lambda: checks.begin_message(episode=running)
    )
    checks.execute(1)


@_rule("An episode ends, at the latest at the task's time limit, and is over then", EXECUTE)
def ends(checks: Checks) -> None:
    checks.begin()
    limit, done = int(checks.task["maximumSteps"]), 0
    while True:
        reply = checks.execute(min(16, limit - done + 1))
        done += reply.steps
        if reply.outcome is not None:
            break
        if done >= limit:
            raise Broken(f"expected an outcome after at most {limit} steps, got none after {done}")
        if reply.steps == 0:
            raise Broken("steps: expected some, got 0 where it is the policy's turn")
    if done > limit:
        raise Broken(f"expected at most {limit} steps, got {done}")
    checks.refuses("an execution after the end", lambda: checks.execute(1))


@_rule("driver.hold executes nothing, and is a turn like another", HOLD)
def hold(checks: Checks) -> None:
    if not checks.robot.holds:
        raise NotTried('it does not describe itself with "holds": true')
    checks.begin()
    checks.execute(1)
    first = checks.hold_message()
    held = turn(first, checks.robot, checks.task, "none", 0)
    _alike(first, checks.hold_message(turn=checks.turns))
    if held.outcome is not None:
        return
    same(held.now(), checks.execute(1).first(), "what was sensed after the hold")
    checks.refuses("a hold of another episode", lambda: checks.hold_message(episode="no such"))
    checks.refuses(
        "a hold that skips a turn", lambda: checks.hold_message(turn=checks.turns + 2)
    )


@_rule("In a demonstration the person acts throughout", EXECUTE)
def demonstration(checks: Checks) -> None:
    try:
        started = checks.begin(supervision="demonstration")
    except Refused as reason:
        raise NotTried(f"it offers none: {reason}") from None
    if started.outcome is None and not checks.execute(2, "demonstration").steps:
        raise Broken("steps: expected some of the person's, got 0")


@_rule("Where a person may correct, steps say who acted", EXECUTE)
def corrections(checks: Checks) -> None:
    before = checks.begin(supervision="corrections")
    for _ in range(3):
        done = checks.execute(2, "corrections")
        if done.outcome is not None:
            return
        if not done.steps and done.person == before.person:
            raise Broken("it executed nothing, and nobody took over or handed back")
        before = done


@_rule("Every request has one answer", RULES)
def one_answer(checks: Checks) -> None:
    # Leaves the robot at the start of an episode rather than in the middle of one.
    checks.begin()
    checks.link.listen(0.2)
    if checks.link.surplus:
        raise Broken(f"{checks.link.surplus} more answers came than were asked for")
