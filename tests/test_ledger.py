"""What became of each account: never told before its rows are there, and read back as far as it can be believed."""

from __future__ import annotations

import json
import stat
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import anyio
import pytest
from anyio.lowlevel import checkpoint

from s3audit_async.errors import ListingError, OutputError, RunError, UsageError
from s3audit_async.fleet.outcome import FleetOutcome
from s3audit_async.fleet.units import Account, AccountRecord, Status
from s3audit_async.model import Row
from s3audit_async.output import FileOutput, Ledger, RowBuffer, record
from s3audit_async.sinks import make_sink

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

NOON = datetime(2026, 11, 29, 12, 0, 0, tzinfo=UTC)
ONE, TWO = "111122223333", "444455556666"


def row(account: str | None, name: str) -> Row:
    return Row(name, "AES256", "N/A", bucket_key=None, account=account)


def complete(account: str, rows: int) -> AccountRecord:
    return AccountRecord(account=Account(account, "payments"), status=Status.COMPLETE, rows=rows)


DENIED = AccountRecord(
    account=Account(TWO, "old\ud800\u2028é"), status=Status.NOT_ENTERED, code="AccessDenied", message="no\nway"
)


def begun(folder: Path) -> Ledger:
    ledger = Ledger(folder / "r.csv.accounts.jsonl", now=lambda: NOON)
    ledger.begin()
    return ledger


def left(folder: Path, *, partial: bool = True) -> list[tuple[str, str, int]]:
    """The account, status and rows of each line that is on the disk."""
    path = folder / f"r.csv.accounts.jsonl{'.partial' if partial else ''}"
    lines = map(json.loads, path.read_text(encoding="utf-8").split("\n")[:-1])
    return [(line["account"], line["status"], line["rows"]) for line in lines]


def flushed(ledger: Ledger) -> None:
    """A flush of the report that begins and ends here."""
    then = ledger.flushing()
    if then is not None:
        then()


@contextmanager
def room_for(size: int) -> Iterator[None]:
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


# What is written, and when.


def test_a_record_is_written_by_a_flush_that_began_after_it_was_added(tmp_path: Path) -> None:
    ledger = begun(tmp_path)
    begun_before = ledger.flushing()
    ledger.add(complete(ONE, 0))
    assert begun_before is None
    assert left(tmp_path) == []

    flushed(ledger)
    assert left(tmp_path) == [(ONE, "complete", 0)]
    assert ledger.flushing() is None
    ledger.close(discard=False)


def test_a_record_that_is_added_during_a_flush_waits_for_the_next(tmp_path: Path) -> None:
    ledger = begun(tmp_path)
    ledger.add(complete(ONE, 0))
    then = ledger.flushing()
    ledger.add(DENIED)
    assert then is not None
    then()

    assert left(tmp_path) == [(ONE, "complete", 0)]
    ledger.close(discard=False)


def test_a_record_waits_for_the_rows_that_it_counts_and_holds_up_no_other(tmp_path: Path) -> None:
    ledger = begun(tmp_path)
    ledger.seen(row(ONE, "a"))
    ledger.seen(row(None, "b"))
    ledger.add(complete(ONE, 2))
    ledger.add(complete(TWO, 0))
    flushed(ledger)
    assert left(tmp_path) == [(TWO, "complete", 0)]

    ledger.seen(row(ONE, "b"))
    flushed(ledger)
    assert left(tmp_path) == [(TWO, "complete", 0), (ONE, "complete", 2)]
    ledger.close(discard=False)


def test_a_line_says_all_that_is_known_for_its_owner_only(tmp_path: Path) -> None:
    ledger = begun(tmp_path)
    ledger.add(DENIED)
    flushed(ledger)
    ledger.close(discard=False)
    path = tmp_path / "r.csv.accounts.jsonl.partial"

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert json.loads(path.read_text(encoding="utf-8")) == {
        "account": TWO,
        "name": "old?\u2028é",
        "status": "not-entered",
        "rows": 0,
        "code": "AccessDenied",
        "message": "no\nway",
        "time": "2026-11-29T12:00:00Z",
    }


