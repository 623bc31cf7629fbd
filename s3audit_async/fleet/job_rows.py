"""The rows of a job's units, in the process that does the job, with the credentials of its own environment."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Self

from s3audit_async.fleet.entering import RoleEntrance
from s3audit_async.fleet.opening import open_caller, profiles_of
from s3audit_async.fleet.stream import FleetStream
from s3audit_async.limiter import Slots

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from s3audit_async.fleet.entering import Entrance
    from s3audit_async.fleet.units import AccountRecord
    from s3audit_async.fleet.work import Job
    from s3audit_async.model import Row
    from s3audit_async.ports import Observer


def fleet_rows(job: Job, observer: Observer, concluded: Callable[[AccountRecord], None]) -> _JobStream:
    """Give the rows of a job's units. See `s3audit_async.fleet.work.JobRows`, which this fulfils."""
    return _JobStream(job, observer, concluded)


class _JobStream:
    """Opens what the units are entered by, and streams their rows."""

    def __init__(self, job: Job, observer: Observer, concluded: Callable[[AccountRecord], None]) -> None:
        self._job = job
        self._observer = observer
        self._concluded = concluded
        self._opened = AsyncExitStack()
        self._rows: FleetStream | None = None

    @property
    def distinct_keys(self) -> int:
        return self._rows.distinct_keys if self._rows is not None else 0

    @property
    def bytes_received(self) -> int:
        return self._rows.bytes_received if self._rows is not None else 0

    async def __aenter__(self) -> Self:
        job = self._job
        async with AsyncExitStack() as opening:
            slots = Slots(job.options.max_concurrency)
            entrance = await self._entrance(opening, slots)
            stream = FleetStream(
                job.units, entrance, job.options, self._observer, slots, done=job.done, concluded=self._concluded
            )
            self._rows = await opening.enter_async_context(stream)
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
        return None

    def stop(self) -> None:
        self._entered.stop()

    @property
    def _entered(self) -> FleetStream:
        if self._rows is None:
            raise RuntimeError("the rows of a job have to be entered first")
        return self._rows

    async def _entrance(self, opening: AsyncExitStack, slots: Slots) -> Entrance:
        access, options, observer = self._job.access, self._job.options, self._observer
        if all(unit.account.profile is not None for unit in self._job.units):
            return profiles_of(access, options, observer, slots)
        caller = await opening.enter_async_context(open_caller(access, options, observer, slots))
        return RoleEntrance(caller, access, observer)
