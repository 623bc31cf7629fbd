"""Pure decisions: what differs between two rows of one bucket, and whether that is better or worse, or neither."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from s3audit_async.assessment import assess
from s3audit_async.findings import Finding
from s3audit_async.findings.catalogue import Severity, severity_of
from s3audit_async.sinks.columns import NARROW, WIDE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from s3audit_async.assessment import Assessment
    from s3audit_async.model import Row
    from s3audit_async.sinks.columns import Column, Value


class Direction(StrEnum):
    """Which way a change goes."""

    WORSE = "worse"
    UNKNOWN = "unknown"
    """Not both reports could read what it takes to tell, or nobody has rated what was found."""
    BETTER = "better"
    NEUTRAL = "neutral"


@dataclass(frozen=True, slots=True)
class Difference:
    """A column in which two rows differ; None is an empty cell."""

    column: Column
    old: Value
    new: Value


@dataclass(frozen=True, slots=True)
class Comparison:
    """How two rows of one bucket differ. Findings are sorted, the gravest first."""

    direction: Direction
    differences: tuple[Difference, ...] = ()
    gained: tuple[str, ...] = ()
    """Findings that OLD says are absent, and NEW has found."""
    lost: tuple[str, ...] = ()
    """Findings that OLD has found, and NEW says are absent."""
    now_known: tuple[str, ...] = ()
    """Findings that NEW has found, and of which OLD could not tell."""
    no_longer_known: tuple[str, ...] = ()
    """Findings that OLD has found, and of which NEW cannot tell."""
    undecided: tuple[str, ...] = ()
    """Findings that one of the two says are absent, and of which the other cannot tell; or of which neither can, where
    the key is another one."""


_NOT_COMPARED = frozenset({"bucket_name", "findings", "error", "created", "audited_at"})
"""Texts of errors hold request ids, and `created` changes with a bucket's policy (API reference of ListBuckets).
The code of an error stands in the mode or the key type; findings are compared by what is known of them."""
_OF_FOUR = tuple(column for column in NARROW if column.name not in _NOT_COMPARED)
_OF_ALL = tuple(column for column in WIDE if column.name not in _NOT_COMPARED)
_OPTIONAL = frozenset({"account", "region"})
"""Columns whose empty cell means that nobody knows; in the others it also means that there is none."""

BLIND = frozenset({Finding.ENCRYPTION_UNREADABLE, Finding.BUCKET_NOT_AUDITED, Finding.KEY_NOT_VERIFIED})
"""Findings that say that something is unknown. They are shown, and weigh nothing."""
BEYOND_FOUR_COLUMNS = frozenset(
    {
        Finding.KEY_DISABLED,
        Finding.KEY_PENDING_DELETION,
        Finding.KEY_UNUSABLE,
        Finding.KEY_IN_OTHER_REGION,
        Finding.KEY_IN_OTHER_ACCOUNT,
        Finding.KEY_NOT_SYMMETRIC,
        Finding.SSE_C_NOT_BLOCKED,
    }
)
"""Findings of which four columns never tell that a bucket has them. That they are unknown there decides nothing."""

_NAMES_THE_KEY = frozenset({"default_encryption_mode", "sse_kms_key_type", "key_arn"})
"""Columns that make it another key where they differ; the first holds the algorithm where there is none."""
_PLACES = ((Finding.KEY_IN_OTHER_ACCOUNT, "key_account"), (Finding.KEY_IN_OTHER_REGION, "key_region"))


def gravity_of(finding: str) -> Severity:
    """Give the severity that a finding is sorted by: medium for one that this version does not know."""
    return severity_of(finding) or Severity.MEDIUM


def gravest_first(findings: Iterable[str]) -> tuple[str, ...]:
    """Sort findings by severity, then by id."""
    return tuple(sorted(findings, key=lambda finding: (gravity_of(finding).rank, finding)))


def compare(old: Row, new: Row) -> Comparison | None:
    """Compare two rows of one bucket by what both their reports can know; None if nothing differs."""
    narrow = old.findings is None or new.findings is None
    differences = tuple(_differences(_OF_FOUR if narrow else _OF_ALL, old, new))
    if narrow and not differences:
        return None
    before, after = assess(old), assess(new)
    left_out: frozenset[str] = BEYOND_FOUR_COLUMNS if narrow else frozenset()
    gained = after.found - before.found - before.unknown
    lost = before.found - after.found - after.unknown
    still_unknown = _still_unknown(old, new, before, after, differences) - left_out
    one_sided = (before.unknown ^ after.unknown) - left_out
    now_known = (after.found & before.unknown) - left_out
    no_longer_known = (before.found & after.unknown) - left_out
    if not (differences or gained or lost or now_known or no_longer_known):
        return None
    return Comparison(
        direction=_direction(before, after, one_sided | still_unknown),
        differences=differences,
        gained=gravest_first(gained),
        lost=gravest_first(lost),
        now_known=gravest_first(now_known),
        no_longer_known=gravest_first(no_longer_known),
        undecided=gravest_first((one_sided - before.found - after.found) | (still_unknown - BLIND)),
    )


def _differences(columns: Iterable[Column], old: Row, new: Row) -> Iterable[Difference]:
    for column in columns:
        before, after = column.value(old), column.value(new)
        if before == after or (column.name in _OPTIONAL and None in {before, after}):
            continue
        yield Difference(column, before, after)


def _still_unknown(
    old: Row, new: Row, before: Assessment, after: Assessment, differences: Iterable[Difference]
) -> frozenset[str]:
    """Find what neither report can tell, and what need not be the same in both: the key is another one."""
    if all(each.column.name not in _NAMES_THE_KEY for each in differences):
        return frozenset()
    same = {finding for finding, place in _PLACES if None is not getattr(old, place) == getattr(new, place)}
    return (before.unknown & after.unknown) - same


def _direction(before: Assessment, after: Assessment, undecided: frozenset[str]) -> Direction:
    """Weigh what was gained against what was lost; what cannot be told counts as whatever it may be.

    So a change is only called worse, or better, if it is so whatever the unknown turns out to be. A finding that this
    version does not know may be of any severity.
    """
    gained = after.found - before.found - before.unknown - BLIND
    lost = before.found - after.found - after.unknown - BLIND
    undecided -= BLIND
    may_be_gained = {each for each in undecided if each in after.found or each in after.unknown - before.found}
    may_be_lost = {each for each in undecided if each in before.found or each in before.unknown - after.found}
    if _least(gained) > _most(lost | may_be_lost):
        return Direction.WORSE
    if _least(lost) > _most(gained | may_be_gained):
        return Direction.BETTER
    unrated = None in map(severity_of, gained | lost)
    return Direction.UNKNOWN if undecided or unrated else Direction.NEUTRAL


def _least(findings: Iterable[str]) -> tuple[int, ...]:
    return _weight([severity for severity in map(severity_of, findings) if severity is not None])


def _most(findings: Iterable[str]) -> tuple[int, ...]:
    return _weight([severity_of(finding) or Severity.CRITICAL for finding in findings])


def _weight(severities: Sequence[Severity]) -> tuple[int, ...]:
    """Count severities, the gravest first: one of a graver kind outweighs any number of others."""
    return tuple(severities.count(severity) for severity in Severity)