def test_the_finished_file_has_one_line_an_account_in_order_and_the_latest(tmp_path: Path) -> None:
    ledger = begun(tmp_path)
    ledger.add(DENIED)
    flushed(ledger)
    ledger.add(complete(TWO, 0))
    ledger.add(complete(ONE, 0))
    ledger.finish()
    ledger.close(discard=True)

    assert left(tmp_path, partial=False) == [(ONE, "complete", 0), (TWO, "complete", 0)]
    assert ledger.place == str(tmp_path / "r.csv.accounts.jsonl")
    assert [path.name for path in tmp_path.iterdir()] == ["r.csv.accounts.jsonl"]
    assert stat.S_IMODE((tmp_path / "r.csv.accounts.jsonl").stat().st_mode) == 0o600


def test_finishing_takes_no_room_where_each_account_has_its_line(tmp_path: Path) -> None:
    ledger = begun(tmp_path)
    ledger.add(complete(ONE, 0))
    flushed(ledger)
    with room_for(0):
        ledger.finish()

    assert left(tmp_path, partial=False) == [(ONE, "complete", 0)]
    assert [path.name for path in tmp_path.iterdir()] == ["r.csv.accounts.jsonl"]


def test_without_a_place_there_is_the_outcome_only() -> None:
    ledger = Ledger(None)
    assert ledger.read(complete=True) == {}
    ledger.begin()
    ledger.add(complete(ONE, 0))
    flushed(ledger)
    ledger.finish()
    ledger.close(discard=False)

    assert ledger.place is None
    assert ledger.outcome.counts == {Status.COMPLETE: 1}


@pytest.mark.parametrize("finishing", [False, True])
def test_where_there_is_no_room_whole_lines_stay_and_the_error_says_so(tmp_path: Path, finishing: bool) -> None:
    ledger = begun(tmp_path)
    ledger.add(complete(ONE, 0))
    flushed(ledger)
    ledger.add(DENIED)
    with (
        room_for(150),
        pytest.raises(OutputError, match=r"r\.csv\.accounts\.jsonl: the file is too large"),
    ):
        ledger.finish() if finishing else flushed(ledger)
    ledger.close(discard=False)

    assert left(tmp_path) == [(ONE, "complete", 0)]
    assert [path.name for path in tmp_path.iterdir()] == ["r.csv.accounts.jsonl.partial"]


# With a report.


class SlowOutput:
    """An output whose flushes end when the test wants, and that knows what is written."""

    place = "memory"

    def __init__(self) -> None:
        self.buffer = RowBuffer()
        self.rows = 0
        self.begun = anyio.Event()
        self.may_end = anyio.Event()
        self.error: OutputError | None = None
        self.finished = False

    async def flush(self) -> None:
        chunk = self.buffer.take()
        if not chunk.ends:
            return
        self.begun.set()
        await self.may_end.wait()
        if self.error is not None:
            raise self.error
        self.rows += len(chunk.ends)

    async def finish(self) -> None:
        await self.flush()
        self.finished = True

    def close(self, *, discard: bool) -> None:
        pass


async def recorded(ledger: Ledger, output: SlowOutput, rows: AsyncIterator[Row]) -> None:
    sink = make_sink("jsonl", output.buffer, wide=True)
    await record(rows, sink, output, seen=ledger.seen, flushing=ledger.flushing)


async def test_no_account_is_told_of_before_the_flush_of_its_rows_has_ended(tmp_path: Path) -> None:
    ledger, output = begun(tmp_path), SlowOutput()

    async def rows() -> AsyncIterator[Row]:
        yield row(ONE, "a")
        ledger.add(complete(ONE, 1))
        yield row(TWO, "b")
        ledger.add(complete(TWO, 1))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(recorded, ledger, output, rows())
        await output.begun.wait()
        for _ in range(20):
            await checkpoint()
        assert (output.rows, left(tmp_path)) == (0, [])
        output.may_end.set()

    assert (output.rows, output.finished) == (2, True)
    assert left(tmp_path) == [(ONE, "complete", 1), (TWO, "complete", 1)]
    ledger.close(discard=False)


async def test_rows_that_could_not_be_written_have_no_record(tmp_path: Path) -> None:
    ledger, output = begun(tmp_path), SlowOutput()
    output.may_end.set()
    output.error = OutputError("full")

    async def rows() -> AsyncIterator[Row]:
        ledger.add(complete(ONE, 1))
        yield row(ONE, "a")

    with pytest.raises(OutputError, match="full"):
        await recorded(ledger, output, rows())
    ledger.close(discard=False)

    assert left(tmp_path) == []


