"""`s3audit run` through the real command: reports, exit codes, what goes to stdout and what to stderr."""

from __future__ import annotations

import csv
import json
import signal
import stat
from typing import TYPE_CHECKING

import pytest

from benchmarks.stub import (
    Behaviour,
    ErrorAnswer,
    StubAccount,
    StubAws,
    StubBucket,
    StubKey,
    StubRule,
    first,
    synthetic,
)
from s3audit_async.sinks.columns import WIDE
from tests.command import s3audit, start
from tests.reports import HEADER, expected, rows_of
from tests.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path

ENCRYPTION = "GetBucketEncryption"


def test_a_run_writes_the_four_columns_and_ends_with_0(tmp_path: Path) -> None:
    """Report in the file, summary on stderr, nothing on stdout, readable by the owner only."""
    account = synthetic(buckets=60, keys=5, regions=3)
    report = tmp_path / "report.csv"
    with StubAws(account) as stub:
        done = s3audit("run", "--endpoint-url", stub.url, "-o", report, "--stats", tmp_path / "stats.json")

    assert (done.returncode, done.stdout) == (0, "")
    assert rows_of(report) == expected(account)
    assert report.read_bytes().count(b"\r\n") == 61
    assert stat.S_IMODE(report.stat().st_mode) == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.csv", "stats.json"]
    for said in ("Buckets     60", "Encryption", "Key type", "Bucket Key", "Regions", "Elapsed", f"Report: {report}"):
        assert said in done.stderr
    stats = json.loads((tmp_path / "stats.json").read_text())
    assert (stats["buckets"], stats["rows"], stats["retries"], stats["throttles"]) == (60, 60, 0, 0)
    assert stats["calls"].pop("GetCallerIdentity", 0) <= 1, "asked beside the run, which does not wait for it"
    assert stats["calls"] == {"DescribeKey": 5, ENCRYPTION: 60, "ListBuckets": 1}
    assert 1 <= stats["peak_in_flight"] <= 64
    assert stats["seconds"] > 0


def test_wide_appends_columns_and_changes_none(tmp_path: Path) -> None:
    """The first four columns are those of the narrow report."""
    account = synthetic(buckets=30, keys=3, regions=2)
    with StubAws(account) as stub:
        s3audit("run", "--endpoint-url", stub.url, "-o", tmp_path / "wide.csv", "--wide")
    with (tmp_path / "wide.csv").open(newline="") as file:
        header, *lines = csv.reader(file)
    assert ",".join(header) == (
        f"{HEADER},Account,Region,Algorithm,Key ARN,Key State,Key Account,Key Region,Key Origin,Multi-Region,"
        "SSE-C,Findings,Error,Created,Audited At,Key Spec,Key Deletion Date,Key Valid To,Kind"
    )
    assert {line[0]: tuple(line[1:4]) for line in lines} == expected(account)
    assert {line[4] for line in lines} == {account.id}


def test_jsonl_goes_to_stdout_and_nothing_else_does(tmp_path: Path) -> None:
    """`-o -` is for pipes; all fields, null where unknown."""
    account = synthetic(buckets=30, keys=3, regions=2)
    with StubAws(account) as stub:
        done = s3audit("run", "--endpoint-url", stub.url, "-o", "-", "--format", "jsonl", cwd=tmp_path)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0
    assert len(rows) == 30
    assert all(list(row) == [column.name for column in WIDE] for row in rows)
    assert "Report: standard output" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_off_a_terminal_the_report_goes_into_the_current_directory(tmp_path: Path) -> None:
    """Named after the moment, as the original named it."""
    with StubAws(synthetic(buckets=3, keys=1, regions=1)) as stub:
        s3audit("run", "--endpoint-url", stub.url, cwd=tmp_path)
    (report,) = tmp_path.iterdir()
    assert report.match("bucketEncryptionReport_????????-??????.csv")


