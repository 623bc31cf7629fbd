"""CSV by RFC 4180: UTF-8, CRLF, quotes where needed, header first. Four columns, or all of them."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from s3audit_async.errors import OutputError
from s3audit_async.sinks.columns import NARROW, WIDE

if TYPE_CHECKING:
    from typing import BinaryIO

    from s3audit_async.model import Row
    from s3audit_async.sinks.columns import Value

NEWLINE = "\r\n"
LIST_SEPARATOR = ";"
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
_GUARD = "'"


def neutralise(cell: str) -> str:
    """Put a quote before what a spreadsheet would run as a formula: key references are attacker-controlled text.

    Before what looks as if that had been done to it, too, so that `restore` gives every cell back as it was.
    https://owasp.org/www-community/attacks/CSV_Injection
    """
    return _GUARD + cell if _is_risky(cell) else cell


def restore(cell: str) -> str:
    """Undo `neutralise`."""
    return cell[1:] if cell.startswith(_GUARD) and _is_risky(cell) else cell


class CsvSink:
    """Writes CSV rows to the binary file it was handed."""

    def __init__(self, out: BinaryIO, *, wide: bool = False) -> None:
        self._columns = WIDE if wide else NARROW
        self._wide = wide
        self._out = out
        self._text = io.StringIO(newline="")
        self._writer = csv.writer(self._text, lineterminator=NEWLINE)

    def begin(self) -> None:
        self._write([column.header for column in self._columns])

    def write(self, row: Row) -> None:
        """Write one row. Raises `OutputError` for four columns in a wide report, where empty means no findings."""
        if self._wide and row.findings is None:
            raise OutputError(
                f"a wide report cannot hold {row.bucket}, of which only four columns are known",
                hint="use JSON Lines, or leave --wide out",
            )
        self._write([neutralise(_cell(column.value(row))) for column in self._columns])

    def end(self) -> None:
        """Write nothing: CSV has no trailer."""

    def _write(self, cells: list[str]) -> None:
        self._writer.writerow(cells)
        self._out.write(self._text.getvalue().encode("utf-8", "replace"))
        self._text.seek(0)
        self._text.truncate()


def _is_risky(cell: str) -> bool:
    return cell.lstrip(_GUARD).startswith(_FORMULA_STARTS)


def _cell(value: Value) -> str:
    if value is None:
        return ""
    if isinstance(value, tuple):
        return LIST_SEPARATOR.join(value)
    return str(value)
