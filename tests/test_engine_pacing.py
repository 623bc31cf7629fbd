"""Whole runs against services that throttle by rate, in virtual time: how much of the rate is used, and thrown away."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import anyio
import pytest

from s3audit_async.model import Bucket, Operation
from s3audit_async.options import Options
from tests import virtual_time
from tests.fakes import FakeGateway, audited, error, several

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

LATENCY = 0.02
COUNT = 3000


@dataclass
class Server:
    """S3 in one region: a bucket of tokens, which is asked half a latency after a request was sent.

    `rate` is in requests a second, at a time; `astray` is the share of requests that are throttled for reasons of
    their own. Latencies vary by up to 30 %.
    """

    rate: Callable[[float], float]
    burst: float
    latency: float = LATENCY
    astray: float = 0.0
    dice: random.Random = field(default_factory=lambda: random.Random(1))
    sent: int = 0
    throttled: int = 0
    first: float | None = None
    last: float = 0.0

    def __post_init__(self) -> None:
        self._tokens = self.burst
        self._filled = 0.0

    async def answer(self, operation: Operation, target: str) -> None:
        latency = self.latency * self.dice.uniform(1.0, 1.3)
        self.first = anyio.current_time() if self.first is None else self.first
        self.sent += 1
        await anyio.sleep(latency / 2)
        refused = not self._take(anyio.current_time()) or self.dice.random() < self.astray
        await anyio.sleep(latency / 2)
        if refused:
            self.throttled += 1
            raise error(operation, target, "SlowDown", status=503)
        self.last = anyio.current_time()

    def _take(self, now: float) -> bool:
        self._tokens = min(self.burst, self._tokens + (now - self._filled) * self.rate(now))
        self._filled = now
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True

    @property
    def seconds(self) -> float:
        """From the first request to the last answer."""
        assert self.first is not None
        return self.last - self.first

    @property
    def thrown_away(self) -> float:
        """The share of requests that were throttled."""
        return self.throttled / self.sent


def steady(rate: float, burst: float, latency: float = LATENCY, astray: float = 0.0) -> Server:
    return Server(lambda _now: rate, burst, latency, astray)


def free() -> Server:
    return steady(1e9, 1e9)


def run(servers: dict[str, Server], buckets: Sequence[Bucket], **options: int) -> FakeGateway:
    """Audit the buckets, each region of which is one server. Every bucket gets its right row."""

    async def fault(operation: Operation, target: str, region: str, _nth: int) -> None:
        if operation is Operation.GET_BUCKET_ENCRYPTION:
            await servers[region].answer(operation, target)

    gateway = FakeGateway(list(buckets), fault=fault, latency=lambda _op, _region: 0.0)
    rows = virtual_time.run(lambda: audited(gateway, Options(page_size=10_000, **options)))  # type: ignore[arg-type]
    assert sorted(row.bucket for row in rows) == sorted(bucket.name for bucket in buckets)
    assert {row.mode for row in rows} == {"AES256"}
    return gateway


@pytest.fixture(autouse=True)
def same_jitter() -> None:
    """Waits between retries are random: the same ones each time."""
    random.seed(1)


@pytest.mark.parametrize(
    ("rate", "burst", "latency"),
    [
        *((rate, burst, LATENCY) for rate in (20, 100, 400, 1000) for burst in (10, rate)),
        *((rate, burst, 0.2) for rate in (20, 100) for burst in (10, rate)),
    ],
)
def test_nine_tenths_of_a_services_rate_are_used_and_little_is_thrown_away(
    rate: int, burst: int, latency: float
) -> None:
    server = steady(rate, burst, latency)
    gateway = run({"eu-west-1": server}, several(COUNT, "eu-west-1"))

    # What it allowed while it was asked: its rate, and its burst besides.
    assert COUNT / (rate * server.seconds + burst) > 0.9
    assert server.thrown_away < 0.05
    assert max(gateway.asked.values()) < 8


def test_a_region_that_is_throttled_hard_does_not_slow_a_free_one_down() -> None:
    buckets = [bucket for pair in zip(*_two_regions(2000), strict=True) for bucket in pair]

    alone = free()
    run({"us-west-2": alone}, [bucket for bucket in buckets if bucket.region == "us-west-2"])
    beside, throttled = free(), steady(20, 10)
    run({"us-west-2": beside, "eu-west-1": throttled}, buckets)

    assert beside.throttled == 0
    assert beside.seconds < 1.2 * alone.seconds
    assert 2000 / (20 * throttled.seconds + 10) > 0.9


def _two_regions(count: int) -> tuple[list[Bucket], list[Bucket]]:
    return several(count, "eu-west-1", "throttled"), several(count, "us-west-2", "free")


def test_regions_that_are_throttled_each_have_a_pace_of_their_own() -> None:
    """Four of them, 100 times apart: each is done when its own rate allows, and none starves."""
    rates = {"eu-west-1": 10, "eu-west-2": 50, "eu-west-3": 200, "eu-north-1": 1000}
    servers = {region: steady(rate, 10) for region, rate in rates.items()}
    run(servers, [bucket for region in rates for bucket in several(1000, region, region)])

    for region, rate in rates.items():
        assert 1000 / (rate * servers[region].seconds + 10) > 0.85
        assert servers[region].thrown_away < 0.06


@pytest.mark.parametrize("concurrency", [1, 2, 3])
def test_with_fewer_slots_than_throttled_regions_none_starves(concurrency: int) -> None:
    regions = [f"eu-west-{number}" for number in range(4)]
    servers = {region: steady(10, 5) for region in regions}
    run(servers, [b for region in regions for b in several(200, region, region)], max_concurrency=concurrency)
    for server in servers.values():
        assert 200 / (10 * server.seconds + 5) > 0.8


@pytest.mark.parametrize(
    ("before", "until", "after", "slower", "most_thrown_away"),
    [
        pytest.param(100, 10, 50, 1.05, 0.06, id="half"),
        pytest.param(100, 10, 85, 1.05, 0.05, id="a bit less"),
        pytest.param(1000, 2, 50, 1.25, 0.15, id="a twentieth"),
        pytest.param(50, 20, 500, 1.3, 0.05, id="ten times as much"),
        pytest.param(50, 20, 100, 1.1, 0.05, id="twice as much"),
    ],
)
def test_a_rate_that_changes_meanwhile_is_followed(
    before: float, until: float, after: float, slower: float, most_thrown_away: float
) -> None:
    """`slower` is the time it takes, measured by the time that both rates would have taken if they had been known."""
    server = Server(lambda now: before if now < until else after, burst=10)
    gateway = run({"eu-west-1": server}, several(4000, "eu-west-1"))

    assert server.seconds < slower * (until + (4000 - before * until) / after)
    assert server.thrown_away < most_thrown_away
    assert max(gateway.asked.values()) < 8


@pytest.mark.parametrize(("astray", "rate"), [(0.05, 200), (0.2, 100)])
def test_throttles_that_have_nothing_to_do_with_the_pace_bring_no_run_to_a_standstill(
    astray: float, rate: float
) -> None:
    """A pace that was cut to a fraction at each of them would end up at less than one a second."""
    server = steady(1e9, 1e9, astray=astray)
    run({"eu-west-1": server}, several(5000, "eu-west-1"), max_attempts=20)
    assert 5000 / server.seconds > rate


def test_a_service_that_throttles_whatever_comes_gives_its_rows_in_time() -> None:
    """It is asked less and less often, but each bucket has its attempts, and the run its end."""
    server = steady(0.001, 1)

    async def fault(operation: Operation, target: str, region: str, _nth: int) -> None:
        if operation is Operation.GET_BUCKET_ENCRYPTION:
            await server.answer(operation, target)

    async def main() -> float:
        gateway = FakeGateway(several(50, "eu-west-1"), fault=fault, latency=lambda _op, _region: 0.0)
        rows = await audited(gateway, Options(max_attempts=3))
        assert [row.mode for row in rows].count("SlowDown") == 49
        return anyio.current_time()

    assert virtual_time.run(main) < 49 * 3 / 2.0 + 60
    assert server.sent == 1 + 49 * 3
