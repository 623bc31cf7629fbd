"""An OrganizationGateway that plays an organization from memory, in small pages, some of them empty."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

import anyio

from s3audit_async.model import AccountPage, MemberAccount, Operation, OrganizationalUnitPage, TagPage
from tests.fakes import HOME, error

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

T = TypeVar("T")
E = TypeVar("E")

ROOT = "r-ab12"


def unit(number: int) -> str:
    """The id of an organizational unit."""
    return f"ou-ab12-{number:08d}"


def member(number: int, state: str = "ACTIVE") -> MemberAccount:
    """An account of an organization."""
    return MemberAccount(f"{number:012d}", f"account {number}", state)


@dataclass
class FakeOrganization:
    """Accounts by their parent, and units by theirs. `fault` is asked before each answer and may raise or wait."""

    accounts: Mapping[str, Sequence[MemberAccount]]
    units: Mapping[str, Sequence[str]] = field(default_factory=dict)
    tags: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    page_size: int = 20
    empty: int = 1
    """How many empty pages come before each that is not."""
    fault: Callable[[Operation, str, int], Awaitable[None]] | None = None
    """Called with operation, target, and how often that was asked, from 1."""
    latency: float = 0.01
    home_region: str = HOME

    def __post_init__(self) -> None:
        self.calls: Counter[Operation] = Counter()
        self.asked: Counter[tuple[Operation, str]] = Counter()
        self.in_flight = 0
        self.peak = 0

    async def _answer(self, operation: Operation, target: str, answer: Callable[[], T]) -> T:
        self.calls[operation] += 1
        self.asked[operation, target] += 1
        self.in_flight += 1
        self.peak = max(self.peak, self.in_flight)
        try:
            await anyio.sleep(self.latency)
            if self.fault is not None:
                await self.fault(operation, target, self.asked[operation, target])
            return answer()
        finally:
            self.in_flight -= 1

    def _page(self, entries: Sequence[E], token: str | None) -> tuple[tuple[E, ...], str | None]:
        """Cut a page out; a token is the entry to begin with, and how many empty pages came before."""
        start, empty = map(int, (token or "0/0").split("/"))
        if empty < self.empty:
            return (), f"{start}/{empty + 1}"
        end = start + self.page_size
        return tuple(entries[start:end]), f"{end}/0" if end < len(entries) else None

    async def list_accounts(self, token: str | None) -> AccountPage:
        every = [account for accounts in self.accounts.values() for account in accounts]
        return await self._answer(Operation.LIST_ACCOUNTS, "*", lambda: AccountPage(*self._page(every, token)))

    async def list_accounts_for_parent(self, parent: str, token: str | None) -> AccountPage:
        operation = Operation.LIST_ACCOUNTS_FOR_PARENT
        self._check(operation, parent)
        return await self._answer(
            operation, parent, lambda: AccountPage(*self._page(self.accounts.get(parent, ()), token))
        )

    async def list_organizational_units_for_parent(self, parent: str, token: str | None) -> OrganizationalUnitPage:
        operation = Operation.LIST_ORGANIZATIONAL_UNITS_FOR_PARENT
        self._check(operation, parent)
        return await self._answer(
            operation, parent, lambda: OrganizationalUnitPage(*self._page(self.units.get(parent, ()), token))
        )

    async def list_tags(self, account: str, token: str | None) -> TagPage:
        tags = list(self.tags.get(account, {}).items())
        return await self._answer(Operation.LIST_TAGS_FOR_RESOURCE, account, lambda: TagPage(*self._page(tags, token)))

    def _check(self, operation: Operation, parent: str) -> None:
        known = {ROOT, *self.accounts, *self.units, *(child for units in self.units.values() for child in units)}
        if parent not in known:
            raise error(operation, parent, "ParentNotFoundException", status=400)
