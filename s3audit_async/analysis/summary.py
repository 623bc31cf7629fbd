"""Sums a report up: how many buckets of each kind, and which ones need a second look."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from s3audit_async import classify
from s3audit_async.analysis.regions import RegionApart, RegionRows, set_apart
from s3audit_async.assessment import assess, was_read
from s3audit_async.findings import Finding
from s3audit_async.model import AES256, Kind

if TYPE_CHECKING:
    from s3audit_async.model import Row

NAMED = 10
"""How many buckets of a kind are named; the others are counted."""
UNPLACED = "unknown"
"""What stands for the region or account of a row that has none."""
SSE_KMS = "SSE-KMS"
"""Also what a report of four columns calls DSSE-KMS, as it does not tell the two apart."""

_MODES = {AES256: "SSE-S3", "aws:kms": SSE_KMS, "aws:kms:dsse": "DSSE-KMS"}
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
    """The counts over a report's rows. Its memory grows with the number of regions, accounts, keys and codes only."""

    rows: int = 0
    modes: Counter[str] = field(default_factory=Counter)
    key_types: Counter[str] = field(default_factory=Counter)
    bucket_keys: Counter[str] = field(default_factory=Counter)
    """Of the buckets encrypted with KMS; to the others it does not apply."""
    kinds: Counter[str] = field(default_factory=Counter)
    """Buckets by their kind, which four columns do not tell."""
    regions: Counter[str] = field(default_factory=Counter)
    accounts: Counter[str] = field(default_factory=Counter)
    keys: Counter[str] = field(default_factory=Counter)
    """Buckets by KMS key: its ARN where that is known, else the reference as configured."""
    findings: Counter[str] = field(default_factory=Counter)
    """Buckets that have it, by finding."""
    unknown: Counter[str] = field(default_factory=Counter)
    """Buckets of which nobody can tell whether they have it, by finding."""
    four_columns: int = 0
    """Rows that were read back from a report of four columns, which leaves more unknown than a wide one."""
    unread: int = 0
    """Buckets whose configuration is not known, for whatever reason; those that are gone are among them."""
    denied: Named = field(default_factory=Named)
    """Buckets whose encryption may not be read."""
    failed: Named = field(default_factory=Named)
    """Buckets whose row holds an error that retries could not clear."""
    rows_by_region: dict[str, RegionRows] = field(default_factory=dict)

    @property
    def apart(self) -> list[RegionApart]:
        """Regions that are set apart from the others, as `set_apart` finds them."""
        return set_apart(self.rows_by_region, all_placed=not self.regions[UNPLACED])

    def add(self, row: Row) -> None:
        """Count one row in; one that was read back from a narrow report will do."""
        self.rows += 1
        unread = not was_read(row)
        self.unread += unread
        self.modes[mode_of(row)] += 1
        self.key_types[row.key_type] += 1
        self.regions[row.region or UNPLACED] += 1
        if row.region:
            of_region = self.rows_by_region.get(row.region)
            if of_region is None:
                of_region = self.rows_by_region[row.region] = RegionRows()
            of_region.add(row)
        if row.findings is not None:
            self.kinds[row.kind] += 1
        if has_key(row):
            if has_bucket_key(row):
                self.bucket_keys[_BUCKET_KEYS[row.bucket_key]] += 1
            self.keys[key_of(row)] += 1
        self.accounts[row.account or UNPLACED] += 1
        assessed = assess(row)
        for finding in assessed.found:  # Counter.update asks each time whether it was handed a mapping: 2 us a row
            self.findings[finding] += 1
        for finding in assessed.unknown:
            self.unknown[finding] += 1
        self.four_columns += row.findings is None
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
            "kinds": {kind.value: self.kinds[kind] for kind in Kind if self.kinds[kind]},
            "regions": dict(self.regions),
            "accounts": dict(self.accounts),
            "findings": {finding: self.findings[finding] for finding in _ordered(self.findings)},
            "findings_unknown": {finding: self.unknown[finding] for finding in _ordered(self.unknown)},
            "denied": self.denied.count,
            "failed": self.failed.count,
            "regions_apart": {region.region: region.why.value for region in self.apart},
        }


def has_key(row: Row) -> bool:
    """Tell whether a bucket is known to be encrypted with a KMS key."""
    return row.key_type != classify.NOT_APPLICABLE and was_read(row)


def has_bucket_key(row: Row) -> bool:
    """Tell whether a bucket is of a kind that can have a Bucket Key."""
    return row.kind is Kind.GENERAL or row.kind is Kind.DIRECTORY


def key_of(row: Row) -> str:
    """Name the key of a row that has one: by its ARN where that is known, else as configured."""
    return row.key_arn or row.mode


def _ordered(findings: Counter[str]) -> list[str]:
    """Sort ids in the order of `Finding`, those that this version does not know last."""
    order = {str(finding): place for place, finding in enumerate(Finding)}
    return sorted(findings, key=lambda finding: (order.get(finding, len(order)), finding))


def mode_of(row: Row) -> str:
    """Name a row's encryption for people: SSE-S3, SSE-KMS, DSSE-KMS, or what kept us from knowing."""
    if row.algorithm is not None:
        return _MODES.get(row.algorithm, row.algorithm)
    return SSE_KMS if has_key(row) else _MODES.get(row.mode, row.mode)
