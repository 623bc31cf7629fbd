"""Orders findings for people: the gravest first, then those of the most buckets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from s3audit_async.findings.catalogue import Severity, entry

if TYPE_CHECKING:
    from collections.abc import Iterable


def severity_of(finding: str) -> Severity | None:
    """Look up how grave a finding is; None for one that this version does not know."""
    known = entry(finding)
    return None if known is None else known.severity


def title_of(finding: str) -> str:
    """Look up what a finding is in a few words; nothing for one that this version does not know."""
    known = entry(finding)
    return "" if known is None else known.title


def ranked(counted: Iterable[tuple[str, int]]) -> list[str]:
    """Order findings with their counts by severity, then count, then id; those that are not known come last."""

    def place(each: tuple[str, int]) -> tuple[int, int, str]:
        finding, count = each
        severity = severity_of(finding)
        return (len(Severity) if severity is None else severity.rank, -count, finding)

    return [finding for finding, _ in sorted(counted, key=place)]
