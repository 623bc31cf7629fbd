"""The defects of the sequential sample script that this project replaces, one test each."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import pytest

from benchmarks.stub import Behaviour, ErrorAnswer, StubAccount, StubAws, StubBucket, StubKey, StubRule, first
from s3audit_async.cli import main

if TYPE_CHECKING:
    from pathlib import Path

KEY = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555"
FIELDS = ["Bucket Name", "Default Encryption Mode", "SSE-KMS Key Type", "Bucket Key"]


def kms(key: str | None = KEY, *, bucket_key: bool | None = None) -> tuple[StubRule, ...]:
    return (StubRule("aws:kms", key, bucket_key),)


def report(stub: StubAws, folder: Path, *options: str) -> list[list[str]]:
    """Run the command; the report's lines as a CSV reader sees them."""
    path = folder / "report.csv"
    main(["run", "--endpoint-url", stub.url, "-q", "-o", str(path), "--max-attempts", "2", *options])
    return list(csv.reader(io.StringIO(path.read_text(), newline=""), strict=True))


def test_a_bucket_whose_read_fails_has_a_row(tmp_path: Path) -> None:
    """The original suppressed every error, and the bucket with it."""
    codes = {"a-denied": "AccessDenied", "b-broken": "InternalError", "c-odd": "NotSignedUp", "d-gone": "NoSuchBucket"}
    account = StubAccount(buckets=[StubBucket(name) for name in (*codes, "e-good")])

    def fault(request: object) -> ErrorAnswer | None:
        code = codes.get(getattr(request, "target", ""))
        return ErrorAnswer(403, code) if code else None

    with StubAws(account, Behaviour(faults=fault)) as stub:
        lines = report(stub, tmp_path)
    assert sorted(lines[1:]) == [
        *([name, code, "Unknown", ""] for name, code in codes.items()),
        ["e-good", "AES256", "N/A", "False"],
    ]


@pytest.mark.parametrize("reference", ["alias/mine", "11111111-2222-3333-4444-555555555555"])
def test_a_key_given_as_alias_or_bare_id_does_not_drop_its_bucket(reference: str, tmp_path: Path) -> None:
    """The original took the region out of the key's ARN, whether it was one or not."""
    account = StubAccount(
        buckets=[StubBucket("b", rules=kms(reference))],
        keys=[StubKey(KEY)],
        aliases={("us-east-1", "alias/mine"): KEY},
    )
    with StubAws(account) as stub:
        assert report(stub, tmp_path)[1:] == [["b", reference, "CUSTOMER", ""]]


@pytest.mark.parametrize(
    ("region", "partition"),
    [("il-central-1", "aws"), ("mx-central-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-east-1", "aws-us-gov")],
)
def test_a_key_in_a_region_nobody_listed_does_not_drop_its_bucket(region: str, partition: str, tmp_path: Path) -> None:
    """The original knew a fixed list of regions, of one partition."""
    key = f"arn:{partition}:kms:{region}:123456789012:key/1"
    account = StubAccount(buckets=[StubBucket("b", region, rules=kms(key))], keys=[StubKey(key)], partition=partition)
    with StubAws(account) as stub:
        assert report(stub, tmp_path, "--region", region)[1:] == [["b", key, "CUSTOMER", ""]]


@pytest.mark.parametrize(("configured", "cell"), [(True, "True"), (False, "False"), (None, "")])
def test_bucket_key_is_read_from_the_rule(configured: bool | None, cell: str, tmp_path: Path) -> None:
    """The original looked one level too deep, and always found False."""
    account = StubAccount(buckets=[StubBucket("b", rules=kms(bucket_key=configured))], keys=[StubKey(KEY)])
    with StubAws(account) as stub:
        assert report(stub, tmp_path)[1:] == [["b", KEY, "CUSTOMER", cell]]


def test_a_bucket_without_configuration_has_a_row(tmp_path: Path) -> None:
    """The original lost it among its suppressed errors."""
    with StubAws(StubAccount(buckets=[StubBucket("b", rules=None)])) as stub:
        assert report(stub, tmp_path)[1:] == [["b", "SSEConfigNotFound", "N/A", ""]]


def test_kms_without_a_key_is_the_aws_managed_key(tmp_path: Path) -> None:
    """The original showed `aws:kms, N/A`."""
    with StubAws(StubAccount(buckets=[StubBucket("b", rules=kms(None, bucket_key=True))])) as stub:
        assert report(stub, tmp_path)[1:] == [["b", "alias/aws/s3", "AWS", "True"]]


def test_an_unexpected_kms_error_is_one_row_and_not_the_end(tmp_path: Path) -> None:
    """The original caught two of KMS's errors and died of any other."""
    account = StubAccount(
        buckets=[StubBucket("a", rules=kms()), StubBucket("b"), StubBucket("c", rules=kms())], keys=[StubKey(KEY)]
    )
    fault = first(99, ErrorAnswer(400, "KMSInvalidStateException"), operation="DescribeKey")
    with StubAws(account, Behaviour(faults=fault)) as stub:
        lines = report(stub, tmp_path)
    assert sorted(lines[1:]) == [
        ["a", KEY, "KMSInvalidStateException", ""],
        ["b", "AES256", "N/A", "False"],
        ["c", KEY, "KMSInvalidStateException", ""],
    ]


def test_every_line_has_as_many_cells_as_the_header_and_is_quoted_where_needed(tmp_path: Path) -> None:
    """The original wrote three fields under four headers, and quoted none."""
    awkward = 'a,b"c\nd'
    account = StubAccount(
        buckets=[StubBucket("a"), StubBucket("b", rules=None), StubBucket("c", rules=kms(awkward))], keys=[StubKey(KEY)]
    )
    with StubAws(account) as stub:
        header, *lines = report(stub, tmp_path)
    assert header == FIELDS
    assert [len(line) for line in lines] == [4, 4, 4]
    assert ["c", awkward, "KeyNotFound", ""] in lines


def test_a_key_is_described_once_however_many_buckets_use_it(tmp_path: Path) -> None:
    """The original asked once for each bucket."""
    account = StubAccount(
        buckets=[StubBucket(f"b-{number:03d}", rules=kms()) for number in range(120)], keys=[StubKey(KEY)]
    )
    with StubAws(account) as stub:
        assert len(report(stub, tmp_path)) == 121
        assert stub.stats.calls["DescribeKey"] == 1


def test_connections_do_not_grow_with_the_buckets(tmp_path: Path) -> None:
    """The original built two clients for each bucket, with a connection each."""
    account = StubAccount(
        buckets=[StubBucket(f"b-{number:03d}", rules=kms()) for number in range(120)], keys=[StubKey(KEY)]
    )
    with StubAws(account) as stub:
        report(stub, tmp_path, "--max-concurrency", "4")
        assert stub.stats.connections <= 8  # at most four at once, to each of S3 and KMS
