"""The buckets to audit: pages of the listing as they come, or the names that were given."""

from __future__ import annotations

from contextlib import aclosing
from functools import partial
from itertools import takewhile
from typing import TYPE_CHECKING

from s3audit_async.codes import is_denied, is_expired, is_unanswered, rejects_credentials
from s3audit_async.errors import CallError, CredentialsError, ListingError, TransportCode
from s3audit_async.model import Bucket, Kind, Notice, Operation
from s3audit_async.options import Share
from s3audit_async.references import is_directory_bucket, region_of_zone

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from s3audit_async.engine.asking import Asker
    from s3audit_async.model import BucketPage
    from s3audit_async.options import Options
    from s3audit_async.ports import Gateway, Observer

LARGEST_PAGE = 4_000
"""Buckets that a page grows to; reading one blocks everything else for about 0.1 s, and takes 8 MiB meanwhile."""

_EVERYTHING = Share(())
_ALL = "*"  # what a listing is about, where a bucket's name would stand
_FIRST_CONTACT_ATTEMPTS = 2  # an endpoint that is not there at the start of a run is not worth a long wait


async def list_buckets(
    gateway: Gateway, asker: Asker, options: Options, observer: Observer, *, idle: Callable[[], bool]
) -> AsyncGenerator[tuple[Bucket, ...], None]:
    """Yield pages of buckets. Raises `CredentialsError` or `ListingError` when a page cannot be had.

    After the first one, the next page is twice as large, up to `LARGEST_PAGE`, whenever a page comes and the run is
    `idle()`: one page can only be asked for after the other, so a slow listing has to tell more at once. A page that
    cannot be had in a larger size is asked for in the first one, and so are all after it.

    A server that knows nothing of tokens cuts the listing at MaxBuckets, and the rest would vanish. So when the first
    page is exactly full and bears no token, the whole is asked for once without paging, and what is new in it makes
    one more page; a refusal is taken for the end. A server that has sent a token is trusted to send the next.
    """
    if options.buckets:
        named = [_named(name) for name in dict.fromkeys(options.buckets)]
        first = next((place for place, bucket in enumerate(named) if bucket.kind is Kind.GENERAL), None)
        if first is not None:
            named[first] = await _first_contact(named[first].name, gateway, asker)
        yield tuple(named)
        return
    share = options.share
    if share is None:
        parts = _pages(gateway, asker, options, observer, idle=idle)
    else:
        parts = _of_share(share, gateway, asker, options, observer, idle=idle)
    async with aclosing(parts):
        async for page in parts:
            yield page


async def _of_share(
    share: Share, gateway: Gateway, asker: Asker, options: Options, observer: Observer, *, idle: Callable[[], bool]
) -> AsyncGenerator[tuple[Bucket, ...], None]:
    """Yield the pages of a share, one region after the other, each from its own endpoint.

    Where a region's endpoint refuses to list, as it may when an organization's policy denies the region, its buckets
    are picked out of the listing of all: they exist, and have rows.
    """
    for region in share.regions:
        begun = False
        try:
            of_region = _pages(gateway, asker, options, observer, idle=idle, region=region)
            async with aclosing(of_region):
                async for page in of_region:
                    begun = True
                    yield page
        except (CredentialsError, ListingError) as error:
            if begun:
                raise
            text = f"{error}; listing all buckets instead"
            observer.noticed(Notice(Operation.LIST_BUCKETS, region, _ALL, text))
        else:
            continue
        everything = _pages(gateway, asker, options, observer, idle=idle)
        async with aclosing(everything):
            async for page in everything:
                yield tuple(bucket for bucket in page if bucket.region == region)


async def _pages(
    gateway: Gateway,
    asker: Asker,
    options: Options,
    observer: Observer,
    *,
    idle: Callable[[], bool],
    region: str | None = None,
) -> AsyncGenerator[tuple[Bucket, ...], None]:
    token: str | None = None
    tokens: set[str] = set()
    last: frozenset[str] = frozenset()
    size = options.page_size
    while True:
        try:
            page = await _page(gateway, asker, options, token=token, size=size, region=region)
        except ListingError:
            if size == options.page_size:
                raise
            size, idle = options.page_size, _never
            continue
        if token is not None and idle():  # at the first page nobody could have had anything to do
            size = max(size, min(2 * size, LARGEST_PAGE))
        # A listing that changes under way may name a bucket at the end of one page and the beginning of the next.
        yield tuple(
            {bucket.name: bucket for bucket in _wanted(page, options, region) if bucket.name not in last}.values()
        )
        if page.token is None:
            break
        if page.token in tokens:
            raise ListingError(
                "the listing does not get on: the server sent the same continuation token twice",
                hint="this is a fault of the endpoint; what was listed has been audited",
            )
        token = page.token
        tokens.add(token)
        last = frozenset(bucket.name for bucket in page.buckets)
    # Who audits a share has the word of whoever split the account that there are tokens.
    if options.share is None and token is None and len(page.buckets) >= options.page_size:
        yield await _beyond(page, gateway, asker, options, observer)


