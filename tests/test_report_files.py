"""`s3audit report` with a policy, a plan and a page: what is written where, and the exit code."""

from __future__ import annotations

import json
import stat
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from s3audit_async.analysis.finished import open_report
from s3audit_async.cli import main
from s3audit_async.cli.outcome import ExitCode
from s3audit_async.cli.report_files import stem_of
from tests.reports import HEADER
from tests.test_report_command import PLAIN, ROWS, saved

if TYPE_CHECKING:
    from pathlib import Path

SOUND = replace(
    PLAIN,
    bucket="sound",
    mode="arn:aws:kms:us-east-1:111122223333:key/1",
    key_type="CUSTOMER",
    bucket_key=True,
    algorithm="aws:kms",
    key_arn="arn:aws:kms:us-east-1:111122223333:key/1",
    key_state="Enabled",
    key_account="111122223333",
    key_region="us-east-1",
    findings=(),
)
DENIED = ROWS[2]


def run(capfd: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str, str]:
    code = main(["report", *map(str, arguments)])
    written = capfd.readouterr()
    return code, written.out, written.err


@pytest.mark.parametrize(
    ("rows", "code", "said"),
    [
        ([SOUND], ExitCode.COMPLETE, "passed"),
        ([SOUND, PLAIN], ExitCode.POLICY_VIOLATED, "violated"),
        ([SOUND, DENIED], ExitCode.INCOMPLETE, "incomplete"),
        ([PLAIN, DENIED], ExitCode.POLICY_VIOLATED, "violated"),
    ],
)
def test_a_policy_decides_the_exit_code(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], rows: list[object], code: ExitCode, said: str
) -> None:
    """An unreadable bucket is never a pass."""
    report = saved(tmp_path / "r.jsonl", rows)  # type: ignore[arg-type]

    found, out, err = run(capfd, report, "--policy", "aws-fsbp", "--json")

    assert found == code
    assert json.loads(out)["policy"]["outcome"] == said
    assert f"Policy aws-fsbp: {said}" in err
    assert run(capfd, report, "--policy", "aws-fsbp", "-q")[0::2] == (code, "")


def test_filters_hold_for_the_policy_the_plan_and_the_page(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Only the rows that fit are checked, planned and shown."""
    report = saved(tmp_path / "r.jsonl", [SOUND, *ROWS])
    plan, page = tmp_path / "plan.sh", tmp_path / "page.html"

    arguments = ("--where", "region=us-east-1", "--policy", "aws-fsbp", "--plan", plan, "--html", page)
    code, out, err = run(capfd, report, *arguments)

    assert code == ExitCode.POLICY_VIOLATED
    assert out.startswith("2 of 4 buckets")
    assert f"Plan for 1 of 2 buckets: {plan}" in err
    assert f"Page: {page}" in err
    assert "--bucket plain " in plan.read_text()
    assert "elsewhere" not in plan.read_text()
    text = page.read_text()
    assert '"plain"' in text
    assert "elsewhere" not in text
    assert "aws-fsbp" in text
    assert [stat.S_IMODE(path.stat().st_mode) for path in (plan, page)] == [0o600, 0o600]


def test_a_plan_on_standard_output_is_all_that_is_there(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """It can be piped."""
    code, out, _ = run(capfd, saved(tmp_path / "r.jsonl"), "--plan", "-")

    assert code == 0
    assert out.startswith("#!/bin/sh\n")
    assert "3 buckets\n" not in out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--plan", "r.jsonl"], "--plan r.jsonl is where the report is"),
        (["--html", "x", "--plan", "./x"], "is where --plan is"),
        (["--html", "nowhere/x.html"], "no directory"),
        (["--html", "."], "is a directory"),
        (["--plan", "-", "--json"], "--plan - takes standard output"),
        (["--list", "--policy", "strict"], "--list prints names"),
        (["--format", "csv,jsonl", "-o", "x"], "x is no directory"),
        (["--format", "csv,jsonl", "-o", "-"], "standard output takes one format"),
        (["--format", "jsonl", "-o", "r.jsonl"], "-o r.jsonl is where the report is"),
        (["-o", "x.csv"], "name them with --format"),
        (["--format", "parquet", "--wide", "-o", "x"], "--wide is for"),
        (["--format", "csv", "-o", "-", "--json"], "-o - takes standard output"),
        (["--policy", "own.toml", "--plan", "./own.toml"], "--plan own.toml is where the policy is"),
        (["--policy", "own.toml", "--html", "own.toml"], "--html own.toml is where the policy is"),
        (["--format", "csv", "-o", "own.toml"], "own.toml is there, and is no report of s3audit"),
        (["--format", "csv", "-o", "x", "--html", "x"], "--html x is where -o is"),
        (["--format", "csv", "-o", "link"], "link is a symbolic link"),
        (["--plan", "link"], "link is a symbolic link"),
        (["--html", "link"], "link is a symbolic link"),
        (["--html", "-"], "--html - is not for standard output"),
        (["--policy", "strct"], "did you mean strict"),
        (["--policy", "broken.toml"], "broken.toml, line 1"),
    ],
)
def test_options_that_cannot_be_used_leave_nothing_behind(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    options: list[str],
    said: str,
) -> None:
    """One line, exit 2, and no file."""
    monkeypatch.chdir(tmp_path)
    saved(tmp_path / "r.jsonl")
    (tmp_path / "broken.toml").write_text("fail = [\n")
    (tmp_path / "own.toml").write_text('fail = ["key-disabled"]\n')
    (tmp_path / "link").symlink_to("own.toml")
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}

    code, out, err = run(capfd, "r.jsonl", *options)

    assert (code, out, err.count("\n")) == (ExitCode.USAGE, "", 1)
    assert said in err
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_plan_of_four_columns_is_refused(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """They do not hold what a call needs."""
    report = saved(tmp_path / "r.csv", form="csv", wide=False)

    code, out, err = run(capfd, report, "--plan", tmp_path / "plan.sh")

    assert (code, out) == (ExitCode.USAGE, "")
    assert "four columns" in err
    assert not (tmp_path / "plan.sh").exists()


def test_a_report_is_written_in_other_formats(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Named after the report, in a directory; only the rows that fit."""
    report = saved(tmp_path / "r.jsonl", [SOUND, *ROWS])
    (tmp_path / "out").mkdir()

    formats = ("--format", "parquet,markdown,csv", "--wide", "-o", tmp_path / "out")
    code, out, err = run(capfd, report, "--where", "region=us-east-1", *formats)

    assert code == 0
    assert out.startswith("2 of 4 buckets")
    assert err.count("Report: ") == 3
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["r.csv", "r.md", "r.parquet"]
    for name in ("r.csv", "r.parquet"):
        assert list(open_report(tmp_path / "out" / name).rows()) == [SOUND, PLAIN]


def test_files_in_a_directory_replace_reports_only(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    report = saved(tmp_path / "r.jsonl")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "r.md").write_text("# Notes\n")

    code, _, err = run(capfd, report, "--format", "csv,markdown", "-o", tmp_path / "out")

    assert code == ExitCode.USAGE
    assert "r.md is there, and is no report of s3audit" in err
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["r.md"]
    (tmp_path / "out" / "r.md").unlink()
    for _ in range(2):  # what it wrote itself, it may replace
        assert run(capfd, report, "--format", "csv,markdown", "-o", tmp_path / "out")[0] == 0


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("r.csv", "r"),
        ("r.eu.mon.jsonl", "r.eu.mon"),
        ("r.eu.tue.jsonl", "r.eu.tue"),
        ("2026.01.parquet.partial", "2026.01"),
        ("r.csv.jsonl.partial", "r.csv"),
        ("r", "r"),
        ("r.2026", "r.2026"),
        (".csv", "report"),
    ],
)
def test_a_file_is_named_after_the_report_without_what_tells_its_format(name: str, stem: str) -> None:
    """Reports of different names do not become one file."""
    assert stem_of(name) == stem


