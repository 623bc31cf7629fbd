"""The reports that a command is to read: files, or `-` for standard input."""

from __future__ import annotations

import shutil
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from s3audit_async.analysis.finished import open_report
from s3audit_async.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from s3audit_async.analysis.finished import FinishedReport

_STDIN = "-"


@contextmanager
def opened(place: str) -> Iterator[FinishedReport]:
    """Open a report for as long as the block lasts. Raises `UsageError` for what is none.

    Standard input is copied to a temporary file first, readable by its owner only: it can be read once, and in order.
    """
    if place != _STDIN:
        yield open_report(Path(place).expanduser())
        return
    if sys.stdin is None or sys.stdin.isatty():
        raise UsageError("no report on standard input", hint="name a file, or pipe a report in")
    with tempfile.NamedTemporaryFile(prefix="s3audit-") as copy:
        shutil.copyfileobj(sys.stdin.buffer, copy)
        if not copy.tell():
            raise UsageError("nothing came on standard input", hint="whatever was to write it may have failed")
        copy.flush()
        yield open_report(Path(copy.name), "standard input")
