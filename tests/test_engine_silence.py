"""Regions that give no answer: what their buckets' rows say, how soon, and that nobody else waits for them."""

from __future__ import annotations

import itertools
import random
from typing import TYPE_CHECKING

import anyio
import pytest

from s3audit_async.errors import CallError, TransportCode
from s3audit_async.model import BreakerChange, Bucket, Operation, Service
from s3audit_async.options import Options
from s3audit_async.ports import Observer
from tests import virtual_time
from tests.fakes import HOME, FakeGateway, arn, audited, kms, several, stream

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from s3audit_async.model import Row

    Death = Callable[[Operation, str, str], Awaitable[None]]
    Fault = Callable[[Operation, str, str, int], Awaitable[None]]

ENCRYPTION = Operation.GET_BUCKET_ENCRYPTION
LISTING = Operation.LIST_BUCKETS
DESCRIBE = Operation.DESCRIBE_KEY
CONNECTING = 5.0
"""Seconds after which the transport gives a connection up that does not come, with a timeout of 30."""
MANY = 10_000


async def hang_at_connect(operation: Operation, target: str, region: str) -> None:
    await anyio.sleep(CONNECTING)
    raise CallError(operation, target, region, code=TransportCode.UNREACHABLE)


async def hang_at_read(_operation: Operation, _target: str, _region: str) -> None:
    await anyio.sleep_forever()


async def refuse(operation: Operation, target: str, region: str) -> None:
    raise CallError(operation, target, region, code=TransportCode.UNREACHABLE)


def silent(
    *regions: str, death: Death = hang_at_connect, of: Operation = ENCRYPTION, until: float = float("inf")
) -> Fault:
    """One operation is not answered in these regions, until then."""

    async def fault(operation: Operation, target: str, region: str, _nth: int) -> None:
        if operation is of and region in regions and anyio.current_time() < until:
            await death(operation, target, region)

    return fault


def late_listing(fault: Fault, *, wait: float) -> Fault:
    """Each page but the first is answered only after so many seconds."""

    async def slow(operation: Operation, target: str, region: str, nth: int) -> None:
        if operation is LISTING and target != "first":
            await anyio.sleep(wait)
        await fault(operation, target, region, nth)

    return slow


class Watcher(Observer):
    """Remembers when rows came, and which breakers changed."""

    def __init__(self) -> None:
        self.changes: list[tuple[float, BreakerChange]] = []
        self.last_row: dict[str, float] = {}

    def breaker_changed(self, change: BreakerChange) -> None:
        self.changes.append((anyio.current_time(), change))

    def audited(self, row: Row, lane: str) -> None:
        self.last_row[lane] = anyio.current_time()


@pytest.fixture(autouse=True)
def same_jitter() -> None:
    """Waits between retries are random: the same ones each time."""
    random.seed(1)


@pytest.mark.parametrize("death", [hang_at_connect, hang_at_read, refuse])
def test_a_region_that_gives_no_answer_costs_a_few_requests_and_not_one_for_each_bucket(death: Death) -> None:
    gateway = FakeGateway(several(MANY, "me-south-1"), fault=silent("me-south-1", death=death))
    watcher = Watcher()
    rows = virtual_time.run(lambda: audited(gateway, observer=watcher))

    assert len({row.bucket for row in rows}) == len(rows) == MANY
    assert {row.mode for row in rows} <= {TransportCode.UNREACHABLE, TransportCode.READ_TIMEOUT}
    assert {row.key_type for row in rows} == {"Unknown"}
    assert watcher.last_row["me-south-1"] < 60
    assert gateway.calls[ENCRYPTION] < MANY / 5


def test_a_row_that_was_not_asked_for_says_so_and_why() -> None:
    gateway = FakeGateway(several(MANY, "me-south-1"), fault=silent("me-south-1", death=hang_at_read))
    rows = virtual_time.run(lambda: audited(gateway))
    said = {row.error.message for row in rows if row.error is not None and not gateway.asked[ENCRYPTION, row.bucket]}
    assert said == {"not asked: S3 in me-south-1 gives no answer (ReadTimeout)"}


def test_observers_are_told_once_that_a_service_is_left_alone_in_a_region() -> None:
    watcher = Watcher()
    gateway = FakeGateway(several(500, "me-south-1"), fault=silent("me-south-1"))
    virtual_time.run(lambda: audited(gateway, observer=watcher))
    assert [change for _, change in watcher.changes] == [
        BreakerChange(Service.S3, "me-south-1", open=True, code=TransportCode.UNREACHABLE)
    ]


@pytest.mark.parametrize("death", [hang_at_connect, hang_at_read, refuse])
def test_with_several_regions_dead_a_live_one_is_done_as_soon_as_without_them(death: Death) -> None:
    dead = [f"dead-south-{number}" for number in range(4)]
    live = several(4000, "us-west-2", "live")
    # The listing mixes them: no region is ahead.
    mixed = [
        bucket for number, good in enumerate(live) for bucket in (Bucket(f"dead-{number}", dead[number % 4]), good)
    ]

    def done(buckets: list[Bucket]) -> float:
        watcher = Watcher()
        gateway = FakeGateway(buckets, fault=silent(*dead, death=death), latency=lambda _op, _region: 2.0)
        rows = virtual_time.run(lambda: audited(gateway, observer=watcher))
        assert len(rows) == len(buckets)
        return watcher.last_row["us-west-2"]

    assert done(mixed) < 1.2 * done(live)


