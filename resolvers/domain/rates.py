"""Rate limits: how much is allowed in which time, and what a count says of what is left."""

import re
from math import floor
from typing import NamedTuple, Self

SECONDS = {"second": 1, "minute": 60, "hour": 3_600, "day": 86_400}
RATE = re.compile(r"([1-9]\d{0,8})/(?:([1-9]\d{0,3}) )?(second|minute|hour|day)s?")
NONE = "none"
MARGIN = 0.001


class Policy(NamedTuple):
    """A limit as it was set: so many units for a window of so many seconds."""

    name: str
    quota: int
    window: int

    @classmethod
    def parse(cls, name: str, text: str) -> Self | None:
        """Reads a setting such as `600/minute` or `50/10 seconds`; None for `none`. Raises ValueError."""
        if text == NONE:
            return None
        found = RATE.fullmatch(text)
        if not found:
            raise ValueError("must be like 600/minute or 50/10 seconds, or none")
        return cls(name, int(found[1]), int(found[2] or 1) * SECONDS[found[3]])

    def __str__(self) -> str:
        return f'"{self.name}";q={self.quota};w={self.window}'


class Reading(NamedTuple):
    """What was counted under a policy: in the window that runs, and in the one before as far as it still counts."""

    policy: Policy
    previous: int
    previous_left: float
    current: int
    current_left: float

    @property
    def remaining(self) -> int:
        """How many units are left now."""
        faded = floor(self.previous * self.previous_left / self.policy.window)
        return max(0, self.policy.quota - faded - self.current)

    def wait(self, units: int) -> int:
        """Returns after how many whole seconds so many units are left, if none is used meanwhile."""
        if units <= self.remaining:
            return 0
        quota, window = self.policy.quota, self.policy.window
        spare = quota - units + 1  # what fades must be less than this
        if self.current < spare:
            left = (spare - self.current) * window / self.previous
            return _whole(max(0.0, self.previous_left - left))
        # Once the window is over, its count fades as that of the one before does now.
        return _whole(self.current_left + max(0.0, window - spare * window / self.current))

    def __str__(self) -> str:
        left = self.remaining
        return f'"{self.policy.name}";r={left};t={self.wait(left + 1)}'


def _whole(seconds: float) -> int:
    # Nothing has faded yet when a whole second ends with the window, and it may be told a little short.
    return floor(seconds + MARGIN) + 1
