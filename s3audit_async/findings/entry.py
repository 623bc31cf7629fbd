"""What the catalogue holds of one finding, and how grave findings can be."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from s3audit_async.findings.ids import Finding


class Severity(StrEnum):
    """How grave a finding is, the gravest first. The words are those of AWS Security Hub."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFORMATIONAL = "informational"

    @property
    def rank(self) -> int:
        """Its place, 0 for the gravest."""
        return list(Severity).index(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A page that says so."""

    title: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One finding, as people are told of it. All texts are plain text, whole sentences."""

    finding: Finding
    severity: Severity
    title: str
    """A few words, without a full stop, as they head a table row."""
    meaning: str
    """What it is that was found."""
    why: str
    """Why it matters."""
    mend: str
    """How to mend it, in words; `mending.steps` gives the calls for a bucket."""
    references: tuple[Reference, ...] = ()
