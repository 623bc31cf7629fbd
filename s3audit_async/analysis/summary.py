"""Sums a report up: how many buckets of each kind, and which ones need a second look."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from s3audit_async import classify
from s3audit_async.analysis.regions import RegionApart, RegionRows, set_apart
from s3audit_async.model import AES256

if TYPE_CHECKING:
    from s3audit_async.model import Row

NAMED = 10
"""How many buckets of a kind are named; the others are counted."""

_MODES = {AES256: "SSE-S3", "aws:kms": "SSE-KMS", "aws:kms:dsse": "DSSE-KMS"}
_NOWHERE = "unknown"
_BUCKET_KEYS = {True: "on", False: "off", None: "not configured"}


@dataclass(slots=True)
class Named:
    """A count, with the first `NAMED` names."""

    count: int = 0
    first: list[str] = field(default_factory=list)

    def add(self, name: str) -> None:
        """Count one more."""
        self.count += 1
        if len(self.first) < NAMED:
            self.first.append(name)


@dataclass(slots=True)
class Summary:
    """The counts over a report's rows. Its memory grows with the number of regions and error codes only."""

    rows: int = 0
    modes: Counter[str] = field(default_factory=Counter)
    key_types: Counter[str] = field(default_factory=Counter)
    bucket_keys: Counter[str] = field(default_factory=Counter)
    """Of the buckets encrypted with KMS; to the others it does not apply."""
    regions: Counter[str] = field(default_factory=Counter)
    denied: Named = field(default_factory=Named)
    """Buckets whose encryption may not be read."""
    failed: Named = field(default_factory=Named)
    """Buckets whose row holds an error that retries could not clear."""
    rows_by_region: dict[str, RegionRows] = field(default_factory=dict)

    @property
    def apart(self) -> list[RegionApart]:
        """Regions that are set apart from the others, as `set_apart` finds them."""
        return set_apart(self.rows_by_region, all_placed=not self.regions[_NOWHERE])

    def add(self, row: Row) -> None:
        """Count one row in; one that was read back from a narrow report will do."""
        self.rows += 1
        unread = row.key_type == classify.UNKNOWN
        self.modes[_mode(row)] += 1
        self.key_types[row.key_type] += 1
        self.regions[row.region or _NOWHERE] += 1
        if row.region:
            self.rows_by_region.setdefault(row.region, RegionRows()).add(row)
        if not unread and row.key_type != classify.NOT_APPLICABLE:
            self.bucket_keys[_BUCKET_KEYS[row.bucket_key]] += 1
        if unread and row.mode == classify.ACCESS_DENIED:
            self.denied.add(row.bucket)
        if classify.is_unresolved(row.mode, row.key_type):
            self.failed.add(f"{row.bucket} ({row.mode if unread else row.key_type})")

    def as_dict(self) -> dict[str, Any]:
        """Give the counts as JSON."""
        return {
            "rows": self.rows,
            "modes": dict(self.modes),
            "key_types": dict(self.key_types),
            "bucket_keys": dict(self.bucket_keys),
            "regions": dict(self.regions),
            "denied": self.denied.count,
            "failed": self.failed.count,
            "regions_apart": {region.region: region.why.value for region in self.apart},
        }


def _mode(row: Row) -> str:
    if row.algorithm is not None:
        return _MODES.get(row.algorithm, row.algorithm)
    if row.key_type in {classify.UNKNOWN, classify.NOT_APPLICABLE}:
        return _MODES.get(row.mode, row.mode)
    return "SSE-KMS"  # a narrow report does not tell it from DSSE-KMS