def _named(name: str) -> Bucket:
    """Make a bucket of a name: directory buckets have names of their own, with the zone that they are in."""
    if is_directory_bucket(name):
        return Bucket(name, region_of_zone(name), kind=Kind.DIRECTORY)
    return Bucket(name)


def _never() -> bool:
    return False


async def _first_contact(name: str, gateway: Gateway, asker: Asker) -> Bucket:
    """Locate the first of the named buckets: where nobody answers at all, the run ends as a listing would."""
    home = gateway.home_region
    request = partial(gateway.get_bucket_location, name)
    try:
        region = await asker.ask(
            Operation.GET_BUCKET_LOCATION, name, home, request, unreachable_attempts=_FIRST_CONTACT_ATTEMPTS
        )
    except CallError as error:
        if error.code in {TransportCode.UNREACHABLE, TransportCode.READ_TIMEOUT, TransportCode.TLS}:
            raise explain(error) from error
        return Bucket(name)
    return Bucket(name, region)


async def _beyond(
    page: BucketPage, gateway: Gateway, asker: Asker, options: Options, observer: Observer
) -> tuple[Bucket, ...]:
    """Give the buckets that are not on the only page of a listing, although there are more."""
    try:
        whole = await asker.ask(Operation.LIST_BUCKETS, _ALL, gateway.home_region, gateway.list_buckets_unpaged)
    except CallError as error:
        text = f"the only page was full; checking without paging was refused ({error.code}), going on"
        observer.noticed(Notice(error.operation, error.region, error.target, text))
        return ()
    known = {bucket.name for bucket in page.buckets}
    return tuple(bucket for bucket in _wanted(whole, options) if bucket.name not in known)


def _wanted(page: BucketPage, options: Options, region: str | None = None) -> tuple[Bucket, ...]:
    """Apply prefix and region once more, as S3-compatible stores may ignore them; and the names of a share."""
    prefix, share = options.prefix or "", options.share or _EVERYTHING
    if not prefix and options.share is None:
        return page.buckets
    return tuple(
        bucket
        for bucket in page.buckets
        if bucket.name.startswith(prefix)
        and share.after < bucket.name
        and (share.upto is None or bucket.name <= share.upto)
        and (region is None or bucket.region is None or bucket.region == region)
    )


def _prefix(options: Options) -> str | None:
    """Give the longest prefix that all names to be listed have: those between two names begin as both do."""
    share, prefix = options.share, options.prefix
    if share is None or share.upto is None:
        return prefix
    pairs = zip(share.after, share.upto, strict=False)
    common = "".join(one for one, _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    return common if common and common.startswith(prefix or "") else prefix


async def _page(
    gateway: Gateway, asker: Asker, options: Options, *, token: str | None, size: int, region: str | None
) -> BucketPage:
    patience = _FIRST_CONTACT_ATTEMPTS if token is None else None
    if size > options.page_size:
        patience = 1  # it may just be too much to be told in time; there is another way

    async def request() -> BucketPage:
        return await gateway.list_buckets(page_size=size, token=token, prefix=_prefix(options), region=region)

    try:
        return await asker.ask(
            Operation.LIST_BUCKETS,
            _ALL,
            region or gateway.home_region,
            request,
            unreachable_attempts=patience,
        )
    except CallError as error:
        raise explain(error) from error


def explain(error: CallError) -> CredentialsError | ListingError:
    """Say why there is no listing, and what to do."""
    said = f"{error.code}: {error.message}" if error.message else error.code
    if rejects_credentials(error.code):
        return refused_credentials(error)
    if is_denied(error.code):
        return ListingError(
            f"these credentials may not list the account's buckets ({said})",
            hint="allow s3:ListAllMyBuckets ('s3audit iam-policy' prints the policy), or name buckets with --bucket",
        )
    if error.code == TransportCode.UNREACHABLE:
        return ListingError(
            f"no connection to S3 in {error.region} ({said})", hint="check the network, the proxy and the endpoint URL"
        )
    if error.code == TransportCode.TLS:
        return ListingError(
            f"no trusted connection to S3 ({said})", hint="AWS_CA_BUNDLE has to name a file of the CA's certificates"
        )
    return ListingError(f"the buckets cannot be listed ({said})", hint="run again; -v shows each attempt")


def is_unreachable(error: ListingError) -> bool:
    """Tell whether a listing failed because nobody answers, as other listings will fail, too."""
    cause = error.__cause__
    return isinstance(cause, CallError) and is_unanswered(cause.code)


def refused_credentials(error: CallError) -> CredentialsError:
    """Say that AWS does not take the credentials, and what to do."""
    said = f"{error.code}: {error.message}" if error.message else error.code
    if is_expired(error.code):
        return CredentialsError(f"the credentials have expired ({said})", hint="sign in again, then use --resume")
    if error.code == "RequestTimeTooSkewed":
        return CredentialsError(f"this machine's clock is wrong ({said})", hint="set the clock and run again")
    return CredentialsError(
        f"AWS does not accept the credentials ({said})",
        hint="check AWS_PROFILE and the keys; 'aws sts get-caller-identity' shows who you are",
    )
