from __future__ import annotations

import asyncio
import random
from collections import Counter
from typing import TYPE_CHECKING

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from s3audit_async.errors import CallError, CredentialsError, NotAskedError, TransportCode
from s3audit_async.limiter import Slots
from s3audit_async.model import Operation
from s3audit_async.retry import RetryPolicy, ask_until_answered
from tests import virtual_time

if TYPE_CHECKING:
    from collections.abc import Sequence

THROTTLE = "SlowDown"
TRANSIENT = "InternalError"
FINAL = "AccessDenied"


def failed(code: str = TRANSIENT, *, status: int | None = None, retry_after: float | None = None) -> CallError:
    return CallError(
        Operation.GET_BUCKET_ENCRYPTION, "a-bucket", "eu-west-1", code=code, status=status, retry_after=retry_after
    )


def middle(low: float, high: float) -> float:
    return (low + high) / 2


def longest(low: float, high: float) -> float:
    return high


class Script:
    """A question whose attempts go as written, on a clock that jumps instead of passing."""

    def __init__(self, outcomes: Sequence[BaseException | str]) -> None:
        self._outcomes = iter(outcomes)
        self.attempts = 0
        self.slept: list[float] = []
        self.told: list[tuple[CallError, int, float]] = []
        self.bounds: list[tuple[float, float]] = []

    async def attempt(self) -> str:
        self.attempts += 1
        outcome = next(self._outcomes)
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    def uniform(self, low: float, high: float) -> float:
        self.bounds.append((low, high))
        return middle(low, high)

    async def play(self, policy: RetryPolicy) -> str:
        return await ask_until_answered(
            self.attempt,
            policy,
            before_wait=lambda error, attempts, seconds: self.told.append((error, attempts, seconds)),
            sleep=self.sleep,
            uniform=self.uniform,
        )


async def test_an_answer_is_given_without_waiting() -> None:
    script = Script(["yes"])

    assert await script.play(RetryPolicy(max_attempts=5)) == "yes"
    assert (script.attempts, script.slept, script.told) == (1, [], [])


@pytest.mark.parametrize("code", [THROTTLE, TRANSIENT, TransportCode.CLOSED])
async def test_an_answer_after_failures_is_given(code: str) -> None:
    script = Script([failed(code), failed(code), "yes"])

    assert await script.play(RetryPolicy(max_attempts=3)) == "yes"
    assert (script.attempts, len(script.slept)) == (3, 2)


@pytest.mark.parametrize(("status", "attempts"), [(400, 1), (429, 3), (500, 3), (501, 1), (503, 3)])
async def test_where_the_code_says_nothing_the_status_decides(status: int, attempts: int) -> None:
    script = Script([failed("NewInThisYear", status=status) for _ in range(4)])

    with pytest.raises(CallError):
        await script.play(RetryPolicy(max_attempts=3))

    assert script.attempts == attempts


@pytest.mark.parametrize("most", [1, 2, 3, 8])
@pytest.mark.parametrize("code", [THROTTLE, TRANSIENT])
async def test_exactly_so_many_attempts_are_made_and_the_last_error_raised_as_it_is(code: str, most: int) -> None:
    errors = [failed(code) for _ in range(most + 1)]
    script = Script(errors)

    with pytest.raises(CallError) as raised:
        await script.play(RetryPolicy(max_attempts=most))

    assert raised.value is errors[most - 1]
    assert (script.attempts, len(script.slept), len(script.told)) == (most, most - 1, most - 1)


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(failed(FINAL, retry_after=5.0), id="an answer"),
        pytest.param(failed(TransportCode.TLS), id="a refused certificate"),
        pytest.param(CredentialsError("none"), id="what ends the run"),
        pytest.param(ZeroDivisionError("ours"), id="a defect"),
    ],
)
@pytest.mark.parametrize("before", [0, 2])
async def test_what_is_final_is_raised_at_once_and_as_it_is(error: Exception, before: int) -> None:
    script = Script([*[failed() for _ in range(before)], error, "never"])

    with pytest.raises(type(error)) as raised:
        await script.play(RetryPolicy(max_attempts=8))

    assert raised.value is error
    assert (script.attempts, len(script.slept)) == (before + 1, before)


async def test_each_retry_is_told_of_before_it_waits() -> None:
    errors = [failed(THROTTLE, retry_after=3.0), failed()]
    script = Script([*errors, "yes"])

    await script.play(RetryPolicy(max_attempts=8, first=0.2))

    assert [(error, attempts) for error, attempts, _ in script.told] == [(errors[0], 1), (errors[1], 2)]
    assert [seconds for _, _, seconds in script.told] == script.slept == pytest.approx([3.1, 0.2])


