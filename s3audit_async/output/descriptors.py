"""What files and pipes have in common: writing all there is, and saying why that failed."""

from __future__ import annotations

import errno
import os
import selectors

from s3audit_async.errors import OutputError

_NO_ROOM = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the quota is used up",
    errno.EFBIG: "the file is too large",
}
_CANNOT_SYNC = frozenset({errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP})


def write_all(fd: int, data: bytes) -> tuple[int, OSError | None]:
    """Write all of it, however often the system takes less. Give how many bytes it took, and what kept the rest."""
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
        return len(data) - len(rest), error
    return len(data), None


def sync(fd: int) -> None:
    """Wait until a file's content, and what is needed to find it, is on the disk. Raises `OSError`.

    Where a file system knows of no such thing, there is nothing to wait for.
    """
    try:
        getattr(os, "fdatasync", os.fsync)(fd)  # macOS has no fdatasync
    except OSError as error:
        if error.errno not in _CANNOT_SYNC:
            raise


def explain(error: OSError, place: str, *, hint: str = "make room, then go on with --resume") -> OutputError:
    """Say why a report cannot be written, and what to do. `place` is for people."""
    if isinstance(error, BrokenPipeError):
        return OutputError(f"whoever read {place} has gone", hint="what they had read is all there is")
    why = _NO_ROOM.get(error.errno or 0, error.strerror)
    return OutputError(f"cannot write {place}: {why}", hint=hint)
