"""The accounts of `--accounts`: ids on the command line, or a file as people and AWS's own tools write it."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from s3audit_async.errors import UsageError
from s3audit_async.fleet.choosing import ACTIVE
from s3audit_async.fleet.units import Account
from s3audit_async.names import is_account_id
from s3audit_async.redaction import plain, printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

STDIN = "-"
"""The value of `--accounts` that means standard input."""
LARGEST_FILE = 32 * 1024 * 1024
"""Bytes; it is read as a whole. As JSON, an account takes about 400."""

_LONGEST_NAME = 200  # characters; AWS's own have 50 at most
_FORMS = "one id a line, CSV with a header, or what 'aws organizations list-accounts' prints as JSON"
_DELIMITERS = ",;\t"  # spreadsheets write a semicolon where the comma is a decimal point
_BETWEEN = re.compile(r"[\s,;]+")
_COMMENT = re.compile(r"(?:^|\s)#.*")
_QUOTES = "\"'"
_LINE = re.compile(r"(?P<id>[^\s,;]*)[\s,;]*(?P<name>.*)")
_IDS = re.compile(r"[0-9,;\s-]+")
_LIKE_AN_ID = re.compile(r"[0-9]{9,}")  # one that has lost its zeros; a shorter number may be a name
_SPREADSHEETS = re.compile(r"[0-9]{1,11}|[0-9]+[.,][0-9]+(?:[eE]\+?[0-9]+)?|[0-9]+[eE]\+?[0-9]+")
_CONSOLES = re.compile(r"[0-9]{4}-[0-9]{4}-[0-9]{4}")

_ID = ("accountid", "awsaccountid", "accountnumber", "id", "account")
_NAME = ("name", "accountname")
_STATE = ("state", "status")  # the second is what AWS called it first, and ends in September 2026
"""What the columns of CSV and the members of JSON are called, without regard to case, spaces and underscores."""


@dataclass(frozen=True, slots=True)
class _Entry:
    """An account as it stands in a file, unchecked."""

    where: str
    id: object
    name: object = ""
    state: object = ""


def file_of(value: str) -> str | None:
    """Name the file that a value of `--accounts` means; None for ids and standard input."""
    return None if value == STDIN or _means_ids(value) else value


def lasting(value: str) -> str:
    """Name the file that a value means so that it is found from anywhere; ids and standard input as they are."""
    return value if file_of(value) is None else str(Path(value).expanduser().absolute())


def accounts_of(value: str) -> tuple[Account, ...]:
    """Give the accounts that a value of `--accounts` names, in its order, each once.

    That is ids with commas between them, the name of a file, or `-` for standard input. Raises `UsageError` for what
    is none of these, and for an empty list, which would be an audit of nothing.
    """
    if _means_ids(value):
        return _checked((_Entry("", part) for part in _BETWEEN.split(value) if part), "--accounts")
    place = "standard input" if value == STDIN else plain(value)
    try:
        source = 0 if value == STDIN else Path(value).expanduser()
        with open(source, "rb", closefd=value != STDIN) as file:
            content = file.read(LARGEST_FILE + 1)
    except (OSError, ValueError, RuntimeError) as error:  # the others: NUL in the name, `~` of a user who is not known
        said = (error.strerror if isinstance(error, OSError) else None) or plain(error)
        raise UsageError(
            f"--accounts: cannot read {place}: {said}", hint="name a file, or ids of 12 digits with commas between them"
        ) from error
    return parse(content, place)


def parse(content: bytes, place: str) -> tuple[Account, ...]:
    """Give the accounts that a file names, in its order, each once. `place` is what messages call the file.

    Raises `UsageError`, which names the line it is about; for a member of JSON the number of the account.
    """
    if len(content) > LARGEST_FILE:
        raise UsageError(f"{place} is too long for a list of accounts", hint=f"at most {LARGEST_FILE:,} bytes")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        number = content.count(b"\n", 0, error.start) + 1
        raise UsageError(f"{place}, line {number}: not UTF-8 text", hint=_FORMS) from error
    if text.lstrip()[:1] in {"{", "["}:
        return _checked(_of_json(text, place), place)
    lines = list(io.StringIO(text, newline=None))
    for before, line in enumerate(lines):
        bare = _bare(line)
        if bare:
            delimiter = next((one for one in _DELIMITERS if _has_id_column(bare, one)), None)
            if delimiter is not None:
                return _checked(_of_csv(lines[before:], before, delimiter, place), place)
            break
    return _checked(_of_lines(lines, place), place)


def _means_ids(value: str) -> bool:
    """Tell a list of ids, or what was to be one, from the name of a file."""
    if value == STDIN:
        return False
    known = [is_account_id(part) for part in _BETWEEN.split(value) if part]
    if all(known):
        return True
    try:
        return bool(any(known) or _IDS.fullmatch(value)) and not Path(value).exists()
    except (OSError, ValueError):  # too long for a name, as lists of ids may be
        return True


def _bare(line: str) -> str:
    return _COMMENT.sub("", line).strip()


def _of_lines(lines: Iterable[str], place: str) -> Iterator[_Entry]:
    for number, line in enumerate(lines, 1):
        bare = _bare(line)
        where = f"line {number}"
        tokens = [token.strip(_QUOTES) for token in _BETWEEN.split(bare) if token]
        if not bare:
            continue
        if len(tokens) > 1 and all(map(_LIKE_AN_ID.fullmatch, tokens)):
            yield from (_Entry(where, token) for token in tokens)
        elif len(tokens) > 1 and is_account_id(tokens[1]):
            raise UsageError(f"{place}, {where}: two ids and something else in one line", hint=_FORMS)
        elif match := _LINE.fullmatch(bare):
            yield _Entry(where, match["id"].strip(_QUOTES), match["name"].strip(_QUOTES))


def _of_csv(lines: list[str], before: int, delimiter: str, place: str) -> Iterator[_Entry]:
    """Read the lines from the header on; `before` is how many stand above it."""
    rows = csv.reader(lines, delimiter=delimiter, strict=True)  # an open quote would swallow the rest of the file
    try:
        names = [_plain_name(cell) for cell in next(rows)]
        for row in rows:
            if any(cell.strip() for cell in row) and not row[0].lstrip().startswith("#"):
                members = dict(reversed([*zip(names, map(str.strip, row), strict=False)]))  # the first of a name counts
                yield _entry(f"line {before + rows.line_num}", members)
    except csv.Error as error:
        line = before + rows.line_num
        raise UsageError(
            f"{place}, line {line}: {plain(error)}", hint="it is read as CSV, as its header says"
        ) from error


def _has_id_column(header: str, delimiter: str) -> bool:
    try:
        cells = next(csv.reader([header], delimiter=delimiter, strict=True))
    except csv.Error:
        return False
    return any(_plain_name(cell) in _ID for cell in cells)


def _of_json(text: str, place: str) -> Iterator[_Entry]:
    try:
        told = json.loads(text)
    except json.JSONDecodeError as error:
        said = f"{place}, line {error.lineno}: {error.msg}"
        raise UsageError(said, hint="it is read as JSON, as it starts like it") from error
    except (ValueError, RecursionError) as error:  # numbers of thousands of digits, nested thousands deep
        raise UsageError(f"{place}: {plain(error)}", hint="it is read as JSON, as it starts like it") from error
    if isinstance(told, dict):
        if told.get("NextToken"):
            raise UsageError(
                f"{place} holds a part of the accounts only: it ends with a NextToken",
                hint="list them without --max-items and --no-paginate",
            )
        told = told.get("Accounts")
    if not isinstance(told, list):
        raise UsageError(f"{place}: the JSON holds no list of Accounts", hint=_FORMS)
    for number, item in enumerate(told, 1):
        members = {_plain_name(name): value for name, value in item.items()} if isinstance(item, dict) else {"id": item}
        yield _entry(f"account {number}", members)


def _plain_name(name: str) -> str:
    return re.sub(r"[^a-z]", "", name.lower())


def _entry(where: str, members: Mapping[str, object]) -> _Entry:
    def first(names: tuple[str, ...]) -> object:
        return next((members[name] for name in names if members.get(name) not in (None, "")), "")

    return _Entry(where, first(_ID), first(_NAME), first(_STATE))


def _checked(entries: Iterable[_Entry], place: str) -> tuple[Account, ...]:
    accounts: dict[str, Account] = {}
    for entry in entries:
        account = _account(entry, f"{place}, {entry.where}" if entry.where else place)
        accounts.setdefault(account.id or "", account)
    if not accounts:
        raise UsageError(f"{place} names no account", hint=_FORMS)
    return tuple(accounts.values())


def _account(entry: _Entry, place: str) -> Account:
    if not isinstance(entry.id, str):
        raise UsageError(
            f"{place}: the id is no text: {plain(entry.id)}", hint="in quotes: a number has no leading zeros"
        )
    if not is_account_id(entry.id):
        raise UsageError(f"{place}: not an account id: {plain(entry.id)!r}", hint=_hint_for(entry.id))
    if not (isinstance(entry.name, str) and isinstance(entry.state, str)):
        raise UsageError(f"{place}: the name or state of {entry.id} is no text", hint=_FORMS)
    name = printable(entry.name).strip()[:_LONGEST_NAME]
    return Account(entry.id, name, printable(entry.state).strip()[:_LONGEST_NAME].upper() or ACTIVE)


def _hint_for(text: str) -> str:
    if _SPREADSHEETS.fullmatch(text):
        return "12 digits; a spreadsheet drops leading zeros, unless the column is text"
    if _CONSOLES.fullmatch(text):
        return "12 digits without hyphens"
    return _FORMS
