from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from s3audit_async.model import Failure, Operation, Row, SseC
from s3audit_async.sinks import FORMATS, make_sink
from s3audit_async.sinks.csv import neutralise, restore

if TYPE_CHECKING:
    from s3audit_async.ports import Sink

ARN = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"

SHORT = Row("a-bucket", "AES256", "N/A", bucket_key=False)
FULL = Row(
    bucket="a-bucket",
    mode="alias/mine",
    key_type="CUSTOMER",
    bucket_key=True,
    account="111122223333",
    region="eu-west-1",
    algorithm="aws:kms",
    key_arn=ARN,
    key_state="Enabled",
    key_account="111122223333",
    key_region="eu-west-1",
    key_origin="AWS_KMS",
    multi_region=False,
    sse_c=SseC.BLOCKED,
    findings=("key-by-alias", "sse-c-not-blocked"),
    error=Failure(Operation.DESCRIBE_KEY, "KMSInternalException", "try later"),
    created=datetime(2019, 1, 2, 3, 4, 5, tzinfo=UTC),
    audited_at=datetime(2026, 11, 23, 13, 0, 0, 999_999, tzinfo=timezone(timedelta(hours=1))),
)

NARROW_HEADER = b"Bucket Name,Default Encryption Mode,SSE-KMS Key Type,Bucket Key\r\n"
WIDE_HEADER = (
    b"Bucket Name,Default Encryption Mode,SSE-KMS Key Type,Bucket Key,Account,Region,Algorithm,Key ARN,Key State,"
    b"Key Account,Key Region,Key Origin,Multi-Region,SSE-C,Findings,Error,Created,Audited At,Key Spec,"
    b"Key Deletion Date,Key Valid To,Kind\r\n"
)

FORMULA_STARTS = ["=", "+", "-", "@", "\t", "\r"]
hostile = st.text(st.sampled_from([*FORMULA_STARTS, "'", '"', ",", ";", "\n", "a", "é", " "]), max_size=8) | st.text()


def written(*rows: Row, form: str = "csv", wide: bool = False) -> bytes:
    """A whole report."""
    out = io.BytesIO()
    sink: Sink = make_sink(form, out, wide=wide)
    sink.begin()
    for row in rows:
        sink.write(row)
    sink.end()
    return out.getvalue()


# CSV, narrow.


def test_an_empty_csv_report_is_its_header() -> None:
    assert written() == NARROW_HEADER


@pytest.mark.parametrize(
    ("row", "line"),
    [
        pytest.param(SHORT, b"a-bucket,AES256,N/A,False\r\n", id="bucket key off"),
        pytest.param(replace(SHORT, bucket_key=True), b"a-bucket,AES256,N/A,True\r\n", id="bucket key on"),
        pytest.param(replace(SHORT, bucket_key=None), b"a-bucket,AES256,N/A,\r\n", id="bucket key never configured"),
        pytest.param(FULL, b"a-bucket,alias/mine,CUSTOMER,True\r\n", id="only four columns of a full row"),
        pytest.param(replace(SHORT, mode=ARN), f"a-bucket,{ARN},N/A,False\r\n".encode(), id="an ARN needs no quotes"),
        pytest.param(replace(SHORT, mode="a,b"), b'a-bucket,"a,b",N/A,False\r\n', id="comma"),
        pytest.param(replace(SHORT, mode='a"b'), b'a-bucket,"a""b",N/A,False\r\n', id="quote"),
        pytest.param(replace(SHORT, mode="a\nb"), b'a-bucket,"a\nb",N/A,False\r\n', id="LF"),
        pytest.param(replace(SHORT, mode="a\rb"), b'a-bucket,"a\rb",N/A,False\r\n', id="CR"),
        pytest.param(replace(SHORT, mode="a\r\nb"), b'a-bucket,"a\r\nb",N/A,False\r\n', id="CRLF"),
        pytest.param(
            replace(SHORT, mode="ключ/é\U0001f511"), "a-bucket,ключ/é\U0001f511,N/A,False\r\n".encode(), id="UTF-8"
        ),
        pytest.param(replace(SHORT, mode="a\udc80b"), b"a-bucket,a?b,N/A,False\r\n", id="what UTF-8 has no form for"),
        pytest.param(replace(SHORT, mode=""), b"a-bucket,,N/A,False\r\n", id="nothing"),
        pytest.param(replace(SHORT, mode="=1+1"), b"a-bucket,'=1+1,N/A,False\r\n", id="formula"),
        pytest.param(replace(SHORT, mode="+1"), b"a-bucket,'+1,N/A,False\r\n", id="plus"),
        pytest.param(replace(SHORT, mode="-1"), b"a-bucket,'-1,N/A,False\r\n", id="minus"),
        pytest.param(replace(SHORT, mode="@SUM(A1)"), b"a-bucket,'@SUM(A1),N/A,False\r\n", id="at"),
        pytest.param(replace(SHORT, mode="\t=1"), b"a-bucket,'\t=1,N/A,False\r\n", id="tab"),
        pytest.param(replace(SHORT, mode="\r=1"), b'a-bucket,"\'\r=1",N/A,False\r\n', id="CR at the start"),
        pytest.param(
            replace(SHORT, mode='=HYPERLINK("http://x","y")'),
            b'a-bucket,"\'=HYPERLINK(""http://x"",""y"")",N/A,False\r\n',
            id="formula with quotes",
        ),
        pytest.param(replace(SHORT, bucket="-b", key_type="@t"), b"'-b,AES256,'@t,False\r\n", id="in every column"),
        pytest.param(replace(SHORT, mode="a=1"), b"a-bucket,a=1,N/A,False\r\n", id="not at the start"),
    ],
)
def test_a_csv_row_to_the_byte(row: Row, line: bytes) -> None:
    assert written(row) == NARROW_HEADER + line


