"""Files made out of rows: all or as good as none, for their owner only, in their place in one step."""

from __future__ import annotations

import json
import os
import resource
import signal
import stat
from dataclasses import replace
from typing import TYPE_CHECKING

import anyio
import pytest

from s3audit_async.analysis.finished import open_report
from s3audit_async.errors import OutputError, UsageError
from s3audit_async.output import Spool, Target, export
from s3audit_async.output.exports import check_targets
from s3audit_async.sinks import FORMATS, make_sink, suffix_of
from tests.rows import ALL, DYING, KMS, NASTY, SSE_S3

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path
    from typing import BinaryIO

    from s3audit_async.model import Row

ROWS = [row for row in ALL if row is not NASTY]
FAILING = replace(SSE_S3, bucket="fails", mode="InternalError", key_type="Unknown", findings=("bucket-not-audited",))


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_each_format_gets_its_file_for_its_owner_only(tmp_path: Path) -> None:
    targets = [Target(form, tmp_path / f"r.{suffix_of(form)}", wide=True) for form in FORMATS]
    export(lambda: ALL, targets)

    assert names(tmp_path) == {"r.csv", "r.jsonl", "r.parquet", "r.ocsf.json", "r.asff.json", "r.md"}
    assert {stat.S_IMODE(target.path.stat().st_mode) for target in targets} == {0o600}
    for form in ("csv", "jsonl", "parquet"):
        assert [row.bucket for row in open_report(tmp_path / f"r.{form}").rows()] == [
            row.bucket.replace("\udc80", "?") for row in ALL
        ]


def test_rows_are_gone_through_once_for_all_sinks_and_once_more_for_each_writer(tmp_path: Path) -> None:
    passes = []

    def rows() -> Iterator[Row]:
        passes.append(1)
        yield from ROWS

    def page(rows: Callable[[], Iterable[Row]], out: BinaryIO) -> None:
        out.write(f"{len(list(rows()))} of {len(list(rows()))}".encode())

    targets = [Target(form, tmp_path / form) for form in ("csv", "page", "jsonl")]
    export(rows, targets, writers={"page": page})

    assert len(passes) == 3
    assert (tmp_path / "page").read_text() == f"{len(ROWS)} of {len(ROWS)}"
    assert names(tmp_path) == {"csv", "page", "jsonl"}


def test_a_file_that_is_there_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text("yesterday")

    def rows() -> Iterator[Row]:
        yield KMS
        assert (tmp_path / "r.csv").read_text() == "yesterday"

    export(rows, [Target("csv", tmp_path / "r.csv")])

    assert "kms" in (tmp_path / "r.csv").read_text()


@pytest.mark.parametrize("form", ["csv", "parquet", "ocsf"])
def test_a_disk_that_is_full_leaves_nothing(tmp_path: Path, form: str, small_files: None) -> None:
    (tmp_path / f"r.{form}").write_text("yesterday")
    rows = [replace(KMS, bucket=f"b-{number}-{number * 7919 % 10007}") for number in range(11_000)]

    def note(_rows: Callable[[], Iterable[Row]], out: BinaryIO) -> None:
        out.write(b"fits")

    with pytest.raises(OutputError, match=rf"cannot write .*r\.{form}: the file is too large") as failed:
        export(
            lambda: rows,
            [Target("note", tmp_path / "r.txt"), Target(form, tmp_path / f"r.{form}")],
            writers={"note": note},
        )
    assert failed.value.hint == "make room, and try again"
    assert names(tmp_path) == {f"r.{form}"}
    assert (tmp_path / f"r.{form}").read_text() == "yesterday"


