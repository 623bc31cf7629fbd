"""What a stub organization is made of: its members, their roles, its units. Pure data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from benchmarks.stub.account import EPOCH, StubAccount

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from benchmarks.stub.account import ReportRow

ROLE = "s3audit"
"""Name of the role that members have."""
ROOT = "r-stub"
"""Id of the organization's root, the parent of what names none."""
_STATUS = {"CLOSED": "SUSPENDED", "PENDING_ACTIVATION": "ACTIVE"}
"""The older field knows fewer words than `State` (organizations model, AccountStatus)."""


@dataclass(frozen=True, slots=True)
class StubMember:
    """An account of the organization, and what its role lets in.

    The role can be assumed by whoever gives `external_id` (where there is one), for at most `max_session` seconds;
    by nobody when `denied`, or while the account is not ACTIVE. `role` may have a path: `audit/s3audit`.
    """

    account: StubAccount
    name: str = ""
    state: str = "ACTIVE"
    parent: str = ROOT
    tags: Mapping[str, str] = field(default_factory=dict)
    role: str = ROLE
    external_id: str = ""
    max_session: int = 3600
    denied: bool = False
    joined: datetime = EPOCH

    @property
    def id(self) -> str:
        """The account's id."""
        return self.account.id

    @property
    def role_arn(self) -> str:
        """What AssumeRole has to be asked for."""
        return f"arn:{self.account.partition}:iam::{self.id}:role/{self.role}"

    @property
    def status(self) -> str:
        """The state in the older field."""
        return _STATUS.get(self.state, self.state)

    @property
    def lets_in(self) -> bool:
        """Whether anybody can assume the role."""
        return not self.denied and self.state == "ACTIVE"


@dataclass(frozen=True, slots=True)
class StubUnit:
    """An organizational unit."""

    id: str
    name: str = ""
    parent: str = ROOT


@dataclass(frozen=True, slots=True)
class StubOrganization:
    """Several accounts. The first member is the management account: whose credentials are nobody else's are its own.

    A member's own credentials have the access key id `AKIA` and its account id; no secret is checked.
    `delegated` are ids of members that may ask for the list of accounts, beside the management account.
    `caller_is_role`: the management account's credentials are those of a role, so that AssumeRole is chaining.
    `in_use=False`: the account is in no organization, and the API says so.
    `page_size` is the most accounts of a page, and `empty_pages` whether an empty one comes before each of them.
    `fields` are those that tell an account's state: of `State`, and `Status`, which AWS retires.
    """

    members: Sequence[StubMember]
    units: Sequence[StubUnit] = ()
    delegated: frozenset[str] = frozenset()
    caller_is_role: bool = False
    in_use: bool = True
    page_size: int = 20
    empty_pages: bool = True
    fields: tuple[str, ...] = ("State", "Status")
    id: str = "o-stub000001"
    by_id: Mapping[str, StubMember] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        by_id = {member.id: member for member in self.members}
        if not self.members or len(by_id) != len(self.members):
            raise ValueError("an organization has members, each with an id of its own")
        object.__setattr__(self, "by_id", by_id)

    @property
    def management(self) -> StubMember:
        """The account that the organization belongs to."""
        return self.members[0]

    @property
    def entered(self) -> Iterator[StubMember]:
        """Whose buckets an audit can read."""
        return (member for member in self.members if member.lets_in)

    def expected(self, account: str, name: str) -> ReportRow:
        """Tell what the report must say of a member's bucket."""
        return self.by_id[account].account.expected(name)