def test_a_report_in_another_format_can_be_piped(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Nothing else goes to standard output."""
    code, out, _ = run(capfd, saved(tmp_path / "r.jsonl"), "--format", "csv", "-o", "-")

    assert code == 0
    assert out.splitlines()[0] == HEADER
    assert len(out.splitlines()) == 1 + len(ROWS)


def test_four_columns_do_not_hold_what_ocsf_needs(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """They are refused before anything is printed, and nothing is left behind."""
    report = saved(tmp_path / "r.csv", form="csv", wide=False)

    code, out, err = run(capfd, report, "--format", "ocsf", "-o", tmp_path / "x.json")

    assert (code, out) == (ExitCode.USAGE, "")
    assert "four columns" in err
    assert not (tmp_path / "x.json").exists()


def test_what_four_columns_leave_unknown_never_becomes_clean(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Not by a wide report, nor by way of another format; Markdown says that it is unknown."""
    narrow = saved(tmp_path / "r.csv", form="csv", wide=False)
    lines, wide = tmp_path / "r.jsonl", tmp_path / "w.csv"

    assert run(capfd, narrow, "--format", "csv", "--wide", "-o", wide)[0] == ExitCode.USAGE
    assert run(capfd, narrow, "--format", "jsonl", "-o", lines)[0] == 0
    code, _, err = run(capfd, lines, "--format", "csv", "--wide", "-o", wide)
    assert code == ExitCode.COULD_NOT_GO_ON
    assert "only four columns are known" in err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["r.csv", "r.jsonl"]
    assert run(capfd, lines, "--policy", "strict")[0] == ExitCode.POLICY_VIOLATED
    _, out, _ = run(capfd, lines, "--format", "markdown", "-o", "-")
    assert out.count("unknown") == len(ROWS)


def test_a_page_says_of_which_rows_it_is(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Filters, what they left out, and that there is more to come."""
    report = saved(tmp_path / "r.jsonl.partial")

    code, _, _ = run(capfd, report, "--where", "key_state=Disabled", "--html", tmp_path / "p.html")

    assert code == 0
    text = (tmp_path / "p.html").read_text()
    assert "only key_state=Disabled" in text
    assert "left out, as nobody can tell" in text
    assert "not finished" in text


@pytest.mark.parametrize(
    ("name", "rows", "filters", "said"),
    [
        ("r.jsonl.partial", [SOUND], (), "the report is not finished"),
        ("r.jsonl", [], (), "the report has no rows"),
        ("r.jsonl", [SOUND], ("--where", "region=eu-west-9"), "no row fits the filters"),
        ("r.jsonl", [SOUND, DENIED], ("--where", "key_state=Enabled"), "of 1 bucket nobody can tell"),
    ],
)
def test_what_was_not_checked_is_no_pass(
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    *,
    name: str,
    rows: list[object],
    filters: tuple[str, ...],
    said: str,
) -> None:
    """A pipe whose writer failed, a filter with a typing error: 3, and why."""
    report = saved(tmp_path / name, rows)  # type: ignore[arg-type]

    code, out, err = run(capfd, report, "--policy", "aws-fsbp", "--json", *filters)

    assert code == ExitCode.INCOMPLETE
    assert "Policy aws-fsbp: incomplete" in err
    assert said in err
    assert json.loads(out)["policy"]["gaps"]
