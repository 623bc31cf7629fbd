"""`s3audit report` as it is run: what goes where, exit codes, and what cannot be used."""

from __future__ import annotations

import io
import json
import os
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from s3audit_async.cli import main, stdout
from s3audit_async.cli.outcome import ExitCode
from s3audit_async.model import Row
from s3audit_async.sinks import make_sink
from tests.command import COMMAND, environment, s3audit

if TYPE_CHECKING:
    from pathlib import Path

PLAIN = Row(
    "plain",
    "AES256",
    "N/A",
    bucket_key=False,
    account="111122223333",
    region="us-east-1",
    algorithm="AES256",
    findings=("sse-s3-only", "sse-c-not-blocked"),
)
ROWS = [
    PLAIN,
    replace(PLAIN, bucket="elsewhere", region="eu-west-1"),
    Row("denied", "AccessDenied", "Unknown", None, region="eu-west-1", findings=("encryption-unreadable",)),
]


def saved(path: Path, rows: list[Row] = ROWS, form: str = "jsonl", *, wide: bool = True) -> Path:
    out = io.BytesIO()
    sink = make_sink(form, out, wide=wide)
    sink.begin()
    for row in rows:
        sink.write(row)
    path.write_bytes(out.getvalue())
    return path


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return saved(tmp_path_factory.mktemp("reports") / "r.jsonl")


def run(capfd: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str, str]:
    """The command within this process: exit code, standard output and standard error."""
    code = main(["report", *map(str, arguments)])
    written = capfd.readouterr()
    return code, written.out, written.err


def test_tables_go_to_standard_output_and_nothing_else_to_standard_error(report: Path) -> None:
    done = s3audit("report", report)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("3 buckets\n\nEncryption\n  SSE-S3")
    assert "\x1b" not in done.stdout


def test_a_report_on_standard_input_and_one_json_document_on_standard_output(report: Path) -> None:
    done = s3audit(
        "report", "-", "--json", "--by", "region", "--where", "finding=sse-s3-only", stdin=report.read_text()
    )
    document = json.loads(done.stdout)

    assert done.returncode == 0
    assert done.stderr.startswith("1 bucket is left out")
    assert (document["report"], document["format"], document["finished"]) == ("standard input", "jsonl", True)
    assert (document["filters"], document["rows_read"], document["rows_undecided"]) == (["finding=sse-s3-only"], 3, 1)
    assert document["summary"]["modes"] == {"SSE-S3": 2}
    assert [(group["group"], group["buckets"]) for group in document["groups"]] == [("eu-west-1", 1), ("us-east-1", 1)]
    assert {each["id"]: each["found"] for each in document["findings"]} == {"sse-s3-only": 2, "sse-c-not-blocked": 2}
    assert [note[:20] for note in document["notes"]] == [done.stderr[:20]]


@pytest.mark.parametrize(("variable", "coloured"), [("", True), ("NO_COLOR", False), ("CI", False)])
def test_colours_are_for_terminals_and_the_width_is_theirs(report: Path, variable: str, coloured: bool) -> None:
    leader, follower = os.openpty()
    os.set_blocking(leader, False)
    names = {"NO_COLOR", "CI", "COLUMNS", "FORCE_COLOR"}
    given = {name: value for name, value in environment().items() if name not in names}
    try:
        os.set_inheritable(follower, True)
        done = subprocess.run(
            ["/bin/sh", "-c", 'stty cols 44 2>/dev/null <&1; exec "$@"', "sh", *COMMAND, "report", report],
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=follower,
            stderr=subprocess.PIPE,
            env={**given, "TERM": "xterm", **({variable: "1"} if variable else {})},
            timeout=60,
        )
        drawn = os.read(leader, 65_536).decode().replace("\r\n", "\n")
    finally:
        os.close(leader)
        os.close(follower)

    assert (done.returncode, done.stderr) == (0, b"")
    assert ("\x1b[" in drawn) is coloured
    if not coloured:
        assert max(map(len, drawn.splitlines())) <= 44


def test_names_can_be_listed_for_another_command(capfd: pytest.CaptureFixture[str], report: Path) -> None:
    assert run(capfd, report, "--list", "--where", "mode=SSE-S3", "--where", "region!=us-east-1") == (
        0,
        "elsewhere\n",
        "1 bucket is left out, as nobody can tell whether the filters fit: what they ask about is unknown.\n",
    )


