"""Parquet: what is written comes back, typed, in bounded memory; and what is none of ours is refused."""

from __future__ import annotations

import io
import sys
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from s3audit_async.analysis.finished import open_report
from s3audit_async.errors import UsageError
from s3audit_async.sinks import check_formats, make_sink
from s3audit_async.sinks.parquet import ROWS_IN_GROUP, schema
from tests.rows import ALL, KMS, NARROW, NASTY, SSE_S3

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from s3audit_async.model import Row


def write(path: Path, rows: Iterable[Row]) -> Path:
    with path.open("wb") as file:
        sink = make_sink("parquet", file, wide=False)
        sink.begin()
        for row in rows:
            sink.write(row)
        sink.end()
    return path


def test_rows_come_back_as_they_were(tmp_path: Path) -> None:
    rows = [row for row in ALL if row is not NASTY] + [NARROW, replace(KMS, created=datetime.max.replace(tzinfo=UTC))]
    report = open_report(write(tmp_path / "r.parquet", rows))

    assert list(report.rows()) == rows == list(report.rows())
    assert (report.layout.format, report.layout.wide, report.torn) == ("parquet", True, False)


def test_hostile_text_comes_back_but_for_what_utf_8_has_no_form_for(tmp_path: Path) -> None:
    (row,) = open_report(write(tmp_path / "r.parquet", [NASTY])).rows()

    assert row.mode == NASTY.mode.replace("\udc80", "?")
    assert row.findings == tuple(each.replace("\udc80", "?") for each in NASTY.findings or ())


def test_an_empty_report_has_its_columns(tmp_path: Path) -> None:
    path = write(tmp_path / "r.parquet", [])

    assert list(open_report(path).rows()) == []
    assert pq.read_schema(path).equals(schema())


def test_columns_are_typed(tmp_path: Path) -> None:
    found = {field.name: str(field.type) for field in pq.read_schema(write(tmp_path / "r.parquet", ALL))}

    assert {name: form for name, form in found.items() if form != "string"} == {
        "bucket_key": "bool",
        "multi_region": "bool",
        "findings": "list<element: string>",
        "created": "timestamp[us, tz=UTC]",
        "audited_at": "timestamp[us, tz=UTC]",
        "key_deletion_date": "timestamp[us, tz=UTC]",
        "key_valid_to": "timestamp[us, tz=UTC]",
    }


def test_rows_are_written_in_groups_so_that_memory_stays_flat() -> None:
    """Nothing of a group is kept once it is written."""
    out = io.BytesIO()
    sink = make_sink("parquet", out, wide=False)
    sink.begin()
    sizes = []
    for number in range(2 * ROWS_IN_GROUP + 1):
        sink.write(replace(SSE_S3, bucket=f"b-{number}"))
        sizes.append(out.tell())
    sink.end()
    file = pq.ParquetFile(io.BytesIO(out.getvalue()))

    assert sizes[ROWS_IN_GROUP - 1] > sizes[ROWS_IN_GROUP - 2]
    assert sizes[2 * ROWS_IN_GROUP - 1] > sizes[2 * ROWS_IN_GROUP - 2] == sizes[ROWS_IN_GROUP]
    assert [file.metadata.row_group(each).num_rows for each in range(3)] == [ROWS_IN_GROUP, ROWS_IN_GROUP, 1]


def test_a_parquet_file_of_somebody_else_is_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"bucket_name": ["a"]}), tmp_path / "other.parquet")

    with pytest.raises(UsageError, match=r"other\.parquet is not a report of s3audit"):
        open_report(tmp_path / "other.parquet")


@pytest.mark.parametrize("cut", [4, 100, 3000])
def test_a_parquet_file_that_is_not_whole_is_refused(tmp_path: Path, cut: int) -> None:
    path = write(tmp_path / "r.parquet", ALL)
    path.write_bytes(path.read_bytes()[:cut])

    with pytest.raises(UsageError, match=r"r\.parquet"):
        open_report(path)


def test_a_parquet_file_that_is_damaged_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "r.parquet", ALL)
    data = bytearray(path.read_bytes())
    data[4:400] = bytes(396)
    path.write_bytes(data)

    with pytest.raises(UsageError, match=r"r\.parquet, row 0 is not a row of s3audit's"):
        list(open_report(path).rows())


@pytest.mark.parametrize(("name", "value"), [("sse_c", "perhaps"), ("error", "what: ever"), ("bucket_key", "True")])
def test_a_row_that_is_none_of_ours_is_refused_with_its_number(tmp_path: Path, name: str, value: Any) -> None:
    rows = pq.read_table(write(tmp_path / "r.parquet", [KMS, KMS])).to_pylist()
    table = pa.table({key: [rows[0][key], value if key == name else rows[1][key]] for key in rows[0] if key != name})
    changed = pa.array([None if isinstance(value, str) else rows[0][name], value])
    pq.write_table(table.append_column(name, changed), tmp_path / "r.parquet")

    with pytest.raises(UsageError, match="row 2 is not a row of s3audit's"):
        list(open_report(tmp_path / "r.parquet").rows())


@pytest.mark.parametrize(
    ("form", "package", "said"), [("parquet", "pyarrow", "pyarrow"), ("ocsf", "py_ocsf_models", "py-ocsf-models")]
)
def test_what_to_install_is_said(form: str, package: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)

    with pytest.raises(UsageError, match=f"the format {form} needs {said}") as refused:
        check_formats(["csv", form])
    assert refused.value.hint == f"pip install 's3audit-async[{form}]'"


def test_what_to_install_to_read_parquet_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "r.parquet", ALL)
    monkeypatch.setitem(sys.modules, "pyarrow", None)

    with pytest.raises(UsageError, match="is Parquet, which needs pyarrow") as refused:
        open_report(path)
    assert refused.value.hint == "pip install 's3audit-async[parquet]'"
