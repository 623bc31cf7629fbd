"""Formats through the real command: several at once, interrupted and resumed, and what is refused."""

from __future__ import annotations

import json
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest

from benchmarks.stub import Behaviour, ErrorAnswer, StubAccount, StubAws, StubBucket, first, synthetic
from s3audit_async.analysis.finished import open_report
from tests.command import COMMAND, environment, s3audit, start
from tests.reports import expected, rows_of
from tests.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path

ENCRYPTION = "GetBucketEncryption"


def ends(folder: Path) -> list[str]:
    """What follows the time in each file's name; the time is the same in all."""
    stems = {path.name.split(".", 1)[0] for path in folder.iterdir()}
    assert len(stems) <= 1, stems
    return sorted(path.name.split(".", 1)[1] for path in folder.iterdir())


def test_several_formats_come_of_one_run_interrupted_and_resumed(tmp_path: Path) -> None:
    """Nobody who has a row is asked again; the formats need not be named again; nothing else is left."""
    account = synthetic(buckets=150, keys=4, regions=2)
    with StubAws(account, Behaviour(latency=0.03)) as stub:
        process = start(
            "run", "--endpoint-url", stub.url, "--format", "csv,parquet,markdown,csv", "-o", tmp_path,
            "--max-concurrency", "3",
        )  # fmt: skip
        wait_until(lambda: stub.stats.calls[ENCRYPTION] > 40, what="some buckets audited")
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
        assert process.returncode == 130, said
        assert ends(tmp_path) == ["jsonl.partial", "jsonl.resume"]
        (partial,) = tmp_path.glob("*.partial")
        kept = [json.loads(line)["bucket_name"] for line in partial.read_text().splitlines()]
        assert f"--resume {partial}" in said
        stub.behaviour.latency = 0.0
        stub.reset_stats()
        refused = s3audit("run", "--endpoint-url", stub.url, "--resume", partial, "--format", "ocsf")
        assert (refused.returncode, stub.stats.total) == (2, 0)
        assert "is a report in csv, parquet, markdown" in refused.stderr
        done = s3audit("run", "--endpoint-url", stub.url, "--resume", partial)
        assert [name for name in kept if stub.asked(ENCRYPTION, name)] == []
    assert done.returncode == 0, done.stderr
    assert ends(tmp_path) == ["csv", "md", "parquet"]
    (report,) = tmp_path.glob("*.csv")
    assert rows_of(report) == expected(account)
    assert {row.bucket for row in open_report(report.with_suffix(".parquet")).rows()} == expected(account).keys()
    assert f"Report: {report}, {report.with_suffix('.parquet')}" in done.stderr


def test_a_full_disk_keeps_the_spool_and_resuming_makes_the_files(tmp_path: Path) -> None:
    """Exit 4, and no row has to be asked again."""
    account = synthetic(buckets=60, keys=2, regions=1)
    room = "export PYTHONDONTWRITEBYTECODE=1; ulimit -f 150"  # 75 or 150 KiB: rows fit, their findings do not
    with StubAws(account) as stub:
        process = start("run", "--endpoint-url", stub.url, "--format", "ocsf", "-o", tmp_path / "r.json", after=room)
        _, said = process.communicate(timeout=60)
        assert process.returncode == 4, said
        partial = tmp_path / "r.json.jsonl.partial"
        assert f"cannot write {tmp_path / 'r.json'}: the file is too large (make room, then go on" in said
        assert f"60 buckets are audited and kept in {partial}." in said
        assert {path.name for path in tmp_path.iterdir()} == {partial.name, "r.json.jsonl.resume"}
        stub.reset_stats()
        done = s3audit("run", "--endpoint-url", stub.url, "-q", "--resume", partial)
        assert stub.stats.calls[ENCRYPTION] == 0
    assert (done.returncode, done.stderr) == (0, "")
    assert [path.name for path in tmp_path.iterdir()] == ["r.json"]
    events = json.loads((tmp_path / "r.json").read_text())
    assert {event["resources"][0]["name"] for event in events} == expected(account).keys()


def test_rows_with_errors_are_mended_in_every_file(tmp_path: Path) -> None:
    """The files are there after the first run, the spool as long as there is something to mend."""
    account = StubAccount(buckets=[StubBucket("fails"), StubBucket("good")])
    faults = first(99, ErrorAnswer(500, "InternalError"), operation=ENCRYPTION, target="fails")
    report = tmp_path / "r.parquet"
    with StubAws(account, Behaviour(faults=faults)) as stub:
        arguments = ("run", "--endpoint-url", stub.url, "--max-attempts", "1")
        failed = s3audit(*arguments, "--format", "parquet", "-o", report)
        assert failed.returncode == 3, failed.stderr
        assert {row.bucket: row.mode for row in open_report(report).rows()}["fails"] == "InternalError"
        assert f"--resume {report}.jsonl.partial" in failed.stderr
        stub.behaviour.faults = None
        done = s3audit(*arguments, "--resume", report)  # the file, or what it is made of
    assert done.returncode == 0, done.stderr
    assert {row.bucket: row.mode for row in open_report(report).rows()}["fails"] == "AES256"
    assert [path.name for path in tmp_path.iterdir()] == ["r.parquet"]


def test_asff_of_an_account_that_is_not_told_is_refused_before_a_row_is_written(tmp_path: Path) -> None:
    """Its findings need the account; the other formats would be lost with it, after the whole audit."""
    behaviour = Behaviour(denied={"GetCallerIdentity"})
    with StubAws(StubAccount(buckets=[StubBucket("good")]), behaviour) as stub:
        done = s3audit("run", "--endpoint-url", stub.url, "--format", "csv,asff", "-o", tmp_path)
    assert done.returncode == 4, done.stderr
    assert "the account is not told, and asff needs it (allow sts:GetCallerIdentity" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_parquet_goes_to_standard_output(tmp_path: Path) -> None:
    """As any other format: it streams."""
    account = synthetic(buckets=20, keys=2, regions=1)
    with StubAws(account) as stub, (tmp_path / "out").open("wb") as out:
        command = [*COMMAND, "run", "--endpoint-url", stub.url, "-q", "--format", "parquet", "-o", "-"]
        done = subprocess.run(command, check=False, env=environment(), stdout=out, stderr=subprocess.PIPE)
    assert (done.returncode, done.stderr) == (0, b"")
    assert {row.bucket for row in open_report(tmp_path / "out").rows()} == expected(account).keys()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--format", "csv,jsonl", "-o", "-"), "standard output takes one format (name a directory with -o for"),
        (("--format", "csv,parquet", "-o", "missing/"), "there is no directory missing (make it first"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    """Exit 2, before anything is asked: nobody listens where requests would go."""
    done = s3audit("run", *arguments, cwd=tmp_path)
    assert (done.returncode, done.stderr.count("\n"), done.stdout) == (2, 1, "")
    assert said in done.stderr
    assert list(tmp_path.iterdir()) == []
