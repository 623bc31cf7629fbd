"""Checks a report against a policy, row after row, and sums up what comes of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from s3audit_async.analysis.policy.judging import RowVerdict, Standing, in_order, judge
from s3audit_async.analysis.summary import Named

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from s3audit_async.analysis.policy.terms import Policy, PolicyException
    from s3audit_async.model import Row

SOON = timedelta(days=30)
"""How long before an exception expires that is worth a note."""


class Outcome(StrEnum):
    """What a report amounts to by a policy."""

    VIOLATED = "violated"
    """At least one bucket violates it, whatever is known of the others."""
    INCOMPLETE = "incomplete"
    """No bucket is known to violate it, and of at least one nobody can tell; or not all were checked."""
    PASSED = "passed"


class Concern(StrEnum):
    """Why an exception is worth a note."""

    EXPIRED = "expired"
    EXPIRING = "expiring"
    UNUSED = "unused"
    """It holds, and excepts nothing in what was checked, which may be a part of the buckets only."""


@dataclass(frozen=True, slots=True)
class ExceptionNote:
    """An exception that someone should look at."""

    concern: Concern
    exception: PolicyException
    buckets: Named
    """Those that it excepts, or would, had it not expired."""

    def as_dict(self) -> dict[str, Any]:
        """Give it as JSON."""
        return {
            "concern": self.concern.value,
            "line": self.exception.line,
            "scope": str(self.exception.scope),
            "reason": self.exception.reason,
            "expires": self.exception.expires.isoformat(),
            **_as_dict(self.buckets),
        }


class PolicyCheck:
    """One report against one policy. Its memory grows with the policy, not with the report."""

    def __init__(self, policy: Policy, *, today: date) -> None:
        self.policy = policy
        self.today = today
        self.standings: Counter[Standing] = Counter()
        """Buckets by how they stand."""
        self.violating = Named()
        """Buckets that violate the policy."""
        self.undecided = Named()
        """Buckets that are not known to, and of which nobody can tell."""
        self.four_columns = 0
        """Rows of a report of four columns, which leaves more unknown than a wide one."""
        self.gaps: list[str] = []
        """Why the rows are not all that there are to check, for people. Where there is a gap, nothing passes."""
        self._failing: dict[str, Named] = {}
        self._unknown: dict[str, Named] = {}
        self._excepted: dict[str, Named] = {}
        self._used: dict[int, Named] = {}
        self._lapsed: dict[int, Named] = {}

    def add(self, row: Row) -> RowVerdict:
        """Check one row, and count it."""
        verdict = judge(row, self.policy, self.today)
        self.standings[verdict.standing] += 1
        self.four_columns += row.findings is None
        if verdict.standing is Standing.VIOLATION:
            self.violating.add(row.bucket)
        if verdict.standing is Standing.UNKNOWN:
            self.undecided.add(row.bucket)
        for counts, keys in (
            (self._failing, verdict.failing),
            (self._unknown, verdict.unknown),
            (self._excepted, verdict.excepted),
        ):
            for finding in keys:
                counts.setdefault(finding, Named()).add(row.bucket)
        for uses, places in ((self._used, verdict.used), (self._lapsed, verdict.lapsed)):
            for place in places:
                uses.setdefault(place, Named()).add(row.bucket)
        return verdict

    @property
    def outcome(self) -> Outcome:
        """What the rows until now amount to."""
        if self.standings[Standing.VIOLATION]:
            return Outcome.VIOLATED
        return Outcome.INCOMPLETE if self.standings[Standing.UNKNOWN] or self.gaps else Outcome.PASSED

    @property
    def rows(self) -> int:
        """How many were checked."""
        return self.standings.total()

    @property
    def failing(self) -> Mapping[str, Named]:
        """The buckets that violate the policy, by finding."""
        return _ordered(self._failing)

    @property
    def unknown(self) -> Mapping[str, Named]:
        """The buckets of which nobody can tell whether they do, by finding; they may violate it by another one."""
        return _ordered(self._unknown)

    @property
    def excepted(self) -> Mapping[str, Named]:
        """The buckets in which a finding is excepted, by finding."""
        return _ordered(self._excepted)

    @property
    def notes(self) -> tuple[ExceptionNote, ...]:
        """The exceptions that someone should look at, in the order of `Concern`, then of the policy."""
        notes = [
            ExceptionNote(concern, exception, (self._lapsed if expired else self._used).get(place, Named()))
            for place, exception in enumerate(self.policy.exceptions)
            for expired in (exception.has_expired(self.today),)
            for concern in self._concerns(place, exception, expired=expired)
        ]
        return tuple(sorted(notes, key=lambda note: list(Concern).index(note.concern)))

    def _concerns(self, place: int, exception: PolicyException, *, expired: bool) -> list[Concern]:
        if expired:
            return [Concern.EXPIRED]
        if self.rows and place not in self._used:
            return [Concern.UNUSED]
        return [Concern.EXPIRING] if exception.expires - self.today <= SOON else []

    def as_dict(self) -> dict[str, Any]:
        """Give the verdict as JSON: counts, and the first names of each kind."""
        return {
            "policy": self.policy.name,
            "title": self.policy.title or None,
            "outcome": self.outcome.value,
            "checked_on": self.today.isoformat(),
            "rows": self.rows,
            "gaps": list(self.gaps),
            "buckets": {standing.value: self.standings[standing] for standing in Standing},
            "violating": _as_dict(self.violating),
            "undecided": _as_dict(self.undecided),
            "failing": {finding: _as_dict(named) for finding, named in self.failing.items()},
            "unknown": {finding: _as_dict(named) for finding, named in self.unknown.items()},
            "excepted": {finding: _as_dict(named) for finding, named in self.excepted.items()},
            "exceptions": [note.as_dict() for note in self.notes],
        }


def _ordered(counts: dict[str, Named]) -> dict[str, Named]:
    return {finding: counts[finding] for finding in in_order(counts)}


def _as_dict(named: Named) -> dict[str, Any]:
    return {"count": named.count, "first": list(named.first)}
