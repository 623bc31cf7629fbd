"""The rows of many accounts as one asynchronous iterator: one engine for each, several side by side, one bound."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

import anyio
from anyio.lowlevel import checkpoint

from s3audit_async.engine import streams
from s3audit_async.engine.asking import Asker
from s3audit_async.engine.lanes import Pipeline
from s3audit_async.engine.stream import READY_ROWS, decisive
from s3audit_async.errors import (
    CallError,
    ConfigurationError,
    CredentialsError,
    InterruptedRunError,
    OutputError,
    RunError,
)
from s3audit_async.fleet.entering import SameAccountError
from s3audit_async.fleet.outcome import nothing_came
from s3audit_async.fleet.units import Account, AccountRecord, Status
from s3audit_async.model import Row, Service
from s3audit_async.observe import Observers
from s3audit_async.options import GENERAL_ONLY
from s3audit_async.ports import Observer

if TYPE_CHECKING:
    from collections.abc import Container, Mapping, Sequence
    from types import TracebackType

    from anyio.abc import TaskGroup

    from s3audit_async.breaker import Breaker
    from s3audit_async.fleet.entering import Entered, Entrance
    from s3audit_async.fleet.units import Unit
    from s3audit_async.limiter import Slots
    from s3audit_async.model import Unlisted
    from s3audit_async.options import Options

SIDE_BY_SIDE = 16
"""Accounts that are audited at once. A small one mostly waits for one answer after the other, so that many have to be
under way to make use of the slots; a large one takes all the slots it can get. Each costs what waits in its lanes."""

Concluded = Callable[[AccountRecord], None]


@dataclass(frozen=True, slots=True)
class _End:
    """Stands in the stream of rows after the last one of a unit."""

    record: AccountRecord


class _Listings(Observer):
    """Remembers the first listing of an account that was refused, or broke off: going on has to try it again."""

    def __init__(self) -> None:
        self.lacking: Unlisted | None = None

    def unlisted(self, unlisted: Unlisted) -> None:
        self.lacking = self.lacking or unlisted


class FleetStream:
    """`async with stream as rows: async for row in rows: ...`: the rows of all units, as they complete.

    What keeps one account from being audited is told of that account alone (`concluded`), and the others go on. Errors
    that concern all are raised by the iteration as `RunError`, after the last row that was ready: credentials that AWS
    does not take any more, or not one account that could be entered. For one run and one reader.
    """

    def __init__(
        self,
        units: Sequence[Unit],
        entrance: Entrance,
        options: Options,
        observer: Observer,
        slots: Slots,
        *,
        done: Mapping[str | None, Container[str]] | None = None,
        concluded: Concluded = lambda _: None,
        side_by_side: int = SIDE_BY_SIDE,
        fruitful: bool = False,
    ) -> None:
        """Take the units. `done` are the keys of the rows that are there already, by account (`model.skip_key`).

        `concluded` is called with what became of a unit's account, once the reader has had all rows of it. `fruitful`
        tells whether other accounts have been entered before, so that it is no failure of the run if none is now.
        """
        self._units = units
        self._entrance = entrance
        self._options = options
        self._observer = observer
        self._slots = slots
        self._done = done or {}
        self._concluded = concluded
        self._breakers: dict[tuple[Service, str], Breaker] = {}  # as many as there are services in regions
        self._places = anyio.Semaphore(side_by_side)
        self._send, self._receive = anyio.create_memory_object_stream[Row | _End](READY_ROWS)
        self._running = anyio.CancelScope()
        self._stopped = False
        self._error: BaseException | None = None
        self._tasks: TaskGroup | None = None
        self._fruitful = fruitful
        self._fruitless = 0
        self._first_fruitless: tuple[AccountRecord, str] | None = None
        self.distinct_keys = 0
        """Keys that KMS was asked about so far, those of each account counted for themselves."""

    @property
    def bytes_received(self) -> int:
        """Bytes of answer bodies that were read so far."""
        return self._entrance.bytes_received

    async def __aenter__(self) -> Self:
        if self._tasks is not None:
            raise RuntimeError("a row stream is for one run: make another one")
        self._tasks = anyio.create_task_group()
        await self._tasks.__aenter__()
        self._tasks.start_soon(self._run)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        self._receive.close()
        self._running.cancel()
        try:
            if self._tasks is not None:
                await self._tasks.__aexit__(kind, error, trace)
        except BaseExceptionGroup:
            if error is None:
                raise
            # The group holds the block's own error and nothing else (`_run` raises none): let it out as it came.
        return False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Row:
        if self._tasks is None:
            raise RuntimeError("a row stream has to be entered first")  # nobody would ever send it a row
        while True:
            try:
                item = await streams.take(self._receive)
            except anyio.EndOfStream:
                if self._error is None:
                    raise StopAsyncIteration from None
                raise self._error  # noqa: B904 - its own cause says more than the end of a stream
            if isinstance(item, Row):
                return item
            self._concluded(item.record)

    async def account(self) -> str | None:
        """Give None: the rows are of many accounts."""
        return None

    def stop(self) -> None:
        """Ask the run to end now. The rows that are ready still come; then `InterruptedRunError` is raised."""
        self._stopped = True
        self._running.cancel()

    async def _run(self) -> None:
        async with self._send:
            try:
                with self._running:
                    async with anyio.create_task_group() as auditing:
                        for unit in self._units:
                            await self._places.acquire()
                            auditing.start_soon(self._audit, unit)
                    self._raise_if_nothing_came()
                if self._stopped:
                    self._error = InterruptedRunError("interrupted")
            except RunError as error:
                self._error = error
            except BaseExceptionGroup as group:
                self._error = decisive(group)

    def _raise_if_nothing_came(self) -> None:
        """Raise if not one account was audited: not one account's trouble is at the bottom of that."""
        if self._first_fruitless is not None and not self._fruitful:
            record, hint = self._first_fruitless
            raise nothing_came(record, self._fruitless, hint)

    async def _audit(self, unit: Unit) -> None:
        try:
            record, hint = await self._outcome(unit)
            if not record.fruitless:
                self._fruitful = True
            else:
                self._fruitless += 1
                self._first_fruitless = self._first_fruitless or (record, hint)
            # What has been audited is concluded even if the run is stopped meanwhile: its rows are on their way.
            with anyio.CancelScope(shield=True):
                await streams.put(self._send, _End(record))
            self._observer.account_concluded(record)
        except anyio.BrokenResourceError:
            await checkpoint()  # the reader has left for good, and the run is being cancelled
        finally:
            self._places.release()

    async def _outcome(self, unit: Unit) -> tuple[AccountRecord, str]:
        """Audit a unit, and tell what became of it, with a hint. Raises what concerns all accounts."""
        try:
            async with self._entrance.enter(unit.account) as entered:
                self._observer.account_entered(entered.account.label)
                return await self._audited(unit, entered)
        except SameAccountError as error:
            said = str(error)
            return AccountRecord(account=error.account, status=Status.SKIPPED, code="SameAccount", message=said), ""
        except CallError as error:
            return _not_entered(unit.account, error.code, error.message), error.hint
        except (CredentialsError, ConfigurationError) as error:
            if unit.account.profile is None:
                raise
            return _not_entered(unit.account, "NoCredentials", str(error)), error.hint

    async def _audited(self, unit: Unit, entered: Entered) -> tuple[AccountRecord, str]:
        account = entered.account
        skip = self._done.get(account.id, frozenset())
        options = replace(self._options, identify=True, account=account.id, share=unit.share, skip=skip)
        listings = _Listings()
        observer = Observers(self._observer, listings) if options.kinds - GENERAL_ONLY else self._observer
        # A profile may have a proxy and endpoints of its own; what cannot be reached there says nothing of the others.
        breakers = self._breakers if account.profile is None else None
        asker = Asker(entered.gateway, options, observer, self._slots, breakers)
        pipeline = Pipeline(entered.gateway, asker, options, observer, self._send, known_account=account.id)
        broken_off: RunError | None = None
        try:
            await pipeline.run()
        except RunError as error:
            broken_off = error
        except BaseExceptionGroup as group:
            found = decisive(group)
            if not isinstance(found, RunError):
                raise
            broken_off = found
        finally:
            self.distinct_keys += pipeline.auditor.distinct_keys
        if broken_off is None and (lacking := listings.lacking) is not None:
            record = AccountRecord(
                account=account,
                status=Status.INCOMPLETE,
                rows=pipeline.delivered,
                code=lacking.code,
                message=f"its {lacking.kind} buckets in {lacking.region} could not be listed",
                unlisted=True,
            )
            return record, ""
        if broken_off is None:
            return AccountRecord(account=account, status=Status.COMPLETE, rows=pipeline.delivered), ""
        if isinstance(broken_off, OutputError | InterruptedRunError):
            raise broken_off
        cause = broken_off.__cause__
        code = cause.code if isinstance(cause, CallError) else type(broken_off).__name__
        record = AccountRecord(
            account=account, status=Status.INCOMPLETE, rows=pipeline.delivered, code=code, message=str(broken_off)
        )
        return record, broken_off.hint


def _not_entered(account: Account, code: str, message: str) -> AccountRecord:
    return AccountRecord(account=account, status=Status.NOT_ENTERED, code=code, message=message)
