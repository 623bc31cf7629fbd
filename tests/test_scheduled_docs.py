"""docs/scheduled.md and its examples: run as far as they can be here, and linted for the rest."""

from __future__ import annotations

import fcntl
import json
import os
import re
import runpy
import shutil
import subprocess
import sysconfig
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

import s3audit_async
from benchmarks.stub import ACCOUNT_ID, SSE_S3, Behaviour, StubAccount, StubAws, StubBucket
from s3audit_async.output import Target, export
from s3audit_async.output.splitting import part_of
from s3audit_async.sinks.parquet import schema
from tests import shown_commands
from tests.command import environment
from tests.moto_server import create_buckets, serving
from tests.rows import KMS
from tests.rows import SSE_S3 as PLAIN
from tests.shown_commands import DOCS

PAGE = (DOCS / "scheduled.md").read_text()
SCRIPT = DOCS / "examples" / "s3audit-daily"
WORKFLOW = DOCS / "examples" / "s3audit-workflow.yml"
LAMBDA = DOCS / "examples" / "lambda_handler.py"
ATHENA = {"bool": "boolean", "timestamp[us, tz=UTC]": "timestamp", "list<item: string>": "array<string>"}

TODAY = "2026-11-29"
BARE = StubBucket("bare", "eu-west-1", rules=None)
FINE = StubBucket(
    "fine", "eu-west-1", rules=(replace(SSE_S3, algorithm="aws:kms", bucket_key=True, blocked=("SSE-C",)),)
)
OTHER = replace(FINE, name="other")
WORSE = replace(FINE, rules=(SSE_S3,))


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


def tool(name: str) -> str:
    """A command that was installed with this Python's packages."""
    return str(Path(sysconfig.get_path("scripts")) / name)


def test_every_example_is_named_on_the_page_and_every_one_named_is_there() -> None:
    named = {Path(place).name for place in re.findall(r"\]\((examples/[^)]+)\)", PAGE)}

    assert named == {path.name for path in (DOCS / "examples").iterdir() if path.is_file()}


def test_every_command_shown_can_be_typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with StubAws(StubAccount(buckets=[BARE, FINE]), Behaviour()) as stub:
        monkeypatch.setenv("AWS_ENDPOINT_URL", stub.url)
        failed = shown_commands.refused(shown_commands.commands(PAGE, every=True), tmp_path)

    assert failed == {}
    assert [path.name for path in tmp_path.glob("lake/date=*/account_id=*/*")] == ["report.parquet"]


# cron


@dataclass(frozen=True)
class Machine:
    """A machine that cron runs on."""

    folder: Path
    variables: dict[str, str]

    def audits(self) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["/bin/sh", SCRIPT], check=False, capture_output=True, env=self.variables, text=True, timeout=120
        )

    def names(self) -> set[str]:
        return {path.name for path in self.folder.iterdir()} - {".lock"}


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    if shutil.which("flock") is None:
        pytest.skip("there is no flock here")
    (tmp_path / "venv").mkdir()
    (tmp_path / "reports").mkdir()
    (shown_commands.install(tmp_path / "venv" / "bin") / "date").write_text(f"#!/bin/sh\necho {TODAY}\n")
    (tmp_path / "venv" / "bin" / "date").chmod(0o700)
    places = {"VENV": str(tmp_path / "venv"), "REPORTS": str(tmp_path / "reports")}
    return Machine(tmp_path / "reports", {**environment(), **places})


def test_the_script_is_without_reproach() -> None:
    done = subprocess.run([tool("shellcheck"), SCRIPT], check=False, capture_output=True, text=True)

    assert (done.returncode, done.stdout) == (0, "")
    assert os.access(SCRIPT, os.X_OK)


