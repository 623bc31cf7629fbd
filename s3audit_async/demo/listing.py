"""ListBuckets as AWS answers it: sorted, filtered, in pages, each bucket with its region.

moto has neither the pages nor the regions: it cuts at MaxBuckets without a token, so that buckets vanish.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from bisect import bisect_right
from itertools import islice
from typing import TYPE_CHECKING

from s3audit_async.demo.records import DemoFault
from s3audit_async.demo.wire import bucket_page, s3_error

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from s3audit_async.demo.records import DemoBucket
    from s3audit_async.demo.wire import Answer

MAX_PAGE = 10_000
"""The most buckets of one page, and what a page holds where MaxBuckets is left out but another parameter is not."""

_PARAMETERS = frozenset({"max-buckets", "continuation-token", "prefix", "bucket-region"})


class BucketListing:
    """The account's buckets in the order of their names, with the answer for any page of them."""

    def __init__(self, buckets: Sequence[DemoBucket]) -> None:
        self._buckets = sorted(buckets, key=lambda bucket: bucket.name)
        self._names = [bucket.name for bucket in self._buckets]

    def answer(self, query: Mapping[str, str]) -> Answer:
        """Answer a ListBuckets request with these query parameters.

        As on AWS, a request without any valid parameter gets all buckets at once and no region.
        """
        paged = not _PARAMETERS.isdisjoint(query)
        try:
            size = _page_size(query.get("max-buckets"))
            start = self._after(query.get("continuation-token"))
        except ValueError as error:
            return s3_error(DemoFault(400, "InvalidArgument", str(error)))
        prefix, region = query.get("prefix", ""), query.get("bucket-region", "")
        matching = (
            bucket
            for bucket in islice(self._buckets, start, None)
            if bucket.name.startswith(prefix) and region in {"", bucket.region}
        )
        if not paged:
            return bucket_page(matching, with_regions=False)
        page = list(islice(matching, size))
        more = next(matching, None) is not None
        token = b64encode(page[-1].name.encode()).decode() if more else None
        return bucket_page(page, with_regions=True, token=token, prefix=prefix or None)

    def _after(self, token: str | None) -> int:
        """Return where the page after `token` begins: the token is the last name before it, as base64."""
        if token is None:
            return 0
        try:
            return bisect_right(self._names, b64decode(token, validate=True).decode())
        except (Base64Error, UnicodeDecodeError):
            raise ValueError("The continuation token provided is incorrect") from None


def _page_size(text: str | None) -> int:
    if text is None:
        return MAX_PAGE
    if not text.isdecimal() or not 1 <= int(text) <= MAX_PAGE:
        raise ValueError(f"Argument max-buckets must be an integer between 1 and {MAX_PAGE}")
    return int(text)