def test_csv_rows_keep_their_order() -> None:
    rows = [replace(SHORT, bucket=f"bucket-{number}") for number in (3, 1, 2)]
    lines = b"".join(b"bucket-%d,AES256,N/A,False\r\n" % number for number in (3, 1, 2))

    assert written(*rows) == NARROW_HEADER + lines


# CSV, wide.


def test_a_wide_csv_row_to_the_byte() -> None:
    assert written(FULL, wide=True) == WIDE_HEADER + (
        b"a-bucket,alias/mine,CUSTOMER,True,111122223333,eu-west-1,aws:kms," + ARN.encode() + b",Enabled,"
        b"111122223333,eu-west-1,AWS_KMS,False,blocked,key-by-alias;sse-c-not-blocked,"
        b"DescribeKey: KMSInternalException: try later,2019-01-02T03:04:05Z,2026-11-23T12:00:00Z,,,,general\r\n"
    )


def test_what_is_unknown_is_empty_in_a_wide_csv_row() -> None:
    assert written(SHORT, wide=True) == WIDE_HEADER + b"a-bucket,AES256,N/A,False" + 17 * b"," + b",general\r\n"


@pytest.mark.parametrize(("sse_c", "cell"), [(SseC.BLOCKED, "blocked"), (SseC.ALLOWED, "allowed"), (None, "")])
def test_whether_sse_c_is_blocked_has_three_states(sse_c: SseC | None, cell: str) -> None:
    header, cells = csv.reader(io.StringIO(written(replace(SHORT, sse_c=sse_c), wide=True).decode(), newline=""))

    assert cells[header.index("SSE-C")] == cell


def test_added_columns_are_neutralised_too() -> None:
    why = Failure(Operation.GET_BUCKET_ENCRYPTION, "=x", "")
    row = replace(SHORT, key_arn="=1", key_state="+1", algorithm="@a", findings=("-f",), error=why)
    header, cells = csv.reader(io.StringIO(written(row, wide=True).decode(), newline=""))
    found = dict(zip(header, cells, strict=True))

    assert [found[name] for name in ("Key ARN", "Key State", "Algorithm", "Findings")] == ["'=1", "'+1", "'@a", "'-f"]
    assert found["Error"] == "GetBucketEncryption: =x"


