"""The signals that end the command, and how they do before a run minds them itself."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def ending_signals() -> list[signal.Signals]:
    """Give those that are to end a run: not what whoever started it had ignored, as nohup does with SIGHUP."""
    return [number for number in _ENDING if signal.getsignal(number) is not signal.SIG_IGN]


@contextmanager
def as_ctrl_c(*, to_the_end: bool) -> Iterator[None]:
    """Let each of them end the command as Ctrl-C does, also while it has not come to a run that minds them.

    They are as before when the block ends; but what is passed over by then stays so where the process has come
    `to_the_end`: it would be killed by it, and have another exit code.
    """

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = {}
    if threading.current_thread() is threading.main_thread():
        before = {number: signal.getsignal(number) for number in ending_signals()}
    for number in before:
        if number is not signal.SIGINT:
            signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number, handler in before.items():
            if not (to_the_end and signal.getsignal(number) is signal.SIG_IGN):
                signal.signal(number, handler)


def heed_no_more() -> None:
    """Pass over all that come from now on: the command is ending, and has to say still what it leaves."""
    for number in ending_signals():
        signal.signal(number, signal.SIG_IGN)
