"""What the formats of findings say of a bucket: it passes, it fails, or nobody can tell, finding by finding."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from s3audit_async.assessment import assess
from s3audit_async.classify import NOT_APPLICABLE, UNKNOWN
from s3audit_async.findings import Finding, catalogue
from s3audit_async.findings.catalogue import Severity, entry
from s3audit_async.findings.compliance import Requirement, requirements
from s3audit_async.model import KMS_ALGORITHMS

if TYPE_CHECKING:
    from datetime import datetime

    from s3audit_async.findings.catalogue import Entry
    from s3audit_async.model import Row


class Status(Enum):
    """The three states. What is unknown is neither of the others."""

    PASS = "passed"  # noqa: S105 - no secret
    FAIL = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is known of one finding in one bucket."""

    finding: str
    status: Status
    open: tuple[str, ...] = ()
    """What else cannot be told, for the same reason."""

    @property
    def requirements(self) -> tuple[Requirement, ...]:
        """Those that it decides; on a pass, only those that this one finding is all there is to."""
        return requirements(self.finding)

    @property
    def entry(self) -> Entry | None:
        """What the catalogue says of it; None for what a later version has found."""
        return entry(self.finding)

    @property
    def title(self) -> str:
        """A few words. The catalogue's are those of the failure."""
        if self.status is Status.PASS:
            return "Default encryption is by a KMS key"
        title = self.entry.title if self.entry else self.finding
        if self.status is Status.UNKNOWN and self.finding not in _SAYS_UNKNOWN:
            return f"Unknown whether: {title}"
        return title


_UNREAD = frozenset({Finding.ENCRYPTION_UNREADABLE, Finding.BUCKET_NOT_AUDITED})
_SAYS_UNKNOWN = _UNREAD | {Finding.KEY_NOT_VERIFIED}
"""Findings that are themselves about what is not known: they fail nothing."""
_NOT_KMS = frozenset({Finding.NO_DEFAULT_ENCRYPTION, Finding.SSE_S3_ONLY})
_ORDER = {finding.value: place for place, finding in enumerate(Finding)}


def verdicts(row: Row) -> list[Verdict]:
    """List what there is to say of a row's bucket, in the catalogue's order; nothing of one that is gone.

    One verdict for each finding that was found or cannot be told, and a pass where the default encryption is by KMS.
    What is unknown because the bucket or its key could not be read is told once, in the verdict that says so.
    """
    said = assess(row)
    unknown = _ordered(said.unknown)
    reason = next((each for each in _ordered(said.found) if each in _SAYS_UNKNOWN), None)
    told = [
        Verdict(each, Status.UNKNOWN, unknown if each == reason else ())
        if each in _SAYS_UNKNOWN
        else Verdict(each, Status.FAIL)
        for each in _ordered(said.found)
    ]
    if reason is None:
        told += [Verdict(each, Status.UNKNOWN) for each in unknown]
    if _is_by_kms(row) and not _NOT_KMS & said.found:
        told.append(Verdict(Finding.SSE_S3_ONLY, Status.PASS))
    return sorted(told, key=lambda verdict: _place(verdict.finding))


def severity_of(verdict: Verdict) -> str | None:
    """Name how grave it is, in the catalogue's words; None for what the catalogue does not know."""
    passed = verdict.status is Status.PASS
    severity = Severity.INFORMATIONAL if passed else catalogue.severity_of(verdict.finding)
    return None if severity is None else severity.value


def moment_of(row: Row, otherwise: datetime) -> datetime:
    """Tell when the row was true; a report of four columns does not say."""
    return row.audited_at or otherwise


def _is_by_kms(row: Row) -> bool:
    if row.findings is None:  # four columns tell it by the key's type only
        return row.key_type not in {UNKNOWN, NOT_APPLICABLE}
    return row.algorithm in KMS_ALGORITHMS


def _ordered(findings: frozenset[str]) -> tuple[str, ...]:
    return tuple(sorted(findings, key=_place))


def _place(finding: str) -> tuple[int, str]:
    return _ORDER.get(finding, len(_ORDER)), finding
