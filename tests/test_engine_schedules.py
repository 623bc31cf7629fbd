"""Whole runs under faults at random: whatever happens when, each listed bucket has one row, nothing stays behind."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import anyio
from hypothesis import given, settings
from hypothesis import strategies as st

from s3audit_async.errors import CallError, CredentialsError, InterruptedRunError, TransportCode
from s3audit_async.model import BreakerChange, Bucket, Operation, Service
from s3audit_async.options import Options
from s3audit_async.ports import Observer
from tests import virtual_time
from tests.fakes import HOME, FakeGateway, arn, kms, names, stream

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from s3audit_async.model import Call, Row, Rule

    Account = tuple[list[Bucket], dict[str, tuple[Rule, ...]]]

REGIONS = (HOME, "eu-west-1", "sa-east-1")
FAULTY = (
    Operation.GET_BUCKET_LOCATION,
    Operation.HEAD_BUCKET,
    Operation.GET_BUCKET_ENCRYPTION,
    Operation.DESCRIBE_KEY,
    Operation.GET_CALLER_IDENTITY,
)
"""A listing that fails ends the run; that has tests of its own."""
CONNECTING = 5.0
PATIENCE = 100_000.0
"""Virtual seconds within which every run here ends."""


def answer(code: str, status: int | None = None, **fields: object) -> Callable[[Operation, str, str], Awaitable[None]]:
    """A fault that is one failed request."""

    async def fault(operation: Operation, target: str, region: str) -> None:
        raise CallError(operation, target, region, code=code, status=status, **fields)  # type: ignore[arg-type]

    return fault


async def hang(_operation: Operation, _target: str, _region: str) -> None:
    await anyio.sleep_forever()


async def cannot_connect(operation: Operation, target: str, region: str) -> None:
    await anyio.sleep(CONNECTING)
    raise CallError(operation, target, region, code=TransportCode.UNREACHABLE)


async def defect(_operation: Operation, _target: str, _region: str) -> None:
    raise ZeroDivisionError("a defect of ours")


KINDS = {
    "throttled": answer("SlowDown", 503),
    "throttled and told when": answer("ThrottlingException", 400, retry_after=7.0),
    "told when, far too late": answer("SlowDown", 503, retry_after=86_400.0),
    "internal": answer("InternalError", 500),
    "reset": answer(TransportCode.CLOSED),
    "hangs": hang,
    "cannot connect": cannot_connect,
    "refused": answer(TransportCode.UNREACHABLE),
    "TLS": answer(TransportCode.TLS),
    "garbage": answer(TransportCode.INVALID_RESPONSE, 200),
    "denied": answer("AccessDenied", 403),
    "gone": answer("NoSuchBucket", 404),
    "moved": answer("PermanentRedirect", 301, bucket_region="eu-west-1"),
    "moved who knows where": answer("AuthorizationHeaderMalformed", 400),
    "region is off": answer("InvalidClientTokenId", 403),
    "defect": defect,
}


@dataclass(frozen=True)
class Spell:
    """A fault of some requests, for a while. `share` is that of the requests that it hits."""

    kind: str
    operations: frozenset[Operation]
    regions: frozenset[str]
    begins: float
    ends: float
    share: float


SPELLS = st.lists(
    st.builds(
        lambda kind, operations, regions, begins, lasts, share: Spell(
            kind, operations, regions, begins, begins + lasts, share
        ),
        st.sampled_from(sorted(KINDS)),
        st.frozensets(st.sampled_from(FAULTY), min_size=1),
        st.frozensets(st.sampled_from(REGIONS), min_size=1),
        st.floats(0, 3),
        st.sampled_from([0.05, 1.0, 30.0, 1e9]),
        st.sampled_from([0.1, 0.5, 1.0]),
    ),
    max_size=6,
)


@st.composite
def accounts(draw: st.DrawFn) -> Account:
    """Up to 120 buckets in three regions, some not located, a third with one of five keys."""
    count = draw(st.integers(0, 120))
    dice = random.Random(draw(st.integers(0, 2**16)))
    buckets = [Bucket(f"b-{number:03d}", dice.choice([*REGIONS, None])) for number in range(count)]
    rules = {b.name: kms(arn(dice.randrange(5), dice.choice(REGIONS))) for b in buckets if dice.random() < 1 / 3}
    return buckets, rules


class Watcher(Observer):
    """Holds the run to what it promises about requests in flight, and to open and shut breakers in turn."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._open: dict[tuple[Service, str], bool] = {}
        self.audited_rows: Counter[str] = Counter()

    def called(self, call: Call) -> None:
        assert 1 <= call.in_flight <= self._most
        assert 1 <= call.limit <= self._most
        assert call.rate is None or call.rate >= 2.0

    def breaker_changed(self, change: BreakerChange) -> None:
        assert self._open.get((change.service, change.region), False) is not change.open
        self._open[change.service, change.region] = change.open

    def audited(self, row: Row, lane: str) -> None:
        self.audited_rows[row.bucket] += 1