def test_a_region_that_comes_back_is_found_out_by_a_later_bucket() -> None:
    """The second page of the listing comes when the region answers again: its first bucket is the probe."""
    region = "me-south-1"
    fault = late_listing(silent(region, until=100.0), wait=100.0)
    buckets = [*several(1000, region, "early"), *several(1000, region, "later"), *several(1000, region, "last")]
    watcher = Watcher()
    rows = virtual_time.run(lambda: audited(FakeGateway(buckets, fault=fault), Options(timeout=3600), watcher))

    modes = {page: {row.mode for row in rows if row.bucket.startswith(page)} for page in ("early", "later", "last")}
    assert modes["early"] == {TransportCode.UNREACHABLE}
    assert "AES256" in modes["later"]
    assert modes["last"] == {"AES256"}
    assert [change.open for _, change in watcher.changes] == [True, False]


def test_each_page_that_comes_later_costs_a_dead_region_one_probe() -> None:
    """They come far enough from each other for that; the probe hangs, and nobody else is sent."""
    fault = late_listing(silent("me-south-1"), wait=600.0)
    gateway = FakeGateway(several(500, "me-south-1"), fault=fault)
    asked: list[int] = []

    async def main() -> None:
        async with stream(gateway, Options(timeout=3600, page_size=100)) as rows:
            number = 0
            async for _ in rows:
                number += 1
                if number % 100 == 0:
                    asked.append(gateway.calls[ENCRYPTION])

    virtual_time.run(main)
    # Pages of 100, 100, 200 and 100: they grow, as nobody is busy when they come.
    assert [later - sooner for sooner, later in itertools.pairwise(asked)] == [1, 1, 0, 1]


def test_kms_that_gives_no_answer_in_a_region_holds_up_no_bucket_elsewhere() -> None:
    keyed = several(4000, "eu-west-1", "keyed")
    plain = several(2000, "us-west-2", "plain")
    rules = {bucket.name: kms(arn(number, "eu-west-1")) for number, bucket in enumerate(keyed)}

    def run(buckets: list[Bucket]) -> tuple[dict[str, float], list[Row], FakeGateway]:
        watcher = Watcher()
        gateway = FakeGateway(
            buckets, rules=rules, fault=silent("eu-west-1", of=DESCRIBE), latency=lambda _op, _region: 0.5
        )
        rows = virtual_time.run(lambda: audited(gateway, Options(page_size=10_000), watcher))
        return watcher.last_row, rows, gateway

    alone, _, _ = run(plain)
    together, rows, gateway = run([*plain, *keyed])
    # In the shared seconds each region has half of the slots, whoever is dead.
    assert together["us-west-2"] < 2.2 * alone["us-west-2"]
    assert {row.key_type for row in rows if row.region == "eu-west-1"} == {TransportCode.UNREACHABLE}
    assert all(row.mode == rules[row.bucket][0].key for row in rows if row.region == "eu-west-1")
    assert gateway.calls[DESCRIBE] < 4000 / 10
    assert together["eu-west-1"] < 4000 / 32 * 0.5 + 60


def test_a_key_that_was_not_asked_about_is_asked_about_once_kms_answers_again() -> None:
    """That it was not asked about is not remembered: the same key, on a later page, has its answer."""
    fault = late_listing(silent(HOME, of=DESCRIBE, until=100.0), wait=100.0)
    buckets = [*several(1000, HOME, "early"), *several(1000, HOME, "later"), *several(1000, HOME, "last")]
    rules = {bucket.name: kms(arn(number % 500)) for number, bucket in enumerate(buckets)}
    gateway = FakeGateway(buckets, rules=rules, fault=fault)
    rows = virtual_time.run(lambda: audited(gateway, Options(timeout=3600)))

    types = {page: {row.key_type for row in rows if row.bucket.startswith(page)} for page in ("early", "last")}
    assert types == {"early": {TransportCode.UNREACHABLE}, "last": {"CUSTOMER"}}


def test_the_listing_is_asked_for_though_its_own_region_is_left_alone() -> None:
    """No run can do without it. Its answer tells that the service is there again."""
    back = 100.0
    state = {"open": False}
    listings_while_open: list[str] = []

    class Noting(Watcher):
        def breaker_changed(self, change: BreakerChange) -> None:
            super().breaker_changed(change)
            state["open"] = change.open

    async def fault(operation: Operation, target: str, region: str, nth: int) -> None:
        if operation is LISTING and target == "first":
            return
        if operation is LISTING and state["open"]:
            listings_while_open.append(target)
        if operation.service is Service.S3 and anyio.current_time() < back:
            await hang_at_read(operation, target, region)

    watcher = Noting()
    gateway = FakeGateway([*several(1000, HOME, "early"), *several(1000, HOME, "late")], fault=fault)
    rows = virtual_time.run(lambda: audited(gateway, observer=watcher))

    assert len(listings_while_open) > 1
    assert [change.open for _, change in watcher.changes] == [True, False]
    assert {row.mode for row in rows if row.bucket.startswith("late")} == {"AES256"}


@pytest.mark.parametrize("death", [hang_at_connect, refuse])
def test_half_a_minute_without_a_network_costs_some_rows_and_not_all_that_wait(death: Death) -> None:
    """Every region falls silent in the middle of a run, and comes back."""
    regions = [f"eu-west-{number}" for number in range(4)]

    async def fault(operation: Operation, target: str, region: str, _nth: int) -> None:
        if operation is not LISTING and 20.0 <= anyio.current_time() < 50.0:
            await death(operation, target, region)

    buckets = [Bucket(f"bucket-{number}", regions[number % 4]) for number in range(MANY)]
    gateway = FakeGateway(buckets, fault=fault, latency=lambda _op, _region: 0.5)
    watcher = Watcher()
    rows = virtual_time.run(lambda: audited(gateway, Options(page_size=MANY), watcher))

    assert len(rows) == MANY
    assert sum(row.mode == "AES256" for row in rows) > 0.9 * MANY
    assert watcher.changes == []
