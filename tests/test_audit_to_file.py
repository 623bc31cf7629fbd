"""The library's report file: begun, stopped in time, gone on with, complete."""

from __future__ import annotations

import asyncio
import csv
import json
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio
import anyio.lowlevel
import pytest

import s3audit_async
from benchmarks.stub import Behaviour, StubAws, synthetic
from s3audit_async import CredentialsError, FileAudit, ListingError, Observer, Options, UsageError, WrongAccountError
from s3audit_async.model import Key, Kind, Operation, Unlisted
from s3audit_async.output import FleetState, StateFile, Wanted
from s3audit_async.recorded.to_file import record_to_file
from tests.command import s3audit
from tests.fakes import FakeGateway, error, kms, several, stream
from tests.reports import expected, rows_of
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from benchmarks.stub.request import Request
    from s3audit_async.engine import RowStream

BUCKETS = 40
SHORT = 0.75
"""Seconds: enough for all that is answered at once."""


class Account:
    """An account in memory, of which some calls are answered only later: by the next call, or never."""

    def __init__(self, *, hanging: frozenset[str] = frozenset(), denied: frozenset[Operation] = frozenset()) -> None:
        self.hanging = hanging
        self.denied = denied
        self.failing: frozenset[str] = frozenset()
        self.gateways: list[FakeGateway] = []

    async def fault(self, operation: Operation, target: str, _region: str, _times: int) -> None:
        if operation in self.denied:
            raise error(operation, target, "AccessDenied", status=403)
        if target in self.failing:
            raise error(operation, target, "InternalFault", status=400)
        if target in self.hanging:
            await anyio.sleep_forever()

    def opened(self, options: Options, watching: Observer) -> RowStream:
        gateway = FakeGateway(
            several(BUCKETS),
            rules={f"bucket-{number:05d}": kms("alias/one") for number in range(0, BUCKETS, 2)},
            keys={"alias/one": Key("CUSTOMER", "alias/one")},
            fault=self.fault,
            latency=lambda _operation, _region: 0.0,
        )
        self.gateways.append(gateway)
        return stream(gateway, replace(options, timeout=3600.0), watching)

    def asked(self) -> list[str]:
        """The buckets that the last call asked about."""
        asked = self.gateways[-1].asked
        return sorted(target for operation, target in asked if operation is Operation.GET_BUCKET_ENCRYPTION)


NAMES = [f"bucket-{number:05d}" for number in range(BUCKETS)]
SLOW = frozenset(NAMES[10:20])


async def audited(
    path: Path, account: Account, options: Options | None = None, *, wide: bool = True, seconds: float | None = None
) -> FileAudit:
    return await record_to_file(path, account.opened, options or Options(), wide=wide, seconds=seconds)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def without_time(path: Path) -> list[dict[str, object]]:
    """The rows of a report, in order of their names, but for when each was made."""
    if path.suffix == ".jsonl":
        rows: list[dict[str, object]] = [json.loads(line) for line in path.read_text().splitlines()]
    else:
        with path.open(newline="") as lines:
            rows = [dict(row) for row in csv.DictReader(lines)]
    for row in rows:
        row.pop("Audited At", None)
        row.pop("audited_at", None)
    return sorted(rows, key=lambda row: str(row.get("Bucket Name") or row.get("bucket_name")))


# Stopped in time, and gone on with.


@pytest.mark.parametrize(("name", "wide"), [("r.csv", True), ("r.csv", False), ("r.jsonl", True)])
async def test_a_report_in_two_calls_has_the_rows_of_one_each_once(tmp_path: Path, name: str, wide: bool) -> None:
    for place in ("once", "twice"):
        (tmp_path / place).mkdir()
    path, account = tmp_path / "twice" / name, Account(hanging=SLOW)
    first = await audited(path, account, wide=wide, seconds=SHORT)
    kept = rows_of_any(path.with_name(name + ".partial"))
    account.hanging = frozenset()
    second = await audited(path, account, wide=wide, seconds=60.0)
    whole = await audited(tmp_path / "once" / name, Account(), wide=wide)

    assert (first.complete, first.out_of_time, first.path.name) == (False, True, name + ".partial")
    assert first.rows == first.added == len(kept) > 0
    assert not SLOW & kept
    assert (second.complete, second.error, second.path) == (True, None, path)
    assert (second.rows, second.added) == (BUCKETS, BUCKETS - first.rows)
    assert account.asked() == sorted(set(NAMES) - kept)
    assert without_time(path) == without_time(tmp_path / "once" / name)
    assert second.counts == whole.counts or not wide, "rows that are read back from four columns leave more unknown"
    assert list(contents(path.parent)) == [name], "nothing to go on with is left"


