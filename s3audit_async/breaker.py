"""When to stop asking a service that gives no answer, and when to try it again.

An endpoint that hangs costs a timeout for each request and each of its retries. What is blocked by policy at the
network, or belongs to a region that is switched off, hangs for every bucket there. So after a few requests in a row
that came to nothing, over some seconds, the next ones are not sent; one every now and then finds out whether that
still holds.
"""

from __future__ import annotations

import math

FAILURES = 5
"""Requests in a row without an answer that open the breaker."""
SILENCE = 10.0
"""Seconds without an answer that it takes besides: a connection lost for a moment fails many requests at once."""
SILENCE_OF_THE_KNOWN = 60.0
"""The same for a service that has answered before: that is an outage, and may be of our own network. Once the breaker
is open every bucket that waits is given up: right for a region that is blocked, and too hard after half a minute."""
FIRST_PAUSE = 15.0
LONGEST_PAUSE = 120.0
"""Seconds until a request is let through as a probe: they double from the first to the longest while probes fail."""
_NEVER = -math.inf


class Breaker:
    """Watches the requests to one service in one region. Times are seconds of any steady clock.

    It is open or closed. While it is open, the first request of each pause is let through all the same.
    """

    def __init__(self) -> None:
        self.reason = ""
        """The error code of the latest request that came to nothing."""
        self._failures = 0
        self._heard_at = _NEVER
        self._silent_since = 0.0
        self._opened_at = 0.0
        self._pause = 0.0  # 0 while it is closed
        self._probe_at = 0.0

    def is_open(self, now: float) -> bool:
        """Tell whether a request must not be sent now."""
        return self._pause > 0.0 and now < self._probe_at

    def sent(self, now: float) -> None:
        """Note a request that is sent now: while the breaker is open, a probe. The next one is a pause away."""
        self._probe_at = now + self._pause

    def answered(self, now: float) -> bool:
        """Learn of an answer, of whatever kind; tell whether that closed the breaker."""
        closed = self._pause > 0.0
        self._heard_at = now
        self._failures = 0
        self._pause = 0.0
        return closed

    def unanswered(self, started: float, now: float, reason: str) -> bool:
        """Learn of a request, sent at `started`, that came to nothing; tell whether that opened the breaker."""
        self.reason = reason
        self._silent_since = max(self._heard_at, min(started, self._silent_since) if self._failures else started)
        self._failures += 1
        if self._pause > 0.0:
            if started >= self._opened_at:
                self._opened_at = now  # a probe that was sent before says nothing more
                self._pause = min(LONGEST_PAUSE, 2.0 * self._pause)
                self._probe_at = now + self._pause
            return False
        enough = SILENCE if self._heard_at == _NEVER else SILENCE_OF_THE_KNOWN
        if self._failures < FAILURES or now - self._silent_since < enough:
            return False
        self._opened_at = now
        self._pause = FIRST_PAUSE
        self._probe_at = now + self._pause
        return True
