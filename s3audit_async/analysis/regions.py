"""Tells regions of which nothing is known from those that answer: silent, not taking the credentials, or all denied."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from s3audit_async import classify
from s3audit_async.codes import is_unanswered, rejects_credentials

if TYPE_CHECKING:
    from collections.abc import Mapping

    from s3audit_async.model import Row

_NOT_SIGNED_UP = frozenset({"AuthFailure", "NotSignedUp", "OptInRequired"})
_FEWEST_DENIED = 2  # a single bucket may well have a policy of its own


class Apart(Enum):
    """What sets a region apart from the others."""

    NO_ANSWER = "no answer"
    """Not one of its buckets could be asked about."""
    NOT_ENABLED = "not enabled"
    """It takes the credentials for none of its buckets, and other regions do."""
    DENIED = "denied"
    """It denies all of its buckets, and other regions do not."""


@dataclass(slots=True)
class RegionRows:
    """Counts the rows of one region. `codes` has those of the silent and the refused only: a handful."""

    rows: int = 0
    silent: int = 0
    refused: int = 0
    denied: int = 0
    codes: Counter[str] = field(default_factory=Counter)

    def add(self, row: Row) -> None:
        """Count one row in."""
        self.rows += 1
        if row.key_type != classify.UNKNOWN:
            return
        silent = is_unanswered(row.mode)
        refused = rejects_credentials(row.mode) or row.mode in _NOT_SIGNED_UP
        self.silent += silent
        self.refused += refused
        self.denied += row.mode == classify.ACCESS_DENIED
        if silent or refused:
            self.codes[row.mode] += 1


@dataclass(frozen=True, slots=True)
class RegionApart:
    """A region that is set apart: its name, why, how many buckets it has, and the codes, the most frequent first."""

    region: str
    why: Apart
    rows: int
    codes: tuple[str, ...]


def set_apart(regions: Mapping[str, RegionRows], *, all_placed: bool) -> list[RegionApart]:
    """Find the regions that are set apart, those with the most buckets first.

    `all_placed` tells whether every row has its region. Where some have none, as those of a four-column report that
    was gone on with, nothing is said of denials: the region may have answered for one of those.
    """
    taking = {name for name, region in regions.items() if region.rows > region.silent + region.refused}
    open_to_us = {name for name in taking if regions[name].rows > _unread(regions[name])}
    found = []
    for name, region in sorted(regions.items(), key=lambda entry: (-entry[1].rows, entry[0])):
        why = None
        if region.silent == region.rows:
            why = Apart.NO_ANSWER
        elif region.refused == region.rows and taking - {name}:
            why = Apart.NOT_ENABLED
        elif region.denied == region.rows >= _FEWEST_DENIED and all_placed and open_to_us - {name}:
            why = Apart.DENIED
        if why is not None:
            codes = tuple(sorted(region.codes, key=lambda code: (-region.codes[code], code)))
            found.append(RegionApart(name, why, region.rows, codes))
    return found


def _unread(region: RegionRows) -> int:
    return region.silent + region.refused + region.denied
