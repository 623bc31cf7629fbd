"""One file an account: in folders that Athena and DuckDB load by account, all of them or none."""

from __future__ import annotations

import stat
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from s3audit_async.analysis.finished import open_report
from s3audit_async.errors import OutputError
from s3audit_async.fleet.units import Account, AccountRecord, Status
from s3audit_async.output import Ledger, Spool, Target, splitting
from s3audit_async.output.exports import Batch
from s3audit_async.sinks import make_sink
from tests.rows import KMS, SSE_S3

if TYPE_CHECKING:
    from collections.abc import Callable

    from s3audit_async.model import Row

ONE, TWO, EMPTY, DENIED = "111122223333", "222233334444", "333344445555", "444455556666"
ROWS = [
    replace(SSE_S3, bucket="a", account=ONE),
    replace(KMS, bucket="b", account=TWO),
    replace(KMS, bucket="c", account=ONE),
    replace(SSE_S3, bucket="d", account=None),
    replace(SSE_S3, bucket="é\n", account=ONE),
]
FAILING = replace(SSE_S3, bucket="fails", account=TWO, mode="InternalError", key_type="Unknown", algorithm=None)


def ledger_of(**statuses: Status) -> Ledger:
    ledger = Ledger(None)
    for account, status in statuses.items():
        ledger.add(AccountRecord(account=Account(account.removeprefix("a")), status=status))
    return ledger


WITHOUT_BUCKETS: dict[str, Status] = {
    f"a{EMPTY}": Status.COMPLETE,
    f"a{DENIED}": Status.NOT_ENTERED,
    "a555566667777": Status.INCOMPLETE,
    "a666677778888": Status.SKIPPED,
}


def spooled(folder: Path, *rows: Row, forms: tuple[str, ...] = ("csv",), **settings: Any) -> Spool:
    """A spool with these rows, finished."""
    targets = [Target(form, folder / f"r.{form}", wide=form == "csv") for form in forms]
    spool = Spool(folder / "r.jsonl", targets=targets, split=True, **settings)
    sink = make_sink("jsonl", spool.buffer, wide=True)
    for row in rows:
        sink.write(row)
        spool.buffer.end_row()
    try:
        anyio.run(spool.finish)
    finally:
        spool.close(discard=False)
    return spool


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def parts(folder: Path) -> list[str]:
    return [name for name in files(folder) if name.startswith("account_id=")]


def buckets(path: Path) -> list[str]:
    return [row.bucket for row in open_report(path).rows()]


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_each_account_has_its_rows_in_a_file_of_its_own(tmp_path: Path, form: str) -> None:
    if form == "parquet":
        pytest.importorskip("pyarrow")
    spool = spooled(tmp_path, *ROWS, forms=(form,), ledger=ledger_of(**WITHOUT_BUCKETS))

    assert {name.split("/")[0]: buckets(tmp_path / name) for name in parts(tmp_path)} == {
        f"account_id={ONE}": ["a", "c", "é\n"],
        f"account_id={TWO}": ["b"],
        f"account_id={EMPTY}": [],
        "account_id=unknown": ["d"],
    }
    assert spool.place == str(tmp_path / "account_id=*" / f"r.{form}")


def test_the_parts_hold_the_very_rows_and_are_for_their_owner_only(tmp_path: Path) -> None:
    spooled(tmp_path, *ROWS)
    part = tmp_path / f"account_id={ONE}" / "r.csv"

    assert list(open_report(part).rows()) == [row for row in ROWS if row.account == ONE]
    assert stat.S_IMODE(part.stat().st_mode) == 0o600


def test_duckdb_takes_the_folders_for_the_accounts(tmp_path: Path) -> None:
    duckdb = pytest.importorskip("duckdb")
    spooled(tmp_path, *ROWS, forms=("jsonl",))
    query = (
        "SELECT account_id, count(*) FROM read_json(?, hive_partitioning = true, hive_types = {'account_id': VARCHAR})"
        " GROUP BY ALL ORDER BY ALL"
    )

    found = duckdb.connect().execute(query, [str(tmp_path / "account_id=*" / "r.jsonl")]).fetchall()

    assert found == [(ONE, 3), (TWO, 1), ("unknown", 1)]


