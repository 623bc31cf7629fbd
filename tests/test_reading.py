from __future__ import annotations

import io
import itertools
import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from s3audit_async.analysis.reading import Layout, ReportReader
from s3audit_async.errors import UsageError
from s3audit_async.model import Failure, Operation, Row, SseC
from s3audit_async.sinks import make_sink

if TYPE_CHECKING:
    from pathlib import Path

NARROW, WIDE, JSONL = Layout("csv", wide=False), Layout("csv", wide=True), Layout("jsonl", wide=True)
LAYOUTS = [pytest.param(NARROW, id="narrow"), pytest.param(WIDE, id="wide"), pytest.param(JSONL, id="jsonl")]
CSV_LAYOUTS = LAYOUTS[:2]

ROWS = [
    Row("plain", "AES256", "N/A", bucket_key=False, account="111122223333", region="eu-west-1", algorithm="AES256"),
    Row("quoted", 'a "key", odd', "CUSTOMER", bucket_key=True, region="eu-west-1", algorithm="aws:kms"),
    Row("broken", 'two\nlines\r\nand a "quote"\n', "KeyNotFound", bucket_key=None, algorithm="aws:kms:dsse"),
    Row("formula", '=HYPERLINK("x")\n', "AWS", bucket_key=True, findings=("a", "b"), sse_c=SseC.ALLOWED),
    Row("unicode", "ключ/\U0001f511\u2028x", "AccessDenied", bucket_key=False, algorithm="aws:kms"),
    Row("last", "InternalError", "Unknown", None, error=Failure(Operation.GET_BUCKET_ENCRYPTION, "Internal", "x\ny")),
]


def pieces(layout: Layout, rows: list[Row]) -> list[bytes]:
    """A report in that layout, cut into its header (empty in JSON Lines) and its rows."""
    out = io.BytesIO()
    sink = make_sink(layout.format, out, wide=layout.wide)
    ends = [0]
    sink.begin()
    ends.append(out.tell())
    for row in rows:
        sink.write(row)
        ends.append(out.tell())
    data = out.getvalue()
    return [data[start:end] for start, end in itertools.pairwise(ends)]


def kept(row: Row, layout: Layout) -> Row:
    """What a report in that layout says of a row, of what is read back."""
    if layout.wide:
        return replace(row, error=row.error and as_read(row.error))
    return Row(row.bucket, row.mode, row.key_type, row.bucket_key, findings=None)


def as_read(error: Failure) -> Failure:
    """An error as its text tells it: a colon may end the code early, and what is empty leaves none."""
    operation, _, rest = str(error).partition(": ")
    code, _, message = rest.partition(": ")
    return Failure(Operation(operation), code, message)


def saved(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_row_is_read_back_with_the_very_bytes_it_stood_in(tmp_path: Path, layout: Layout) -> None:
    header, *raws = pieces(layout, ROWS)
    reader = ReportReader(saved(tmp_path / "report", b"".join([header, *raws])))

    records = list(reader)

    assert (reader.layout, reader.header, reader.torn) == (layout, header, False)
    assert [record.raw for record in records] == raws
    assert [record.row for record in records] == [kept(row, layout) for row in ROWS]


def test_a_report_that_is_gone_by_the_time_it_is_read_is_said_to_be(tmp_path: Path) -> None:
    """As when the run that another one looks at discards it."""
    path = tmp_path / "r.csv"
    path.write_bytes(b"".join(pieces(NARROW, ROWS)))
    reader = ReportReader(path)
    path.unlink()

    with pytest.raises(UsageError, match=r"cannot read .*: No such file or directory"):
        list(reader)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_report_can_be_read_more_than_once(tmp_path: Path, layout: Layout) -> None:
    reader = ReportReader(saved(tmp_path / "report", b"".join(pieces(layout, ROWS))))

    assert list(reader) == list(reader)


hostile = st.text(st.sampled_from("=+-@\t\r\n'\",;a é"), max_size=6) | st.text(max_size=20)


@pytest.mark.parametrize("layout", LAYOUTS)
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    cells=st.lists(
        st.tuples(hostile, hostile, hostile, st.sampled_from([True, False, None]), hostile), min_size=1, max_size=4
    )
)
def test_whatever_text_was_written_is_read_back(
    tmp_path: Path, layout: Layout, cells: list[tuple[str, str, str, bool | None, str]]
) -> None:
    rows = [
        Row(name, mode, kind, flag, algorithm=algorithm or None, error=Failure(Operation.DESCRIBE_KEY, algorithm))
        for name, mode, kind, flag, algorithm in cells
    ]
    reader = ReportReader(saved(tmp_path / "report", b"".join(pieces(layout, rows))))

    assert [record.row for record in reader] == [kept(row, layout) for row in rows]
    assert reader.torn is False


# Reports that end in the middle.