def test_quiet_says_nothing_and_verbose_says_every_retry(tmp_path: Path) -> None:
    """-q for scripts, -v for people who wonder."""
    with StubAws(
        synthetic(buckets=3, keys=1, regions=1), Behaviour(faults=first(1, ErrorAnswer(503, "SlowDown")))
    ) as stub:
        quiet = s3audit("run", "--endpoint-url", stub.url, "-q", "-o", tmp_path / "q.csv")
        stub.reset_stats()
        verbose = s3audit("run", "--endpoint-url", stub.url, "-v", "-o", tmp_path / "v.csv")
    assert (quiet.returncode, quiet.stdout, quiet.stderr) == (0, "", "")
    assert verbose.stderr.count(f"throttled: {ENCRYPTION} synthetic-") == 3
    assert "SlowDown, attempt 1, next in" in verbose.stderr


def test_errors_that_do_not_clear_make_3_and_are_named(tmp_path: Path) -> None:
    """Complete, but not all answered; AccessDenied counts as an answer."""
    account = StubAccount(buckets=[StubBucket(name) for name in ("denied", "fails", "good")])
    behaviour = Behaviour(
        denied={(ENCRYPTION, "denied")},
        faults=first(99, ErrorAnswer(500, "InternalError"), operation=ENCRYPTION, target="fails"),
    )
    arguments = ("--max-attempts", "2", "-o", tmp_path / "r.csv")
    with StubAws(account, behaviour) as stub:
        failed = s3audit("run", "--endpoint-url", stub.url, *arguments)
        behaviour.faults = None
        resumed = s3audit("run", "--endpoint-url", stub.url, "--resume", tmp_path / "r.csv")
    assert failed.returncode == 3
    assert "Denied      1: denied" in failed.stderr
    assert "Failed      1: fails (InternalError)" in failed.stderr
    assert f"--resume {tmp_path / 'r.csv'}" in failed.stderr
    assert resumed.returncode == 0
    assert "Going on with 2 rows that are there, 1 with errors asked again." in resumed.stderr
    assert rows_of(tmp_path / "r.csv") == {
        "denied": ("AccessDenied", "Unknown", ""),
        "fails": ("AES256", "N/A", "False"),
        "good": ("AES256", "N/A", "False"),
    }


def test_formula_cells_are_neutralised_and_terminals_obey_nothing(tmp_path: Path) -> None:
    """Key references and codes are text from outside."""
    hostile = '=cmd|"/c calc"!A1'
    account = StubAccount(
        buckets=[StubBucket("b", rules=(StubRule("aws:kms", hostile),))],
        keys=[StubKey("arn:aws:kms:us-east-1:1:key/1")],
    )
    fault = ErrorAnswer(400, "Bad\tCode[31m", "\tmessage")
    with StubAws(account, Behaviour(faults=first(9, fault, operation="DescribeKey"))) as stub:
        done = s3audit("run", "--endpoint-url", stub.url, "-o", tmp_path / "r.csv", "-v")
    assert rows_of(tmp_path / "r.csv")["b"][0] == f"'{hostile}"
    assert not any(ord(character) < 32 and character != "\n" for character in done.stderr)


@pytest.mark.parametrize(
    ("fault", "said", "code"),
    [
        (ErrorAnswer(403, "AccessDenied", "not authorized"), "may not list", 4),
        (ErrorAnswer(400, "ExpiredToken", "The token has expired"), "have expired", 4),
        (ErrorAnswer(403, "InvalidAccessKeyId", "does not exist"), "does not accept the credentials", 4),
        (ErrorAnswer(403, "SignatureDoesNotMatch", "check"), "does not accept the credentials", 4),
        (ErrorAnswer(403, "RequestTimeTooSkewed", "skewed"), "clock is wrong", 4),
    ],
)
def test_a_run_that_cannot_begin_says_why_in_one_line(fault: ErrorAnswer, said: str, code: int, tmp_path: Path) -> None:
    """Exit 4, one line with what to do, and no file left behind."""
    with StubAws(synthetic(buckets=3, keys=1, regions=1), Behaviour(faults=first(99, fault))) as stub:
        done = s3audit("run", "--endpoint-url", stub.url, "-o", tmp_path / "r.csv")
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.count("\n") == 1
    assert said in done.stderr
    assert done.stderr.startswith("s3audit: ")
    assert done.stderr.endswith(")\n")  # the hint
    assert list(tmp_path.iterdir()) == []


