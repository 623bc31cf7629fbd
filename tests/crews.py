"""Crews, played in this process, and rows of jobs that real workers import, too."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from concurrent.futures import BrokenExecutor, CancelledError, Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Self

import anyio

from s3audit_async.errors import CredentialsError
from s3audit_async.fleet.job_rows import fleet_rows
from s3audit_async.fleet.units import Account, AccountRecord, Status, Unit
from s3audit_async.fleet.work import Job, Part, run_job
from s3audit_async.model import Row
from s3audit_async.options import Options

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable
    from types import TracebackType

    from s3audit_async.fleet.work import JobRows
    from s3audit_async.ports import Observer, RowSource

KILLED_FLAG = "S3AUDIT_TEST_KILLED"
"""Names a file that the first worker who does a job that is to be killed leaves, before it dies."""


def job_of(*accounts: str, **options: object) -> Job:
    """A job of some accounts."""
    return Job(units=tuple(Unit(Account(account)) for account in accounts), options=Options(**options))  # type: ignore[arg-type]


class PlayedRows:
    """A few rows for each unit of a job, made up by its account's id.

    `denied-` is not entered, `broken-` not listed to the end, `revoked-` ends the whole run after its first row. All
    profiles lead into one account: the first gives its rows, and the others are skipped before those are all there.
    """

    def __init__(self, job: Job, observer: Observer, concluded: Callable[[AccountRecord], None]) -> None:
        self._job = job
        self._concluded = concluded
        self._rows = self._all()
        self.distinct_keys = 2
        self.bytes_received = 100

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        await self._rows.aclose()
        return False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Row:
        return await anext(self._rows)

    async def account(self) -> str | None:
        return None

    def stop(self) -> None:
        """Nobody stops it."""

    async def _all(self) -> AsyncGenerator[Row, None]:
        refused = 0
        profiles = [unit.account.profile for unit in self._job.units if unit.account.profile is not None]
        for profile in profiles[1:]:
            account = Account("444455556666", name=profile, profile=profile)
            self._concluded(AccountRecord(account=account, status=Status.SKIPPED, code="SameAccount", message="told"))
        for unit in self._job.units:
            if unit.account.profile in profiles[1:]:
                continue
            label = unit.account.id or ""
            account = unit.account
            if unit.account.profile is not None:
                account = Account("444455556666", name=unit.account.name, profile=unit.account.profile)
                label = account.id or ""
            if label.startswith("denied-"):
                refused += 1
                self._concluded(
                    AccountRecord(account=account, status=Status.NOT_ENTERED, code="AccessDenied", message="no")
                )
                continue
            share = "" if unit.share is None else f"-{unit.share.regions[0]}"
            for number in range(3):
                await anyio.lowlevel.checkpoint()
                yield Row(f"{label}{share}-{number}", "AES256", "N/A", bucket_key=None, account=account.id)
                if label.startswith("revoked-"):
                    raise CredentialsError("the credentials have expired", hint="sign in again")
            status = Status.INCOMPLETE if label.startswith("broken-") else Status.COMPLETE
            self._concluded(AccountRecord(account=account, status=status, rows=3))
        if refused == len(self._job.units):
            raise CredentialsError("none could be entered")


def played_rows(job: Job, observer: Observer, concluded: Callable[[AccountRecord], None]) -> PlayedRows:
    """See `PlayedRows`."""
    return PlayedRows(job, observer, concluded)


class _Killed:
    """A worker's rows, which stop half-way, once: the worker says who it is, and waits to be killed."""

    def __init__(self, rows: RowSource, flag: Path) -> None:
        self._rows = rows
        self._flag = flag
        self._read = 0

    @property
    def distinct_keys(self) -> int:
        return self._rows.distinct_keys

    @property
    def bytes_received(self) -> int:
        return self._rows.bytes_received

    async def account(self) -> str | None:
        return await self._rows.account()

    def stop(self) -> None:
        self._rows.stop()

    async def __aenter__(self) -> Self:
        await self._rows.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        return await self._rows.__aexit__(kind, error, trace)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Row:
        row: Row = await anext(aiter(self._rows))
        self._read += 1
        if self._read == 100:
            try:
                self._flag.open("x").close()
            except FileExistsError:
                return row
            os.kill(os.getpid(), signal.SIGKILL)
        return row


def rows_of_one_killed(job: Job, observer: Observer, concluded: Callable[[AccountRecord], None]) -> RowSource:
    """Give an account's rows; the first worker that has read a hundred of them is killed."""
    return _Killed(fleet_rows(job, observer, concluded), Path(os.environ[KILLED_FLAG]))


class PlayedCrew:
    """Workers that do a job when a test tells them to, or die of it."""

    attempts = 3
    deaths: tuple[type[BaseException], ...] = (BrokenExecutor, CancelledError)

    def __init__(self, size: int = 2, *, does: Callable[[PlayedCrew, Future[object], Job], None] | None = None) -> None:
        self.size = size
        self.handed_out: list[Job] = []
        self.open: dict[Future[object], Job] = {}
        self.most_open = 0
        self.dismissed = self.prepared = 0
        self._does = does

    def prepare(self) -> None:
        self.prepared += 1

    def submit(self, job: Job, rows_of: JobRows) -> Future[object]:
        self.handed_out.append(job)
        future: Future[object] = Future()
        self.open[future] = job
        self.most_open = max(self.most_open, len(self.open))
        if self._does is not None:
            self._does(self, future, job)
        return future

    def do(self, future: Future[object], rows_of: JobRows = played_rows) -> None:
        """Do a job."""
        job = self.open.pop(future)
        if not future.running():
            future.set_running_or_notify_cancel()
        with ThreadPoolExecutor(1) as thread:  # an event loop may be running in this one
            done = thread.submit(run_job, job, rows_of)
        error = done.exception()
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(done.result())

    def break_down(self) -> None:
        """Lose all workers, and what they were doing."""
        for future in list(self.open):
            del self.open[future]
            future.set_exception(BrokenExecutor("a worker died"))

    def receive(self, result: object) -> Part:
        assert isinstance(result, Part)
        return result

    def recall(self) -> bool:
        return False

    def mourn(self) -> None:
        self.dismiss()

    def dismiss(self) -> None:
        self.dismissed += 1
        for future in list(self.open):
            del self.open[future]
            future.cancel()


def diligent(size: int = 2) -> PlayedCrew:
    """A crew that does each job at once."""
    return PlayedCrew(size, does=lambda crew, future, _: crew.do(future))


def rows_that_fail(job: Job, observer: Observer, concluded: Callable[[AccountRecord], None]) -> RowSource:
    """Fail, and say of what."""
    raise ZeroDivisionError(f"no rows of {job!r}")


def rows_that_kill(job: Job, observer: Observer, concluded: Callable[[AccountRecord], None]) -> RowSource:
    """Kill whoever does the job."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("nobody is left to say so")


def rows_without_a_folder(job: Job, observer: Observer, concluded: Callable[[AccountRecord], None]) -> RowSource:
    """Give a few rows, after the folder for what a worker hands in has gone."""
    for folder in Path(tempfile.gettempdir()).glob("s3audit-*"):
        shutil.rmtree(folder)
    return played_rows(job, observer, concluded)