@pytest.mark.parametrize("layout", LAYOUTS)
def test_wherever_the_end_was_torn_off_every_whole_row_is_read(tmp_path: Path, layout: Layout) -> None:
    header, *raws = pieces(layout, ROWS[1:4])
    data = b"".join([header, *raws])
    first = len(header or b'{"bucket_name": ')  # what is cut before that is a matter of its own

    for cut in range(first, len(data) + 1):
        whole, rest = 0, cut - len(header)
        while whole < len(raws) and rest >= len(raws[whole]):
            rest -= len(raws[whole])
            whole += 1
        reader = ReportReader(saved(tmp_path / "report", data[:cut]))
        assert ([record.raw for record in reader], reader.torn) == (raws[:whole], rest > 0), f"cut at byte {cut}"


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_report_torn_off_within_its_very_beginning_has_no_rows(tmp_path: Path, layout: Layout) -> None:
    header = pieces(layout, ROWS)[0] or b'{"bucket_name": '
    suffix = "jsonl" if layout.format == "jsonl" else "csv"

    refused = []
    for cut in range(len(header)):
        try:
            records = list(ReportReader(saved(tmp_path / f"report.{suffix}.partial", header[:cut])))
        except UsageError:
            refused.append(cut)
        else:
            assert records == [], f"cut at byte {cut}"

    assert refused == []


@pytest.mark.parametrize("layout", CSV_LAYOUTS)
def test_a_header_without_its_line_break_is_not_taken_for_a_whole_one(tmp_path: Path, layout: Layout) -> None:
    header = pieces(layout, [])[0]

    for cut in (len(header) - 1, len(header) - 2):
        assert ReportReader(saved(tmp_path / "report.csv", header[:cut])).header == b""


def test_an_empty_report_has_the_layout_that_its_name_says(tmp_path: Path) -> None:
    names = {"r.csv": NARROW, "r.csv.partial": NARROW, "r.jsonl": JSONL, "r.jsonl.partial": JSONL, "r": NARROW}
    readers = {name: ReportReader(saved(tmp_path / name, b"")) for name in names}

    assert {name: reader.layout for name, reader in readers.items()} == names
    assert [list(reader) for reader in readers.values()] == [[]] * len(names)


# Reports that went through other hands.


@pytest.mark.parametrize("layout", CSV_LAYOUTS)
def test_a_csv_report_saved_with_bare_line_feeds_is_read(tmp_path: Path, layout: Layout) -> None:
    data = b"".join(pieces(layout, ROWS[:2])).replace(b"\r\n", b"\n")

    records = list(ReportReader(saved(tmp_path / "report", data)))

    assert [record.row for record in records] == [kept(row, layout) for row in ROWS[:2]]


def test_json_lines_without_spaces_are_read(tmp_path: Path) -> None:
    lines = b"".join(pieces(JSONL, ROWS[:2])).splitlines()
    compact = b"".join(json.dumps(json.loads(line), separators=(",", ":")).encode() + b"\n" for line in lines)

    records = list(ReportReader(saved(tmp_path / "report", compact)))

    assert [record.row for record in records] == ROWS[:2]


def test_a_row_that_stands_twice_is_read_twice(tmp_path: Path) -> None:
    header, raw = pieces(NARROW, ROWS[:1])

    assert len(list(ReportReader(saved(tmp_path / "report", header + 2 * raw)))) == 2


# What is no report.

NOT_REPORTS = {
    "another table": b"Name,Age\r\nx,1\r\n",
    "a header with one column less": b"Bucket Name,Default Encryption Mode,SSE-KMS Key Type\r\n",
    "rows without a header": b"a-bucket,AES256,N/A,False\r\n",
    "a blank first line": b"\r\nBucket Name,Default Encryption Mode,SSE-KMS Key Type,Bucket Key\r\n",
    "prose": b"Dear all,\n",
    "bytes": b"\x89PNG\r\n\x1a\n\x00\xff\xfe",
    "a JSON list": b'[{"bucket_name": "x"}]\n',
    "another's JSON lines": b'{"time": 1}\n',
    "zeros": 4096 * b"\0",
}


@pytest.mark.parametrize("data", NOT_REPORTS.values(), ids=NOT_REPORTS)
@pytest.mark.parametrize("name", ["report.csv", "report.jsonl"])
def test_a_file_that_is_no_report_is_refused_when_it_is_opened(tmp_path: Path, name: str, data: bytes) -> None:
    with pytest.raises(UsageError, match=re.escape(f"{tmp_path / name} is not a report")):
        ReportReader(saved(tmp_path / name, data))


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        ReportReader(tmp_path / "none.csv")


def test_a_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="directory"):
        ReportReader(tmp_path)


BAD_CSV_LINES = {
    "a cell too few": b"b,AES256,N/A\r\n",
    "a cell too many": b"b,AES256,N/A,False,x\r\n",
    "a blank line": b"\r\n",
    "no bucket key of ours": b"b,AES256,N/A,Maybe\r\n",
    "text after quotes": b'b,"AES256"x,N/A,False\r\n',
    "not UTF-8": b"b,\xff,N/A,False\r\n",
    "a bare carriage return": b"b,AES\r256,N/A,False\r\n",
    "a cell that is too long": b"b," + 200_000 * b"x" + b",N/A,False\r\n",
}


