"""Every kind of bucket through the engine: who is asked what, in which region, and what is told of what is missing."""

from __future__ import annotations

import anyio
import pytest

from s3audit_async.engine.kinds import LISTINGS, MOST_REGIONS
from s3audit_async.errors import CallError, ListingError, UsageError
from s3audit_async.model import Bucket, Kind, Operation, Row, Unlisted, skip_key
from s3audit_async.options import Options, Share
from s3audit_async.ports import Observer
from tests import virtual_time
from tests.fakes import HOME, FakeGateway, arn, audited, error, kms, several, stream

ALL = frozenset(Kind)
WEST = "eu-west-1"


def of_kind(kind: Kind, name: str, region: str = HOME) -> Bucket:
    where = f"arn:aws:s3{kind}s:{region}:111122223333:bucket/{name}" if kind is Kind.TABLE else None
    return Bucket(name, region, kind=kind, arn=where)


def others(count: int = 1) -> list[Bucket]:
    """Buckets of all other kinds, in two regions."""
    return [
        of_kind(kind, f"{kind}-{number:03d}", region)
        for kind in (Kind.DIRECTORY, Kind.TABLE, Kind.VECTOR)
        for region in (HOME, WEST)
        for number in range(count)
    ]


class Missing(Observer):
    """Keeps what was not listed, and counts what was routed."""

    def __init__(self) -> None:
        self.told: list[Unlisted] = []
        self.routes: list[str] = []
        self.ended = 0

    def unlisted(self, unlisted: Unlisted) -> None:
        self.told.append(unlisted)

    def routed(self, region: str) -> None:
        self.routes.append(region)

    def listing_ended(self) -> None:
        self.ended += 1


def keys_of(rows: list[Row]) -> list[str]:
    return sorted(f"{row.kind}/{row.region}/{row.bucket}" for row in rows)


def run(gateway: FakeGateway, observer: Observer | None = None, **options: object) -> list[Row]:
    chosen = Options(**{"kinds": ALL, "identify": False, **options})  # type: ignore[arg-type]
    return virtual_time.run(lambda: audited(gateway, chosen, observer))


def test_general_purpose_buckets_alone_ask_for_nothing_else() -> None:
    gateway = FakeGateway(several(5), other_kinds=others())
    run(gateway, kinds={Kind.GENERAL})
    assert gateway.calls == {Operation.LIST_BUCKETS: 1, Operation.GET_BUCKET_ENCRYPTION: 5}


def test_each_bucket_of_each_kind_is_read_once_by_its_own_operation_in_its_region() -> None:
    seen = Missing()
    gateway = FakeGateway(several(3), other_kinds=others(5), page_of_kind=2)
    rows = run(gateway, seen)

    assert len(rows) == len(set(keys_of(rows))) == 3 + 30
    assert gateway.calls == {
        Operation.LIST_BUCKETS: 1,
        Operation.LIST_REGIONS: 2,
        Operation.LIST_DIRECTORY_BUCKETS: 6,
        Operation.LIST_TABLE_BUCKETS: 6,
        Operation.LIST_VECTOR_BUCKETS: 6,
        Operation.GET_BUCKET_ENCRYPTION: 3,
        Operation.GET_DIRECTORY_BUCKET_ENCRYPTION: 10,
        Operation.GET_TABLE_BUCKET_ENCRYPTION: 10,
        Operation.GET_VECTOR_BUCKET: 10,
    }
    asked = {
        (target, region) for operation, target, region in gateway.asked_in if operation is Operation.GET_VECTOR_BUCKET
    }
    assert asked == {(f"vector-{number:03d}", region) for number in range(5) for region in (HOME, WEST)}
    assert (len(seen.routes), seen.ended, seen.told) == (33, 1, [])


def test_a_key_that_buckets_of_all_kinds_share_is_asked_about_once() -> None:
    buckets = several(1)
    there = others()
    rules = {(bucket.arn or bucket.name): kms(arn(1)) for bucket in (*buckets, *there)}
    gateway = FakeGateway(buckets, rules, other_kinds=there)
    rows = run(gateway)
    assert {(row.mode, row.key_type) for row in rows} == {(arn(1), "CUSTOMER")}
    assert gateway.calls[Operation.DESCRIBE_KEY] == 1


def test_chosen_regions_are_not_asked_for_and_others_not_listed() -> None:
    gateway = FakeGateway(other_kinds=others())
    rows = run(gateway, kinds={Kind.TABLE}, include_regions={WEST})
    assert keys_of(rows) == [f"table/{WEST}/table-000"]
    assert gateway.calls == {Operation.LIST_TABLE_BUCKETS: 1, Operation.GET_TABLE_BUCKET_ENCRYPTION: 1}


