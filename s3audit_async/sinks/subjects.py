"""What a finding in an exported report is about: the bucket's ARN, partition and region, and the finding's identity."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from s3audit_async.model import skip_key
from s3audit_async.references import bucket_arn, is_region, partition_of
from s3audit_async.sinks.columns import WIDE

if TYPE_CHECKING:
    from s3audit_async.model import Row
    from s3audit_async.sinks.columns import Value

DEFAULT_PARTITION = "aws"
LONGEST_ID = 512
"""Characters of an identity (Security Hub, AwsSecurityFinding.Id)."""

_HOME = {"aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1"}
_OF_KEY = re.compile(r"arn:(?P<partition>aws[a-z0-9-]{0,32}):kms:")
_DIGEST = 32


@dataclass(frozen=True, slots=True)
class Subject:
    """Where a bucket is. `region` is None where nobody has said."""

    partition: str
    region: str | None
    arn: str

    @property
    def home(self) -> str:
        """The bucket's region, or where its partition lists buckets."""
        named = self.region or ""
        return named if is_region(named) else _HOME.get(self.partition, "us-east-1")


def subject_of(row: Row) -> Subject:
    """Tell where a row's bucket is. The region tells the partition; else the ARN of a key in the same region."""
    partition = partition_of(row.region)
    if partition is None and row.key_arn and row.key_region == row.region:
        match = _OF_KEY.match(row.key_arn)
        partition = match["partition"] if match else None
    partition = partition or DEFAULT_PARTITION
    arn = bucket_arn(row.kind, row.bucket, partition=partition, region=row.region, account=row.account)
    return Subject(partition, row.region, encodable(arn))


def identity(row: Row, finding: str) -> str:
    """Name a finding in a bucket, the same in each report, so that whoever imports it meets it again."""
    subject = subject_of(row)
    bucket = skip_key(row.kind, row.region, row.bucket)
    name = encodable("/".join(("s3audit", subject.partition, row.account or "-", bucket, finding)))
    if len(name) <= LONGEST_ID:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:_DIGEST]
    return f"{name[: LONGEST_ID - _DIGEST - 1]}/{digest}"


def fields_of(row: Row) -> dict[str, Value]:
    """Give what the report knows of a row, by the names that JSON Lines uses; without what is unknown."""
    found: dict[str, Value] = {}
    for column in WIDE:
        value = column.value(row)
        if value is not None:
            found[column.name] = encodable(value) if isinstance(value, str) else value
    return found


def encodable(text: str) -> str:
    """Put a question mark for what UTF-8 has no form for."""
    return text.encode("utf-8", "replace").decode()


def clipped(text: str, longest: int) -> str:
    """Cut a text that is longer than whoever reads it takes."""
    text = encodable(text)
    return text if len(text) <= longest else text[: longest - 1] + "…"
