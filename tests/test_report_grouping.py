from __future__ import annotations

from datetime import UTC, datetime

import pytest

from s3audit_async.analysis.grouping import CRITERIA, Group, Groups, columns_of
from s3audit_async.classify import row, unread_row
from s3audit_async.cli.commands import report as declared
from s3audit_async.model import Bucket, Encryption, Failure, Key, Operation, Row, SseC

NOW = datetime(2026, 11, 23, tzinfo=UTC)
ARN = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd"
OURS = Key("CUSTOMER", arn=ARN, state="Enabled", account="111122223333", spec="SYMMETRIC_DEFAULT")


def read(name: str, found: Encryption, key: Key | Failure | None = None, region: str = "eu-west-1") -> Row:
    return row(Bucket(name, region), found, key, account="111122223333", audited_at=NOW)


ROWS = [
    read("clean", Encryption("aws:kms", ARN, bucket_key=True, sse_c=SseC.BLOCKED), OURS),
    read("off", Encryption("aws:kms", ARN, bucket_key=False, sse_c=SseC.BLOCKED), OURS),
    read("default", Encryption("aws:kms", bucket_key=True, sse_c=SseC.BLOCKED), Key("AWS")),
    read("plain", Encryption("AES256"), region="us-east-1"),
    read("bare", Encryption(None), region="us-east-1"),
    unread_row(
        Bucket("denied"), Failure(Operation.GET_BUCKET_ENCRYPTION, "AccessDenied"), account=None, audited_at=NOW
    ),
]


def grouped(by: str, rows: list[Row] = ROWS) -> Groups:
    groups = Groups(by)
    for each in rows:
        groups.add(each)
    return groups


def counts(groups: Groups) -> dict[str, int]:
    return {name: group.rows for name, group in groups.ordered()}


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("region", {"eu-west-1": 3, "us-east-1": 2, "unknown": 1}),
        ("account", {"111122223333": 5, "unknown": 1}),
        ("key", {ARN: 2, "no KMS key": 2, "alias/aws/s3": 1, "not readable": 1}),
        ("mode", {"SSE-KMS": 3, "AccessDenied": 1, "SSE-S3": 1, "SSEConfigNotFound": 1}),
    ],
)
def test_every_row_is_in_one_group(by: str, expected: dict[str, int]) -> None:
    groups = grouped(by)

    assert counts(groups) == expected
    assert list(counts(groups)) == list(expected), "the largest first"
    assert groups.rows == len(ROWS)


def test_a_row_is_in_the_group_of_each_of_its_findings_and_counted_where_nobody_can_tell() -> None:
    groups = grouped("finding")

    assert counts(groups)["sse-c-not-blocked"] == 2
    assert {name: (group.rows, group.unknown) for name, group in groups.found.items() if group.rows} == {
        "sse-c-not-blocked": (2, 1),
        "sse-s3-only": (1, 1),
        "no-default-encryption": (1, 1),
        "bucket-key-off": (1, 1),
        "aws-managed-key": (1, 1),
        "encryption-unreadable": (1, 0),
    }
    assert groups.found["key-disabled"].unknown == 1


def test_a_group_counts_modes_findings_and_what_is_unknown() -> None:
    groups = grouped("region")

    assert groups.found["us-east-1"].as_dict() == {
        "buckets": 2,
        "with_findings": 2,
        "unknown": 0,
        "modes": {"SSE-S3": 1, "SSEConfigNotFound": 1},
        "findings": {"sse-c-not-blocked": 2, "no-default-encryption": 1, "sse-s3-only": 1},
    }
    assert (groups.found["eu-west-1"].troubled, groups.found["eu-west-1"].unknown) == (2, 0)
    assert groups.found["unknown"].unknown == 1


def test_the_modes_that_most_buckets_have_head_the_columns() -> None:
    assert columns_of(grouped("region").found.values(), 2) == ["SSE-KMS", "AccessDenied"]
    assert columns_of([Group()], 2) == []


def test_the_command_offers_what_there_is_to_group_by() -> None:
    (by,) = (each for each in declared.report.params if each.name == "by")

    assert tuple(getattr(by.type, "choices", ())) == CRITERIA