def test_an_endpoint_that_is_not_there_ends_the_run(tmp_path: Path) -> None:
    """Few attempts, exit 4."""
    for named in ((), ("--bucket", "some-bucket")):
        done = s3audit("run", "--endpoint-url", "http://127.0.0.1:9", "-o", tmp_path / "r.csv", *named)
        assert done.returncode == 4
        assert "no connection to S3" in done.stderr
        assert done.stderr.count("\n") == 1


def test_a_configuration_that_is_of_no_use_is_one_line(
    tmp_path: Path, isolated: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An endpoint without a scheme, a credential program that is not there: exit 2, no traceback."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "localhost:4566")
    done = s3audit("run", "-o", tmp_path / "r.csv")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr

    (isolated / "config").write_text("[profile p]\ncredential_process = /nonexistent/tool\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(isolated / "config"))
    done = s3audit("run", "-o", tmp_path / "r.csv", "--profile", "p", "--endpoint-url", "http://127.0.0.1:9")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_resumption_that_fails_keeps_what_was_there(tmp_path: Path) -> None:
    """Also if all of it has to be asked again."""
    (tmp_path / "r.csv.partial").write_bytes(f"{HEADER}\r\nb,InternalError,Unknown,\r\n".encode())
    with StubAws(StubAccount(buckets=[StubBucket("b")]), Behaviour(denied={"ListBuckets"})) as stub:
        done = s3audit("run", "--endpoint-url", stub.url, "--resume", tmp_path / "r.csv.partial")
    assert done.returncode == 4
    assert [path.name for path in tmp_path.iterdir()] == ["r.csv.partial"]


def test_nobody_has_to_listen_to_standard_error(tmp_path: Path) -> None:
    """A closed stderr costs messages, not the report."""
    fault = first(1, ErrorAnswer(503, "SlowDown"))
    with StubAws(synthetic(buckets=30, keys=2, regions=2), Behaviour(faults=fault)) as stub:
        process = start("run", "--endpoint-url", stub.url, "-v", "-o", tmp_path / "r.csv")
        assert process.stderr is not None
        process.stderr.close()
        assert process.stdout is not None
        process.stdout.close()
        assert process.wait(60) == 0
    assert len(rows_of(tmp_path / "r.csv")) == 30


def test_no_credentials_end_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit 4 and a hint."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    done = s3audit("run", "--endpoint-url", "http://127.0.0.1:9", "-o", tmp_path / "r.csv")
    assert done.returncode == 4
    assert "no usable AWS credentials" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_keeps_its_rows_and_resume_completes_them(number: signal.Signals, tmp_path: Path) -> None:
    """Exit 130, a partial file of whole lines, and no bucket asked about twice that had its row."""
    account = synthetic(buckets=400, keys=5, regions=2)
    report, partial = tmp_path / "r.csv", tmp_path / "r.csv.partial"
    with StubAws(account, Behaviour(latency=0.05)) as stub:
        process = start("run", "--endpoint-url", stub.url, "-o", report, "--max-concurrency", "4")
        wait_until(lambda: stub.stats.calls[ENCRYPTION] > 60, what="some buckets audited")
        process.send_signal(number)
        out, err = process.communicate(timeout=60)

        assert (process.returncode, out) == (130, "")
        assert f"Go on with: s3audit run --resume {partial}" in err
        assert not report.exists()
        kept = rows_of(partial)
        assert 50 < len(kept) < 400
        assert kept.items() <= expected(account).items()

        partial.write_bytes(partial.read_bytes() + b'synthetic-0000399,"torn')
        stub.reset_stats()
        stub.behaviour.latency = 0.0
        resumed = s3audit("run", "--endpoint-url", stub.url, "--resume", partial)
        assert stub.stats.calls[ENCRYPTION] == 400 - len(kept)
    assert resumed.returncode == 0
    assert f"Going on with {len(kept)} rows that are there, a torn last line dropped." in resumed.stderr
    assert "Buckets     400" in resumed.stderr
    assert rows_of(report) == expected(account)
    assert not partial.exists()


def test_a_partial_report_grows_while_the_run_lasts(tmp_path: Path) -> None:
    """Rows are in the file long before the end: one bucket never answers, the others can be read."""
    account = synthetic(buckets=10, keys=1, regions=1, kms_share=0)
    behaviour = Behaviour(latency=lambda request: 3600.0 if request.target == "synthetic-0000003" else 0.0)
    partial = tmp_path / "r.csv.partial"
    with StubAws(account, behaviour) as stub:
        process = start("run", "--endpoint-url", stub.url, "-o", tmp_path / "r.csv", "--timeout", "3600")
        wait_until(lambda: partial.exists() and partial.read_bytes().count(b"\r\n") == 10, what="nine rows and header")
        process.terminate()
        process.communicate(timeout=60)
    assert process.returncode == 130


def test_whoever_reads_stdout_may_leave() -> None:
    """A closed pipe ends the run with 4 and one line, not with a traceback."""
    with StubAws(synthetic(buckets=2000, keys=1, regions=1)) as stub:
        process = start("run", "--endpoint-url", stub.url, "-o", "-", "-q")
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr is not None
        said = process.stderr.read()
        process.stderr.close()
        assert process.wait(60) == 4
    assert said.count("\n") == 1
    assert "has gone" in said


def test_selection_options_choose_buckets(tmp_path: Path) -> None:
    """By name, from a file or stdin, by prefix, by region."""
    account = StubAccount(
        buckets=[StubBucket("a-1"), StubBucket("a-2", "eu-west-1"), StubBucket("b-1"), StubBucket("b-2", "eu-west-1")]
    )
    listed = tmp_path / "names.txt"
    listed.write_text("# ours\n\na-1\r\nb-2\na-1\n")

    with StubAws(account) as stub:

        def chosen(*arguments: str | Path, stdin: str | None = None) -> list[str]:
            done = s3audit("run", "--endpoint-url", stub.url, "-q", "-o", "-", *arguments, stdin=stdin)
            assert (done.returncode, done.stderr) == (0, "")
            return sorted(line.split(",")[0] for line in done.stdout.splitlines()[1:])

        assert chosen("--bucket", "a-2", "--bucket", "b-1") == ["a-2", "b-1"]
        assert stub.stats.calls["ListBuckets"] == 0
        assert chosen("--buckets-from", listed) == ["a-1", "b-2"]
        assert chosen("--buckets-from", "-", "--bucket", "a-2", stdin="a-1\n") == ["a-1", "a-2"]
        assert chosen("--prefix", "b-") == ["b-1", "b-2"]
        assert chosen("--include-region", "eu-west-1") == ["a-2", "b-2"]
        assert chosen("--exclude-region", "eu-west-1", "--prefix", "a") == ["a-1"]


def test_the_environment_works_as_in_any_aws_tool(
    tmp_path: Path, isolated: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AWS_PROFILE, ~/.aws/config and AWS_ENDPOINT_URL_S3 and _KMS are honoured."""
    (isolated / ".aws").mkdir()
    (isolated / ".aws" / "config").write_text(
        "[profile audit]\nregion = eu-west-1\naws_access_key_id = AKIAPROFILE\naws_secret_access_key = x\n"
    )
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_PROFILE", "audit")
    account = synthetic(buckets=20, keys=2, regions=("eu-west-1",))
    with StubAws(account) as stub:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", stub.url)
        monkeypatch.setenv("AWS_ENDPOINT_URL_KMS", stub.url)
        done = s3audit("run", "-o", tmp_path / "r.csv")
        assert stub.stats.calls_by_region["ListBuckets", "eu-west-1"] == 1
        assert stub.stats.calls["DescribeKey"] == 2
    assert done.returncode == 0, done.stderr
    assert rows_of(tmp_path / "r.csv") == expected(account)


def test_an_existing_report_is_replaced_at_the_end_only(tmp_path: Path) -> None:
    """A run that fails leaves yesterday's report as it was."""
    report = tmp_path / "r.csv"
    report.write_text(f"{HEADER}\r\nyesterday,AES256,N/A,False\r\n")
    before = report.read_bytes()
    behaviour = Behaviour(denied={"ListBuckets"})
    with StubAws(synthetic(buckets=3, keys=1, regions=1), behaviour) as stub:
        assert s3audit("run", "--endpoint-url", stub.url, "-o", report).returncode == 4
        assert report.read_bytes() == before
        behaviour.denied = ()
        assert s3audit("run", "--endpoint-url", stub.url, "-o", report).returncode == 0
    assert len(rows_of(report)) == 3
