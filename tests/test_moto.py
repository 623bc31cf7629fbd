"""End to end against moto's own server, as it is: no paging, no regions in the listing, 404 where AWS says AES256."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import pytest
from moto.backends import get_backend
from moto.core.models import DEFAULT_ACCOUNT_ID

from s3audit_async.cli import main
from tests.command import s3audit
from tests.moto_server import serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

REGIONS = (
    "us-east-1",
    "us-west-2",
    "eu-west-1",
    "eu-central-1",
    "ap-southeast-2",
    "ap-northeast-1",
    "sa-east-1",
    "ca-central-1",
)
BUCKETS = 1500


@pytest.fixture
def moto() -> Iterator[str]:
    """The URL of a moto server."""
    with serving() as url:
        yield url


def seed() -> dict[str, tuple[str, str, str]]:
    """Fill moto's account; what the report must say of each bucket."""
    s3 = get_backend("s3")[DEFAULT_ACCOUNT_ID]["aws"]
    keys = {}
    for region in REGIONS:
        kms = get_backend("kms")[DEFAULT_ACCOUNT_ID][region]
        keys[region] = kms.create_key(None, "ENCRYPT_DECRYPT", "ECC_NIST_P256", "", None).arn
    expected = {}
    for number in range(BUCKETS):
        region = REGIONS[number % len(REGIONS)]
        name = f"moto-{number:04d}"
        s3.create_bucket(name, region)
        default: dict[str, str] = {"SSEAlgorithm": "AES256"}
        rule: dict[str, object] = {"ApplyServerSideEncryptionByDefault": default, "BucketKeyEnabled": "true"}
        match number // len(REGIONS) % 4:
            case 0:
                expected[name] = ("SSEConfigNotFound", "N/A", "")
                continue
            case 1:
                expected[name] = ("AES256", "N/A", "True")
            case 2:
                default.update(SSEAlgorithm="aws:kms", KMSMasterKeyID=keys[region])
                expected[name] = (keys[region], "CUSTOMER", "True")
            case _:
                default.update(SSEAlgorithm="aws:kms")
                rule["BucketKeyEnabled"] = "false"
                expected[name] = ("alias/aws/s3", "AWS", "False")
        s3.put_bucket_encryption(name, {"Rule": rule})
    return expected


def test_fifteen_hundred_buckets_in_eight_regions_give_as_many_right_rows(moto: str, tmp_path: Path) -> None:
    """The listing is cut at 1,000 without a token; nothing is lost."""
    expected = seed()

    done = s3audit("run", "--endpoint-url", moto, "-o", tmp_path / "r.csv", "--max-concurrency", "16")

    assert done.returncode == 0, done.stderr
    with (tmp_path / "r.csv").open(newline="") as file:
        _, *lines = csv.reader(file)
    assert len(lines) == BUCKETS
    assert {line[0]: tuple(line[1:]) for line in lines} == expected


def test_vector_and_table_buckets_of_two_regions(moto: str, tmp_path: Path) -> None:
    """In each region moto lists the vector buckets of all; how table buckets are encrypted, it does not tell."""
    keyed = get_backend("kms")[DEFAULT_ACCOUNT_ID]["us-east-2"].create_key(None, "ENCRYPT_DECRYPT", "", "", None).arn
    vectors, tables = get_backend("s3vectors")[DEFAULT_ACCOUNT_ID], get_backend("s3tables")[DEFAULT_ACCOUNT_ID]
    vectors["aws"].create_vector_bucket("us-east-1", "plain", {})
    vectors["aws"].create_vector_bucket("us-east-2", "keyed", {"sseType": "aws:kms", "kmsKeyArn": keyed})
    tables["us-east-2"].create_table_bucket("tables")

    report = tmp_path / "r.csv"
    code = main(
        [
            *("run", "--endpoint-url", moto, "-o", str(report), "--wide", "-q", "--kinds", "all"),
            *("--max-attempts", "1", "--include-region", "us-east-1", "--include-region", "us-east-2"),
        ]
    )

    with report.open(newline="") as file:
        lines = sorted(list(csv.reader(file))[1:])
    assert [(line[0], line[1], line[2], line[5], line[-1]) for line in lines if line[-1] == "vector"] == [
        ("keyed", keyed, "CUSTOMER", "us-east-2", "vector"),
        ("plain", "AES256", "N/A", "us-east-1", "vector"),
    ]
    assert [(line[0], line[2], line[5]) for line in lines if line[-1] == "table"] == [
        ("tables", "Unknown", "us-east-2")
    ]
    assert code == 3
