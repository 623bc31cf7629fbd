"""Counts a report's rows by group: region, account, kind of bucket, key, finding or mode."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from s3audit_async import classify
from s3audit_async.analysis.summary import UNPLACED, key_of, mode_of
from s3audit_async.assessment import assess

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from s3audit_async.assessment import Assessment
    from s3audit_async.model import Row

NO_KEY = "no KMS key"
UNREAD = "not readable"


@dataclass(slots=True)
class Group:
    """The buckets of one group. Of a finding's group, those that have it; `unknown` counts those that may."""

    rows: int = 0
    modes: Counter[str] = field(default_factory=Counter)
    findings: Counter[str] = field(default_factory=Counter)
    """Buckets of the group by what was found in them."""
    troubled: int = 0
    """Buckets of the group in which anything was found."""
    unknown: int = 0
    """Buckets of which something cannot be told; for the group of a finding, whether they belong to it."""

    def as_dict(self) -> dict[str, Any]:
        """Give the counts as JSON."""
        return {
            "buckets": self.rows,
            "with_findings": self.troubled,
            "unknown": self.unknown,
            "modes": dict(self.modes.most_common()),
            "findings": dict(sorted(self.findings.items(), key=lambda entry: (-entry[1], entry[0]))),
        }


class Groups:
    """The groups of a report's rows. Their memory grows with the number of groups."""

    def __init__(self, by: str) -> None:
        """Group by one of `CRITERIA`."""
        self.by = by
        self.rows = 0
        self.found: dict[str, Group] = {}
        self._names = _CRITERIA.get(by)

    def add(self, row: Row) -> None:
        """Count one row in."""
        self.rows += 1
        assessed = assess(row)
        mode = mode_of(row)
        if self._names is not None:
            self._count(self._names(row), mode, assessed)
            return
        for finding in assessed.found:
            self._count(finding, mode, assessed)
        for finding in assessed.unknown:
            self._group(finding).unknown += 1

    def ordered(self) -> list[tuple[str, Group]]:
        """List the groups, the one with the most buckets first."""
        return sorted(self.found.items(), key=lambda entry: (-entry[1].rows, entry[0]))

    def _group(self, name: str) -> Group:
        group = self.found.get(name)
        if group is None:
            group = self.found[name] = Group()
        return group

    def _count(self, name: str, mode: str, assessed: Assessment) -> None:
        group = self._group(name)
        group.rows += 1
        group.modes[mode] += 1
        for finding in assessed.found:
            group.findings[finding] += 1
        group.troubled += bool(assessed.found)
        if self._names is not None:
            group.unknown += bool(assessed.unknown)


def _key(row: Row) -> str:
    if row.key_type == classify.UNKNOWN:
        return UNREAD
    return NO_KEY if row.key_type == classify.NOT_APPLICABLE else key_of(row)


_CRITERIA: dict[str, Callable[[Row], str] | None] = {
    "region": lambda row: row.region or UNPLACED,
    "account": lambda row: row.account or UNPLACED,
    "kind": lambda row: row.kind.value,
    "key": _key,
    "finding": None,  # a row has any number of them
    "mode": mode_of,
}
CRITERIA = tuple(_CRITERIA)
"""What rows can be grouped by."""


def columns_of(groups: Iterable[Group], most: int) -> list[str]:
    """Name the modes that most buckets of these groups have, at most so many of them, the most frequent first."""
    total: Counter[str] = Counter()
    for group in groups:
        total.update(group.modes)
    return [mode for mode, _ in sorted(total.items(), key=lambda entry: (-entry[1], entry[0]))[:most]]
