"""Orders findings for people: the gravest first, then those of the most buckets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from s3audit_async.findings.catalogue import entry, rank_of, severity_of

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["ranked", "severity_of", "title_of"]


def title_of(finding: str) -> str:
    """Look up what a finding is in a few words; nothing for one that this version does not know."""
    known = entry(finding)
    return "" if known is None else known.title


def ranked(counted: Iterable[tuple[str, int]]) -> list[str]:
    """Order findings with their counts by severity, then count, then id; those that are not known come last."""

    def place(each: tuple[str, int]) -> tuple[int, int, str]:
        finding, count = each
        return (rank_of(finding), -count, finding)

    return [finding for finding, _ in sorted(counted, key=place)]
