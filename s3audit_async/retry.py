"""The one retry layer: tenacity around one call, exponential backoff with full jitter, the server's wish honoured.

Nothing is held while a retry waits: the attempt takes its slot itself, each time anew. There is no quota of retries:
each call has all of its attempts, however many others fail.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import anyio
from tenacity import AsyncRetrying, RetryCallState

from s3audit_async.codes import Reaction, react
from s3audit_async.errors import CallError, NotAskedError, TransportCode

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often and how long one question is asked.

    After attempt n (from 1) it waits a random time between 0 and min(`longest`, `first` * 2**(n-1)) seconds, on
    top of what the server asked for in Retry-After, of which at most `longest_asked` seconds are granted.
    No attempt is made that would begin more than `max_time` seconds into the question: attempts and waits count, but
    not the time in which an attempt waits for its turn. `unreachable_attempts`, where set, is the bound of attempts
    at an endpoint that cannot be connected to or says nothing.
    """

    max_attempts: int
    max_time: float = 300.0
    first: float = 0.2
    longest: float = 20.0
    longest_asked: float = 60.0
    unreachable_attempts: int | None = None

    def gives_up(self, error: BaseException | None, attempts: int, seconds: float) -> bool:
        """Tell whether `attempts` attempts, the last of which failed with `error`, were enough.

        `seconds` is how far into the question the next one would begin.
        """
        if not isinstance(error, CallError) or isinstance(error, NotAskedError):
            return True
        if react(error.code, error.status) is Reaction.FINAL or seconds > self.max_time:
            return True
        silent = error.code in {TransportCode.UNREACHABLE, TransportCode.READ_TIMEOUT}
        if silent and self.unreachable_attempts is not None:
            return attempts >= min(self.max_attempts, self.unreachable_attempts)
        return attempts >= self.max_attempts

    def wait(self, error: CallError, attempts: int, uniform: Callable[[float, float], float]) -> float:
        """Give the seconds to wait before the next attempt."""
        asked = min(error.retry_after or 0.0, self.longest_asked)
        # The exponent is bounded too: 2.0**1024 would overflow.
        return asked + uniform(0.0, min(self.longest, self.first * 2.0 ** min(attempts - 1, 64)))


async def ask_until_answered(
    attempt: Callable[[], Awaitable[T]],
    policy: RetryPolicy,
    *,
    before_wait: Callable[[CallError, int, float], None],
    sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
    uniform: Callable[[float, float], float] = random.uniform,
) -> T:
    """Await `attempt()` until it answers or the policy gives up; then its last error is raised as it is.

    `before_wait(error, attempts, seconds)` is told of each retry before it waits.
    """
    try:
        return await attempt()
    except CallError as error:
        first = [error]
    # Most questions have been answered now. Only the others need tenacity, which costs more than all else here: its
    # first attempt is the one that was made.
    spent = 0.0

    async def next_attempt() -> T:
        if first:
            raise first.pop()
        return await attempt()

    def error_of(state: RetryCallState) -> BaseException | None:
        return state.outcome.exception() if state.outcome else None

    def wait(state: RetryCallState) -> float:
        nonlocal spent
        error = error_of(state)
        if not isinstance(error, CallError):
            return 0.0
        seconds = policy.wait(error, state.attempt_number, uniform)
        spent += error.seconds + seconds
        return seconds

    def tell(state: RetryCallState) -> None:
        error = error_of(state)
        if isinstance(error, CallError):
            before_wait(error, state.attempt_number, state.upcoming_sleep)

    retrying = AsyncRetrying(
        stop=lambda state: policy.gives_up(error_of(state), state.attempt_number, spent),  # after `wait` was asked
        wait=wait,
        before_sleep=tell,
        sleep=sleep,
        reraise=True,
    )
    return await retrying(next_attempt)
