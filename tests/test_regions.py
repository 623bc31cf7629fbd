"""Regions that are set apart in a summary, and those that only seem to be."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from benchmarks.stub import Behaviour, ErrorAnswer, Hang, StubAccount, StubAws, StubBucket
from s3audit_async.analysis.regions import Apart, RegionApart
from s3audit_async.analysis.summary import Summary
from s3audit_async.classify import row, unread_row
from s3audit_async.model import Bucket, Encryption, Failure, Operation, Row
from tests.command import s3audit

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.stub import Fault, Request

NOW = datetime(2026, 11, 24, tzinfo=UTC)
SILENT = ("EndpointUnreachable", "ReadTimeout", "TLSError", "ConnectionClosed")
REFUSING = ("InvalidToken", "InvalidAccessKeyId", "UnrecognizedClientException", "OptInRequired", "AuthFailure")


def rows(region: str | None, *codes: str) -> list[Row]:
    """A row for each code; `ok` is a bucket whose encryption was read."""
    made = []
    for number, code in enumerate(codes):
        bucket = Bucket(f"{region}-{number}", region)
        if code == "ok":
            made.append(row(bucket, Encryption("AES256"), None, account=None, audited_at=NOW))
        else:
            why = Failure(Operation.GET_BUCKET_ENCRYPTION, code)
            made.append(unread_row(bucket, why, account=None, audited_at=NOW))
    return made


def apart(*regions: list[Row]) -> list[RegionApart]:
    summary = Summary()
    for region in regions:
        for each in region:
            summary.add(each)
    return summary.apart


@pytest.mark.parametrize("code", SILENT)
def test_a_region_of_which_nothing_came_has_not_answered(code: str) -> None:
    assert apart(rows("eu-west-1", "ok"), rows("sa-east-1", code, code)) == [
        RegionApart("sa-east-1", Apart.NO_ANSWER, 2, (code,))
    ]


@pytest.mark.parametrize("code", REFUSING)
def test_a_region_that_takes_the_credentials_for_nothing_is_not_enabled(code: str) -> None:
    assert apart(rows("eu-west-1", "ok"), rows("me-south-1", code, code)) == [
        RegionApart("me-south-1", Apart.NOT_ENABLED, 2, (code,))
    ]


def test_a_region_that_denies_everything_is_told_from_those_that_do_not() -> None:
    found = apart(rows("eu-west-1", "ok", "AccessDenied"), rows("ap-south-1", "AccessDenied", "AccessDenied"))

    assert found == [RegionApart("ap-south-1", Apart.DENIED, 2, ())]


@pytest.mark.parametrize(
    "regions",
    [
        pytest.param([rows("a-1", "ok", "ReadTimeout"), rows("b-1", "ok")], id="it answered for one"),
        pytest.param([rows("a-1", "ok", "InvalidToken"), rows("b-1", "ok")], id="it took them for one"),
        pytest.param([rows("a-1", "InvalidToken"), rows("b-1", "InvalidToken")], id="no other takes them"),
        pytest.param([rows("a-1", "InvalidToken")], id="there is no other"),
        pytest.param([rows("a-1", "AccessDenied"), rows("b-1", "ok")], id="one bucket has a policy of its own"),
        pytest.param([rows("a-1", *["AccessDenied"] * 3), rows("b-1", *["AccessDenied"] * 3)], id="all deny"),
        pytest.param([rows("a-1", "InternalError", "SlowDown"), rows("b-1", "ok")], id="other errors"),
        pytest.param(
            [rows("a-1", *["AccessDenied"] * 3), rows("b-1", "ok"), rows(None, "ok")],
            id="a bucket of which nobody knows where it is may have been answered for",
        ),
        pytest.param([rows(None, "ReadTimeout", "ReadTimeout"), rows("b-1", "ok")], id="no region"),
        pytest.param([], id="nothing"),
    ],
)
def test_a_region_is_not_set_apart_without_need(regions: list[list[Row]]) -> None:
    assert apart(*regions) == []


def test_the_most_frequent_code_and_the_largest_region_come_first() -> None:
    found = apart(
        rows("eu-west-1", "ok"),
        rows("sa-east-1", "ReadTimeout", "EndpointUnreachable", "EndpointUnreachable"),
        rows("me-south-1", *["InvalidToken"] * 5),
        rows("af-south-1", "TLSError"),
    )

    assert [(region.region, region.codes) for region in found] == [
        ("me-south-1", ("InvalidToken",)),
        ("sa-east-1", ("EndpointUnreachable", "ReadTimeout")),
        ("af-south-1", ("TLSError",)),
    ]


def test_the_closing_summary_tells_them_apart(tmp_path: Path) -> None:
    """Through the real command: a region that hangs, one that refuses the token, one that denies everything."""

    def faults(request: Request) -> Fault | None:
        if request.operation != "GetBucketEncryption":
            return None
        if request.region == "me-south-1":
            return ErrorAnswer(400, "InvalidToken", "The provided token is malformed or otherwise invalid.")
        return Hang() if request.region == "sa-east-1" else None

    names = ("us-east-1", "us-east-1", "sa-east-1", "me-south-1", "me-south-1", "ap-south-1", "ap-south-1")
    account = StubAccount(buckets=[StubBucket(f"{region}-{number}", region) for number, region in enumerate(names)])
    behaviour = Behaviour(faults=faults, denied={("GetBucketEncryption", "ap-south-1")})
    with StubAws(account, behaviour) as stub:
        arguments = ("--endpoint-url", stub.url, "-o", tmp_path / "r.csv", "--timeout", "3", "--max-attempts", "1")
        done = s3audit("run", *arguments)
    assert done.returncode == 3, done.stderr
    said = " ".join(done.stderr.split())
    assert "No answer sa-east-1 (1 bucket): ReadTimeout" in said
    assert "Not enabled me-south-1 (2 buckets): InvalidToken (not enabled for the account, or does not" in said
    assert "Denied all ap-south-1 (2 buckets) (a policy may forbid the region, as a region-deny control does)" in said
    assert "us-east-1 (" not in said
