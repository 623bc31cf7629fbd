"""How fast one service in one region may be asked, once it has said that it was asked too fast.

A limit on requests in flight alone cannot follow a server that allows R requests a second: where R times the latency
is small, one request more in flight is a large step. With 20 ms and 100 requests a second, three in flight are half
as many again as it allows. So after the first throttle requests are spaced out, too.

The server is taken to be a token bucket, as AWS's are. Whenever it throttles, its bucket is empty. So what it let
through *between two throttles* is what was filled in meanwhile: its rate, or less if the bucket overflowed. What it let
through before the first throttle is not counted: that was its burst allowance, which may be many times its rate.
(botocore's adaptive mode, retries/throttling.py, takes the rate at which it sent for the server's.)

Some throttles have nothing to do with the pace: somebody else uses up the account's quota, or a server refuses at
random. Slowing down further and further would not make them fewer, and the run would come to a standstill. They
show themselves: after a cut to less than what was let through, a throttle cannot come again soon. After a few that do
come, throttles are not listened to for a while, and the pace finds out anew what is let through.
"""

from __future__ import annotations

import math

_BACKOFF = 0.9
"""What the estimate of the server's rate is multiplied by after a throttle, so that its bucket can fill again."""
_ENOUGH = 20
"""Requests let through between two throttles that make an estimate: fewer are off by more than a tenth."""
_CYCLE_REQUESTS = 60.0
_CYCLE_ROUNDS = 5.0
"""From a throttle until the estimate is tried again: so many requests, and so many round trips. One or two requests are
thrown away in about one and a half times as many, 2 in 100."""
_LARGEST_SURPLUS = 1.25
"""How far above what was let through the server's rate may be taken to lie."""
_FIRST = 0.125
"""What the rate at the first throttle is multiplied by. It doubles each round trip from there, up to the next one."""
_BLIND = 0.5
"""What the pace is multiplied by at a throttle that comes before there is an estimate."""

_EXPLAINED = 48
"""Requests let through without a throttle that show that the pace does matter: a bit less than `_CYCLE_REQUESTS`."""
_DOUBTS = 4
"""Throttles in a row, each of them sooner than that, after which they are taken to have nothing to do with the pace."""
_DEAF = 200
"""Requests let through before throttles are listened to again, after that."""
_DISBELIEF = 5
"""How many of those each throttle counts for meanwhile: the more there are, the sooner it is over."""

_LATE = 0.01
"""Seconds by which the event loop may be late for a request without that slowing the pace down."""
_SMOOTHING = 0.125
"""Weight of the latest round trip in their average (RFC 6298)."""
_SHORTEST_ROUND_TRIP = 0.001
_SLOWEST = 2.0
"""Requests a second, at least: something has to be sent for anything to be learnt, and a run has to end some day."""


