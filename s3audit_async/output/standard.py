"""A report on standard output."""

from __future__ import annotations

import asyncio
import os
import stat
import threading
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

import anyio

from s3audit_async.output.descriptors import explain, write_all
from s3audit_async.output.rows import RowBuffer

if TYPE_CHECKING:
    from collections.abc import Callable

    from s3audit_async.output.rows import Chunk


class StandardOutput:
    """A report on standard output (or any other descriptor that somebody else opened, and closes)."""

    place = "standard output"

    def __init__(self, fd: int = 1) -> None:
        self.buffer = RowBuffer()
        self.rows = 0
        self._fd = fd

    async def flush(self) -> None:
        chunk = self.buffer.take()
        if chunk.data:
            await _in_daemon_thread(partial(self._write, chunk))

    def _write(self, chunk: Chunk) -> None:
        written, error = write_all(self._fd, chunk.data)
        rows, size = chunk.whole(written)
        self.rows += rows
        if error is not None:
            _take_back(self._fd, written - size)
            raise explain(error, self.place) from error

    async def finish(self) -> None:
        await self.flush()

    def close(self, *, discard: bool) -> None:
        """Do nothing: it is not ours, and cannot be taken back."""


def _take_back(fd: int, torn: int) -> None:
    """Take the last bytes back, the beginning of a row, from a file that the shell opened and nobody else has grown."""
    with suppress(OSError):  # a pipe: what it took is gone
        end = os.lseek(fd, 0, os.SEEK_CUR)
        state = os.fstat(fd)
        if stat.S_ISREG(state.st_mode) and state.st_size == end >= torn:
            os.ftruncate(fd, end - torn)
            os.lseek(fd, end - torn, os.SEEK_SET)


async def _in_daemon_thread(work: Callable[[], None]) -> None:
    """Do blocking work in a thread that is left behind on cancellation, and does not keep the process from ending.

    A reader who does not read must not keep a run from being interrupted. anyio's worker threads can be left behind,
    too, but the interpreter waits for them at its end.
    """
    loop = asyncio.get_running_loop()
    done = anyio.Event()
    errors: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - raised where it was asked for
            errors.append(error)
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(done.set)

    threading.Thread(target=run, daemon=True, name="s3audit output").start()
    await done.wait()
    if errors:
        raise errors[0]
