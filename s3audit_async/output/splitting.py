"""Splits a spool into one file an account: in folders named as Hive, Athena and DuckDB name partitions."""

from __future__ import annotations

import json
import re
from array import array
from contextlib import suppress
from dataclasses import replace
from functools import partial
from glob import escape
from typing import TYPE_CHECKING, Self

from s3audit_async.analysis.parsing import row_of_fields
from s3audit_async.analysis.reading import ReportReader
from s3audit_async.classify import is_unresolved
from s3audit_async.output import descriptors, places

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from s3audit_async.model import Row
    from s3audit_async.output.exports import Batch, Target

UNKNOWN = "unknown"
"""What stands for the account of rows that name none."""

_FOLDER = "account_id="
_ACCOUNT = re.compile(r"[0-9]{12}")
_BATCH = 1_000
"""Rows between two looks at whether to go on."""


def part_of(target: Path, account: str | None) -> Path:
    """Name an account's part of a file that is to be split. What is no account's id is in no path."""
    known = account is not None and _ACCOUNT.fullmatch(account) is not None
    return target.parent / f"{_FOLDER}{account if known else UNKNOWN}" / target.name


def all_parts(target: Path) -> Path:
    """Name all parts of a file at once, for people and shells."""
    return target.parent / f"{_FOLDER}*" / target.name


def parts_there(target: Path) -> list[Path]:
    """Give the parts of a file that earlier runs left."""
    return sorted(target.parent.glob(f"{_FOLDER}*/{escape(target.name)}"))


class Parts:
    """The rows of a spool by account: where each row stands, 8 bytes a row."""

    def __init__(self, spool: Path, *, proceed: Callable[[], None]) -> None:
        """Go through the spool once. `proceed` is called every so many rows, and may raise."""
        self._spool = spool
        self._places: dict[str | None, array[int]] = {}
        self.unresolved = 0
        """Rows that hold an error."""
        reader = ReportReader(spool)
        position = len(reader.header)
        for number, record in enumerate(reader):
            if number % _BATCH == 0:
                proceed()
            self._places.setdefault(record.row.account, array("Q")).append(position)
            self.unresolved += is_unresolved(record.row.mode, record.row.key_type)
            position += len(record.raw)

    @property
    def accounts(self) -> list[str | None]:
        """The accounts that have rows; None for rows that name none."""
        return list(self._places)

    def rows(self, accounts: Iterable[str | None]) -> Iterator[Row]:
        """Read the rows of accounts, in the order of the spool for each."""
        with self._spool.open("rb") as file:
            for account in accounts:
                for position in self._places.get(account, ()):
                    file.seek(position)
                    yield row_of_fields(json.loads(file.readline()))


class Folders:
    """The folders that a split report needs; those that it has made are gone with the block if nothing is in them."""

    def __init__(self) -> None:
        self._made: list[Path] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for folder in self._made:
            with suppress(OSError):  # it has got its file
                folder.rmdir()

    def make(self, folder: Path) -> None:
        """Make a folder that is not there. Raises `UsageError` for a link to another, or `OutputError`."""
        places.check_link(folder)
        try:
            folder.mkdir()
        except FileExistsError:
            return
        except OSError as error:
            raise descriptors.explain(error, str(folder)) from error
        self._made.append(folder)
        places.sync_folder(folder)


def split(
    parts: Parts,
    targets: Sequence[Target],
    batch: Batch,
    folders: Folders,
    *,
    audited: Iterable[str] = (),
    proceed: Callable[[], None],
) -> None:
    """Make a file of each target for each account that has rows or was `audited`, one account after the other.

    A file without rows tells that an account has no buckets; one that could not be looked into has no file.
    """
    named: dict[Path, list[str | None]] = {}
    for account in (*parts.accounts, *audited):
        of_one = named.setdefault(part_of(targets[0].path, account).parent, [])
        if account not in of_one:
            of_one.append(account)
    for folder in sorted(named):
        proceed()
        own = [replace(target, path=target.path.parent / folder.name / target.path.name) for target in targets]
        for parent in {target.path.parent for target in own}:
            folders.make(parent)
        for target in own:
            places.check_place(target.path)
        batch.make(partial(parts.rows, named[folder]), own, proceed=proceed)
