"""A run into a report that is told to stop, in virtual time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import pytest

from s3audit_async.analysis.reading import Layout
from s3audit_async.analysis.summary import Summary
from s3audit_async.errors import InterruptedRunError
from s3audit_async.model import Operation
from s3audit_async.options import Options
from s3audit_async.output import RowBuffer
from s3audit_async.recorded import GRACE_SECONDS, Recording, Report
from s3audit_async.sinks import make_sink
from tests import virtual_time
from tests.fakes import FakeGateway, several, stream

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

HOUR = 3600.0


class Memory:
    """An output in memory. What it takes to flush a row is `writing`'s to say."""

    place = "memory"

    def __init__(self, writing: Callable[[], Awaitable[None]]) -> None:
        self.buffer = RowBuffer()
        self.rows = 0
        self.finished = False
        self._writing = writing

    async def flush(self) -> None:
        chunk = self.buffer.take()
        if chunk.ends:
            await self._writing()
        self.rows += len(chunk.ends)

    async def finish(self) -> None:
        await self.flush()
        self.finished = True

    def close(self, *, discard: bool) -> None:
        pass


async def at_once() -> None:
    pass


def report_in(output: Memory) -> Report:
    return Report(
        output=output,
        layout=Layout("csv", wide=False),
        sink=make_sink("csv", output.buffer, wide=False),
        summary=Summary(),
        options=Options(identify=False),
        note=pytest.fail,
    )


async def hangs(operation: Operation, target: str, region: str, times: int) -> None:
    """The last bucket never gets an answer."""
    if target == "bucket-00009":
        await anyio.sleep(HOUR)


def stopped(
    *, at: tuple[float, ...], writing: Callable[[], Awaitable[None]] = at_once, listing: float = 0.01
) -> tuple[Recording, Memory, float]:
    """A run over ten buckets, the last of which hangs, that is told to stop at these seconds; and when it ended."""
    gateway = FakeGateway(
        several(10), fault=hangs, latency=lambda operation, _: listing if operation is Operation.LIST_BUCKETS else 0.01
    )
    options = Options(identify=False, timeout=HOUR)

    async def main() -> tuple[Recording, Memory, float]:
        output = Memory(writing)
        run = Recording(stream(gateway, options), report_in(output), tell=pytest.fail)
        async with anyio.create_task_group() as tasks:
            for seconds in at:
                tasks.start_soon(later, seconds, run.stop)
            await run.go()
            tasks.cancel_scope.cancel()
        return run, output, anyio.current_time()

    async def later(seconds: float, do: Callable[[], None]) -> None:
        await anyio.sleep(seconds)
        do()

    ended = virtual_time.run(main)
    assert gateway.closed
    return ended


def test_what_is_ready_is_written_when_a_run_is_stopped() -> None:
    """All that is answered, and at once: nobody waits for the bucket that hangs."""
    run, output, seconds = stopped(at=(60.0,))

    assert isinstance(run.error, InterruptedRunError)
    assert (output.rows, output.finished) == (9, False)
    assert seconds == pytest.approx(60.0, abs=0.1)


def test_a_run_that_has_listed_nothing_stops_at_once() -> None:
    run, output, seconds = stopped(at=(5.0,), listing=HOUR)

    assert isinstance(run.error, InterruptedRunError)
    assert output.rows == 0
    assert seconds == pytest.approx(5.0, abs=0.1)


def test_a_disk_that_does_not_take_the_rows_is_not_waited_for_longer_than_the_grace() -> None:
    run, output, seconds = stopped(at=(60.0,), writing=lambda: anyio.sleep(HOUR))

    assert isinstance(run.error, InterruptedRunError)
    assert output.rows == 0
    assert seconds == pytest.approx(60.0 + GRACE_SECONDS, abs=0.1)


def test_told_twice_a_run_does_not_wait_for_the_disk() -> None:
    _, output, seconds = stopped(at=(60.0, 61.0), writing=lambda: anyio.sleep(HOUR))

    assert output.rows == 0
    assert seconds == pytest.approx(61.0, abs=0.1)
