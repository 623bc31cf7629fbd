"""One run over many accounts, from whose they are to the last row: what `RowStream` is to one account."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from s3audit_async.errors import WrongAccountError
from s3audit_async.fleet.access import Access
from s3audit_async.fleet.choosing import Choice, Chosen, choose
from s3audit_async.fleet.entering import RoleEntrance
from s3audit_async.fleet.opened import OpenedRows
from s3audit_async.fleet.opening import open_caller, profiles_of
from s3audit_async.fleet.organization import list_organization
from s3audit_async.fleet.stream import FleetStream
from s3audit_async.fleet.units import Account, AccountRecord, Status, Unit
from s3audit_async.limiter import Slots

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from contextlib import AsyncExitStack

    import aioboto3

    from s3audit_async.fleet.entering import Caller, Entrance
    from s3audit_async.options import Options
    from s3audit_async.ports import Observer, RowSource


_GONE = "it is not among the accounts any more, and was not audited to its end"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Which accounts are audited, and how each is entered.

    - `accounts`: those that are named, by their ids or each by its profile. None for the organization's.
    - `choice`: which of them, or of the organization's, are wanted.
    """

    access: Access = field(default_factory=Access)
    accounts: tuple[Account, ...] | None = None
    choice: Choice = field(default_factory=Choice)

    @property
    def by_profiles(self) -> bool:
        """Whether each account has a profile of its own."""
        return bool(self.accounts) and all(account.profile is not None for account in self.accounts or ())


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """What an interrupted run has left: keys of rows by account (`model.skip_key`), and accounts that are finished."""

    done: Mapping[str | None, Collection[str]] = field(default_factory=dict)
    finished: frozenset[str] = frozenset()

    def skipped(self, chosen: Chosen) -> tuple[AccountRecord, ...]:
        """Give what is to be told of accounts that are not audited: those that have rows and have gone since, too.

        What is known of finished ones stays, be they suspended or gone by now.
        """
        there = {account.id for account in chosen.audited} | {record.account.id for record in chosen.skipped}
        gone = sorted(account for account in self.done.keys() - there - self.finished if account is not None)
        return (
            *(record for record in chosen.skipped if record.account.id not in self.finished),
            *(AccountRecord(account=Account(each), status=Status.SKIPPED, message=_GONE) for each in gone),
        )


def units_of(
    plan: Plan, chosen: Chosen, before: Before, observer: Observer, concluded: Callable[[AccountRecord], None]
) -> list[Unit]:
    """Give the units of the accounts that are left to audit, and tell of those that are skipped."""
    for record in chosen.skipped if plan.by_profiles else before.skipped(chosen):
        concluded(record)
        observer.account_concluded(record)
    units = [Unit(account) for account in chosen.audited if account.id not in before.finished]
    observer.accounts_chosen(len(units))
    return units


def checked_owner(caller: Caller, options: Options) -> str:
    """Give the account that the caller's credentials belong to. Raises `WrongAccountError` if another is expected.

    Who goes on with a report as somebody else may see another organization, or be let into other accounts.
    """
    found = caller.identity.account
    if options.account not in {None, found}:
        raise WrongAccountError(options.account or "", found)
    return found


class FleetRun(OpenedRows):
    """`async with run as rows: async for row in rows: ...`: the rows of all accounts of a plan, as they complete.

    Entering the block asks whose the credentials are, and which accounts there are. It raises `CredentialsError` or
    `ListingError` if that is not told, and `UsageError` for accounts that are not there.
    """

    def __init__(
        self,
        plan: Plan,
        options: Options,
        observer: Observer,
        *,
        before: Before | None = None,
        concluded: Callable[[AccountRecord], None] = lambda _: None,
        session: aioboto3.Session | None = None,
    ) -> None:
        """Prepare. `concluded` is told of each account, once all rows of it were read; of those that are skipped, too.

        `session` defaults to one from the standard environment.
        """
        super().__init__()
        self._plan = plan
        self._options = options
        self._observer = observer
        self._before = before or Before()
        self._concluded = concluded
        self._session = session

    async def _source(self, opening: AsyncExitStack) -> RowSource:
        slots = Slots(self._options.max_concurrency)
        entrance, chosen = await self._entrance(opening, slots)
        return FleetStream(
            units_of(self._plan, chosen, self._before, self._observer, self._concluded),
            entrance,
            self._options,
            self._observer,
            slots,
            done=self._before.done,
            concluded=self._concluded,
            fruitful=bool(self._before.finished),
        )

    async def _entrance(self, opening: AsyncExitStack, slots: Slots) -> tuple[Entrance, Chosen]:
        plan, observer = self._plan, self._observer
        if plan.by_profiles:
            return profiles_of(plan.access, self._options, observer, slots), Chosen(plan.accounts or ())
        caller = await opening.enter_async_context(
            open_caller(plan.access, self._options, observer, slots, session=self._session)
        )
        self._owner = checked_owner(caller, self._options)
        entrance = RoleEntrance(caller, plan.access, observer)
        if plan.accounts is not None:
            return entrance, choose(plan.accounts, plan.choice)
        return entrance, await list_organization(caller.gateway.organization(), caller.asker, plan.choice)
