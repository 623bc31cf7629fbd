"""When a serving process ends: told by a signal, or left behind by its parent."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress
from threading import Thread


def until_told() -> asyncio.Event:
    """Give an event of the running loop that is set by SIGTERM, by SIGINT, and at the end of stdin."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    Thread(target=_wait_for_end_of_stdin, args=(loop, stop), daemon=True).start()
    return stop


def _wait_for_end_of_stdin(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    """Outlive no parent. A thread, because epoll refuses files and /dev/null."""
    while os.read(0, 4096):
        pass
    with suppress(RuntimeError):  # a signal was faster, and the loop is closed
        loop.call_soon_threadsafe(stop.set)
