"""Markdown: a heading, a table row a bucket, a closing line. Nothing in a cell is markup, a link or a mention."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from s3audit_async.redaction import printable
from s3audit_async.sinks.columns import NARROW, WIDE
from s3audit_async.sinks.subjects import encodable

if TYPE_CHECKING:
    from typing import BinaryIO

    from s3audit_async.model import Row
    from s3audit_async.sinks.columns import Column, Value

_USUAL = ("account", "region", "findings")
_MARKUP = re.compile(r"[\\`*_\[\]{}<>&|~#!@$]|:(?=//)|(?<=www)\.", re.IGNORECASE)


def columns(*, wide: bool) -> tuple[str, ...]:
    """Name the columns of the table: few enough to be read, or with `wide` all."""
    return tuple(column.name for column in _chosen(wide=wide))


def escape(text: str) -> str:
    """Make one line of a text, and every character in it stand for itself.

    By character references: a backslash before a pipe is understood differently by different readers.
    https://github.github.com/gfm/#tables-extension-
    """
    return _MARKUP.sub(lambda match: f"&#{ord(match[0])};", printable(encodable(text)))


class MarkdownSink:
    """Writes a Markdown table to the binary file it was handed."""

    def __init__(self, out: BinaryIO, *, wide: bool = False) -> None:
        self._out = out
        self._columns = _chosen(wide=wide)
        self._rows = 0

    def begin(self) -> None:
        self._out.write(b"# Default encryption of S3 buckets\n\n")
        self._line([column.header for column in self._columns])
        self._line(["---"] * len(self._columns))

    def write(self, row: Row) -> None:
        self._line([_told(column, row) for column in self._columns])
        self._rows += 1

    def end(self) -> None:
        self._out.write(f"\n{self._rows} {'bucket' if self._rows == 1 else 'buckets'}.\n".encode())

    def _line(self, cells: list[str]) -> None:
        self._out.write(f"| {' | '.join(cells)} |\n".encode())


def _chosen(*, wide: bool) -> tuple[Column, ...]:
    return WIDE if wide else (*NARROW, *(column for column in WIDE if column.name in _USUAL))


def _told(column: Column, row: Row) -> str:
    """Give a cell; no findings are something else than findings that are not known."""
    return "unknown" if column.name == "findings" and row.findings is None else _cell(column.value(row))


def _cell(value: Value) -> str:
    if value is None:
        return ""
    if isinstance(value, tuple):
        return ", ".join(map(escape, value))
    return escape(str(value))
