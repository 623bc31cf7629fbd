"""One run by several processes: what `RowStream` and `FleetRun` are where one process does it all."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import nullcontext
from typing import TYPE_CHECKING

from anyio import to_thread

from s3audit_async.errors import ListingError
from s3audit_async.fleet.access import Access
from s3audit_async.fleet.choosing import Chosen, choose
from s3audit_async.fleet.executing import Dispatcher
from s3audit_async.fleet.job_rows import fleet_rows
from s3audit_async.fleet.opened import OpenedRows
from s3audit_async.fleet.opening import open_caller
from s3audit_async.fleet.organization import list_organization
from s3audit_async.fleet.run import Before, checked_owner, units_of
from s3audit_async.fleet.splitting import chunks_of, shares_of, take_census
from s3audit_async.fleet.units import Account, AccountRecord, Status, Unit
from s3audit_async.fleet.work import jobs_for, jobs_for_names
from s3audit_async.limiter import Slots
from s3audit_async.model import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Container
    from contextlib import AsyncExitStack

    import aioboto3

    from s3audit_async.fleet.entering import Caller
    from s3audit_async.fleet.executing import Crew
    from s3audit_async.fleet.run import Plan
    from s3audit_async.fleet.work import Job, JobRows, Part
    from s3audit_async.model import Row
    from s3audit_async.options import Options
    from s3audit_async.ports import Observer, RowSource


class CrewRun(OpenedRows):
    """`async with run as rows: async for row in rows: ...`: the rows of a plan's accounts, audited by a crew.

    Without a plan it is the account that the credentials belong to, cut into shares if it is large. Entering the block
    asks whose the credentials are, and which accounts there are, or which buckets, and hands out the first jobs. The
    credentials stay here: whoever does a job finds its own, as its environment has them.
    """

    def __init__(
        self,
        crew: Crew,
        plan: Plan | None,
        options: Options,
        observer: Observer,
        *,
        access: Access | None = None,
        before: Before | None = None,
        concluded: Callable[[AccountRecord], None] = lambda _: None,
        arrived: Callable[[Part], None] = lambda _: None,
        session: aioboto3.Session | None = None,
        rows_of: JobRows = fleet_rows,
    ) -> None:
        """Prepare. The crew has to be entered already, and is left as it is.

        - `access`: profile and region of the one account, where there is no plan.
        - `options`: whose `skip`, where there is no plan, has to be a collection, as it is sent to others.
        - `before`: what an interrupted run of a plan has left.
        - `concluded`: told of each account once all rows of it were read; of those that are skipped, too.
        - `arrived`: told of each part before its first row: `RunStats.merge(part.figures)` counts its calls.
        - `session`: of whoever lists accounts and buckets here, by default from the standard environment.
        """
        super().__init__()
        self._crew = crew
        self._plan = plan
        self._options = options
        self._observer = observer
        self._access = plan.access if plan is not None else access or Access()
        self._before = before or Before()
        self._concluded = concluded
        self._arrived = arrived
        self._session = session
        self._rows_of = rows_of
        self._incomplete: AccountRecord | None = None

    async def _source(self, opening: AsyncExitStack) -> RowSource:  # noqa: ARG002 - jobs are done elsewhere
        await to_thread.run_sync(self._crew.prepare)  # while the listing is awaited
        account = None
        if self._plan is None:
            account, jobs = await self._one_account()
        else:
            jobs = await self._many_accounts(self._plan)
        return Dispatcher(
            self._crew,
            jobs,
            self._rows_of,
            self._observer,
            concluded=self._conclude,
            arrived=self._arrived,
            account=account,
            fruitful=bool(self._before.finished),
        )

    async def __anext__(self) -> Row:
        try:
            return await super().__anext__()
        except StopAsyncIteration:
            if self._incomplete is None:
                raise
            raise ListingError(
                f"not all of the account's buckets could be listed ({self._incomplete.why})",
                hint="what was listed has been audited; go on with --resume",
            ) from None

    def _conclude(self, record: AccountRecord) -> None:
        if self._plan is None and record.status is not Status.COMPLETE and not record.unlisted:
            self._incomplete = record
        self._concluded(record)

    async def _one_account(self) -> tuple[str, tuple[Job, ...]]:
        options, workers = self._options, self._crew.size
        slots = Slots(options.max_concurrency)
        async with open_caller(self._access, options, self._observer, slots, session=self._session) as caller:
            found = checked_owner(caller, options)
            unit = Unit(Account(found))
            done: dict[str | None, Collection[str]] = {found: _listed(options.skip)}
            if options.buckets:
                chunks = chunks_of(options.buckets, workers)
                return found, jobs_for_names(unit, chunks, options, workers=workers, access=self._access, done=done)
            units = await self._shares(unit, caller) or (unit,)
        return found, jobs_for(units, options, workers=workers, access=self._access, done=done)

    async def _shares(self, unit: Unit, caller: Caller) -> tuple[Unit, ...]:
        if self._crew.size < 2 or Kind.GENERAL not in self._options.kinds:  # noqa: PLR2004 - nobody to share with
            return ()
        census = await take_census(lambda: nullcontext(caller.gateway), self._options, self._observer)
        return tuple(Unit(unit.account, share) for share in shares_of(census, self._crew.size))

    async def _many_accounts(self, plan: Plan) -> tuple[Job, ...]:
        chosen = await self._chosen(plan)
        units = units_of(plan, chosen, self._before, self._observer, self._concluded)
        return jobs_for(units, self._options, workers=self._crew.size, access=self._access, done=self._before.done)

    async def _chosen(self, plan: Plan) -> Chosen:
        if plan.by_profiles:
            return Chosen(plan.accounts or ())
        if plan.accounts is not None:
            return choose(plan.accounts, plan.choice)
        slots = Slots(self._options.max_concurrency)
        async with open_caller(self._access, self._options, self._observer, slots, session=self._session) as caller:
            self._owner = checked_owner(caller, self._options)
            return await list_organization(caller.gateway.organization(), caller.asker, plan.choice)


def _listed(skip: Container[str]) -> Collection[str]:
    if not isinstance(skip, Collection):
        raise TypeError("what is to be skipped is sent to others, and so has to be a collection")
    return skip
