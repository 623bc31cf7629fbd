"""docs/formats.md: every query in it is run, every table in it is the program's."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest

from s3audit_async.findings.compliance import requirements
from s3audit_async.output import Target, export
from s3audit_async.sinks import FORMATS, suffix_of
from s3audit_async.sinks.parquet import schema
from s3audit_async.sinks.verdicts import Status, verdicts
from tests.rows import DENIED, DYING, KMS, SSE_S3

PAGE = (Path(__file__).parents[1] / "docs" / "formats.md").read_text()
ATHENA = {"bool": "boolean", "timestamp[us, tz=UTC]": "timestamp", "list<item: string>": "array<string>"}
WORDS = {"bool": "boolean", "timestamp[us, tz=UTC]": "timestamp, µs, UTC", "list<item: string>": "list of string"}


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


OFF = replace(KMS, bucket="off", bucket_key=False, findings=("bucket-key-off",))
ROWS = [
    SSE_S3,
    KMS,
    DYING,
    DENIED,
    OFF,
    replace(OFF, bucket="off-2", findings=("bucket-key-off", "key-disabled")),
    replace(OFF, bucket="off-3", region="us-east-1"),
    *(replace(SSE_S3, bucket=f"more-{number}") for number in range(150)),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report in the formats that the page speaks of, under the names that it uses."""
    place = tmp_path_factory.mktemp("formats")
    export(lambda: ROWS, [Target(form, place / f"report.{suffix_of(form)}") for form in ("parquet", "jsonl", "asff")])
    return place


@pytest.fixture(autouse=True)
def there(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)


def test_duckdb_tells_the_same_of_parquet_and_of_json_lines() -> None:
    queries = [query for query in blocks("sql") if "'report." in query]
    parquet, jsonl, findings = (duckdb.connect().execute(query).fetchall() for query in queries)

    assert parquet == jsonl == [("eu-west-1", 2), ("us-east-1", 1)]
    counted = Counter(finding for row in ROWS for finding in row.findings or ())
    assert findings == sorted(counted.items(), key=lambda each: (-each[1], each[0]))


def test_pandas_reads_parquet() -> None:
    (code,) = blocks("python")
    names: dict[str, Any] = {}
    exec(code, names)

    assert names["off"].to_dict() == {"eu-west-1": 2, "us-east-1": 1}
    assert names["by_key"].to_dict() == {KMS.key_arn: 5}
    assert isinstance(names["report"]["audited_at"].dtype, pd.DatetimeTZDtype)
    assert names["report"]["bucket_key"].isna().sum() == 1


def test_a_finding_that_was_mended_is_told_of_as_the_page_says() -> None:
    """Not at all, so that nothing which was imported changes; but that KMS is used passes."""
    assert "A finding that has been mended stays `FAILED`" in PAGE
    mended = replace(OFF, bucket_key=True, findings=())

    assert [(each.finding, each.status) for each in verdicts(OFF)] == [
        ("sse-s3-only", Status.PASS),
        ("bucket-key-off", Status.FAIL),
    ]
    assert [(each.finding, each.status) for each in verdicts(mended)] == [("sse-s3-only", Status.PASS)]


def test_the_table_for_athena_has_the_files_columns() -> None:
    (statement,) = [block for block in blocks("sql") if "CREATE EXTERNAL TABLE" in block]
    columns = re.findall(r"^  (\w+) ([\w<>]+),?$", statement.partition("PARTITIONED")[0], re.MULTILINE)

    assert columns == [(field.name, ATHENA.get(str(field.type), str(field.type))) for field in schema()]


def test_the_table_of_columns_is_the_files() -> None:
    rows = re.findall(r"^\| `(\w+)` \| ([^|]+) \| ([^|]*) ?\|$", PAGE.partition("<!-- schema")[2], re.MULTILINE)

    assert [(name, form) for name, form, _ in rows] == [
        (field.name, WORDS.get(str(field.type), str(field.type))) for field in schema()
    ]
    assert [name for name, _, note in rows if note.strip() == "never null"] == [
        field.name for field in schema() if not field.nullable
    ]


def test_the_table_of_formats_is_the_programs() -> None:
    rows = re.findall(r"^\| `(\w+)` \| `\.([\w.]+)` \|", PAGE, re.MULTILINE)

    assert rows == [(form, suffix_of(form)) for form in FORMATS]


def test_every_requirement_that_is_claimed_stands_there() -> None:
    for finding in ("no-default-encryption", "sse-s3-only"):
        for each in requirements(finding):
            assert each.standard in PAGE
            assert re.search(rf"[ ]{re.escape(each.id)}[ ,;.|]", PAGE.replace("\n", " ")), each


@pytest.mark.skipif(shutil.which("jq") is None, reason="there is no jq here")
def test_the_loop_imports_all_findings_in_batches_of_one_region(folder: Path, tmp_path: Path) -> None:
    """With a stand-in for the AWS CLI that keeps what it is given."""
    (loop,) = [block for block in blocks("sh") if "batch-import-findings" in block]
    (tmp_path / "aws").write_text('#!/bin/sh\ncat "${6#file://}" > "$KEEP/$4.$(basename "$6")"\n')
    (tmp_path / "aws").chmod(0o700)
    (tmp_path / "kept").mkdir()
    shutil.copy(folder / "report.asff.json", tmp_path)
    subprocess.run(
        ["/bin/sh", "-ec", f"PATH={tmp_path}:$PATH KEEP={tmp_path}/kept; export KEEP; {loop}"], cwd=tmp_path, check=True
    )
    batches = {path.name: json.loads(path.read_text()) for path in (tmp_path / "kept").iterdir()}
    findings = json.loads((folder / "report.asff.json").read_text())

    assert len(batches) > 3
    assert all(0 < len(batch) <= 100 for batch in batches.values())
    for name, batch in batches.items():
        assert {each["ProductArn"].split(":")[3] for each in batch} == {name.split(".")[0]}
    assert sorted(each["Id"] for batch in batches.values() for each in batch) == sorted(each["Id"] for each in findings)
