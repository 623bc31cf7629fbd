"""A whole organization through the real command: 25 accounts of 200 buckets on moto, one denied and one suspended."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
from typing import TYPE_CHECKING, NamedTuple

import distributed
import pytest

from benchmarks.contenders.course import environment
from tests.command import COMMAND
from tests.command import environment as with_the_package
from tests.moto_organization import ACCOUNTS, BUCKETS, MotoOrganization
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_PATIENCE = 240.0
READ = "GetBucketEncryption"
CHANGES = "Audited At"
"""The column that differs between two runs."""


class Ended(NamedTuple):
    """What a run left: its exit code, what it said on stderr, its rows sorted, and its side file."""

    code: int
    said: str
    rows: list[dict[str, str]]
    records: list[dict[str, object]]


@pytest.fixture(scope="module")
def moto() -> Iterator[MotoOrganization]:
    with MotoOrganization() as served:
        yield served


@pytest.fixture(scope="module")
def alone(moto: MotoOrganization, tmp_path_factory: pytest.TempPathFactory) -> Ended:
    """What one process makes of the organization."""
    report = tmp_path_factory.mktemp("alone") / "report.csv"
    return ended(begin(moto, report), report)


def begin(moto: MotoOrganization, report: Path, *options: str) -> subprocess.Popen[str]:
    """Start the command."""
    arguments = ["run", "--organization", "--role-name", "s3audit", "--wide", "-o", str(report), *options]
    paths = {"PYTHONPATH": with_the_package()["PYTHONPATH"], "HOME": str(report.parent)}
    return subprocess.Popen(
        [*COMMAND, *arguments],
        env={**environment(), **paths, "AWS_ENDPOINT_URL": moto.url},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process: subprocess.Popen[str], report: Path) -> Ended:
    """Wait for the command, and read what it left."""
    _, said = process.communicate(timeout=_PATIENCE)
    assert report.exists(), said
    with report.open(newline="") as file:
        rows = sorted(csv.DictReader(file), key=lambda row: row["Bucket Name"])
    side_file = report.with_name(f"{report.name}.accounts.jsonl")
    records = [json.loads(line) for line in side_file.read_text().splitlines()]
    return Ended(process.returncode, said, rows, records)


def lasting(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """The rows without what differs between two runs."""
    return [{name: value for name, value in row.items() if name != CHANGES} for row in rows]


def outcomes(ended: Ended) -> dict[object, tuple[object, ...]]:
    """What became of each account, as the side file has it."""
    return {each["account"]: (each["status"], each["rows"], each["code"]) for each in ended.records}


def reads(moto: MotoOrganization) -> int:
    """How often a bucket's encryption was asked for so far."""
    calls = moto.stats()["calls"]
    assert isinstance(calls, dict)
    return int(calls.get(READ, 0))


def test_one_report_has_every_row_of_every_account_that_can_be_entered(moto: MotoOrganization, alone: Ended) -> None:
    """None twice, none of another account's, each as it should be."""
    expected = {
        (member.id, bucket.name): (bucket.region, *moto.organization.expected(member.id, bucket.name))
        for member in moto.organization.entered
        for bucket in member.account.index
    }
    assert len(expected) == (ACCOUNTS - 2) * BUCKETS == len(alone.rows)
    assert expected == {
        (row["Account"], row["Bucket Name"]): (
            row["Region"],
            row["Default Encryption Mode"],
            row["SSE-KMS Key Type"],
            row["Bucket Key"],
        )
        for row in alone.rows
    }


def test_an_account_s_own_key_is_not_taken_for_another_s_of_the_same_name(moto: MotoOrganization, alone: Ended) -> None:
    """The same alias stands for a key of its own in each account; a shared key belongs to one, whoever uses it."""
    by_alias = {
        (row["Account"], row["Key Account"])
        for row in alone.rows
        if row["Default Encryption Mode"] == "alias/synthetic-4" and row["Key Account"]
    }
    assert len(by_alias) > ACCOUNTS // 2
    assert all(account == owner for account, owner in by_alias)
    owner = moto.organization.management.id
    shared = {row["Account"] for row in alone.rows if row["Key Account"] == owner and row["SSE-KMS Key Type"] != "N/A"}
    assert len(shared) > ACCOUNTS // 2


def test_who_is_denied_or_suspended_is_named_and_ends_nothing(moto: MotoOrganization, alone: Ended) -> None:
    """In the summary, in the side file, and by the exit code."""
    denied, suspended = moto.organization.members[-2:]
    assert alone.code == 3
    assert f"Accounts     {ACCOUNTS - 2} complete, 1 not entered, 1 skipped" in alone.said
    assert f"Not entered  {denied.id} ({denied.name}): AccessDenied" in alone.said
    assert f"Skipped      {suspended.id} ({suspended.name}): SUSPENDED" in alone.said
    by_account = {record["account"]: record for record in alone.records}
    assert len(by_account) == len(alone.records) == ACCOUNTS
    for member in moto.organization.entered:
        assert (by_account[member.id]["status"], by_account[member.id]["rows"]) == ("complete", BUCKETS)
    assert (by_account[denied.id]["status"], by_account[denied.id]["code"]) == ("not-entered", "AccessDenied")
    assert (by_account[suspended.id]["status"], by_account[suspended.id]["code"]) == ("skipped", "SUSPENDED")


def test_two_processes_make_the_same_report(moto: MotoOrganization, alone: Ended, tmp_path: Path) -> None:
    """After sorting, and but for the times; and the same side file."""
    report = tmp_path / "report.csv"
    shared = ended(begin(moto, report, "--processes", "2"), report)
    assert lasting(shared.rows) == lasting(alone.rows)
    assert outcomes(shared) == outcomes(alone)
    assert shared.code == 3


def test_a_cluster_that_loses_a_worker_makes_the_same_report(
    moto: MotoOrganization, alone: Ended, tmp_path: Path
) -> None:
    """Dask has the lost accounts audited again: nothing is missing then, and nothing is there twice."""
    report = tmp_path / "report.csv"
    before = reads(moto)
    credentials = {name: value for name, value in environment().items() if name.startswith("AWS_")}
    with distributed.LocalCluster(  # type: ignore[no-untyped-call]
        processes=True,
        n_workers=2,
        threads_per_worker=1,
        dashboard_address="127.0.0.1:0",
        host="127.0.0.1",
        env={**credentials, "AWS_ENDPOINT_URL": moto.url},
    ) as cluster:
        process = begin(moto, report, "--dask", cluster.scheduler_address)
        # Four accounts are a job here: by then both workers have begun one, and neither is near the end of all.
        wait_until(lambda: reads(moto) > before + 5 * BUCKETS or process.poll() is not None, what="workers at work")
        os.kill(cluster.workers[0].pid, signal.SIGKILL)
        shared = ended(process, report)
    assert lasting(shared.rows) == lasting(alone.rows)
    assert outcomes(shared) == outcomes(alone)
    assert shared.code == 3
    assert reads(moto) - before > len(alone.rows)  # or the worker was lost without any work