def test_each_day_has_its_report_and_tells_what_has_changed_since_the_last(machine: Machine) -> None:
    account = StubAccount(buckets=[FINE])
    with StubAws(account, Behaviour()) as stub:
        machine.variables["AWS_ENDPOINT_URL"] = stub.url
        first = machine.audits()
        report = machine.folder / f"{TODAY}.csv"
        assert (first.returncode, first.stdout) == (0, ""), first.stderr
        assert {"event"} <= json.loads(first.stderr.splitlines()[0]).keys()
        assert machine.names() == {report.name}
        assert report.stat().st_mode & 0o777 == 0o600

        report.rename(machine.folder / "2001-02-03.csv")
        for name in ("2000-01-01.csv", "mine.csv"):
            (machine.folder / name).write_text("old")
            os.utime(machine.folder / name, (0, 0))
    with StubAws(StubAccount(buckets=[WORSE]), Behaviour()) as stub:
        machine.variables["AWS_ENDPOINT_URL"] = stub.url
        second = machine.audits()

    assert second.returncode == 1, "the policy is violated"
    assert "./2001-02-03.csv (1 buckets) -> " in second.stdout
    assert "\nWorse (1)\n" in second.stdout
    assert machine.names() == {"2001-02-03.csv", report.name, "mine.csv"}


def test_a_run_that_was_interrupted_today_is_gone_on_with(machine: Machine) -> None:
    with StubAws(StubAccount(buckets=[FINE, OTHER]), Behaviour()) as stub:
        machine.variables["AWS_ENDPOINT_URL"] = stub.url
        report = machine.folder / f"{TODAY}.csv"
        export(lambda: [replace(KMS, bucket="fine", account=ACCOUNT_ID)], [Target("csv", report, wide=True)])
        report.rename(report.with_name(report.name + ".partial"))
        done = machine.audits()
        asked = stub.asked("GetBucketEncryption", "fine")

    assert (done.returncode, asked, machine.names()) == (0, 0, {report.name}), done.stderr


@pytest.mark.parametrize("code", [2, 4, 130])
def test_where_there_is_no_report_nothing_is_compared_or_removed(machine: Machine, code: int) -> None:
    (Path(machine.variables["VENV"]) / "bin" / "s3audit").write_text(f"#!/bin/sh\necho $1 >> asked\nexit {code}\n")
    (machine.folder / "2001-02-03.csv").write_text("old")
    os.utime(machine.folder / "2001-02-03.csv", (0, 0))
    done = machine.audits()

    assert (done.returncode, done.stdout) == (code, "")
    assert machine.names() == {"2001-02-03.csv", "asked"}
    assert (machine.folder / "asked").read_text() == "run\n"


