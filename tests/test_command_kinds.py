"""`s3audit run --kinds`, from the command line to the report, the summary and the exit code."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING

import pytest

from benchmarks.stub import Behaviour, ErrorAnswer, Fault, Request, StubAccount, StubAws, StubBucket, StubOther
from s3audit_async.cli import main
from tests.command import s3audit

if TYPE_CHECKING:
    from pathlib import Path

ACCOUNT = StubAccount(
    buckets=[StubBucket("usual")],
    others=(
        StubOther("directory", "fast--use1-az4--x-s3"),
        StubOther("table", "tables"),
        StubOther("table", "tables", "eu-west-1"),
        StubOther("vector", "vectors", "eu-west-1"),
    ),
)


def lines_of(report: Path) -> list[list[str]]:
    with report.open(newline="") as file:
        return sorted(list(csv.reader(file, strict=True))[1:])


def test_all_kinds_stand_in_a_report_of_four_columns(tmp_path: Path) -> None:
    """In a process of its own: the summary tells how many there are of each kind."""
    report = tmp_path / "r.csv"
    with StubAws(ACCOUNT) as stub:
        done = s3audit("run", "--endpoint-url", stub.url, "-o", report, "--kinds", "all")
    assert done.returncode == 0, done.stderr
    assert [line[0] for line in lines_of(report)] == ["fast--use1-az4--x-s3", "tables", "tables", "usual", "vectors"]
    assert "table 2, directory 1, general 1, vector 1" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["r.csv"]


def test_what_may_not_be_listed_is_told_with_exit_code_3(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report, figures = tmp_path / "r.csv", tmp_path / "stats.json"
    with StubAws(ACCOUNT, Behaviour(denied={("ListTableBuckets", "eu-west-1")})) as stub:
        code = main(
            [
                *("run", "--endpoint-url", stub.url, "-o", str(report), "--wide", "--kinds", "general,table"),
                *("--stats", str(figures)),
            ]
        )
        said = capsys.readouterr().err
        assert code == 3
        assert "Not listed  table buckets in eu-west-1: AccessDeniedException" in " ".join(said.split("\n"))
        assert [line[-1] for line in lines_of(report)] == ["table", "general"]
        assert json.loads(figures.read_text())["not_listed"] == [
            {"kind": "table", "region": "eu-west-1", "code": "AccessDeniedException"}
        ]

        assert (
            "table buckets that may not be listed; the policy you lack is: s3audit iam-policy --kinds general,table"
            in said
        )

        stub.behaviour.denied = ()
        assert f"--resume {report}" in said
        assert main(["run", "--endpoint-url", stub.url, "--resume", str(report), "-q"]) == 0
    assert [(line[0], line[5], line[-1]) for line in lines_of(report)] == [
        ("tables", "eu-west-1", "table"),
        ("tables", "us-east-1", "table"),
        ("usual", "us-east-1", "general"),
    ]
    assert {path.name for path in tmp_path.iterdir()} == {"r.csv", "stats.json"}


def test_a_run_goes_on_with_the_kinds_it_was_begun_with(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = tmp_path / "r.jsonl"

    def fail(request: Request) -> Fault | None:
        failing = request.operation == "GetVectorBucket"
        return ErrorAnswer(400, "NewThisYear", "no") if failing else None

    with StubAws(ACCOUNT, Behaviour(faults=fail)) as stub:
        begin = ["run", "--endpoint-url", stub.url, "-o", str(report), "--format", "jsonl", "-q"]
        assert main([*begin, "--kinds", "table,vector"]) == 3
        go_on = ["run", "--endpoint-url", stub.url, "--resume", str(report), "-q"]
        assert main([*go_on, "--kinds", "directory"]) == 2
        assert "--kinds is directory now, but was table, vector when the report was begun" in capsys.readouterr().err
        stub.behaviour.faults = None
        stub.reset_stats()
        assert main(go_on) == 0
        assert stub.stats.calls["GetVectorBucket"] == 1
        assert stub.stats.calls["GetTableBucketEncryption"] == 0
        assert stub.stats.calls["ListBuckets"] == 0
    rows = [json.loads(line) for line in report.read_text().splitlines()]
    assert sorted((row["kind"], row["bucket_name"], row["region"]) for row in rows) == [
        ("table", "tables", "eu-west-1"),
        ("table", "tables", "us-east-1"),
        ("vector", "vectors", "eu-west-1"),
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--kinds", "tables"], "'tables' is not one of general, directory, table, vector, all"),
        (["--kinds", ","], "no kind is named: choose from general, directory, table, vector, all"),
        (["--kinds", "all", "--bucket", "one"], "table and vector buckets cannot be named one by one"),
    ],
)
def test_kinds_that_cannot_be_are_refused_in_one_line(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "-o", "-", *arguments]) == 2
    assert main(["iam-policy", *arguments]) == 2
    for line in capsys.readouterr().err.splitlines():
        assert said in line


def test_the_policy_is_for_the_kinds_chosen(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["iam-policy", "--kinds", "vector"]) == 0
    printed = capsys.readouterr().out
    assert "s3vectors:ListVectorBuckets" in printed
    assert "s3:ListAllMyBuckets" not in printed


def test_nothing_to_be_listed_is_no_empty_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with StubAws(ACCOUNT, Behaviour(denied={"ListDirectoryBuckets"})) as stub:
        code = main(["run", "--endpoint-url", stub.url, "-o", str(tmp_path / "r.csv"), "--kinds", "directory"])
    assert code == 4
    assert "may not list the account's directory buckets in any region" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_configuration_file_and_a_variable_may_name_kinds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "s3audit.toml"
    file.write_text('kinds = ["table", "vector"]\n')
    assert main(["iam-policy", "--config", str(file)]) == 0
    printed = capsys.readouterr().out
    assert "s3tables:ListTableBuckets" in printed
    assert "s3vectors:ListVectorBuckets" in printed
    monkeypatch.setenv("S3AUDIT_KINDS", "directory")
    assert main(["iam-policy"]) == 0
    assert "s3express:ListAllMyDirectoryBuckets" in capsys.readouterr().out


@pytest.mark.parametrize("processes", ["1", "2"])
def test_no_policy_passes_that_was_not_held_against_what_is_not_listed(tmp_path: Path, processes: str) -> None:
    """Nor does the page say so, which is made before the run has ended."""
    policy, page = tmp_path / "p.toml", tmp_path / "page.html"
    policy.write_text('fail = ["key-disabled"]\n')
    with StubAws(ACCOUNT, Behaviour(denied={("ListTableBuckets", "eu-west-1")})) as stub:
        arguments = ("--kinds", "general,table", "--policy", policy, "--html", page, "--processes", processes)
        done = s3audit("run", "--endpoint-url", stub.url, "-o", tmp_path / "r.csv", "--wide", *arguments)
    assert done.returncode == 3, done.stderr
    assert "note: some buckets could not be listed: that is no pass." in done.stderr
    assert ": incomplete</h2>" in page.read_text()
