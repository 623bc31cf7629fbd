"""`s3audit run` over the accounts of an organization: what is left beside the report, and what a resumed run asks."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from benchmarks.stub import (
    ACCOUNT_ID,
    Behaviour,
    ErrorAnswer,
    StubAccount,
    StubAws,
    StubBucket,
    StubMember,
    StubOrganization,
)
from s3audit_async.analysis.finished import open_report
from s3audit_async.cli import main
from tests.command import s3audit

if TYPE_CHECKING:
    from pathlib import Path

SHUT, LATER, GONE, EMPTY = "000000001001", "000000001002", "700000001003", "000000001004"


def organization(*, shut: bool) -> StubOrganization:
    """The caller's own account; one that lets nobody in or does, one for an external id, suspended, without buckets."""
    return StubOrganization(
        (
            StubMember(StubAccount(ACCOUNT_ID, [StubBucket("home-logs"), StubBucket("home-data")]), "home"),
            StubMember(StubAccount(SHUT, [StubBucket("shut-logs")]), "shut", denied=shut),
            StubMember(StubAccount(LATER, [StubBucket("later-logs")]), "later", external_id="orange"),
            StubMember(StubAccount(GONE), "gone", "SUSPENDED"),
            StubMember(StubAccount(EMPTY), "empty"),
        )
    )


def told(side: Path) -> dict[str, tuple[str, int, str | None]]:
    lines = map(json.loads, side.read_text().splitlines())
    return {line["account"]: (line["status"], line["rows"], line["code"]) for line in lines}


def buckets(path: Path) -> list[str]:
    return sorted(row.bucket for row in open_report(path).rows())


