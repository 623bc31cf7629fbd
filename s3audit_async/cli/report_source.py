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
_SIDE_FILES = "*.accounts.jsonl"  # output.LEDGER_SUFFIX


@contextmanager
def opened(place: str) -> Iterator[FinishedReport]:
    """Open a report for as long as the block lasts. Raises `UsageError` for what is none.

    Standard input, or a pipe (as `<(...)` of a shell is), is copied to a temporary file first, readable by its owner
    only: it can be read once, and in order.
    """
    path = Path(place).expanduser()
    if place != _STDIN and not _is_pipe(path, place):
        yield open_report(path)
        return
    if place == _STDIN and (sys.stdin is None or sys.stdin.isatty()):
        raise UsageError("no report on standard input", hint="name a file, or pipe a report in")
    name = "standard input" if place == _STDIN else place
    with tempfile.NamedTemporaryFile(prefix="s3audit-") as copy:
        if place == _STDIN:
            shutil.copyfileobj(sys.stdin.buffer, copy)
        else:
            with path.open("rb") as pipe:
                shutil.copyfileobj(pipe, copy)
        if not copy.tell():
            raise UsageError(f"nothing came on {name}", hint="whatever was to write it may have failed")
        copy.flush()
        yield open_report(Path(copy.name), name)


def accounts_lacking(place: str) -> str | None:
    """Say which accounts a report lacks, as what stands beside it tells; None if it lacks none, as far as that goes."""
    path = Path(place).expanduser()
    if place == _STDIN or not any(path.parent.glob(_SIDE_FILES)):
        return None
    from s3audit_async.output import lacking_beside  # noqa: PLC0415 - it brings what writes reports

    count, side = lacking_beside(path)
    if not count:
        return None
    return f"{count} {'account was' if count == 1 else 'accounts were'} not audited to the end (see {side})"


def _is_pipe(path: Path, place: str) -> bool:
    try:
        return path.is_fifo()
    except OSError as error:  # a directory that nobody may look into, a name that is too long
        raise UsageError(f"cannot read {place}: {error.strerror}", hint="name a report of s3audit") from error
