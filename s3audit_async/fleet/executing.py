"""The one seam to several processes: hands jobs to an executor, and gives the rows of their parts as they come in."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from concurrent.futures import CancelledError
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NoReturn, Protocol, Self

import anyio
from anyio import to_thread
from anyio.lowlevel import checkpoint

from s3audit_async.errors import InterruptedRunError, RunError
from s3audit_async.fleet.outcome import nothing_came
from s3audit_async.fleet.units import AccountRecord, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Future
    from types import TracebackType

    from s3audit_async.fleet.units import Account
    from s3audit_async.fleet.work import Job, JobRows, Part
    from s3audit_async.model import Row
    from s3audit_async.ports import Observer

JOBS_AHEAD = 2
"""Jobs that are handed out for each worker: the one it does, and the next. No more parts than that wait for us."""
WORKER_LOST = "WorkerLost"
"""Code of an account whose worker died, each time anew."""
_NAMED = 5
"""Accounts that a message names."""


class Crew(Protocol):
    """Worker processes, and the executor of `concurrent.futures` through which they are had."""

    @property
    def size(self) -> int:
        """How many jobs are done at once."""
        ...

    @property
    def attempts(self) -> int:
        """How often a job is handed out, if its worker dies each time."""
        ...

    @property
    def deaths(self) -> tuple[type[BaseException], ...]:
        """What a future raises whose worker has died."""
        ...

    def prepare(self) -> None:
        """Know that there will be jobs in a moment: what takes time to start is started."""
        ...

    def submit(self, job: Job, rows_of: JobRows) -> Future[object]:
        """Hand out `run_job(job, rows_of)`; to new workers, if the last ones were dismissed. Raises `deaths`, too."""
        ...

    def receive(self, result: object) -> Part:
        """Make the part of what a future gave. Raises what `run_job` did. Blocks."""
        ...

    def recall(self) -> bool:
        """Ask those who are at work to hand in what they have, at once. False where they cannot be asked."""
        ...

    def mourn(self) -> None:
        """Know that a worker has died: where that ends all of them, they are dismissed. Blocks, but not for long."""
        ...

    def dismiss(self) -> None:
        """Give up what is under way, and end the workers, if they are ours. Blocks, but not for long."""
        ...


@dataclass(slots=True)
class _Errand:
    """A job on its way."""

    job: Job
    attempts: int = 0
    crew: int = 0
    """Which workers have it: a number that grows whenever they are dismissed."""


@dataclass(slots=True)
class _Ledger:
    """What became of an account that several jobs share."""

    open: int
    records: list[AccountRecord] = field(default_factory=list)


class Dispatcher:
    """`async with dispatcher as rows: async for row in rows: ...`: the face of a row stream, with workers behind it.

    A part of the report comes as a whole, once its job is done: nothing twice, nothing half. A run that ends early has
    those that work hand in what they have, and gives up what they cannot. Jobs whose workers die are
    handed out again, all at once; those that lose their worker a second time one by one, so that a job
    that kills whoever does it takes no other with it. It is given up in the end, all others are done, and then
    `RunError` names the accounts that are missing.

    What ends one job for a reason that holds for all (no credentials, the wrong account, no cluster) ends the run:
    parts that are ready still come, then that error is raised. `concluded` is told what became of each account once
    its rows have gone to the reader, of one in several jobs once all are in; `arrived` is told of each part before its
    first row.
    """

    def __init__(
        self,
        crew: Crew,
        jobs: Sequence[Job],
        rows_of: JobRows,
        observer: Observer,
        *,
        concluded: Callable[[AccountRecord], None] = lambda _: None,
        arrived: Callable[[Part], None] = lambda _: None,
        account: str | None = None,
        fruitful: bool = False,
    ) -> None:
        """Take the jobs. `account` is the one that all of them are of, if it is known.

        `fruitful` tells whether other accounts have been entered before, so that it is no failure of the run if none is
        now.
        """
        self._crew = crew
        self._rows_of = rows_of
        self._observer = observer
        self._account = account
        self._concluded = concluded
        self._arrived = arrived
        self._waiting = deque(_Errand(job) for job in jobs)
        self._suspects: deque[_Errand] = deque()
        self._under_way: dict[Future[object], _Errand] = {}
        self._ready: deque[Future[object]] = deque()
        self._some_ready = anyio.Event()
        times = Counter(account for job in jobs for account in {unit.account for unit in job.units})
        self._shared = {account: _Ledger(count) for account, count in times.items() if count > 1}
        for job in jobs:
            if len(job.units) > 1 and any(unit.account in self._shared for unit in job.units):
                raise ValueError("an account in several jobs has to have them for itself")
        self._generation = 0
        self._lost: list[Job] = []
        self._fruitful = fruitful
        self._entered_by: dict[str, str] = {}
        self._fruitless: list[AccountRecord] = []
        self._end: BaseException | None = None
        self._rows: Iterator[Row] = iter(())
        self._chunks: Iterator[list[Row]] = iter(())
        self._part: tuple[Job, Part] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self.distinct_keys = 0
        """Keys that KMS was asked about, counted for each job that did."""
        self.bytes_received = 0
        """Bytes of answer bodies that workers have read."""

    async def __aenter__(self) -> Self:
        if self._loop is not None:
            raise RuntimeError("a dispatcher is for one run: make another one")
        self._loop = asyncio.get_running_loop()
        await self._hand_out()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        self._end = self._end or InterruptedRunError("interrupted")
        with anyio.CancelScope(shield=True):
            await to_thread.run_sync(self._crew.dismiss)
        return False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Row:
        while True:
            row = next(self._rows, None)
            if row is not None:
                self._observer.routed(row.region or "")
                self._observer.audited(row, row.region or "")
                return row
            chunk = next(self._chunks, None)
            if chunk is not None:
                await checkpoint()  # a part may be large, and others have to have their turn
                self._rows = iter(chunk)
                continue
            self._conclude()
            await self._next_part()

    async def account(self) -> str | None:
        """Give the id of the one account under audit; None where there are several, or it is not known."""
        return self._account

    def stop(self) -> None:
        """Ask the run to end now.

        The parts that are ready still come, and what workers have of others, if they can be asked for it; then
        `InterruptedRunError` is raised.
        """
        self._end_with(InterruptedRunError("interrupted"))

    async def _next_part(self) -> None:
        """Take the next part that has come in. Raises what ends the run, and `StopAsyncIteration`."""
        while True:
            await self._hand_out()
            if not self._ready:
                if not self._under_way:
                    self._raise_at_the_end()
                self._some_ready = anyio.Event()
                await self._some_ready.wait()
                continue
            future = self._ready.popleft()
            errand = self._under_way.pop(future)
            part = await self._outcome(future, errand)
            if part is not None:
                self._begin(errand.job, part)
                return

    def _raise_at_the_end(self) -> NoReturn:
        if self._end is not None:
            raise self._end
        if self._lost:
            raise self._missing()
        if self._fruitless and not self._fruitful:
            raise nothing_came(self._fruitless[0], len(self._fruitless))
        raise StopAsyncIteration

    async def _outcome(self, future: Future[object], errand: _Errand) -> Part | None:
        """Give the part of a future that is done; None if there is none to come of it."""
        if future.cancelled() and self._end is not None:
            return None
        try:
            return await to_thread.run_sync(self._crew.receive, future.result())
        except self._crew.deaths:
            await self._mourn(errand)
        except CancelledError:
            error = RunError(
                "the workers' jobs were cancelled, and not by this run",
                hint="see whether the cluster's scheduler is there, then go on with --resume",
            )
            self._end_with(error)
        except Exception as error:  # noqa: BLE001 - raised by the iteration, after what is ready
            self._end_with(error)
        return None

    async def _mourn(self, errand: _Errand) -> None:
        """See to a job whose worker has died."""
        if errand.crew == self._generation:
            self._generation += 1
            await to_thread.run_sync(self._crew.mourn)
        if errand.attempts >= self._crew.attempts:
            self._lost.append(errand.job)
            said = "its worker was lost" + (f", {errand.attempts} times" if errand.attempts > 1 else "")
            for unit in errand.job.units:
                self._settle(
                    AccountRecord(account=unit.account, status=Status.INCOMPLETE, code=WORKER_LOST, message=said),
                    unit.account,
                )
        else:
            (self._waiting if errand.attempts == 1 else self._suspects).append(errand)

    async def _hand_out(self) -> None:
        """Keep the workers busy, with as many jobs as they have places."""
        while self._end is None and len(self._under_way) < self._crew.size * JOBS_AHEAD:
            if self._waiting:
                errand = self._waiting.popleft()
            elif self._suspects and not self._under_way:
                errand = self._suspects.popleft()
            else:
                return
            try:
                future = await to_thread.run_sync(self._crew.submit, errand.job, self._rows_of)
            except self._crew.deaths:
                self._waiting.appendleft(errand)
                self._generation += 1
                await to_thread.run_sync(self._crew.mourn)
                continue
            errand.attempts += 1
            errand.crew = self._generation
            self._under_way[future] = errand
            future.add_done_callback(self._done)

    def _done(self, future: Future[object]) -> None:
        """Know of a future that is done; called by any thread."""
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop has ended: nobody waits for it any more
                self._loop.call_soon_threadsafe(self._arrive, future)

    def _arrive(self, future: Future[object]) -> None:
        if future in self._under_way:  # not if it was given up
            self._ready.append(future)
            self._some_ready.set()

    def _begin(self, job: Job, part: Part) -> None:
        self.distinct_keys += part.distinct_keys
        self.bytes_received += part.bytes_received
        self._fruitful = self._fruitful or part.fruitful
        for notice in part.notices:
            self._observer.noticed(notice)
        self._arrived(part)
        twice = self._entered_twice(part)
        self._part = job, part
        self._chunks = part.unpacked()
        if twice:
            self._chunks = ([row for row in chunk if row.account not in twice] for chunk in part.unpacked())

    def _entered_twice(self, part: Part) -> set[str]:
        """Give the accounts of a part into which a profile of another part has led already: their rows are there."""
        twice = set()
        for record in part.records:
            account = record.account
            # One that the worker itself has skipped leads into an account that another one of this part has led into.
            if account.profile is None or account.id is None or record.status is Status.SKIPPED:
                continue
            if self._entered_by.setdefault(account.id, account.profile) != account.profile:
                twice.add(account.id)
        return twice

    def _conclude(self) -> None:
        """Settle the accounts of the part whose last row has been read."""
        if self._part is None:
            return
        (job, part), self._part = self._part, None
        twice = self._entered_twice(part)
        for told in part.records:
            record = _same_account(told, self._entered_by) if told.account.id in twice else told
            self._settle(record, job.units[0].account if len(job.units) == 1 else record.account)
        if part.error is not None:
            self._end_with(part.error)

    def _settle(self, record: AccountRecord, account: Account) -> None:
        ledger = self._shared.get(account)
        if ledger is not None:
            ledger.open -= 1
            ledger.records.append(record)
            if ledger.open:
                return
            record = _together(ledger.records)
        if record.fruitless:
            self._fruitless.append(record)
        if record.status is not Status.NOT_ENTERED:
            self._observer.listing_ended()
        self._concluded(record)
        self._observer.account_concluded(record)

    def _end_with(self, error: BaseException) -> None:
        if self._end is None:
            self._end = error
            begun = [future for future in self._under_way if not future.cancel() and not future.done()]
            if begun and not self._crew.recall():
                for future in begun:
                    del self._under_way[future]  # given up
        self._some_ready.set()

    def _missing(self) -> RunError:
        labels = sorted({unit.account.label or "the account" for job in self._lost for unit in job.units})
        return RunError(
            f"rows are missing: the workers were lost that audited {', '.join(labels[:_NAMED])}"
            + (f" and {len(labels) - _NAMED} more accounts" if len(labels) > _NAMED else ""),
            hint="see whether they had memory enough and are still there, then go on with --resume",
        )


def _together(records: list[AccountRecord]) -> AccountRecord:
    """Make one record of those of an account's shares: complete only if all of them are."""
    rows = sum(record.rows for record in records)
    lacking = [record for record in records if record.status is not Status.COMPLETE]
    worst = min(lacking, key=lambda record: record.unlisted, default=records[0])
    status = worst.status
    if any(record.status is not status for record in records):
        status = Status.INCOMPLETE  # some of it was entered
    return replace(worst, rows=rows, status=status)


def _same_account(record: AccountRecord, entered_by: dict[str, str]) -> AccountRecord:
    """Say that an account has been audited by way of another profile."""
    account = record.account
    first = entered_by.get(account.id or "", "")
    said = f"{account.name} leads into account {account.id}, as {first} does"
    return replace(record, status=Status.SKIPPED, rows=0, code="SameAccount", message=said)