def gateway_of(account: Account, spells: list[Spell]) -> FakeGateway:
    """The account, under these faults; the first that is on and hits decides."""
    dice = random.Random(1)

    async def fault(operation: Operation, target: str, region: str, _nth: int) -> None:
        now = anyio.current_time()
        for spell in spells:
            on = operation in spell.operations and region in spell.regions and spell.begins <= now < spell.ends
            if on and dice.random() < spell.share:
                await KINDS[spell.kind](operation, target, region)

    buckets, rules = account
    return FakeGateway(buckets, rules=rules, fault=fault, latency=lambda _op, _region: dice.uniform(0.01, 0.1))


@given(account=accounts(), spells=SPELLS, most=st.integers(1, 40), page=st.integers(1, 50), seed=st.integers(0, 9))
@settings(deadline=None, max_examples=150)
def test_each_listed_bucket_has_exactly_one_row_whatever_fails_when(
    account: Account, spells: list[Spell], most: int, page: int, seed: int
) -> None:
    random.seed(seed)
    gateway = gateway_of(account, spells)
    watcher = Watcher(most)
    rows: list[Row] = []

    async def main() -> None:
        with anyio.fail_after(PATIENCE):
            async with stream(gateway, Options(max_concurrency=most, page_size=page), watcher) as found:
                async for row in found:
                    rows.append(row)  # noqa: PERF401 - those that came before an error count, too

    refused = False
    try:
        virtual_time.run(main)
    except CredentialsError:
        refused = True
    assert names(rows) == names(gateway.buckets) or refused
    assert not refused or any(spell.kind == "region is off" for spell in spells)
    assert len({row.bucket for row in rows}) == len(rows)
    assert all(row.error is not None for row in rows if row.key_type == "Unknown")
    assert watcher.audited_rows == Counter(row.bucket for row in rows)
    assert gateway.peak <= most
    assert (gateway.in_flight, gateway.closed) == (0, True)


@given(
    account=accounts(),
    spells=SPELLS,
    most=st.integers(1, 40),
    moment=st.floats(0, 20),
    how=st.sampled_from(["stop", "cancel", "leave", "raise"]),
)
@settings(deadline=None, max_examples=150)
def test_whenever_a_run_is_ended_no_bucket_has_two_rows_and_nothing_stays_behind(
    account: Account,
    spells: list[Spell],
    most: int,
    moment: float,
    how: str,
) -> None:
    random.seed(1)
    gateway = gateway_of(account, spells)
    watcher = Watcher(most)
    rows: list[Row] = []
    ended_at = 0.0

    async def main() -> None:
        nonlocal ended_at
        try:
            with anyio.fail_after(PATIENCE):
                opened = stream(gateway, Options(max_concurrency=most, page_size=10), watcher)
                async with opened as found, anyio.create_task_group() as tasks:

                    async def read() -> None:
                        async for row in found:
                            rows.append(row)  # noqa: PERF401 - as above
                        tasks.cancel_scope.cancel()

                    async def end() -> None:
                        await anyio.sleep(moment)
                        if how == "stop":
                            found.stop()
                        elif how == "raise":
                            raise LookupError
                        else:
                            tasks.cancel_scope.cancel()

                    tasks.start_soon(read)
                    tasks.start_soon(end)
        finally:
            ended_at = anyio.current_time()

    try:
        virtual_time.run(main)
    except* (InterruptedRunError, LookupError, CredentialsError):
        pass
    assert ended_at <= moment + 0.001
    assert set(names(rows)) <= set(names(gateway.buckets))
    assert len({row.bucket for row in rows}) == len(rows)
    assert gateway.peak <= most
    assert (gateway.in_flight, gateway.closed) == (0, True)
