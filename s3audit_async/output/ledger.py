"""The side file of a report of many accounts: what became of each, an object a line, and never ahead of its rows."""

from __future__ import annotations

import json
import os
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from s3audit_async.errors import OutputError, UsageError
from s3audit_async.fleet.outcome import FleetOutcome
from s3audit_async.fleet.units import Account, AccountRecord, Status
from s3audit_async.output import descriptors, places
from s3audit_async.output.file import partial_of
from s3audit_async.output.side import write_file

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from pathlib import Path
    from typing import BinaryIO

    from s3audit_async.model import Row

LEDGER_SUFFIX = ".accounts.jsonl"
"""It goes with the report's final name. While the run lasts the file is partial, as the report is."""

_START = b'{"account": '
"""What each line begins with."""
_CLOSED = -1


@dataclass(frozen=True, slots=True)
class _Entry:
    """A line of the file."""

    record: AccountRecord
    awaited: int
    """Rows of this run that the report has to hold first."""
    time: datetime


class Ledger:
    """The records of a run's accounts: in memory, about 1 KiB each, and in the file `<report>.accounts.jsonl`.

    A record says how many rows its account has, and must not outlive them: whoever goes on with the report would take
    the account for finished. So `add` only queues, and `flushing` writes what was queued before a flush of the report
    after that. A crash may cost records, of accounts that are then looked at again.

    The file is the one's who has the report: `begin` only when that is claimed.
    """

    def __init__(self, path: Path | None, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        """Prepare for a file; None for a report on standard output, which has none beside it."""
        self.path = path
        self._now = now
        self._fd = _CLOSED
        self._size = self._lines = 0
        self._from_before = False
        self._finished = False
        self._entries: dict[tuple[str, str], _Entry] = {}
        self._queued: list[_Entry] = []
        self._rows: Counter[str] = Counter()
        self._kept: dict[str, int] = {}

    def read(self, *, complete: bool) -> dict[str, AccountRecord]:
        """Give what an earlier run left, by `Account.key`; `complete` tells whether it made what it was to make.

        If it did not, its records are partial, too, and others that are there are not of that report. Raises
        `UsageError` for a file that holds something else.
        """
        if self.path is None:
            return {}
        unfinished = partial_of(self.path)
        self._from_before = unfinished.exists()
        if self._from_before or complete:
            self._entries = _read(unfinished if self._from_before else self.path)
        # Those that are skipped first: they are of no account that is audited, whatever their ids say.
        ordered = sorted(self._entries.values(), key=lambda entry: entry.record.status is not Status.SKIPPED)
        return {entry.record.account.key: entry.record for entry in ordered}

    def begin(self, finished: Collection[str] = (), rows: Mapping[str, int] | None = None) -> None:
        """Start the file: of what was read, with the accounts that are finished. `rows` are what the report holds.

        All others get a new record. To be done before the report changes: a record that is wrong already may be right
        again by accident, with other rows. Raises `UsageError`, also for a file there that is none of ours, or
        `OutputError`.
        """
        self._entries = {
            key: entry
            for key, entry in self._entries.items()
            if entry.record.status is not Status.SKIPPED and entry.record.account.key in finished
        }
        self._kept = dict(rows or {})
        if self.path is None:
            return
        places.check_place(self.path)
        unfinished = partial_of(self.path)
        for there in (self.path, unfinished):
            _check_ours(there)
        coming = unfinished.with_name(unfinished.name + ".tmp")
        self._fd = places.create_anew(coming)
        try:
            self._write(list(self._entries.values()))
            coming.replace(unfinished)
        except OSError as error:
            raise self._explained(error) from error
        places.sync_folder(unfinished)

    def seen(self, row: Row) -> None:
        """Count a row that is on its way into the report."""
        if row.account is not None:
            self._rows[row.account] += 1

    def add(self, record: AccountRecord) -> None:
        """Have a record written as soon as the rows are that it counts: those of its account in this run.

        What is written counts those, too, that the report held before. A later record of an account replaces its
        earlier one.
        """
        key = record.account.key
        entry = _Entry(replace(record, rows=record.rows + self._kept.get(key, 0)), record.rows, self._now())
        self._entries[_key(entry.record)] = entry
        self._queued.append(entry)

    def flushing(self) -> Callable[[], None] | None:
        """Take what can be written after a flush of the report that begins now; give what writes it, in a thread.

        None if there is nothing. A record is left for a later flush as long as not all rows that it counts were `seen`.
        """
        ready: list[_Entry] = []
        waiting: list[_Entry] = []
        for entry in self._queued:
            (ready if self._rows[entry.record.account.key] >= entry.awaited else waiting).append(entry)
        if not ready or self._fd == _CLOSED:
            return None
        self._queued = waiting
        return partial(self._write, ready)

    def finish(self) -> None:
        """Give the file its final name, with one line an account: the report is complete. Raises `OutputError`.

        That takes no room where each account has its line already: what the report was made of may be gone by now.
        """
        if self.path is None or self._fd == _CLOSED:
            return
        unfinished = partial_of(self.path)
        try:
            if self._queued or self._lines > len(self._entries):
                write_file(self.path, self._write_whole)
                unfinished.unlink(missing_ok=True)
            else:
                descriptors.sync(self._fd)
                unfinished.replace(self.path)
                places.sync_folder(self.path)
        except OSError as error:
            raise self._explained(error) from error
        except UsageError as error:  # not a matter of the options any more: the audit is done
            raise OutputError(str(error), hint="then go on with --resume") from error
        self._finished = True
        self._close()

    def close(self, *, discard: bool) -> None:
        """Let go of a file that is not finished; `discard` it, if no earlier run has left it."""
        if self._fd != _CLOSED and self.path is not None:
            if discard and not self._from_before:
                partial_of(self.path).unlink(missing_ok=True)
            self._close()

    @property
    def place(self) -> str | None:
        """Where the records are now, for people; None where they are not in a file."""
        if self.path is None:
            return None
        return str(self.path if self._finished else partial_of(self.path))

    @property
    def outcome(self) -> FleetOutcome:
        """What became of all accounts that there is a record of, in the order of their ids."""
        return FleetOutcome(tuple(self._entries[key].record for key in sorted(self._entries)))

    def audited(self) -> list[str]:
        """Give the ids of the accounts all of whose buckets are known, be they none."""
        ids = (record.account.id for record in self.outcome.of(Status.COMPLETE))
        return [each for each in ids if each is not None]

    def _write(self, entries: Collection[_Entry]) -> None:
        data = b"".join(map(_line, entries))
        written, error = descriptors.write_all(self._fd, data)
        if error is not None:
            with suppress(OSError):  # a line that is torn then is dropped by whoever reads it
                os.ftruncate(self._fd, self._size)
            raise self._explained(error) from error
        self._size += written
        self._lines += len(entries)

    def _write_whole(self, out: BinaryIO) -> None:
        out.writelines(_line(self._entries[key]) for key in sorted(self._entries))

    def _explained(self, error: OSError) -> OutputError:
        return descriptors.explain(error, str(self.path))

    def _close(self) -> None:
        os.close(self._fd)
        self._fd = _CLOSED


def is_side_file(path: Path) -> bool:
    """Tell whether there is the side file of a report of many accounts, and not somebody else's."""
    try:
        return bool(_read(path))
    except UsageError:
        return False


def lacking_beside(report: Path) -> tuple[int, Path]:
    """Give how many accounts of a finished report were not audited to their end, and the side file that says so.

    That is named for the report, or for what the names of several begin with. Without one, no account is lacking.
    """
    for side in (report.with_name(report.name + LEDGER_SUFFIX), report.with_name(report.stem + LEDGER_SUFFIX)):
        if is_side_file(side):
            return FleetOutcome(tuple(entry.record for entry in _read(side).values())).lacking, side
    return 0, report


def remove_stale(path: Path) -> None:
    """Remove the side file of a report of many accounts that was replaced by one of one. Raises `OSError`."""
    if is_side_file(path):
        path.unlink(missing_ok=True)


def _check_ours(path: Path) -> None:
    try:
        _read(path)
    except UsageError as error:
        raise UsageError(
            f"{path} is there, and does not say what became of accounts", hint="name another report, or move it away"
        ) from error


def _line(entry: _Entry) -> bytes:
    record = entry.record
    fields = {
        "account": record.account.id,
        "name": record.account.name or None,
        "status": record.status,
        "rows": record.rows,
        "code": record.code or None,
        "message": record.message or None,
        "time": entry.time.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
    }
    return json.dumps(fields, ensure_ascii=False).encode("utf-8", "replace") + b"\n"


def _key(record: AccountRecord) -> tuple[str, str]:
    """Give what a later record of the same account has in common with an earlier one.

    A profile is skipped that leads into an account which another one has led into: what became of that stays.
    """
    account = record.account
    return account.key, account.name if record.status is Status.SKIPPED else ""


def _read(path: Path) -> dict[tuple[str, str], _Entry]:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise UsageError(
            f"cannot read {path}: {error.strerror}", hint="remove it to look at every account again"
        ) from error
    entries = {}
    for number, line in enumerate(data.splitlines(keepends=True), start=1):
        if not line.endswith(b"\n") and line[: len(_START)] == _START[: len(line)]:  # what a crash tore off
            break
        try:
            entry = _parse(json.loads(line))
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise UsageError(
                f"{path}, line {number} is not what became of an account",
                hint="remove the file to look at every account again",
            ) from error
        entries[_key(entry.record)] = entry
    return entries


def _parse(content: Any) -> _Entry:  # noqa: ANN401 - whatever stood in the file
    time = datetime.fromisoformat(content["time"])
    rows = content["rows"]
    if time.tzinfo is None or not isinstance(rows, int):
        raise ValueError("no time, or no number")
    account, name, code, message = (_text(content[field]) for field in ("account", "name", "code", "message"))
    record = AccountRecord(
        account=Account(account or None, name),
        status=Status(content["status"]),
        rows=rows,
        code=code,
        message=message,
    )
    return _Entry(record, 0, time)


def _text(value: object) -> str:
    if value is not None and not isinstance(value, str):
        raise TypeError("no text")
    return value or ""
