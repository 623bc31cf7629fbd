"""Goes on from a report that was interrupted: which rows stay, which buckets need no second visit."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from s3audit_async.analysis.reading import ReportReader
from s3audit_async.analysis.summary import Summary
from s3audit_async.classify import is_unresolved
from s3audit_async.output import PARTIAL_SUFFIX, FileOutput, partial_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from s3audit_async.analysis.reading import Layout


@dataclass(slots=True)
class Resumption:
    """What an interrupted report brings into the run that completes it. `names` costs about 0.1 KiB a bucket."""

    layout: Layout
    output: FileOutput
    names: set[str]
    summary: Summary
    asked_again: int
    """Rows that held an error and were left out."""
    torn: bool
    """Whether the last line was not whole."""
    begun: bool
    """Whether the report has what stands before its first row."""


@dataclass(slots=True)
class _Sieve:
    """Passes on the pieces of a report that stay, and remembers what they were."""

    reader: ReportReader
    names: set[str] = field(default_factory=set)
    summary: Summary = field(default_factory=Summary)
    left_out: int = 0

    def __iter__(self) -> Iterator[bytes]:
        yield self.reader.header
        for record in self.reader:
            row = record.row
            if row.bucket in self.names:
                continue
            if is_unresolved(row.mode, row.key_type):
                self.left_out += 1
                continue
            self.names.add(row.bucket)
            self.summary.add(row)
            yield record.raw


def layout_of(path: Path) -> Layout:
    """Tell the layout of the report that `resume` would go on with. Raises `UsageError` as that does."""
    return _reader(path).layout


def resume(path: Path) -> Resumption:
    """Open a report to go on with. `path` is its partial file, or a report that holds errors or lost its end.

    Rows without an error stay, to the byte; those with one, and a last line that is not whole, are left out and their
    buckets asked again. The file read is replaced only when all of that has been written. Raises `UsageError` for a
    file that is not a report of s3audit, or that another run is writing.
    """
    reader = _reader(path)
    sieve = _Sieve(reader)
    output = FileOutput(_final(path), kept=sieve)
    begun = bool(reader.header) or bool(sieve.names)
    return Resumption(reader.layout, output, sieve.names, sieve.summary, sieve.left_out, reader.torn, begun)


def _reader(path: Path) -> ReportReader:
    unfinished = partial_of(_final(path))
    return ReportReader(unfinished if unfinished.exists() else path)


def _final(path: Path) -> Path:
    return path.with_name(path.name.removesuffix(PARTIAL_SUFFIX) or path.name)
