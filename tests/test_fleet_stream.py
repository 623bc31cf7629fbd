"""Many accounts in one stream: side by side, under one bound, and none that costs the others their rows."""

from __future__ import annotations

import gc
from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from weakref import ref

import anyio
import pytest

from s3audit_async.errors import CallError, CredentialsError, InterruptedRunError, ListingError
from s3audit_async.fleet.entering import Entered
from s3audit_async.fleet.stream import SIDE_BY_SIDE, FleetStream
from s3audit_async.fleet.units import Account, AccountRecord, Status, Unit
from s3audit_async.limiter import Slots
from s3audit_async.model import Bucket, Kind, Operation
from s3audit_async.options import GENERAL_ONLY, Options
from s3audit_async.ports import Observer
from s3audit_async.stats import RunStats
from tests.fakes import FakeGateway, arn, kms, several
from tests.virtual_time import run

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from s3audit_async.model import Row, Unlisted


def account_id(number: int) -> str:
    return f"{100000000000 + number}"


def denied(account: Account) -> CallError:
    return CallError(Operation.ASSUME_ROLE, account.id or "", "us-east-1", code="AccessDenied", message="no entry")


@dataclass
class FakeEntrance:
    """Accounts in memory, by their ids; those in `closed` cannot be entered."""

    gateways: dict[str, FakeGateway]
    closed: set[str] = field(default_factory=set)
    bytes_received: int = 0
    inside: int = 0
    most_inside: int = 0

    @asynccontextmanager
    async def enter(self, account: Account) -> AsyncIterator[Entered]:
        await anyio.sleep(0.05)
        if account.id in self.closed:
            raise denied(account)
        self.inside += 1
        self.most_inside = max(self.most_inside, self.inside)
        try:
            yield Entered(account, self.gateways[account.id or ""])
        finally:
            self.inside -= 1


def world(accounts: int, buckets: int) -> FakeEntrance:
    return FakeEntrance(
        {account_id(number): FakeGateway(several(buckets, prefix=f"of-{number:04d}")) for number in range(accounts)}
    )


def units(entrance: FakeEntrance) -> list[Unit]:
    return [Unit(Account(number)) for number in entrance.gateways]


@dataclass
class Outcome:
    rows: list[Row] = field(default_factory=list)
    records: list[AccountRecord] = field(default_factory=list)
    slots: Slots = field(default_factory=lambda: Slots(64))
    error: BaseException | None = None


async def audit(
    entrance: FakeEntrance, *, slots: int = 64, kinds: frozenset[Kind] = GENERAL_ONLY, **settings: object
) -> Outcome:
    found = Outcome(slots=Slots(slots))

    def concluded(record: AccountRecord) -> None:
        found.records.append(record)
        there = sum(row.account == record.account.id for row in found.rows)
        assert there == record.rows, "the rows come before what is said of them"

    stream = FleetStream(
        units(entrance),
        entrance,
        Options(max_concurrency=slots, kinds=kinds),
        Observer(),
        found.slots,
        concluded=concluded,
        **settings,  # type: ignore[arg-type]
    )
    async with stream as rows:
        try:
            async for row in rows:
                found.rows.append(row)
        except Exception as error:  # noqa: BLE001 - what it is is for the test to say
            found.error = error
    return found


def test_every_bucket_of_every_account_has_one_row_with_its_account() -> None:
    """Whatever account is done first."""
    entrance = world(40, 7)
    found = run(lambda: audit(entrance))
    assert Counter((row.account, row.bucket) for row in found.rows) == Counter(
        (number, bucket.name) for number, gateway in entrance.gateways.items() for bucket in gateway.buckets
    )
    assert {record.account.id for record in found.records} == set(entrance.gateways)
    assert all(record.status is Status.COMPLETE and record.rows == 7 for record in found.records)
    assert found.error is None


def test_the_account_is_not_asked_for_where_it_is_known() -> None:
    """It was entered by its id."""
    entrance = world(3, 2)
    run(lambda: audit(entrance))
    assert not any(gateway.calls[Operation.GET_CALLER_IDENTITY] for gateway in entrance.gateways.values())


@pytest.mark.parametrize("slots", [1, 5, 64])
def test_the_bound_holds_for_all_accounts_together(slots: int) -> None:
    """One overall bound, not one for each account."""
    entrance = world(30, 20)
    found = run(lambda: audit(entrance, slots=slots))
    assert found.slots.peak <= slots
    assert sum(gateway.peak for gateway in entrance.gateways.values()) >= slots
    assert len(found.rows) == 600


