"""The buckets that are not general purpose ones: listed region by region, as no region knows of another's.

Where a kind is not offered, or a region not enabled for the account, there is nothing to be listed. What is refused, or
fails for good, leaves buckets that nobody knows of, which is told (`Observer.unlisted`): the report is not whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import anyio

from s3audit_async.codes import is_denied, is_not_enabled, is_not_offered, rejects_credentials
from s3audit_async.errors import CallError, ListingError, TransportCode
from s3audit_async.model import Kind, Notice, Operation, Unlisted, skip_key
from s3audit_async.options import GENERAL_ONLY

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from s3audit_async.engine.asking import Asker
    from s3audit_async.model import Bucket, BucketPage, Rule
    from s3audit_async.options import Options
    from s3audit_async.ports import Gateway, Observer

LISTINGS = 8
"""Listings under way at once, of all kinds and regions: each takes a client, and those are made one after the other."""
MOST_REGIONS = 128
"""Regions that an answer of ListRegions may name. AWS has about 40."""

_ALL = "*"
_HAS_ALL = "us-east-1"
"""A region that has every kind (AWS General Reference, endpoints of S3): whoever knows no host there hides them."""
_FIRST_CONTACT_ATTEMPTS = 2  # as for the first page of general purpose buckets
_TOO_MANY = "TooManyRegions"
_REPEATED = "ContinuationTokenRepeated"


@dataclass(frozen=True, slots=True)
class _Regions:
    """Where to list. `enabled` tells whether AWS has said that these are enabled for the account."""

    names: tuple[str, ...]
    enabled: bool


class KindsListing:
    """Lists the buckets of all kinds but general purpose ones, and hands each on."""

    def __init__(
        self,
        gateway: Gateway,
        asker: Asker,
        options: Options,
        observer: Observer,
        *,
        raise_if_pointless: Callable[[CallError], Awaitable[None]],
    ) -> None:
        """Make a listing for one run. `raise_if_pointless` raises where the credentials are refused everywhere."""
        self._gateway = gateway
        self._asker = asker
        self._options = options
        self._observer = observer
        self._raise_if_pointless = raise_if_pointless
        self._kinds = sorted(options.kinds - GENERAL_ONLY)
        self._answered = False
        self._refusal: CallError | None = None
        self._absence: CallError | None = None
        self._strays: set[str] = set()
        self._without_host: dict[Kind, list[CallError]] = {}

    async def run(self, route: Callable[[Bucket], Awaitable[None]]) -> None:
        """Hand each bucket to `route`, which may wait. Raises `ListingError` if no listing at all could be had."""
        if not self._kinds:
            return
        regions = await self._regions()
        slots = anyio.Semaphore(LISTINGS)

        async def list_one(kind: Kind, region: str) -> None:
            async with slots:
                await self._list(kind, region, regions, route)

        async with anyio.create_task_group() as tasks:
            for region in regions.names:
                for kind in self._kinds:
                    tasks.start_soon(list_one, kind, region)
        for kind, errors in self._without_host.items():
            self._judge_hosts(kind, errors)
        if not self._answered and Kind.GENERAL not in self._options.kinds:
            raise self._nothing(regions)

    async def _regions(self) -> _Regions:
        options = self._options
        if options.include_regions:
            return _Regions(tuple(sorted(options.include_regions)), enabled=False)
        try:
            enabled = await self._enabled_regions()
        except CallError as error:
            await self._raise_if_pointless(error)
            known = tuple(filter(options.wants_region, await self._gateway.known_regions()))
            self._notice(
                error, f"which regions are enabled is not told ({error.code}), asking the {len(known)} that are known"
            )
            return _Regions(known, enabled=False)
        return _Regions(tuple(filter(options.wants_region, enabled)), enabled=True)

    async def _enabled_regions(self) -> tuple[str, ...]:
        home = self._gateway.home_region
        found: dict[str, None] = {}
        tokens: set[str] = set()
        token: str | None = None
        while True:
            request = partial(self._gateway.list_regions, token=token)
            page = await self._asker.ask(
                Operation.LIST_REGIONS, _ALL, home, request, unreachable_attempts=_FIRST_CONTACT_ATTEMPTS
            )
            found |= dict.fromkeys(page.regions)
            if len(found) > MOST_REGIONS or page.token in tokens:
                code = _REPEATED if page.token in tokens else _TOO_MANY
                raise CallError(Operation.LIST_REGIONS, _ALL, home, code=code)
            if page.token is None:
                return tuple(found)
            token = page.token
            tokens.add(token)

    async def _list(
        self, kind: Kind, region: str, regions: _Regions, route: Callable[[Bucket], Awaitable[None]]
    ) -> None:
        operation = _LISTINGS[kind]
        token: str | None = None
        tokens: set[str] = set()
        last: frozenset[tuple[str | None, str]] = frozenset()
        while True:
            try:
                page = await self._asker.ask(
                    operation,
                    _ALL,
                    region,
                    partial(self._page, kind, region, token),
                    unreachable_attempts=_FIRST_CONTACT_ATTEMPTS if token is None else None,
                )
            except CallError as error:
                await self._not_listed(kind, error, regions, first=token is None)
                return
            self._answered = True
            # As with general purpose buckets, a page may name again what the one before has named.
            named = {(bucket.region, bucket.name): bucket for bucket in page.buckets}
            for name, bucket in named.items():
                if name not in last and self._is_wanted(bucket, region, regions):
                    await route(bucket)
            if page.token is None:
                return
            if page.token in tokens:
                self._tell_unlisted(kind, CallError(operation, _ALL, region, code=_REPEATED))
                return
            token = page.token
            tokens.add(token)
            last = frozenset(named)

    async def _page(self, kind: Kind, region: str, token: str | None) -> BucketPage:
        prefix = self._options.prefix
        if kind is Kind.DIRECTORY:
            return await self._gateway.list_directory_buckets(region, token=token)
        if kind is Kind.TABLE:
            return await self._gateway.list_table_buckets(region, token=token, prefix=prefix)
        return await self._gateway.list_vector_buckets(region, token=token, prefix=prefix)

    def _is_wanted(self, bucket: Bucket, asked: str, regions: _Regions) -> bool:
        """Tell whether a bucket is to be audited, and is not yet.

        An endpoint that stands for every region names the same buckets in each: one that is in another region is left
        to that one's listing, or taken the first time where there is none.
        """
        options = self._options
        if options.prefix is not None and not bucket.name.startswith(options.prefix):
            return False
        if bucket.region == asked:
            return True
        stray = skip_key(bucket.kind, bucket.region, bucket.name)
        if bucket.region in regions.names or stray in self._strays:
            return False
        self._strays.add(stray)
        return True

    async def _not_listed(self, kind: Kind, error: CallError, regions: _Regions, *, first: bool) -> None:
        """Tell a listing that does not exist from one that was refused, or broke off."""
        if rejects_credentials(error.code):
            await self._raise_if_pointless(error)
        if first and error.code == TransportCode.NO_SUCH_HOST:
            self._without_host.setdefault(kind, []).append(error)
        elif first and is_not_offered(error, of_aws=self._options.endpoint_url is None):
            self._absence = error
            self._notice(error, f"no {kind} buckets there ({error.code})")
        elif first and not regions.enabled and is_not_enabled(error.code):
            self._absence = error
            self._notice(error, f"the region is not enabled for the account, or takes other tokens ({error.code})")
        else:
            self._tell_unlisted(kind, error)

    def _judge_hosts(self, kind: Kind, errors: list[CallError]) -> None:
        """Tell regions that have no host for a kind from a resolver that hides them, as some networks have."""
        hidden = any(error.region == _HAS_ALL for error in errors)
        for error in errors:
            if hidden:
                self._tell_unlisted(kind, error)
            else:
                self._absence = error
                self._notice(error, f"no {kind} buckets there ({error.code})")

    def _tell_unlisted(self, kind: Kind, error: CallError) -> None:
        self._refusal = error
        self._observer.unlisted(Unlisted(kind, error.region, error.code, error.message, self._options.account))

    def _nothing(self, regions: _Regions) -> ListingError:
        """Say why there is no listing at all: an empty report would look as if there were no buckets."""
        kinds = " or ".join(self._kinds)
        if self._refusal is not None:
            said = ": ".join(filter(None, (self._refusal.code, self._refusal.message)))
            if is_denied(self._refusal.code):
                return ListingError(
                    f"these credentials may not list the account's {kinds} buckets in any region ({said})",
                    hint=f"'s3audit iam-policy --kinds {','.join(self._kinds)}' prints the policy",
                )
            return ListingError(
                f"the {kinds} buckets can be listed in no region ({said})", hint="run again; -v shows each attempt"
            )
        if self._absence is not None:
            return ListingError(
                f"none of the regions asked has {kinds} buckets ({self._absence.code})",
                hint="check --kinds, --include-region, the network and the endpoint URL",
            )
        return ListingError(
            f"there is no region to list {kinds} buckets in"
            + (", as the account has none enabled but those left out" if regions.enabled else ""),
            hint="check --include-region and --exclude-region",
        )

    def _notice(self, error: CallError, text: str) -> None:
        self._observer.noticed(Notice(error.operation, error.region, error.target, text))


_LISTINGS = {
    Kind.DIRECTORY: Operation.LIST_DIRECTORY_BUCKETS,
    Kind.TABLE: Operation.LIST_TABLE_BUCKETS,
    Kind.VECTOR: Operation.LIST_VECTOR_BUCKETS,
}


def question_about(
    gateway: Gateway, bucket: Bucket, region: str
) -> tuple[Operation, str, Callable[[], Awaitable[tuple[Rule, ...]]]]:
    """Give the operation, target and request that ask for the encryption of a bucket of any kind but general."""
    if bucket.kind is Kind.DIRECTORY:
        request = partial(gateway.get_directory_bucket_encryption, bucket.name, region)
        return Operation.GET_DIRECTORY_BUCKET_ENCRYPTION, bucket.name, request
    if bucket.kind is Kind.TABLE:
        arn = bucket.arn or ""
        return Operation.GET_TABLE_BUCKET_ENCRYPTION, arn, partial(gateway.get_table_bucket_encryption, arn, region)
    request = partial(gateway.get_vector_bucket_encryption, bucket.name, region)
    return Operation.GET_VECTOR_BUCKET, bucket.name, request
