"""A report that is to be read as a whole, in whatever format it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from s3audit_async.analysis.parquet import MAGIC, ParquetReport
from s3audit_async.analysis.reading import Layout, ReportReader

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from s3audit_async.model import Row


class FinishedReport(Protocol):
    """The rows of a report. May be read more than once; memory does not grow with it."""

    layout: Layout
    torn: bool
    """After the iteration: whether the last row was not whole, and is left out: the report is not finished."""

    def rows(self) -> Iterator[Row]:
        """Read row after row. Raises `UsageError`, with the place, for what s3audit has not written."""
        ...


def open_report(path: Path, name: str | None = None) -> FinishedReport:
    """Open a report of any format that can be read back. `name` is what messages call it, if not its path.

    Raises `UsageError` for a file that is none.
    """
    if _starts_with(path, MAGIC):
        return ParquetReport(path, name)
    return _Lines(path, name)


def _starts_with(path: Path, magic: bytes) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(magic)) == magic
    except OSError:  # whoever reads on says why
        return False


class _Lines:
    """A report in CSV or JSON Lines."""

    def __init__(self, path: Path, name: str | None) -> None:
        self._reader = ReportReader(path, name)
        self.layout = self._reader.layout
        self.torn = False

    def rows(self) -> Iterator[Row]:
        for record in self._reader:
            yield record.row
        self.torn = self._reader.torn