def test_no_more_accounts_are_open_than_may_be_side_by_side() -> None:
    """1,000 of them take no more memory than so many."""
    entrance = world(100, 1)
    run(lambda: audit(entrance))
    assert entrance.most_inside == SIDE_BY_SIDE


def test_accounts_that_cannot_be_entered_are_told_and_the_others_go_on() -> None:
    entrance = world(5, 3)
    entrance.closed = {account_id(2)}
    found = run(lambda: audit(entrance))
    told = {record.account.id: record for record in found.records}
    assert told[account_id(2)].status is Status.NOT_ENTERED
    assert (told[account_id(2)].code, told[account_id(2)].message) == ("AccessDenied", "no entry")
    assert len(found.rows) == 12
    assert found.error is None


def test_a_run_that_enters_no_account_at_all_fails() -> None:
    """An empty report with exit code 3 would look as if there were something in it."""
    entrance = world(3, 3)
    entrance.closed = set(entrance.gateways)
    found = run(lambda: audit(entrance))
    assert isinstance(found.error, CredentialsError)
    assert "none of 3 accounts could be entered" in str(found.error)
    assert len(found.records) == 3


def test_an_account_whose_listing_is_denied_is_incomplete_and_the_others_go_on() -> None:
    entrance = world(3, 3)
    gateway = entrance.gateways[account_id(1)]

    async def fault(operation: Operation, target: str, region: str, _times: int) -> None:
        if operation is Operation.LIST_BUCKETS:
            raise CallError(operation, target, region, code="AccessDenied", status=403)

    gateway.fault = fault
    found = run(lambda: audit(entrance))
    told = {record.account.id: record for record in found.records}
    assert (told[account_id(1)].status, told[account_id(1)].code) == (Status.INCOMPLETE, "AccessDenied")
    assert len(found.rows) == 6
    assert found.error is None


def test_an_account_one_of_whose_kinds_is_not_listed_somewhere_is_incomplete() -> None:
    """A run that goes on has to list it again, which it does not in an account that is complete."""
    entrance = world(2, 3)
    gateway = entrance.gateways[account_id(1)]

    async def fault(operation: Operation, target: str, region: str, _times: int) -> None:
        if operation is Operation.LIST_TABLE_BUCKETS and region == "eu-west-1":
            raise CallError(operation, target, region, code="AccessDenied", status=403)

    gateway.fault = fault
    found = run(lambda: audit(entrance, kinds=frozenset({Kind.GENERAL, Kind.TABLE})))
    told = {record.account.id: record for record in found.records}
    assert told[account_id(0)].status is Status.COMPLETE
    assert told[account_id(1)] == AccountRecord(
        account=Account(account_id(1)),
        status=Status.INCOMPLETE,
        rows=3,
        code="AccessDenied",
        message="its table buckets in eu-west-1 could not be listed",
        unlisted=True,
    )
    assert len(found.rows) == 6


def test_what_is_not_listed_is_told_with_its_account_and_counted_once_for_all() -> None:
    """Figures of a thousand accounts in which the same is denied are those of one."""

    class Told(RunStats):
        def __init__(self) -> None:
            super().__init__()
            self.accounts_told: list[str | None] = []

        def unlisted(self, unlisted: Unlisted) -> None:
            super().unlisted(unlisted)
            self.accounts_told.append(unlisted.account)

    async def fault(operation: Operation, target: str, region: str, _times: int) -> None:
        if operation is Operation.LIST_TABLE_BUCKETS:
            raise CallError(operation, target, region, code="AccessDenied", status=403)

    entrance = world(5, 1)
    for gateway in entrance.gateways.values():
        gateway.fault = fault
    told = Told()

    async def main() -> None:
        options = Options(kinds=frozenset({Kind.GENERAL, Kind.TABLE}), include_regions=frozenset({"us-east-1"}))
        async with FleetStream(units(entrance), entrance, options, told, Slots(8)) as rows:
            assert len([row async for row in rows]) == 5

    run(main)
    assert sorted(filter(None, told.accounts_told)) == sorted(entrance.gateways)
    assert [(each.kind, each.region, each.code) for each in told.not_listed] == [
        (Kind.TABLE, "us-east-1", "AccessDenied")
    ]


def test_refusals_are_not_kept() -> None:
    """Each holds on to all that was under way: what is told if there is nothing else is kept without it."""
    entrance = world(100, 1)
    entrance.closed = set(entrance.gateways) - {account_id(99)}
    errors: list[ref[CallError]] = []

    class Remembering(FakeEntrance):
        @asynccontextmanager
        async def enter(self, account: Account) -> AsyncIterator[Entered]:
            try:
                async with super().enter(account) as entered:
                    yield entered
            except CallError as error:
                errors.append(ref(error))
                raise

    async def main() -> None:
        stream = FleetStream(
            units(entrance), Remembering(entrance.gateways, entrance.closed), Options(), Observer(), Slots(8)
        )
        async with stream as rows:
            assert len([row async for row in rows]) == 1
            gc.collect()
            assert sum(error() is not None for error in errors) == 0

    run(main)
    assert len(errors) == 99


