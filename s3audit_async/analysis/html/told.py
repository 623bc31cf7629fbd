"""What the page tells of each finding: how many buckets have it, what it means, and how one of them is mended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from s3audit_async.analysis.html.figures import SEVERITIES, UNRATED, severity_of
from s3audit_async.analysis.html.labels import visible
from s3audit_async.analysis.html.profiles import in_order
from s3audit_async.findings import Finding
from s3audit_async.findings.catalogue import entry
from s3audit_async.findings.mending import steps

if TYPE_CHECKING:
    from collections.abc import Mapping

    from s3audit_async.analysis.summary import Summary
    from s3audit_async.findings.catalogue import Entry
    from s3audit_async.model import Row


@dataclass(frozen=True, slots=True)
class Told:
    """One finding, as the page tells of it. `entry` is None for one that this version does not know."""

    finding: str
    severity: str
    title: str
    found: int
    unknown: int
    entry: Entry | None
    example: str = ""
    """The bucket that `steps` are for."""
    steps: tuple[str, ...] = ()


def told(summary: Summary, examples: Mapping[str, Row]) -> tuple[Told, ...]:
    """List the findings that some bucket has, or may have: the gravest first, then those of the most buckets."""
    listed = [
        _told(finding, summary, examples.get(finding)) for finding in in_order({*summary.findings, *summary.unknown})
    ]
    rank = {severity: place for place, severity in enumerate(SEVERITIES)}
    return tuple(sorted(listed, key=lambda each: (not each.found, rank[each.severity], -each.found, -each.unknown)))


def absent(summary: Summary) -> tuple[str, ...]:
    """List the findings that no bucket has, as far as every bucket could tell."""
    return tuple(finding for finding in Finding if not summary.findings[finding] and not summary.unknown[finding])


def titles() -> dict[str, dict[str, str]]:
    """Give the script what it shows of findings in the details of a bucket."""
    return {
        str(finding): {
            "title": known.title if (known := entry(finding)) else str(finding),
            "severity": severity_of(finding),
            "mend": known.mend if known else "",
        }
        for finding in Finding
    }


def _told(finding: str, summary: Summary, example: Row | None) -> Told:
    known = entry(finding)
    return Told(
        finding=finding,
        severity=severity_of(finding) if known else UNRATED,
        title=known.title if known else visible(finding),
        found=summary.findings[finding],
        unknown=summary.unknown[finding],
        entry=known,
        example=visible(example.bucket) if example else "",
        steps=tuple(map(visible_lines, steps(finding, example))) if example else (),
    )


def visible_lines(text: str) -> str:
    """Write hidden characters of a command out, line by line."""
    return "\n".join(map(visible, text.split("\n")))
