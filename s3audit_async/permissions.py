"""The least that s3audit needs to be allowed, as an IAM policy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from s3audit_async.model import Kind
from s3audit_async.names import check_partition
from s3audit_async.options import GENERAL_ONLY
from s3audit_async.references import DIRECTORY_SUFFIX, bucket_arn, is_directory_bucket

if TYPE_CHECKING:
    from collections.abc import Iterator

    from s3audit_async.options import Options

_LIST = {
    Kind.GENERAL: ("ListBuckets", "s3:ListAllMyBuckets"),
    Kind.DIRECTORY: ("ListDirectoryBuckets", "s3express:ListAllMyDirectoryBuckets"),
    Kind.TABLE: ("ListTableBuckets", "s3tables:ListTableBuckets"),
    Kind.VECTOR: ("ListVectorBuckets", "s3vectors:ListVectorBuckets"),
}
_READ = {
    Kind.GENERAL: ("ReadDefaultEncryption", "s3:GetEncryptionConfiguration"),
    Kind.DIRECTORY: ("ReadDirectoryBuckets", "s3express:GetEncryptionConfiguration"),
    Kind.TABLE: ("ReadTableBuckets", "s3tables:GetTableBucketEncryption"),
    Kind.VECTOR: ("ReadVectorBuckets", "s3vectors:GetVectorBucket"),
}


def iam_policy(options: Options, *, partition: str) -> dict[str, Any]:
    """Give the policy document for what the options choose. Raises `UsageError` for what is not a partition's name.

    HeadBucket, the last way to find a bucket's region, needs none: the header comes with refusals too (botocore model
    of s3, HeadBucket). Neither does sts:GetCallerIdentity. Listings take no resource (Service Authorization Reference).
    """
    check_partition(partition)
    statements = list(_named(options, partition) if options.buckets else _listed(options, partition))
    statements.append(_allow("DescribeTheirKeys", ["kms:DescribeKey"], [f"arn:{partition}:kms:*:*:key/*"]))
    return {"Version": "2012-10-17", "Statement": statements}


def _listed(options: Options, partition: str) -> Iterator[dict[str, Any]]:
    if options.kinds - GENERAL_ONLY and not options.include_regions:
        yield _allow("ListEnabledRegions", ["account:ListRegions"], [f"arn:{partition}:account::*:account"])
    for kind in Kind:
        if kind in options.kinds:
            name = f"{options.prefix or ''}*{DIRECTORY_SUFFIX if kind is Kind.DIRECTORY else ''}"
            sid, action = _LIST[kind]
            yield _allow(sid, [action], ["*"])
            yield _read(kind, [name], partition)


def _named(options: Options, partition: str) -> Iterator[dict[str, Any]]:
    """Allow to read what was named; nothing else than GetBucketLocation says where a bucket is that was not listed."""
    directory = [name for name in options.buckets if is_directory_bucket(name)]
    general = [name for name in options.buckets if not is_directory_bucket(name)]
    if general:
        yield _read(Kind.GENERAL, general, partition, "s3:GetBucketLocation")
    if directory:
        yield _read(Kind.DIRECTORY, directory, partition)


def _read(kind: Kind, names: list[str], partition: str, *more: str) -> dict[str, Any]:
    sid, action = _READ[kind]
    arns = [bucket_arn(kind, name, partition=partition, region="*", account="*") for name in names]
    return _allow(sid, [action, *more], arns)


def _allow(sid: str, actions: list[str], resources: list[str]) -> dict[str, Any]:
    return {
        "Sid": sid,
        "Effect": "Allow",
        "Action": actions,
        "Resource": resources[0] if len(resources) == 1 else resources,
    }
