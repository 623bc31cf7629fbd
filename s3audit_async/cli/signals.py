"""The signals that end the command, and how they do before a run minds them itself."""

from __future__ import annotations

import signal
import threading
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def ending_signals() -> list[signal.Signals]:
    """Give those that are to end a run: not what whoever started it had ignored, as nohup does with SIGHUP."""
    return [number for number in _ENDING if signal.getsignal(number) is not signal.SIG_IGN]


@contextmanager
def as_ctrl_c() -> Iterator[None]:
    """Let each of them end the command as Ctrl-C does, also while it has not come to a run that minds them."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with ExitStack() as restored:
        if threading.current_thread() is threading.main_thread():
            for number in ending_signals():
                if number is not signal.SIGINT:
                    restored.callback(signal.signal, number, signal.signal(number, interrupt))
        yield
