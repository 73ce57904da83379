"""When a person would take over from a policy, and when that person would hand back."""

from __future__ import annotations


class Coach:
    """Watches Meta-World's dense reward (0 to 10), which says how far along the task is.

    Takes over when nothing has got better for a while, when what was gained is lost again, as when
    the object was dropped, or when little more time is left than the expert needs. Hands back once
    the task is clearly further than before; a takeover for lack of time goes on to the end.
    """

    GAIN = 1.03
    """Progress is a reward this many times the best so far: early stages move in hundredths."""
    LOSS = 2.0
    """A fall below the best that means something was lost."""
    LOSS_STEPS = 8
    """How long a loss must last."""
    MENDED = 2.0
    """A gain, since the takeover, that is enough to hand back."""
    SHORTEST = 10
    """The shortest takeover, in steps."""
    LONGEST = 80
    """The longest takeover, in steps, unless time is short."""

    def __init__(self, clean_steps: int, maximum_steps: int) -> None:
        self._patience = max(15, round(0.35 * clean_steps))
        self._short_of_time = round(1.1 * clean_steps)
        self._steps_left = maximum_steps
        self._best = 0.0
        self._reward = 0.0
        self._idle = 0
        self._lost = 0
        self._takeover_steps = 0
        self._takeover_reward = 0.0

    def watch(self, reward: float, by_person: bool) -> None:
        """Takes note of one executed step."""
        self._steps_left -= 1
        if by_person and self._takeover_steps == 0:
            self._takeover_reward = self._reward
        self._reward = reward
        self._takeover_steps = self._takeover_steps + 1 if by_person else 0
        self._idle = 0 if by_person or reward > self._best * self.GAIN else self._idle + 1
        self._best = reward if by_person else max(self._best, reward)
        self._lost = self._lost + 1 if reward < self._best - self.LOSS else 0

    @property
    def time_is_short(self) -> bool:
        """Whether only the expert could still make it."""
        return self._steps_left <= self._short_of_time

    @property
    def wants_control(self) -> bool:
        """Whether the person takes over."""
        return self._idle > self._patience or self._lost > self.LOSS_STEPS or self.time_is_short

    @property
    def is_content(self) -> bool:
        """Whether the person hands back."""
        if self.time_is_short or self._takeover_steps < self.SHORTEST:
            return False
        mended = self._reward > self._takeover_reward + self.MENDED
        return mended or self._takeover_steps > self.LONGEST
