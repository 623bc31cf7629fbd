"""What the SDK's answers say in the report, for the contenders that have to work it out themselves.

They share it, so that they differ in how they ask and in nothing else. s3audit has its own way and uses none of this.
"""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

HEADER = ("Bucket Name", "Default Encryption Mode", "SSE-KMS Key Type", "Bucket Key")
NOT_CONFIGURED = "ServerSideEncryptionConfigurationNotFoundError"
"""The code of S3's answer for a bucket without a configuration."""
NO_KEY = "NotFoundException"
"""The code of KMS's answer for a key that does not exist."""
KEY_NOT_FOUND = "KeyNotFound"

_KMS = frozenset({"aws:kms", "aws:kms:dsse"})
_PREDEFINED = "alias/aws/"


class Row(NamedTuple):
    """A line of the report."""

    bucket: str
    mode: str
    key_type: str
    bucket_key: str


class Default(NamedTuple):
    """A bucket's default encryption. `key` is the reference that KMS has to be asked about, None for none."""

    mode: str
    key_type: str
    bucket_key: str
    key: str | None = None

    def row(self, bucket: str, key_type: str | None = None) -> Row:
        """Make the bucket's row, with KMS's word on the key where it was asked."""
        return Row(bucket, self.mode, key_type or self.key_type, self.bucket_key)


UNCONFIGURED = Default("SSEConfigNotFound", "N/A", "")


def default_of(answer: Mapping[str, Any]) -> Default:
    """Read an answer of GetBucketEncryption."""
    for rule in answer["ServerSideEncryptionConfiguration"].get("Rules", ()):
        applied = rule.get("ApplyServerSideEncryptionByDefault", {})
        algorithm = applied.get("SSEAlgorithm")
        if algorithm is None:
            continue
        bucket_key = str(rule.get("BucketKeyEnabled", ""))
        if algorithm not in _KMS:
            return Default(algorithm, "N/A", bucket_key)
        key = applied.get("KMSMasterKeyID", "alias/aws/s3")
        if key.startswith(_PREDEFINED) or f":{_PREDEFINED}" in key:
            return Default(key, "AWS", bucket_key)  # asking KMS about a predefined alias can create the key
        return Default(key, "", bucket_key, key)
    return UNCONFIGURED


def region_of_key(reference: str, bucket_region: str) -> str:
    """Tell where to ask for a key: in the region its ARN names, else in the bucket's."""
    return reference.split(":")[3] if reference.startswith("arn:") else bucket_region


def code_of(error: Any) -> str:  # noqa: ANN401 - botocore's ClientError, which has no types
    """Give the AWS code of an SDK error."""
    return str(error.response["Error"]["Code"])


def write(path: Path, rows: Iterable[Row]) -> None:
    """Write the report."""
    with path.open("x", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        writer.writerows(rows)
