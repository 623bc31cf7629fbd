"""Whether a report says of every bucket what the account holds. A fast contender that is wrong has lost."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from benchmarks.contenders.rows import HEADER

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from benchmarks.stub import StubAccount


class WrongReportError(Exception):
    """Raised when a report is not what the account makes it; says which row, and what it should have been."""


def check_report(path: Path, account: StubAccount, names: Iterable[str]) -> None:
    """Hold a report against `account.expected()`, row by row, in whatever order the rows are.

    Every one of `names` must have exactly one row, and nothing else may have any. Raises `WrongReportError`, for the
    first row that is wrong.
    """
    with path.open(encoding="utf-8", newline="") as file:
        header, *lines = list(csv.reader(file, strict=True)) or [[]]
    if tuple(header) != HEADER:
        raise WrongReportError(f"the header is {header}, expected {list(HEADER)}")
    missing = set(names)
    for line in lines:
        name = line[0] if line else ""
        if name not in missing:
            raise WrongReportError(f"the row {line} is one too many: no bucket waits for it")
        missing.remove(name)
        expected = [name, *account.expected(name)]
        if line != expected:
            raise WrongReportError(f"the row of {name} is {line}, expected {expected}")
    if missing:
        raise WrongReportError(f"{len(missing)} buckets have no row, {min(missing)} first")