def rows_of_any(path: Path) -> set[str]:
    return {name for name in NAMES if name in path.read_text()}


async def test_a_call_that_had_no_time_for_a_row_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text("Bucket Name,Default Encryption Mode,SSE-KMS Key Type,Bucket Key\r\n")
    before = contents(tmp_path)
    done = await audited(tmp_path / "r.csv", Account(hanging=frozenset(NAMES)), seconds=SHORT)

    assert (done.complete, done.out_of_time, done.rows) == (False, True, 0)
    assert contents(tmp_path) == before


async def test_a_call_that_had_no_time_for_another_row_leaves_the_report_as_it_was(tmp_path: Path) -> None:
    account = Account(hanging=SLOW)
    await audited(tmp_path / "r.csv", account, seconds=SHORT)
    before = contents(tmp_path)
    account.hanging = frozenset(NAMES)
    done = await audited(tmp_path / "r.csv", account, seconds=SHORT)

    assert (done.out_of_time, done.added, done.rows > 0) == (True, 0, True)
    assert contents(tmp_path) == before


async def test_a_call_that_is_cancelled_keeps_what_is_written(tmp_path: Path) -> None:
    path, account = tmp_path / "r.csv", Account(hanging=SLOW)
    partial_file = path.with_name("r.csv.partial")
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(partial(audited, path, account))
        await anyio.to_thread.run_sync(
            lambda: wait_until(lambda: partial_file.exists() and bool(rows_of_any(partial_file)), what="a row")
        )
        tasks.cancel_scope.cancel()
    kept = rows_of_any(partial_file)
    account.hanging = frozenset()
    done = await audited(path, account)

    assert account.gateways[0].closed
    assert (done.complete, done.rows, done.added) == (True, BUCKETS, BUCKETS - len(kept))


@pytest.mark.parametrize("turns", range(1, 8))
async def test_a_call_that_is_cancelled_while_it_opens_its_report_lets_go_of_it(tmp_path: Path, turns: int) -> None:
    """Cancelled as asyncio does it, which anyio's shields do not keep off, after so many turns of the loop."""
    call = asyncio.create_task(audited(tmp_path / "r.csv", Account(hanging=frozenset(NAMES))))
    for _ in range(turns):
        await anyio.lowlevel.checkpoint()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    done = None
    with anyio.fail_after(30):
        while done is None:
            try:
                done = await audited(tmp_path / "r.csv", Account())
            except UsageError:  # the thread of the first call is still at it
                await anyio.lowlevel.checkpoint()

    assert done.complete
    assert list(contents(tmp_path)) == ["r.csv"]


