"""The least that s3audit needs to be allowed, as an IAM policy."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from s3audit_async.errors import UsageError

if TYPE_CHECKING:
    from s3audit_async.options import Options

_PARTITION = re.compile(r"aws(-[a-z0-9]+)*")


def iam_policy(options: Options, *, partition: str) -> dict[str, Any]:
    """Give the policy document for what the options choose. Raises `UsageError` for what is not a partition's name.

    HeadBucket, the last way to find a bucket's region, needs none: the header comes with refusals too (botocore model
    of s3, HeadBucket). Neither does sts:GetCallerIdentity.
    """
    if not _PARTITION.fullmatch(partition):
        raise UsageError(f"not a partition: {partition!r}", hint="such as aws, aws-cn or aws-us-gov")
    names = options.buckets or (f"{options.prefix or ''}*",)
    buckets = [f"arn:{partition}:s3:::{name}" for name in names]
    read = ["s3:GetEncryptionConfiguration"]
    statements = []
    if options.buckets:
        read.append("s3:GetBucketLocation")  # nothing else says where a bucket is that was not listed
    else:
        statements.append(_allow("ListBuckets", ["s3:ListAllMyBuckets"], "*"))
    statements.append(_allow("ReadDefaultEncryption", read, buckets[0] if len(buckets) == 1 else buckets))
    statements.append(_allow("DescribeTheirKeys", ["kms:DescribeKey"], f"arn:{partition}:kms:*:*:key/*"))
    return {"Version": "2012-10-17", "Statement": statements}


def _allow(sid: str, actions: list[str], resource: str | list[str]) -> dict[str, Any]:
    return {"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resource}