@pytest.fixture
def small_files() -> Iterator[None]:
    """Files of this process have room for 20 KiB."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20 * 1024, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)


def test_rows_that_end_with_an_error_leave_nothing(tmp_path: Path) -> None:
    def rows() -> Iterator[Row]:
        yield from ROWS
        raise UsageError("line 7 is none of ours")

    with pytest.raises(UsageError, match="line 7"):
        export(rows, [Target(form, tmp_path / form) for form in FORMATS])
    assert names(tmp_path) == set()


def test_it_can_be_given_up_between_rows(tmp_path: Path) -> None:
    def proceed() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export(lambda: ROWS, [Target("parquet", tmp_path / "r.parquet")], proceed=proceed)
    assert names(tmp_path) == set()


def test_places_where_no_file_can_be_are_refused(tmp_path: Path) -> None:
    for path, said in (
        (tmp_path, "is a directory"),
        (tmp_path / "missing" / "r.csv", "there is no directory"),
        (tmp_path / "pipe", "is no ordinary file"),
    ):
        if path.name == "pipe":
            os.mkfifo(path)
        with pytest.raises(UsageError, match=said):
            check_targets([Target("csv", path)])


def test_a_file_that_somebody_has_beside_it_is_left_alone(tmp_path: Path) -> None:
    """Whatever it is called; a pipe of that name would keep the run waiting for a reader, too."""
    (tmp_path / "r.csv.tmp").write_text("mine")
    os.mkfifo(tmp_path / "r.jsonl.tmp")

    export(lambda: ROWS, [Target("csv", tmp_path / "r.csv"), Target("jsonl", tmp_path / "r.jsonl")])

    assert names(tmp_path) == {"r.csv", "r.csv.tmp", "r.jsonl", "r.jsonl.tmp"}
    assert (tmp_path / "r.csv.tmp").read_text() == "mine"


def test_two_files_cannot_be_in_one_place(tmp_path: Path) -> None:
    """The second would replace the first."""
    (tmp_path / "same").symlink_to(tmp_path)
    targets = [Target("csv", tmp_path / "r"), Target("page", tmp_path / "same" / "r")]

    with pytest.raises(UsageError, match="two files are to be"):
        export(lambda: ROWS, targets, writers={"page": lambda _rows, _out: None})
    assert names(tmp_path) == {"same"}


def test_a_writer_can_be_interrupted_between_rows(tmp_path: Path) -> None:
    """It may go through a million of them, and more than once."""
    looks: list[int] = []

    def proceed() -> None:
        looks.append(1)
        if len(looks) == 4:
            raise KeyboardInterrupt

    def page(rows: Callable[[], Iterable[Row]], out: BinaryIO) -> None:
        for number, _ in enumerate(rows()):
            reached.append(number)
            out.write(b"row")

    reached: list[int] = []
    with pytest.raises(KeyboardInterrupt):
        export(lambda: [KMS] * 5_000, [Target("page", tmp_path / "r.html")], writers={"page": page}, proceed=proceed)
    assert 1_000 <= len(reached) < 5_000
    assert names(tmp_path) == set()


def test_what_a_writer_writes_does_not_pile_up_in_memory(tmp_path: Path) -> None:
    def page(_rows: Callable[[], Iterable[Row]], out: BinaryIO) -> None:
        out.writelines(b"x" * 1_000 for _ in range(2_000))
        assert out.tell() < 1_000_000

    export(lambda: (), [Target("page", tmp_path / "r.html")], writers={"page": page})
    assert (tmp_path / "r.html").stat().st_size == 2_000_000


# The spool.


def spool(folder: Path, *forms: str, rows: Iterable[Row] = (), mendable: bool = True) -> Spool:
    """A spool that holds rows already, and is to become files of these formats."""
    targets = [Target(form, folder / f"r.{suffix_of(form)}") for form in forms]
    made = Spool(folder / "r.jsonl", targets=targets, mendable=mendable)
    sink = make_sink("jsonl", made.buffer, wide=True)
    for row in rows:
        sink.write(row)
        made.buffer.end_row()
    return made


def finish(made: Spool) -> None:
    try:
        anyio.run(made.finish)
    finally:
        made.close(discard=False)


def test_a_spool_is_gone_when_its_files_are_there(tmp_path: Path) -> None:
    made = spool(tmp_path, "csv", "parquet", rows=ROWS)
    assert made.place == str(tmp_path / "r.jsonl.partial")
    finish(made)

    assert names(tmp_path) == {"r.csv", "r.parquet"}
    assert made.place == f"{tmp_path / 'r.csv'}, {tmp_path / 'r.parquet'}"
    assert list(open_report(tmp_path / "r.parquet").rows()) == ROWS


def test_a_spool_that_is_a_report_itself_stays(tmp_path: Path) -> None:
    finish(spool(tmp_path, "jsonl", "csv", rows=ROWS))

    assert names(tmp_path) == {"r.csv", "r.jsonl"}
    assert list(open_report(tmp_path / "r.jsonl").rows()) == ROWS


@pytest.mark.parametrize(("mendable", "left"), [(True, {"r.md", "r.jsonl.partial"}), (False, {"r.md"})])
def test_a_spool_with_an_error_stays_if_that_can_be_mended(tmp_path: Path, mendable: bool, left: set[str]) -> None:
    made = spool(tmp_path, "markdown", rows=[KMS, FAILING], mendable=mendable)
    finish(made)

    assert names(tmp_path) == left
    assert made.place == str(tmp_path / "r.md")
    if mendable:
        assert made.resumable == str(tmp_path / "r.jsonl.partial")


def test_a_spool_whose_files_cannot_be_made_stays(tmp_path: Path) -> None:
    made = spool(tmp_path, "csv", "asff", rows=[DYING, replace(KMS, account=None)])

    with pytest.raises(OutputError, match="the account of bucket kms is not known"):
        finish(made)
    assert names(tmp_path) == {"r.jsonl.partial"}
    assert len(json.loads((tmp_path / "r.jsonl.partial").read_text().splitlines()[1])) == 22


def test_a_place_that_is_lost_meanwhile_ends_the_run_and_not_as_a_matter_of_options(tmp_path: Path) -> None:
    made = spool(tmp_path, "csv", rows=ROWS)
    (tmp_path / "r.csv").mkdir()

    with pytest.raises(OutputError, match="is a directory"):
        finish(made)
    assert names(tmp_path) == {"r.csv", "r.jsonl.partial"}


def test_making_the_files_can_be_interrupted_and_the_spool_stays(tmp_path: Path) -> None:
    """By cancellation, which the thread looks for between rows."""

    async def interrupted() -> bool:
        with anyio.CancelScope() as scope:

            def page(_rows: Callable[[], Iterable[Row]], out: BinaryIO) -> None:
                out.write(b"page")
                anyio.from_thread.run_sync(scope.cancel)

            targets = [Target("page", tmp_path / "r.html"), Target("csv", tmp_path / "r.csv")]
            made = Spool(tmp_path / "r.jsonl", targets=targets, writers={"page": page})
            made.buffer.write(b'{"bucket_name": ')
            try:
                await made.finish()
            finally:
                made.close(discard=False)
        return scope.cancelled_caught

    assert anyio.run(interrupted)
    assert names(tmp_path) == {"r.jsonl.partial"}


def test_a_spool_is_not_begun_where_a_file_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "r.csv").mkdir()

    with pytest.raises(UsageError, match="is a directory"):
        spool(tmp_path, "csv")
    assert names(tmp_path) == {"r.csv"}
