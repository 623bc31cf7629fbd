"""How many requests may be in flight: one bound for the run, an adaptive one for each service in each region.

`Slots` is the run's bounded semaphore. It differs from a plain one in whom it wakes: of the gates that wait, the
one with the fewest requests in flight. So a slow region, whose requests stay out for long, cannot crowd out the
others, and no slot stays idle while anybody wants one. A first-come semaphore would give a region that takes
100 times as long as the others 99 % of the slots.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import anyio

if TYPE_CHECKING:
    from types import TracebackType

START = 16
"""Requests in flight that a gate begins with, before anything is known of its service."""
BACKOFF = 0.7
"""What a throttled gate's limit is multiplied by (the beta of CUBIC, which botocore's adaptive mode uses)."""


class Slots:
    """The bound of all requests in flight together. Waiting costs about 1 KiB for each waiter."""

    def __init__(self, total: int) -> None:
        if total < 1:
            raise ValueError("at least one slot is needed")
        self.total = total
        self.in_flight = 0
        self.peak = 0
        self._waiting: list[Gate] = []

    def gate(self) -> Gate:
        """Make a gate: the entrance for the requests of one service in one region."""
        return Gate(self)

    def _take(self) -> None:
        self.in_flight += 1
        self.peak = max(self.peak, self.in_flight)

    def _dispatch(self) -> None:
        while self._waiting and self.in_flight < self.total:
            ready = [gate for gate in self._waiting if gate.in_flight < gate.limit]
            if not ready:
                return
            min(ready, key=lambda gate: gate.in_flight)._admit()  # noqa: SLF001 - the other half of this class


class Gate:
    """The entrance of one service in one region: `async with gate:` holds a slot for one request.

    Its limit starts at `START`, grows by one with each success while it is what holds requests back (so it
    doubles each round trip), and is cut to `BACKOFF` of itself at a throttle. From then on it grows by one each
    round trip. It stays between 1 and the run's total. Requests that were sent before a cut say nothing of the limit
    after it: a throttle is told the number of `cuts` when its request was sent, and an older one does not count.
    """

    def __init__(self, slots: Slots) -> None:
        self._slots = slots
        self._limit = float(min(START, slots.total))
        self._queue: deque[anyio.Event] = deque()
        self.in_flight = 0
        self.cuts = 0
        """How often the limit was cut."""

    @property
    def limit(self) -> int:
        """How many requests may be in flight here now."""
        return int(self._limit)

    @property
    def waiting(self) -> int:
        """How many requests wait for a slot here now."""
        return len(self._queue)

    async def __aenter__(self) -> None:
        slots = self._slots
        if not self._queue and self.in_flight < self.limit and slots.in_flight < slots.total:
            self._enter()
            return
        event = anyio.Event()
        if not self._queue:
            slots._waiting.append(self)  # noqa: SLF001
        self._queue.append(event)
        try:
            await event.wait()
        except BaseException:
            if event.is_set():  # the slot was ours already: pass it on
                self._leave()
            else:
                self._queue.remove(event)
                if not self._queue:
                    slots._waiting.remove(self)  # noqa: SLF001
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave()

    def succeeded(self) -> None:
        """Learn that a request was not throttled. To be called while it still holds its slot."""
        if self.in_flight >= self.limit:
            step = 1.0 / self._limit if self.cuts else 1.0
            self._limit = min(float(self._slots.total), self._limit + step)

    def throttled(self, cuts: int) -> None:
        """Learn that a request sent after so many cuts was throttled. To be called while it holds its slot."""
        if cuts == self.cuts:
            self.cuts += 1
            self._limit = max(1.0, self._limit * BACKOFF)

    def _enter(self) -> None:
        self.in_flight += 1
        self._slots._take()  # noqa: SLF001

    def _leave(self) -> None:
        self.in_flight -= 1
        self._slots.in_flight -= 1
        self._slots._dispatch()  # noqa: SLF001

    def _admit(self) -> None:
        event = self._queue.popleft()
        waiting = self._slots._waiting  # noqa: SLF001
        waiting.remove(self)
        if self._queue:
            waiting.append(self)  # to the end: with fewer slots than gates, all have their turn
        self._enter()
        event.set()
