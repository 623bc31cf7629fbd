"""Finds a bucket that stands in a report twice, in memory that does not grow with the report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from s3audit_async.errors import UsageError
from s3audit_async.model import skip_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from s3audit_async.analysis.finished import FinishedReport
    from s3audit_async.model import Row

_BITS = 2**26  # 8 MiB; of 1,000,000 names less than one is suspected wrongly
_PROBES = 5
_MOST_SUSPECTS = 10_000  # so many only where a report is far larger, or nearly every row stands there twice

Name = tuple[str, str | None]
"""A bucket, by what tells it from all others of its account, and that: a report may be joined from several."""


class Seen:
    """A Bloom filter: knows each name that it was shown, and suspects some that it was not."""

    def __init__(self, bits: int = _BITS) -> None:
        """Make room for about a sixtieth of so many names; `bits` is a power of two, at least 8."""
        self._mask = bits - 1
        self._bytes = bytearray(bits // 8)
        self.suspects: set[Name] = set()
        """Names that may have been shown before: every one that was, up to `_MOST_SUSPECTS`."""

    def add(self, name: Name) -> None:
        """Take note of one more name."""
        digest = hash(name)
        place, step = digest & self._mask, (digest >> 32) | 1
        new = False
        for _ in range(_PROBES):
            index, bit = place >> 3, 1 << (place & 7)
            if not self._bytes[index] & bit:
                self._bytes[index] |= bit
                new = True
            place = (place + step) & self._mask
        if not new and len(self.suspects) < _MOST_SUSPECTS:
            self.suspects.add(name)


def each_once(report: FinishedReport, called: str, seen: Seen | None = None) -> Iterator[Row]:
    """Read a report's rows. Raises `UsageError` after the last if a bucket stands there twice.

    Where one may, the report is read once more to be sure.
    """
    seen = seen or Seen()
    for row in report.rows():
        seen.add(_name(row))
        yield row
    if seen.suspects:
        repeated = _first_repeated(map(_name, report.rows()), seen.suspects)
        if repeated is not None:
            raise UsageError(
                f"{called} holds the bucket {repeated[0]!r} more than once",
                hint="a report has one row a bucket; were several joined, or several kinds audited without --wide?",
            )


def _name(row: Row) -> Name:
    return skip_key(row.kind, row.region, row.bucket), row.account


def _first_repeated(names: Iterable[Name], suspects: set[Name]) -> Name | None:
    met: set[Name] = set()
    for name in names:
        if name in suspects:
            if name in met:
                return name
            met.add(name)
    return None
