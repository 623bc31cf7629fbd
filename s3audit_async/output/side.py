"""Files beside a report, as a page or a plan: whole or not at all, and readable by their owner only."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING
from uuid import uuid4

from s3audit_async.errors import UsageError
from s3audit_async.output import descriptors, places

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import BinaryIO


def write_file(path: Path, writer: Callable[[BinaryIO], None]) -> None:
    """Have `writer` write a file; what was there before is replaced in one step when it is done.

    Raises `UsageError` if it cannot be created there, `OutputError` if it cannot be written to its end (any `OSError`
    of `writer` is taken for that), and whatever else `writer` raises. What was there is untouched then.
    """
    check_place(path)
    beside = path.with_name(f".s3audit-{uuid4().hex}.tmp")
    try:
        fd = places.create(beside)
    except OSError as error:
        raise places.unusable(path, error) from error
    try:
        with os.fdopen(fd, "wb") as out:
            writer(out)
            out.flush()
            descriptors.sync(out.fileno())
            beside.replace(path)
    except OSError as error:
        _remove(beside)
        raise descriptors.explain(error, str(path), hint="make room, and do it again") from error
    except BaseException:
        _remove(beside)
        raise
    places.sync_folder(path)


def check_place(path: Path) -> None:
    """Raise `UsageError` for a place where there can be no file: to be asked before the work is done."""
    if places.is_directory(path):
        raise UsageError(f"{path} is a directory", hint="name a file in it")
    if places.is_special(path):
        raise UsageError(f"{path} is no ordinary file", hint="name another place")
    if not places.is_directory(path.parent):
        raise UsageError(f"there is no directory {path.parent}", hint="make it first, or choose another")


def _remove(path: Path) -> None:
    with suppress(OSError):
        path.unlink(missing_ok=True)