async def test_a_run_that_ends_early_keeps_the_records_of_what_it_wrote(tmp_path: Path) -> None:
    ledger, output = begun(tmp_path), SlowOutput()
    output.may_end.set()

    async def rows() -> AsyncIterator[Row]:
        yield row(ONE, "a")
        yield row(TWO, "b")
        ledger.add(complete(ONE, 1))
        ledger.add(complete(TWO, 2))
        raise ListingError("denied")

    with pytest.raises(ListingError):
        await recorded(ledger, output, rows())
    ledger.close(discard=False)

    assert left(tmp_path) == [(ONE, "complete", 1)]


async def test_a_record_that_cannot_be_written_ends_the_run(tmp_path: Path) -> None:
    ledger = begun(tmp_path)
    output = FileOutput(tmp_path / "r.csv")

    async def rows() -> AsyncIterator[Row]:
        yield row(ONE, "a")
        ledger.add(AccountRecord(account=Account(TWO), status=Status.NOT_ENTERED, message="x" * 5000))

    sink = make_sink("csv", output.buffer, wide=False)
    with room_for(4000), pytest.raises(RunError, match=r"accounts\.jsonl: the file is too large"):
        await record(rows(), sink, output, seen=ledger.seen, flushing=ledger.flushing)
    ledger.close(discard=False)
    output.close(discard=False)

    assert left(tmp_path) == []
    assert (tmp_path / "r.csv.partial").read_bytes().endswith(b"a,AES256,N/A,\r\n")


# Read back.


def again(folder: Path, *, complete: bool = False) -> Ledger:
    ledger = Ledger(folder / "r.csv.accounts.jsonl", now=lambda: NOON)
    ledger.read(complete=complete)
    return ledger


def test_records_are_read_back_the_latest_of_each_account_without_a_torn_line(tmp_path: Path) -> None:
    ledger = begun(tmp_path)
    for each in DENIED, complete(ONE, 0), complete(TWO, 0):
        ledger.add(each)
        flushed(ledger)
    ledger.close(discard=False)
    path = tmp_path / "r.csv.accounts.jsonl.partial"
    path.write_bytes(path.read_bytes() + b'{"account": "111122223333", "status": "inc')

    found = Ledger(tmp_path / "r.csv.accounts.jsonl").read(complete=False)

    assert found == {ONE: complete(ONE, 0), TWO: complete(TWO, 0)}


@pytest.mark.parametrize("skipped_first", [False, True])
def test_a_profile_that_is_skipped_for_another_leaves_what_became_of_their_account(
    tmp_path: Path, skipped_first: bool
) -> None:
    ledger = begun(tmp_path)
    skipped = AccountRecord(account=Account(ONE, "second"), status=Status.SKIPPED, code="SameAccount")
    for each in sorted([skipped, complete(ONE, 0)], key=lambda record: (record is skipped) != skipped_first):
        ledger.add(each)
        flushed(ledger)
    ledger.close(discard=False)
    assert left(tmp_path) == [(ONE, "skipped", 0), (ONE, "complete", 0)][:: 1 if skipped_first else -1]
    assert ledger.outcome.counts == {Status.COMPLETE: 1, Status.SKIPPED: 1}

    ledger = Ledger(tmp_path / "r.csv.accounts.jsonl")
    assert ledger.read(complete=False) == {ONE: complete(ONE, 0)}
    ledger.begin([ONE])
    ledger.close(discard=False)
    assert left(tmp_path) == [(ONE, "complete", 0)]


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\xff",
        b"[]",
        b"{}",
        json.dumps({"account": ONE, "name": "", "status": "done", "rows": 0, "code": "", "message": ""}).encode(),
        json.dumps(
            {"account": 7, "name": "", "status": "complete", "rows": 0, "code": "", "message": "", "time": "2026-11-29"}
        ).encode(),
    ],
)
def test_a_file_of_something_else_is_refused_with_what_to_do(tmp_path: Path, line: bytes) -> None:
    (tmp_path / "r.csv.accounts.jsonl.partial").write_bytes(line + b"\n")

    with pytest.raises(UsageError, match="line 1 is not what became of an account") as refused:
        again(tmp_path)

    assert "remove the file" in refused.value.hint


