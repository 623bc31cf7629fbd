"""Requests at the gates of a run's slots, each of them held and ended by a test, in virtual time."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import wraps
from typing import TYPE_CHECKING, ParamSpec

import anyio
from anyio.lowlevel import checkpoint

from tests import virtual_time

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from anyio.abc import TaskGroup

    from s3audit_async.limiter import Gate

    Outcome = Callable[["Request"], None]

P = ParamSpec("P")

ROUND_TRIP = 0.02
"""Seconds that each request is said to have taken."""
LONG = 1000.0
"""Virtual seconds in which the slowest pace lets everybody pass that is ever at a gate here."""


def virtually(test: Callable[P, Coroutine[None, None, None]]) -> Callable[P, None]:
    """Run an asynchronous test in virtual time."""

    @wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        virtual_time.run(lambda: test(*args, **kwargs))

    return run


async def settle(seconds: float = 0.0) -> None:
    """Give the event loop as many turns as anything here needs to get as far as it can get within so many seconds."""
    if seconds:
        await anyio.sleep(seconds)
    for _ in range(20):
        await checkpoint()


def succeeds(request: Request) -> None:
    request.gate.answered(ROUND_TRIP)


def fails(request: Request) -> None:
    request.gate.answered(ROUND_TRIP, coped=False)


def is_throttled(request: Request) -> None:
    request.gate.throttled(request.cuts, ROUND_TRIP)


def is_not_answered(request: Request) -> None:
    request.gate.unanswered(ROUND_TRIP, sent=True)


def is_dropped(_request: Request) -> None:
    """Its caller was cancelled, or raised something of its own."""


@dataclass(eq=False)
class Request:
    """One request at a gate: it waits for its slot, then holds it until it is told how it ended."""

    gate: Gate
    scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)
    admitted: bool = False
    ended: bool = False
    cuts: int = 0
    _told: anyio.Event = field(default_factory=anyio.Event)
    _outcome: Callable[[], None] = lambda: None

    async def run(self) -> None:
        with self.scope:
            try:
                async with self.gate:
                    self.cuts = self.gate.cuts
                    self.admitted = True
                    await self._told.wait()
                    self._outcome()
            finally:
                self.ended = True

    def end(self, outcome: Callable[[], None] = lambda: None) -> None:
        self._outcome = outcome
        self._told.set()

    @property
    def in_flight(self) -> bool:
        return self.admitted and not self.ended

    @property
    def waiting(self) -> bool:
        return not self.admitted and not self.ended


class Traffic:
    """Requests at the gates of one set of slots, each of them held and ended by the test."""

    def __init__(self, tasks: TaskGroup) -> None:
        self._tasks = tasks
        self.requests: list[Request] = []

    async def send(self, gate: Gate, count: int = 1, *, within: float = 0.0) -> list[Request]:
        sent = [Request(gate) for _ in range(count)]
        self.requests += sent
        for request in sent:
            self._tasks.start_soon(request.run)
        await settle(within)
        return sent

    async def introduce(self, *gates: Gate) -> None:
        """Let each gate have its first answer, so that it is none of the unheard."""
        for gate in gates:
            await self.succeed(*await self.send(gate))

    async def end(self, outcome: Outcome, *requests: Request, within: float = 0.0) -> None:
        for request in requests:
            request.end(lambda request=request: outcome(request))  # type: ignore[misc]
        await settle(within)

    async def succeed(self, *requests: Request, within: float = 0.0) -> None:
        await self.end(succeeds, *requests, within=within)

    async def throttle(self, *requests: Request, within: float = 0.0) -> None:
        await self.end(is_throttled, *requests, within=within)

    async def leave_unanswered(self, *requests: Request) -> None:
        await self.end(is_not_answered, *requests)

    def of(self, gate: Gate) -> list[Request]:
        return [request for request in self.requests if request.gate is gate and request.in_flight]

    def end_all(self) -> None:
        self._tasks.cancel_scope.cancel()
