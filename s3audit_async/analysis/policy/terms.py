"""What a policy is made of, once it is read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from s3audit_async.analysis.policy.patterns import EVERYTHING, AllowedKeys, Names
from s3audit_async.findings import Finding
from s3audit_async.findings.catalogue import Severity, entry

if TYPE_CHECKING:
    from datetime import date

    from s3audit_async.model import Row

KEY_NOT_ALLOWED = "key-not-allowed"
"""What a policy's `allowed_keys` finds. It is no finding of the catalogue: no report holds it."""

UNKNOWNS = frozenset({Finding.ENCRYPTION_UNREADABLE, Finding.BUCKET_NOT_AUDITED, Finding.KEY_NOT_VERIFIED})
"""Findings that say that something is unknown. However grave, no `fail_severity` makes a violation of that."""


@dataclass(frozen=True, slots=True)
class Failing:
    """Which findings fail: those that are named, and with a severity those that are as grave, or graver."""

    findings: frozenset[str] = frozenset()
    severity: Severity | None = None

    def holds(self, finding: str) -> bool | None:
        """Tell whether a finding is among them; None for one whose severity this version does not know."""
        if finding in self.findings:
            return True
        if self.severity is None or finding in UNKNOWNS:
            return False
        known = entry(finding)
        return None if known is None else known.severity.rank <= self.severity.rank


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Which buckets a rule or an exception is about: patterns, of which one of each kind that is given must match."""

    buckets: tuple[str, ...] = (EVERYTHING,)
    regions: tuple[str, ...] = (EVERYTHING,)
    accounts: tuple[str, ...] = (EVERYTHING,)
    _buckets: Names = field(init=False, repr=False, compare=False)
    _regions: Names = field(init=False, repr=False, compare=False)
    _accounts: Names = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for kind in ("buckets", "regions", "accounts"):
            object.__setattr__(self, f"_{kind}", Names(getattr(self, kind)))

    def covers(self, row: Row) -> bool | None:
        """Tell whether a bucket is meant; None if that hangs on a region or account that the row does not hold."""
        answers = (self._buckets.hold(row.bucket), self._regions.hold(row.region), self._accounts.hold(row.account))
        if False in answers:
            return False
        return None if None in answers else True

    def __str__(self) -> str:
        kinds = {"buckets": self.buckets, "regions": self.regions, "accounts": self.accounts}
        return ", ".join(
            f"{kind} {' '.join(patterns)}"
            for kind, patterns in kinds.items()
            if kind == "buckets" or patterns != (EVERYTHING,)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyRule:
    """What is otherwise for some buckets. None is what the rule leaves as it was."""

    scope: Scope
    fail: Failing | None = None
    """In place of what failed so far."""
    also_fail: frozenset[str] = frozenset()
    ignore: frozenset[str] = frozenset()
    keys_changed: bool = False
    allowed_keys: AllowedKeys | None = None
    """In place of what was allowed so far, if `keys_changed`; None allows any key."""

    def demand(self, finding: str, before: bool | None) -> bool | None:
        """Tell whether a finding fails in this rule's buckets, given whether it failed before; None is not known."""
        if finding in self.ignore:
            return False
        if finding in self.also_fail:
            return True
        return before if self.fail is None else self.fail.holds(finding)


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyException:
    """Findings that are put up with in some buckets for a while."""

    scope: Scope
    findings: frozenset[str] | None
    """None for all of them."""
    reason: str
    expires: date
    """The last day on which it holds, in UTC."""
    line: int
    """Where it begins in the policy's text."""

    def names(self, finding: str) -> bool:
        """Tell whether it is about this finding."""
        return self.findings is None or finding in self.findings

    def has_expired(self, today: date) -> bool:
        """Tell whether it does not hold any more."""
        return self.expires < today


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Which findings fail. Rules change that for some buckets, in their order; exceptions come last."""

    name: str
    """That of the built-in policy, or of the file."""
    title: str = ""
    description: str = ""
    fail: Failing = field(default_factory=Failing)
    allowed_keys: AllowedKeys | None = None
    """None allows any key."""
    rules: tuple[PolicyRule, ...] = ()
    exceptions: tuple[PolicyException, ...] = ()