def test_one_audit_at_a_time(machine: Machine) -> None:
    with (machine.folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = machine.audits()

    assert (done.returncode, done.stdout, done.stderr) == (75, "", "another audit is still running\n")
    assert machine.names() == set()


def test_the_crontab_line_is_one() -> None:
    (line,) = re.findall(r"<!-- crontab -->\n```text\n(.*)\n```", PAGE)

    assert re.fullmatch(r"\d+ \d+ \* \* \*  /usr/local/bin/s3audit-daily 2>> \S+", line)
    assert "%" not in line, "which cron takes for the end of the line"


# GitHub Actions

GH = """#!/bin/sh
# Stands in for GitHub: artifacts are folders, comments are appended to a file.
case "$1 $2" in
  "api repos/me/here/actions/artifacts?name=s3audit-report") jq -r "$4" "$KEPT/artifacts.json" ;;
  "run download") mkdir "$9" && cp "$KEPT/$3/report.csv" "$9/" ;;
  "issue comment") cat >> "$KEPT/comments-on-$3.md" ;;
  *) echo "gh $*" >&2; exit 64 ;;
esac
"""


def night(number: int, kept: Path, folder: Path, shell: Path, url: str) -> dict[str, int]:
    """The exit codes of the steps that one run of the workflow takes, by their names; it ends with one that fails."""
    folder.mkdir()
    known = {"github.token": "token", "vars.S3_AUDIT_ISSUE": "7"}
    files = {name: folder / f".{name.lower()}" for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
    codes = {}
    for step in yaml.safe_load(WORKFLOW.read_text())["jobs"]["audit"]["steps"]:
        if step.get("uses", "").startswith("actions/upload-artifact@"):
            (kept / str(number)).mkdir()
            shutil.copy(folder / step["with"]["path"], kept / str(number))
            artifacts = json.loads((kept / "artifacts.json").read_text())["artifacts"]
            artifacts.insert(0, {"expired": False, "workflow_run": {"id": number}})
            (kept / "artifacts.json").write_text(json.dumps({"artifacts": artifacts}))
        if "run" not in step or step["name"] == "Install":
            continue
        given = {
            name: re.sub(r"\$\{\{ (.*?) \}\}", lambda match: known[match[1]], text)
            for name, text in step.get("env", {}).items()
        }
        assert "${{" not in step["run"], "text from elsewhere would be run"
        done = subprocess.run(
            ["bash", "-e", "-c", step["run"]],
            check=False,
            capture_output=True,
            cwd=folder,
            env={
                **environment(),
                **{name: str(path) for name, path in files.items()},
                **given,
                "AWS_ENDPOINT_URL": url,
                "GITHUB_REPOSITORY": "me/here",
                "KEPT": str(kept),
                "PATH": f"{shell}:{os.environ['PATH']}",
            },
            text=True,
            timeout=120,
        )
        codes[step["name"]] = done.returncode
        if done.returncode:
            break
        if "id" in step:
            for name, _, value in (line.partition("=") for line in files["GITHUB_OUTPUT"].read_text().splitlines()):
                known[f"steps.{step['id']}.outputs.{name}"] = value
    return codes


@pytest.mark.skipif(shutil.which("jq") is None or shutil.which("bash") is None, reason="there is no jq, or no bash")
def test_the_workflow_posts_what_has_changed_and_fails_if_the_policy_is_violated(tmp_path: Path) -> None:
    """Two nights; and a third one, in which AWS refuses."""
    kept, shell = tmp_path / "kept", shown_commands.install(tmp_path / "bin")
    kept.mkdir()
    (kept / "artifacts.json").write_text(json.dumps({"artifacts": [{"expired": True, "workflow_run": {"id": 0}}]}))
    (shell / "gh").write_text(GH)
    (shell / "gh").chmod(0o700)
    codes = []
    for number, (bucket, denied) in enumerate(((FINE, ""), (WORSE, ""), (WORSE, "ListBuckets")), 1):
        with StubAws(StubAccount(buckets=[bucket]), Behaviour(denied={denied})) as stub:
            codes.append(night(number, kept, tmp_path / str(number), shell, stub.url))

    assert [list(each.items())[-1] for each in codes] == [("Judge", 0), ("Judge", 1), ("Audit", 4)]
    first, second = (kept / "comments-on-7.md").read_text().split("compare with.\n")
    assert first == "There is no earlier report to "
    assert "1 worse" in second
    assert (tmp_path / "2" / ".github_step_summary").read_text() == second


def test_the_workflow_is_without_reproach() -> None:
    """Actions pinned by commit, no permission that is not used, no text from elsewhere in a script."""
    done = subprocess.run(
        [tool("zizmor"), "--offline", "--no-progress", WORKFLOW],
        check=False,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stdout + done.stderr


def test_the_workflow_installs_this_version() -> None:
    steps = yaml.safe_load(WORKFLOW.read_text())["jobs"]["audit"]["steps"]

    assert f"'s3audit-async=={s3audit_async.__version__}'" in next(
        step["run"] for step in steps if step.get("name") == "Install"
    )


# AWS Lambda


@dataclass
class Context:
    """What Lambda hands to a function, of which only one thing is asked."""

    seconds: float

    def get_remaining_time_in_millis(self) -> int:
        return int(self.seconds * 1000)


def test_the_function_completes_a_report_in_as_many_invocations_as_it_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Against moto, with hardly any time at first: each bucket has its row once."""
    monkeypatch.setenv("REPORTS", str(tmp_path))
    loaded = runpy.run_path(str(LAMBDA))
    handler, reserve = loaded["handler"], loaded["RESERVE_SECONDS"]
    returned: list[dict[str, Any]] = [{"date": "2026-11-29"}]
    names = [f"bucket-{number:03d}" for number in range(60)]
    with serving() as url:
        create_buckets(names)
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        for invocation in range(12):
            event = json.loads(json.dumps(returned[-1]))  # as a state machine hands it on
            returned.append(handler(event, Context(reserve + 0.05 * 2**invocation)))
            if not returned[-1]["again"]:
                break
    report = tmp_path / "date=2026-11-29" / "report.jsonl"
    rows = [json.loads(line) for line in report.read_text().splitlines()]

    assert [each["again"] for each in returned[1:]] == [True] * (len(returned) - 2) + [False]
    assert len(returned) > 2
    assert sorted(row["bucket_name"] for row in rows) == names
    assert returned[-1]["path"] == str(report)
    assert returned[-1]["rows"] == len(rows)
    assert returned[-1]["findings"] == Counter(finding for row in rows for finding in row["findings"])


def test_the_function_fails_where_asking_again_would_not_help(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With an error, for whoever watches it; and a date is a date, not a way out of the folder."""
    monkeypatch.setenv("REPORTS", str(tmp_path))
    handler = runpy.run_path(str(LAMBDA))["handler"]
    with StubAws(StubAccount(buckets=[FINE]), Behaviour(denied={"ListBuckets"})) as stub:
        monkeypatch.setenv("AWS_ENDPOINT_URL", stub.url)
        with pytest.raises(s3audit_async.ListingError):
            handler({}, Context(60.0))
        with pytest.raises(ValueError, match="isoformat"):
            handler({"date": "../2026-11-29"}, Context(60.0))


# DuckDB and Athena


def test_duckdb_reads_dates_and_accounts_from_the_names_of_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As dates and texts: one of the accounts begins with a zero."""
    off = replace(KMS, bucket="off", bucket_key=False, findings=("bucket-key-off",))
    for day, account, rows in (
        ("2026-11-28", "011122223333", [PLAIN, off]),
        ("2026-11-29", "011122223333", [PLAIN]),
        ("2026-11-29", "444455556666", [off, KMS, PLAIN]),
    ):
        part = part_of(tmp_path / "lake" / f"date={day}" / "report.parquet", account)  # as --split places it
        part.parent.mkdir(parents=True)
        export(lambda rows=rows: rows, [Target("parquet", part)])  # type: ignore[misc]
    monkeypatch.chdir(tmp_path)
    (query,) = [block for block in blocks("sql") if "read_parquet" in block]

    found = [(str(day), *rest) for day, *rest in duckdb.connect().execute(query).fetchall()]
    assert found == [
        ("2026-11-28", "011122223333", 2, 1),
        ("2026-11-29", "011122223333", 1, 0),
        ("2026-11-29", "444455556666", 3, 1),
    ]


def test_the_table_for_athena_has_the_files_columns_and_the_folders() -> None:
    (statement,) = [block for block in blocks("sql") if "CREATE EXTERNAL TABLE" in block]
    columns, _, rest = statement.partition("PARTITIONED")
    partitions = re.findall(r"`?(\w+)`? (\w+)", rest.partition("\n")[0].partition("(")[2])

    assert re.findall(r"^  (\w+) ([\w<>]+),?$", columns, re.MULTILINE) == [
        (field.name, ATHENA.get(str(field.type), str(field.type))) for field in schema()
    ]
    assert partitions == [("date", "date"), ("account_id", "string")]
    assert {name for name, _ in partitions} == set(re.findall(r"'projection\.(\w+)\.type'", rest))
    assert not {name for name, _ in partitions} & {field.name for field in schema()}