@pytest.mark.parametrize("line", BAD_CSV_LINES.values(), ids=BAD_CSV_LINES)
def test_a_csv_line_that_is_not_ours_is_named(tmp_path: Path, line: bytes) -> None:
    header, one, broken = pieces(NARROW, [ROWS[0], ROWS[2]])
    reader = ReportReader(saved(tmp_path / "report.csv", header + one + broken + line + one))

    # The header, one line, and a row of four lines: it is the seventh.
    with pytest.raises(UsageError, match=r"report\.csv, line 7 is not a row") as refused:
        list(reader)

    assert refused.value.hint


def test_a_row_over_several_lines_is_named_by_its_first(tmp_path: Path) -> None:
    header, one = pieces(NARROW, ROWS[:1])
    reader = ReportReader(saved(tmp_path / "report.csv", header + one + b'b,"two\nlines",N/A\r\n' + one))

    with pytest.raises(UsageError, match="line 3 is not a row"):
        list(reader)


def changed(**fields: object) -> bytes:
    """A row in JSON with fields of a kind that s3audit does not write."""
    return json.dumps({**json.loads(pieces(JSONL, ROWS[:1])[1]), **fields}).encode() + b"\n"


BAD_JSON_LINES = {
    "no JSON": b"b,AES256,N/A,False\n",
    "a blank line": b"\n",
    "a list": b'["b"]\n',
    "null": b"null\n",
    "a number": b"1\n",
    "fields missing": b'{"bucket_name": "b"}\n',
    "not UTF-8": b'{"bucket_name": "\xff"}\n',
    "cut and gone on": b'{"bucket_name": "b", "defa{"bucket_name": "c"}\n',
    "a name that is a number": changed(bucket_name=1),
    "a mode that is null": changed(default_encryption_mode=None),
    "a key type that is a list": changed(sse_kms_key_type=["N/A"]),
    "a bucket key that is text": changed(bucket_key="yes"),
    "a bucket key that is a list": changed(bucket_key=[]),
    "a bucket key that is a number": changed(bucket_key=2),
    "a region that is a list": changed(region=["eu-west-1"]),
    "an algorithm that is an object": changed(algorithm={"SSEAlgorithm": "AES256"}),
    "an account that is a number": changed(account=111122223333),
    "nested without end": 100_000 * b"[" + b"\n",
}


@pytest.mark.parametrize("line", BAD_JSON_LINES.values(), ids=BAD_JSON_LINES)
def test_a_json_line_that_is_not_ours_is_named(tmp_path: Path, line: bytes) -> None:
    (_, one) = pieces(JSONL, ROWS[:1])
    reader = ReportReader(saved(tmp_path / "report.jsonl", one + line + one))

    with pytest.raises(UsageError, match=r"report\.jsonl, line 2 is not a row"):
        list(reader)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_line_without_end_is_refused_before_it_fills_the_memory(tmp_path: Path, layout: Layout) -> None:
    header, one = pieces(layout, ROWS[:1])
    reader = ReportReader(saved(tmp_path / "report", header + one + 3 * 1024 * 1024 * b"x"))

    with pytest.raises(UsageError, match="is not a row"):
        list(reader)


def test_a_quote_that_is_never_closed_is_refused_before_it_fills_the_memory(tmp_path: Path) -> None:
    header, one = pieces(NARROW, ROWS[:1])
    lines = 3 * 1024 * (1022 * b"b" + b"\r\n")
    reader = ReportReader(saved(tmp_path / "report", header + one + b'b,"' + lines))

    with pytest.raises(UsageError, match="line 3 is not a row"):
        list(reader)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_mark_that_editors_put_before_a_text_is_passed_over(tmp_path: Path, layout: Layout) -> None:
    header, *raws = pieces(layout, ROWS)
    reader = ReportReader(saved(tmp_path / "report", b"\xef\xbb\xbf" + b"".join([header, *raws])))

    assert [record.raw for record in reader] == raws
    assert (reader.layout, reader.header, reader.torn) == (layout, b"\xef\xbb\xbf" + header, False)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_bad_line_behind_such_a_mark_has_its_number(tmp_path: Path, layout: Layout) -> None:
    header, row, *_ = pieces(layout, ROWS)
    reader = ReportReader(saved(tmp_path / "report", b"\xef\xbb\xbf" + header + row + b"bad\n"))

    with pytest.raises(UsageError, match=f"line {3 if header else 2} is not a row"):
        list(reader)


@pytest.mark.parametrize("layout", CSV_LAYOUTS)
def test_a_report_that_a_spreadsheet_has_saved_is_read(tmp_path: Path, layout: Layout) -> None:
    rows = [ROWS[0], replace(ROWS[0], bucket="other", bucket_key=True)]
    data = b"".join(pieces(layout, rows)).replace(b"\r\n", b"\n").replace(b"True", b"TRUE").replace(b"False", b"FALSE")
    reader = ReportReader(saved(tmp_path / "report", data))

    assert [record.row for record in reader] == [kept(row, layout) for row in rows]