async def test_the_jitter_is_full_and_its_bound_doubles_up_to_the_longest() -> None:
    script = Script([*[failed() for _ in range(9)], "yes"])

    await script.play(RetryPolicy(max_attempts=10, first=0.2, longest=20.0))

    highs = [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 20.0, 20.0]
    assert {low for low, _ in script.bounds} == {0.0}
    assert [high for _, high in script.bounds] == pytest.approx(highs)
    assert script.slept == pytest.approx([high / 2 for high in highs])


@settings(deadline=None)
@given(
    attempts=st.integers(1, 5000),
    asked=st.none() | st.floats(0, 1e9),
    seed=st.integers(),
    policy=st.builds(
        RetryPolicy,
        max_attempts=st.just(8),
        first=st.floats(0.001, 10),
        longest=st.floats(0.001, 100),
        longest_asked=st.floats(0, 100),
    ),
)
def test_a_wait_lies_between_what_was_asked_and_the_longest_jitter_on_top(
    attempts: int, asked: float | None, seed: int, policy: RetryPolicy
) -> None:
    least = min(asked or 0.0, policy.longest_asked)

    wait = policy.wait(failed(retry_after=asked), attempts, random.Random(seed).uniform)

    assert least <= wait <= least + policy.longest


@pytest.mark.parametrize(
    ("asked", "granted"), [(None, 0.0), (0.0, 0.0), (0.5, 0.5), (59.0, 59.0), (60.0, 60.0), (86_400.0, 60.0)]
)
async def test_what_the_server_asks_for_is_granted_up_to_the_cap(asked: float | None, granted: float) -> None:
    script = Script([failed(THROTTLE, retry_after=asked), "yes"])

    await script.play(RetryPolicy(max_attempts=2, first=2.0, longest_asked=60.0))

    assert script.slept == [pytest.approx(granted + 1.0)]


async def test_a_thousand_attempts_do_not_overflow() -> None:
    policy = RetryPolicy(max_attempts=5000)

    assert [policy.wait(failed(), attempts, longest) for attempts in (1, 1100, 4999)] == [0.2, 20.0, 20.0]


@pytest.mark.parametrize(
    ("bound", "most", "attempts"), [(None, 5, 5), (1, 5, 1), (2, 5, 2), (5, 5, 5), (9, 5, 5), (3, 1, 1)]
)
@pytest.mark.parametrize("code", [TransportCode.UNREACHABLE, TransportCode.READ_TIMEOUT])
async def test_an_endpoint_that_cannot_be_reached_or_says_nothing_has_a_bound_of_its_own(
    code: str, bound: int | None, most: int, attempts: int
) -> None:
    script = Script([failed(code) for _ in range(10)])

    with pytest.raises(CallError):
        await script.play(RetryPolicy(max_attempts=most, unreachable_attempts=bound))

    assert script.attempts == attempts


@pytest.mark.parametrize("code", [THROTTLE, TRANSIENT, TransportCode.CLOSED])
async def test_the_bound_for_the_unreachable_is_for_nothing_else(code: str) -> None:
    script = Script([failed(code) for _ in range(10)])

    with pytest.raises(CallError):
        await script.play(RetryPolicy(max_attempts=4, unreachable_attempts=1))

    assert script.attempts == 4


async def test_a_cancellation_during_an_attempt_is_not_retried() -> None:
    script = Script([asyncio.CancelledError(), "never"])

    with pytest.raises(asyncio.CancelledError):
        await script.play(RetryPolicy(max_attempts=8))

    assert script.attempts == 1


async def test_a_cancellation_while_waiting_makes_no_further_attempt() -> None:
    script = Script([failed(), "never"])
    waiting = anyio.Event()

    async def wait_for_good(seconds: float) -> None:
        waiting.set()
        await anyio.sleep_forever()

    async with anyio.create_task_group() as tasks:

        async def ask() -> None:
            await ask_until_answered(
                script.attempt, RetryPolicy(max_attempts=8), before_wait=lambda *_: None, sleep=wait_for_good
            )

        tasks.start_soon(ask)
        await waiting.wait()
        tasks.cancel_scope.cancel()

    assert script.attempts == 1


