"""The words that text and Markdown have in common: headings, notes, and what is said of one bucket."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from s3audit_async.analysis.drift.comparison import Direction
from s3audit_async.analysis.drift.gathering import Present
from s3audit_async.findings.catalogue import severity_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from s3audit_async.analysis.drift.comparison import Comparison, Difference
    from s3audit_async.analysis.drift.gathering import Change, Drift
    from s3audit_async.model import Row
    from s3audit_async.sinks.columns import Column, Value

HEADINGS = {
    Direction.WORSE: "Worse",
    Direction.UNKNOWN: "Cannot be told",
    Direction.BETTER: "Better",
    Direction.NEUTRAL: "Neutral",
}
FOUR_COLUMNS = (
    "Compared by the four columns that both reports have: whether SSE-C is blocked, the state of keys, and where they "
    "are is no part of it."
)
_MOST_UNDECIDED = 3
_LABELS = {"default_encryption_mode": "Mode", "sse_kms_key_type": "Key Type"}
_OF_THE_KEY = frozenset(
    {
        "key_arn",
        "key_state",
        "key_account",
        "key_region",
        "key_origin",
        "multi_region",
        "key_spec",
        "key_deletion_date",
        "key_valid_to",
    }
)


def headline(drift: Drift) -> str:
    """Give the counts in one line."""
    directions = (f"{drift.by_direction[each]} {HEADINGS[each].lower()}" for each in Direction)
    return (
        f"{len(drift.added)} added, {len(drift.removed)} removed, {len(drift.changed)} changed "
        f"({', '.join(directions)}), {drift.unchanged} unchanged"
    )


def shown(comparison: Comparison) -> list[Difference]:
    """Leave out the columns that tell of a key, where it is another key or none: they all differ then."""
    if any(each.column.name == "default_encryption_mode" for each in comparison.differences):
        return [each for each in comparison.differences if each.column.name not in _OF_THE_KEY]
    return list(comparison.differences)


def label(column: Column) -> str:
    """Name a column, as shortly as goes."""
    return _LABELS.get(column.name, column.header)


def cell(value: Value) -> str:
    """Put a column's value into words; an empty cell is a dash."""
    if isinstance(value, tuple):
        return ", ".join(value) or "-"
    return "-" if value is None else str(value)


def findings(comparison: Comparison) -> Iterator[tuple[str, str]]:
    """Yield what became of each finding, as a sign and words: gained, lost, or not known in both reports."""
    for sign, named, tail in (
        ("+", comparison.gained, ""),
        ("-", comparison.lost, ""),
        ("?", comparison.now_known, ", not known before"),
        ("?", comparison.no_longer_known, ", no longer known"),
    ):
        for finding in named:
            yield sign, f"{with_severity(finding)}{tail}"
    if comparison.direction is Direction.UNKNOWN and comparison.undecided:
        named = comparison.undecided
        words = ", ".join(named) if len(named) <= _MOST_UNDECIDED else f"{len(named)} findings"
        yield "?", f"{words}: not both reports can tell"


def places(drift: Drift) -> Callable[[Change | Present], tuple[str, ...]]:
    """Give what is to be told of a bucket beside its name, to know it from the others that are told of.

    That is its account where there are several; and its kind and region where another of the account has its name.
    """
    named: list[Change | Present] = [*drift.added, *drift.removed, *drift.changed]
    alike = Counter((each.bucket, _row(each).account) for each in named)
    several = drift.several_accounts

    def place(each: Change | Present) -> tuple[str, ...]:
        row = _row(each)
        parts = [row.account] if several else []
        if alike[each.bucket, row.account] > 1:
            parts += [row.kind, row.region]
        return tuple(part for part in parts if part)

    return place


def with_severity(finding: str) -> str:
    """Name a finding with its severity; one of a later version has none here."""
    return f"{finding} ({severity_of(finding) or 'unrated'})"


def _row(each: Change | Present) -> Row:
    """Give what the report that knows more of it says of a bucket."""
    if isinstance(each, Present):
        return each.row
    return each.new if each.new.account else each.old
