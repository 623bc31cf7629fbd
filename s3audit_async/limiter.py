"""How many requests may be in flight: one bound for the run, an adaptive one for each service in each region.

`Slots` is the run's bounded semaphore. It differs from a plain one in whom it wakes: of the gates that wait, the
one with the fewest requests in flight. So a slow region, whose requests stay out for long, cannot crowd out the
others. A first-come semaphore would give a region that takes 100 times as long as the others 99 % of the slots. Gates
at which nobody has answered yet, or answers any more, have half of the slots together, and one each besides: regions
that hang leave the others to those that do not. But for that, no slot stays idle while anybody wants one.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

import anyio

from s3audit_async.pacing import Pace

if TYPE_CHECKING:
    from types import TracebackType

START = 16
"""Requests in flight that a gate begins with, before anything is known of its service."""
BACKOFF = 0.7
"""What a throttled gate's limit is multiplied by (the beta of CUBIC, which botocore's adaptive mode uses)."""
_SHORTEST_WAIT = 0.0005
"""Seconds; the event loop's timers are no finer than a millisecond."""


class Slots:
    """The bound of all requests in flight together. Waiting costs about 1 KiB for each waiter."""

    def __init__(self, total: int) -> None:
        if total < 1:
            raise ValueError("at least one slot is needed")
        self.total = total
        self.in_flight = 0
        self.peak = 0
        self._most_unheard = max(1, total // 2)
        self._unheard = 0  # requests in flight at gates that nobody has answered at
        self._waiting: list[Gate] = []

    @property
    def has_waiting(self) -> bool:
        """Whether any request waits at a gate."""
        return bool(self._waiting)

    def gate(self) -> Gate:
        """Make a gate: the entrance for the requests of one service in one region."""
        return Gate(self)

    def _has_room_for(self, gate: Gate) -> bool:
        if self.in_flight >= self.total or gate.in_flight >= gate.limit:
            return False
        # The first request is let in all the same: its answer is what makes a gate one that is heard.
        return gate.heard or gate.in_flight == 0 or self._unheard < self._most_unheard

    def _dispatch(self) -> None:
        while self.in_flight < self.total:
            chosen: Gate | None = None
            for gate in self._waiting:
                fewer = chosen is None or gate.in_flight < chosen.in_flight
                if fewer and self._has_room_for(gate) and gate._may_send():  # noqa: SLF001 - the other half of this class
                    chosen = gate
            if chosen is None:
                return
            chosen._admit()  # noqa: SLF001


class Gate:
    """The entrance of one service in one region: `async with gate:` holds a slot for one request.

    Its limit starts at `START` and grows by one with each answer while it is what holds requests back (so it doubles
    each round trip), and is cut to `BACKOFF` of itself at a throttle, which sets the pace, too (see `pacing`).
    It stays between 1 and the run's total. Requests that were sent before a cut say nothing of the limit
    after it: a throttle is told the number of `cuts` when its request was sent, and an older one does not count.

    How a request ended is to be told while it still holds its slot. Runs on asyncio, whose timers keep the pace.
    """

    def __init__(self, slots: Slots) -> None:
        self._slots = slots
        self._limit = float(min(START, slots.total))
        self._pace = Pace()
        self._queue: deque[anyio.Event] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._held_back = False
        self.in_flight = 0
        self.cuts = 0
        """How often the limit was cut."""
        self.heard = False
        """Whether the latest that became known of the service is an answer, of whatever kind."""

    @property
    def limit(self) -> int:
        """How many requests may be in flight here now."""
        return int(self._limit)

    @property
    def rate(self) -> float | None:
        """How many requests a second may be sent here now; None for as many as the limit allows."""
        return self._pace.rate

    @property
    def waiting(self) -> int:
        """How many requests wait for a slot here now."""
        return len(self._queue)

    async def __aenter__(self) -> None:
        slots = self._slots
        if not self._queue and slots._has_room_for(self) and self._may_send():  # noqa: SLF001
            self._enter()
            return
        event = anyio.Event()
        if not self._queue:
            slots._waiting.append(self)  # noqa: SLF001
        self._queue.append(event)
        if self._slots._has_room_for(self):  # noqa: SLF001
            self._may_send()  # sets the timer that lets it in
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

    def answered(self, seconds: float, *, coped: bool = True) -> None:
        """Learn that a request was answered after so many seconds, and not throttled.

        `coped` tells whether the service did, too: an error of its own is no reason to ask it for more.
        """
        self._hear(heard=True)
        if coped and self.in_flight >= self.limit:
            self._limit = min(float(self._slots.total), self._limit + 1.0)
        self._pace.let_through(_now(), seconds)

    def throttled(self, cuts: int, seconds: float) -> bool:
        """Learn that a request sent after so many cuts was throttled after so many seconds; tell if that is news."""
        self._hear(heard=True)
        if cuts != self.cuts:
            return False
        self.cuts += 1
        self._limit = max(1.0, self._limit * BACKOFF)
        self._pace.throttled(_now(), seconds, self.in_flight)
        return True

    def unanswered(self, seconds: float, *, sent: bool) -> None:
        """Learn that a request came to nothing after so many seconds: no connection, or `sent` and not answered."""
        self._hear(heard=False)
        if sent:
            self._pace.lost(_now(), seconds)
        self._limit = min(self._limit, float(START))

    def _hear(self, *, heard: bool) -> None:
        if heard is not self.heard:
            self.heard = heard
            self._slots._unheard += -self.in_flight if heard else self.in_flight  # noqa: SLF001

    def _may_send(self) -> bool:
        """Tell whether the pace lets a request go now; if not, see to it that it is asked again in time."""
        if self._pace.rate is None:
            return True
        delay = self._pace.delay(_now())
        if delay <= 0.0:
            return True
        self._held_back = True
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(max(delay, _SHORTEST_WAIT), self._wake)
        return False

    def _wake(self) -> None:
        self._timer = None
        self._slots._dispatch()  # noqa: SLF001

    def _enter(self) -> None:
        slots = self._slots
        self.in_flight += 1
        slots.in_flight += 1
        slots.peak = max(slots.peak, slots.in_flight)
        if not self.heard:
            slots._unheard += 1  # noqa: SLF001
        if self._pace.rate is not None:
            self._pace.sent(_now(), held_back=self._held_back)
            self._held_back = False

    def _leave(self) -> None:
        self.in_flight -= 1
        self._slots.in_flight -= 1
        if not self.heard:
            self._slots._unheard -= 1  # noqa: SLF001
        self._slots._dispatch()  # noqa: SLF001

    def _admit(self) -> None:
        event = self._queue.popleft()
        waiting = self._slots._waiting  # noqa: SLF001
        waiting.remove(self)
        if self._queue:
            waiting.append(self)  # to the end: with fewer slots than gates, all have their turn
        self._enter()
        event.set()


def _now() -> float:
    return asyncio.get_running_loop().time()
