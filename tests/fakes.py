"""A Gateway that plays an account from memory, with the latency and the faults a test asks for."""

from __future__ import annotations

from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import anyio

from s3audit_async.engine import RowStream
from s3audit_async.errors import CallError
from s3audit_async.model import Bucket, BucketPage, Identity, Key, Kind, Operation, RegionPage, Rule
from s3audit_async.options import Options
from s3audit_async.ports import Observer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable

    from s3audit_async.model import Row

T = TypeVar("T")

HOME = "us-east-1"
SSE_S3 = (Rule("AES256", bucket_key=False),)


def kms(key: str | None, *, bucket_key: bool | None = True) -> tuple[Rule, ...]:
    """Rules of a bucket encrypted with a KMS key."""
    return (Rule("aws:kms", key, bucket_key),)


def arn(number: int, region: str = HOME) -> str:
    """The ARN of a key."""
    return f"arn:aws:kms:{region}:111122223333:key/{number:08d}-0000-0000-0000-000000000000"


def error(operation: Operation, target: str, code: str, **fields: object) -> CallError:
    """A failed call."""
    return CallError(operation, target, HOME, code=code, **fields)  # type: ignore[arg-type]


@dataclass
class FakeGateway:
    """An account in memory. `fault` is asked before each answer and may raise, wait, or let it pass."""

    buckets: list[Bucket] = field(default_factory=list)
    rules: dict[str, tuple[Rule, ...]] = field(default_factory=dict)
    """By bucket name; SSE-S3 where a name is missing."""
    keys: dict[str, Key] = field(default_factory=dict)
    """By reference; a customer key where one is missing."""
    locations: dict[str, str] = field(default_factory=dict)
    latency: Callable[[Operation, str], float] = lambda _operation, _region: 0.01
    fault: Callable[[Operation, str, str, int], Awaitable[None]] | None = None
    """Called with operation, target, region, and how often that was asked, from 1."""
    cuts: bool = False
    """Whether the listing is cut at the page size, without a token."""
    home_region: str = HOME
    bytes_received: int = 0
    credentials_generation: int = 1
    enabled_regions: tuple[str, ...] = (HOME, "eu-west-1")
    other_kinds: list[Bucket] = field(default_factory=list)
    """Buckets of the other kinds, each listed in its region."""
    page_of_kind: int = 1000
    """Buckets on a page of the other kinds' listings."""
    renewals: int = 0
    """How often credentials can be renewed."""

    def __post_init__(self) -> None:
        self.calls: Counter[Operation] = Counter()
        self.asked: Counter[tuple[Operation, str]] = Counter()
        self.asked_in: list[tuple[Operation, str, str]] = []
        self.in_flight = 0
        self.peak = 0
        self.closed = False

    async def _answer(self, operation: Operation, target: str, region: str, answer: Callable[[], T]) -> T:
        self.calls[operation] += 1
        self.asked[operation, target] += 1
        self.asked_in.append((operation, target, region))
        self.in_flight += 1
        self.peak = max(self.peak, self.in_flight)
        try:
            await anyio.sleep(self.latency(operation, region))
            if self.fault is not None:
                await self.fault(operation, target, region, self.asked[operation, target])
            return answer()
        finally:
            self.in_flight -= 1

    async def prepare(self, operation: Operation, target: str, region: str) -> None:
        """Be ready as one is."""

    async def renew_credentials(self, generation: int) -> bool:
        if generation == self.credentials_generation:
            if self.renewals == 0:
                return False
            self.renewals -= 1
            self.credentials_generation += 1
        return True

    async def list_buckets(
        self, *, page_size: int, token: str | None, prefix: str | None, region: str | None = None
    ) -> BucketPage:
        def answer() -> BucketPage:
            start = int(token or 0)
            named = [
                bucket
                for bucket in self.buckets
                if bucket.name.startswith(prefix or "") and (region is None or bucket.region == region)
            ]
            end = start + page_size
            return BucketPage(tuple(named[start:end]), str(end) if end < len(named) and not self.cuts else None)

        return await self._answer(Operation.LIST_BUCKETS, token or "first", region or self.home_region, answer)

    async def list_buckets_unpaged(self) -> BucketPage:
        return await self._answer(
            Operation.LIST_BUCKETS, "unpaged", self.home_region, lambda: BucketPage(tuple(self.buckets))
        )

    async def get_bucket_location(self, bucket: str) -> str:
        return await self._answer(
            Operation.GET_BUCKET_LOCATION, bucket, self.home_region, lambda: self.locations.get(bucket, HOME)
        )

    async def head_bucket(self, bucket: str) -> str | None:
        return await self._answer(
            Operation.HEAD_BUCKET, bucket, self.home_region, lambda: self.locations.get(bucket, HOME)
        )

    async def get_bucket_encryption(self, bucket: str, region: str) -> tuple[Rule, ...]:
        return await self._answer(
            Operation.GET_BUCKET_ENCRYPTION, bucket, region, lambda: self.rules.get(bucket, SSE_S3)
        )

    async def known_regions(self) -> tuple[str, ...]:
        return (HOME, "eu-west-1", "eu-west-2")

    async def list_regions(self, *, token: str | None) -> RegionPage:
        def answer() -> RegionPage:
            first, *others = self.enabled_regions
            if token is None and others:
                return RegionPage((first,), "more")
            return RegionPage(tuple(others) if token else (first,))

        return await self._answer(Operation.LIST_REGIONS, token or "first", self.home_region, answer)

    def _page_of_kind(self, kind: Kind, region: str, token: str | None, prefix: str | None) -> BucketPage:
        named = [
            bucket
            for bucket in self.other_kinds
            if bucket.kind is kind and bucket.region == region and bucket.name.startswith(prefix or "")
        ]
        start = int(token or 0)
        end = start + self.page_of_kind
        return BucketPage(tuple(named[start:end]), str(end) if end < len(named) else None)

    async def list_directory_buckets(self, region: str, *, token: str | None) -> BucketPage:
        answer = partial(self._page_of_kind, Kind.DIRECTORY, region, token, None)
        return await self._answer(Operation.LIST_DIRECTORY_BUCKETS, token or "first", region, answer)

    async def list_table_buckets(self, region: str, *, token: str | None, prefix: str | None) -> BucketPage:
        answer = partial(self._page_of_kind, Kind.TABLE, region, token, prefix)
        return await self._answer(Operation.LIST_TABLE_BUCKETS, token or "first", region, answer)

    async def list_vector_buckets(self, region: str, *, token: str | None, prefix: str | None) -> BucketPage:
        answer = partial(self._page_of_kind, Kind.VECTOR, region, token, prefix)
        return await self._answer(Operation.LIST_VECTOR_BUCKETS, token or "first", region, answer)

    async def get_directory_bucket_encryption(self, bucket: str, region: str) -> tuple[Rule, ...]:
        return await self._answer(
            Operation.GET_DIRECTORY_BUCKET_ENCRYPTION, bucket, region, lambda: self.rules.get(bucket, SSE_S3)
        )

    async def get_table_bucket_encryption(self, arn: str, region: str) -> tuple[Rule, ...]:
        return await self._answer(
            Operation.GET_TABLE_BUCKET_ENCRYPTION, arn, region, lambda: self.rules.get(arn, (Rule("AES256"),))
        )

    async def get_vector_bucket_encryption(self, bucket: str, region: str) -> tuple[Rule, ...]:
        return await self._answer(
            Operation.GET_VECTOR_BUCKET, bucket, region, lambda: self.rules.get(bucket, (Rule("AES256"),))
        )

    async def describe_key(self, reference: str, region: str) -> Key:
        return await self._answer(
            Operation.DESCRIBE_KEY, reference, region, lambda: self.keys.get(reference, Key("CUSTOMER", reference))
        )

    async def get_caller_identity(self) -> Identity:
        return await self._answer(
            Operation.GET_CALLER_IDENTITY,
            "self",
            self.home_region,
            lambda: Identity("111122223333", "arn:aws:iam::111122223333:user/auditor"),
        )


def stream(gateway: FakeGateway, options: Options | None = None, observer: Observer | None = None) -> RowStream:
    """The rows of a fake account."""

    @asynccontextmanager
    async def opening() -> AsyncIterator[FakeGateway]:
        try:
            yield gateway
        finally:
            gateway.closed = True

    return RowStream(opening, options or Options(), observer or Observer())


async def audited(gateway: FakeGateway, options: Options | None = None, observer: Observer | None = None) -> list[Row]:
    """All rows of a fake account."""
    found: list[Row] = []
    async with stream(gateway, options, observer) as rows:
        found.extend([row async for row in rows])
    return found


def several(count: int, region: str | None = HOME, prefix: str = "bucket") -> list[Bucket]:
    """Buckets of one region."""
    return [Bucket(f"{prefix}-{number:05d}", region) for number in range(count)]


def names(rows: Iterable[Row | Bucket]) -> list[str]:
    """Sorted names of rows or buckets."""
    return sorted(row.name if isinstance(row, Bucket) else row.bucket for row in rows)
