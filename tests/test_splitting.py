"""Cutting an account into shares: each bucket in one of them, about equal, and listed by nobody else."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3audit_async.engine.listing import LARGEST_PAGE
from s3audit_async.errors import ListingError
from s3audit_async.fleet.splitting import MOST_SAMPLED, SMALLEST, Census, chunks_of, shares_of, take_census
from s3audit_async.model import Bucket, Operation
from s3audit_async.options import Options, Share
from s3audit_async.ports import Observer
from tests import virtual_time
from tests.fakes import FakeGateway, audited, error, names, several

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from s3audit_async.model import BucketPage

LISTING = Operation.LIST_BUCKETS
REGIONS = ["us-east-1", "eu-west-1", "eu-central-1", "ap-south-1", "sa-east-1", "us-west-2"]


def holds(share: Share, bucket: Bucket) -> bool:
    """What a share is, in its own words."""
    return (
        bucket.region in share.regions
        and bucket.name > share.after
        and (share.upto is None or bucket.name <= share.upto)
    )


def census_of(buckets: Sequence[Bucket]) -> Census:
    census = Census()
    census.add(buckets)
    return census


def taken(gateway: FakeGateway, options: Options | None = None) -> Census:
    @asynccontextmanager
    async def opening() -> AsyncIterator[FakeGateway]:
        yield gateway

    return virtual_time.run(lambda: take_census(opening, options or Options(), Observer()))


@given(
    st.lists(st.tuples(st.text(min_size=1, max_size=4), st.sampled_from(REGIONS)), min_size=1, max_size=60),
    st.integers(2, 9),
)
def test_every_bucket_is_in_one_share_exactly(drawn: list[tuple[str, str]], workers: int) -> None:
    """Whatever the names, in whatever order they are told, and those too that come up after the account was cut."""
    buckets = [Bucket(name, region) for name, region in drawn]
    census = Census(most_sampled=8)
    census.add(buckets)
    shares = shares_of(census, workers, smallest=1)

    late = [Bucket(name + "\N{SNOWMAN}", region) for name, region in drawn]
    for bucket in [*buckets, *late]:
        assert sum(holds(share, bucket) for share in shares) == 1


@pytest.mark.parametrize("workers", [2, 3, 4, 8])
@pytest.mark.parametrize("parts", [(1,), (1, 1, 1, 1), (8, 1, 1), (4, 3, 3), (50, 20, 10, 5, 5, 5, 3, 2)], ids=str)
def test_no_worker_waits_for_long(workers: int, parts: tuple[int, ...]) -> None:
    """If each takes the next share when it is done, all end at about the same time."""
    each = 20_000 // sum(parts)
    regions = [f"xx-region-{number}" for number in range(len(parts))]
    buckets = [
        Bucket(f"b-{number:06d}", region)
        for region, part in zip(regions, parts, strict=True)
        for number in range(part * each)
    ]
    shares = shares_of(census_of(buckets), workers)

    sizes = [sum(holds(share, bucket) for bucket in buckets) for share in shares]
    busy = [0] * workers
    for size in sizes:
        busy[busy.index(min(busy))] += size
    assert max(sizes) - sizes[0] <= 0.01 * len(buckets)
    assert max(busy) <= 1.25 * len(buckets) / workers
    assert len(shares) <= len(parts) + workers - 1


def test_a_region_is_cut_no_finer_than_there_are_workers() -> None:
    """Each part lists all of it."""
    shares = shares_of(census_of(several(40_000)), 2)

    assert [(share.regions, share.after, share.upto) for share in shares] == [
        (("us-east-1",), "", "bucket-20000"),
        (("us-east-1",), "bucket-20000", None),
    ]


def test_a_census_keeps_no_more_names_than_it_says() -> None:
    """And still cuts in about equal parts."""
    census = census_of(several(10 * MOST_SAMPLED + 7))

    assert len(census._names["us-east-1"]) <= MOST_SAMPLED
    cut = int(census.cuts("us-east-1", [0.5])[0].removeprefix("bucket-"))
    assert cut == pytest.approx(5 * MOST_SAMPLED, rel=0.01)


@pytest.mark.parametrize(
    ("buckets", "workers"),
    [(several(SMALLEST - 1), 4), ([*several(SMALLEST), Bucket("silent")], 4), (several(SMALLEST), 1)],
    ids=["small", "a region is not told", "one worker"],
)
def test_what_is_not_worth_it_or_cannot_be_listed_by_region_is_not_split(buckets: list[Bucket], workers: int) -> None:
    assert shares_of(census_of(buckets), workers) == ()


def test_a_store_without_tokens_is_not_split() -> None:
    """It cuts its listing off at a page that is smaller than what is split; the check beyond it tells the rest."""
    gateway = FakeGateway(several(SMALLEST - 1), cuts=True)
    assert shares_of(taken(gateway, Options(page_size=LARGEST_PAGE)), 2) == ()


def test_a_census_takes_few_pages() -> None:
    """They grow, as nothing else goes on."""
    gateway = FakeGateway(several(40_000))

    assert taken(gateway).total == 40_000
    assert gateway.calls[LISTING] <= 13


def test_a_census_counts_what_is_to_be_audited_only() -> None:
    buckets = [*several(30, "eu-west-1", "a"), *several(30, "us-west-2", "ab"), *several(30, "eu-west-1", "b")]
    options = Options(prefix="a", exclude_regions=frozenset({"us-west-2"}))

    assert taken(FakeGateway(buckets), options).counts == {"eu-west-1": 30}


def test_names_that_were_given_are_cut_as_they_come() -> None:
    """Each once; a few of them not at all."""
    given_names = [f"bucket-{number}" for number in range(SMALLEST)]
    chunks = chunks_of([*given_names, *given_names], 2)

    assert len(chunks) == 8
    assert [name for chunk in chunks for name in chunk] == given_names
    assert chunks_of(given_names[1:], 2) == (tuple(given_names[1:]),)


ACCOUNT = [*several(300, "us-east-1", "here"), *several(50, "eu-west-1", "near"), *several(200, "sa-east-1", "far")]


def rows_of(gateway: FakeGateway, share: Share, **options: object) -> list[str]:
    chosen = Options(share=share, page_size=40, identify=False, **options)  # type: ignore[arg-type]
    return names(virtual_time.run(lambda: audited(gateway, chosen)))


def test_a_share_is_listed_region_by_region_and_at_each_ones_endpoint() -> None:
    gateway = FakeGateway(ACCOUNT)

    found = rows_of(gateway, Share(("sa-east-1", "eu-west-1")))

    assert found == sorted(bucket.name for bucket in ACCOUNT if bucket.region != "us-east-1")
    assert {region for operation, _, region in gateway.asked_in if operation is LISTING} == {"sa-east-1", "eu-west-1"}


def test_of_a_region_that_was_cut_only_the_names_between_are_audited() -> None:
    """The first bound is the other share's."""
    found = rows_of(FakeGateway(ACCOUNT), Share(("sa-east-1",), "far-00010", "far-00013"))

    assert found == ["far-00011", "far-00012", "far-00013"]


