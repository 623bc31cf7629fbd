"""Which files a report may take the place of: one that was a report, too."""

from __future__ import annotations

from codecs import BOM_UTF8
from pathlib import Path

from s3audit_async.errors import UsageError
from s3audit_async.output.places import check_link, is_directory, is_special
from s3audit_async.sinks.columns import NARROW

_LOOKED_AT = 64 * 1024
"""Bytes of a file's beginning."""
_OF_A_REPORT = (
    ",".join(column.header for column in NARROW).encode(),
    f'{{"{NARROW[0].name}": '.encode(),
    b"PAR1",  # the first bytes of every Parquet file
    b"# Default encryption of S3 buckets",
)
_ARRAYS = (b"[]", b"[\n")  # OCSF and ASFF
_NAMED_IN_ARRAYS = b"s3audit"


def check_replaceable(place: str | None) -> None:
    """Raise `UsageError` if a report that is to go there would replace what is no report, or a symbolic link.

    Such a link would be lost, and what it leads to would stay as it is: neither is what was meant.
    """
    if place is None or place == "-":
        return
    path = Path(place).expanduser()
    if is_directory(path) or is_special(path):
        return
    check_link(path)
    try:
        with path.open("rb") as file:
            start = file.read(_LOOKED_AT)
    except OSError:  # there is none, or it cannot be read: creating the report tells
        return
    if not is_report(start):
        raise UsageError(f"{path} is there, and is no report of s3audit", hint="name another file, or remove it first")


def is_report(start: bytes) -> bool:
    """Tell whether a file that begins so may be a report of any format, or is empty."""
    start = start.removeprefix(BOM_UTF8)  # a spreadsheet that saved a CSV put it there
    if not start or start.startswith(_OF_A_REPORT):
        return True
    return start.startswith(_ARRAYS) and (start.strip() == b"[]" or _NAMED_IN_ARRAYS in start)
