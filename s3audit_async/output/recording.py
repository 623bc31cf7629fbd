"""The writer: one task that turns rows into a report, and flushes it in time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import anyio
from anyio import to_thread

from s3audit_async.errors import OutputError, RunError

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Callable

    from s3audit_async.model import Row
    from s3audit_async.output.rows import RowBuffer
    from s3audit_async.ports import Sink

FLUSH_SECONDS = 1.0
"""How long a row may stay in memory only."""
FLUSH_BYTES = 64 * 1024
"""How much may be in memory only."""


class Output(Protocol):
    """The place a report is written to."""

    buffer: RowBuffer
    """What a sink writes to, and `flush` takes from."""
    rows: int
    """Rows that the operating system has taken, each of them whole."""

    @property
    def place(self) -> str:
        """Where what has been written is now, for people."""
        ...

    async def flush(self) -> None:
        """Hand what is in the buffer to the operating system.

        Raises `OutputError`. As many rows as there was room for are kept then, and no part of another.
        """
        ...

    async def finish(self) -> None:
        """Flush, and give the report its final form. Raises `OutputError`."""
        ...

    def close(self, *, discard: bool) -> None:
        """Let go of a report that is not finished; `discard` what there is of it."""
        ...


async def record(
    rows: AsyncIterable[Row],
    sink: Sink,
    output: Output,
    *,
    begin: bool = True,
    seen: Callable[[Row], None],
    flushing: Callable[[], Callable[[], None] | None] = lambda: None,
) -> None:
    """Write rows as they come, and finish the report after the last one.

    What has been written is flushed after the first row, so that whoever reads along sees that it works, then every
    `FLUSH_SECONDS`, whether rows come or not, and every `FLUSH_BYTES`. Raises the `RunError` that ended the rows, after
    what had come was flushed, or `OutputError`.

    `flushing` is called as each flush begins, and may give what is to be done in a thread when that has succeeded: what
    tells of rows that were written by then. It may raise `OutputError`. The last one is before the report is finished.
    """
    errors: list[RunError] = []
    ended = anyio.Event()
    first = True
    writing = anyio.Lock()

    async def flush() -> None:
        async with writing:
            then = flushing()  # nothing may come between this and the flush, which takes what is there at once
            await output.flush()
            if then is not None:
                await to_thread.run_sync(then)

    async def flush_in_time() -> None:
        while not ended.is_set():
            with anyio.move_on_after(FLUSH_SECONDS):
                await ended.wait()
            try:
                await flush()
            except OutputError as error:
                errors.append(error)
                tasks.cancel_scope.cancel()
                return

    if begin:
        sink.begin()
    await flush()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(flush_in_time)
        try:
            async for row in rows:
                sink.write(row)
                output.buffer.end_row()
                seen(row)
                if first or output.buffer.tell() >= FLUSH_BYTES:
                    await flush()
                    first = False
        except RunError as error:
            errors.append(error)
        ended.set()
    if errors:
        if not isinstance(errors[0], OutputError):
            await flush()  # what came while another flush was under way
        raise errors[0]
    sink.end()
    await flush()
    await output.finish()