def test_what_a_four_column_report_cannot_know_is_said_unless_asked_not_to(
    capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    narrow = saved(tmp_path / "r.csv", form="csv", wide=False)

    code, out, err = run(capfd, narrow)
    assert (code, "Regions" in out) == (0, False)
    assert err.startswith("This report has four columns: regions, accounts, key states and SSE-C are unknown")
    assert run(capfd, narrow, "--quiet")[2] == ""
    assert "3 buckets are left out" in run(capfd, narrow, "--where", "region=us-east-1")[2]


@pytest.mark.parametrize("name", ["r.jsonl", "r.jsonl.partial"])
def test_an_unfinished_report_is_summed_up_as_far_as_it_goes_and_said_to_be_unfinished(
    capfd: pytest.CaptureFixture[str], tmp_path: Path, name: str
) -> None:
    path = saved(tmp_path / name)
    torn = name == "r.jsonl"
    if torn:
        path.write_bytes(path.read_bytes()[:-10])

    code, out, err = run(capfd, path)

    assert (code, out.splitlines()[0]) == (0, "2 buckets" if torn else "3 buckets")
    assert err.startswith("This report is not finished")
    assert err.endswith(f"Go on with it by: s3audit run --resume {path}\n")
    assert ("its last row is not whole" in err) is torn


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_a_report_without_rows_is_one_too(capfd: pytest.CaptureFixture[str], tmp_path: Path, form: str) -> None:
    assert run(capfd, saved(tmp_path / f"r.{form}", [], form)) == (0, "0 buckets\n", "This report has no rows.\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--where", "regoin=x"), "s3audit: there is no field 'regoin' to filter by (did you mean region"),
        (("--where", "x"), "s3audit: no filter: 'x' (write FIELD=VALUE"),
        (("--by", "colour"), "s3audit: Invalid value for '--by': 'colour' is not one of"),
        (("--top", "0"), "s3audit: Invalid value for '--top'"),
        (("--list", "--json"), "s3audit: --list prints names and nothing else"),
    ],
)
def test_options_that_cannot_be_used_are_one_line(
    capfd: pytest.CaptureFixture[str], report: Path, arguments: tuple[str, ...], message: str
) -> None:
    code, out, err = run(capfd, report, *arguments)

    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(message)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot read"),
        (b"\x89PNG\r\n", "is not a report of s3audit"),
        (b"\n", "is not a report of s3audit"),
        (b"\xef\xbb\xbfhello\n", "is not a report of s3audit"),
        (b"Bucket Name,Default Encryption Mode,SSE-KMS Key Type,Bucket Key\r\na,b\r\n", "line 2 is not a row"),
        (
            b"Bucket Name,Default Encryption Mode,SSE-KMS Key Type,Bucket Key\r\n" + 2 * b"a,AES256,N/A,\r\n",
            "holds the bucket 'a' more than once",
        ),
    ],
)
def test_what_is_no_report_is_one_line_and_nothing_is_printed(
    capfd: pytest.CaptureFixture[str], tmp_path: Path, content: bytes | None, message: str
) -> None:
    path = tmp_path / "r.csv"
    if content is not None:
        path.write_bytes(content)

    code, out, err = run(capfd, path)

    assert (code, out, err.count("\n")) == (2, "", 1)
    assert message in err


def test_what_the_output_has_no_characters_for_is_escaped(tmp_path: Path) -> None:
    path = saved(tmp_path / "r.jsonl", [replace(PLAIN, bucket="ключ", region="ключ")])
    done = subprocess.run(
        [*COMMAND, "report", path],
        check=False,
        capture_output=True,
        env={**environment(), "PYTHONIOENCODING": "ascii"},
        timeout=60,
    )

    assert (done.returncode, done.stderr) == (0, b"")
    assert b"####" in done.stdout
    assert b"\\u043a" in done.stdout


@pytest.mark.parametrize(
    ("columns", "width"), [("55", 55), ("7", 40), ("9999", 200), ("x", 100), ("", 100), ("0", 100)]
)
def test_off_a_terminal_the_width_is_what_columns_says_within_reason(
    monkeypatch: pytest.MonkeyPatch, columns: str, width: int
) -> None:
    monkeypatch.setenv("COLUMNS", columns)

    assert stdout.page() == stdout.Page(width=width, colour=False, unicode=True)


@pytest.mark.parametrize("arguments", [("--help",), ("report", "REPORT", "--format", "csv", "-o", "-")])
def test_a_reader_who_has_gone_is_no_violated_policy(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """Click would make 1 of it."""
    many = [replace(PLAIN, bucket=f"b{number}") for number in range(3000)]
    report = saved(tmp_path / "r.jsonl", many)
    typed = [str(report) if argument == "REPORT" else argument for argument in arguments]
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run([*COMMAND, *typed], check=False, stdout=writing, stderr=subprocess.PIPE, env=environment())
    os.close(writing)
    assert done.returncode == ExitCode.COULD_NOT_GO_ON, done.stderr


def test_a_name_that_cannot_be_looked_up_is_said_to_be_unreadable(capfd: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capfd, "x" * 5000)
    assert code == ExitCode.USAGE
    assert "cannot read x" in err


@pytest.mark.parametrize(
    ("variables", "coloured"),
    [({"FORCE_COLOR": "1"}, True), ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False), ({}, False)],
)
def test_tables_are_in_colour_off_a_terminal_if_that_is_wished(
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    report: Path,
    variables: dict[str, str],
    coloured: bool,
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    assert ("\x1b[" in run(capfd, report)[1]) is coloured


class Terminal(io.StringIO):
    """Standard output that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("ci", "coloured"), [("false", True), ("0", True), ("true", False)])
def test_ci_that_is_false_is_no_ci(monkeypatch: pytest.MonkeyPatch, ci: str, coloured: bool) -> None:
    monkeypatch.setenv("CI", ci)
    monkeypatch.setenv("TERM", "xterm")

    assert stdout.page(Terminal()).colour is coloured


@pytest.mark.parametrize(
    "options", [["--json"], ["--list"], ["--by", "region"], [], ["--plan", "-"], ["--format", "csv", "-o", "-"]]
)
def test_what_is_for_standard_output_is_no_success_without_it(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, report: Path, options: list[str]
) -> None:
    monkeypatch.setattr("sys.stdout", None)

    code, _, err = run(capfd, report, *options)

    assert (code, err.count("\n")) == (2, 1)
    assert err.startswith("s3audit: standard output is closed")


def test_what_goes_elsewhere_needs_no_standard_output(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, report: Path, tmp_path: Path
) -> None:
    monkeypatch.setattr("sys.stdout", None)

    assert run(capfd, report, "-q", "--html", tmp_path / "page.html") == (0, "", "")
    assert (tmp_path / "page.html").stat().st_size


def test_parquet_is_not_for_a_terminal(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, report: Path
) -> None:
    monkeypatch.setattr("sys.stdout", Terminal())

    code, _, err = run(capfd, report, "--format", "parquet", "-o", "-")

    assert code == 2
    assert "parquet is not for a terminal" in err