def test_a_denied_account_is_entered_when_it_may_be_and_the_others_are_left_alone(tmp_path: Path) -> None:
    report, side = tmp_path / "r.csv", tmp_path / "r.csv.accounts.jsonl"
    roles = ("--role-name", "s3audit", "--external-id", "orange", "--role-session-name", "nightly")
    with StubAws(organization=organization(shut=True)) as stub:
        first = s3audit("run", "--organization", *roles, "--wide", "--endpoint-url", stub.url, "-o", report)
    assert first.returncode == 3, first.stderr
    assert told(side) == {
        ACCOUNT_ID: ("complete", 2, None),
        SHUT: ("not-entered", 0, "AccessDenied"),
        LATER: ("complete", 1, None),
        GONE: ("skipped", 0, "SUSPENDED"),
        EMPTY: ("complete", 0, None),
    }
    assert buckets(report) == ["home-data", "home-logs", "later-logs"]
    lines = [" ".join(line.split()) for line in first.stderr.splitlines()]
    assert "Accounts 3 complete, 1 not entered, 1 skipped" in lines
    assert any(line.startswith(f"Not entered {SHUT} (shut): AccessDenied: ") for line in lines)
    assert f"What became of each account: {side}" in lines
    (again,) = (line.partition("again with: s3audit ")[2] for line in lines if "again with: " in line)

    with StubAws(organization=organization(shut=False)) as stub:
        command = shlex.split(again)
        command[command.index("--endpoint-url") + 1] = stub.url
        second = s3audit(*command, "--stats", tmp_path / "stats.json")
        calls = stub.stats.calls
    assert second.returncode == 0, second.stderr
    assert calls["AssumeRole"] == calls["ListBuckets"] == calls["GetBucketEncryption"] == 1
    assert told(side)[SHUT] == ("complete", 1, None)
    assert buckets(report) == ["home-data", "home-logs", "later-logs", "shut-logs"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["r.csv", "r.csv.accounts.jsonl", "stats.json"]
    figures = json.loads((tmp_path / "stats.json").read_text())["accounts"]
    assert figures == {"chosen": 1, "complete": 1, "incomplete": 0, "not_entered": 0, "skipped": 1}


def test_each_account_has_its_file_where_the_report_is_split(tmp_path: Path) -> None:
    failing = Behaviour(
        faults=lambda request: ErrorAnswer(500, "InternalError", "no") if request.target == "home-data" else None
    )
    given = ("--organization", "--role-name", "s3audit", "--external-id", "orange", "--split")
    with StubAws(organization=organization(shut=True), behaviour=failing) as stub:
        first = s3audit(
            *("run", *given, "--format", "csv,jsonl", "-v", "--max-attempts", "1"),
            *("--endpoint-url", stub.url, "-o", f"{tmp_path}/"),
        )
    assert first.returncode == 3, first.stderr
    files = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file())
    stem = files[-1].partition(".")[0]
    folders = [f"account_id={each}" for each in (EMPTY, LATER, ACCOUNT_ID)]
    parts = [f"{folder}/{stem}.{form}" for folder in sorted(folders) for form in ("csv", "jsonl")]
    assert files == [*parts, *(f"{stem}.{left}" for left in ("accounts.jsonl", "jsonl.partial", "jsonl.resume"))]
    assert buckets(tmp_path / f"account_id={ACCOUNT_ID}" / f"{stem}.csv") == ["home-data", "home-logs"]
    assert buckets(tmp_path / f"account_id={EMPTY}" / f"{stem}.csv") == []
    assert "accounts: 4 to audit" in first.stderr
    assert f"account: {SHUT} (shut): not entered, 0 rows: AccessDenied" in first.stderr
    assert f"account: {ACCOUNT_ID} (home): complete, 2 rows" in first.stderr

    with StubAws(organization=organization(shut=False)) as stub:
        spool = tmp_path / f"{stem}.jsonl.partial"
        second = s3audit("run", "--resume", spool, "--external-id", "orange", "--endpoint-url", stub.url)
        calls = stub.stats.calls
    assert second.returncode == 0, second.stderr
    assert "2 accounts finished, 1 with errors asked again" in second.stderr
    assert (calls["AssumeRole"], calls["GetBucketEncryption"]) == (1, 2)
    files = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file())
    more = [f"account_id={SHUT}/{stem}.{form}" for form in ("csv", "jsonl")]
    assert files == [*sorted([*parts, *more]), f"{stem}.accounts.jsonl"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--external-id", "orange"), "--external-id goes with --accounts or --organization"),
        (("--role-session-name", "me"), "--role-session-name goes with --accounts or --organization"),
        (("--role-duration", "900"), "--role-duration goes with --accounts or --organization"),
        (("--profiles", "a,b", "--role-duration", "900"), "--role-duration goes with --accounts or --organization"),
        (("--profiles", "a,b", "--profile", "c"), "--profile and --profiles exclude each other"),
        (("--accounts", ""), "'--accounts': it is empty"),
        (("--profiles", ""), "'--profiles': it is empty"),
        (("--profiles", " , "), "'--profiles': it is empty"),
        (("--organization", "--role-name", ""), "'--role-name': it is empty"),
        (("--organization", "--partition", ""), "'--partition': it is empty"),
        (("--dask", ""), "'--dask': it is empty"),
        (("--organization", "--bucket", "abc"), "--bucket and --buckets-from name buckets of one account"),
        (("--accounts", "-", "--buckets-from", "-"), "--bucket and --buckets-from name buckets of one account"),
    ],
)
def test_options_that_say_nothing_or_do_not_go_together_are_refused(
    arguments: tuple[str, ...], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What came of them was an audit of the caller's own account, or rows of buckets that no account has."""
    assert main(["run", *arguments, "-o", str(tmp_path / "r.csv")]) == 2
    printed = capsys.readouterr().err
    assert said in printed
    assert printed.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_what_stands_elsewhere_of_roles_is_passed_over_where_no_role_is_assumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be there for other runs, or for `iam-policy`; nor does a report remember it."""
    for name, value in (("ROLE_NAME", "audit"), ("PARTITION", "aws"), ("EXTERNAL_ID", "orange")):
        monkeypatch.setenv(f"S3AUDIT_{name}", value)
    monkeypatch.setenv("S3AUDIT_ROLE_DURATION", "900")
    bad = Behaviour(faults=lambda request: ErrorAnswer(400, "Odd") if request.target == "one" else None)
    with StubAws(StubAccount(ACCOUNT_ID, [StubBucket("one")]), bad) as stub:
        first = s3audit("run", "-o", tmp_path / "r.csv", "--endpoint-url", stub.url)
        assert json.loads((tmp_path / "r.csv.resume").read_text())["fleet"]["role_name"] == ""
        second = s3audit("run", "--resume", tmp_path / "r.csv", "--endpoint-url", stub.url)
    assert (first.returncode, second.returncode) == (3, 3), first.stderr + second.stderr


@pytest.mark.parametrize("piped", [True, False])
def test_a_run_goes_on_with_the_accounts_of_a_pipe_or_a_file_from_anywhere(tmp_path: Path, piped: bool) -> None:
    (tmp_path / "ids").write_text(f"{ACCOUNT_ID}\n{SHUT}\n")
    (tmp_path / "elsewhere").mkdir()
    with StubAws(organization=organization(shut=True)) as stub:
        named = ("--accounts", "-" if piped else "ids", "--endpoint-url", stub.url)
        first = s3audit("run", *named, "-o", "r.csv", cwd=tmp_path, stdin=(tmp_path / "ids").read_text())
    assert first.returncode == 3, first.stderr
    with StubAws(organization=organization(shut=False)) as stub:
        again = ("run", "--resume", tmp_path / "r.csv", "--endpoint-url", stub.url)
        second = s3audit(*again, cwd=tmp_path / "elsewhere")

    assert second.returncode == 0, second.stderr
    assert buckets(tmp_path / "r.csv") == ["home-data", "home-logs", "shut-logs"]


@pytest.mark.parametrize("processes", ["1", "2"])
def test_an_account_that_is_gone_before_it_is_audited_to_its_end_is_told_of(tmp_path: Path, processes: str) -> None:
    """Its rows stay; without a word, they would look like all that it has."""
    whole = organization(shut=False)
    failing = Behaviour(
        faults=lambda request: ErrorAnswer(400, "Odd", "no") if request.target in {"shut-logs", "home-data"} else None
    )
    with StubAws(organization=whole, behaviour=failing) as stub:
        first = s3audit(
            "run", "--organization", "--wide", "-o", tmp_path / "r.csv", "--external-id", "orange",
            "--endpoint-url", stub.url,
        )  # fmt: skip
    assert first.returncode == 3, first.stderr
    left = StubOrganization(tuple(member for member in whole.members if member.account.id != SHUT))
    with StubAws(organization=left) as stub:
        second = s3audit(
            "run", "--resume", tmp_path / "r.csv", "--external-id", "orange", "--processes", processes,
            "--endpoint-url", stub.url,
        )  # fmt: skip

    assert second.returncode == 0, second.stderr
    assert f"Skipped     {SHUT}: it is not among the accounts any more" in second.stderr
    assert told(tmp_path / "r.csv.accounts.jsonl")[SHUT] == ("skipped", 0, None)


def test_a_report_without_a_row_is_gone_on_with_as_it_was_begun(tmp_path: Path) -> None:
    """Whose accounts it is of is known still, although none that could be entered has a bucket."""
    report = tmp_path / "r.csv"
    arguments = ("run", "--organization", "--wide", "-q", "-o", report, "--endpoint-url")
    shut = StubMember(StubAccount(SHUT, [StubBucket("shut-logs")]), denied=True)
    members = (StubMember(StubAccount(ACCOUNT_ID)), shut)
    with StubAws(organization=StubOrganization(members)) as stub:
        assert s3audit(*arguments, stub.url).returncode == 3
    assert buckets(report) == []

    with StubAws(organization=StubOrganization((members[0], replace(shut, denied=False)))) as stub:
        second = s3audit("run", "-q", "--resume", report, "--endpoint-url", stub.url)
    assert (second.returncode, second.stderr) == (0, "")
    assert buckets(report) == ["shut-logs"]


def test_nobody_goes_on_with_an_organization_that_somebody_else_has_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another account's credentials may be of another organization: one report would be of both."""
    report = tmp_path / "r.csv"
    with StubAws(organization=organization(shut=True)) as stub:
        monkeypatch.setenv("AWS_ENDPOINT_URL", stub.url)
        assert s3audit("run", "--organization", "--wide", "-q", "-o", report).returncode == 3
        before = report.read_bytes()
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", f"AKIA{EMPTY}")
        again = s3audit("run", "--resume", report, "-q")
    assert again.returncode == 2
    assert f"was begun with credentials of account {ACCOUNT_ID}, the credentials belong to {EMPTY}" in again.stderr
    assert report.read_bytes() == before
