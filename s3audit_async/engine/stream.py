"""The rows of one run as an asynchronous iterator, and all that has to be opened and closed around it."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Self

import anyio

from s3audit_async.engine import streams
from s3audit_async.engine.asking import Asker
from s3audit_async.engine.lanes import Pipeline
from s3audit_async.errors import InterruptedRunError, RunError
from s3audit_async.model import Row

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager
    from types import TracebackType

    from anyio.abc import TaskGroup

    from s3audit_async.options import Options
    from s3audit_async.ports import Gateway, Observer

READY_ROWS = 1_000
"""Rows that may wait for the reader, at about 1 KiB each. A reader who is slower than that slows the run down."""
_CLOSING_SECONDS = 5.0


class RowStream:
    """`async with stream as rows: async for row in rows: ...`: every bucket's row, as it completes.

    Leaving the block early, by `break`, an exception or a cancellation, ends the run and closes its connections.
    Errors that end the run are raised by the iteration as `RunError`, after the last row that was ready.
    A stream is for one run and one reader.
    """

    def __init__(
        self, open_gateway: Callable[[], AbstractAsyncContextManager[Gateway]], options: Options, observer: Observer
    ) -> None:
        self._open_gateway = open_gateway
        self._options = options
        self._observer = observer
        self._send, self._receive = anyio.create_memory_object_stream[Row](READY_ROWS)
        self._running = anyio.CancelScope()
        self._stopped = False
        self._error: BaseException | None = None
        self._opened = AsyncExitStack()
        self._tasks: TaskGroup | None = None
        self._gateway: Gateway | None = None
        self._pipeline: Pipeline | None = None

    @property
    def bytes_received(self) -> int:
        """Bytes of answer bodies that were read so far; stays readable after the block."""
        return self._gateway.bytes_received if self._gateway is not None else 0

    @property
    def distinct_keys(self) -> int:
        """Keys that KMS was asked about so far; stays readable after the block."""
        return self._pipeline.auditor.distinct_keys if self._pipeline is not None else 0

    async def __aenter__(self) -> Self:
        if self._tasks is not None:
            raise RuntimeError("a row stream is for one run: make another one")
        gateway = self._gateway = await self._opened.enter_async_context(self._open_gateway())
        asker = Asker(gateway, self._options, self._observer)
        pipeline = self._pipeline = Pipeline(gateway, asker, self._options, self._observer, self._send)
        self._tasks = anyio.create_task_group()
        await self._tasks.__aenter__()
        self._tasks.start_soon(self._run, pipeline)
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
        finally:
            with anyio.move_on_after(_CLOSING_SECONDS, shield=True):
                await self._opened.aclose()
        return False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Row:
        if self._tasks is None:
            raise RuntimeError("a row stream has to be entered first")  # nobody would ever send it a row
        try:
            return await streams.take(self._receive)
        except anyio.EndOfStream:
            if self._error is None:
                raise StopAsyncIteration from None
            raise self._error  # noqa: B904 - its own cause says more than the end of a stream

    async def account(self) -> str | None:
        """Give the id of the account under audit; None where it is not told. No row waits for it.

        One GetCallerIdentity serves this, `Options.identify` and `Options.account`. To be used within the block.
        Raises `WrongAccountError` as the iteration does.
        """
        if self._pipeline is None:
            raise RuntimeError("a row stream has to be entered first")
        return await self._pipeline.auditor.account()

    def stop(self) -> None:
        """Ask the run to end now. The rows that are ready still come; then `InterruptedRunError` is raised."""
        self._stopped = True
        self._running.cancel()

    async def _run(self, pipeline: Pipeline) -> None:
        async with self._send:
            try:
                with self._running:
                    await pipeline.run()
                if self._stopped:
                    self._error = InterruptedRunError("interrupted")
            except RunError as error:
                self._error = error
            except BaseExceptionGroup as group:
                self._error = decisive(group)


def decisive(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Pick the error to show: what ended the run on purpose before what went wrong beside it."""
    leaves: list[BaseException] = []
    pending: list[BaseException] = [group]
    while pending:
        error = pending.pop()
        if isinstance(error, BaseExceptionGroup):
            pending.extend(reversed(error.exceptions))
        else:
            leaves.append(error)
    return next((error for error in leaves if isinstance(error, RunError)), leaves[0])
