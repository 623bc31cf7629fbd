"""The way of the sequential boto3 sample script, written anew.

It deliberately keeps what makes the script slow: one bucket after the other, one request at a time; two S3 clients made
for every bucket (one to ask where it is, one for that region), each with a connection of its own; a bare ListBuckets,
so that every bucket has to be located; one DescribeKey for every bucket that uses a key, however many share it.

It does not keep the script's defects, as its rows are checked like everybody's: every bucket has a row of four cells,
read from the right places. It keeps one KMS client for each region.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
import boto3.s3.inject  # which the first S3 client would import: imports are no part of the audit
from botocore.exceptions import ClientError

from benchmarks.contenders import rows
from benchmarks.contenders.assignment import perform

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.contenders.assignment import Assignment

_NAMED_OTHERWISE = {None: "us-east-1", "EU": "eu-west-1"}
"""How GetBucketLocation spells the two oldest regions (s3 model)."""


def audit(assignment: Assignment) -> None:
    """Audit the buckets one by one."""
    rows.write(assignment.output, _rows(assignment))


def _rows(assignment: Assignment) -> Iterator[rows.Row]:
    url = assignment.endpoint_url
    key_services: dict[str, Any] = {}
    listed = boto3.client("s3", endpoint_url=url).list_buckets()["Buckets"]
    for entry in listed[: assignment.first]:
        name = entry["Name"]
        told = boto3.client("s3", endpoint_url=url).get_bucket_location(Bucket=name).get("LocationConstraint")
        region = _NAMED_OTHERWISE.get(told, told)
        found = _default(boto3.client("s3", region_name=region, endpoint_url=url), name)
        if found.key is None:
            yield found.row(name)
            continue
        where = rows.region_of_key(found.key, region)
        if where not in key_services:
            key_services[where] = boto3.client("kms", region_name=where, endpoint_url=url)
        yield found.row(name, _manager(key_services[where], found.key))


def _default(s3: Any, bucket: str) -> rows.Default:  # noqa: ANN401 - SDK clients are made at run time
    try:
        return rows.default_of(s3.get_bucket_encryption(Bucket=bucket))
    except ClientError as error:
        if rows.code_of(error) != rows.NOT_CONFIGURED:
            raise
        return rows.UNCONFIGURED


def _manager(kms: Any, key: str) -> str:  # noqa: ANN401 - as above
    try:
        return str(kms.describe_key(KeyId=key)["KeyMetadata"]["KeyManager"])
    except ClientError as error:
        if rows.code_of(error) != rows.NO_KEY:
            raise
        return rows.KEY_NOT_FOUND


if __name__ == "__main__":
    perform(audit)