def test_a_region_left_out_is_not_listed() -> None:
    gateway = FakeGateway(other_kinds=others())
    assert keys_of(run(gateway, kinds={Kind.TABLE}, exclude_regions={HOME})) == [f"table/{WEST}/table-000"]
    assert gateway.calls[Operation.LIST_TABLE_BUCKETS] == 1


def test_what_has_its_row_already_is_not_asked_about_again() -> None:
    """A name alone does not tell table and vector buckets of two regions apart."""
    skip = {skip_key(Kind.TABLE, WEST, "table-000"), skip_key(Kind.DIRECTORY, HOME, "directory-000"), "vector-000"}
    rows = run(FakeGateway(other_kinds=others()), skip=skip)
    assert keys_of(rows) == [f"table/{HOME}/table-000", f"vector/{WEST}/vector-000", f"vector/{HOME}/vector-000"]


def test_a_share_is_one_of_general_purpose_buckets_only() -> None:
    """Whoever has none of those has all the others."""
    gateway = FakeGateway(several(2), other_kinds=others())
    rows = run(gateway, kinds={Kind.GENERAL, Kind.VECTOR}, share=Share(()))
    assert keys_of(rows) == [f"vector/{WEST}/vector-000", f"vector/{HOME}/vector-000"]
    assert gateway.calls[Operation.LIST_BUCKETS] == 0


@pytest.mark.parametrize("code", ["AccessDenied", "InternalError", "ReadTimeout", "EndpointUnreachable"])
def test_a_listing_that_fails_for_good_is_told_and_costs_nothing_else(code: str) -> None:
    async def fault(operation: Operation, target: str, region: str, _nth: int) -> None:
        if operation is Operation.LIST_TABLE_BUCKETS and region == WEST:
            raise error(operation, target, code, status=403 if code == "AccessDenied" else None)

    missing = Missing()
    rows = run(FakeGateway(several(2), other_kinds=others(), fault=fault), missing, max_attempts=3)
    assert [(each.kind, each.code) for each in missing.told] == [(Kind.TABLE, code)]
    assert len(rows) == 2 + 5


def test_a_listing_that_breaks_off_is_told_and_what_it_told_has_rows() -> None:
    async def fault(operation: Operation, target: str, region: str, _nth: int) -> None:
        if operation is Operation.LIST_TABLE_BUCKETS and target == "2" and region == HOME:
            raise error(operation, target, "NotImplemented", status=501)

    missing = Missing()
    gateway = FakeGateway(other_kinds=others(3), fault=fault, page_of_kind=2)
    rows = run(gateway, missing, kinds={Kind.TABLE})
    assert [(each.kind, each.region, each.code) for each in missing.told] == [(Kind.TABLE, HOME, "NotImplemented")]
    assert len(rows) == 5


def test_a_resolver_that_knows_no_host_where_each_kind_is_offered_is_not_believed() -> None:
    """Not of other regions either: buckets may be there."""

    async def fault(operation: Operation, target: str, region: str, _nth: int) -> None:
        if operation is Operation.LIST_VECTOR_BUCKETS:
            raise CallError(operation, target, region, code="NoSuchHost")

    missing = Missing()
    rows = run(FakeGateway(several(2), other_kinds=others(), fault=fault), missing)
    assert {(each.kind, each.region, each.code) for each in missing.told} == {
        (Kind.VECTOR, region, "NoSuchHost") for region in (HOME, WEST)
    }
    assert len(rows) == 6


@pytest.mark.parametrize("code", ["NoSuchHost", "NotImplemented"])
def test_a_region_without_a_host_for_a_kind_has_no_buckets_of_it(code: str) -> None:
    async def fault(operation: Operation, target: str, region: str, _nth: int) -> None:
        if operation is Operation.LIST_VECTOR_BUCKETS and region == WEST:
            raise CallError(operation, target, region, code=code)

    missing = Missing()
    rows = run(FakeGateway(several(2), other_kinds=others(), fault=fault), missing)
    assert (len(rows), missing.told) == (7, [])


@pytest.mark.parametrize(
    ("code", "status"), [("MethodNotAllowed", 405), ("NotImplemented", 501), ("InvalidAction", 400)]
)
def test_a_kind_that_is_offered_nowhere_is_an_error_only_if_it_is_all_there_is(code: str, status: int | None) -> None:
    async def fault(operation: Operation, target: str, _region: str, _nth: int) -> None:
        if operation is Operation.LIST_VECTOR_BUCKETS:
            raise error(operation, target, code, status=status)

    missing = Missing()
    rows = run(FakeGateway(several(2), other_kinds=others(), fault=fault), missing)
    assert (len(rows), missing.told) == (6, [])
    with pytest.raises(ListingError, match=f"none of the regions asked has vector buckets .{code}"):
        run(FakeGateway(several(2), other_kinds=others(), fault=fault), kinds={Kind.VECTOR})


