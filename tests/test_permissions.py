from __future__ import annotations

import json
from typing import Any

import pytest

from s3audit_async.errors import UsageError
from s3audit_async.options import Options
from s3audit_async.permissions import iam_policy


def allowed(options: Options, partition: str = "aws") -> dict[str, str | list[str]]:
    """What a policy allows: the resource by action."""
    statements: list[dict[str, Any]] = iam_policy(options, partition=partition)["Statement"]
    assert {statement["Effect"] for statement in statements} == {"Allow"}
    return {action: statement["Resource"] for statement in statements for action in statement["Action"]}


def test_an_audit_of_the_whole_account_may_list_read_and_describe() -> None:
    assert allowed(Options()) == {
        "s3:ListAllMyBuckets": "*",
        "s3:GetEncryptionConfiguration": "arn:aws:s3:::*",
        "kms:DescribeKey": "arn:aws:kms:*:*:key/*",
    }


def test_a_prefix_narrows_what_may_be_read() -> None:
    assert allowed(Options(prefix="logs-")) == {
        "s3:ListAllMyBuckets": "*",
        "s3:GetEncryptionConfiguration": "arn:aws:s3:::logs-*",
        "kms:DescribeKey": "arn:aws:kms:*:*:key/*",
    }


def test_named_buckets_are_located_instead_of_listed() -> None:
    assert allowed(Options(buckets=("one", "two"))) == {
        "s3:GetEncryptionConfiguration": ["arn:aws:s3:::one", "arn:aws:s3:::two"],
        "s3:GetBucketLocation": ["arn:aws:s3:::one", "arn:aws:s3:::two"],
        "kms:DescribeKey": "arn:aws:kms:*:*:key/*",
    }


def test_one_named_bucket_needs_no_list() -> None:
    assert allowed(Options(buckets=("one",)))["s3:GetEncryptionConfiguration"] == "arn:aws:s3:::one"


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov", "aws-eusc", "aws-iso-b"])
def test_every_arn_is_of_the_partition_asked_for(partition: str) -> None:
    assert allowed(Options(), partition) == {
        "s3:ListAllMyBuckets": "*",
        "s3:GetEncryptionConfiguration": f"arn:{partition}:s3:::*",
        "kms:DescribeKey": f"arn:{partition}:kms:*:*:key/*",
    }


@pytest.mark.parametrize("partition", ["", "AWS", "aws:", "aws-", "gcp", "aws\n", "*"])
def test_what_is_no_partition_is_refused(partition: str) -> None:
    with pytest.raises(UsageError, match="not a partition"):
        iam_policy(Options(), partition=partition)


@pytest.mark.parametrize(
    "options",
    [
        Options(),
        Options(include_regions=frozenset({"eu-west-1"})),
        Options(exclude_regions=frozenset({"eu-west-1"})),
        Options(identify=False, max_concurrency=1, max_attempts=1, page_size=10),
    ],
)
def test_options_that_call_for_nothing_more_change_nothing(options: Options) -> None:
    assert iam_policy(options, partition="aws") == iam_policy(Options(), partition="aws")


@pytest.mark.parametrize("options", [Options(), Options(prefix="x"), Options(buckets=("one", "two"))])
def test_the_document_is_a_policy_that_only_reads(options: Options) -> None:
    policy = json.loads(json.dumps(iam_policy(options, partition="aws")))
    verbs = {action.split(":")[1][:4] for statement in policy["Statement"] for action in statement["Action"]}
    sids = [statement["Sid"] for statement in policy["Statement"]]

    assert policy["Version"] == "2012-10-17"
    assert verbs <= {"List", "GetE", "GetB", "Desc"}
    assert len(sids) == len(set(sids))
    assert all(sid.isalnum() for sid in sids)
