"""Files beside a report, as a page or a plan: whole or not at all, and readable by their owner only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from s3audit_async.output.exports import Target, export

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import BinaryIO

_FORMAT = "any"


def write_file(path: Path, writer: Callable[[BinaryIO], None]) -> None:
    """Have `writer` write a file; what was there before is replaced in one step when it is done.

    Raises `UsageError` if it cannot be created there, `OutputError` if it cannot be written to its end (any `OSError`
    of `writer` is taken for that), and whatever else `writer` raises. What was there is untouched then.
    """
    export(lambda: (), [Target(_FORMAT, path)], writers={_FORMAT: lambda _, out: writer(out)})
