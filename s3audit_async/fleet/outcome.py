"""What became of the accounts of a run, all together."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from s3audit_async.errors import CredentialsError, ListingError
from s3audit_async.fleet.units import Status

if TYPE_CHECKING:
    from s3audit_async.errors import RunError
    from s3audit_async.fleet.units import AccountRecord

_DENIED = frozenset({"AccessDenied", "AccessDeniedException"})
"""S3 and STS say the one, most other services the other."""

LACKING = (Status.NOT_ENTERED, Status.INCOMPLETE)
"""What becomes of accounts that were to be audited, and were not to their end."""


@dataclass(frozen=True, slots=True)
class FleetOutcome:
    """The records of a run's accounts, each account once."""

    records: tuple[AccountRecord, ...] = ()

    @property
    def counts(self) -> Counter[Status]:
        """How many accounts came to what, in the order of `Status`."""
        found = Counter(record.status for record in self.records)
        return Counter({status: found[status] for status in Status if found[status]})

    @property
    def complete(self) -> bool:
        """Whether each account that was to be audited was: those that are skipped were not."""
        return not self.lacking

    @property
    def lacking(self) -> int:
        """How many accounts were not audited, or not to their end, that were to be."""
        return sum(record.status in LACKING for record in self.records)

    @property
    def denied(self) -> int:
        """How many accounts could not be entered, or not be listed, for want of permission."""
        return sum(record.status in LACKING and record.code in _DENIED for record in self.records)

    def of(self, status: Status) -> list[AccountRecord]:
        """Give the records with one status."""
        return [record for record in self.records if record.status is status]


def nothing_came(first: AccountRecord, count: int, hint: str = "") -> RunError:
    """Say that not one of so many accounts was audited, and why the first was not: there is more to that than each."""
    several = f"none of {count} accounts could" if count > 1 else "the account could not"
    if first.status is Status.NOT_ENTERED:
        return CredentialsError(
            f"{several} be entered; {first.label}: {first.why}",
            hint=hint or "'s3audit iam-policy --organization' prints the role and its trust policy",
        )
    whose = f"the buckets of {several}" if count > 1 else "the account's buckets could not"
    return ListingError(
        f"{whose} be listed; {first.label}: {first.why}",
        hint=hint or "'s3audit iam-policy' prints what has to be allowed in each account",
    )
