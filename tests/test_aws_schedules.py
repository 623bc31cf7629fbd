"""Random faults on real connections: one row a bucket, the limit kept, no task or socket left, however a run ends."""

from __future__ import annotations

import asyncio
from itertools import count

import aioboto3
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import s3audit_async
from benchmarks.stub import (
    Behaviour,
    Delay,
    ErrorAnswer,
    Fault,
    Flood,
    Garbage,
    Hang,
    Request,
    Reset,
    StubAws,
    Truncated,
    internal,
    synthetic,
    throttled,
)
from s3audit_async.errors import InterruptedRunError, ListingError
from s3audit_async.options import Options
from tests.waiting import wait_until

BUCKETS = 12
KINDS = ["right"] * 6 + [
    "throttled",
    "internal",
    "reset",
    "closed",
    "truncated",
    "garbage",
    "empty",
    "flood",
    "hang",
    "late",
    "denied",
    "moved",
]


def spoil(kind: str, request: Request) -> Fault | None:
    """Make the fault of a kind; None for the right answer."""
    faults: dict[str, Fault] = {
        "throttled": throttled(request),
        "internal": internal(request),
        "reset": Reset(),
        "closed": Reset(clean=True),
        "truncated": Truncated(),
        "garbage": Garbage(),
        "empty": Garbage(b""),
        "flood": Flood(1 << 30, chunked=True),
        "hang": Hang(),
        "late": Delay(0.05),
        "denied": ErrorAnswer(403, "AccessDenied"),
        "moved": ErrorAnswer(301, "PermanentRedirect", headers=(("x-amz-bucket-region", "eu-west-1"),)),
    }
    return faults.get(kind)


@given(
    schedule=st.lists(st.sampled_from(KINDS), min_size=1, max_size=60),
    limit=st.integers(1, 8),
    leave_after=st.one_of(st.none(), st.integers(0, BUCKETS - 1)),
    stop=st.booleans(),
)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_the_wire_does_nothing_is_lost_and_nothing_is_left(
    schedule: list[str], limit: int, leave_after: int | None, stop: bool
) -> None:
    """Run to its end, left early, or stopped."""
    turn = count()

    def faults(request: Request) -> Fault | None:
        kind = schedule[next(turn) % len(schedule)]
        return None if request.operation == "ListBuckets" else spoil(kind, request)

    async def run(url: str) -> list[str]:
        options = Options(endpoint_url=url, max_concurrency=limit, max_attempts=2, timeout=0.4, page_size=5)
        seen: list[str] = []
        async with s3audit_async.audit(aioboto3.Session(), options) as rows:
            try:
                async for row in rows:
                    seen.append(row.bucket)
                    if len(seen) == leave_after:
                        if not stop:
                            break
                        rows.stop()
            except InterruptedRunError:
                assert stop
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return seen

    account = synthetic(buckets=BUCKETS, keys=3, regions=3, unlisted_share=0.3)
    with StubAws(account, Behaviour(faults=faults)) as stub:
        seen = asyncio.run(run(stub.url))
        wait_until(lambda: not stub.stats.open_connections, what="all connections closed")
        peak = stub.stats.peak_in_flight

    assert len(seen) == len(set(seen))
    assert set(seen) <= {bucket.name for bucket in account.index}
    if not leave_after:
        assert len(seen) == BUCKETS
    # A request that timed out here has not ended for the stub until it learns that its connection is closed.
    assert peak <= limit or {"hang", "flood"} & set(schedule)


@pytest.mark.parametrize("kind", ["throttled", "reset", "truncated", "flood", "hang", "denied"])
async def test_a_listing_that_is_spoiled_for_good_leaves_nothing_either(kind: str) -> None:
    """The run ends with an error, its connections and tasks with it."""
    before = asyncio.all_tasks()
    with StubAws(behaviour=Behaviour(faults=lambda request: spoil(kind, request))) as stub:
        options = Options(endpoint_url=stub.url, max_attempts=2, timeout=0.4)
        async with s3audit_async.audit(aioboto3.Session(), options) as rows:
            with pytest.raises(ListingError):
                await anext(rows)
        wait_until(lambda: not stub.stats.open_connections, what="all connections closed")
    assert asyncio.all_tasks() == before
