"""Many accounts through the real command, on a stub that looks at signatures: calls, sockets, and rows in a storm."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from benchmarks.contenders.checking import check_organization
from benchmarks.stub import ACCOUNT_ID, Behaviour, StubAws, mixed, synthetic_organization
from tests.command import s3audit

if TYPE_CHECKING:
    from pathlib import Path

CONCURRENCY, REGIONS = 8, 3


def test_an_organization_costs_what_its_accounts_cost_and_no_sockets_for_each(tmp_path: Path) -> None:
    """One listing, one look at each bucket, one at each key from each account; sockets by service and region."""
    organization = synthetic_organization(40, 10, 3, REGIONS)
    report = tmp_path / "report.csv"
    with StubAws(organization=organization, behaviour=Behaviour(latency=0.002)) as stub:
        stub.roles.verify = True
        done = s3audit(
            "run", "--organization", "-o", report, "--endpoint-url", stub.url, "--max-concurrency", str(CONCURRENCY)
        )
        stats = stub.stats
        shared = {
            (key.arn, member.id): stub.asked("DescribeKey", key.arn, member.id)
            for member in organization.members
            for key in member.account.keys
            if key.account == ACCOUNT_ID
        }
    assert done.returncode == 0, done.stderr
    check_organization(report, organization)
    lookups = sum(len(member.account.lookups()) for member in organization.members)
    assert stats.calls == {
        "GetCallerIdentity": 1,
        "ListAccounts": 4,
        "AssumeRole": 39,
        "ListBuckets": 40,
        "GetBucketEncryption": 40 * 10,
        "DescribeKey": lookups,
    }
    assert set(stats.entered_by_region.values()) == {1}
    assert set(shared.values()) == {1}
    assert stats.peak_in_flight <= CONCURRENCY
    assert stats.connections <= CONCURRENCY * (2 * REGIONS + 2)
    assert stats.unknown == stats.writes == 0


def test_credentials_that_end_all_the_time_and_calls_that_fail_leave_every_row_right(tmp_path: Path) -> None:
    """Each set is good for a few requests only, and a tenth of all requests fails: each bucket has its row, once."""
    organization = synthetic_organization(14, 25, 4, REGIONS, denied=1, suspended=1)
    report = tmp_path / "report.csv"
    with StubAws(organization=organization, behaviour=Behaviour(faults=mixed(0.1, seed=7))) as stub:
        stub.roles.verify = True
        stub.roles.uses = 15
        done = s3audit("run", "--organization", "--wide", "-o", report, "--endpoint-url", stub.url)
        stats = stub.stats
        sessions = len(stub.roles.sessions)
    assert done.returncode == 3, done.stderr
    with report.open(newline="") as file:
        rows = {row["Bucket Name"]: row for row in csv.DictReader(file)}
    assert len(rows) == 12 * 25
    for member in organization.entered:
        for bucket in member.account.index:
            row = rows[bucket.name]
            said = row["Default Encryption Mode"], row["SSE-KMS Key Type"], row["Bucket Key"]
            assert (row["Account"], said) == (member.id, member.account.expected(bucket.name))
    assert "12 complete, 1 not entered, 1 skipped" in done.stderr
    assert sessions > 12
    assert not {"SignatureDoesNotMatch", "InvalidSignatureException", "InvalidToken"} & stats.errors.keys()