class Pace:
    """The pace of one service in one region: free at first, and from the first throttle on a rate that follows it.

    The caller asks `delay` before a request, says `sent` when it goes, and then how it ended. A throttle of a request
    that was sent before the last one was heard of says nothing new: the caller leaves it out. Times are seconds of
    any steady clock.

    After a throttle the rate is `_BACKOFF` of the estimate. It comes back to it on a cubic curve that is flat there,
    and leaves it upwards ever faster (the idea of CUBIC, RFC 9438), for as long as the pace holds requests back.
    """

    def __init__(self) -> None:
        self.rate: float | None = None
        """Requests a second; None while there was no throttle."""
        self._estimate: float | None = None
        self._due = -math.inf
        self._binding = False  # whether the latest request had to wait for its time
        self._paced = 0.0  # seconds of the curve
        self._round_trip = 0.0
        self._emptied = 0.0  # when the server's bucket was empty last
        self._through = 0  # let through since then
        self._clean = 0  # let through since the last throttle
        self._doubts = 0
        self._undoubted = 0.0  # the estimate before the first of them
        self._deaf = 0

    def delay(self, now: float) -> float:
        """Give the seconds until the next request may be sent."""
        return max(0.0, self._due - now)

    def sent(self, now: float, *, held_back: bool) -> None:
        """Note a request that is sent now; `held_back` tells whether it was the pace that it had to wait for."""
        if self.rate is None:
            return
        gap = 1.0 / self.rate
        self._binding = held_back
        self._due = max(self._due, now - _LATE) + gap
        if held_back and self._estimate is not None and not self._deaf:
            self._paced += gap
            curve = 1.0 + (1.0 - _BACKOFF) * (self._paced / self._cycle() - 1.0) ** 3
            self.rate = max(_SLOWEST, self._estimate * curve)

    def let_through(self, now: float, seconds: float) -> None:
        """Note a request that was not throttled; the answer took so many `seconds`."""
        self._measure(seconds)
        if self.rate is None:
            return
        if self._binding and (self._estimate is None or self._deaf):
            self.rate = min(2.0 * self.rate, self.rate + 1.0 / self._round_trip)
        self._count(now - seconds / 2.0)

    def lost(self, now: float, seconds: float) -> None:
        """Note a request that was sent and came to nothing after so many `seconds`.

        It was not throttled, so the server is taken to have let it through. Left out, it would be missing from the
        estimate: with one request in ten lost, each throttle would make the estimate a tenth less, without end.
        """
        if self.rate is not None:
            self._count(now - seconds + self._round_trip / 2.0)

    def throttled(self, now: float, seconds: float, in_flight: int) -> None:
        """Slow down. `in_flight` counts the requests that were out, the throttled one included."""
        self._measure(seconds)
        emptied = now - seconds / 2.0
        if self.rate is None:
            self.rate = max(_SLOWEST, _FIRST * in_flight / self._round_trip)
            self._due = now + 1.0 / self.rate
            self._empty(emptied)
        elif self._deaf:
            self._listen_again_after(_DISBELIEF, emptied)
        elif self._through >= _ENOUGH and emptied > self._emptied:
            through = self._through / (emptied - self._emptied)
            # The server's rate lies between what it let through and what it was sent.
            sent = min(max(self.rate, through), _LARGEST_SURPLUS * through)
            self._follow((through + sent) / 2.0)
            self._empty(emptied)
        elif self._estimate is not None:
            self._follow(self._estimate * _BACKOFF)
        else:
            self.rate = max(_SLOWEST, self.rate * _BLIND)
        self._clean = 0

    def _follow(self, estimate: float) -> None:
        if self._estimate is None or self._clean >= _EXPLAINED:
            self._doubts = 0
            self._undoubted = estimate
        else:
            self._doubts += 1
        if self._doubts >= _DOUBTS:
            estimate = self._undoubted
            self._doubts, self._deaf = 0, _DEAF
        self._estimate = max(_SLOWEST, estimate)
        self._paced = 0.0
        self.rate = max(_SLOWEST, self._estimate * _BACKOFF)

    def _count(self, reached: float) -> None:
        """Count a request that reached the server then, about, and was not throttled."""
        self._clean += 1
        if reached > self._emptied:
            self._through += 1
        if self._deaf:
            self._listen_again_after(1, reached)

    def _listen_again_after(self, requests: int, now: float) -> None:
        """Count so many requests off those that throttles are not listened to for."""
        self._deaf = max(0, self._deaf - requests)
        if not self._deaf and now > self._emptied:
            self._estimate = max(_SLOWEST, self._through / (now - self._emptied))
            self._paced = self._cycle()

    def _empty(self, when: float) -> None:
        self._emptied = when
        self._through = 0

    def _cycle(self) -> float:
        """Give the seconds from a throttle until the estimate is tried again."""
        return max(_CYCLE_ROUNDS * self._round_trip, _CYCLE_REQUESTS / (self._estimate or _SLOWEST))

    def _measure(self, seconds: float) -> None:
        seconds = max(seconds, _SHORTEST_ROUND_TRIP)
        self._round_trip += (seconds - self._round_trip) * (_SMOOTHING if self._round_trip else 1.0)