@settings(deadline=None)
@given(bucket=hostile, mode=hostile, key_type=hostile, bucket_key=st.sampled_from([True, False, None]))
def test_wide_starts_with_the_four_columns_and_never_changes_them(
    bucket: str, mode: str, key_type: str, bucket_key: bool | None
) -> None:
    row = replace(FULL, bucket=bucket, mode=mode, key_type=key_type, bucket_key=bucket_key)
    narrow, wide = (
        list(csv.reader(io.StringIO(written(row, wide=wide).decode(), newline=""), strict=True))
        for wide in (False, True)
    )

    assert [cells[:4] for cells in wide] == narrow
    assert [len(cells) for cells in wide] == [22, 22]


# Formulas.


@pytest.mark.parametrize("start", FORMULA_STARTS)
@pytest.mark.parametrize("rest", ["", "1", "cmd|' /C calc'!A0", "='", "\n"])
def test_what_a_spreadsheet_would_run_is_guarded(start: str, rest: str) -> None:
    assert neutralise(start + rest) == "'" + start + rest


@pytest.mark.parametrize("cell", ["", "AES256", "alias/aws/s3", ARN, "'", "'a", " =1", "a=1", "'quoted'"])
def test_what_no_spreadsheet_would_run_stays_as_it_is(cell: str) -> None:
    assert neutralise(cell) == restore(cell) == cell


@settings(deadline=None)
@given(cell=hostile)
def test_no_cell_starts_a_formula_and_each_can_be_had_back(cell: str) -> None:
    guarded = neutralise(cell)

    assert guarded[:1] not in FORMULA_STARTS
    assert restore(guarded) == cell


@settings(deadline=None)
@given(cells=st.tuples(hostile, hostile))
def test_different_cells_stay_different(cells: tuple[str, str]) -> None:
    one, other = cells

    assert (neutralise(one) == neutralise(other)) is (one == other)


# JSON Lines.


def test_a_json_row_to_the_byte() -> None:
    assert written(FULL, form="jsonl") == (
        b'{"bucket_name": "a-bucket", "default_encryption_mode": "alias/mine", "sse_kms_key_type": "CUSTOMER", '
        b'"bucket_key": true, "account": "111122223333", "region": "eu-west-1", "algorithm": "aws:kms", '
        b'"key_arn": "' + ARN.encode() + b'", "key_state": "Enabled", "key_account": "111122223333", '
        b'"key_region": "eu-west-1", "key_origin": "AWS_KMS", "multi_region": false, "sse_c": "blocked", '
        b'"findings": ["key-by-alias", "sse-c-not-blocked"], '
        b'"error": "DescribeKey: KMSInternalException: try later", '
        b'"created": "2019-01-02T03:04:05Z", "audited_at": "2026-11-23T12:00:00Z", '
        b'"key_spec": null, "key_deletion_date": null, "key_valid_to": null, "kind": "general"}\n'
    )


def test_what_is_unknown_is_null_in_a_json_row_and_no_finding_is_an_empty_list() -> None:
    fields = json.loads(written(SHORT, form="jsonl"))

    assert [fields.pop(name) for name in [*fields][:4]] == ["a-bucket", "AES256", "N/A", False]
    assert fields.pop("findings") == []
    assert fields.pop("kind") == "general"
    assert fields == dict.fromkeys(fields)
    assert len(fields) == 16


def test_an_empty_json_report_is_empty() -> None:
    assert written(form="jsonl") == b""


@settings(deadline=None)
@given(bucket=hostile, mode=hostile)
def test_a_json_row_is_one_line_and_guards_nothing(bucket: str, mode: str) -> None:
    line = written(replace(SHORT, bucket=bucket, mode=mode), form="jsonl")

    assert (line.count(b"\n"), line.endswith(b"}\n")) == (1, True)
    assert [*json.loads(line).values()][:2] == [bucket, mode]


def test_what_utf_8_has_no_form_for_does_not_break_a_json_row() -> None:
    assert json.loads(written(replace(SHORT, mode="a\udc80b"), form="jsonl"))["default_encryption_mode"] == "a?b"


# Making them.


@pytest.mark.parametrize("form", FORMATS)
def test_a_sink_never_closes_what_it_was_handed(form: str) -> None:
    out = io.BytesIO()
    sink = make_sink(form, out, wide=True)
    sink.begin()
    sink.end()

    assert not out.closed


def test_a_format_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="no such format: xlsx"):
        make_sink("xlsx", io.BytesIO(), wide=False)
