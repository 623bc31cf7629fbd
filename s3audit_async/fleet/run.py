"""One run over many accounts, from whose they are to the last row: what `RowStream` is to one account."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from s3audit_async.fleet.access import Access
from s3audit_async.fleet.choosing import Choice, Chosen, choose
from s3audit_async.fleet.entering import RoleEntrance
from s3audit_async.fleet.opening import open_caller, profiles_of
from s3audit_async.fleet.organization import list_organization
from s3audit_async.fleet.stream import FleetStream
from s3audit_async.fleet.units import Account, AccountRecord, Status, Unit
from s3audit_async.limiter import Slots

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from types import TracebackType

    import aioboto3

    from s3audit_async.fleet.entering import Entrance
    from s3audit_async.model import Row
    from s3audit_async.options import Options
    from s3audit_async.ports import Observer


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
        """Give what is to be told of accounts that are not audited: those that have rows and have gone since, too."""
        there = {account.id for account in chosen.audited} | {record.account.id for record in chosen.skipped}
        gone = sorted(account for account in self.done.keys() - there - self.finished if account is not None)
        return (
            *chosen.skipped,
            *(AccountRecord(account=Account(each), status=Status.SKIPPED, message=_GONE) for each in gone),
        )


class FleetRun:
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
        self._plan = plan
        self._options = options
        self._observer = observer
        self._before = before or Before()
        self._concluded = concluded
        self._session = session
        self._opened = AsyncExitStack()
        self._rows: FleetStream | None = None

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as opening:
            slots = Slots(self._options.max_concurrency)
            entrance, chosen = await self._entrance(opening, slots)
            for record in chosen.skipped if self._plan.by_profiles else self._before.skipped(chosen):
                self._concluded(record)
                self._observer.account_concluded(record)
            to_do = [account for account in chosen.audited if account.id not in self._before.finished]
            self._observer.accounts_chosen(len(to_do))
            self._rows = await opening.enter_async_context(
                FleetStream(
                    [Unit(account) for account in to_do],
                    entrance,
                    self._options,
                    self._observer,
                    slots,
                    done=self._before.done,
                    concluded=self._concluded,
                    fruitful=bool(self._before.finished),
                )
            )
            self._opened = opening.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        return bool(await self._opened.__aexit__(kind, error, trace))

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Row:
        return await self._entered.__anext__()

    async def account(self) -> str | None:
        """Give None: the rows are of many accounts."""
        return None

    def stop(self) -> None:
        """Ask the run to end now. The rows that are ready still come; then `InterruptedRunError` is raised."""
        self._entered.stop()

    @property
    def distinct_keys(self) -> int:
        """Keys that KMS was asked about so far; stays readable after the block."""
        return self._rows.distinct_keys if self._rows is not None else 0

    @property
    def bytes_received(self) -> int:
        """Bytes of answer bodies that were read so far; stays readable after the block."""
        return self._rows.bytes_received if self._rows is not None else 0

    @property
    def _entered(self) -> FleetStream:
        if self._rows is None:
            raise RuntimeError("a run has to be entered first")
        return self._rows

    async def _entrance(self, opening: AsyncExitStack, slots: Slots) -> tuple[Entrance, Chosen]:
        plan, observer = self._plan, self._observer
        if plan.by_profiles:
            return profiles_of(plan.access, self._options, observer, slots), Chosen(plan.accounts or ())
        caller = await opening.enter_async_context(
            open_caller(plan.access, self._options, observer, slots, session=self._session)
        )
        entrance = RoleEntrance(caller, plan.access, observer)
        if plan.accounts is not None:
            return entrance, choose(plan.accounts, plan.choice)
        return entrance, await list_organization(caller.gateway.organization(), caller.asker, plan.choice)
