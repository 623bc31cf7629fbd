"""A report on standard output."""

from __future__ import annotations

import asyncio
import io
import threading
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

import anyio

from s3audit_async.output.descriptors import drain, write_all

if TYPE_CHECKING:
    from collections.abc import Callable


class StandardOutput:
    """A report on standard output (or any other descriptor that somebody else opened, and closes)."""

    place = "standard output"

    def __init__(self, fd: int = 1) -> None:
        self.buffer = io.BytesIO()
        self._fd = fd

    async def flush(self) -> None:
        data = drain(self.buffer)
        if data:
            await _in_daemon_thread(partial(write_all, self._fd, data, self.place))

    async def finish(self) -> None:
        await self.flush()

    def close(self, *, discard: bool) -> None:
        """Do nothing: it is not ours, and cannot be taken back."""


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