def test_only_what_begins_as_both_bounds_do_is_listed() -> None:
    """All names between them do."""
    gateway = FakeGateway(ACCOUNT)
    rows_of(gateway, Share(("us-east-1",), "here-00009", "here-00017"))
    assert gateway.calls[LISTING] == 3  # here-000*: 100 of 300, 40 at a time

    assert rows_of(FakeGateway(ACCOUNT), Share(("us-east-1",), "here-00009", "here-00017"), prefix="here-00012") == [
        "here-00012"
    ]
    assert rows_of(FakeGateway(ACCOUNT), Share(("us-east-1",), "here-0", "there-"), prefix="here-0000") == [
        f"here-0000{number}" for number in range(10)
    ]


class Deaf(FakeGateway):
    """A store that does not mind BucketRegion."""

    async def list_buckets(
        self, *, page_size: int, token: str | None, prefix: str | None, region: str | None = None
    ) -> BucketPage:
        return await super().list_buckets(page_size=page_size, token=token, prefix=prefix)


def test_a_store_that_does_not_mind_the_region_gives_no_bucket_to_two_shares() -> None:
    """What is told to be elsewhere is left out."""
    parts = [Share(("us-east-1",)), Share(("eu-west-1", "sa-east-1"))]
    found = [name for share in parts for name in rows_of(Deaf(ACCOUNT), share)]

    assert sorted(found) == sorted(bucket.name for bucket in ACCOUNT)


@pytest.mark.parametrize("code", ["AccessDenied", "InvalidToken", "InternalError"])
def test_a_region_that_refuses_to_list_has_rows_all_the_same(code: str) -> None:
    """As where an organization denies all of a region: its buckets are in the listing at home."""

    async def fault(operation: Operation, target: str, region: str, _nth: int) -> None:
        if operation is LISTING and region == "sa-east-1":
            raise error(operation, target, code)

    gateway = FakeGateway(ACCOUNT, fault=fault)
    assert len(rows_of(gateway, Share(("sa-east-1", "eu-west-1")), max_attempts=2)) == 250


def test_a_region_that_breaks_off_is_not_begun_anew() -> None:
    """Its rows have gone out; the run says that it is not complete."""

    async def fault(operation: Operation, target: str, _region: str, _nth: int) -> None:
        if operation is LISTING and target == "80":
            raise error(operation, target, "InternalError", status=500)

    with pytest.raises(ListingError, match="InternalError"):
        rows_of(FakeGateway(ACCOUNT, fault=fault), Share(("sa-east-1",)), max_attempts=1)
