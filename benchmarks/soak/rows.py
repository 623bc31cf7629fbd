"""Whether every row of a report is right, finished or not, where some regions are dead."""

from __future__ import annotations

import csv
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from benchmarks.contenders.checking import WrongReportError
from benchmarks.contenders.rows import HEADER

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from benchmarks.stub import StubAccount

UNANSWERED = frozenset({"EndpointUnreachable", "ReadTimeout"})
"""What the mode of a bucket in a dead region may say; its key type is `Unknown` then, its Bucket Key empty."""
_BLOCK = 256 * 1024
"""Bytes that are counted at once."""


@dataclass(frozen=True, slots=True)
class Found:
    """The buckets that have a row: with an answer, or with the error of a dead region."""

    answered: set[str] = field(default_factory=set)
    failed: set[str] = field(default_factory=set)


class RowCounter:
    """Counts the rows of a report while it grows. What it has counted is not read again, unless the file is another."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file_id = 0
        self._offset = 0
        self._lines = 0

    def rows(self) -> int:
        """Count the lines that are whole, but for the header; 0 where there is no report."""
        try:
            file = self._path.open("rb")
        except FileNotFoundError:
            return 0
        with file:
            file_id = os.fstat(file.fileno()).st_ino
            if file_id != self._file_id:
                self._file_id, self._offset, self._lines = file_id, 0, 0
            file.seek(self._offset)
            while block := file.read(_BLOCK):
                self._offset += len(block)
                self._lines += block.count(b"\n")
        return max(0, self._lines - 1)


def read_rows(path: Path, account: StubAccount, dead: Collection[str]) -> Found:
    """Hold every row of a report against the account, and say whose they are. `dead` are regions.

    A last line that is not whole does not count. Raises `WrongReportError`, for the first row that is wrong or the
    second of its bucket.
    """
    found = Found()
    with path.open(encoding="utf-8", newline="") as file:
        lines = csv.reader((line for line in file if line.endswith("\n")), strict=True)
        header = next(lines, [])
        if tuple(header) != HEADER:
            raise WrongReportError(f"the header is {header}, expected {list(HEADER)}")
        for line in lines:
            _sort(line, account, dead, found)
    return found


def _sort(line: list[str], account: StubAccount, dead: Collection[str], found: Found) -> None:
    name = line[0] if line else ""
    bucket = account.index.find(name)
    if bucket is None or name in found.answered or name in found.failed:
        raise WrongReportError(f"the row {line} is one too many: no bucket waits for it")
    if bucket.region in dead:
        if line[1] not in UNANSWERED or line[2:] != ["Unknown", ""]:
            expected = f"{' or '.join(sorted(UNANSWERED))}, Unknown"
            raise WrongReportError(f"the row of {name}, in the dead {bucket.region}, is {line}, expected {expected}")
        found.failed.add(name)
        return
    if line[1:] != [*account.expected(name)]:
        raise WrongReportError(f"the row of {name} is {line}, expected {[name, *account.expected(name)]}")
    found.answered.add(name)


def missing(account: StubAccount, found: Found) -> Iterator[str]:
    """Name the buckets that have no row."""
    return (
        bucket.name for bucket in account.index if bucket.name not in found.answered and bucket.name not in found.failed
    )