def test_no_network_ends_the_run_before_regions_are_tried_one_by_one() -> None:
    async def fault(operation: Operation, target: str, _region: str, _nth: int) -> None:
        raise error(operation, target, "EndpointUnreachable")

    gateway = FakeGateway(several(2), other_kinds=others(), fault=fault)
    with pytest.raises(ListingError, match="no connection to S3"):
        run(gateway)
    assert gateway.calls == {Operation.LIST_BUCKETS: 2}
    for kind in (Kind.DIRECTORY, Kind.TABLE, Kind.VECTOR):
        with pytest.raises(ListingError, match=f"the {kind} buckets can be listed in no region"):
            run(FakeGateway(fault=fault), kinds={kind})


def test_a_denied_listing_of_general_purpose_buckets_ends_the_run_after_the_others() -> None:
    async def fault(operation: Operation, target: str, _region: str, _nth: int) -> None:
        if operation is Operation.LIST_BUCKETS:
            raise error(operation, target, "AccessDenied", status=403)

    found: list[Row] = []

    async def main() -> None:
        gateway = FakeGateway(several(2), other_kinds=others(), fault=fault)
        async with stream(gateway, Options(kinds=ALL, identify=False)) as rows:
            async for row in rows:
                found.append(row)  # noqa: PERF401 - an error comes after them

    with pytest.raises(ListingError, match="may not list"):
        virtual_time.run(main)
    assert len(found) == 6


def test_more_regions_than_there_can_be_are_taken_for_no_answer() -> None:
    regions = tuple(f"xx-test-{number}" for number in range(MOST_REGIONS + 1))
    gateway = FakeGateway(other_kinds=others(), enabled_regions=regions)
    assert len(run(gateway, kinds={Kind.VECTOR})) == 2
    assert gateway.calls[Operation.LIST_VECTOR_BUCKETS] == 3


def test_no_region_to_list_in_is_an_error() -> None:
    with pytest.raises(ListingError, match="no region to list vector buckets in"):
        run(FakeGateway(other_kinds=others()), kinds={Kind.VECTOR}, exclude_regions={HOME, WEST})


def test_listings_under_way_are_bounded() -> None:
    regions = tuple(f"xx-test-{number}" for number in range(40))
    gateway = FakeGateway(enabled_regions=regions)
    run(gateway)
    assert gateway.calls[Operation.LIST_VECTOR_BUCKETS] == 40
    assert gateway.peak == LISTINGS


def test_a_run_that_is_left_while_it_lists_regions_is_over() -> None:
    async def fault(operation: Operation, _target: str, _region: str, _nth: int) -> None:
        if operation is Operation.LIST_TABLE_BUCKETS:
            await anyio.sleep_forever()

    gateway = FakeGateway(several(1), other_kinds=others(), fault=fault)

    async def main() -> None:
        async with stream(gateway, Options(kinds=ALL, identify=False)) as rows:
            async for row in rows:
                assert row.kind is Kind.GENERAL
                break

    virtual_time.run(main)
    assert (gateway.closed, gateway.in_flight) == (True, 0)


def test_named_buckets_of_kinds_without_names_of_their_own_are_refused() -> None:
    for kinds in ({Kind.TABLE}, ALL):
        with pytest.raises(UsageError, match="cannot be named one by one"):
            Options(buckets=("one",), kinds=frozenset(kinds))


def test_kinds_may_be_named_by_their_values_and_what_is_none_is_refused() -> None:
    chosen = Options(kinds=frozenset({"table", "vector"}))  # type: ignore[arg-type]
    assert {type(kind) for kind in chosen.kinds} == {Kind}
    with pytest.raises(UsageError, match="not a kind of bucket: tables"):
        Options(kinds=frozenset({"tables", Kind.VECTOR}))  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="no kind"):
        Options(kinds=frozenset())


def test_a_named_directory_bucket_is_read_as_one_whatever_kinds_were_chosen() -> None:
    gateway = FakeGateway()
    names = ("one--use1-az4--x-s3", "two--euw1-az1--x-s3", "three--nowhere--x-s3")
    rows = run(gateway, kinds={Kind.GENERAL}, buckets=names)
    assert sorted((row.bucket, row.region, row.kind.value) for row in rows) == [
        ("one--use1-az4--x-s3", "us-east-1", "directory"),
        ("three--nowhere--x-s3", None, "directory"),
        ("two--euw1-az1--x-s3", "eu-west-1", "directory"),
    ]
    assert gateway.calls == {Operation.GET_DIRECTORY_BUCKET_ENCRYPTION: 3}
