"""Whether a report says of every bucket what the account holds. A fast contender that is wrong has lost."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from benchmarks.contenders.rows import HEADER

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from benchmarks.stub import StubAccount, StubOrganization


class WrongReportError(Exception):
    """Raised when a report is not what the account makes it; says which row, and what it should have been."""


def check_report(path: Path, account: StubAccount, count: int | None = None) -> None:
    """Hold a report against `account.expected()`, row by row, in whatever order the rows are.

    Every one of the first `count` buckets of the listing, None for all of them, must have exactly one row, and nothing
    else may have any. Raises `WrongReportError`, for the first row that is wrong. Takes a byte for each bucket.
    """
    seen = bytearray(len(account.index) if count is None else count)
    for line in _lines(path):
        _check_row(line, account, seen)
    _check_all(account, seen)


def check_organization(path: Path, organization: StubOrganization) -> None:
    """Hold a report of many accounts against the buckets of all members that can be entered, as `check_report` does.

    Whose a bucket is stands in its name. Takes a byte for each bucket.
    """
    seen = {member.id: bytearray(len(member.account.index)) for member in organization.entered}
    for line in _lines(path):
        owner = line[0].split("-")[1] if line and line[0].count("-") > 1 else ""
        if owner not in seen:
            raise WrongReportError(f"the row {line} is of no account that can be entered")
        _check_row(line, organization.by_id[owner].account, seen[owner])
    for owner, of_it in seen.items():
        _check_all(organization.by_id[owner].account, of_it)


def _lines(path: Path) -> Iterator[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        lines = csv.reader(file, strict=True)
        try:
            header = next(lines, [])
            if tuple(header) != HEADER:
                raise WrongReportError(f"the header is {header}, expected {list(HEADER)}")
            yield from lines
        except (csv.Error, UnicodeDecodeError) as error:
            raise WrongReportError(f"line {lines.line_num + 1} is no CSV: {error}") from error


def _check_all(account: StubAccount, seen: bytearray) -> None:
    missing = seen.count(0)
    if missing:
        raise WrongReportError(f"{missing} buckets have no row, {account.index[seen.index(0)].name} first")


def _check_row(line: list[str], account: StubAccount, seen: bytearray) -> None:
    name = line[0] if line else ""
    position = account.index.position(name)
    if position is None or position >= len(seen) or seen[position]:
        raise WrongReportError(f"the row {line} is one too many: no bucket waits for it")
    seen[position] = 1
    expected = [name, *account.expected(name)]
    if line != expected:
        raise WrongReportError(f"the row of {name} is {line}, expected {expected}")