async def test_the_command_goes_on_with_what_a_call_began_and_the_other_way_round(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Through the SDK, against a server; the options that chose the buckets stay as they were."""
    account = synthetic(buckets=60, keys=3, regions=2)
    chosen = {name: row for name, row in expected(account).items() if not name.endswith("1")}
    late = sorted(chosen)[::3]
    options = Options(buckets=tuple(chosen), timeout=60.0)

    def hanging(request: Request) -> float:
        return 3600.0 if request.operation == "GetBucketEncryption" and request.target in late else 0.0

    with StubAws(account, Behaviour(latency=hanging)) as stub:
        monkeypatch.setenv("AWS_ENDPOINT_URL", stub.url)
        for name in ("a.csv", "b.csv"):
            stub.behaviour.latency = hanging
            for _ in range(10):  # the SDK may take all of the first call's time
                first = await s3audit_async.audit_to_file(tmp_path / name, options=options, wide=False, seconds=1.0)
                assert (first.complete, first.out_of_time) == (False, True)
                if first.rows:
                    break
            stub.behaviour.latency = 0.0
            if name == "a.csv":
                done = await anyio.to_thread.run_sync(partial(s3audit, "run", "--resume", tmp_path / name))
                assert done.returncode == 0, done.stderr
            else:
                second = await s3audit_async.audit_to_file(str(tmp_path / name), wide=False)
                assert (second.complete, second.rows, second.notes) == (True, len(chosen), ())
            assert rows_of(tmp_path / name) == chosen


# What ends a call.


async def test_rows_with_an_error_are_asked_again_by_the_next_call(tmp_path: Path) -> None:
    account = Account(hanging=SLOW)
    account.failing = frozenset(NAMES[:3])
    first = await audited(tmp_path / "r.csv", account, seconds=SHORT)
    account.hanging = account.failing = frozenset()
    second = await audited(tmp_path / "r.csv", account)

    assert (first.failed, first.counts["failed"]) == (3, 3)
    assert {*NAMES[:3], *SLOW} <= {*account.asked()}
    assert (second.complete, second.failed, second.rows) == (True, 0, BUCKETS)


async def test_a_listing_that_is_denied_is_raised_where_there_is_no_row(tmp_path: Path) -> None:
    account = Account(denied=frozenset({Operation.LIST_BUCKETS}))
    with pytest.raises(ListingError):
        await audited(tmp_path / "r.csv", account)

    assert contents(tmp_path) == {}


async def test_a_listing_that_is_denied_later_is_told_and_the_rows_stay(tmp_path: Path) -> None:
    account = Account(hanging=SLOW)
    first = await audited(tmp_path / "r.csv", account, seconds=SHORT)
    account.denied = frozenset({Operation.LIST_BUCKETS})
    second = await audited(tmp_path / "r.csv", account)

    assert (second.complete, second.out_of_time, second.rows) == (False, False, first.rows)
    assert isinstance(second.error, ListingError)


async def test_a_report_of_another_account_is_not_touched(tmp_path: Path) -> None:
    account = Account(hanging=SLOW)
    await audited(tmp_path / "r.csv", account, Options(account="111122223333"), seconds=SHORT)
    before = contents(tmp_path)
    with pytest.raises(UsageError, match="is of account 111122223333, and account 444455556666 is"):
        await audited(tmp_path / "r.csv", account, Options(account="444455556666"))
    (tmp_path / "r.csv.resume").unlink()
    with pytest.raises(UsageError, match="is of account 111122223333, and account 444455556666 is"):
        await audited(tmp_path / "r.csv", account, Options(account="444455556666"))
    (tmp_path / "r.csv.resume").write_bytes(before["r.csv.resume"])
    with pytest.raises(WrongAccountError):
        await audited(tmp_path / "s.csv", account, Options(account="444455556666"))

    assert contents(tmp_path) == before


async def test_without_credentials_nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(CredentialsError):
        await s3audit_async.audit_to_file(tmp_path / "r.csv", seconds=30.0)

    assert contents(tmp_path) == {}


@pytest.mark.parametrize(
    ("name", "given", "said"),
    [
        ("r.parquet", {}, "does not say its format"),
        ("r.csv.partial", {}, "does not say its format"),
        ("nowhere/r.csv", {}, "no directory"),
        ("folder.csv", {}, "is a directory"),
        ("mine.csv", {}, "is no report"),
        ("r.csv", {"seconds": 0.0}, "seconds is 0"),
        ("r.csv", {"seconds": float("nan")}, "seconds is nan"),
    ],
)
async def test_what_cannot_be_written_is_said_before_anything_is_asked(
    tmp_path: Path, name: str, given: dict[str, float], said: str
) -> None:
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "mine.csv").write_text("not,a,report\n")
    account = Account()
    with pytest.raises(UsageError, match=said):
        await audited(tmp_path / name, account, seconds=given.get("seconds"))

    assert account.gateways == []


async def test_a_report_goes_on_in_the_form_it_was_begun_in(tmp_path: Path) -> None:
    account = Account(hanging=SLOW)
    await audited(tmp_path / "r.csv", account, wide=False, seconds=SHORT)
    before = contents(tmp_path)
    with pytest.raises(UsageError, match="was begun with four columns"):
        await audited(tmp_path / "r.csv", account, wide=True)

    assert contents(tmp_path) == before


async def test_a_report_that_another_run_is_writing_is_refused(tmp_path: Path) -> None:
    path, account = tmp_path / "r.csv", Account(hanging=SLOW)
    with being_written(path):
        partial_file = path.with_name("r.csv.partial")
        assert partial_file.exists()
        with pytest.raises(UsageError, match="another run is writing"):
            await audited(path, account)


@contextmanager
def being_written(path: Path) -> Iterator[None]:
    """Another run has the report."""
    from s3audit_async.output import FileOutput  # noqa: PLC0415 - for this one

    with ExitStack() as stack:
        stack.callback(partial(FileOutput(path).close, discard=True))
        yield


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"fleet": FleetState(accounts="111122223333")}, "is of many accounts"),
        ({"wanted": (Wanted("csv", "r.csv", wide=True),)}, "is to become several files"),
    ],
)
async def test_what_only_the_command_can_go_on_with_is_left_to_it(
    tmp_path: Path, fields: dict[str, Any], said: str
) -> None:
    account = Account(hanging=SLOW)
    await audited(tmp_path / "r.csv", account, seconds=SHORT)
    state = StateFile(tmp_path / "r.csv")
    before = state.read()
    assert before is not None
    state.write(replace(before, **fields))
    with pytest.raises(UsageError, match=said) as caught:
        await audited(tmp_path / "r.csv", account)

    assert caught.value.hint == f"go on with it by s3audit run --resume {tmp_path / 'r.csv'}"


async def test_what_could_not_be_listed_is_told(tmp_path: Path) -> None:
    """The report is complete without it, and the run state stays, as after a run of the command."""
    account, refused = Account(), Unlisted(Kind.DIRECTORY, "eu-west-1", "AccessDenied")

    def opening(options: Options, watching: Observer) -> RowStream:
        watching.unlisted(refused)
        return account.opened(options, watching)

    done = await record_to_file(tmp_path / "r.csv", opening, Options(), wide=True, seconds=None)

    assert (done.complete, done.not_listed) == (True, (refused,))
    assert set(contents(tmp_path)) == {"r.csv", "r.csv.resume"}


async def test_what_the_caller_leaves_out_stays_left_out(tmp_path: Path) -> None:
    account = Account(hanging=SLOW)
    options = Options(skip={NAMES[-1]})
    await audited(tmp_path / "r.csv", account, options, seconds=SHORT)
    account.hanging = frozenset()
    done = await audited(tmp_path / "r.csv", account, options)

    assert (done.complete, done.rows) == (True, BUCKETS - 1)


async def test_a_report_that_has_lost_its_state_says_what_was_not_checked(tmp_path: Path) -> None:
    account = Account(hanging=SLOW)
    await audited(tmp_path / "r.csv", account, seconds=SHORT)
    (tmp_path / "r.csv.resume").unlink()
    account.hanging = frozenset()
    done = await audited(tmp_path / "r.csv", account)

    assert done.complete
    assert done.notes == (
        f"Whether the options are the same could not be checked: there is no {tmp_path / 'r.csv.resume'}.",
    )


async def test_four_columns_of_several_kinds_are_refused(tmp_path: Path) -> None:
    """They do not tell which of two buckets of one name has its row: the next call would audit both again."""
    options = Options(kinds=frozenset(Kind))
    with pytest.raises(UsageError, match="four columns do not tell kinds of buckets apart"):
        await audited(tmp_path / "r.csv", Account(), options, wide=False)

    assert not contents(tmp_path)


async def test_the_side_file_of_a_report_of_many_accounts_goes_with_that(tmp_path: Path) -> None:
    side = tmp_path / "r.csv.accounts.jsonl"
    record = {"account": "111122223333", "name": None, "status": "complete", "rows": 1, "code": None, "message": None}
    side.write_text(json.dumps({**record, "time": "2026-11-29T12:00:00Z"}) + "\n")
    await audited(tmp_path / "r.csv", Account())

    assert set(contents(tmp_path)) == {"r.csv"}
