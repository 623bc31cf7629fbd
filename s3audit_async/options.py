"""Limits, timeouts and choices of a run, with their units, checked before anything is asked of AWS."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from s3audit_async.errors import UsageError
from s3audit_async.model import Kind
from s3audit_async.redaction import redact
from s3audit_async.references import is_region

if TYPE_CHECKING:
    from collections.abc import Collection, Container

MAX_CONCURRENCY = 64
MAX_ATTEMPTS = 8
TIMEOUT = 30.0
RETRY_MAX_TIME = 300.0
GENERAL_ONLY = frozenset({Kind.GENERAL})
"""The kinds of buckets that are audited if none are named."""
PAGE_SIZE = 1000

LARGEST_CONCURRENCY = 10_000
LARGEST_ATTEMPTS = 100
SHORTEST_TIMEOUT = 0.1
LARGEST_TIMEOUT = 3600.0
LARGEST_RETRY_TIME = 86_400.0
_NOT_BY_NAME = frozenset({Kind.TABLE, Kind.VECTOR})
_LARGEST_PAGE = 10_000  # MaxBuckets, botocore model of s3
_HOST = re.compile(r"[A-Za-z0-9._:%-]+")
_BUCKET_NAME = re.compile(r"[A-Za-z0-9._-]{3,255}")  # old buckets of us-east-1 may be long and have capitals


@dataclass(frozen=True, slots=True)
class Share:
    """A part of an account's general purpose buckets, for one of several who audit it side by side.

    Those of `regions`, each listed by its BucketRegion filter at its own endpoint, whose names are greater than
    `after` and not greater than `upto`; None is no bound. Of the other kinds that are asked for it leaves out nothing.
    """

    regions: tuple[str, ...]
    after: str = ""
    upto: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What one run is to do. Raises `UsageError` for values that cannot work.

    - `buckets`: audit these names instead of listing.
    - `prefix`: only buckets whose name starts so.
    - `include_regions`, `exclude_regions`: by the region that the listing, or a look-up where it is silent, names.
    - `max_concurrency`: requests in flight, all regions together. Each costs one socket and about 100 KiB.
    - `max_attempts`: requests made for one question before its error becomes the answer.
    - `timeout`: seconds that one attempt may take. Connecting gets a sixth of it, at least 1 s and at most 5 s.
    - `retry_max_time`: seconds into a question after which no further attempt is made; attempts and the waits between
      them count, waiting for a free slot does not. One attempt is always made.
    - `page_size`: buckets on the first page of the listing. Small pages bring the first rows sooner; later ones are
      larger where the run would wait for them.
    - `identify`: ask once whose credentials these are, for the Account column.
    - `account`: the account that the credentials must belong to. Asked before anything else, where it can be told.
    - `skip`: names that have their row already; listed but not audited again.
    - `endpoint_url`: where to send every request, instead of AWS's own endpoints.
    - `share`: only a part of the account's general purpose buckets, as others audit the rest.
    - `kinds`: which kinds of buckets to audit. All but general purpose ones are listed region by region, in those that
      account:ListRegions names, or in `include_regions`. One of `buckets` is of the kind that its name tells.
    """

    buckets: tuple[str, ...] = ()
    prefix: str | None = None
    include_regions: frozenset[str] = frozenset()
    exclude_regions: frozenset[str] = frozenset()
    max_concurrency: int = MAX_CONCURRENCY
    max_attempts: int = MAX_ATTEMPTS
    timeout: float = TIMEOUT
    retry_max_time: float = RETRY_MAX_TIME
    page_size: int = PAGE_SIZE
    identify: bool = True
    account: str | None = None
    skip: Container[str] = field(default=frozenset(), repr=False)
    endpoint_url: str | None = None
    share: Share | None = None
    kinds: frozenset[Kind] = GENERAL_ONLY

    def __post_init__(self) -> None:
        _in_range("max_concurrency", self.max_concurrency, 1, LARGEST_CONCURRENCY)
        _in_range("max_attempts", self.max_attempts, 1, LARGEST_ATTEMPTS)
        _in_range("timeout", self.timeout, SHORTEST_TIMEOUT, LARGEST_TIMEOUT)
        _in_range("retry_max_time", self.retry_max_time, 0.0, LARGEST_RETRY_TIME)
        _in_range("page_size", self.page_size, 1, _LARGEST_PAGE)
        for name in self.buckets:
            if not _BUCKET_NAME.fullmatch(name):
                raise UsageError(
                    f"not a bucket name: {name!r}", hint="3 to 255 letters, digits, dots, hyphens or underscores"
                )
        for region in self.include_regions | self.exclude_regions:
            check_region(region)
        if both := self.include_regions & self.exclude_regions:
            raise UsageError(
                f"region {', '.join(sorted(both))} is both included and excluded", hint="leave one of the two out"
            )
        if self.buckets and self.prefix is not None:
            raise UsageError("named buckets and a prefix exclude each other", hint="leave one of the two out")
        object.__setattr__(self, "kinds", _kinds(self.kinds))
        if self.buckets and self.kinds & _NOT_BY_NAME:
            raise UsageError(
                f"{' and '.join(sorted(self.kinds & _NOT_BY_NAME))} buckets cannot be named one by one",
                hint="their names are no bucket's alone; narrow them down by --prefix and --include-region",
            )
        if self.endpoint_url is not None:
            check_endpoint_url(self.endpoint_url)

    @property
    def connect_timeout(self) -> float:
        """Seconds that connecting may take, of `timeout`."""
        return min(self.timeout, max(1.0, min(5.0, self.timeout / 6)))

    def wants_region(self, region: str) -> bool:
        """Tell whether buckets of a region are to be audited."""
        if self.include_regions and region not in self.include_regions:
            return False
        return region not in self.exclude_regions


def _kinds(named: Collection[str]) -> frozenset[Kind]:
    """Take kinds, or their names."""
    if not named:
        raise UsageError("no kind of bucket is to be audited", hint=f"choose from {', '.join(Kind)}")
    if unknown := sorted({*named} - {*Kind}):
        raise UsageError(f"not a kind of bucket: {', '.join(unknown)}", hint=f"choose from {', '.join(Kind)}")
    return frozenset(map(Kind, named))


def check_region(region: str) -> None:
    """Raise `UsageError` for what cannot be a region's name. Which regions there are is AWS's to say."""
    if not is_region(region):
        raise UsageError(f"not a region name: {region!r}", hint="write it as AWS does, such as eu-central-1")


def check_endpoint_url(url: str) -> None:
    """Raise `UsageError` for what cannot be an endpoint, or holds a user or a password.

    Those would go out with every request, beside the signature, and into every message that names the URL.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        usable = parts.scheme in {"http", "https"} and bool(_HOST.fullmatch(host)) and parts.port != 0
        signed = parts.username is not None
    except ValueError:  # a port that is no number
        usable = signed = False
    if signed:
        raise UsageError(
            "the endpoint URL holds a user name or a password", hint="leave it out: requests are signed with AWS keys"
        )
    if not usable:
        raise UsageError(f"not an endpoint URL: {redact(url)!r}", hint="write it as http://HOST:PORT or https://HOST")


def _in_range(name: str, value: float, least: float, most: float) -> None:
    if not least <= value <= most:
        raise UsageError(f"{name} is {value:g}", hint=f"from {least:g} to {most:g}")
