"""`s3audit demo`: the embedded account through the same path as any other."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from s3audit_async.cli.outcome import ExitCode
from s3audit_async.demo.account import plan
from tests.command import s3audit

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_the_demo_reports_every_bucket_of_its_account_as_planned(tmp_path: Path) -> None:
    """Each row as the plan says; 3, as two of the answers fail for good; nothing but the report is left."""
    done = s3audit("demo", "--buckets", "120", "-o", tmp_path / "demo.csv")

    assert done.returncode == ExitCode.INCOMPLETE, done.stderr
    with (tmp_path / "demo.csv").open(newline="") as file:
        _, *lines = csv.reader(file)
    assert {line[0]: tuple(line[1:]) for line in lines} == {
        bucket.name: (bucket.mode, bucket.key_type, bucket.bucket_key) for bucket in plan(120)
    }
    assert f"Report: {tmp_path / 'demo.csv'}" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["demo.csv"]


def test_the_demo_meets_nothing_of_the_users_account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A profile that does not exist, a proxy that is not there, an endpoint elsewhere: the demo does not notice."""
    for name, value in {
        "AWS_PROFILE": "nobody",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_SESSION_TOKEN": "x",
        "AWS_CA_BUNDLE": "/nowhere",
        "HTTP_PROXY": "http://127.0.0.1:9",
    }.items():
        monkeypatch.setenv(name, value)
    done = s3audit("demo", "--buckets", "5", "-q", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    (report,) = tmp_path.iterdir()
    assert report.read_text().count("\n") == 6
