"""The rows of a job's units, in the process that does the job, with the credentials of its own environment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from s3audit_async.fleet.entering import RoleEntrance
from s3audit_async.fleet.opened import OpenedRows
from s3audit_async.fleet.opening import open_caller, profiles_of
from s3audit_async.fleet.stream import FleetStream
from s3audit_async.limiter import Slots

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AsyncExitStack

    from s3audit_async.fleet.entering import Entrance
    from s3audit_async.fleet.units import AccountRecord
    from s3audit_async.fleet.work import Job
    from s3audit_async.ports import Observer, RowSource


def fleet_rows(job: Job, observer: Observer, concluded: Callable[[AccountRecord], None]) -> _JobStream:
    """Give the rows of a job's units. See `s3audit_async.fleet.work.JobRows`, which this fulfils."""
    return _JobStream(job, observer, concluded)


class _JobStream(OpenedRows):
    """Opens what the units are entered by, and streams their rows."""

    def __init__(self, job: Job, observer: Observer, concluded: Callable[[AccountRecord], None]) -> None:
        super().__init__()
        self._job = job
        self._observer = observer
        self._concluded = concluded

    async def _source(self, opening: AsyncExitStack) -> RowSource:
        job = self._job
        slots = Slots(job.options.max_concurrency)
        entrance = await self._entrance(opening, slots)
        return FleetStream(
            job.units, entrance, job.options, self._observer, slots, done=job.done, concluded=self._concluded
        )

    async def _entrance(self, opening: AsyncExitStack, slots: Slots) -> Entrance:
        access, options, observer = self._job.access, self._job.options, self._observer
        if all(unit.account.profile is not None for unit in self._job.units):
            return profiles_of(access, options, observer, slots)
        caller = await opening.enter_async_context(open_caller(access, options, observer, slots))
        return RoleEntrance(caller, access, observer)