async def test_nothing_is_held_while_a_retry_waits() -> None:
    slots = Slots(1)
    gate = slots.gate()
    script = Script([failed(), "yes"])
    held: list[tuple[str, int]] = []

    async def attempt() -> str:
        async with gate:
            held.append(("asking", slots.in_flight))
            return await script.attempt()

    async def sleep(seconds: float) -> None:
        held.append(("waiting", slots.in_flight))

    await ask_until_answered(attempt, RetryPolicy(max_attempts=2), before_wait=lambda *_: None, sleep=sleep)

    assert held == [("asking", 1), ("waiting", 0), ("asking", 1)]


async def test_without_injected_randomness_the_waits_are_random_and_within_bounds() -> None:
    script = Script([failed() for _ in range(200)])
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    with pytest.raises(CallError):
        await ask_until_answered(
            script.attempt,
            RetryPolicy(max_attempts=100, first=1.0, longest=1.0),
            before_wait=lambda *_: None,
            sleep=sleep,
        )

    assert all(0.0 <= seconds <= 1.0 for seconds in slept)
    assert len(set(slept)) == 99


def took(seconds: float, code: str = TRANSIENT, *, retry_after: float | None = None) -> CallError:
    error = failed(code, retry_after=retry_after)
    error.seconds = seconds
    return error


@pytest.mark.parametrize(
    ("max_time", "attempts"), [(0.0, 1), (30.1, 1), (30.9, 1), (31.0, 2), (61.9, 2), (62.0, 3), (1000.0, 8)]
)
async def test_no_attempt_begins_after_the_time_for_retries_of_which_attempts_and_waits_take_their_part(
    max_time: float, attempts: int
) -> None:
    """Each attempt takes 30 s, each wait 1 s."""
    script = Script([took(30.0) for _ in range(10)])

    with pytest.raises(CallError):
        await script.play(RetryPolicy(max_attempts=8, max_time=max_time, first=2.0, longest=2.0))

    assert (script.attempts, len(script.slept)) == (attempts, attempts - 1)


async def test_a_wait_that_the_server_asks_for_counts_too() -> None:
    script = Script([took(0.0, THROTTLE, retry_after=60.0) for _ in range(10)])

    with pytest.raises(CallError):
        await script.play(RetryPolicy(max_attempts=8, max_time=130.0, first=2.0, longest=2.0))

    assert script.attempts == 3


async def test_one_attempt_is_made_however_little_time_there_is() -> None:
    script = Script(["yes"])

    assert await script.play(RetryPolicy(max_attempts=8, max_time=0.0)) == "yes"


def test_the_time_that_an_attempt_waits_for_its_turn_does_not_count() -> None:
    """An hour in the queue, and then a failure after a second: there is time for all attempts."""

    async def main() -> tuple[int, float]:
        script = Script([took(1.0) for _ in range(10)])

        async def attempt() -> str:
            await anyio.sleep(3600)
            return await script.attempt()

        with pytest.raises(CallError):
            await ask_until_answered(attempt, RetryPolicy(max_attempts=4, max_time=60.0), before_wait=lambda *_: None)
        return script.attempts, anyio.current_time()

    attempts, seconds = virtual_time.run(main)
    assert attempts == 4
    assert seconds > 4 * 3600


@pytest.mark.parametrize("before", [0, 2])
async def test_what_was_not_asked_is_not_asked_again(before: int) -> None:
    not_asked = NotAskedError(Operation.GET_BUCKET_ENCRYPTION, "a-bucket", "eu-west-1", code=TransportCode.UNREACHABLE)
    script = Script([*[failed() for _ in range(before)], not_asked, "never"])

    with pytest.raises(NotAskedError) as raised:
        await script.play(RetryPolicy(max_attempts=8))

    assert raised.value is not_asked
    assert (script.attempts, len(script.slept)) == (before + 1, before)


def test_however_many_fail_side_by_side_each_question_has_all_of_its_attempts() -> None:
    """There is no quota that all of them draw on, and that a storm of 503 would use up."""
    attempts: Counter[int] = Counter()

    async def main() -> None:
        async def ask(number: int) -> None:
            async def attempt() -> None:
                attempts[number] += 1
                await anyio.sleep(0.02)
                raise failed(THROTTLE)

            with pytest.raises(CallError):
                await ask_until_answered(attempt, RetryPolicy(max_attempts=8), before_wait=lambda *_: None)

        async with anyio.create_task_group() as tasks:
            for number in range(200):
                tasks.start_soon(ask, number)

    virtual_time.run(main)
    assert attempts == dict.fromkeys(range(200), 8)
