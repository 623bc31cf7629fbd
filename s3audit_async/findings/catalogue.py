"""The catalogue: what each finding means, why it matters, how grave it is, how to mend it, and where that is said."""

from __future__ import annotations

from s3audit_async.findings.entries import ENTRIES
from s3audit_async.findings.entry import Entry, Reference, Severity

__all__ = ["CATALOGUE", "Entry", "Reference", "Severity", "entry"]

CATALOGUE: tuple[Entry, ...] = ENTRIES
"""Every finding once, in the order of `Finding`."""

_BY_ID: dict[str, Entry] = {each.finding: each for each in CATALOGUE}


def entry(finding: str) -> Entry | None:
    """Look a finding up; None for an id that this version does not know."""
    return _BY_ID.get(finding)