def test_what_another_run_finished_says_nothing_of_a_report_that_is_not_complete(tmp_path: Path) -> None:
    ledger = begun(tmp_path)
    ledger.add(complete(ONE, 0))
    ledger.finish()

    assert not Ledger(tmp_path / "r.csv.accounts.jsonl").read(complete=False)
    assert Ledger(tmp_path / "r.csv.accounts.jsonl").read(complete=True) == {ONE: complete(ONE, 0)}


def test_a_run_that_goes_on_keeps_finished_accounts_and_counts_rows_that_were_there(tmp_path: Path) -> None:
    ledger = begun(tmp_path)
    for each in complete(ONE, 0), DENIED:
        ledger.add(each)
    flushed(ledger)
    ledger.close(discard=False)

    ledger = again(tmp_path)
    ledger.begin([ONE], {TWO: 3})
    assert left(tmp_path) == [(ONE, "complete", 0)]
    ledger.add(complete(TWO, 1))
    flushed(ledger)
    assert left(tmp_path) == [(ONE, "complete", 0)]
    ledger.seen(row(TWO, "new"))
    flushed(ledger)
    ledger.close(discard=True)

    assert left(tmp_path) == [(ONE, "complete", 0), (TWO, "complete", 4)]
    assert ledger.audited() == [ONE, TWO]


def test_a_run_that_goes_on_from_a_finished_report_leaves_its_file_until_it_has_another(tmp_path: Path) -> None:
    ledger = begun(tmp_path)
    ledger.add(DENIED)
    ledger.finish()
    before = (tmp_path / "r.csv.accounts.jsonl").read_bytes()

    ledger = again(tmp_path, complete=True)
    ledger.begin()
    ledger.close(discard=True)
    assert [path.name for path in tmp_path.iterdir()] == ["r.csv.accounts.jsonl"]
    assert (tmp_path / "r.csv.accounts.jsonl").read_bytes() == before

    ledger = again(tmp_path, complete=True)
    ledger.begin()
    ledger.add(complete(TWO, 0))
    ledger.finish()
    assert left(tmp_path, partial=False) == [(TWO, "complete", 0)]


def test_a_new_run_takes_nothing_of_what_a_killed_one_left(tmp_path: Path) -> None:
    (tmp_path / "r.csv.accounts.jsonl.partial").write_bytes(b'{"account": "1111')
    (tmp_path / "r.csv.accounts.jsonl.partial.tmp").write_bytes(b"something")
    ledger = begun(tmp_path)
    assert left(tmp_path) == []
    ledger.close(discard=True)

    assert not list(tmp_path.iterdir())


def test_a_link_in_its_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "r.csv.accounts.jsonl").symlink_to("elsewhere")

    with pytest.raises(UsageError, match="is a symbolic link"):
        begun(tmp_path)
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("content", [b"my notes\n", b"my notes", b'{"account": 1}\n', b"\xff"])
@pytest.mark.parametrize("suffix", ["", ".partial"])
def test_what_is_no_side_file_is_not_replaced(tmp_path: Path, content: bytes, suffix: str) -> None:
    there = tmp_path / f"r.csv.accounts.jsonl{suffix}"
    there.write_bytes(content)

    with pytest.raises(UsageError, match="is there, and does not say what became of accounts"):
        begun(tmp_path)
    assert (there.read_bytes(), list(tmp_path.iterdir())) == (content, [there])


# What all of them amount to.


@pytest.mark.parametrize(
    ("statuses", "is_complete"),
    [
        ([], True),
        ([Status.COMPLETE, Status.SKIPPED], True),
        ([Status.COMPLETE, Status.NOT_ENTERED], False),
        ([Status.INCOMPLETE], False),
    ],
)
def test_accounts_are_complete_but_for_those_that_were_to_be_audited_and_were_not(
    statuses: list[Status], is_complete: bool
) -> None:
    records = (AccountRecord(account=Account(str(number)), status=each) for number, each in enumerate(statuses))

    assert FleetOutcome(tuple(records)).complete is is_complete
