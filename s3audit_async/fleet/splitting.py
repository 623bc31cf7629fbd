"""Cuts an account that is large into shares, which several workers audit side by side.

A share is some regions as a whole, or the names of one region between two names. Whoever audits it lists its regions
again, each at its own endpoint: a bucket that is created between the two listings, in a region that had none at the
first, is in no share and so not seen by this run. A key that buckets of several shares use is asked for once for
each of the shares.
"""

from __future__ import annotations

from collections import Counter
from contextlib import aclosing
from dataclasses import replace
from math import ceil
from typing import TYPE_CHECKING

from s3audit_async.engine.asking import Asker
from s3audit_async.engine.listing import LARGEST_PAGE, list_buckets
from s3audit_async.options import Share

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from contextlib import AbstractAsyncContextManager

    from s3audit_async.model import Bucket
    from s3audit_async.options import Options
    from s3audit_async.ports import Gateway, Observer

SMALLEST = 2_000
"""Buckets. A smaller account takes one process about two seconds: as long as others take to start."""
SHARES_PER_WORKER = 4
"""What small regions are grouped for: workers that are done early find something left to do. Large ones are not cut so
fine: each piece lists all of its region, at a thirtieth of what auditing it takes (22 and 730 us a bucket)."""
_SLACK = 0.05
"""Of a worker's part: not worth a cut."""
MOST_SAMPLED = 8_192
"""Names of a region that are kept to find those that cut it in equal parts: 1 MiB for each region at most."""


class Census:
    """How many buckets each region has, and some of their names: enough to cut by, however many there are."""

    def __init__(self, *, most_sampled: int = MOST_SAMPLED) -> None:
        self._most_sampled = most_sampled
        self.counts: Counter[str] = Counter()
        self.tells_regions = True
        """Whether the listing told each bucket's region."""
        self._names: dict[str, list[str]] = {}
        self._steps: dict[str, int] = {}

    @property
    def total(self) -> int:
        """All buckets."""
        return self.counts.total()

    def add(self, buckets: Iterable[Bucket]) -> None:
        """Count a page."""
        for bucket in buckets:
            region = bucket.region
            if region is None:
                self.tells_regions = False
                continue
            names = self._names.setdefault(region, [])
            if self.counts[region] % self._steps.setdefault(region, 1) == 0:
                names.append(bucket.name)
                if len(names) > self._most_sampled:
                    del names[1::2]
                    self._steps[region] *= 2
            self.counts[region] += 1

    def cuts(self, region: str, ends: Sequence[float]) -> list[str]:
        """Give the names up to which the parts of a region go that end after so much of it, each from 0 to 1."""
        names = sorted(self._names[region])
        return [names[min(int(len(names) * end), len(names) - 1)] for end in ends]


async def take_census(
    open_gateway: Callable[[], AbstractAsyncContextManager[Gateway]], options: Options, observer: Observer
) -> Census:
    """List an account's buckets, their names and regions only. Raises `RunError` as a run does.

    Takes a page for each 4,000 buckets, but a first one that is smaller than any account that is split: the server of
    one that is has sent a token, and so knows of them.
    """
    census = Census()
    options = replace(options, share=None, buckets=(), page_size=min(options.page_size, SMALLEST - 1, LARGEST_PAGE))
    async with open_gateway() as gateway:
        pages = list_buckets(gateway, Asker(gateway, options, observer), options, observer, idle=lambda: True)
        async with aclosing(pages):
            async for page in pages:
                census.add(bucket for bucket in page if bucket.region is None or options.wants_region(bucket.region))
    return census


def shares_of(census: Census, workers: int, *, smallest: int = SMALLEST) -> tuple[Share, ...]:
    """Cut an account for so many workers, the largest share first. None at all where it is not to be split.

    That is where the listing does not tell regions, as S3-compatible stores may not: there is nothing to list a share
    by. And where the account has fewer buckets than `smallest`. Every bucket that was counted is in one share exactly.
    """
    if workers < 2 or not census.tells_regions or census.total < smallest:  # noqa: PLR2004 - nobody to share with
        return ()
    return tuple(share for _, share in sorted(_cut(census, census.total / workers), key=lambda made: -made[0]))


def chunks_of(names: Sequence[str], workers: int) -> tuple[tuple[str, ...], ...]:
    """Cut names that were given, of which nobody knows the regions, into parts for so many workers."""
    distinct = tuple(dict.fromkeys(names))
    if workers < 2 or len(distinct) < SMALLEST:  # noqa: PLR2004 - as above
        return (distinct,)
    size = ceil(len(distinct) / (workers * SHARES_PER_WORKER))
    return tuple(distinct[start : start + size] for start in range(0, len(distinct), size))


def _cut(census: Census, part: float) -> list[tuple[float, Share]]:
    """Fill one worker's part after the other with regions, from the largest on. Gives shares with their sizes.

    A region is cut where a part is full, and nowhere else: each piece costs another listing of the whole region.
    """
    made: list[tuple[float, Share]] = []
    small: list[tuple[int, str]] = []
    room = part
    for region, count in sorted(census.counts.items(), key=lambda item: (-item[1], item[0])):
        ends: list[float] = []
        done = 0.0
        while count - done > room + _SLACK * part:
            if room > _SLACK * part:
                done += room
                ends.append(done)
            room = part
        room -= count - done
        if not ends and count <= part / SHARES_PER_WORKER:
            small.append((count, region))
            continue
        cuts = census.cuts(region, [end / count for end in ends])
        bounds = zip(["", *cuts], [*cuts, None], [0.0, *ends], [*ends, count], strict=True)
        made += [(end - start, Share((region,), after, upto)) for after, upto, start, end in bounds]
    return [*made, *_grouped(small, part / SHARES_PER_WORKER)]


def _grouped(small: list[tuple[int, str]], most: float) -> list[tuple[float, Share]]:
    """Group regions that have `most` buckets at most, so that no group has many more."""
    made: list[tuple[float, Share]] = []
    regions: list[str] = []
    size = 0
    for count, region in small:
        if regions and size + count > most:
            made.append((size, Share(tuple(regions))))
            regions, size = [], 0
        regions.append(region)
        size += count
    return [*made, (size, Share(tuple(regions)))] if regions else made
