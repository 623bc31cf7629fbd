"""Units of work: an account, or a share of one that is large; and what became of each account."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from s3audit_async.options import Share


@dataclass(frozen=True, slots=True)
class Account:
    """An account to audit. `id` is None where only a profile is known, until AWS is asked whose it is."""

    id: str | None
    name: str = ""
    """As the organization, the accounts file or the AWS configuration (a profile) calls it."""
    state: str = "ACTIVE"
    """AWS's own word (organizations model, Account.State)."""
    profile: str | None = None
    """The profile whose credentials are the account's; None where a role is assumed."""

    @property
    def key(self) -> str:
        """What tells it from the others of a run."""
        return self.id or self.name

    @property
    def label(self) -> str:
        """What people know it by."""
        return f"{self.id} ({self.name})" if self.id and self.name else self.id or self.name


@dataclass(frozen=True, slots=True)
class Unit:
    """What one worker does at a time."""

    account: Account
    share: Share | None = None
    """Which of its buckets; None for all."""


class Status(StrEnum):
    """What became of an account."""

    COMPLETE = "complete"
    """Each of its buckets has its row; rows may hold errors."""
    NOT_ENTERED = "not-entered"
    """No credentials for it could be had: nothing is known of its buckets."""
    INCOMPLETE = "incomplete"
    """It was entered, but not all of its buckets were listed."""
    SKIPPED = "skipped"
    """Not to be audited: it is not active."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRecord:
    """What became of one account: a line of the side file, and of the summary."""

    account: Account
    status: Status
    rows: int = 0
    """Rows of it in the report."""
    code: str = ""
    """AWS's error code, or its state where it was skipped."""
    message: str = ""
    unlisted: bool = False
    """Whether all that it lacks are buckets of one of the other kinds, of which observers have been told."""

    @property
    def label(self) -> str:
        """What people know the account by."""
        return self.account.label

    @property
    def why(self) -> str:
        """Code and message, as far as there are any, for people."""
        return ": ".join(part for part in (self.code, self.message) if part)

    @property
    def fruitless(self) -> bool:
        """Whether nothing is known of its buckets: it was not entered, or not one page of them could be listed."""
        lacks_all = self.status in {Status.NOT_ENTERED, Status.INCOMPLETE} and not self.unlisted
        return lacks_all and self.rows == 0
