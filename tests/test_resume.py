from __future__ import annotations

import io
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from s3audit_async.analysis.reading import Layout, ReportReader
from s3audit_async.errors import OutputError, UsageError
from s3audit_async.fleet.units import Account, AccountRecord, Status
from s3audit_async.model import Kind, Row, skip_key
from s3audit_async.output import FileOutput
from s3audit_async.resume import Resumption, resume
from s3audit_async.sinks import make_sink

if TYPE_CHECKING:
    from pathlib import Path

NARROW, WIDE, JSONL = Layout("csv", wide=False), Layout("csv", wide=True), Layout("jsonl", wide=True)
LAYOUTS = [pytest.param(NARROW, id="narrow"), pytest.param(WIDE, id="wide"), pytest.param(JSONL, id="jsonl")]

KEY = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd"

ANSWERS = [
    Row("sse-s3", "AES256", "N/A", bucket_key=False, algorithm="AES256"),
    Row("own-key", KEY, "CUSTOMER", bucket_key=True, algorithm="aws:kms"),
    Row("aws-key", "alias/aws/s3", "AWS", bucket_key=None, algorithm="aws:kms"),
    Row("key-denied", 'a "key"\nof two lines', "AccessDenied", bucket_key=True, algorithm="aws:kms"),
    Row("key-missing", "=1+1", "KeyNotFound", bucket_key=True, algorithm="aws:kms:dsse"),
    Row("unconfigured", "SSEConfigNotFound", "N/A", bucket_key=None),
    Row("denied", "AccessDenied", "Unknown", bucket_key=None),
    Row("gone", "NoSuchBucket", "Unknown", bucket_key=None),
    Row("newer", "aws:future", "N/A", bucket_key=None, algorithm="aws:future"),
]
ERRORS = [
    Row("failed", "InternalError", "Unknown", bucket_key=None),
    Row("key-failed", KEY, "KMSInternalException", bucket_key=True, algorithm="aws:kms"),
    Row("key-throttled", KEY, "ThrottlingException", bucket_key=True, algorithm="aws:kms"),
    Row("unreachable", "EndpointUnreachable", "Unknown", bucket_key=None),
]
NEW = Row("new", "AES256", "N/A", bucket_key=None)


def header(layout: Layout) -> bytes:
    out = io.BytesIO()
    make_sink(layout.format, out, wide=layout.wide).begin()
    return out.getvalue()


def line(row: Row, layout: Layout) -> bytes:
    out = io.BytesIO()
    make_sink(layout.format, out, wide=layout.wide).write(row)
    return out.getvalue()


def report(layout: Layout, *rows: Row) -> bytes:
    return header(layout) + b"".join(line(row, layout) for row in rows)