def test_rows_that_are_there_are_not_asked_for_again() -> None:
    entrance = world(2, 4)
    first, second = entrance.gateways
    names = {bucket.name for bucket in entrance.gateways[first].buckets[:3]}
    found = run(lambda: audit(entrance, done={first: names, second: set()}))
    assert Counter(row.account for row in found.rows) == {first: 1, second: 4}


def test_a_run_that_is_stopped_hands_out_what_is_ready_and_concludes_no_account_that_is_not() -> None:
    entrance = world(4, 50)

    async def stopped() -> Outcome:
        found = Outcome()
        stream = FleetStream(units(entrance), entrance, Options(), Observer(), Slots(4), concluded=found.records.append)
        async with stream as rows:
            try:
                async for row in rows:
                    found.rows.append(row)
                    if len(found.rows) == 20:
                        stream.stop()
            except InterruptedRunError as error:
                found.error = error
        return found

    found = run(stopped)
    assert isinstance(found.error, InterruptedRunError)
    assert 20 <= len(found.rows) < 200
    for record in found.records:
        assert sum(row.account == record.account.id for row in found.rows) == record.rows == 50


def test_leaving_early_closes_every_account() -> None:
    entrance = world(10, 50)

    async def leave() -> None:
        stream = FleetStream(units(entrance), entrance, Options(), Observer(), Slots(8))
        async with stream as rows:
            async for _ in rows:
                break

    run(leave)
    assert entrance.inside == 0


def test_keys_are_asked_for_once_in_each_account_that_can_see_them() -> None:
    entrance = world(3, 5)
    for gateway in entrance.gateways.values():
        gateway.rules = {bucket.name: kms(arn(1)) for bucket in gateway.buckets}
    run(lambda: audit(entrance))
    assert [gateway.calls[Operation.DESCRIBE_KEY] for gateway in entrance.gateways.values()] == [1, 1, 1]


def test_rows_of_a_run_that_was_not_entered_are_refused() -> None:
    """Instead of waiting for ever: nobody has begun to make them."""
    entrance = world(1, 1)

    async def ask_too_early() -> None:
        rows = FleetStream(units(entrance), entrance, Options(), Observer(), Slots(8))
        with pytest.raises(RuntimeError, match="has to be entered first"):
            await anext(rows)
        async with rows:
            assert (await anext(rows)).account == account_id(0)

    run(ask_too_early)


def dead_region(entrance: FakeEntrance) -> int:
    """Have every account own a bucket in a region that says nothing, and audit all; how often that was asked."""
    for number, gateway in enumerate(entrance.gateways.values()):
        gateway.buckets.append(Bucket(f"lost-{number:04d}", "eu-west-1"))
        gateway.latency = lambda _operation, region: 1e9 if region == "eu-west-1" else 0.01
    found = run(lambda: audit(entrance))
    lost = {row.mode for row in found.rows if row.bucket.startswith("lost-")}
    assert lost <= {"ReadTimeout", "EndpointUnreachable"}
    assert len(found.rows) == 3 * len(entrance.gateways)
    return sum(region == "eu-west-1" for gateway in entrance.gateways.values() for _, _, region in gateway.asked_in)


def test_a_region_that_gives_no_answer_is_learnt_of_once_and_not_by_each_account() -> None:
    """It is a matter of the network. 100 accounts would wait for it 100 times."""
    assert dead_region(world(100, 2)) < 2 * dead_region(world(20, 2)) < 200


@pytest.mark.parametrize("others", [0, 1])
def test_a_run_that_lists_no_account_fails_unless_something_else_came(others: int) -> None:
    """A report without a row would look as if there were no buckets."""
    entrance = world(3 + others, 2)

    async def fault(operation: Operation, target: str, region: str, _times: int) -> None:
        if operation is Operation.LIST_BUCKETS:
            raise CallError(operation, target, region, code="AccessDenied", status=403)

    for gateway in list(entrance.gateways.values())[:3]:
        gateway.fault = fault
    found = run(lambda: audit(entrance))
    if others:
        assert (found.error, len(found.rows)) == (None, 2)
    else:
        assert isinstance(found.error, ListingError)
        assert "the buckets of none of 3 accounts could be listed" in str(found.error)
