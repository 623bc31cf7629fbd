"""Reads a report back, row by row, finished or not: what a crash tore off at its end is left out."""

from __future__ import annotations

import codecs
import csv
import json
import re
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from s3audit_async.analysis.parsing import is_whole, lacking, row_of_cells, row_of_fields
from s3audit_async.errors import UsageError
from s3audit_async.sinks.columns import NARROW, WIDE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

    from s3audit_async.model import Row

_LONGEST_RECORD = 1024 * 1024  # bytes; ours have hundreds, so this is a file of somebody else's
_MARK = codecs.BOM_UTF8  # what spreadsheets and editors put before a text they save
_OBJECT = b'{"%s": ' % NARROW[0].name.encode()
_SPACED = re.compile(rb'\{\s*"%s"\s*:' % NARROW[0].name.encode())  # jq, for one, leaves the spaces out


@dataclass(frozen=True, slots=True)
class Layout:
    """The format of a report: one of `sinks.FORMATS`, and whether it has all columns."""

    format: str
    wide: bool


@dataclass(frozen=True, slots=True)
class Record:
    """One row as read back, and the very bytes it stood in. A narrow report's rows lack what it has no column for."""

    row: Row
    raw: bytes


class _OtherColumnsError(Exception):
    """Raised for an object that has not all fields of a row. The message is a hint."""


class ReportReader:
    """Iterates the records of a report. Raises `UsageError`, with the line, for what s3audit has not written."""

    def __init__(self, path: Path, name: str | None = None) -> None:
        """Open a report. `name` is what messages call it, where that is not its path."""
        self.path = path
        self.name = name or str(path)
        self.torn = False
        """After the iteration: whether there was a last record that is not whole."""
        with self._opened() as file:
            start = file.readline(_LONGEST_RECORD)
        self.header, self.layout = self._recognise(start)

    @contextmanager
    def _opened(self) -> Iterator[BinaryIO]:
        """Open the file; at the second time, too, it may be gone: another run has finished or discarded it."""
        try:
            with self.path.open("rb") as file:
                yield file
        except OSError as error:
            raise UsageError(f"cannot read {self.name}: {error.strerror}", hint="name a report of s3audit") from error

    def _recognise(self, start: bytes) -> tuple[bytes, Layout]:
        """Tell the layout by the first line; give back what of it comes before the rows: a header that is whole."""
        if start.startswith(_MARK):
            header, layout = self._recognise(start.removeprefix(_MARK))
            return _MARK + header if header or layout.format == "jsonl" else b"", layout
        for columns, wide in ((NARROW, False), (WIDE, True)):
            header = ",".join(column.header for column in columns).encode() + b"\r\n"
            if start.endswith(b"\n") and start.rstrip(b"\r\n") == header.rstrip():
                return start, Layout("csv", wide=wide)
            if start and header.startswith(start):
                return b"", Layout("csv", wide=wide)
        if _SPACED.match(start) or (start and _OBJECT.startswith(start)):
            return b"", Layout("jsonl", wide=True)
        if not start:
            jsonl = ".jsonl" in self.path.suffixes
            return b"", Layout("jsonl" if jsonl else "csv", wide=jsonl)
        hint = lacking(start.decode(errors="replace").strip().split(",")) or "its first line is neither header nor row"
        raise UsageError(f"{self.name} is not a report of s3audit", hint=hint)

    def __iter__(self) -> Iterator[Record]:
        parse = self._parse_csv if self.layout.format == "csv" else self._parse_json
        with self._opened() as file:
            file.seek(len(self.header))
            for number, raw in self._records(file):
                yield Record(self._checked(parse, number, raw), raw)

    def _records(self, file: BinaryIO) -> Iterator[tuple[int, bytes]]:
        """Yield whole records with their line numbers. A line break within quotes does not end one in CSV."""
        in_csv = self.layout.format == "csv"
        number = self.header.count(b"\n")
        pieces: list[bytes] = []
        length = quotes = 0
        while line := file.readline(_LONGEST_RECORD):
            number += 1
            pieces.append(line)
            length += len(line)
            quotes += line.count(b'"') if in_csv else 0
            if length >= _LONGEST_RECORD:
                raise self._not_ours(number + 1 - len(pieces))
            if line.endswith(b"\n") and quotes % 2 == 0:
                yield number + 1 - len(pieces), b"".join(pieces)
                pieces, length, quotes = [], 0, 0
        self.torn = bool(pieces)

    def _checked(self, parse: Any, number: int, raw: bytes) -> Row:  # noqa: ANN401 - one of the two below
        try:
            row: Row = parse(raw.decode())
        except _OtherColumnsError as error:
            raise self._not_ours(number, str(error)) from error
        except (ValueError, KeyError, TypeError, RecursionError, csv.Error) as error:
            raise self._not_ours(number) from error
        return row

    def _parse_csv(self, text: str) -> Row:
        columns = WIDE if self.layout.wide else NARROW
        (cells,) = csv.reader([text], strict=True)
        return row_of_cells(columns, cells)

    @staticmethod
    def _parse_json(text: str) -> Row:
        fields = json.loads(text)
        if not isinstance(fields, dict):
            raise TypeError("no object")
        if not is_whole(fields):
            raise _OtherColumnsError(lacking(fields) or "remove or mend that line")
        return row_of_fields(fields)

    def _not_ours(self, number: int, hint: str = "remove or mend that line") -> UsageError:
        return UsageError(f"{self.name}, line {number} is not a row of s3audit's", hint=hint)
