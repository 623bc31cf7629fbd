from __future__ import annotations

import anyio
import pytest
from anyio.lowlevel import checkpoint

from s3audit_async.keys import SingleFlight


class Oracle:
    """Answers what was asked for when it is told to, and counts how often it was asked."""

    def __init__(self, *failures: Exception) -> None:
        self._failures = list(failures)
        self.asked = 0
        self.answer = anyio.Event()
        self.asking = anyio.Event()

    async def __call__(self) -> str:
        self.asked += 1
        number = self.asked
        self.asking.set()
        await self.answer.wait()
        if self._failures:
            raise self._failures.pop(0)
        return f"answer {number}"


async def settle() -> None:
    """Give the event loop as many turns as anything here needs to get as far as it can get."""
    for _ in range(20):
        await checkpoint()


async def test_many_who_ask_at_the_same_time_share_one_fetch() -> None:
    cache: SingleFlight[str, str] = SingleFlight()
    oracle = Oracle()
    got: list[str] = []

    async def ask() -> None:
        got.append(await cache.get("key", oracle))

    async with anyio.create_task_group() as tasks:
        for _ in range(10):
            tasks.start_soon(ask)
        await settle()
        oracle.answer.set()

    assert (oracle.asked, got, len(cache)) == (1, ["answer 1"] * 10, 1)


async def test_what_was_fetched_is_never_fetched_again() -> None:
    cache: SingleFlight[str, str] = SingleFlight()
    oracle = Oracle()
    oracle.answer.set()

    assert [await cache.get("key", oracle) for _ in range(3)] == ["answer 1"] * 3


async def test_nothing_is_a_value_too() -> None:
    cache: SingleFlight[str, None] = SingleFlight()
    asked: list[str] = []

    async def fetch() -> None:
        asked.append("once")

    for _ in range(2):
        await cache.get("key", fetch)

    assert asked == ["once"]


async def test_different_keys_are_fetched_side_by_side() -> None:
    cache: SingleFlight[tuple[str, str], str] = SingleFlight()
    oracles = {("eu-west-1", "key"): Oracle(), ("us-east-1", "key"): Oracle()}

    async with anyio.create_task_group() as tasks:
        for key, oracle in oracles.items():
            tasks.start_soon(cache.get, key, oracle)
        await settle()
        asked = [oracle.asked for oracle in oracles.values()]
        for oracle in oracles.values():
            oracle.answer.set()

    assert (asked, len(cache)) == ([1, 1], 2)


async def test_what_a_fetch_raises_reaches_who_fetched_and_is_not_remembered() -> None:
    cache: SingleFlight[str, str] = SingleFlight()
    failure = ConnectionError("once")
    oracle = Oracle(failure)
    oracle.answer.set()

    with pytest.raises(ConnectionError) as raised:
        await cache.get("key", oracle)

    assert raised.value is failure
    assert len(cache) == 0
    assert await cache.get("key", oracle) == "answer 2"


async def test_when_a_fetch_fails_those_who_wait_fetch_anew_once() -> None:
    cache: SingleFlight[str, str] = SingleFlight()
    oracle = Oracle(ConnectionError("once"))
    got: list[str] = []

    async def ask() -> None:
        try:
            got.append(await cache.get("key", oracle))
        except ConnectionError:
            got.append("failed")

    async with anyio.create_task_group() as tasks:
        for _ in range(4):
            tasks.start_soon(ask)
        await settle()
        oracle.answer.set()

    assert (oracle.asked, sorted(got)) == (2, ["answer 2", "answer 2", "answer 2", "failed"])


async def test_when_who_fetches_is_cancelled_the_next_one_fetches() -> None:
    cache: SingleFlight[str, str] = SingleFlight()
    oracle = Oracle()
    got: list[str] = []
    first = anyio.CancelScope()

    async def lead() -> None:
        with first:
            got.append(await cache.get("key", oracle))

    async def ask() -> None:
        got.append(await cache.get("key", oracle))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(lead)
        await oracle.asking.wait()
        tasks.start_soon(ask)
        tasks.start_soon(ask)
        await settle()
        first.cancel()
        await settle()
        oracle.answer.set()

    assert (oracle.asked, got, first.cancelled_caught) == (2, ["answer 2", "answer 2"], True)


async def test_when_one_who_waits_is_cancelled_the_fetch_goes_on() -> None:
    cache: SingleFlight[str, str] = SingleFlight()
    oracle = Oracle()
    got: list[str] = []
    second = anyio.CancelScope()

    async def ask() -> None:
        got.append(await cache.get("key", oracle))

    async def wait() -> None:
        with second:
            await ask()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(ask)
        await oracle.asking.wait()
        tasks.start_soon(wait)
        await settle()
        second.cancel()
        await settle()
        oracle.answer.set()

    assert (oracle.asked, got) == (1, ["answer 1"])


async def test_what_is_known_from_elsewhere_is_not_fetched() -> None:
    cache: SingleFlight[str, str] = SingleFlight()
    oracle = Oracle()
    cache.put("key", "told")

    assert (await cache.get("key", oracle), oracle.asked, len(cache)) == ("told", 0, 1)


async def test_what_is_known_already_stays() -> None:
    cache: SingleFlight[str, str] = SingleFlight()
    oracle = Oracle()
    oracle.answer.set()
    await cache.get("key", oracle)

    cache.put("key", "told")

    assert await cache.get("key", oracle) == "answer 1"


async def test_what_becomes_known_while_a_fetch_fails_serves_those_who_wait() -> None:
    cache: SingleFlight[str, str] = SingleFlight()
    oracle = Oracle(ConnectionError("once"))
    got: list[str] = []

    async def lead() -> None:
        with pytest.raises(ConnectionError):
            await cache.get("key", oracle)

    async def ask() -> None:
        got.append(await cache.get("key", oracle))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(lead)
        await oracle.asking.wait()
        tasks.start_soon(ask)
        await settle()
        cache.put("key", "told")
        oracle.answer.set()

    assert (oracle.asked, got) == (1, ["told"])
