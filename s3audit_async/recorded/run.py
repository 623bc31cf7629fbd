"""One run of the engine into a report, and the ways in which it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
from anyio import to_thread

from s3audit_async.errors import InterruptedRunError, OutputError, RunError, S3AuditError
from s3audit_async.output import record

if TYPE_CHECKING:
    from collections.abc import Callable

    from s3audit_async.ports import RowSource
    from s3audit_async.recorded.report import Report

GRACE_SECONDS = 5.0
"""How long a run that was told to stop may take to write what it has, before that is given up too."""


class Recording:
    """One run of the engine into a report.

    `tell` hears what could not be checked; `not_listed` tells whether some buckets could not be listed.
    """

    def __init__(
        self,
        rows: RowSource,
        report: Report,
        *,
        tell: Callable[[str], None],
        not_listed: Callable[[], bool] = lambda: False,
    ) -> None:
        self._rows = rows
        self._report = report
        self._tell = tell
        self._not_listed = not_listed
        self._scope = anyio.CancelScope()
        self._ready = False
        self._stopping = False
        self._complete = False
        self.error: S3AuditError | None = None
        """What ended it; None if it is complete."""

    async def go(self) -> None:
        """Audit everything, or until told to stop. Never raises an `S3AuditError`: `error` has it."""
        report = self._report
        with self._scope:
            try:
                async with self._rows as rows:
                    await self._check_account(rows)
                    self._ready = True
                    async with anyio.create_task_group() as tasks:
                        tasks.start_soon(self._remember_account, rows)
                        await self._record(rows)
                        if self.error is not None or not report.summary.failed.count:
                            tasks.cancel_scope.cancel()  # nobody has to know the account any more
            except S3AuditError as error:
                self.error = error
        if self._scope.cancelled_caught and not self._complete:
            self.error = InterruptedRunError("interrupted")
        if self._complete:
            report.complete(not_listed=self._not_listed())

    def stop(self) -> None:
        """Stop: what is ready is written still, within `GRACE_SECONDS`. Told a second time, at once."""
        if not self._ready or self._stopping:
            self._scope.cancel()
        else:
            self._stopping = True
            self._rows.stop()
            self._scope.deadline = min(self._scope.deadline, anyio.current_time() + GRACE_SECONDS)

    async def _check_account(self, rows: RowSource) -> None:
        """See that a report goes on with the account it was begun with, before it is touched, or has one if it must."""
        account, needed = self._report.options.account, self._report.needs_account
        if not (account or needed) or await rows.account() is not None:
            return
        if needed:
            raise OutputError(
                "the account is not told, and asff needs it",
                hint="allow sts:GetCallerIdentity, or choose other formats",
            )
        self._tell(f"Whether the credentials belong to account {account} could not be checked: it is not told.")

    async def _record(self, rows: RowSource) -> None:
        report = self._report
        try:
            await record(
                rows,
                report.sink,
                report.output,
                begin=report.begin,
                seen=report.seen,
                flushing=report.ledger.flushing if report.ledger is not None else lambda: None,
            )
            if report.ledger is not None:
                await to_thread.run_sync(report.ledger.finish)
            self._complete = True
        except RunError as error:
            self.error = error

    async def _remember_account(self, rows: RowSource) -> None:
        """Note whose report it is, for whoever goes on with it. No row waits for that."""
        if self._report.state_file is None:
            return
        try:
            await to_thread.run_sync(self._report.remember, await rows.account())
        except OutputError as error:  # the report itself may still have room, and is worth more
            self._report.note(str(error))
        except RunError:
            return  # ends the rows as well, and is told there
