"""What files and pipes have in common: writing all there is, and saying why that failed."""

from __future__ import annotations

import errno
import os
import selectors
from typing import TYPE_CHECKING

from s3audit_async.errors import OutputError

if TYPE_CHECKING:
    import io

_NO_ROOM = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the quota is used up",
    errno.EFBIG: "the file is too large",
}


def drain(buffer: io.BytesIO) -> bytes:
    """Take all that is in a buffer."""
    data = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return data


def write_all(fd: int, data: bytes, place: str) -> None:
    """Write all of it, however often the system takes less. Raises `OutputError`; `place` is for people."""
    rest = memoryview(data)
    try:
        while rest:
            try:
                rest = rest[os.write(fd, rest) :]
            except BlockingIOError:  # whoever opened it made it non-blocking
                with selectors.DefaultSelector() as selector:
                    selector.register(fd, selectors.EVENT_WRITE)
                    selector.select()
    except OSError as error:
        raise explain(error, place) from error


def explain(error: OSError, place: str) -> OutputError:
    """Say why a report cannot be written, and what to do."""
    if isinstance(error, BrokenPipeError):
        return OutputError(f"whoever read {place} has gone", hint="what they had read is all there is")
    why = _NO_ROOM.get(error.errno or 0, error.strerror)
    return OutputError(f"cannot write {place}: {why}", hint="make room, then go on with --resume")
