"""Tells what changed as one JSON object, for programs: everything, without limits."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from s3audit_async.analysis.drift.comparison import Direction, gravest_first
from s3audit_async.assessment import assess
from s3audit_async.findings.catalogue import severity_of

if TYPE_CHECKING:
    from s3audit_async.analysis.drift.gathering import Change, Drift, Present
    from s3audit_async.model import Row


def as_json(drift: Drift, names: tuple[str, str]) -> str:
    """Give a line of JSON, all ASCII. `names` are those of the two reports."""
    counts = {"added": len(drift.added), "removed": len(drift.removed), "changed": len(drift.changed)}
    directions = {str(direction): drift.by_direction[direction] for direction in Direction}
    document = {
        "old": {"report": names[0], "buckets": drift.old_buckets},
        "new": {"report": names[1], "buckets": drift.new_buckets},
        "four_columns": drift.four_columns,
        "counts": {**counts, "unchanged": drift.unchanged, **directions},
        "added": [_present(each) for each in drift.added],
        "removed": [_present(each) for each in drift.removed],
        "changed": [_change(each) for each in drift.changed],
    }
    return json.dumps(document) + "\n"


def _present(present: Present) -> dict[str, Any]:
    row = present.row
    return {
        "bucket_name": present.bucket,
        "account": row.account,
        "region": row.region,
        "kind": _kind(row),
        "default_encryption_mode": row.mode,
        "sse_kms_key_type": row.key_type,
        "bucket_key": row.bucket_key,
        "findings": _findings(present.found),
        "findings_unknown": gravest_first(assess(row).unknown),
    }


def _change(change: Change) -> dict[str, Any]:
    told = change.comparison
    return {
        "bucket_name": change.bucket,
        "account": change.account,
        "region": change.region,
        "kind": _kind(change.new) or _kind(change.old),
        "direction": told.direction,
        "columns": {each.column.name: {"old": each.old, "new": each.new} for each in told.differences},
        "findings_gained": _findings(told.gained),
        "findings_lost": _findings(told.lost),
        "findings_now_known": _findings(told.now_known),
        "findings_no_longer_known": _findings(told.no_longer_known),
        "findings_undecided": told.undecided,
    }


def _kind(row: Row) -> str | None:
    return None if row.findings is None else row.kind  # four columns do not tell it


def _findings(findings: tuple[str, ...]) -> list[dict[str, str | None]]:
    return [{"finding": each, "severity": severity_of(each)} for each in findings]