def left_at(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def opened(path: Path) -> Resumption:
    """Resume, and let go of the file at once."""
    resumption = resume(path)
    resumption.output.close(discard=False)
    return resumption


async def completed(path: Path, *rows: Row) -> bytes:
    """What the report is after these rows were added in the way that the command adds them."""
    resumption = resume(path)
    sink = make_sink(resumption.layout.format, resumption.output.buffer, wide=resumption.layout.wide)
    if not resumption.begun:
        sink.begin()
    for row in rows:
        sink.write(row)
    sink.end()
    await resumption.output.finish()
    return resumption.output.final.read_bytes()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# Which rows stay.


@pytest.mark.parametrize("layout", LAYOUTS)
async def test_answers_stay_to_the_byte_and_errors_are_asked_again(tmp_path: Path, layout: Layout) -> None:
    mixed = [row for pair in zip(ANSWERS, ERRORS, strict=False) for row in pair] + ANSWERS[len(ERRORS) :]
    path = left_at(tmp_path / "report.partial", report(layout, *mixed))

    resumption = opened(path)

    assert path.read_bytes() == report(layout, *mixed), "not before the first row comes"
    assert await completed(path) == report(layout, *ANSWERS)
    assert resumption.names == {row.bucket for row in ANSWERS}
    assert (resumption.asked_again, resumption.torn, resumption.layout) == (len(ERRORS), False, layout)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_what_stays_is_summed_up(tmp_path: Path, layout: Layout) -> None:
    path = left_at(tmp_path / "report.partial", report(layout, *ANSWERS, *ERRORS))

    summary = opened(path).summary

    assert (summary.rows, summary.denied.first, summary.failed.count) == (len(ANSWERS), ["denied"], 0)


@pytest.mark.parametrize("layout", LAYOUTS)
async def test_a_bucket_with_two_rows_keeps_the_first_answer(tmp_path: Path, layout: Layout) -> None:
    failed = Row("twice", "InternalError", "Unknown", bucket_key=None)
    answers = [Row("twice", mode, "N/A", bucket_key=None, algorithm=mode) for mode in ("AES256", "aws:future")]
    path = left_at(tmp_path / "report.partial", report(layout, failed, *answers, failed))

    resumption = opened(path)

    assert await completed(path) == report(layout, answers[0])
    assert (resumption.names, resumption.summary.rows) == ({"twice"}, 1)


def test_a_name_that_a_spreadsheet_would_run_is_known_by_its_real_form(tmp_path: Path) -> None:
    path = left_at(tmp_path / "report.partial", report(NARROW, Row("-odd", "AES256", "N/A", bucket_key=None)))

    assert opened(path).names == {"-odd"}


@pytest.mark.parametrize("layout", LAYOUTS)
async def test_the_completed_report_is_as_if_it_had_never_been_interrupted(tmp_path: Path, layout: Layout) -> None:
    path = left_at(tmp_path / "report.partial", report(layout, *ANSWERS, *ERRORS))

    assert await completed(path, NEW) == report(layout, *ANSWERS, NEW)
    assert names(tmp_path) == ["report"]


@pytest.mark.parametrize("layout", LAYOUTS)
async def test_a_report_of_errors_only_keeps_its_beginning(tmp_path: Path, layout: Layout) -> None:
    path = left_at(tmp_path / "report.partial", report(layout, *ERRORS))

    assert await completed(path, NEW) == report(layout, NEW)


@pytest.mark.parametrize(("name", "layout"), [("r.csv.partial", NARROW), ("r.jsonl.partial", JSONL)])
async def test_a_report_that_was_never_begun_is_begun(tmp_path: Path, name: str, layout: Layout) -> None:
    path = left_at(tmp_path / name, b"")

    assert await completed(path, NEW) == report(layout, NEW)


async def test_a_report_much_larger_than_what_is_held_in_memory_stays_whole(tmp_path: Path) -> None:
    rows = [Row(f"bucket-{number:05}", KEY, "CUSTOMER", bucket_key=True) for number in range(5000)]
    path = left_at(tmp_path / "report.csv.partial", report(NARROW, *rows))

    resumption = opened(path)

    assert await completed(path) == report(NARROW, *rows)
    assert len(resumption.names) == 5000


# A report that ends in the middle.


@pytest.mark.parametrize("layout", LAYOUTS)
async def test_a_torn_last_line_is_dropped_and_its_bucket_asked_again(tmp_path: Path, layout: Layout) -> None:
    whole = report(layout, *ANSWERS[:3])
    torn = line(ANSWERS[3], layout)

    for cut in range(1, len(torn)):
        path = left_at(tmp_path / "report.partial", whole + torn[:cut])
        resumption = opened(path)
        assert await completed(path) == whole, f"cut at byte {cut}"
        assert (resumption.names, resumption.torn) == ({row.bucket for row in ANSWERS[:3]}, True)


@pytest.mark.parametrize("layout", LAYOUTS)
async def test_wherever_the_beginning_was_torn_off_the_completed_report_is_whole(
    tmp_path: Path, layout: Layout
) -> None:
    data = report(layout, ANSWERS[0])
    suffix = "jsonl" if layout.format == "jsonl" else "csv"

    wrong = []
    for cut in range(len(header(layout)) + 25):
        path = left_at(tmp_path / f"report.{suffix}.partial", data[:cut])
        try:
            final = left_at(tmp_path / "completed", await completed(path, NEW))
            buckets = [record.row.bucket for record in ReportReader(final)]
        except UsageError as error:
            wrong.append((cut, str(error)))
        else:
            if buckets != [NEW.bucket]:
                wrong.append((cut, str(buckets)))

    assert wrong == []


# Which file is gone on from.


@pytest.mark.parametrize("named", ["report.csv.partial", "report.csv"])
async def test_an_unfinished_report_may_be_named_either_way(tmp_path: Path, named: str) -> None:
    left_at(tmp_path / "report.csv.partial", report(NARROW, ANSWERS[0]))

    assert await completed(tmp_path / named, NEW) == report(NARROW, ANSWERS[0], NEW)
    assert names(tmp_path) == ["report.csv"]


async def test_a_finished_report_stands_until_the_one_that_goes_on_from_it_is_complete(tmp_path: Path) -> None:
    before = report(NARROW, *ANSWERS, *ERRORS)
    final = left_at(tmp_path / "report.csv", before)

    first = resume(final)
    make_sink("csv", first.output.buffer, wide=False).write(NEW)
    await first.output.flush()
    while_running = (names(tmp_path), final.read_bytes())
    first.output.close(discard=False)
    after = await completed(final)

    assert while_running == (["report.csv", "report.csv.partial"], before)
    assert (names(tmp_path), after) == (["report.csv"], report(NARROW, *ANSWERS, NEW))


def test_an_unfinished_report_goes_before_a_finished_one_of_its_name(tmp_path: Path) -> None:
    left_at(tmp_path / "report.csv", report(NARROW, ANSWERS[0]))
    left_at(tmp_path / "report.csv.partial", report(NARROW, ANSWERS[0], ANSWERS[1]))

    assert opened(tmp_path / "report.csv").names == {ANSWERS[0].bucket, ANSWERS[1].bucket}


async def test_a_resumption_can_be_interrupted_and_resumed(tmp_path: Path) -> None:
    path = left_at(tmp_path / "report.csv.partial", report(NARROW, ANSWERS[0]))
    first = resume(path)
    make_sink("csv", first.output.buffer, wide=False).write(ANSWERS[1])
    await first.output.flush()
    first.output.close(discard=False)

    assert await completed(path, NEW) == report(NARROW, ANSWERS[0], ANSWERS[1], NEW)


async def test_a_resumption_that_brings_no_row_leaves_everything_as_it_was(tmp_path: Path) -> None:
    before = report(NARROW, *ANSWERS, *ERRORS)
    final = left_at(tmp_path / "report.csv", before)
    resumption = resume(final)
    await resumption.output.flush()
    place = resumption.output.place
    resumption.output.close(discard=True)

    assert (place, names(tmp_path), final.read_bytes()) == (str(final), ["report.csv"], before)


# A resumption that cannot be.


@pytest.mark.parametrize(
    ("data", "said"),
    [
        pytest.param(b"Name,Age\r\nx,1\r\n", "is not a report", id="another table"),
        pytest.param(report(NARROW, ANSWERS[0]) + b"x,1\r\n", "line 3 is not a row", id="a line of somebody else's"),
        pytest.param(report(JSONL, ANSWERS[0]) + b"{}\n", "line 2 is not a row", id="a JSON line of somebody else's"),
        pytest.param(
            report(NARROW, *[Row(f"b{n}", KEY, "AWS", bucket_key=None) for n in range(3000)]) + b"\0\r\n",
            "line 3002 is not a row",
            id="after more than what is held in memory",
        ),
    ],
)
@pytest.mark.parametrize("name", ["report.csv.partial", "report.csv"])
def test_a_file_that_is_not_ours_is_refused_and_left_as_it_is(
    tmp_path: Path, name: str, data: bytes, said: str
) -> None:
    path = left_at(tmp_path / name, data)

    with pytest.raises(UsageError, match=said):
        resume(path)

    assert (names(tmp_path), path.read_bytes()) == ([name], data)


def test_a_report_that_is_not_there_is_refused_and_nothing_made(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot read .*report\.csv"):
        resume(tmp_path / "report.csv")

    assert names(tmp_path) == []


async def test_what_a_killed_resumption_left_does_not_stand_in_the_way(tmp_path: Path) -> None:
    data = report(NARROW, ANSWERS[0])
    path = left_at(tmp_path / "report.csv.partial", data)
    left_at(tmp_path / "report.csv.partial.tmp", b"half of a resumption, of which the partial file has all")

    assert await completed(path, NEW) == report(NARROW, ANSWERS[0], NEW)
    assert names(tmp_path) == ["report.csv"]


async def test_what_a_killed_resumption_of_a_finished_report_left_does_not_stand_in_the_way(tmp_path: Path) -> None:
    final = left_at(tmp_path / "report.csv", report(NARROW, ANSWERS[0], *ERRORS))
    left_at(tmp_path / "report.csv.partial.tmp", b"half of a resumption, of which the report has all")

    assert await completed(final, NEW) == report(NARROW, ANSWERS[0], NEW)
    assert names(tmp_path) == ["report.csv"]


def test_two_resumptions_of_a_finished_report_do_not_write_over_each_other(tmp_path: Path) -> None:
    final = left_at(tmp_path / "report.csv", report(NARROW, *ANSWERS))
    first = resume(final)

    with pytest.raises(UsageError, match="another run"):
        resume(final)

    first.output.close(discard=False)
    assert names(tmp_path) == ["report.csv"]


async def test_a_run_that_was_faster_is_not_written_over(tmp_path: Path) -> None:
    final = left_at(tmp_path / "report.csv", report(NARROW, *ANSWERS))
    resumption = resume(final)
    faster = FileOutput(final)
    make_sink("csv", resumption.output.buffer, wide=False).write(NEW)

    with pytest.raises(OutputError, match="another run has begun"):
        await resumption.output.flush()

    resumption.output.close(discard=True)
    faster.close(discard=False)
    assert names(tmp_path) == ["report.csv", "report.csv.partial"]


def test_two_resumptions_at_once_do_not_write_over_each_other(tmp_path: Path) -> None:
    path = left_at(tmp_path / "report.csv.partial", report(NARROW, *ANSWERS))
    first = resume(path)

    with pytest.raises(UsageError, match="another run"):
        resume(path)

    first.output.close(discard=False)
    assert path.read_bytes() == report(NARROW, *ANSWERS)


async def test_a_report_that_another_run_is_still_writing_is_not_taken_from_it(tmp_path: Path) -> None:
    running = FileOutput(tmp_path / "report.csv")
    running.buffer.write(report(NARROW, ANSWERS[0]))
    await running.flush()

    with pytest.raises(UsageError):
        resume(running.partial)

    running.buffer.write(line(ANSWERS[1], NARROW))
    await running.finish()
    assert running.final.read_bytes() == report(NARROW, ANSWERS[0], ANSWERS[1])


def test_when_there_is_no_room_to_go_on_nothing_is_lost(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    data = report(NARROW, *[Row(f"b{n}", KEY, "AWS", bucket_key=None) for n in range(5000)])
    path = left_at(tmp_path / "report.csv.partial", data)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    resource.setrlimit(resource.RLIMIT_FSIZE, (len(data) // 2, hard))
    try:
        with pytest.raises(OutputError, match="the file is too large"):
            resume(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert (names(tmp_path), path.read_bytes()) == (["report.csv.partial"], data)


# Many accounts.

ONE, TWO, THREE = "111122223333", "222233334444", "333344445555"


def of(account: str | None, name: str, *, fails: bool = False) -> Row:
    return replace(ERRORS[0] if fails else NEW, bucket=name, account=account)


def told(account: str, rows: int, status: Status = Status.COMPLETE) -> AccountRecord:
    return AccountRecord(account=Account(account), status=status, rows=rows)


def of_many(path: Path, *records: AccountRecord) -> Resumption:
    resumption = resume(path, records={each.account.key: each for each in records})
    resumption.output.close(discard=False)
    return resumption


def test_the_same_name_in_two_accounts_is_two_buckets_and_twice_in_one_is_one(tmp_path: Path) -> None:
    rows = [of(ONE, "a"), of(TWO, "a"), of(ONE, "b"), of(ONE, "a"), of(None, "a")]
    resumption = of_many(left_at(tmp_path / "r.jsonl.partial", report(JSONL, *rows)))

    assert resumption.done == {ONE: {"a", "b"}, TWO: {"a"}, None: {"a"}}
    assert (resumption.rows, resumption.account) == (4, None)


@pytest.mark.parametrize("layout", [WIDE, JSONL])
def test_an_account_is_finished_if_all_rows_are_there_that_its_record_counts(tmp_path: Path, layout: Layout) -> None:
    path = left_at(tmp_path / "r.partial", report(layout, of(ONE, "a"), of(TWO, "b"), of(ONE, "c")))

    finished = of_many(path, told(ONE, 2), told(TWO, 2), told(THREE, 0), told("4" * 12, 1)).finished

    assert finished == {ONE, THREE}


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.COMPLETE])
def test_an_account_whose_record_does_not_say_that_it_is_complete_is_not_finished(
    tmp_path: Path, status: Status
) -> None:
    path = left_at(tmp_path / "r.jsonl.partial", report(JSONL, of(ONE, "a")))

    assert not of_many(path, told(ONE, 1, status), told(TWO, 0, status)).finished


def test_a_row_with_an_error_brings_its_account_back(tmp_path: Path) -> None:
    """Also where another row, of a bucket that is newer than the record, makes the number right."""
    rows = [of(ONE, "a", fails=True), of(ONE, "b"), of(TWO, "c")]
    resumption = of_many(left_at(tmp_path / "r.jsonl.partial", report(JSONL, *rows)), told(ONE, 1), told(TWO, 1))

    assert resumption.finished == {TWO}
    assert resumption.done == {ONE: {"b"}, TWO: {"c"}}
    assert resumption.asked_again == 1


def test_a_lost_end_brings_its_account_back(tmp_path: Path) -> None:
    data = report(JSONL, of(ONE, "a"), of(TWO, "b"))

    assert of_many(left_at(tmp_path / "r.jsonl.partial", data[:-1]), told(ONE, 1), told(TWO, 1)).finished == {ONE}


def test_a_report_of_one_account_knows_its_buckets_by_name_whoever_its_rows_name(tmp_path: Path) -> None:
    """The account may not have been told to the run that began it."""
    resumption = opened(left_at(tmp_path / "r.jsonl.partial", report(JSONL, of(None, "a"), of(ONE, "b"), of(ONE, "a"))))

    assert resumption.names == {"a", "b"}
    assert (resumption.rows, resumption.account, resumption.finished) == (2, ONE, frozenset())


def test_buckets_whose_names_are_a_regions_own_are_known_with_it() -> None:
    keys = [skip_key(kind, "eu-west-1", "a") for kind in Kind]

    assert keys == ["a", "a", "table:eu-west-1:a", "vector:eu-west-1:a"]
