"""The catalogue: what each finding means, why it matters, how grave it is, how to mend it, and where that is said."""

from __future__ import annotations

from s3audit_async.findings.entries import ENTRIES
from s3audit_async.findings.entry import Entry, Reference, Severity

__all__ = ["CATALOGUE", "Entry", "Reference", "Severity", "entry", "rank_of", "severity_of"]

CATALOGUE: tuple[Entry, ...] = ENTRIES
"""Every finding once, in the order of `Finding`."""

_BY_ID: dict[str, Entry] = {each.finding: each for each in CATALOGUE}


def entry(finding: str) -> Entry | None:
    """Look a finding up; None for an id that this version does not know."""
    return _BY_ID.get(finding)


def severity_of(finding: str) -> Severity | None:
    """Look up how grave a finding is; None for an id that this version does not know."""
    known = entry(finding)
    return None if known is None else known.severity


def rank_of(finding: str) -> int:
    """Give a finding's place by severity, 0 for the gravest; an id that is not known comes after all others."""
    severity = severity_of(finding)
    return len(Severity) if severity is None else severity.rank