def test_several_formats_are_split_alike_and_a_page_is_of_all(tmp_path: Path) -> None:
    written: list[str] = []

    def write(rows: Callable[[], Any], out: Any) -> None:
        written.extend(row.bucket for row in rows())
        out.write(b"page")

    spooled(tmp_path, *ROWS, forms=("csv", "jsonl", "markdown", "html"), writers={"html": write})

    folders = [f"account_id={ONE}", f"account_id={TWO}", "account_id=unknown"]
    assert files(tmp_path) == [
        *(f"{folder}/r.{form}" for folder in folders for form in ("csv", "jsonl", "markdown")),
        "r.html",
    ]
    assert written == ["a", "b", "c", "d", "é\n"]


def test_what_is_no_account_is_in_no_path(tmp_path: Path) -> None:
    rows = [replace(SSE_S3, bucket=f"b{number}", account=name) for number, name in enumerate(["../../x", "", "1" * 13])]
    spooled(tmp_path, *rows, replace(SSE_S3, account=None))

    assert files(tmp_path) == ["account_id=unknown/r.csv"]
    assert buckets(tmp_path / "account_id=unknown" / "r.csv") == ["b0", "b1", "b2", "sse-s3"]


@pytest.mark.parametrize(
    ("rows", "statuses", "stays"),
    [
        ([*ROWS], {f"a{ONE}": Status.COMPLETE}, False),
        ([*ROWS, FAILING], {}, True),
        ([*ROWS], {f"a{DENIED}": Status.NOT_ENTERED}, True),
    ],
)
def test_the_spool_stays_if_there_is_something_to_ask_again(
    tmp_path: Path, rows: list[Row], statuses: dict[str, Status], stays: bool
) -> None:
    spooled(tmp_path, *rows, ledger=ledger_of(**statuses))

    assert ("r.jsonl.partial" in files(tmp_path)) is stays


@pytest.mark.parametrize("obstacle", ["folder", "link", "file"])
def test_where_one_part_cannot_be_there_is_none_and_the_spool_stays(tmp_path: Path, obstacle: str) -> None:
    place = tmp_path / "account_id=unknown"
    if obstacle == "folder":
        (place / "r.csv").mkdir(parents=True)
    elif obstacle == "link":
        place.symlink_to(tmp_path)
    else:
        place.write_bytes(b"")
    before = sorted(tmp_path.rglob("*"))

    with pytest.raises(OutputError, match="account_id=unknown"):
        spooled(tmp_path, *ROWS)

    assert sorted(tmp_path.rglob("*")) == sorted([*before, tmp_path / "r.jsonl.partial"])


def test_no_room_for_all_parts_makes_none(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    spool = tmp_path / "spool.jsonl"
    with spool.open("wb") as out:
        sink = make_sink("jsonl", out, wide=True)
        for row in [*ROWS, *(replace(SSE_S3, bucket=f"b{number}", account=TWO) for number in range(400))]:
            sink.write(row)
    split = splitting.Parts(spool, proceed=lambda: None)
    targets = [Target("csv", tmp_path / "r.csv")]

    resource.setrlimit(resource.RLIMIT_FSIZE, (5_000, hard))
    try:
        with (
            splitting.Folders() as folders,
            Batch("make room") as batch,
            pytest.raises(OutputError, match="the file is too large"),
        ):
            splitting.split(split, targets, batch, folders, proceed=lambda: None)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert sorted(tmp_path.rglob("*")) == [spool]


def test_many_accounts_need_few_open_files(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    rows = [replace(SSE_S3, bucket=f"b{number}", account=f"{number % 60:012}") for number in range(120)]
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    used = len(list(Path("/dev/fd").iterdir()))

    resource.setrlimit(resource.RLIMIT_NOFILE, (used + 20, hard))
    try:
        spooled(tmp_path, *rows)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    assert len(files(tmp_path)) == 60


def test_parts_that_are_there_are_replaced_and_others_left(tmp_path: Path) -> None:
    spooled(tmp_path, *ROWS)
    other = tmp_path / f"account_id={DENIED}" / "r.csv"
    other.parent.mkdir()
    other.write_bytes(b"other")
    spooled(tmp_path, replace(SSE_S3, bucket="new", account=ONE))

    assert buckets(tmp_path / f"account_id={ONE}" / "r.csv") == ["new"]
    assert buckets(tmp_path / f"account_id={TWO}" / "r.csv") == ["b"]
    assert other.read_bytes() == b"other"
    assert len(splitting.parts_there(tmp_path / "r.csv")) == 4
